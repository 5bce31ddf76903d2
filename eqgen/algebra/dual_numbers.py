"""Dual numbers x + x' e with e^2 = 0 over any concrete field: derivatives of explicit matrices without formulas.

The derivative that the prover's index form gives is checked against this one. Nothing is shared between the two: here
the `explicit` cells of the operation table are evaluated, and a derivative is what a value carries along.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from eqgen.algebra.operations.row import Field

HALF = Fraction(1, 2)


class Kink(ArithmeticError):
    """The point lies where the function has no derivative: two values are equal that are compared."""


class Dual:
    """A value and its derivative."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Any) -> None:
        self.value = value
        self.slope = slope

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slope + other.slope)
        return Dual(self.value + other, self.slope)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value - other.value, self.slope - other.slope)
        return Dual(self.value - other, self.slope)

    def __rsub__(self, other: Any) -> Dual:
        return Dual(other - self.value, -self.slope)

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)
        return Dual(self.value * other, self.slope * other)

    __rmul__ = __mul__


class DualField:
    """A field whose entries are numbers of `base` or dual numbers over it.

    Raises Kink where a comparison or a maximum decides between values with different derivatives.
    """

    def __init__(self, base: Field) -> None:
        self.base = base

    def number(self, value: Fraction) -> Any:
        return self.base.number(value)

    def size(self, dim: Any) -> Any:
        return self.base.size(dim)

    def power(self, base: Any, exponent: Any) -> Any:
        u, p = value_of(base), value_of(exponent)
        result = self.base.power(u, p)
        if not isinstance(base, Dual) and not isinstance(exponent, Dual):
            return result
        slope = self._zero()
        if isinstance(base, Dual) and p != 0 and base.slope != 0:
            slope = slope + p * self.base.power(u, p - self.number(Fraction(1))) * base.slope
        if isinstance(exponent, Dual) and exponent.slope != 0:
            slope = slope + result * self.base.function("log", u) * exponent.slope
        return Dual(result, slope)

    def function(self, name: str, *arguments: Any) -> Any:
        result = self.base.function(name, *map(value_of, arguments))
        if not arguments or not isinstance(x := arguments[0], Dual):
            return result
        return Dual(result, self._slope(name, x, result) * x.slope if x.slope != 0 else self._zero())

    def _slope(self, name: str, x: Dual, result: Any) -> Any:
        one = self.number(Fraction(1))
        match name:
            case "exp":
                return result
            case "log":
                return self.base.power(x.value, -one)
            case "tanh":
                return one - result * result
            case "sigmoid":
                return result * (one - result)
            case "erf":
                pi = self.base.function("pi")
                scale = self.number(Fraction(2)) * self.base.power(pi, self.number(-HALF))
                return scale * self.base.function("exp", -x.value * x.value)
            case "abs" | "sign":
                if x.value == 0:
                    raise Kink(name)
                return self.base.function("sign", x.value) if name == "abs" else self._zero()
            case "floor":
                if x.value == self.base.function("floor", x.value):
                    raise Kink(name)
                return self._zero()
        raise KeyError(name)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return yes if value_of(condition) != 0 else no

    def compare(self, relation: str, left: Any, right: Any) -> Any:
        a, b = value_of(left), value_of(right)
        if a == b and slope_of(left) != slope_of(right):
            raise Kink(relation)
        return self.base.compare(relation, a, b)

    def maximum(self, values: Sequence[Any]) -> Any:
        return self._extreme(values, self.base.maximum([value_of(v) for v in values]))

    def minimum(self, values: Sequence[Any]) -> Any:
        return self._extreme(values, self.base.minimum([value_of(v) for v in values]))

    def _extreme(self, values: Sequence[Any], best: Any) -> Any:
        attained = [v for v in values if value_of(v) == best]
        if any(slope_of(v) != slope_of(attained[0]) for v in attained):
            raise Kink("a maximum is attained twice")
        return attained[0]

    def _zero(self) -> Any:
        return self.number(Fraction(0))


def value_of(entry: Any) -> Any:
    return entry.value if isinstance(entry, Dual) else entry


def slope_of(entry: Any) -> Any:
    """The derivative an entry carries; zero for a plain number."""
    return entry.slope if isinstance(entry, Dual) else 0
