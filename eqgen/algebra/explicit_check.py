"""The second judge: every equation written out at several unequal sizes.

A gradient is not taken from the operation table's adjoints. The entries of each forward statement are written out with
its `explicit` cells, SymPy differentiates them one by one, and the local derivatives are multiplied in reverse order,
against a free gradient of every output. Never against the sum of the output's entries: with such a loss the gradients
of batch normalisation vanish, and wrong equations pass as 0 = 0.

Whether the two sides are equal is decided at random rational points, in exact arithmetic where all values are rational,
else with 50 digits; and, where both are polynomials, also by expanding their difference, which is exact at that size.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eqgen.algebra.counterexamples import smallest_counterexample
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.printed import judged
from eqgen.algebra.questions import Step, Subject, subjects
from eqgen.algebra.trials import OutOfTime, Point, TooLarge, Trial
from eqgen.algebra.verdict import EquationResult

MOST_TIES = 3
"""Points that may be left out; at more the derivative is at fault, not the point."""


def check_definition(
    definition: TypedDefinition, module: Module, *, draws: int = 3, seed: int = 0, seconds: float = 30.0
) -> list[EquationResult]:
    """A verdict for every gradient, activation derivative, stable form and claim of a definition, in their order.

    `module` gives the functions and activations that the definition calls. The verdicts are `checked`, `refuted` with
    a counterexample, `refuted as printed` for the misprints that are recorded, and `unknown` where `seconds` were not
    enough, where matrices are too large to be written out, or where no point was found that satisfies what is assumed.
    """
    deadline = time.monotonic() + seconds

    def check(subject: Subject) -> list[EquationResult]:
        return _Judge(subject, module, draws, seed, deadline).run()

    return [result for subject in subjects(definition) for result in check(subject)] + judged(definition, check)


@dataclass
class _Open:
    """What is known of a question so far."""

    step: Step
    seconds: float = 0.0
    exact: bool = True
    rational: bool = True
    ties: int = 0
    """Points at which finite differences contradict the derivative: there is none, two compared values are equal."""


class _Judge:
    """Judges the questions of one subject."""

    def __init__(self, subject: Subject, module: Module, draws: int, seed: int, deadline: float) -> None:
        self.subject = subject
        self.module = module
        self.draws = draws
        self.seed = seed
        self.deadline = deadline
        self.open = [_Open(step) for step in subject.steps if step.is_question]
        self.results: dict[int, EquationResult] = {}

    def run(self) -> list[EquationResult]:
        used: list[dict[str, int]] = []
        try:
            for sizes in unequal_sizes(self.subject.sizes):
                self.at(sizes)
                used.append(sizes)
        except (OutOfTime, TooLarge) as limit:
            self.give_up(str(limit))
        for question in self.open:
            if id(question) not in self.results:
                self.results[id(question)] = self.checked(question, used)
        return [self.results[id(question)].timed(question.seconds) for question in self.open]

    def undecided(self) -> Iterator[_Open]:
        return (q for q in self.open if id(q) not in self.results)

    def at(self, sizes: Mapping[str, int]) -> None:
        """Try all questions that are not refuted yet at one choice of sizes."""
        started = time.monotonic()
        trial = Trial(self.subject, self.module, sizes, self.deadline)
        for draw in range(self.draws):
            point = trial.point(self.seed * 1000 + draw, draw)
            if point is None:
                self.give_up("no point was found at which all functions are defined and all assumptions hold")
                return
            self.share(time.monotonic() - started)
            for question in list(self.undecided()):
                started = time.monotonic()
                position = point.difference(question.step)
                question.rational = question.rational and point.exact
                if position is not None:
                    self.refute(question, trial, point, position)
                question.seconds += time.monotonic() - started
            started = time.monotonic()
        for question in list(self.undecided()):
            started = time.monotonic()
            question.exact = question.exact and trial.expands_to_zero(question.step)
            question.seconds += time.monotonic() - started

    def share(self, seconds: float) -> None:
        """Time spent for all questions together."""
        for question in self.open:
            question.seconds += seconds / len(self.open)

    def refute(self, question: _Open, trial: Trial, point: Point, position: tuple[int, int]) -> None:
        step = question.step
        found = smallest_counterexample(self.subject, self.module, step, (trial, point, position), self.deadline)
        if found is None:
            question.ties += 1
            if question.ties <= MOST_TIES:
                return
            message = "explicit derivatives and finite differences disagree: an error of eqgen, please report it"
            self.results[id(question)] = EquationResult(
                step.target, step.span.line, step.span, "unknown", message=message
            )
            return
        i, j = found.position
        right = "it is" if step.gradient_of is not None else "the other side is"
        message = f"entry ({i}, {j}) is {found.yours} as written, but {right} {found.derived}"
        self.results[id(question)] = EquationResult(
            step.target, step.span.line, step.span, "refuted", message=message, counterexample=found
        )

    def checked(self, question: _Open, used: list[dict[str, int]]) -> EquationResult:
        step = question.step
        sizes = "; ".join(", ".join(f"{name}={value}" for name, value in s.items()) for s in used)
        how = "exact" if question.rational else "50 digits"
        message = f"{self.draws} random rational points at each, {how}" + "; expanded" * question.exact
        if question.ties:
            message += f"; {question.ties} left out, where two compared values are equal"
        text = f"checked at sizes {sizes}" if sizes else "checked; no sizes occur"
        return EquationResult(step.target, step.span.line, step.span, "checked", text, message=message)

    def give_up(self, reason: str) -> None:
        for question in self.undecided():
            step = question.step
            self.results[id(question)] = EquationResult(
                step.target, step.span.line, step.span, "unknown", message=reason
            )
