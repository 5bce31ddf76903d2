"""The prover: are two expressions equal for all sizes?

`prove_definition` judges every gradient, activation derivative, stable form and claim of a definition, line by line:
the gradients of the lines above are opaque tensors. `prove_equal` judges two expressions.

Two judges always run: the normal form of the index form, which alone says `proved`, and evaluation at concrete sizes,
which alone says `refuted`. When they contradict each other `Contradiction` is raised: an error of eqgen, not a verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from eqgen.algebra.assumptions import has_maximum, prepared_algebra
from eqgen.algebra.atoms import Terms
from eqgen.algebra.budget import Budget, LimitReached, Undefined
from eqgen.algebra.decision import Outcome, vanishes
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import Dim, Invoke, Node, Shape, Symbol, distinct, sizes_used
from eqgen.algebra.gradient import Backpropagation, Directional, Gradients, derived_entries, entries
from eqgen.algebra.index_form import Algebra, Definition, Reader, fits
from eqgen.algebra.inline import inline
from eqgen.algebra.normal_form import Form
from eqgen.algebra.printed import judged
from eqgen.algebra.questions import Free, Step, Subject, subjects
from eqgen.algebra.recursion import deepest, definition_depth, depth, with_room
from eqgen.algebra.refutation import NO_VALUE, Contradiction, Judge
from eqgen.algebra.verdict import EquationResult

MOST_ATOMS = 50_000
"""An algebra that has more is not used for another equation."""
TOO_DEEP = "a limit was reached: too deeply nested"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one equation may cost: rewriting steps, and seconds of processor time as a last resort.

    `total` are seconds for a whole definition; what is left then is unknown.
    """

    steps: int = 150_000
    seconds: float = 6.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Level:
    """What is replaced before two sides are compared.

    values     intermediate values, by what they are computed from
    gradients  whether gradients that were opaque are derived too
    split      each value only where its own gradient occurs: what a statement contributes is compared on its own
    """

    values: Mapping[str, Node]
    gradients: bool = False
    split: bool = False


LEVELS = 5
OUTCOMES: tuple[Outcome, ...] = ("everywhere", "off ties", "undecided")


def prove_definition(
    definition: TypedDefinition, module: Module, limits: Limits | None = None, *, judge: bool = True
) -> list[EquationResult]:
    """A verdict for every equation of a definition, in order: `proved`, `refuted` or `unknown`; then one for every
    misprint that is recorded.

    `module` gives the functions and activations that are called. Without `judge` nothing is evaluated for what the
    normal form proves; what it does not prove is evaluated in any case, to find a counterexample.

    Raises Contradiction when the normal form and the evaluation disagree.
    """

    started = time.process_time()

    def prove(subject: Subject) -> list[EquationResult]:
        allowed = limits or Limits()
        rest = replace(allowed, total=allowed.total - (time.process_time() - started))
        return prove_subject(subject, module, rest, judge=judge)

    def work() -> list[EquationResult]:
        return [result for subject in subjects(definition) for result in prove(subject)] + judged(definition, prove)

    try:
        return with_room(work, definition_depth(definition))
    except RecursionError:
        span = definition.source.name.span
        return [EquationResult(definition.name, span.line, span, "unknown", message=TOO_DEEP)]


def prove_subject(
    subject: Subject, module: Module, limits: Limits | None = None, *, judge: bool = True
) -> list[EquationResult]:
    """A verdict for every question of a subject, in order."""
    return with_room(lambda: list(_SubjectProof(subject, module, limits or Limits(), judge).run()), _depth(subject))


def _depth(subject: Subject) -> int:
    steps = (n for s in subject.steps for n in (s.written, s.expected, *s.derivatives.values()) if n is not None)
    return sum(depth(a.value) for a in subject.program) + deepest(steps)


