"""Deriving backward equations in matrix form: one adjoint an operation, tidied until a person would write it so.

Of the ways to write them that are found, the one with the fewest operations is taken: which intermediate gradients get
a name, which results of the forward pass are used again, which factors are taken out. All limits are counts, so that
the same equations come out on every machine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from eqgen.algebra.accumulation import Accumulation, DerivationStep
from eqgen.algebra.definitions import Assignment, Module, TypedDefinition, Variable
from eqgen.algebra.expressions import (
    Apply,
    Invoke,
    Node,
    Symbol,
    apply,
    constant,
    distinct,
    operation_count,
    rewrite,
    substitute,
    symbols,
    tree_size,
)
from eqgen.algebra.inline import body, instantiate
from eqgen.algebra.notation import notation
from eqgen.algebra.rewrites import Rule, library_rules, optimized, rewriting_steps
from eqgen.algebra.tidying import Known, Note, TooLong, known, tidied
from eqgen.language.diagnostics import Diagnostic, DiagnosticError

MAX_SUBSETS = 64
"""How many choices of intermediate gradients to put in are compared."""
MAX_TIDIED = 400
"""Nodes of an expression that is tidied; a longer one is left as the adjoints give it."""
MAX_EFFORT = 20_000
"""Nodes of all expressions that are tidied for one definition."""
MAX_WRITTEN = 20_000
"""Nodes of an equation that is written at all."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """The derived equations in order, and the steps that led to them."""

    equations: tuple[tuple[str, Node], ...]
    steps: tuple[DerivationStep, ...]

    @property
    def operations(self) -> int:
        return sum(operation_count(value) for _, value in self.equations)


def derive_layer(definition: TypedDefinition, module: Module) -> Derivation:
    """The gradients of all inputs and parameters of a layer, from its forward equations alone.

    Raises ValueError where an operation on the way has no gradient, or an equation would be too long to write.
    """
    variables = [*definition.with_role("param"), *definition.with_role("input")]
    wanted = [f"D{v.name}" for v in variables if v.index_size is None]
    shapes = {f"D{v.name}": v.shape for v in variables}
    outputs = {v.name: Symbol(v.shape, f"D{v.name}") for v in definition.with_role("output")}
    return Deriver(module, definition.block("forward"), outputs, wanted, shapes).run()


def derive_loss(definition: TypedDefinition, module: Module) -> Derivation:
    """The gradient of a loss with respect to its input. Raises ValueError as `derive_layer`."""
    y = next(definition.with_role("input"))
    seed: Mapping[str, Node] = {"L": constant(1)}
    shapes = {f"D{y.name}": y.shape}
    return Deriver(module, definition.block("value"), seed, [f"D{y.name}"], shapes, naming=False).run()


@dataclass
class Deriver:
    """Derives the gradients that are asked for, for one straight-line program."""

    module: Module
    program: Sequence[Assignment]
    seeds: Mapping[str, Node]
    wanted: Sequence[str]
    shapes: Mapping[str, tuple[object, object]]
    naming: bool = True
    """Whether intermediate gradients may have equations of their own."""
    effort: int = 0
    tidied: dict[Node, Node] = field(default_factory=dict)

    def run(self) -> Derivation:
        try:
            gradients = self.accumulate()
            for value in gradients.values():
                self.require_short(value)
            raw, equations = self.shortest(gradients)
            steps = [*self.accumulation.steps]
            for target, value in equations:
                steps += self.rearranged(target, raw[target], value)
        except RecursionError:
            raise ValueError("an equation is nested too deeply: give parts of it names of their own") from None
        return Derivation(tuple(equations), tuple(steps))

    def require_short(self, value: Node) -> None:
        """Raises ValueError for an equation that nobody would want to read."""
        size = tree_size(value)
        if size > MAX_WRITTEN:
            raise ValueError(f"an equation would have {size} parts: give parts of the forward equations names")

    # --- the parts -----------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Those that shorten. Those for accuracy lengthen, or put a call in place of a body that is differentiated."""
        return tuple(r for r in library_rules() if not r.stable)

    @cached_property
    def accumulation(self) -> Accumulation:
        return Accumulation(self.module, tuple(self.program), self.seeds, tuple(self.wanted), self.simplified)

    def accumulate(self) -> dict[str, Node]:
        """The gradient of every name in terms of those of later names, in the order of computation."""
        result = self.accumulation.run()
        for target in self.wanted:
            if target not in result:
                rows, columns = self.shapes[target]
                result[target] = apply("zeros", sizes=(rows, columns))  # type: ignore[arg-type]
        return result

    def simplified(self, node: Node) -> Node:
        """The expression after rewriting by proven identities, unless it is too long to be worth it."""
        return optimized(node, self.rules).value if tree_size(node) <= MAX_TIDIED else node

    # --- tidying -------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> list[Known]:
        """Results of the forward pass, and functions of the library applied to what it reads, as names of products."""
        pairs = [(Symbol(a.shape, a.target), self.accumulation.unfolded(a.value)) for a in self.program]
        return [k for name, value in [*pairs, *self.calls] if (k := known(name, value)) is not None]

    @cached_property
    def calls(self) -> list[tuple[Node, Node]]:
        """Calls of the library's functions with operands that the forward pass has, and what they stand for."""
        read = {n: None for a in self.program for n in distinct(a.value) if isinstance(n, Symbol)}
        read |= {Symbol(a.shape, a.target): None for a in self.program}
        operands: dict[tuple[Node, ...], None] = {(s,): None for s in read if s.shape[1] != 1}
        operands |= {
            n.args: None for a in self.program for n in distinct(a.value) if isinstance(n, Invoke) and not n.derivative
        }
        functions = [d for d in self.module.of_kind("function") if not d.numbers]
        called = [call for args in operands for d in functions if (call := _call(d, args))]
        values = ((call, self.accumulation.unfolded(call)) for call in called)
        return [(call, value) for call, value in values if tree_size(value) <= MAX_TIDIED]

    def folded(self, node: Node) -> Node:
        """The expression with the bodies of such calls as calls."""
        bodies = {value: call for call, value in self.calls}
        bodies |= {_exchanged(value): call for call, value in self.calls}
        return rewrite(node, lambda n: bodies.get(n, n))

    def ways(self, node: Node, note: Note | None = None) -> Iterator[Node]:
        """The forms that rewriting by identities and reuse of known results lead to."""
        yield self.simplified(node)
        try:
            short = tidied(node, self.names, note)
        except TooLong:
            return
        yield self.simplified(self.folded(short))
        yield self.folded(self.simplified(short))

    def tidy(self, node: Node) -> Node:
        """The shortest of these forms."""
        size = tree_size(node)
        if size > MAX_TIDIED:
            return node
        if node not in self.tidied:
            self.effort += size
            within = self.effort <= MAX_EFFORT
            self.tidied[node] = min(self.ways(node), key=operation_count) if within else node
        return self.tidied[node]

    def shortest(self, gradients: dict[str, Node]) -> tuple[dict[str, Node], list[tuple[str, Node]]]:
        """The shortest list of equations over all choices of intermediate gradients that are put into later ones; and
        what each was before it was tidied."""
        inner = [t for t in gradients if t not in self.wanted]
        fewest = 0 if self.naming else len(inner)
        subsets = itertools.chain.from_iterable(itertools.combinations(inner, k) for k in range(fewest, len(inner) + 1))
        best: tuple[tuple[int, int], dict[str, Node], list[tuple[str, Node]]] | None = None
        for chosen in itertools.islice(subsets, MAX_SUBSETS):
            raw = _put_in(gradients, chosen)
            if best is not None and max(map(tree_size, raw.values())) > MAX_TIDIED:
                continue
            equations = _without_copies([(t, self.tidy(v)) for t, v in raw.items()], set(self.wanted))
            length = sum(operation_count(v) for _, v in equations), len(equations)
            if best is None or length < best[0]:
                best = length, raw, equations
        assert best is not None
        return best[1], sorted(best[2], key=lambda e: self.wanted.index(e[0]) if e[0] in self.wanted else -1)

    # --- steps ---------------------------------------------------------------------------------------

    def rearranged(self, target: str, raw: Node, final: Node) -> Iterator[DerivationStep]:
        """How an equation became what it is."""
        yield DerivationStep(target, raw, "put together")
        last = raw
        for rule, value in self._path(raw, final):
            if value != last:
                yield DerivationStep(target, value, rule)
            last = value

    def _path(self, raw: Node, final: Node) -> Iterator[tuple[str, Node]]:
        if tree_size(raw) > MAX_TIDIED:
            return
        told: list[tuple[str, Node]] = []
        if self.simplified(raw) != final:
            for _ in self.ways(raw, lambda rule, value: told.append((rule, value))):
                pass
        yield from told
        last = told[-1][1] if told else raw
        if (calls := self.folded(last)) != last and tree_size(last) <= MAX_TIDIED:
            last = calls
            yield "known function", last
        for rule, value in rewriting_steps(last, self.rules):
            if last == final:
                break
            last = value
            yield f"lemma {rule.lemma}: {rule.text}", value
        if last != final:
            yield "proven identities", final


