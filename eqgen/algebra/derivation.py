"""Deriving backward equations in matrix form: one adjoint an operation, tidied until a person would write it so."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition, Variable
from eqgen.algebra.expressions import Apply, Invoke, Node, Symbol, apply, constant, rewrite, substitute, symbols, walk
from eqgen.algebra.inline import body, instantiate
from eqgen.algebra.notation import notation
from eqgen.algebra.operations import TABLE
from eqgen.algebra.rewrites import Rule, library_rules, optimized
from eqgen.algebra.tidying import Known, TooLong, known, tidied
from eqgen.language.diagnostics import Diagnostic, DiagnosticError

MAX_SUBSETS = 64
"""How many choices of intermediate gradients to put in are compared."""


@dataclass(frozen=True, slots=True)
class DerivationStep:
    """One step on the way to an equation: what it became, and by which rule."""

    target: str
    value: Node
    rule: str

    @property
    def text(self) -> str:
        return f"{self.target} = {notation(self.value)}"


@dataclass(frozen=True, slots=True)
class Derivation:
    """The backward equations in order, and the steps that led to them."""

    equations: tuple[tuple[str, Node], ...]
    steps: tuple[DerivationStep, ...]

    @property
    def operations(self) -> int:
        return sum(operation_count(value) for _, value in self.equations)


def operation_count(node: Node) -> int:
    """Operations in an expression as it is written."""
    return sum(1 for n in walk(node) if isinstance(n, (Apply, Invoke)))


def derive_layer(definition: TypedDefinition, module: Module) -> Derivation:
    """The gradients of all inputs and parameters of a layer, from its forward equations alone.

    Raises ValueError where an operation on the way has no gradient.
    """
    wanted = [f"D{v.name}" for v in definition.with_role("input", "param") if v.index_size is None]
    shapes = {f"D{v.name}": v.shape for v in definition.with_role("input", "param")}
    outputs = {v.name: Symbol(v.shape, f"D{v.name}") for v in definition.with_role("output")}
    return Deriver(module, definition.block("forward"), outputs, wanted, shapes).run()


def derive_loss(definition: TypedDefinition, module: Module) -> Derivation:
    """The gradient of a loss with respect to its input."""
    y = next(definition.with_role("input"))
    seed: Mapping[str, Node] = {"L": constant(1)}
    return Deriver(module, definition.block("value"), seed, [f"D{y.name}"], {f"D{y.name}": y.shape}).run()


@dataclass
class Deriver:
    """Reverse accumulation over a straight-line program."""

    module: Module
    program: Sequence[Assignment]
    seeds: Mapping[str, Node]
    wanted: Sequence[str]
    shapes: Mapping[str, tuple[object, object]]
    steps: list[DerivationStep] = field(default_factory=list)

    def run(self) -> Derivation:
        self.rules: tuple[Rule, ...] = library_rules()
        self.names = list(self.known_products())
        gradients = self.accumulate()
        best = self.shortest(gradients)
        equations = tuple((target, value) for target, value in best if target not in {f"D{n}" for n in self.seeds})
        return Derivation(equations, tuple(self.steps))

    # --- reverse accumulation ------------------------------------------------------------------------

    def accumulate(self) -> dict[str, Node]:
        """The gradient of every name in terms of those of later names, in the order of computation."""
        contributions: dict[str, list[Node]] = {}
        result: dict[str, Node] = {}
        for assignment in reversed(self.program):
            name = assignment.target
            if name in self.seeds:
                gradient: Node = self.seeds[name]
            elif name in contributions:
                gradient = self.settle(name, contributions.pop(name), result)
            else:
                continue
            for leaf, part in self.adjoints(self.unfolded(assignment.value), gradient):
                contributions.setdefault(leaf, []).append(part)
        for name, parts in contributions.items():
            if f"D{name}" in self.wanted:
                self.settle(name, parts, result)
        for target in self.wanted:
            if target not in result:
                rows, columns = self.shapes[target]
                result[target] = apply("zeros", sizes=(rows, columns))  # type: ignore[arg-type]
        return result

    def settle(self, name: str, parts: list[Node], result: dict[str, Node]) -> Node:
        total = parts[0]
        for part in parts[1:]:
            total = apply("add", total, part)
        self.steps.append(DerivationStep(f"D{name}", total, "chain rule: the adjoint of each operation that reads it"))
        result[f"D{name}"] = total
        return Symbol(total.shape, f"D{name}")

    def unfolded(self, node: Node) -> Node:
        """Functions of the library are differentiated through their bodies; activations have derivatives."""

        def rule(n: Node) -> Node:
            if isinstance(n, Invoke):
                definition = self.module.find(n.function, "function", "activation")
                if definition is None:
                    return n
                if definition.kind == "activation" and any(symbols(a) for a in n.args[1:]):
                    # The numbers are matrices of the layer (a trainable slope): they may have gradients, too.
                    return self.unfolded(instantiate(definition, body(definition, n.derivative), n.args))
                if definition.kind == "function":
                    return self.unfolded(instantiate(definition, body(definition, False), n.args))
            return n

        return optimized(rewrite(node, rule), self.rules).value

    def adjoints(self, node: Node, gradient: Node) -> Iterator[tuple[str, Node]]:
        """What each symbol of an expression receives."""
        if isinstance(node, Symbol):
            yield node.name, gradient
        elif isinstance(node, Invoke):
            if node.derivative:
                raise ValueError(f"{node.function}' has no derivative in a file: write out what it is")
            yield from self.adjoints(node.args[0], _times(gradient, replace(node, derivative=True)))
        elif isinstance(node, Apply):
            row = TABLE[node.op]
            for arg, part in zip(node.args, row.adjoint(node, gradient), strict=True):
                if part is not None and symbols(arg):
                    yield from self.adjoints(arg, part)

    # --- tidying -------------------------------------------------------------------------------------

    def known_products(self) -> Iterator[Known]:
        """Results of the forward pass, and functions of the library applied to them, as names of products."""
        for a in self.program:
            k = known(Symbol(a.shape, a.target), self.unfolded(a.value))
            if k is not None:
                yield k
        functions = [
            d for d in self.module.of_kind("function") if len(list(d.with_role("input"))) == 1 and not d.numbers
        ]
        read = {s.name: s for a in self.program for s in walk(a.value) if isinstance(s, Symbol)}
        for operand in (*read.values(), *(Symbol(a.shape, a.target) for a in self.program)):
            for d in functions:
                if operand.shape[1] == 1:
                    continue
                call = Invoke(operand.shape, d.name, (operand,))
                k = known(call, self.unfolded(call))
                if k is not None:
                    yield k

    def tidy(self, node: Node) -> Node:
        """The shortest of the forms that rewriting and reuse lead to."""
        candidates = [optimized(node, self.rules).value]
        with contextlib.suppress(TooLong):
            candidates.append(optimized(tidied(node, self.names), self.rules).value)
        return min(candidates, key=operation_count)

    def shortest(self, gradients: dict[str, Node]) -> list[tuple[str, Node]]:
        """The shortest list of equations over all choices of intermediate gradients that are put into later ones."""
        inner = [t for t in gradients if t not in self.wanted]
        subsets = itertools.chain.from_iterable(itertools.combinations(inner, k) for k in range(len(inner) + 1))
        best: list[tuple[str, Node]] | None = None
        least = 0
        cache: dict[Node, Node] = {}
        for chosen in itertools.islice(subsets, MAX_SUBSETS):
            equations = []
            for target, value in _put_in(gradients, chosen):
                if value not in cache:
                    cache[value] = self.tidy(value)
                equations.append((target, cache[value]))
            equations = _without_copies(equations, set(self.wanted))
            count = sum(operation_count(v) for _, v in equations)
            if best is None or count < least:
                best, least = equations, count
        assert best is not None
        for target, value in best:
            self.steps.append(
                DerivationStep(target, value, "tidied: proven identities, forward results used again, common factors")
            )
        return best


def _times(x: Node, y: Node) -> Node:
    if x.is_scalar or y.is_scalar:
        return apply("scale", x, y) if x.is_scalar else apply("scale", y, x)
    return apply("hadamard", x, y)


def _put_in(gradients: Mapping[str, Node], chosen: Iterable[str]) -> list[tuple[str, Node]]:
    """The equations with the chosen ones substituted into those that read them."""
    values: dict[str, Node] = {}
    result = []
    removed = set(chosen)
    for target, value in gradients.items():
        value = substitute(value, values)
        if target in removed:
            values[target] = value
        else:
            result.append((target, value))
    return result


def _without_copies(equations: list[tuple[str, Node]], wanted: set[str]) -> list[tuple[str, Node]]:
    """Equations that only rename another gradient, or that nothing reads, are left out."""
    names: dict[str, Node] = {}
    kept = []
    for target, value in equations:
        value = substitute(value, names)
        if target not in wanted and isinstance(value, Symbol):
            names[target] = value
        else:
            kept.append((target, value))
    read = set(wanted)
    result = []
    for target, value in reversed(kept):
        if target in read:
            read |= symbols(value)
            result.append((target, value))
    return result[::-1]


def completed(module: Module) -> Module:
    """The module with derived gradients where a layer or a loss leaves them out.

    Raises DiagnosticError (E301) where an operation on the way has no gradient.
    """
    problems: list[Diagnostic] = []
    definitions = []
    for d in module.definitions:
        block = {"layer": "backward", "loss": "gradient"}.get(d.kind)
        if block is not None and block not in d.blocks:
            try:
                d = _with_gradients(d, block, module)
            except ValueError as error:
                problems.append(Diagnostic("E301", f"the gradients of `{d.name}` cannot be derived: {error}",
                                           d.source.name.span, "equations that are written"))  # fmt: skip
        definitions.append(d)
    if problems:
        raise DiagnosticError(problems)
    return Module(tuple(definitions))


def _with_gradients(d: TypedDefinition, block: str, module: Module) -> TypedDefinition:
    derivation = derive_layer(d, module) if d.kind == "layer" else derive_loss(d, module)
    place = d.source.name.span
    equations = tuple(Assignment(t, v, f"{t} = {notation(v)}", place, place) for t, v in derivation.equations)
    gradients = {t: Variable(t, v.shape, "gradient", place) for t, v in derivation.equations}
    return replace(d, variables={**d.variables, **gradients}, blocks={**d.blocks, block: equations})
