"""Polynomials in sizes with integer coefficients: what costs are counted in, `4 N D K + 2 N K + N`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

Monomial: TypeAlias = tuple[str, ...]
"""A product of sizes, sorted: ("K", "N", "N") is N^2 K."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """`terms` gives each monomial its coefficient, never 0. Two are equal when their terms are."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Polynomial | int) -> Polynomial:
        return _collected([*self.terms, *polynomial(other).terms])

    __radd__ = __add__

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        return _collected((_product(a, b), p * q) for a, p in self.terms for b, q in polynomial(other).terms)

    __rmul__ = __mul__

    def __sub__(self, other: Polynomial | int) -> Polynomial:
        return self + -1 * polynomial(other)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def names(self) -> frozenset[str]:
        """The sizes that occur."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    @property
    def degree(self) -> int:
        return max((len(monomial) for monomial, _ in self.terms), default=0)

    @property
    def leading(self) -> Polynomial:
        """The terms of the highest degree: what remains when all sizes grow together."""
        return Polynomial(tuple((m, c) for m, c in self.terms if len(m) == self.degree))

    def at(self, sizes: Mapping[str, int | str]) -> Polynomial:
        """With numbers or other names for some of the sizes."""
        total = ZERO
        for monomial, coefficient in self.terms:
            term = polynomial(coefficient)
            for name in monomial:
                value = sizes.get(name, name)
                term = term * (size(value) if isinstance(value, str) else value)
            total = total + term
        return total

    def value(self, sizes: Mapping[str, int] | None = None) -> int:
        """The number. Raises KeyError for a size that is not given."""
        left = self.at(sizes or {})
        if left.names:
            raise KeyError(min(left.names))
        return sum(coefficient for _, coefficient in left.terms)

    def text(self, order: Sequence[str] = ()) -> str:
        """`2 N D K + N K`: the highest degree first, sizes in the given order, then alphabetically."""
        return self._written(order, lambda name: name, lambda power: f"^{power}")

    def latex(self, order: Sequence[str] = ()) -> str:
        """`2 N D K + N^{2} K`."""
        return self._written(order, _latex_name, lambda power: f"^{{{power}}}")

    def _written(self, order: Sequence[str], spelled: Callable[[str], str], raised: Callable[[int], str]) -> str:
        rank = {name: k for k, name in enumerate((*order, *sorted(self.names - set(order))))}

        def powers(monomial: Monomial) -> list[tuple[int, int, str]]:
            """(rank, exponent, name), in the order of writing."""
            return sorted((rank[name], power, name) for name, power in Counter(monomial).items())

        def place(monomial: Monomial) -> tuple[object, ...]:
            return (-len(monomial), [(r, -power) for r, power, _ in powers(monomial)])

        text = ""
        for monomial, coefficient in sorted(self.terms, key=lambda term: place(term[0])):
            factors = [spelled(name) + (raised(power) if power > 1 else "") for _, power, name in powers(monomial)]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = ("-" if coefficient < 0 else "") if not text else (" - " if coefficient < 0 else " + ")
            text += sign + " ".join(factors)
        return text or "0"

    def __str__(self) -> str:
        return self.text()


def polynomial(value: Polynomial | int) -> Polynomial:
    """A number as a polynomial; a polynomial stands for itself."""
    if isinstance(value, Polynomial):
        return value
    return Polynomial((((), value),) if value else ())


def size(name: int | str) -> Polynomial:
    """A size by its name, or a number."""
    return Polynomial((((name,), 1),)) if isinstance(name, str) else polynomial(name)


ZERO = polynomial(0)


def limit_ratio(numerator: Polynomial, denominator: Polynomial) -> Fraction | None:
    """What the ratio tends to when all sizes grow together at fixed proportions; None where that depends on these."""
    if not denominator:
        return None
    if numerator.degree < denominator.degree or not numerator:
        return Fraction(0)
    above, below = dict(numerator.leading.terms), dict(denominator.leading.terms)
    if above.keys() != below.keys():
        return None
    ratios = {Fraction(above[m], below[m]) for m in above}
    return ratios.pop() if len(ratios) == 1 else None


def _collected(terms: Iterable[tuple[Monomial, int]]) -> Polynomial:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    return Polynomial(tuple(sorted((m, c) for m, c in total.items() if c)))


def _product(a: Monomial, b: Monomial) -> Monomial:
    return tuple(sorted(a + b))


def _latex_name(name: str) -> str:
    return name if len(name) == 1 else rf"\mathit{{{name}}}"
