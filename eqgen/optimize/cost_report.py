"""The cost report of a definition: every equation as it is written and as it is rewritten, and what must be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import TypedDefinition, Variable
from eqgen.algebra.expressions import Dim, symbols
from eqgen.algebra.notation import notation
from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.optimize.lower import Lowering
from eqgen.optimize.parts import Part, parts_of
from eqgen.optimize.program import Step
from eqgen.optimize.program_cost import (
    NO_WORK,
    Activations,
    Amount,
    Work,
    WorkCounter,
    entries,
    named_sizes,
    pattern_indices,
    total,
)
from eqgen.optimize.storage import INSTRUCTIONS, entries_size


@dataclass(frozen=True, slots=True)
class StatementCost:
    """An equation, its cost as it is written, and the cost of the statements that it becomes.

    result   entries of what the equation defines
    code     these statements; more than one where something is computed once and used again
    rules    the identities by which it was rewritten
    reads    the names that the statements read, `assigns` those that they give a value
    """

    target: str
    equation: str
    origin: str
    result: Polynomial
    written: Work
    rewritten: Work
    code: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    assigns: frozenset[str] = frozenset()

    def at(self, sizes: Mapping[str, int | str]) -> StatementCost:
        return replace(
            self,
            result=self.result.at(sizes),
            written=self.written.at(sizes),
            rewritten=self.rewritten.at(sizes),
        )


@dataclass(frozen=True, slots=True)
class PartCost:
    """The statements of one part, such as `backward`. `results` are what the part is for."""

    name: str
    statements: tuple[StatementCost, ...]
    results: tuple[str, ...] = ()

    @property
    def written(self) -> Work:
        return total(s.written for s in self.statements)

    @property
    def rewritten(self) -> Work:
        return total(s.rewritten for s in self.statements)

    def at(self, sizes: Mapping[str, int | str]) -> PartCost:
        return PartCost(self.name, tuple(s.at(sizes) for s in self.statements), self.results)

    def without(self, result: str) -> Work:
        """The rewritten work that is left when nobody reads one of the results."""
        wanted = set(self.results) - {result}
        left = NO_WORK
        for statement in reversed(self.statements):
            if statement.assigns & wanted:
                wanted |= statement.reads
                left = statement.rewritten + left
        return left


@dataclass(frozen=True, slots=True)
class Stored:
    """A matrix that is kept. Indices are integers.

    role: parameter, pattern (of a sparse parameter), gradient, optimizer, statistic, activation
    """

    name: str
    role: str
    entries: Polynomial
    is_index: bool = False

    def at(self, sizes: Mapping[str, int | str]) -> Stored:
        return Stored(self.name, self.role, self.entries.at(sizes), self.is_index)


@dataclass(frozen=True)
class DefinitionCost:
    """The report of one definition. `sizes` are its sizes in order, for printing; `title` what it was asked for by.

    dense   for a layer that stores entries of its sparse parameters only: the report of the same layer over dense ones
    """

    definition: TypedDefinition
    title: str
    sizes: tuple[str, ...]
    parts: tuple[PartCost, ...]
    stored: tuple[Stored, ...] = ()
    unbound: tuple[str, ...] = field(default=())
    """Activations that nobody has chosen."""
    dense: DefinitionCost | None = None

    def part(self, name: str) -> PartCost:
        """The part of this name, without statements where there is none."""
        return next((p for p in self.parts if p.name == name), PartCost(name, ()))

    def storage(self, role: str) -> Polynomial:
        """Entries of all that is stored in a role."""
        return sum((s.entries for s in self.stored if s.role == role), ZERO)

    def at(self, sizes: Mapping[str, int | str]) -> DefinitionCost:
        """With numbers or other names for some sizes."""
        left = tuple(dict.fromkeys(str(sizes.get(s, s)) for s in self.sizes if not isinstance(sizes.get(s), int)))
        return DefinitionCost(
            self.definition,
            self.title,
            left,
            tuple(p.at(sizes) for p in self.parts),
            tuple(s.at(sizes) for s in self.stored),
            self.unbound,
            self.dense.at(sizes) if self.dense else None,
        )


class Reporter:
    """Makes reports of the definitions of one module."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering

    def report(
        self,
        definition: TypedDefinition,
        activations: Activations | None = None,
        optimizers: Sequence[TypedDefinition] = (),
        title: str = "",
        sparse: bool = False,
    ) -> DefinitionCost:
        """The report of a definition, with its formulas in the definition's own sizes.

        activations   what the activations in a layer's header stand for
        optimizers    for a layer: what updates each parameter, one after the other
        sparse        for a layer: over the stored entries of its sparse parameters; their number is a further size.
                      What is written stays what it is, rewritten are the statements over these entries; optimizers
                      see a matrix of these entries anyway

        Raises ValueError for a kind that has no cost on matrices, DiagnosticError (E207) where an equation has no
        sparse form.
        """
        parts = parts_of(self.lowering, definition, sparse)
        title = title or definition.name
        if definition.kind == "layer":
            report = self._layer(definition, parts, activations or {}, optimizers, title, sparse)
            dense = self.report(definition, activations, optimizers, title) if sparse else None
            return replace(report, dense=dense)
        costs = tuple(self._part(part, {}) for part in parts)
        return DefinitionCost(definition, title, sizes_of(definition), costs)

    def _layer(
        self,
        d: TypedDefinition,
        parts: Sequence[Part],
        chosen: Activations,
        optimizers: Sequence[TypedDefinition],
        title: str,
        sparse: bool,
    ) -> DefinitionCost:
        numbers = entry_numbers(d) if sparse else {}
        costs = [
            self._part(part, chosen, {entries_size(name): size for name, size in numbers.items()}) for part in parts
        ]
        originals = list(d.with_role("param"))
        params = [replace(v, shape=(1, numbers[v.name])) if v.name in numbers else v for v in originals]
        stored = [_stored(v, "parameter") for v in params]
        stored += [_pattern(v, numbers[v.name]) for v in originals if v.name in numbers]
        stored += [_stored(v, "gradient", f"D{v.name}") for v in params]
        stored += [_stored(v, "statistic") for v in d.with_role("state")]
        if optimizers and params:
            costs.append(self._optimizers(optimizers, [v.shape for v in params]))
            for optimizer in optimizers:
                states = [v.name for v in optimizer.with_role("state")]
                stored += [_stored(v, "optimizer", f"{s} of {v.name}") for v in params for s in states]
        kept = _read(next(p.function.steps for p in parts if p.name == "backward"))
        roles = ("input", "output", "intermediate", "random")
        stored += [_stored(v, "activation") for v in d.with_role(*roles) if v.name in kept]
        unbound = tuple(a for a in d.activations if a not in chosen)
        batch, *others = sizes_of(d)
        sizes = (batch, *numbers.values(), *others)
        return DefinitionCost(d, title, sizes, tuple(costs), tuple(stored), unbound)

    def _optimizers(self, optimizers: Sequence[TypedDefinition], shapes: Sequence[tuple[Dim, Dim]]) -> PartCost:
        """The steps of optimizers on parameters of the given shapes, summed over the parameters."""
        statements: list[StatementCost] = []
        for d in optimizers:
            (step,) = parts_of(self.lowering, d)
            each = [self._part(step, {}, {"M": rows, "N": columns}).statements for rows, columns in shapes]
            for same in zip(*each, strict=True):
                statements.append(
                    replace(
                        same[0],
                        result=sum((s.result for s in same), ZERO),
                        written=total(s.written for s in same),
                        rewritten=total(s.rewritten for s in same),
                    )
                )
        return PartCost("optimizer", tuple(statements))

    def _part(self, part: Part, activations: Activations, sizes: Mapping[str, Dim] | None = None) -> PartCost:
        """Each equation beside the statements that it has become."""

        def amount(dim: Dim) -> Amount:
            return named_sizes((sizes or {}).get(dim, dim) if isinstance(dim, str) else dim)

        before = WorkCounter(self.lowering, activations, rewritten=False)
        after = WorkCounter(self.lowering, activations, rewritten=True)
        statements = []
        for step, group in part.pairs():
            written = before.statement([step], amount, part.numbers) if step in part.written else NO_WORK
            work = after.statement(group, amount, part.passed_numbers)
            statements.append(_statement(step, group, entries(step.value.shape, amount), written, work))
        return PartCost(part.name, tuple(statements), tuple(n for n, _ in part.function.results))


