"""The cost report of a definition: every statement as it is written and as it is rewritten, and what must be stored.

layer        forward, backward, evaluate, update; the step of an optimizer on all parameters
activation   value, derivative
function     value
loss         value, gradient, and the gradient for one-hot targets
optimizer    step
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import TypedDefinition, Variable
from eqgen.algebra.expressions import Dim, symbols
from eqgen.algebra.notation import notation
from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.optimize.lower import Lowering, needed_steps
from eqgen.optimize.program import Function, Step
from eqgen.optimize.program_cost import (
    NO_WORK,
    Activations,
    Amount,
    Sizes,
    Work,
    WorkCounter,
    body_block,
    entries,
    named_sizes,
    total,
)

KINDS = ("layer", "activation", "function", "loss", "optimizer")
"""What has a cost on matrices. Schedulers and initializers run on the host."""
ONE_HOT = "gradient, one-hot targets"
"""The part of a loss that is its gradient where every row of the targets is a unit vector."""


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
    """A matrix that is kept. role: parameter, gradient, optimizer, statistic, activation. Indices are integers."""

    name: str
    role: str
    entries: Polynomial
    is_index: bool = False

    def at(self, sizes: Mapping[str, int | str]) -> Stored:
        return Stored(self.name, self.role, self.entries.at(sizes), self.is_index)


@dataclass(frozen=True)
class DefinitionCost:
    """The report of one definition. `sizes` are its sizes in order, for printing; `title` what it was asked for by."""

    definition: TypedDefinition
    title: str
    sizes: tuple[str, ...]
    parts: tuple[PartCost, ...]
    stored: tuple[Stored, ...] = ()
    unbound: tuple[str, ...] = field(default=())
    """Activations that nobody has chosen."""

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
    ) -> DefinitionCost:
        """The report of a definition, with its formulas in the definition's own sizes.

        activations   what the activations in a layer's header stand for
        optimizers    for a layer: what updates each parameter, one after the other

        Raises ValueError for a kind that has no cost on matrices.
        """
        chosen = activations or {}
        title = title or definition.name
        parts: tuple[PartCost, ...]
        match definition.kind:
            case "layer":
                return self._layer(definition, chosen, optimizers, title)
            case "activation":
                value, slope = self.lowering.activation(definition)
                parts = (
                    self._part("value", definition, self._written(definition, "f"), value),
                    self._part("derivative", definition, self._written(definition, "derivative"), slope),
                )
            case "function":
                numbers = [n.name for n in definition.numbers]
                steps = self.lowering.steps(body_block(definition), numbers)
                parts = (self._part("value", definition, steps, self.lowering.matrix_function(definition)),)
            case "loss":
                parts = self._loss(definition)
            case "optimizer":
                return DefinitionCost(
                    definition, title, ("M", "N"), (self._optimizer((definition,), [("M", "N")], "step"),)
                )
            case _:
                raise ValueError(f"{definition.kind} {definition.name} does not compute with matrices")
        return DefinitionCost(definition, title, _sizes(definition), parts)

    # --- kinds ---------------------------------------------------------------------------------------

    def _layer(
        self, d: TypedDefinition, chosen: Activations, optimizers: Sequence[TypedDefinition], title: str
    ) -> DefinitionCost:
        lowered = self.lowering.layer(d)
        functions = {
            "forward": lowered.forward,
            "backward": lowered.backward,
            "update": lowered.update,
            "evaluate": lowered.evaluate,
        }
        parts = [
            self._part(name, d, self._written(d, name), function, chosen)
            for name, function in functions.items()
            if function is not None
        ]
        params = list(d.with_role("param"))
        stored = [_stored(v, "parameter") for v in params]
        stored += [_stored(v, "gradient", f"D{v.name}") for v in params]
        stored += [_stored(v, "statistic") for v in d.with_role("state")]
        if optimizers and params:
            parts.append(self._optimizer(optimizers, [v.shape for v in params], "optimizer"))
            for optimizer in optimizers:
                states = [v.name for v in optimizer.with_role("state")]
                stored += [_stored(v, "optimizer", f"{s} of {v.name}") for v in params for s in states]
        kept = _read(lowered.backward.steps)
        roles = ("input", "output", "intermediate", "random")
        stored += [_stored(v, "activation") for v in d.with_role(*roles) if v.name in kept]
        unbound = tuple(a for a in d.activations if a not in chosen)
        return DefinitionCost(d, title, _sizes(d), tuple(parts), tuple(stored), unbound)

    def _loss(self, d: TypedDefinition) -> tuple[PartCost, ...]:
        numbers = [n.name for n in d.numbers]
        lets = d.block("value")[:-1]
        parts = []
        names = (("value", "value"), ("gradient", "gradient"), ("one_hot", ONE_HOT))
        for (block, name), function in zip(names, self.lowering.loss(d), strict=True):
            if function is not None:
                assignments = d.block(block) if block == "value" else (*lets, *d.block(block))
                steps = needed_steps(self.lowering.steps(assignments, numbers))
                parts.append(self._part(name, d, steps, function))
        return tuple(parts)

    def _optimizer(
        self, optimizers: Sequence[TypedDefinition], shapes: Sequence[tuple[Dim, Dim]], name: str
    ) -> PartCost:
        """The steps of optimizers on parameters of the given shapes, summed over the parameters."""
        statements: list[StatementCost] = []
        for d in optimizers:
            numbers = [*(n.name for n in d.numbers), "eta", "t"]
            written = self.lowering.steps(d.block("step"), numbers)
            function = self.lowering.optimizer(d).function
            each = []
            for rows, columns in shapes:
                sizes = {"M": rows, "N": columns}
                part = self._part(name, d, written, function, sizes=sizes, numbers=numbers)
                each.append(part.statements)
            for same in zip(*each, strict=True):
                statements.append(
                    replace(
                        same[0],
                        result=sum((s.result for s in same), ZERO),
                        written=total(s.written for s in same),
                        rewritten=total(s.rewritten for s in same),
                    )
                )
        return PartCost(name, tuple(statements))

    # --- statements ----------------------------------------------------------------------------------

    def _written(self, d: TypedDefinition, block: str) -> tuple[Step, ...]:
        return self.lowering.steps(d.block(block), [n.name for n in d.numbers])

    def _part(
        self,
        name: str,
        d: TypedDefinition,
        written: Sequence[Step],
        function: Function,
        activations: Activations | None = None,
        *,
        sizes: Mapping[str, Dim] | None = None,
        numbers: Sequence[str] = (),
    ) -> PartCost:
        """Each equation beside the statements that it has become, in the order in which equations are written."""

        def amount(dim: Dim) -> Amount:
            return named_sizes((sizes or {}).get(dim, dim) if isinstance(dim, str) else dim)

        before = WorkCounter(self.lowering, activations or {}, rewritten=False)
        after = WorkCounter(self.lowering, activations or {}, rewritten=True)
        own = numbers or [n.name for n in d.numbers]
        passed = [a.name for a in function.arguments if a.role in ("number", "scalar")]
        left = _groups(function.steps)
        statements = []
        for step in written:
            group = next((g for g in left if _key(g[-1]) == _key(step)), ())
            if group:
                left.remove(group)
            statements.append(_statement(step, before.statement([step], amount, own), group, after, amount, passed))
        for group in left:
            statements.append(_statement(group[-1], NO_WORK, group, after, amount, passed))
        return PartCost(name, tuple(statements), tuple(n for n, _ in function.results))


def _statement(
    step: Step, written: Work, group: tuple[Step, ...], after: WorkCounter, sizes: Sizes, numbers: Sequence[str]
) -> StatementCost:
    work = after.statement(group, sizes, numbers)
    return StatementCost(
        step.target,
        step.equation,
        step.origin,
        entries(step.value.shape, sizes),
        written,
        work,
        tuple(f"{s.target} = {notation(s.value)}" for s in group),
        tuple(n.removeprefix("rewritten: ") for s in group for n in s.notes),
        _read(group),
        frozenset(s.target for s in group),
    )


def _groups(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Each statement that has an equation, with those without one before it: it is the first to use them."""
    groups: list[tuple[Step, ...]] = []
    pending: list[Step] = []
    for step in steps:
        pending.append(step)
        if step.equation:
            groups.append(tuple(pending))
            pending = []
    return groups


def _key(step: Step) -> tuple[str, str]:
    return (step.origin, step.equation)


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


def _sizes(d: TypedDefinition) -> tuple[str, ...]:
    """The sizes of a definition in order."""
    return tuple(dict.fromkeys([*d.dims, *(s for v in d.variables.values() for s in v.shape if isinstance(s, str))]))
