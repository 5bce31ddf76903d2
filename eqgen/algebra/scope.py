"""From surface expressions to typed ones: names, operations and shapes are resolved in a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import (
    SCALAR,
    Constant,
    Derivative,
    Dim,
    Invoke,
    Node,
    Shape,
    Symbol,
    apply,
    constant,
    shape_text,
    size,
)
from eqgen.algebra.hints import did_you_mean, folded, shape_hint
from eqgen.algebra.indices import require_index
from eqgen.algebra.inline import formals
from eqgen.algebra.operations import TABLE, ShapeMismatch
from eqgen.language.diagnostics import Diagnostic
from eqgen.language.model import Call, Expression, Lambda, Name, Number, Span

OPERATORS = {
    "+": "add",
    "-": "subtract",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
}
POWERS = {Fraction(2): "square", Fraction(-1): "reciprocal", Fraction(1, 2): "sqrt", Fraction(-1, 2): "inv_sqrt"}
SPECIAL = ("apply", "jacobian", "gradient")


class Abandoned(Exception):
    """The statement cannot be typed; the diagnostic is recorded already (or an earlier one explains it)."""


@dataclass
class Scope:
    """What names mean at a point of a definition.

    symbols      matrices and numbers by name
    indices      for matrices that are declared `index(V)`: what their entries stay below
    sizes        names of sizes; with `open_sizes` any new name in a shape becomes one
    activations  header parameters that are activations
    lookup       finds a function or activation definition by name
    hidden       matrices that a lambda's body may not read
    poisoned     names whose own equation failed: statements that read them are skipped without a second message
    entrywise    operators act on entries (bodies of activations, lambdas, optimizers, schedulers)
    index        inside `for each row i`: ("row", "i")
    """

    report: Callable[[Diagnostic], None]
    lookup: Callable[[str, Span], TypedDefinition | None]
    known_functions: Callable[[], Iterable[str]]
    symbols: dict[str, Node] = field(default_factory=dict)
    indices: dict[str, Dim] = field(default_factory=dict)
    sizes: dict[str, None] = field(default_factory=dict)
    activations: tuple[str, ...] = ()
    poisoned: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    """Matrices outside a lambda: its body speaks of scalars only."""
    entrywise: bool = False
    open_sizes: bool = False
    index: tuple[str, str] | None = None
    recursion: tuple[str, str] | None = None
    """A function with its argument that has a value here: `eta(i)` of a scheduler, `f(x)` in the derivative of f."""
    value: Node | None = None
    """That value, where it has no name of its own."""

    def fail(self, code: str, message: str, span: Span, expected: str = "", hint: str = "") -> Abandoned:
        self.report(Diagnostic(code, message, span, expected, hint))
        return Abandoned()

    # --- shapes and sizes ---------------------------------------------------------------------------

    def dim(self, expression: Expression) -> Dim:
        """A size: its name or a positive integer."""
        if isinstance(expression, Number):
            if expression.value.denominator == 1 and 0 < expression.value <= 10**9:
                return int(expression.value)
            raise self.fail(
                "E107",
                f"`{expression.span.text}` is not a size",
                expression.span,
                "a positive integer or the name of a size",
            )
        if isinstance(expression, Name):
            if expression.name in self.sizes:
                return expression.name
            if self.open_sizes and expression.name not in self.symbols:
                self.sizes[expression.name] = None
                return expression.name
            raise self.fail(
                "E107",
                f"`{expression.name}` is not a size",
                expression.span,
                f"one of {', '.join(self.sizes)}" if self.sizes else "a size that is declared in `dims`",
                did_you_mean(expression.name, self.sizes)
                or f"declare it: `dims {', '.join([*self.sizes, expression.name])}`",
            )
        raise self.fail("E107", "this is not a size", expression.span, "the name of a size or a positive integer")

    def shape(self, pair: tuple[Expression, Expression]) -> Shape:
        return (self.dim(pair[0]), self.dim(pair[1]))

    # --- expressions --------------------------------------------------------------------------------

    def typed(self, expression: Expression) -> Node:
        """The typed form. Raises Abandoned after reporting what is wrong."""
        if isinstance(expression, Number):
            return constant(expression.value, expression.span)
        if isinstance(expression, Name):
            return self._name(expression)
        if isinstance(expression, Call):
            return self._call(expression)
        raise self.fail(
            "E203",
            "a function of scalars stands here",
            expression.span,
            "a matrix",
            "lambdas are the first operand of `apply`",
        )

    def scalar(self, expression: Expression) -> Node:
        node = self.typed(expression)
        if not node.is_scalar:
            raise self.fail(
                "E205",
                f"`{expression.span.text}` has shape {shape_text(node.shape)}",
                expression.span,
                "a scalar (1 x 1)",
            )
        return node

    def _name(self, expression: Name) -> Node:
        name = expression.name
        if name in self.symbols:
            return replace(self.symbols[name], span=expression.span)
        if name in self.poisoned:
            raise Abandoned
        if self.index is not None and (line := self._line(expression)) is not None:
            return line
        if name in self.sizes:
            return size(name, expression.span)
        if name in self.hidden:
            raise self.fail(
                "E206",
                f"`{name}` is a matrix inside a function of scalars",
                expression.span,
                "the parameters, numbers and sizes",
                f"make it a parameter: `apply((x, y) -> ..., X, {name})`",
            )
        if name.endswith("'"):
            raise self.fail(
                "E108",
                f"`{name}` has no new value here",
                expression.span,
                "a name that an equation above updates",
                did_you_mean(name, self.symbols),
            )
        raise self.fail(
            "E101",
            f"unknown name `{name}`",
            expression.span,
            "a declared name or one assigned above",
            did_you_mean(name, [*self.symbols, *self.sizes]),
        )

    def _line(self, expression: Name) -> Node | None:
        """`x_i` inside `for each row i`: row i of X."""
        assert self.index is not None
        kind, letter = self.index
        stem, _, suffix = expression.name.rpartition("_")
        if suffix != letter or not stem:
            return None
        for candidate in (stem, stem.upper(), stem.capitalize()):
            if candidate in self.symbols:
                return apply(kind, self.symbols[candidate], sizes=(letter,), span=expression.span)
        return None

    def _call(self, call: Call) -> Node:
        name = call.function
        if name in ("*", "/", "^", "neg", ".T") or name in OPERATORS:
            return self._operator(call)
        if name == "apply":
            return self._apply(call)
        if name in ("jacobian", "gradient"):
            return self._derivative(call)
        base, derivative = (name[:-1], True) if name.endswith("'") else (name, False)
        if self.recursion is not None and name == self.recursion[0]:
            return self._current_value(call)
        if base in self.activations:
            self._count(call, 1)
            operand = self.typed(call.arguments[0])
            return Invoke(operand.shape, base, (operand,), derivative, span=call.span)
        if base in self.symbols:
            raise self.fail(
                "E105",
                f"`{base}` is a matrix, not a function",
                call.function_span,
                hint=f"a product is written `{base} * (...)`",
            )
        definition = self.lookup(base, call.function_span)
        if definition is not None and (definition.kind == "activation" or not derivative):
            return self._invoke(call, definition, derivative)
        if base in TABLE:
            return self._table(call, base, derivative)
        raise self.fail(
            "E105",
            f"unknown function `{name}`",
            call.function_span,
            "an operation of the table, a function or an activation",
            did_you_mean(base, [*TABLE, *self.known_functions(), *self.activations, *SPECIAL]),
        )

    def _count(self, call: Call, *counts: int) -> None:
        if len(call.arguments) not in counts:
            wanted = " or ".join(str(c) for c in counts)
            raise self.fail("E106", f"`{call.function}` has {len(call.arguments)} operands", call.span, f"{wanted}")

    def _checked(self, op: str, args: tuple[Node, ...], sizes: tuple[Dim, ...], call: Call) -> Node:
        try:
            return apply(op, *args, sizes=sizes, span=call.span)
        except ShapeMismatch as mismatch:
            at = (
                call.arguments[mismatch.argument].span
                if mismatch.argument is not None and mismatch.argument < len(call.arguments)
                else call.span
            )
            message = (
                f"in `{call.span.text}`: {mismatch}"
                if len(call.span.text) <= 60 and "\n" not in call.span.text
                else str(mismatch)
            )
            raise self.fail(mismatch.code, message, at, mismatch.expected, shape_hint(args, call)) from None

    def _equal_shapes(self, args: tuple[Node, ...], call: Call) -> None:
        """Outside entrywise contexts no operand is spread over another."""
        if self.entrywise or len({a.shape for a in args}) <= 1:
            return
        wide = next(a.shape for a in args if not a.is_scalar)
        for argument, node in zip(call.arguments, args, strict=True):
            if node.is_scalar:
                inner = call.function if call.function not in ("+", "-") else ""
                hint = (
                    f"write `{argument.span.text} * ones({wide[0]}, {wide[1]})`"
                    if not inner
                    else f"write it for scalars: `apply(x -> {inner}(...), ...)`"
                )
                raise self.fail(
                    "E206",
                    f"a scalar and a {shape_text(wide)} matrix in `{call.function}`",
                    argument.span,
                    f"shape {shape_text(wide)}",
                    hint,
                )

    def _operator(self, call: Call) -> Node:
        name = call.function
        args = tuple(self.typed(a) for a in call.arguments)
        literal = folded(name, args, call)
        if literal is not None:
            return literal
        if name == ".T":
            return args[0] if self.entrywise else apply("transpose", args[0], span=call.span)
        if name == "neg":
            return apply("negate", args[0], span=call.span)
        if name == "*":
            return self._product(args, call)
        if name == "/":
            return self._quotient(args, call)
        if name == "^":
            return self._power(args, call)
        op = OPERATORS[name]
        if {a.shape for a in args} != {args[0].shape} and any(a.is_scalar for a in args):
            self._equal_shapes(args, call)
        return self._checked(op, args, (), call)

    def _product(self, args: tuple[Node, ...], call: Call) -> Node:
        left, right = args
        if left.is_scalar:
            return apply("scale", left, right, span=call.span)
        if right.is_scalar:
            return apply("scale", right, left, span=call.span)
        return self._checked("hadamard" if self.entrywise else "matmul", args, (), call)

    def _quotient(self, args: tuple[Node, ...], call: Call) -> Node:
        left, right = args
        if not self.entrywise and not right.is_scalar:
            text = call.arguments[1].span.text
            hint = (
                f"write `reciprocal({text})`"
                if isinstance(left, Constant)
                else f"write `hadamard({call.arguments[0].span.text}, reciprocal({text}))`"
            )
            raise self.fail(
                "E205",
                f"division by a {shape_text(right.shape)} matrix",
                call.arguments[1].span,
                "a scalar or a size",
                hint,
            )
        return self._checked("divide", args, (), call)

    def _power(self, args: tuple[Node, ...], call: Call) -> Node:
        base, exponent = args
        if not exponent.is_scalar and not self.entrywise:
            raise self.fail("E205", "the exponent is a matrix", call.arguments[1].span, "a number")
        if isinstance(exponent, Constant):
            if exponent.value == 1:
                return base
            if exponent.value in POWERS:
                return apply(POWERS[exponent.value], base, span=call.span)
        return self._checked("power", (base, exponent), (), call)

    def _apply(self, call: Call) -> Node:
        if not call.arguments:
            raise self.fail("E106", "`apply` has no operands", call.span, "a function and a matrix")
        function, *rest = call.arguments
        if isinstance(function, Name):
            return self._call(Call(call.span, function.name, tuple(rest), function.span))
        if isinstance(function, Call):
            return self._call(Call(call.span, function.function, (*rest, *function.arguments), function.function_span))
        if not isinstance(function, Lambda):
            raise self.fail(
                "E105", "this is not a function", function.span, "a name or a lambda such as `x -> max(x, 0)`"
            )
        if len(rest) != len(function.parameters):
            raise self.fail(
                "E106",
                f"the function has {len(function.parameters)} parameters and {len(rest)} operands follow",
                call.span,
            )
        args = [self.typed(a) for a in rest]
        for node, argument in zip(args, rest, strict=True):
            if node.shape != args[0].shape:
                raise self.fail(
                    "E203",
                    f"this operand has shape {shape_text(node.shape)}",
                    argument.span,
                    f"shape {shape_text(args[0].shape)}, like the first",
                )
        outer = {name: node for name, node in self.symbols.items() if node.is_scalar}
        bound = dict(zip(function.parameters, args, strict=True))
        hidden = {name for name in self.symbols if name not in outer} - set(bound)
        inner = replace(self, symbols={**outer, **bound}, hidden=hidden, entrywise=True)
        body = inner.typed(function.body)
        if body.shape != args[0].shape:
            body = apply("scale", body, apply("ones", sizes=args[0].shape), span=call.span)
        return body

    def _derivative(self, call: Call) -> Node:
        self._count(call, 2)
        of, wrt = self.typed(call.arguments[0]), self.typed(call.arguments[1])
        if not isinstance(wrt, Symbol):
            raise self.fail(
                "E203", "the derivative is taken with respect to a name", call.arguments[1].span, "a declared variable"
            )
        if call.function == "gradient":
            if not of.is_scalar:
                raise self.fail(
                    "E205",
                    f"the gradient is of a {shape_text(of.shape)} matrix",
                    call.arguments[0].span,
                    "a scalar",
                    "use `jacobian` for a vector",
                )
            return Derivative(wrt.shape, "gradient", of, wrt, span=call.span)
        for node, argument in ((of, call.arguments[0]), (wrt, call.arguments[1])):
            if 1 not in node.shape:
                raise self.fail("E203", f"this has shape {shape_text(node.shape)}", argument.span, "a vector")
        rows, columns = (n.shape[1] if n.shape[0] == 1 else n.shape[0] for n in (of, wrt))
        return Derivative((rows, columns), "jacobian", of, wrt, span=call.span)

    def _current_value(self, call: Call) -> Node:
        assert self.recursion is not None
        name, step = self.recursion
        if len(call.arguments) == 1 and isinstance(call.arguments[0], Name) and call.arguments[0].name == step:
            return Symbol(SCALAR, name, span=call.span) if self.value is None else replace(self.value, span=call.span)
        raise self.fail("E203", f"`{name}` is used at another step", call.span, f"`{name}({step})`, the current value")

    def _invoke(self, call: Call, definition: TypedDefinition, derivative: bool) -> Node:
        inputs = list(definition.with_role("input"))
        least = len(inputs) + sum(1 for n in definition.numbers if n.default is None)
        self._count(call, *range(least, len(inputs) + len(definition.numbers) + 1))
        args = [self.typed(a) for a in call.arguments]
        dims: dict[str, Dim] = {}
        for formal, node, argument in zip(inputs, args, call.arguments, strict=False):
            for symbolic, dim in zip(formal.shape, node.shape, strict=True):
                wanted = dims.setdefault(symbolic, dim) if isinstance(symbolic, str) else symbolic
                if wanted != dim:
                    raise self.fail(
                        "E203",
                        f"`{formal.name}` of `{call.function}` has shape {shape_text(node.shape)}",
                        argument.span,
                        shape_text(
                            (
                                dims.get(str(formal.shape[0]), formal.shape[0]),
                                dims.get(str(formal.shape[1]), formal.shape[1]),
                            )
                        ),
                    )
        for node, argument in zip(args[len(inputs) :], call.arguments[len(inputs) :], strict=True):
            if not node.is_scalar:
                raise self.fail("E205", f"this has shape {shape_text(node.shape)}", argument.span, "a number")
        for number in definition.numbers[len(args) - len(inputs) :]:
            assert number.default is not None
            args.append(constant(number.default))
        assert len(args) == len(formals(definition))
        if definition.kind == "activation":
            result = args[0].shape
        else:
            shape = definition.block("body")[-1].shape
            result = (dims.get(str(shape[0]), shape[0]), dims.get(str(shape[1]), shape[1]))
        return Invoke(result, call.function.rstrip("'"), tuple(args), derivative, span=call.span)

    def _table(self, call: Call, name: str, derivative: bool) -> Node:
        row = TABLE[name]
        if name in ("row", "column"):
            raise self.fail(
                "E105", f"`{name}` is for proofs only", call.function_span, hint="write `for each row i` and `x_i`"
            )
        self._count(call, *(row.arity + n for n in row.size_counts))
        args = tuple(self.typed(a) for a in call.arguments[: row.arity])
        sizes = tuple(self.dim(a) for a in call.arguments[row.arity :])
        if derivative:
            if row.partials is None or row.arity != 1 or row.partials(*args)[0] is None:
                raise self.fail("E108", f"`{name}` has no derivative as a function of one scalar", call.function_span)
            slope = row.partials(*args)[0]
            assert slope is not None
            return slope if slope.shape == args[0].shape else apply("scale", slope, apply("ones", sizes=args[0].shape))
        if row.entrywise and name not in ("scale", "divide", "power"):
            self._equal_shapes(args, call)
        node = self._checked(name, args, sizes, call)
        if row.index is not None:
            below = row.index_below(tuple(a.shape for a in args), sizes)
            require_index(self, args[row.index], call.arguments[row.index], below)
        return node