def _call(definition: TypedDefinition, args: tuple[Node, ...]) -> Invoke | None:
    """A call of a function with these operands; None where their shapes or their number do not fit."""
    inputs = list(definition.with_role("input"))
    dims: dict[object, object] = {}
    if len(inputs) != len(args):
        return None
    for formal, arg in zip(inputs, args, strict=True):
        for wanted, dim in zip(formal.shape, arg.shape, strict=True):
            if (dims.setdefault(wanted, dim) if isinstance(wanted, str) else wanted) != dim:
                return None
    value = instantiate(definition, body(definition, False), args)
    return Invoke(value.shape, definition.name, args)


def _exchanged(node: Node) -> Node:
    """A product with its factors in the other order."""
    return replace(node, args=node.args[::-1]) if isinstance(node, Apply) and node.op == "hadamard" else node


def _put_in(gradients: Mapping[str, Node], chosen: Iterable[str]) -> dict[str, Node]:
    """The equations with the chosen ones substituted into those that read them."""
    values: dict[str, Node] = {}
    result = {}
    removed = set(chosen)
    for target, value in gradients.items():
        value = substitute(value, values)
        if target in removed:
            values[target] = value
        else:
            result[target] = value
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
                derivation = derive_layer(d, module) if d.kind == "layer" else derive_loss(d, module)
                d = with_gradients(d, derivation, block)
            except ValueError as error:
                problems.append(Diagnostic("E301", f"the gradients of `{d.name}` cannot be derived: {error}",
                                           d.source.name.span, "equations that are written"))  # fmt: skip
        definitions.append(d)
    if problems:
        raise DiagnosticError(problems)
    return Module(tuple(definitions))


def with_gradients(d: TypedDefinition, derivation: Derivation, block: str) -> TypedDefinition:
    """The definition with derived equations as one of its blocks."""
    place = d.source.name.span
    equations = tuple(Assignment(t, v, f"{t} = {notation(v)}", place, place) for t, v in derivation.equations)
    gradients = {t: Variable(t, v.shape, "gradient", place) for t, v in derivation.equations}
    return replace(d, variables={**d.variables, **gradients}, blocks={**d.blocks, block: equations})
