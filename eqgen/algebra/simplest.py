"""Counterexamples that a person can follow: the smallest sizes, and numbers as simple as they can be.

A point at which an equation is wrong is simplified entry by entry, 0 before 1 before -1 before 2, as long as it stays
wrong there. The derived value is confirmed by a central difference of the forward equations before it is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import counterexample_sizes
from eqgen.algebra.expressions import symbols
from eqgen.algebra.fields import MpmathField, NotPolynomial, RationalField
from eqgen.algebra.questions import Free, Step, Subject
from eqgen.algebra.refutation import NOWHERE
from eqgen.algebra.verdict import Counterexample
from eqgen.algebra.witness import TooLarge, Witness, number_text, witnesses

SIMPLE = tuple(Fraction(n) for n in (0, 1, -1, 2, -2, 3))
"""Numbers from simple to less simple; any other is less simple still."""
SEEDS = (1, 2)
DRAWS = 2
ROUNDING = 1e-30
"""Of values with 50 digits."""
AGREEMENT = 1e-10
"""Of the central difference, which is text with twelve digits, with the derived value."""

Arrays = Mapping[str, Any]
Position = tuple[int, int]


def simplest_counterexample(
    subject: Subject, module: Module, position: int, right: list[bool], seconds: float
) -> Counterexample | None:
    """The simplest counterexample to a step that is found in the given time; None when none is found.

    `right` tells of the steps before whether they hold: where one does not, the true gradient is read instead of it.
    """
    search = _Search(subject, module, position, right, time.process_time() + seconds)
    for sizes in counterexample_sizes(subject):
        for found in search.points(sizes):
            witness, entry = search.simplified(found)
            if (example := search.confirmed(witness, entry)) is not None:
                return example
        if search.late():
            break
    return None


class _Search:
    def __init__(self, subject: Subject, module: Module, position: int, right: list[bool], deadline: float) -> None:
        self.subject = subject
        self.module = module
        self.step: Step = subject.steps[position]
        self.before = list(zip(subject.steps[:position], right, strict=True))
        self.deadline = deadline

    def late(self) -> bool:
        return time.process_time() > self.deadline

    def points(self, sizes: dict[str, int]) -> Iterator[tuple[Witness, Position]]:
        """Points of small integers at which the step is wrong."""
        for seed in SEEDS:
            try:
                for witness in witnesses(self.subject, self.module, sizes, seed, draws=DRAWS, integers=True):
                    found = self.wrong_at(witness, witness.free)
                    if found is not None:
                        yield found
            except TooLarge:
                return

    def wrong_entry(self, witness: Witness) -> Position | None:
        """The first entry in which the sides differ. Raises NotPolynomial where exact fractions do not suffice."""
        try:
            for step, holds in self.before:
                witness.learn(step, holds)
            return witness.difference(self.step)
        except NotPolynomial:
            raise
        except NOWHERE:
            return None

    # --- simplification ------------------------------------------------------------------------------

    def simplified(self, found: tuple[Witness, Position]) -> tuple[Witness, Position]:
        """Whole matrices first, then single entries, until nothing can be made simpler."""
        best = found
        changed = True
        while changed and not self.late():
            changed = False
            for free, trial in self.simpler(best[0].free):
                better = self.wrong_at(best[0], {**best[0].free, free: trial})
                if better is not None:
                    best, changed = better, True
                    break
        return best

    def simpler(self, values: Arrays) -> Iterator[tuple[str, Any]]:
        """A matrix with simpler entries, the boldest changes first."""
        open_ = [f for f in self.subject.free if f.bound is None and not f.one_hot and f.name in values]
        for f in open_:
            for number in _choices(f):
                array = values[f.name]
                if sum(map(_rank, array.flat)) > array.size * _rank(number):
                    trial = array.copy()
                    trial.fill(number)
                    yield f.name, trial
        for f in open_:
            array = values[f.name]
            for place in np.ndindex(*array.shape):
                for number in _choices(f):
                    if _rank(array[place]) > _rank(number):
                        trial = array.copy()
                        trial[place] = number
                        yield f.name, trial

    def wrong_at(self, like: Witness, free: Arrays) -> tuple[Witness, Position] | None:
        """The point, if the assumptions hold and the step is wrong there."""
        if self.late():
            return None
        for field in (RationalField(like.sizes), MpmathField(like.sizes)):
            try:
                witness = Witness(self.subject, self.module, like.sizes, free, field, like.functions)
                if not witness.admissible():
                    return None
                entry = self.wrong_entry(witness)
                return None if entry is None else (witness, entry)
            except NotPolynomial:
                continue
            except NOWHERE:
                return None
        return None

    # --- confirmation --------------------------------------------------------------------------------

    def confirmed(self, witness: Witness, entry: Position) -> Counterexample | None:
        """What is shown; None where the central difference contradicts the derived entry."""
        try:
            yours, derived = witness.written(self.step)[entry], witness.expected(self.step)[entry]
            central = witness.central_difference(self.step, entry)
        except NOWHERE:
            return None
        if central and not _close(central, derived):
            return None
        i, j = entry
        # Results of the forward pass that the equation reads save whoever follows it some work.
        read = symbols(self.step.written) | (symbols(self.step.expected) if self.step.expected else frozenset())
        shown = {**witness.free, **{n: a for n, a in witness.values.items() if n in read and n not in witness.free}}
        values = {n: tuple(tuple(_text(v) for v in row) for row in array) for n, array in shown.items()}
        texts = (_text(yours), _text(derived), central)
        return Counterexample(witness.sizes, values, (i + 1, j + 1), *texts, str(witness.functions))


def _choices(free: Free) -> tuple[Fraction, ...]:
    if free.default is not None:
        return (free.default, *SIMPLE)
    return tuple(n for n in SIMPLE if n > 0) if free.positive else SIMPLE


def _rank(number: Any) -> int:
    return SIMPLE.index(number) if number in SIMPLE else len(SIMPLE)


def _text(value: Any) -> str:
    """A number as text; what is zero but for rounding is zero."""
    return number_text(value) if isinstance(value, (int, Fraction)) or abs(value) >= ROUNDING else "0"


def _close(central: str, derived: Any) -> bool:
    """Whether a difference, as text of twelve digits, is the derived number."""
    field = MpmathField()
    numerator, _, denominator = central.partition("/")
    value = field.library.mpf(numerator) / field.library.mpf(denominator or "1")
    reference = field.number(derived) if isinstance(derived, Fraction) else derived
    return bool(abs(value - reference) <= AGREEMENT * (1 + abs(reference)))
