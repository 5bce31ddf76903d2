"""Derived equations as text of the language, ready to be pasted where they are missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from eqgen.algebra.accumulation import DerivationStep
from eqgen.algebra.bindings import LIFTED
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.derivation import Derivation, derive_layer, derive_loss, with_gradients
from eqgen.algebra.expressions import Apply, Node, Symbol, apply, operation_count, rewrite
from eqgen.algebra.inline import inline
from eqgen.algebra.notation import ENTRYWISE, Level, NotationPrinter, Printer, language, notation
from eqgen.algebra.slopes import shortened, slope
from eqgen.algebra.tidying import known
from eqgen.algebra.verdict import EquationResult
from eqgen.language import format_source, parse
from eqgen.language.model import Block, Call, Equation, Name, Span, Statement

DERIVABLE = ("layer", "activation", "loss")
VALUE = Symbol(LIFTED, "f(x)")
"""What an activation's own value is called in its derivative."""
WRITTEN = {"layer": "backward", "activation": "derivative", "loss": "gradient"}
"""The block of a typed definition that holds the equations that are derived."""


@dataclass(frozen=True)
class DerivedEquations:
    """What `eqgen derive` shows of a layer, an activation or a loss."""

    definition: TypedDefinition
    module: Module
    derivation: Derivation

    @cached_property
    def typed(self) -> TypedDefinition:
        """The definition with these equations in the place of its own."""
        if self.definition.kind == "activation":
            return _with_derivative(self.definition, self.derivation)
        return with_gradients(self.definition, self.derivation, WRITTEN[self.definition.kind])

    def check(self) -> list[EquationResult]:
        """The prover's verdict on each equation."""
        from eqgen.algebra.prover import prove_definition

        targets = {target for target, _ in self.derivation.equations}
        return [r for r in prove_definition(self.typed, self.module) if r.target in targets]

    def latex(self) -> str:
        """The equations as a LaTeX `aligned` environment."""
        from eqgen.algebra.presentation import latex

        block = WRITTEN[self.definition.kind]
        return latex(replace(self.typed, blocks={block: self.typed.block(block)}), self.module)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @property
    def equations(self) -> dict[str, str]:
        """Target -> right side, in order."""
        return {target: self._right(value) for target, value in self.derivation.equations}

    @property
    def steps(self) -> tuple[DerivationStep, ...]:
        return self.derivation.steps

    @property
    def operations(self) -> int:
        return self.derivation.operations

    @property
    def written_operations(self) -> int | None:
        """Operations of the equations that the definition gives; None where it gives none."""
        targets = {target for target, _ in self.derivation.equations}
        if not any(_is_derived(s, targets) for s in self.definition.source.statements):
            return None
        return sum(operation_count(a.value) for a in self.definition.block(WRITTEN[self.definition.kind]))

    @property
    def text(self) -> str:
        """The equations as lines of the language, indented as in the definition."""
        return pasted(self.definition, self.equations)[1]

    @property
    def definition_text(self) -> str:
        """The whole definition with these equations in the place of its own."""
        return pasted(self.definition, self.equations)[0]

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.definition.name,
            "kind": self.definition.kind,
            "file": self.definition.span.source.name,
            "equations": [{"target": target, "value": value} for target, value in self.equations.items()],
            "operations": self.operations,
            "written_operations": self.written_operations,
            "text": self.text,
            "steps": [
                {"target": s.target, "relation": s.relation, "value": self._right(s.value), "rule": s.rule}
                for s in self.steps
            ],
        }

    def step_lines(self) -> list[str]:
        """Every step, its rule above the equation that it gives."""
        return [line for s in self.steps for line in (s.rule, f"    {s.target} {s.relation} {self._right(s.value)}")]

    def __str__(self) -> str:
        return self.text

    def _right(self, value: Node) -> str:
        return scalar_notation(value) if self.definition.kind == "activation" else notation(value)


def derive(definition: TypedDefinition, module: Module) -> DerivedEquations:
    """The backward equations of a layer, the derivative of an activation, or the gradient of a loss.

    Raises ValueError for another kind of definition, and where something on the way has no gradient.
    """
    match definition.kind:
        case "layer":
            return DerivedEquations(definition, module, derive_layer(definition, module))
        case "loss":
            return DerivedEquations(definition, module, derive_loss(definition, module))
        case "activation":
            return DerivedEquations(definition, module, derive_activation(definition, module))
    raise ValueError(f"nothing is derived for {definition.kind} {definition.name}, only for a {', '.join(DERIVABLE)}")


