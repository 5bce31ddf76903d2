"""Numbers with error bounds: running error analysis over the operation table.

A `Bounded` is an exact value and a bound for the distance of any value that a backend may compute in its place. Sums
and products carry both along, whatever the order of additions; the other operations move the bounds of their operands
by evaluating at the ends of the interval, which is exact for operations monotone in each operand, and add their own
rounding from the table in `eqgen.testing.rounding`. A comparison that the errors may decide either way says so, and
what depends on it gets the distance of the two branches as its error. Numbers that fit into the significand are exact:
sums and products of small dyadic fractions have no error at all, whatever the order, so that kinks can be met.

Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), sections 3.1, 3.3, 4.2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from eqgen.algebra.expressions import Dim
from eqgen.algebra.fields import MpmathField
from eqgen.algebra.operations import TABLE
from eqgen.testing.rounding import GAMMA, ROUNDING, Precision

ORDINARY_DIGITS = 50
EXTREME_DIGITS = 400
"""Enough to hold 1 + exp(-900) with all digits of a double."""

ANY_GRID = 1 << 20
"""The grid of zero, which is a multiple of every power of two."""

COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal"})


@cache
def _context(digits: int) -> Any:
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    return context


class ReferenceField(MpmathField):
    """Real numbers with a chosen number of digits."""

    def __init__(self, digits: int = ORDINARY_DIGITS) -> None:
        super().__init__()
        self.library = _context(digits)

    def function(self, name: str, *arguments: Any) -> Any:
        """As in the base class, without its limit on the argument of a logarithm."""
        if name == "log" and arguments[0] > 0:
            return self.library.log(arguments[0])
        return super().function(name, *arguments)


def as_float(x: Any) -> float:
    """The nearest double of a real number; infinite when it is too large."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


class Bounded:
    """A real number with a bound for the error of what is computed in its place.

    value      the exact value
    error      bound of the error; of the addends, while a sum is being formed
    magnitude  sum of the absolute values of the addends, with their errors
    terms      number of addends; 1 but in a sum that is being formed
    grid       the value is a multiple of 2^grid, None where that is not known
    """

    __slots__ = ("error", "grid", "magnitude", "precision", "terms", "value")

    def __init__(
        self,
        value: Any,
        error: float,
        grid: int | None,
        precision: Precision,
        magnitude: float | None = None,
        terms: int = 1,
    ) -> None:
        self.value = value
        self.error = math.inf if error != error else error
        self.grid = grid
        self.precision = precision
        self.magnitude = abs(as_float(value)) + self.error if magnitude is None else magnitude
        self.terms = terms
        if terms == 1 and self.magnitude > precision.largest:
            self.error = math.inf

    @property
    def is_zero(self) -> bool:
        """Zero, and computed as zero."""
        return self.grid == ANY_GRID

    def is_exact(self) -> bool:
        """Whether every partial sum is a number of the format, so that nothing is rounded."""
        if self.error or self.grid is None:
            return False
        if self.is_zero:
            return True
        return self.grid >= self.precision.least and math.frexp(self.magnitude)[1] <= self.grid + self.precision.digits

    def settled(self) -> Bounded:
        """The number as an operand: a sum gets the error of its additions."""
        if self.terms == 1:
            return self
        if self.is_exact():
            return Bounded(self.value, 0.0, self.grid, self.precision)
        rounding = (self.terms - 1) * self.precision.unit * GAMMA * self.magnitude
        return Bounded(self.value, self.error + rounding, None, self.precision)

    def __add__(self, other: Bounded) -> Bounded:
        if other.is_zero:
            return self
        if self.is_zero:
            return other
        grid = None if self.grid is None or other.grid is None else min(self.grid, other.grid)
        return Bounded(
            self.value + other.value, self.error + other.error, grid, self.precision,
            self.magnitude + other.magnitude, self.terms + other.terms,
        )  # fmt: skip

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.grid, self.precision, self.magnitude, self.terms)

    def __sub__(self, other: Bounded) -> Bounded:
        return self + -other

    def __mul__(self, other: Bounded) -> Bounded:
        a, b = self.settled(), other.settled()
        precision = a.precision
        if (a.is_zero and math.isfinite(b.error)) or (b.is_zero and math.isfinite(a.error)):
            return Bounded(a.value * 0, 0.0, ANY_GRID, precision)
        value = a.value * b.value
        size_a, size_b = a.magnitude, b.magnitude
        if not a.error and not b.error and a.grid is not None and b.grid is not None:
            exact = Bounded(value, 0.0, a.grid + b.grid, precision)
            if exact.is_exact():
                return exact
        inherited = size_a * b.error + size_b * a.error
        return Bounded(value, inherited + precision.unit * size_a * size_b + precision.tiny, None, precision)

    def __int__(self) -> int:
        return int(self.value)

    def __repr__(self) -> str:
        return f"{as_float(self.value):g} ± {self.error:.1g}"


