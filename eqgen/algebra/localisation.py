"""What is wrong with a refuted equation, where, and what was meant.

The neighbours of the written right side, one slip of the pen away, are looked at in double precision; those that seem
right are proven for all sizes. The closest one that is proven tells the place of the mistake, its name, and what to
write. Where there is none, the written side is laid beside the derived one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from eqgen.algebra.alignment import parting
from eqgen.algebra.available import available
from eqgen.algebra.coefficients import doubled_and_halved, solved_coefficients
from eqgen.algebra.corrections import Line
from eqgen.algebra.decision import Outcome
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.derived_side import derived_side
from eqgen.algebra.edits import Vocabulary, operation_edits, structural_edits
from eqgen.algebra.expressions import Node, walk
from eqgen.algebra.influence import influences
from eqgen.algebra.mistakes import Edit, Mistake
from eqgen.algebra.positions import at, count, put
from eqgen.algebra.prover import Limits, VariantProof
from eqgen.algebra.questions import Subject, subjects
from eqgen.algebra.replacements import missing_factors, missing_terms, other_expressions, other_names
from eqgen.algebra.screening import Screen, screen
from eqgen.algebra.simplest import simplest_counterexample
from eqgen.algebra.verdict import Counterexample, EquationResult, Explanation
from eqgen.language.model import Span

SEARCH_SECONDS = 1.0
"""Processor time for the neighbours of one equation."""
PROOF_SECONDS = 1.0
"""For the proofs of those that seem right."""
EXAMPLE_SECONDS = 1.0
"""For its counterexample."""
PROOF = Limits(steps=60_000, seconds=0.5)
"""For one neighbour."""
MOST_SUGGESTIONS = 2
MOST_PROOFS = 24
WORTH_OFFERING = 0.3
"""How much farther than the closest correction another one may be; it is never longer."""


def explained(
    definition: TypedDefinition, module: Module, results: Sequence[EquationResult]
) -> tuple[EquationResult, ...]:
    """The results on a definition's equations, in their order, with what teaches.

    A refuted equation gets an explanation and the simplest counterexample; a gradient that is zero because nothing
    depends on its variable says so. What follows the equations (recorded misprints) stays as it is.
    """
    verdicts = list(results)
    asked_for = sum(step.is_question for subject in subjects(definition) for step in subject.steps)
    if len(verdicts) != asked_for + len(definition.misprints):
        return tuple(verdicts)  # the definition was given up as a whole
    k = number = 0
    for subject in subjects(definition):
        right: list[bool] = []
        for position, step in enumerate(subject.steps):
            holds = True
            if step.is_question:
                holds = verdicts[k].verdict in ("proved", "checked")
                if verdicts[k].verdict == "refuted":
                    asked, exchanged = as_written(subject, position)
                    line = Line(definition, module, number + position, asked.steps[position], exchanged)
                    with contextlib.suppress(RecursionError):  # it stays without an explanation
                        verdicts[k] = _Question(line, asked, position, right).explained(verdicts[k])
                elif holds and step.gradient_of is not None and not depends(subject, step.gradient_of):
                    note = f"no output depends on `{step.gradient_of}`"
                    verdicts[k] = replace(verdicts[k], message="; ".join(filter(None, [verdicts[k].message, note])))
                k += 1
            right.append(holds)
        number += len(subject.steps)
    return tuple(verdicts)


def as_written(subject: Subject, position: int) -> tuple[Subject, bool]:
    """The subject with the sides of a claim exchanged where the left one is what stands in the equation's line."""
    step = subject.steps[position]
    if step.expected is None or _stands_in(step.written, step.span) or not _stands_in(step.expected, step.span):
        return subject, False
    exchanged = replace(step, written=step.expected, expected=step.written)
    return replace(subject, steps=(*subject.steps[:position], exchanged, *subject.steps[position + 1 :])), True


def _stands_in(node: Node, span: Span) -> bool:
    places = (n.span for n in walk(node))
    return any(p is not None and span.start <= p.start and p.end <= span.end for p in places)


def depends(subject: Subject, name: str) -> bool:
    """Whether an output of a subject's program depends on a name."""
    return influences(name, subject.program, subject.seeds)


