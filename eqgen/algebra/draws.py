"""Points at which equations are evaluated: sizes, and random rational values that respect what is assumed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Node, symbols
from eqgen.algebra.fields import RationalField, SympyField, concrete_shape, evaluate, filled
from eqgen.algebra.questions import Free, Subject

ATTEMPTS = 48
SIZE_POOLS = ((4, 3, 2, 5, 6, 7), (3, 2, 4, 6, 5, 7), (5, 2, 3, 4, 7, 6))
"""Sizes in the order of a definition's dims: pairwise different, the first (the rows of a batch) at least 3."""

SMALL_SIZES = 3
MOST_SMALL_SIZES = 60


def unequal_sizes(names: Sequence[str]) -> list[dict[str, int]]:
    """Several choices of sizes, pairwise different within each; one size that plays two roles hides mistakes."""
    if not names:
        return [{}]
    return [dict(zip(names, [*pool, *range(8, 8 + len(names))], strict=False)) for pool in SIZE_POOLS]


def small_sizes(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Sizes from 1 on, smallest sums first, for a counterexample that a person can follow."""
    choices = itertools.islice(itertools.product(range(1, SMALL_SIZES + 1), repeat=len(names)), 3 ** min(len(names), 6))
    for chosen in sorted(choices, key=lambda c: (sum(c), c))[:MOST_SMALL_SIZES]:
        yield dict(zip(names, chosen, strict=True))


def counterexample_sizes(subject: Subject) -> Iterator[dict[str, int]]:
    """The sizes at which a counterexample is looked for: those that are wanted first, then the smallest."""
    if subject.at:
        yield {name: value for name, value in subject.at if name in subject.sizes}
    yield from small_sizes(subject.sizes)


class Drawer:
    """Draws values for free matrices.

    `attempt` counts how often values were rejected, because a function was outside its domain or an assumption did
    not hold: from attempt to attempt the values come from smaller ranges, first from all rationals of moderate size,
    then also from the positive ones, and last from the unit interval.
    """

    def __init__(self, seed: int, integers: bool = False) -> None:
        self.random = random.Random(seed)
        self.integers = integers

    def values(self, free: Sequence[Free], sizes: Mapping[str, int], attempt: int, first: bool) -> dict[str, Any]:
        """An array of fractions for each matrix. The first draw takes the numbers that the header gives."""
        return {f.name: self._matrix(f, sizes, attempt, first) for f in free}

    def _matrix(self, free: Free, sizes: Mapping[str, int], attempt: int, first: bool) -> Any:
        shape = concrete_shape(free.shape, sizes)
        if free.bound is not None:
            below = free.bound if isinstance(free.bound, int) else sizes[free.bound]
            indices = [self.random.randrange(below) for _ in range(shape[0] * shape[1])]
            if len(indices) > 1:
                indices[1] = indices[0]  # a repeated index, whose gradients add up
            return filled(lambda i, j: Fraction(indices[i * shape[1] + j]), shape)
        if free.one_hot:
            hot = [self.random.randrange(shape[1]) for _ in range(shape[0])]
            return filled(lambda i, j: Fraction(int(hot[i] == j)), shape)
        if free.default is not None and first and attempt % 2 == 0:
            default = free.default
            return filled(lambda i, j: default, shape)
        kind = self._range(free, attempt)
        return filled(lambda i, j: self._number(kind), shape)

    def _range(self, free: Free, attempt: int) -> str:
        stage = 4 * attempt // ATTEMPTS
        kind = ("any", self.random.choice(("any", "positive", "unit")), "positive", "unit")[stage]
        return "positive" if free.positive and kind == "any" else kind

    def _number(self, kind: str) -> Fraction:
        if self.integers:
            match kind:
                case "any":
                    return Fraction(self.random.choice((-2, -1, 1, 2, 3)))
                case "positive":
                    return Fraction(self.random.randint(1, 3))
            return Fraction(1, self.random.randint(2, 5))
        if kind == "unit":
            return Fraction(self.random.randint(1, 40), 41)
        sign = self.random.choice((-1, 1)) if kind == "any" else 1
        return sign * Fraction(self.random.randint(1, 29), self.random.choice((7, 11, 13)))


def with_equalities(
    values: dict[str, Any], assumptions: Sequence[Node], sizes: Mapping[str, int], module: Module
) -> dict[str, Any]:
    """The values changed so that assumed equations between free matrices hold, such as `rows_sum(T) == ones(N, 1)`.

    Every entry of such an equation is solved for an entry of a matrix in which it is linear. Equations that cannot be
    solved so are left as they are; whether they hold is seen when the point is tried.
    """
    if not any(isinstance(a, Apply) and a.op == "equal" for a in assumptions):
        return values
    # The prover draws points too, and an equation is rare: SymPy is imported only for it.
    from eqgen.algebra.jacobians import EntryValues, entry_symbols

    solved: set[Any] = set()
    for assumption in assumptions:
        if not (isinstance(assumption, Apply) and assumption.op == "equal" and symbols(assumption) <= values.keys()):
            continue
        names = sorted(symbols(assumption))
        entries = {n: entry_symbols(n, values[n].shape) for n in names}
        places = {e: (n, (i, j)) for n in names for (i, j), e in _entries(entries[n])}
        left, right = (evaluate(a, entries, sizes, SympyField(sizes), module) for a in assumption.args)
        for difference in (left - right).flat:
            for symbol in sorted(difference.free_symbols - solved, key=lambda s: str(s.name), reverse=True):
                slope = difference.diff(symbol)
                if symbol in slope.free_symbols:
                    continue
                value = EntryValues({e: values[n][p] for e, (n, p) in places.items()}, RationalField())
                name, position = places[symbol]
                try:
                    values[name][position] -= value(difference) / value(slope)
                except ArithmeticError:
                    continue
                solved.add(symbol)
                break
    return values


def _entries(array: Any) -> Iterator[tuple[tuple[int, int], Any]]:
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            yield (i, j), array[i, j]