def prove_equal(
    left: Node,
    right: Node,
    module: Module,
    assumptions: tuple[Node, ...] = (),
    free: tuple[Free, ...] = (),
    limits: Limits | None = None,
    *,
    judge: bool = True,
) -> EquationResult:
    """Whether two expressions of one shape are equal for all sizes.

    `free` declares symbols that are positive, one-hot or indices; all others may be any real matrix. `assumptions`
    are comparisons, as after `assume`. Functions that `module` does not define are opaque functions of scalars.
    """
    declared = {f.name for f in free}
    nodes = [n for side in (left, right, *assumptions) for n in distinct(side)]
    others: dict[str, Free] = {}
    for n in nodes:
        if isinstance(n, Symbol) and n.name not in declared:
            others.setdefault(n.name, Free(n.name, n.shape))
    opaque = dict.fromkeys(
        n.function for n in nodes if isinstance(n, Invoke) and module.find(n.function, "function", "activation") is None
    )
    sizes = sorted(sizes_used(left) | sizes_used(right))
    span = left.span or right.span
    assert span is not None, "an expression without a place in a source"
    step = Step("equation", span, right, expected=left)
    subject = Subject((*free, *others.values()), (), {}, (step,), assumptions, tuple(opaque), tuple(sizes))
    return prove_subject(subject, module, limits, judge=judge)[0]


class VariantProof:
    """Variants of one step of a subject, proven with the steps before it taken for granted.

    `right` tells of these whether they hold: where one does not, the true gradient is read instead of it.
    """

    def __init__(self, subject: Subject, module: Module, position: int, right: Sequence[bool]) -> None:
        self.module = module
        self.step = subject.steps[position]
        self.proof = _SubjectProof(replace(subject, steps=subject.steps[: position + 1]), module, Limits(), False)
        for step, holds in zip(self.proof.subject.steps, right, strict=False):
            self.proof.take(step, holds)

    def outcome(self, written: Node, limits: Limits) -> Outcome:
        """Whether the step holds for all sizes with another right side: everywhere, off ties, or not as is known."""
        self.proof.limits = limits
        return self.proof.outcome(_inlined(replace(self.step, written=written), self.module))


