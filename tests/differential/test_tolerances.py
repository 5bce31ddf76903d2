"""The tolerances: the table is complete and documented, and its bounds hold where the exact error is known."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Node, Symbol, apply, constant
from eqgen.algebra.operations import TABLE
from eqgen.testing.bounded import Bounded, BoundedField, ReferenceField
from eqgen.testing.reference import Reference
from eqgen.testing.report import distance
from eqgen.testing.rounding import DOUBLE, PRECISIONS, ROUNDING, SINGLE

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "testing.md"


def single(value: Fraction | int | float) -> Bounded:
    return BoundedField(SINGLE, ReferenceField()).number(Fraction(value))


def test_every_operation_has_a_tolerance() -> None:
    assert set(ROUNDING) == set(TABLE)


def test_the_table_is_documented() -> None:
    rows = re.findall(r"^\| (`.+`) \| (\d+) \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {name: (int(units), why) for names, units, why in rows for name in re.findall(r"`(\w+)`", names)}
    assert documented == {name: (row.units, row.why) for name, row in ROUNDING.items()}


@pytest.mark.parametrize("name", list(PRECISIONS))
def test_formats(name: str) -> None:
    info = np.finfo(name)
    precision = PRECISIONS[name]
    assert precision.unit == float(info.eps) / 2
    assert precision.tiny == float(info.tiny)
    assert precision.largest == float(info.max)


def test_small_dyadic_numbers_are_exact_in_any_order() -> None:
    values = [single(Fraction(n, 4)) for n in (3, -7, 0, 5, 8)]
    total = single(0)
    for a in values:
        for b in values:
            total = total + a * b
    assert total.settled().error == 0.0
    assert total.value == Fraction(81, 16)


def test_a_sum_that_needs_more_digits_than_there_are_is_not_exact() -> None:
    assert (single(2**24) + single(1)).settled().error > 0.0
    assert (single(2**23) + single(1)).settled().error == 0.0
    assert single(Fraction(1, 10)).error >= abs(float(np.float32(0.1)) - 0.1)
    assert single(2**25 + 1).error >= 1.0


def test_sums_are_bounded_for_every_order() -> None:
    """A sum from its largest term on rounds more than one from its smallest: the bound covers both."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = (10.0 ** rng.uniform(-3, 3, 200) * rng.choice([-1, 1], 200)).astype(np.float32)
        reference = Reference(Module(()), {"N": 200}, {"X": x.astype(np.float64)[None, :]}, {})
        reference.assign("s", apply("elements_sum", Symbol((1, "N"), "X")))
        exact, bound = reference.values["s"][0, 0], reference.bounds["float32"]["s"][0, 0].error
        for order in (np.argsort(x), np.argsort(-np.abs(x)), np.argsort(np.abs(x))):
            total = np.float32(0)
            for entry in x[order]:
                total += entry
            assert abs(float(total) - float(exact)) <= bound
        assert bound <= 200 * SINGLE.unit * 1.02 * float(np.abs(x).astype(np.float64).sum())


def test_cancellation_widens_the_bound() -> None:
    """(1 + x) - 1 has lost the digits of a small x, x alone has not."""
    field = BoundedField(SINGLE, ReferenceField())
    x = single(float(np.float32(1e-5)))
    lost = field.entrywise("subtract", field.entrywise("add", single(1), x), single(1))
    assert lost.error / 1e-5 > 1e-3 > field.entrywise("exp", x).error
    assert abs(float((np.float32(1) + np.float32(1e-5)) - np.float32(1)) - float(x.value)) <= lost.error


def test_a_comparison_that_rounding_may_decide_says_so() -> None:
    field = BoundedField(SINGLE, ReferenceField())
    tenth = field.number(Fraction(1, 10))
    assert field.entrywise("less", tenth, tenth).error == 1.0
    assert field.entrywise("less", single(1), single(1)).error == 0.0
    either = field.entrywise("where", field.entrywise("less", tenth, tenth), single(5), single(2))
    assert either.error == 3.0
    assert field.entrywise("where", field.entrywise("less", single(1), single(2)), single(5), single(2)).error == 0.0


@pytest.mark.parametrize("op", ["reciprocal", "divide", "power"])
def test_what_may_be_divided_by_zero_has_no_bound(op: str) -> None:
    """A denormal number may be taken for zero, and a quotient at zero is not between those at both ends."""
    field, small = BoundedField(SINGLE, ReferenceField()), Fraction(3, 2**128)
    cases = {"reciprocal": [small], "divide": [Fraction(1), small], "power": [small, Fraction(-1)]}
    operands = cases[op]
    assert math.isinf(field.entrywise(op, *(single(x) for x in operands)).error)
    operands = [x * 2**10 if x == small else x for x in operands]
    assert math.isfinite(field.entrywise(op, *(single(x) for x in operands)).error)


def test_erfc_follows_a_rounded_square() -> None:
    """Frameworks form exp(-x * x): the error, in units of the result, grows with the square of x."""
    field = BoundedField(DOUBLE, ReferenceField(400))
    for x in (1, 5, 25):
        bound = field.entrywise("erfc", field.number(Fraction(x)))
        units = bound.error / abs(float(bound.value)) / DOUBLE.unit
        assert 16 + x * x < units < 18 + 1.5 * x * x


def test_what_overflows_has_no_bound() -> None:
    field = BoundedField(SINGLE, ReferenceField())
    assert math.isinf(field.entrywise("exp", single(100)).error)
    assert math.isfinite(BoundedField(DOUBLE, ReferenceField()).entrywise("exp", single(100)).error)


def test_numbers_of_the_host_are_computed_in_double_precision() -> None:
    """1 - 0.999 of a header is rounded once in float32; a subtraction there would leave four digits."""
    inputs = {"X": np.ones((1, 1))}
    beta = Fraction(999, 1000)
    node: Node = apply("scale", apply("subtract", constant(1), Symbol((1, 1), "beta")), Symbol((1, 1), "X"))
    reference = Reference(Module(()), {}, inputs, {"beta": beta})
    reference.assign("y", node)
    assert reference.bounds["float32"]["y"][0, 0].error < 4 * SINGLE.unit * 1e-3


def test_results_that_are_not_finite_fail_whatever_the_bound() -> None:
    field = BoundedField(SINGLE, ReferenceField())
    value, bound = np.empty((1, 1), dtype=object), np.empty((1, 1), dtype=object)
    value[0, 0], bound[0, 0] = field.reference.number(Fraction(1)), Bounded(1, math.inf, None, SINGLE)
    assert distance(value, bound, np.array([[math.nan]]))[2]
    assert distance(value, bound, np.array([[math.inf]]))[2]
    assert distance(value, bound, np.array([[7.0]])) == (0.0, 0.0, "")
    assert distance(value, bound, np.array([1.0]))[2] == "the result has shape (1,), expected (1, 1)"
