"""Three-address form: a function as a list of instructions, one operation each, over named values.

Calls of the library's functions are replaced by their bodies; a product that is added to something becomes one
accumulating product, `alpha A B + beta C`; what occurs twice is computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import (
    Apply,
    Constant,
    Invoke,
    Node,
    Shape,
    Symbol,
    apply,
    children,
    constant,
    substitute,
)
from eqgen.algebra.inline import body, formals, instantiate, instantiate_step
from eqgen.algebra.operations import TABLE
from eqgen.optimize.linear import negative, terms, total
from eqgen.optimize.lower import COMPARISONS, is_host
from eqgen.optimize.program import Function, Step

VIEWS = frozenset({"transpose", "column_repeat", "row_repeat", "diag", "row", "column"})
"""Operations whose result is another look at the memory of their operand."""
GEMM, ADD_SCALED, COPY = "gemm", "add_scaled", "copy"
"""Instructions beyond the table: alpha A B + beta C; X + c Y; the entries of a view."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """`target = value`, where the operands of `value` are names, views of names, and numbers.

    named   whether the equations call the target so; else it is a temporary
    mask    whether the value is a matrix of truth values
    step    the step that it begins, whose equation is shown above it
    """

    target: str
    value: Node
    named: bool = False
    mask: bool = False
    step: Step | None = None

    @property
    def shape(self) -> Shape:
        return self.value.shape


def instructions(function: Function, module: Module, scaled_sums: bool = False) -> tuple[Instruction, ...]:
    """The function in three-address form. Results are named like those of the function.

    scaled_sums   whether X + c Y is one operation in the target
    """
    return _Linearizer(function, module, scaled_sums).run()


class _Linearizer:
    def __init__(self, function: Function, module: Module, scaled_sums: bool) -> None:
        self.function = function
        self.module = module
        self.scaled_sums = scaled_sums
        self.numbers = [a.name for a in function.arguments if a.role in ("number", "scalar")]
        self.code: list[Instruction] = []
        self.known: dict[Node, Symbol] = {}
        """What has been computed, by its value over names."""
        self.names: dict[str, str] = {}
        """Names of the current versions of targets that are assigned more than once."""
        self.taken = (
            {a.name for a in function.arguments}
            | {s.target for s in function.steps}
            | {n for n, _ in function.results}
            | {str(d) for a in function.arguments for d in a.shape}
        )
        self.pending: Step | None = None

    def run(self) -> tuple[Instruction, ...]:
        arguments = {a.name for a in self.function.arguments}
        for step in _without_single_use(self.function.steps):
            self.pending = step
            target = step.target if step.target not in self.names | dict.fromkeys(arguments, "") else self.fresh()
            value = self.value(step.value)
            self.emit(target, value, named=True)
            self.names[step.target] = target
        for name, shape in self.function.results:
            current = self.names.get(name, name)
            if name not in {i.target for i in self.code}:
                self.pending = None
                self.emit(
                    f"{name}_new" if name in arguments else name, Apply(shape, COPY, (Symbol(shape, current),)), True
                )
        return tuple(self.code)

    # --- values ------------------------------------------------------------------------------------------

    def is_number(self, node: Node) -> bool:
        return is_host(node, self.numbers)

    def operand(self, node: Node) -> Node:
        """The node as an operand: a name, a view of one, or a number; what must be computed is computed now."""
        if self.is_number(node):
            return node
        if isinstance(node, Symbol):
            return replace(node, name=self.names.get(node.name, node.name))
        if isinstance(node, Apply) and node.op in VIEWS:
            inner = self.operand(node.args[0])
            if node.op == "transpose" and isinstance(inner, Apply) and inner.op == "transpose":
                return inner.args[0]
            if isinstance(inner, Apply):
                inner = self.named(Apply(inner.shape, COPY, (inner,)))
            return inner if node.op == "transpose" and node.is_scalar else replace(node, args=(inner,))
        if isinstance(node, Invoke) and (definition := self.definition(node)) is not None:
            return self.operand(self.opened(node, definition))
        return self.named(self.value(node))

    def named(self, value: Node) -> Node:
        """The value under a name: that of an instruction, which is emitted unless there is one already."""
        if isinstance(value, Symbol) or self.is_number(value):
            return value
        if value not in self.known:
            self.emit(self.fresh(), value)
        return self.known[value]

    def value(self, node: Node) -> Node:
        """The node as one operation over operands."""
        if isinstance(node, Invoke):
            definition = self.definition(node)
            if definition is None:
                return replace(node, args=tuple(self.operand(a) for a in node.args))
            return self.value(self.opened(node, definition))
        if not isinstance(node, Apply) or self.is_number(node) or node.op in VIEWS:
            return Apply(node.shape, COPY, (self.operand(node),))
        if node.op == "hadamard" and (product := self.activation_product(node)) is not None:
            return product
        if node.op == "dot":
            return self.value(apply("elements_sum", apply("hadamard", *node.args)))
        if (product := self.accumulated(node)) is not None:
            return product
        if (filled := self.number_of(node)) is not None:
            return Apply(node.shape, COPY, (filled,))
        if self.scaled_sums and node.op in ("add", "subtract") and (scaled := self.scaled(node)) is not None:
            return scaled
        return replace(node, args=tuple(self.entrywise_operand(a, node) for a in node.args))

    def activation_product(self, node: Apply) -> Node | None:
        """D ⊙ act'(Z) as one instruction, a call with two operands, where the activation is a parameter."""
        for slope, other in (node.args, node.args[::-1]):
            is_slope = isinstance(slope, Invoke) and slope.derivative == 1 and self.definition(slope) is None
            if is_slope and isinstance(slope, Invoke) and other.shape == slope.shape == node.shape:
                return replace(slope, args=(self.operand(slope.args[0]), self.operand(other)))
        return None

    def entrywise_operand(self, node: Node, parent: Apply) -> Node:
        """An operand; where entries are combined, a matrix of equal numbers is the number."""
        if parent.op in TABLE and TABLE[parent.op].entrywise and parent.op not in COMPARISONS and len(parent.args) > 1:
            number = self.number_of(node)
            others = [a for a in parent.args if a is not node]
            if number is not None and any(self.number_of(a) is None and a.shape == parent.shape for a in others):
                return number
        return self.operand(node)

    def number_of(self, node: Node) -> Node | None:
        """The number c of a matrix c 1, if it is one."""
        if isinstance(node, Apply) and node.op in ("ones", "zeros"):
            return constant(int(node.op == "ones"))
        if isinstance(node, Apply) and node.op == "scale" and self.is_number(node.args[0]):
            inner = self.number_of(node.args[1])
            return node.args[0] if isinstance(inner, Constant) and inner.value == 1 else None
        return None

    # --- sums and products -------------------------------------------------------------------------------

    def accumulated(self, node: Apply) -> Node | None:
        """A product, or a sum with one, as alpha A B + beta C."""
        found = terms(node, self.is_number)
        products = [t for t in found if isinstance(t[1], Apply) and t[1].op == "matmul" and not t[1].is_scalar]
        if not products or (len(found) > 1 and node.is_scalar):
            return None
        *first, (alpha, product) = products
        rest = [t for t in found if t not in products] + first
        assert isinstance(product, Apply)
        factors = [self.factor(a) for a in product.args]
        if not rest:
            return Apply(node.shape, GEMM, (alpha, *factors, constant(0)))
        if len(rest) == 1 and isinstance(rest[0][1], Symbol) and rest[0][1].shape == node.shape:
            beta, base = rest[0][0], self.operand(rest[0][1])
        else:
            beta, base = constant(1), self.operand(total(rest))
        if base.shape != node.shape:
            return None
        return Apply(node.shape, GEMM, (alpha, *factors, beta, base))

    def factor(self, node: Node) -> Node:
        """A factor of a product: a matrix or its transpose."""
        operand = self.operand(node)
        if isinstance(operand, Apply) and operand.op != "transpose":
            return self.named(Apply(operand.shape, COPY, (operand,)))
        return operand

    def scaled(self, node: Apply) -> Node | None:
        """X + c Y, where the second operand is scaled by a number."""
        left, right = node.args
        if left.shape != node.shape or right.shape != node.shape:
            return None
        if not (isinstance(right, Apply) and right.op == "scale" and self.is_number(right.args[0])):
            return None
        if self.number_of(right) is not None or self.number_of(left) is not None:
            return None
        factor = right.args[0] if node.op == "add" else negative(right.args[0])
        return Apply(node.shape, ADD_SCALED, (self.operand(left), factor, self.operand(right.args[1])))

    # --- calls -------------------------------------------------------------------------------------------

    def definition(self, node: Invoke) -> TypedDefinition | None:
        """What is called; None for an activation that is a parameter."""
        return self.module.find(node.function, "function", "activation")

    def opened(self, node: Invoke, definition: TypedDefinition) -> Node:
        """The body of a call over operands; what the body names is computed now."""
        args = tuple(self.operand(a) for a in node.args)
        if definition.kind == "activation":
            return instantiate(definition, body(definition, node.derivative), args)
        block = definition.block("stable") or definition.block("body")
        local = dict(zip(formals(definition), args, strict=True))
        for a in block[:-1]:
            local[a.target] = self.operand(instantiate_step(definition, a.value, local))
        return instantiate_step(definition, block[-1].value, local)

    # --- instructions ------------------------------------------------------------------------------------

    def emit(self, target: str, value: Node, named: bool = False) -> None:
        mask = isinstance(value, Apply) and value.op in COMPARISONS
        if named and isinstance(value, Apply) and value.op == COPY and isinstance(value.args[0], Symbol):
            source = value.args[0].name
            last = self.code[-1] if self.code else None
            if last is not None and last.target == source and not last.named:
                # What was just computed gets its name.
                self.code[-1] = replace(last, target=target, named=True)
                self.known[last.value] = Symbol(value.shape, target)
                return
        self.code.append(Instruction(target, value, named, mask, self.pending))
        self.pending = None
        self.known.setdefault(value, Symbol(value.shape, target))

    def fresh(self) -> str:
        k = 1
        while f"t{k}" in self.taken:
            k += 1
        self.taken.add(f"t{k}")
        return f"t{k}"


def _without_single_use(steps: Sequence[Step]) -> list[Step]:
    """The steps with what stands in no file put in where it is read, if that is in one place."""
    for step in steps:
        reads = sum(_occurrences(s.value, step.target) for s in steps)
        if not step.origin and reads == 1:
            values = {step.target: step.value}
            rest = [replace(s, value=substitute(s.value, values)) for s in steps if s is not step]
            return _without_single_use(rest)
    return list(steps)


def _occurrences(node: Node, name: str) -> int:
    return int(node.name == name) if isinstance(node, Symbol) else sum(_occurrences(a, name) for a in children(node))


def leaves(value: Node) -> Iterable[tuple[Symbol, bool]]:
    """The names that a value reads, each with whether it is read as it stands rather than through a view."""
    assert isinstance(value, (Apply, Invoke))
    for a in value.args:
        if isinstance(a, Symbol):
            yield a, True
        elif isinstance(a, Apply) and a.op in VIEWS:
            inner = a.args[0]
            assert isinstance(inner, Symbol), a
            yield inner, False
