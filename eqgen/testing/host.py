"""Schedulers and initializers, which every package computes on the host in double precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Draw, Module, TypedDefinition
from eqgen.algebra.fields import MpmathField, evaluate, filled
from eqgen.testing.bounded import as_float
from eqgen.testing.cases import header_numbers
from eqgen.testing.packages import HeaderNumber, Package
from eqgen.testing.reference import Reference
from eqgen.testing.report import DEFINITION, INITIAL_DRAW, PAIR, Report, Result, apart, distance, sum_of_errors

STEPS = (0, 1, 2, 3, 5, 8, 13, 20, 40)
DRAWN_SHAPE = (300, 200)
DEVIATIONS = 5.0
"""A mean of many independent draws is off by more than five of its standard deviations once in two million times."""


def exercise_scheduler(
    definition: TypedDefinition, module: Module, packages: Sequence[Package], report: Report, seed: int
) -> None:
    """The rate at some steps, against the equation, in double precision."""
    for numbers in header_numbers(definition.numbers):
        for step in STEPS:
            reference = scheduler_reference(definition, module, numbers, step)
            target = (definition.block("value") or definition.block("first"))[-1].target
            label = f"step {step}, numbers {', '.join(map(str, numbers))}"
            values, bounds = reference.values[target], reference.bounds["float64"][target]
            found = {p.name: np.array([[p.construct(definition, numbers=numbers)(step)]]) for p in packages}

            def add(
                oracle: str,
                names: tuple[str, ...],
                outcome: tuple[float, float, str],
                target: str = target,
                label: str = label,
            ) -> None:
                report.add(Result(definition.name, "scheduler", target, oracle, names, "float64", label, *outcome))

            for name, rate in found.items():
                add(DEFINITION, (name,), distance(values, bounds, rate))
            for a, b in itertools.combinations(found, 2):
                add(PAIR, (a, b), apart(found[a], found[b], sum_of_errors(bounds, bounds)))


def scheduler_reference(
    definition: TypedDefinition, module: Module, numbers: Sequence[HeaderNumber], step: int
) -> Reference:
    """The equations of a scheduler at a step; a recursion is followed from step 0."""
    scalars: dict[str, Fraction] = {}
    lists: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for number, value in zip(definition.numbers, numbers, strict=True):
        if isinstance(value, Fraction):
            scalars[number.name] = value
        else:
            lists[number.name] = np.array([[float(v) for v in value]])
            sizes |= {d: len(value) for d in number.shape if isinstance(d, str)}
    reference = Reference(module, sizes, lists, scalars, dtypes=("float64",))
    if definition.block("value"):
        reference.run(definition.block("value"), {"i": Fraction(step)})
    else:
        reference.run(definition.block("first"))
        for i in range(step):
            reference.run(definition.block("next"), {"i": Fraction(i)})
    return reference


Moments = tuple[float, float, Callable[[Any], Any]]
"""Mean, standard deviation, and whether a number may be drawn."""


def _two_values(p: float, low: float, high: float) -> Moments:
    """`high` with probability p, else `low`."""
    return (
        low + p * (high - low),
        (high - low) * math.sqrt(p * (1 - p)),
        lambda x: np.isclose(x, low) | np.isclose(x, high),
    )


DISTRIBUTIONS: dict[str, Callable[..., Moments]] = {
    "uniform": lambda a, b: ((a + b) / 2, (b - a) / math.sqrt(12), lambda x: (a <= x) & (x <= b)),
    "normal": lambda mean, deviation: (mean, deviation, np.isfinite),
    "constant": lambda c: (c, 0.0, lambda x: x == c),
    "bernoulli": lambda p: _two_values(p, 0.0, 1.0),
    "dropout": lambda p: _two_values(1 - p, 0.0, 1 / (1 - p)),
}


def moments(draw: Draw, sizes: dict[str, int], numbers: dict[str, Fraction], module: Module) -> Moments:
    """What a draw should look like, from the equation."""
    field = MpmathField()
    known = {name: filled(lambda i, j, v=v: field.number(v), (1, 1)) for name, v in numbers.items()}  # type: ignore[misc]
    arguments = [as_float(evaluate(a, known, sizes, field, module)[0, 0]) for a in draw.arguments]
    return DISTRIBUTIONS[draw.distribution](*arguments)


def check_draw(x: Any, expected: Moments) -> str:
    """What is wrong with a large random matrix, or nothing."""
    mean, deviation, allowed = expected
    if not bool(np.all(allowed(x))):
        return f"entries outside of the distribution's range: {x[~allowed(x)][:3]}"
    if abs(x.mean() - mean) > DEVIATIONS * deviation / math.sqrt(x.size) + 1e-15 * abs(mean):
        return f"the mean is {x.mean():.6g}, expected {mean:.6g}"
    # The variance of a bounded or normal variable's square is at most 2 sigma^4 for those above.
    if abs(x.std() - deviation) > DEVIATIONS * deviation * math.sqrt(2 / x.size):
        return f"the standard deviation is {x.std():.6g}, expected {deviation:.6g}"
    return ""


def exercise_initializer(
    definition: TypedDefinition, module: Module, packages: Sequence[Package], report: Report, seed: int
) -> None:
    """One seed gives the same weights everywhere, with the moments of the distribution."""
    weight, draw = definition.draws[0]
    sizes = dict(zip(map(str, definition.variables[weight].shape), DRAWN_SHAPE, strict=True))

    def add(oracle: str, names: tuple[str, ...], message: str) -> None:
        report.add(Result(definition.name, "initializer", weight, oracle, names, "float64", label, 0.0, 0.0, message))

    for numbers in header_numbers(definition.numbers):
        scalars = {n.name: v for n, v in zip(definition.numbers, numbers, strict=True) if isinstance(v, Fraction)}
        label = f"numbers {', '.join(map(str, numbers))}"
        expected = moments(draw, sizes, scalars, module)
        weights: dict[str, Any] = {}
        for package in packages:
            try:
                draws = package.construct(definition, numbers=numbers)
                x, again = (draws(np.random.default_rng(seed), *DRAWN_SHAPE) for _ in range(2))
            except ValueError:
                continue  # numbers that no distribution has, such as an interval whose ends are swapped
            weights[package.name] = x
            found = "" if x.shape == DRAWN_SHAPE and x.dtype == np.float64 else f"a {x.shape} matrix of {x.dtype}"
            if not np.array_equal(x, again):
                found = "other weights from the same seed"
            add(INITIAL_DRAW, (package.name,), found or check_draw(x, expected))
        first = next(iter(weights), "")
        for name, x in weights.items():
            same = np.array_equal(x, weights[first])
            add(PAIR, (first, name), "" if same else "other weights from the same seed")
        if len(weights) not in (0, len(packages)):
            add(PAIR, tuple(weights), "the other packages refuse these numbers")


HOST_EXERCISES: dict[str, Callable[[TypedDefinition, Module, Sequence[Package], Report, int], None]] = {
    "scheduler": exercise_scheduler, "initializer": exercise_initializer,
}  # fmt: skip