def vocabulary(subject: Subject, module: Module) -> Vocabulary:
    functions = []
    for d in module.of_kind("function"):
        inputs = list(d.with_role("input"))
        if len(inputs) == 1 and not d.numbers and d.block("body")[-1].shape == inputs[0].shape:
            functions.append(d.name)
    activations = {*subject.activations, *(d.name for d in module.of_kind("activation"))}
    return Vocabulary(subject.sizes, frozenset(activations), tuple(functions))


@dataclass(frozen=True, slots=True)
class Correction:
    """An edit that is proven, and the equation that it leads to as text."""

    edit: Edit
    text: str


class _Question:
    """One refuted equation."""

    def __init__(self, line: Line, subject: Subject, position: int, right: list[bool]) -> None:
        self.line = line
        self.subject = subject
        self.position = position
        self.right = list(right)
        self.step = subject.steps[position]
        self.written = self.step.written
        self.deadline = time.process_time() + SEARCH_SECONDS
        self.proof_seconds = PROOF_SECONDS

    def explained(self, result: EquationResult) -> EquationResult:
        example = simplest_counterexample(self.subject, self.line.module, self.position, self.right, EXAMPLE_SECONDS)
        self.deadline = time.process_time() + SEARCH_SECONDS
        explanation = self.explanation(self.difference(example) or result.message)
        return replace(
            result,
            message=explanation.message,
            counterexample=example or result.counterexample,
            explanation=explanation,
        )

    def difference(self, example: Counterexample | None) -> str:
        """What an example shows, as a sentence."""
        if example is None:
            return ""
        i, j = example.position
        right = "it is" if self.step.gradient_of is not None else "the other side is"
        return f"entry ({i}, {j}) is {example.yours} as written, but {right} {example.derived}"

    def explanation(self, otherwise: str) -> Explanation:
        screened = screen(self.subject, self.line.module, self.position, self.right, self.late)
        self.proof = VariantProof(self.subject, self.line.module, self.position, self.right)
        derived = derived_side(self.line.definition, self.line.module, self.subject, self.position)
        if derived is not None and (derived.shape != self.written.shape or self.outcome(derived) == "undecided"):
            derived = None
        self.deadline = time.process_time() + SEARCH_SECONDS
        corrections = self.corrections(screened, derived)
        mistake, message, span = self.diagnosis(screened, derived, corrections, otherwise)
        texts = [c.text for c in corrections]
        if self.step.gradient_of is None:
            return Explanation(str(mistake), message, span, self.line.original(), "", tuple(texts))
        if mistake in (Mistake.INDEPENDENT, Mistake.VANISHES):
            texts.clear()
        if not texts and derived is not None and (text := self.line.corrected((), derived, derived)):
            texts.append(text)
        equation = "" if derived is None else self.line.equation(derived)
        return Explanation(str(mistake), message, span, self.line.original(), equation, tuple(texts))

    # --- neighbours ----------------------------------------------------------------------------------

    def phases(self, screened: Screen, derived: Node | None) -> Iterator[tuple[float, Iterator[Edit]]]:
        """The neighbours, from near to far: each time what they cost at least."""
        definition, module = self.line.definition, self.line.module
        known = available(definition, self.subject, self.position, derived, module)
        entrywise = self.line.has_scalar_functions
        words = vocabulary(self.subject, module)
        yield 0.0, chain(structural_edits(self.written, words), other_names(self.written, known))
        solved = solved_coefficients(self.written, screened, self.late)
        yield 0.9, chain(solved, operation_edits(self.written, words))
        yield 1.5, chain(doubled_and_halved(self.written), missing_factors(self.written, known, entrywise))
        yield 2.0, missing_terms(self.written, known, entrywise)
        yield 3.0, other_expressions(self.written, known, entrywise)

    def hits(self, edits: Iterator[Edit], screened: Screen) -> list[tuple[Edit, Node]]:
        """Those that seem right, closest first, each right side once."""
        found: dict[Node, Edit] = {}
        for tried, edit in enumerate(edits):
            if tried % 16 == 0 and self.late():
                break
            if not screened.passes(edit.path, edit.new):
                continue
            right = put(self.written, edit.path, edit.new)
            if right not in found or edit.cost < found[right].cost:
                found[right] = edit
        return sorted(((e, r) for r, e in found.items()), key=lambda hit: hit[0].cost)

    def proven(self, screened: Screen, derived: Node | None) -> list[tuple[Edit, Node, Outcome]]:
        """The closest neighbours that are proven, no longer than the closest of all."""
        found: list[tuple[Edit, Node, Outcome]] = []
        for least, edits in self.phases(screened, derived):
            if found and found[0][0].cost <= least:
                break
            for edit, right in self.hits(edits, screened)[:MOST_PROOFS]:
                if found and self.is_worse(edit, right, *found[0][:2]):
                    continue
                outcome = self.outcome(right)
                if outcome != "undecided":
                    found.append((edit, right, outcome))
            found.sort(key=lambda hit: hit[0].cost)
        return found

    @staticmethod
    def is_worse(edit: Edit, right: Node, best: Edit, best_right: Node) -> bool:
        """Whether a neighbour is not worth offering beside a proven one."""
        longer = edit.cost >= best.cost and count(right) > count(best_right)
        return longer or edit.cost > best.cost + WORTH_OFFERING

    def corrections(self, screened: Screen, derived: Node | None) -> list[Correction]:
        """The closest neighbours that are proven, as text; those that hold everywhere, if there are any."""
        proven = self.proven(screened, derived)
        everywhere = [hit for hit in proven if hit[2] == "everywhere"]
        found: list[Correction] = []
        for edit, right, _ in everywhere or proven:
            if len(found) == MOST_SUGGESTIONS:
                break
            if any((c.edit.mistake, c.edit.place) == (edit.mistake, edit.place) for c in found):
                continue
            if text := self.line.corrected(edit.path, edit.new, right):
                found.append(Correction(edit, text))
        return found

    def outcome(self, right: Node) -> Outcome:
        """Whether a right side is proven, as long as there is time for proofs."""
        started = time.process_time()
        if self.proof_seconds <= 0:
            return "undecided"
        limits = replace(PROOF, seconds=min(PROOF.seconds, self.proof_seconds))
        try:
            return self.proof.outcome(right, limits)
        finally:
            self.proof_seconds -= time.process_time() - started

    def late(self) -> bool:
        return time.process_time() > self.deadline

    # --- diagnosis -----------------------------------------------------------------------------------

    def diagnosis(
        self, screened: Screen, derived: Node | None, corrections: Sequence[Correction], otherwise: str
    ) -> tuple[Mistake, str, Span]:
        """The mistake, a sentence about it, and where it is."""
        line, variable = self.line, self.step.gradient_of
        if variable is not None and screened.expects_zero:
            reason = "all contributions to this gradient cancel: it is zero"
            if not depends(self.subject, variable):
                reason = f"no output depends on `{variable}`, so its gradient is zero"
            return Mistake.INDEPENDENT, reason, line.span_of(())
        if variable is not None and screened.is_zero:
            outputs = " and ".join(f"`{name}`" for name in self.subject.seeds)
            verb = "depends" if len(self.subject.seeds) == 1 else "depend"
            return Mistake.VANISHES, f"this is zero everywhere, but {outputs} {verb} on `{variable}`", line.span_of(())
        if corrections:
            edit = corrections[0].edit
            return edit.mistake, edit.sentence(line.show), line.span_of(edit.place, edit.operator)
        if derived is not None and variable is not None:
            return self.beside(derived, screened)
        return Mistake.SEVERAL, otherwise, line.span_of(())

    def beside(self, derived: Node, screened: Screen) -> tuple[Mistake, str, Span]:
        """More than one slip: where the written side parts from the derived one."""
        line = self.line
        found = parting(self.written, derived, screened)
        span = line.span_of(found.path)
        here = line.show(at(self.written, found.path))
        if found.derived is None:
            return Mistake.EXTRA_TERM, f"the term {here} has no counterpart in the derivation", span
        there = line.show(found.derived)
        if found.missing:
            return Mistake.MISSING_TERM, f"the term {there} is missing", span
        return Mistake.SEVERAL, f"{here} should be {there}", span