def derive_activation(definition: TypedDefinition, module: Module) -> Derivation:
    """The derivative of an activation, in which the value of the activation itself is written f(x)."""
    steps: list[DerivationStep] = []

    def told(node: Node, derivative: Node) -> None:
        assert isinstance(node, Apply)
        steps.append(DerivationStep(f"({scalar_notation(node)})'", derivative, f"derivative of {node.op}"))

    value = inline(definition.block("f")[0].value, module)
    plain = _plain(slope(value, "x", module, told))
    rule = "put together" if steps and steps[-1].value == plain else "common factors taken out"
    steps.append(DerivationStep("f'(x)", plain, rule))
    name = VALUE
    product = known(name, value)
    short = rewrite(plain, lambda n: name if n == value else n)
    short = _plain(shortened(short, () if product is None else (product,)))
    if short != plain:
        steps.append(DerivationStep("f'(x)", short, f"known: f(x) = {scalar_notation(value)}"))
    return Derivation((("f'", short),), tuple(steps))


def _with_derivative(definition: TypedDefinition, derivation: Derivation) -> TypedDefinition:
    ((_, value),) = derivation.equations
    f = definition.block("f")[0]
    value = rewrite(value, lambda n: f.value if n == VALUE else n)
    if value.shape != LIFTED:
        value = apply("scale", value, apply("ones", sizes=LIFTED))
    derivative = replace(f, target="f'", value=value, text=f"f'(x) = {scalar_notation(value)}")
    return replace(definition, blocks={**definition.blocks, "derivative": (derivative,)})


def _plain(node: Node) -> Node:
    """A number instead of a matrix that is full of it."""
    if isinstance(node, Apply) and node.op == "scale" and isinstance(node.args[1], Apply) and node.args[1].op == "ones":
        return node.args[0]
    return node


def scalar_notation(node: Node) -> str:
    """A function of scalars in the language's canonical spelling."""
    return _ScalarText({**language(), **ENTRYWISE})(_plain(node))


class _ScalarText(NotationPrinter):
    """Every operation acts on numbers, so that none has to be applied."""

    def _apply(self, node: Apply) -> tuple[str, Level]:
        return Printer._apply(self, node)


# --- pasting ---------------------------------------------------------------------------------------------


def pasted(definition: TypedDefinition, equations: dict[str, str]) -> tuple[str, str]:
    """The text of a definition with these equations in the place of its own, formatted; and their lines in it."""
    source = definition.source
    own = [s for s in source.statements if _is_derived(s, set(equations))]
    above = own[0] if own else next(s for s in source.statements if _target(s) in ("forward", "f", "L"))
    rows = source.span.source.text.split("\n")
    first, last = source.span.line - 1, _last_line(source.span)
    indent = rows[above.span.line - 1][: above.span.column - 1]
    if source.kind == "layer":
        new = [f"{indent}backward", *(f"{indent}    {target} = {value}" for target, value in equations.items())]
    else:
        argument = "(x)" if source.kind == "activation" else ""
        new = [f"{indent}{target}{argument} = {value}" for target, value in equations.items()]
    removed = {row for s in own for row in range(s.span.line - 1, _last_line(s.span))}
    place = above.span.line - 1 if own else _last_line(above.span)
    kept = [rows[row] for row in range(first, place) if row not in removed]
    kept += new + [rows[row] for row in range(place, last) if row not in removed]
    text = format_source("\n".join(kept) + "\n", source.span.source.name)
    return text, _derived_lines(text, set(equations))


def _derived_lines(text: str, targets: set[str]) -> str:
    (definition,) = parse(text).definitions
    rows = text.split("\n")
    spans = [s.span for s in definition.statements if _is_derived(s, targets)]
    return "\n".join(row for span in spans for row in rows[span.line - 1 : _last_line(span)])


def _is_derived(s: Statement, targets: set[str]) -> bool:
    return _target(s) == "backward" or (isinstance(s, Equation) and _target(s) in targets)


def _target(s: Statement) -> str:
    """The name that an equation defines, or the kind of a block."""
    if isinstance(s, Block):
        return s.kind
    if isinstance(s, Equation) and isinstance(s.target, Name):
        return s.target.name
    return s.target.function if isinstance(s, Equation) and isinstance(s.target, Call) else ""


def _last_line(span: Span) -> int:
    """The line on which a span ends, counted from one."""
    return span.source.position(max(span.start, span.end - 1))[0]
