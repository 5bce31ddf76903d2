"""The judge that evaluates: it confirms what is proved, and finds counterexamples with small sizes and numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import counterexample_sizes, unequal_sizes
from eqgen.algebra.dual_numbers import Kink
from eqgen.algebra.expressions import Apply, Constant, distinct
from eqgen.algebra.fields import DomainError, MpmathField, NotPolynomial, filled
from eqgen.algebra.notation import notation
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.verdict import Counterexample
from eqgen.algebra.witness import NotReal, TooLarge, Witness, number_text, witnesses

SECONDS = 4.0
"""For the evaluation of one equation, the search of its smallest counterexample included."""
ENOUGH = 12
"""Points at which one side only has a value, after which no other difference is looked for."""
CASE_POINTS = 32
"""Points tried for an equation with conditions."""
CASES = ("max", "min", "abs", "sign", "floor", "where", "less", "less_equal", "greater", "greater_equal", "equal")
POINTS = 2
"""Points at which an equation that is not proved is tried first."""

NO_VALUE = "no value"

NOWHERE = (Kink, NotReal, ArithmeticError, ValueError)
"""At this point nothing can be said."""


class Contradiction(Exception):
    """The normal form proves an equation that is wrong at a point: an error of eqgen. The text tells the point."""


class Judge:
    """Evaluates the steps of a subject at points that it draws once."""

    def __init__(self, subject: Subject, module: Module) -> None:
        self.subject = subject
        self.module = module
        self.learned: list[tuple[Step, bool]] = []
        self.until = time.monotonic() + SECONDS
        self._quick: list[Witness] | None = None
        self._known: dict[int, int] = {}
        self._agreed: dict[int, tuple[Step, bool | None]] = {}
        """By identity; the step is kept so that its identity stays its own."""

    def begin(self) -> None:
        """A new equation: it may take its own time."""
        self.until = time.monotonic() + SECONDS

    def learn(self, step: Step, judged_true: bool) -> None:
        """Later steps may read what this one assigns."""
        self.learned.append((step, judged_true))

    def assumption_text(self) -> str:
        texts = [notation(a) for a in self.subject.assumptions]
        texts += [f"one_hot({f.name})" for f in self.subject.free if f.one_hot]
        texts += [f"{f.name} > 0" for f in self.subject.free if f.positive]
        return "assuming " + " and ".join(texts) if texts else ""

    # --- confirmation --------------------------------------------------------------------------------

    def confirms(self, step: Step) -> bool:
        """Evaluate a step that is proved. False when no point was found; raises Contradiction when it is wrong."""
        agrees = self._agrees(step)
        if agrees:
            return True
        found = self._exact_difference(step)
        if found is not None:
            raise Contradiction(
                f"`{step.target}` is proved by normal forms, but entry {found.position} is {found.yours} and not "
                f"{found.derived} at {found.sizes} with {found.values}. This is an error of eqgen, please report it."
            )
        return agrees is not None or self._is_defined(step)

    def suspects(self, step: Step) -> bool:
        """Whether the sides seem to differ, in double precision."""
        return self._agrees(step) is False

    def _agrees(self, step: Step) -> bool | None:
        """Whether the sides agree in double precision; None where they have no value."""
        if id(step) not in self._agreed:
            agrees: bool | None = None
            for witness in self._points():
                try:
                    agrees = self._prepared(witness).agrees(step, self._direction(witness, step))
                    break
                except NOWHERE:
                    continue
            self._agreed[id(step)] = step, agrees
        return self._agreed[id(step)][1]

    def _is_defined(self, step: Step) -> bool:
        for sizes in unequal_sizes(self.subject.sizes)[:2]:
            for witness in self._exact(sizes, seed=11, draws=3):
                try:
                    witness.written(step)
                    return True
                except (NotReal, OverflowError):
                    return True  # There is a value, too large to be written down.
                except NOWHERE:
                    continue
        return False

    def _points(self) -> list[Witness]:
        """Points in double precision, drawn once for all steps."""
        if self._quick is None:
            sizes = unequal_sizes(self.subject.sizes)[1 % len(unequal_sizes(self.subject.sizes))]
            try:
                self._quick = list(
                    witnesses(self.subject, self.module, sizes, 7, draws=1, quick=True, until=self.until)
                )
            except TooLarge:
                self._quick = []
        return self._quick

    def _prepared(self, witness: Witness) -> Witness:
        """The point with the names that earlier steps assign."""
        done = self._known.get(id(witness), 0)
        for step, judged_true in self.learned[done:]:
            witness.learn(step, judged_true)
        self._known[id(witness)] = len(self.learned)
        return witness

    def _direction(self, witness: Witness, step: Step) -> Any:
        if step.gradient_of is None:
            return None
        shape = witness.values[step.gradient_of].shape
        return filled(lambda i, j: witness.field.number(Fraction((7 * i + 3 * j) % 11 + 1, 6)), shape)

    # --- refutation ----------------------------------------------------------------------------------

    def refute(self, step: Step) -> Counterexample | None:
        """A counterexample, at the smallest sizes that have one; None when none was found.

        Where one side has a value and the other has none, that is a counterexample too, the last resort.
        """
        undefined: list[Counterexample] = []
        for sizes in counterexample_sizes(self.subject):
            if time.monotonic() > self.until:
                break
            before = len(undefined)
            for total in (False, True):
                points = self._exact(sizes, seed=1, draws=4, integers=True, total=total)
                found = self._different(points, step, undefined)
                if found is not None:
                    return found
                if step.expected is None or len(undefined) > before:
                    break
            if len(undefined) >= ENOUGH:
                return undefined[0]
        found = self._exact_difference(step) or self._difference_of_cases(step, undefined)
        return found or next(iter(undefined), None)

    def _difference_of_cases(self, step: Step, undefined: list[Counterexample]) -> Counterexample | None:
        """Where conditions occur, many points: each decides for other cases."""
        sides = [n for n in (step.written, step.expected, *(d.of for d in step.derivatives.values())) if n is not None]
        nodes = [n for top in (*sides, *(a.value for a in self.subject.program)) for n in distinct(top)]
        if not any(isinstance(n, Apply) and n.op in CASES for n in nodes):
            return None
        sizes = unequal_sizes(self.subject.sizes)[-1]
        numbers = {Fraction(0), Fraction(1), *(s * n.value for n in nodes if isinstance(n, Constant) for s in (-1, 1))}
        for around in ((), sorted(numbers)):
            points = self._exact(sizes, seed=29, draws=CASE_POINTS, total=not around, around=around)
            found = self._different(points, step, undefined)
            if found is not None:
                return found
        return None

    def _exact_difference(self, step: Step) -> Counterexample | None:
        for k, sizes in enumerate(unequal_sizes(self.subject.sizes)[:2]):
            found = self._different(self._exact(sizes, seed=3 + k, draws=POINTS), step, [])
            if found is not None:
                return found
        return None

    def _exact(
        self,
        sizes: dict[str, int],
        seed: int,
        draws: int,
        integers: bool = False,
        total: bool = True,
        around: Sequence[Fraction] = (),
    ) -> Iterator[Witness]:
        try:
            for witness in witnesses(
                self.subject,
                self.module,
                sizes,
                seed,
                draws=draws,
                integers=integers,
                total=total,
                around=around,
                until=self.until,
            ):
                try:
                    self._learn(witness)
                except NotPolynomial:
                    if (precise := self._precise(witness)) is not None:
                        yield precise
                    continue
                except NOWHERE:
                    continue
                yield witness
        except TooLarge:
            return

    def _different(
        self, points: Iterator[Witness], step: Step, undefined: list[Counterexample]
    ) -> Counterexample | None:
        for point in points:
            witness: Witness | None = point
            try:
                try:
                    position = point.difference(step)
                except NotPolynomial:
                    witness = self._precise(point)
                    position = None if witness is None else witness.difference(step)
                if witness is not None and position is not None:
                    return self._counterexample(witness, step, position)
            except DomainError:
                assert witness is not None
                if (found := self._one_sided(witness, step)) is not None:
                    undefined.append(found)
            except NOWHERE:
                continue
        return None

    def _learn(self, witness: Witness) -> None:
        for step, judged_true in self.learned:
            witness.learn(step, judged_true)

    def _precise(self, witness: Witness) -> Witness | None:
        """The same point with 50 digits, where an equation has values that are not rational."""
        try:
            field = MpmathField(witness.sizes)
            precise = Witness(self.subject, self.module, witness.sizes, witness.free, field, witness.functions)
            self._learn(precise)
        except NOWHERE:
            return None
        return precise

    def _one_sided(self, witness: Witness, step: Step) -> Counterexample | None:
        """One side has a value here and the other has none."""
        texts: dict[str, str] = {}
        for name, side in (("written", witness.written), ("expected", witness.expected)):
            try:
                texts[name] = number_text(side(step)[0, 0])
            except DomainError as error:
                texts[name] = f"{NO_VALUE} ({error})"
            except NOWHERE:
                return None
        if texts["written"].startswith(NO_VALUE) == texts["expected"].startswith(NO_VALUE):
            return None
        return self._shown(witness, (1, 1), texts["written"], texts["expected"])

    def _counterexample(self, witness: Witness, step: Step, position: tuple[int, int]) -> Counterexample:
        i, j = position
        written, expected = number_text(witness.written(step)[position]), number_text(witness.expected(step)[position])
        return self._shown(witness, (i + 1, j + 1), written, expected, witness.central_difference(step, position))

    def _shown(
        self, witness: Witness, place: tuple[int, int], written: str, expected: str, difference: str = ""
    ) -> Counterexample:
        return Counterexample(
            witness.sizes,
            {name: tuple(tuple(number_text(v) for v in row) for row in array) for name, array in witness.free.items()},
            place,
            written,
            expected,
            difference,
            str(witness.functions),
        )