class BoundedField:
    """A field of `Bounded` numbers, for the structural cells of the operation table; `entrywise` is for the others."""

    def __init__(self, precision: Precision, reference: ReferenceField) -> None:
        self.precision = precision
        self.reference = reference

    def number(self, value: Fraction) -> Bounded:
        """An exact number as the target holds it: rounded unless it fits."""
        return self.rounded(self.reference.number(value), 0.0, _grid(value))

    def given(self, value: Fraction) -> Bounded:
        """An entry of an input, which is a number of the format."""
        return self.number(value)

    def rounded(self, value: Any, error: float, grid: int | None) -> Bounded:
        """A number that is brought to this precision."""
        result = Bounded(value, error, grid, self.precision)
        if result.is_exact():
            return result
        return Bounded(
            value, error + self.precision.unit * result.magnitude + self.precision.tiny, None, self.precision
        )

    def size(self, dim: Dim) -> Bounded:
        return self.number(Fraction(int(dim)))

    def power(self, base: Bounded, exponent: Bounded) -> Bounded:
        if exponent.value == -1:
            return self.entrywise("reciprocal", base)
        return self.entrywise("power", base, exponent)

    def function(self, name: str, *arguments: Bounded) -> Bounded:
        return self.entrywise(name, *arguments)

    def where(self, condition: Bounded, yes: Bounded, no: Bounded) -> Bounded:
        return self.entrywise("where", condition, yes, no)

    def compare(self, relation: str, left: Bounded, right: Bounded) -> Bounded:
        raise NotImplementedError("no structural cell compares")

    def maximum(self, values: Sequence[Bounded]) -> Bounded:
        return self._extreme(max(values, key=lambda x: x.value), values)

    def minimum(self, values: Sequence[Bounded]) -> Bounded:
        return self._extreme(min(values, key=lambda x: x.value), values)

    def _extreme(self, chosen: Bounded, values: Sequence[Bounded]) -> Bounded:
        """The largest of several numbers moves by no more than the one that moves most."""
        grids = [x.grid for x in values]
        grid = None if None in grids else min(g for g in grids if g is not None)
        return Bounded(chosen.value, max(x.error for x in values), ANY_GRID if chosen.is_zero else grid, self.precision)

    def entrywise(self, op: str, *operands: Bounded) -> Bounded:
        """An entrywise row of the operation table on one entry of each operand."""
        xs = [x.settled() for x in operands]
        match op:
            case "add":
                return (xs[0] + xs[1]).settled()
            case "subtract":
                return (xs[0] - xs[1]).settled()
            case "negate":
                return -xs[0]
            case "scale" | "hadamard":
                return xs[0] * xs[1]
            case "square":
                return xs[0] * xs[0]
            case "max":
                return self.maximum(xs)
            case "min":
                return self.minimum(xs)
            case "where":
                return self._where(*xs)
            case "abs":
                return Bounded(abs(xs[0].value), xs[0].error, xs[0].grid, self.precision)
            case "divide" if self._is_exact_quotient(*xs):
                return self._exact_quotient(*xs)
        value = TABLE[op].scalar(self.reference, *(x.value for x in xs))  # type: ignore[misc]
        if op in COMPARISONS:
            return self._comparison(value, xs)
        row = ROUNDING[op]
        if row.argument:
            xs = [self._moved(x, row.argument) for x in xs]
        inherited = self._inherited(op, value, xs)
        if not row.units:
            return Bounded(value, inherited, 0 if not inherited else None, self.precision)
        result = Bounded(value, inherited, None, self.precision)
        return Bounded(
            value,
            inherited + row.units * self.precision.unit * result.magnitude + row.smallest * self.precision.tiny,
            None,
            self.precision,
        )

    def _moved(self, x: Bounded, units: float) -> Bounded:
        """An operand with a relative error of so many unit roundoffs more."""
        return Bounded(x.value, x.error + units * self.precision.unit * x.magnitude, None, self.precision)

    def _inherited(self, op: str, value: Any, xs: Sequence[Bounded]) -> float:
        """How far the value moves when the operands move within their errors."""
        if not any(x.error for x in xs):
            return 0.0
        ends = [(x.value - x.error, x.value + x.error) if x.error else (x.value,) for x in xs]
        if any(not math.isfinite(x.error) for x in xs) or self._may_be_at_pole(op, xs):
            return math.inf
        scalar: Any = TABLE[op].scalar
        try:
            return max(abs(as_float(scalar(self.reference, *corner) - value)) for corner in itertools.product(*ends))
        except (ArithmeticError, ValueError):
            return math.inf

    def _may_be_at_pole(self, op: str, xs: Sequence[Bounded]) -> bool:
        """Whether 0 lies between the ends of what is divided by: there a quotient is not between its values at them."""
        divisor = {"reciprocal": 0, "divide": 1, "power": 0}.get(op)
        if divisor is None or (op == "power" and xs[1].value >= 0):
            return False
        return bool(0 < xs[divisor].error >= abs(as_float(xs[divisor].value)))

    def _comparison(self, value: Any, xs: Sequence[Bounded]) -> Bounded:
        """A condition; an error of 1 says that rounding may decide it either way."""
        error = sum(x.error for x in xs)
        uncertain = error > 0 and abs(as_float(xs[0].value - xs[1].value)) <= error
        return Bounded(value, float(uncertain), ANY_GRID if value == 0 else 0, self.precision)

    def _where(self, condition: Bounded, yes: Bounded, no: Bounded) -> Bounded:
        chosen = yes if condition.value != 0 else no
        if not condition.error:
            return chosen
        distance = abs(as_float(yes.value - no.value))
        return Bounded(chosen.value, max(yes.error, no.error) + distance, None, self.precision)

    def _is_exact_quotient(self, x: Bounded, divisor: Bounded) -> bool:
        """Zero over a number, or an exact number over a power of two."""
        if divisor.value == 0 or divisor.error >= abs(as_float(divisor.value)):
            return False
        return x.is_zero or (x.is_exact() and divisor.is_exact() and abs(math.frexp(as_float(divisor.value))[0]) == 0.5)

    def _exact_quotient(self, x: Bounded, divisor: Bounded) -> Bounded:
        shift = math.frexp(as_float(divisor.value))[1] - 1
        grid = ANY_GRID if x.is_zero else None if x.grid is None else x.grid - shift
        return self.rounded(x.value / divisor.value, 0.0, grid)