def _statement(
    step: Step, group: tuple[Step, ...], result: Polynomial, written: Work, rewritten: Work
) -> StatementCost:
    return StatementCost(
        step.target,
        step.equation,
        step.origin,
        result,
        written,
        rewritten,
        tuple(f"{s.target} = {notation(s.value, INSTRUCTIONS)}" for s in group),
        tuple(n.removeprefix("rewritten: ") for s in group for n in s.notes),
        _read(group),
        frozenset(s.target for s in group),
    )


def _read(steps: Sequence[Step]) -> frozenset[str]:
    """What is read before it is assigned."""
    assigned: set[str] = set()
    read: set[str] = set()
    for step in steps:
        read |= symbols(step.value) - assigned
        assigned.add(step.target)
    return frozenset(read)


def _stored(v: Variable, role: str, name: str = "") -> Stored:
    rows, columns = (named_sizes(d) for d in v.shape)
    return Stored(name or v.name, role, ZERO + rows * columns, v.index_size is not None)


def _pattern(v: Variable, number: str) -> Stored:
    return Stored(f"pattern of {v.name}", "pattern", pattern_indices(named_sizes(v.shape[0]), named_sizes(number)))


def entry_numbers(d: TypedDefinition) -> dict[str, str]:
    """How the number of stored entries of each sparse parameter is called in formulas."""
    names = [v.name for v in d.with_role("param") if v.sparse]
    return {name: "nnz" if len(names) == 1 else f"nnz_{name}" for name in names}


def sizes_of(d: TypedDefinition) -> tuple[str, ...]:
    """The sizes of a definition in order."""
    return tuple(dict.fromkeys([*d.dims, *(s for v in d.variables.values() for s in v.shape if isinstance(s, str))]))