class _SubjectProof:
    """The steps of one subject, judged in order."""

    def __init__(self, subject: Subject, module: Module, limits: Limits, judge: bool) -> None:
        program = tuple(replace(a, value=inline(a.value, module)) for a in subject.program)
        steps = tuple(_inlined(s, module) for s in subject.steps)
        self.subject = replace(subject, program=program, steps=steps)
        self.module = module
        self.limits = limits
        self.judging = judge
        self.judge = Judge(self.subject, module)
        self.chain = Backpropagation({a.target: a.value for a in program}, subject.seeds)
        self.shapes: dict[str, Shape] = {f.name: f.shape for f in subject.free} | {a.target: a.shape for a in program}
        self.named: dict[str, Node] = {}
        """Names that earlier steps gave to parts of equations."""
        self.accepted: dict[str, str] = {}
        """Variables whose gradient an earlier step gave, with the gradient's name."""
        self.moving: dict[str, str] = dict(subject.moving)
        """Variables whose tangent is given, or was by an earlier step, with the tangent's name."""
        self.algebras: dict[bool, Algebra] = {}
        self.end = time.process_time() + limits.total
        self.until = min(self.end, time.process_time() + limits.seconds)
        """The processor time at which the proof of the current equation is given up."""

    def run(self) -> Iterator[EquationResult]:
        for step in self.subject.steps:
            holds = True
            if step.is_question:
                started = time.process_time()
                result = self._judged(step)
                yield result.timed(time.process_time() - started)
                holds = result.verdict == "proved"
            self.take(step, holds)

    def take(self, step: Step, holds: bool) -> None:
        """Make what a step says, or should have said, known to the steps below it."""
        if not step.is_question:
            self.named[step.target] = step.written
        elif step.gradient_of is not None:
            self.accepted[step.gradient_of] = step.target
        elif step.tangent_of is not None:
            self.moving[step.tangent_of] = step.target
        self.judge.learn(step, holds)

    def outcome(self, step: Step) -> Outcome:
        """Whether the normal forms of both sides agree."""
        self.until = time.process_time() + self.limits.seconds
        return self._attempts(step, 0, LEVELS)[0]

    def _judged(self, step: Step) -> EquationResult:
        unknown = EquationResult(step.target, step.span.line, step.span, "unknown")
        if time.process_time() > self.end:
            return replace(unknown, message="a limit was reached: too much time for one definition")
        self.until = min(self.end, time.process_time() + self.limits.seconds)
        self.judge.begin()
        outcome, reason = self._attempts(step, 0, 1)
        if outcome == "undecided" and not self.judge.suspects(step):
            outcome, more = self._attempts(step, 1, LEVELS)
            reason = reason or more
        if outcome == "undecided":
            reason = reason or "the normal forms of the two sides differ, but no counterexample was found"
            return self._refuted(step, unknown) or replace(unknown, message=reason)
        if self.judging and not self.judge.confirms(step):
            reason = "no point was found at which both sides have a value and all assumptions hold"
            return self._refuted(step, unknown) or replace(unknown, message=reason)
        return replace(unknown, verdict="proved", message=self._conditions(step, outcome))

    def _refuted(self, step: Step, unknown: EquationResult) -> EquationResult | None:
        found = self.judge.refute(step)
        if found is None:
            return None
        i, j = found.position
        right = "it is" if step.is_derivative else "the other side is"
        message = f"entry ({i}, {j}) is {found.yours} as written, but {right} {found.derived}"
        if found.yours.startswith(NO_VALUE):
            message = f"the right side has {found.yours} where the other side has one"
        elif found.derived.startswith(NO_VALUE):
            message = f"the left side has {found.derived} where the other side has one"
        return replace(unknown, verdict="refuted", message=message, counterexample=found)

    def _conditions(self, step: Step, outcome: Outcome) -> str:
        conditions = [c for c in (self.judge.assumption_text(),) if c]
        if has_maximum(self.subject) and (step.is_derivative or step.derivatives):
            conditions.append("where no maximum is attained twice")
        if outcome == "off ties":
            conditions.append("where no two compared values are equal")
        return ", ".join(["for all sizes", *conditions])

    # --- normal forms --------------------------------------------------------------------------------

    def _attempts(self, step: Step, first: int, end: int) -> tuple[Outcome, str]:
        """Try to prove a step, unfolding more and more; what was reached, and why not further."""
        reason = ""
        levels = list(self._levels(step))
        for level in levels[first:end]:
            for reducing in (True, False):
                try:
                    outcome = self._outcome(step, level, reducing)
                except (LimitReached, RecursionError, MemoryError) as limit:
                    reason = f"a limit was reached: {limit}" if isinstance(limit, LimitReached) else TOO_DEEP
                    self.algebras.pop(reducing, None)
                    continue
                except Undefined as error:
                    return "undecided", f"a side has a value nowhere: {error}"
                if outcome != "undecided":
                    return outcome, ""
                break
        return "undecided", reason

    def _levels(self, step: Step) -> Iterator[Level]:
        """What is replaced by what it is computed from, cheapest first."""
        yield Level({})
        if step.tangent_of is not None:
            yield Level(self.chain.program)
            yield Level(self.chain.program, gradients=True)
            return
        if step.gradient_of is None or not self.chain.program:
            return
        program = {n: v for n, v in self.chain.program.items() if n != step.gradient_of}
        below = self.chain.downstream(step.gradient_of)
        downstream = {n: v for n, v in program.items() if n in below}
        if downstream:
            yield Level(program, split=True)
            yield Level(downstream)
        if len(program) > len(downstream):
            yield Level(program)
        if self.accepted:
            yield Level(program, gradients=True)

    def _outcome(self, step: Step, level: Level, reducing: bool) -> Outcome:
        algebra = self._algebra(reducing)
        algebra.budget.renew(self.limits.steps, self.until)
        try:
            whole = self._difference(step, algebra, Level({}) if level.split else level)
            outcome: Outcome = "everywhere"
            for part in self._parts(algebra, whole, level.values if level.split else {}):
                outcome = max(outcome, vanishes(algebra, part, self._moving(step)), key=OUTCOMES.index)
                if outcome == "undecided":
                    break
            return outcome
        finally:
            algebra.top = 3

    def _parts(self, algebra: Algebra, form: Form, values: Mapping[str, Node]) -> Iterator[Form]:
        """The terms by the gradient DU in them, which is free, so that those with different ones cannot cancel.

        In those with DU, U is replaced by its value.
        """
        targets = {target: variable for variable, target in (*self.accepted.items(), *self.chain.seeds.items())}
        parts: dict[str, Terms] = {}
        for monomial, c in form.terms.items():
            names = frozenset().union(*(algebra.atoms[s].names for s, _ in monomial)) & targets.keys()
            parts.setdefault(min(names) if len(names) == 1 else "", {})[monomial] = c
        for target, terms in parts.items():
            value = values.get(targets.get(target, ""))
            replaced = {} if value is None else {targets[target]: entries(Reader(algebra), value)}
            yield algebra.replace(Form(algebra, terms), replaced)

    def _moving(self, step: Step) -> frozenset[str]:
        """The tensors whose entries a derivative in this step is taken by, and what depends on them."""
        if step.gradient_of is not None:
            return self.chain.downstream(step.gradient_of) | {step.gradient_of}
        if step.tangent_of is not None:
            return frozenset(self.moving) | self.chain.program.keys()
        return frozenset(d.wrt.name for d in step.derivatives.values())

    def _difference(self, step: Step, algebra: Algebra, level: Level) -> Form:
        derived: Gradients | Directional
        if step.gradient_of is not None:
            name, known = step.gradient_of, self.accepted
            derived = Gradients(self.chain, algebra, {} if level.gradients else known)
        elif step.tangent_of is not None:
            name, given = step.tangent_of, self.subject.moving
            known = {variable: target for variable, target in self.moving.items() if variable not in given}
            opaque = given if level.gradients else self.moving
            derived = Directional(self.chain.program, algebra, opaque, self.shapes)
        else:
            return self._claimed(step, algebra)
        i, j = fits(step.written.shape, 1, 2)
        reader = Reader(algebra, {**self.named, **level.values})
        replaced: dict[str, Definition] = {n: entries(reader, v) for n, v in level.values.items()}
        if level.gradients:
            for variable, target in known.items():
                unfold = derived_entries(derived, variable, self.shapes[variable])
                reader.definitions[target] = replaced[target] = _within(algebra, unfold, dict(replaced))
        expected = derived.derived(name, i, j)
        return algebra.replace(expected, replaced) - reader.entry(step.written, i, j)

    def _claimed(self, step: Step, algebra: Algebra) -> Form:
        assert step.expected is not None
        letters = {} if step.index is None else {step.index[1]: 3}
        reader = Reader(algebra, {**self.named, **step.derivatives}, letters)
        i, j = fits(step.written.shape, 1, 2)
        return reader.entry(step.expected, i, j) - reader.entry(step.written, i, j)

    def _algebra(self, reducing: bool) -> Algebra:
        algebra = self.algebras.get(reducing)
        if algebra is None or len(algebra.atoms) > MOST_ATOMS:
            budget = Budget(self.limits.steps, self.until - time.process_time())
            algebra = self.algebras[reducing] = prepared_algebra(self.subject, self.module, budget)
            algebra.reducing = reducing
            algebra.top = 3
        return algebra


def _within(algebra: Algebra, value: Definition, replaced: Mapping[str, Definition]) -> Definition:
    return lambda i, j: algebra.replace(value(i, j), replaced)


def _inlined(step: Step, module: Module) -> Step:
    return replace(
        step,
        written=inline(step.written, module),
        expected=None if step.expected is None else inline(step.expected, module),
        derivatives={name: replace(d, of=inline(d.of, module)) for name, d in step.derivatives.items()},
    )


__all__ = ["Contradiction", "Dim", "Limits", "VariantProof", "prove_definition", "prove_equal", "prove_subject"]