class Unrounded(Precision):
    """A format with the smallest number of another one, in which nothing is rounded and nothing is too large."""

    @property
    def unit(self) -> float:
        return 0.0

    @property
    def largest(self) -> float:
        return math.inf


class ConditionField(BoundedField):
    """What a value is moved by when its inputs and constants are rounded, and nothing else is.

    The error of a result, over the unit roundoff, is its condition: sum over inputs x of |x df/dx|, or more.
    """

    def __init__(self, precision: Precision, reference: ReferenceField) -> None:
        super().__init__(Unrounded(precision.name, precision.digits, precision.least, precision.most), reference)
        self.moved_by = precision.unit

    def given(self, value: Fraction) -> Bounded:
        exact = self.reference.number(value)
        if value == 0:
            return Bounded(exact, 0.0, ANY_GRID, self.precision)
        return Bounded(exact, self.moved_by * abs(as_float(exact)), None, self.precision)

    def rounded(self, value: Any, error: float, grid: int | None) -> Bounded:
        result = Bounded(value, error, grid, self.precision)
        if result.is_exact():
            return result
        return Bounded(value, error + self.moved_by * result.magnitude, None, self.precision)


def _grid(value: Fraction) -> int | None:
    """The largest g with value a multiple of 2^g; None where there is none."""
    if value == 0:
        return ANY_GRID
    numerator, denominator = abs(value.numerator), value.denominator
    if denominator & (denominator - 1):
        return None
    return (numerator & -numerator).bit_length() - denominator.bit_length()
