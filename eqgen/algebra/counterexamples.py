"""Counterexamples: where an equation is wrong, at sizes and with numbers as small as possible, judged once more.

The derivative is computed a third time here, as a central difference of the forward equations with 50 digits. What it
does not confirm is never shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import counterexample_sizes
from eqgen.algebra.expressions import Symbol
from eqgen.algebra.fields import MpmathField
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.trials import OutOfTime, Point, TooLarge, Trial
from eqgen.algebra.verdict import Counterexample

STEP = Fraction(1, 10**12)
AGREEMENT = Fraction(1, 10**15)
DRAWS_A_SIZE = 3
SECONDS = 5.0
DIGITS_SHOWN = 12

Place = tuple[Trial, Point, tuple[int, int]]


def smallest_counterexample(
    subject: Subject, module: Module, step: Step, found: Place, deadline: float
) -> Counterexample | None:
    """A confirmed counterexample at the smallest sizes that have one, else the one that was found first.

    None when finite differences contradict the derived value everywhere: then the fault is not the equation's.
    """
    deadline = min(deadline, time.monotonic() + SECONDS)
    try:
        for place in _small_places(subject, module, step, deadline):
            if (example := _confirmed(step, *place)) is not None:
                return example
    except OutOfTime:
        pass
    return _confirmed(step, *found)


def _small_places(subject: Subject, module: Module, step: Step, deadline: float) -> Iterator[Place]:
    for sizes in counterexample_sizes(subject):
        try:
            trial = Trial(subject, module, sizes, deadline)
        except TooLarge:
            continue
        for draw in range(DRAWS_A_SIZE):
            # Activations stay x^3 + 2x, so that the numbers shown are exact where they can be.
            point = trial.point(draw, 2 * draw, integers=True)
            if point is not None and (position := point.difference(step)) is not None:
                yield trial, point, position


def _confirmed(step: Step, trial: Trial, point: Point, position: tuple[int, int]) -> Counterexample | None:
    written, expected = (side[position] for side in point.sides[id(step)])
    central = _central_difference(step, trial, point, position)
    if central is not None:
        derived = point.field.number(Fraction(0)) + expected
        reference = MpmathField().real(derived.numerator) / derived.denominator if point.exact else derived
        if abs(central - reference) > MpmathField().number(AGREEMENT) * (1 + abs(reference)):
            return None
    return Counterexample(
        trial.sizes,
        {name: tuple(tuple(_text(v) for v in row) for row in array) for name, array in point.free.items()},
        (position[0] + 1, position[1] + 1),
        _text(written),
        _text(expected),
        "" if central is None else _text(central),
        str(point.functions),
    )


def _central_difference(step: Step, trial: Trial, point: Point, position: tuple[int, int]) -> Any:
    """The derived entry as (F(x + h) - F(x - h)) / 2h; None where the equation states no derivative."""
    field = MpmathField(trial.sizes)
    precise = Point(trial, point.free, field, point.functions)
    if step.gradient_of is not None:
        name, entry = step.gradient_of, position

        def value(values: dict[str, Any]) -> Any:
            results = precise.run(values, fixed=name)
            total = field.number(Fraction(0))
            for output, seed in trial.subject.seeds.items():
                weights = precise.values[seed].flat if seed else [1] * results[output].size
                for weight, y in zip(weights, results[output].flat, strict=True):
                    total = total + weight * y
            return total

    elif isinstance(step.expected, Symbol) and step.expected.name in step.derivatives:
        derivative = step.derivatives[step.expected.name]
        name = derivative.wrt.name
        columns = precise.values[name].shape[1]
        gradient = derivative.kind == "gradient"
        entry = position if gradient else divmod(position[1], columns)
        row = 0 if gradient else position[0]

        def value(values: dict[str, Any]) -> Any:
            return precise.evaluate(derivative.of, values).flat[row]

    else:
        return None
    ends = []
    for sign in (1, -1):
        moved = {n: a.copy() for n, a in precise.values.items()}
        moved[name][entry] = moved[name][entry] + sign * field.number(STEP)
        ends.append(value(moved))
    return (ends[0] - ends[1]) / (2 * field.number(STEP))


def _text(value: Any) -> str:
    """A short fraction exactly, any other number with twelve digits."""
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) < 10**DIGITS_SHOWN:
            return str(value)
        value = MpmathField().number(value)
    text: str = MpmathField().library.nstr(value, DIGITS_SHOWN, strip_zeros=True)
    return text.removesuffix(".0")
