"""From which density on sparse matrices are multiplied by other kernels than the packages' own for sparse ones.

Dense kernels take over where they make all products of a layer faster; MKL's sparse BLAS, which has one of them only,
where it makes that one faster. Both are measured beside the packages' own in one process, so that they meet the same
machine; what counts is the median of the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean, median

Request = tuple[int, ...]
Run = Callable[[Path, Sequence[Request], int], Sequence[float | None]]
"""run(library, requests, runs): seconds of each request; None for what there are no kernels for."""

DEFAULT_DENSE, DEFAULT_LIBRARY = 700, 1001
"""Stored entries of a thousand: those of `sparse.hpp`. More than a thousand is never."""

NEVER = 1001
OWN, DENSE, LIBRARY = range(3)
"""The ways of `sparse_products.cpp`."""
_PRODUCT, _ALL_PRODUCTS = range(2)


def request(way: int, products: int, is_double: bool, shape: Sequence[int], permille: int) -> Request:
    return (way, products, int(is_double), *shape, permille)


def crossovers(
    library: Path,
    shape: tuple[int, int, int],
    densities: Sequence[int],
    rounds: int,
    runs: int,
    run: Run,
    fewest: Callable[[Mapping[int, float], int], int],
) -> tuple[int, int]:
    """The densities, in stored entries of a thousand, from which on dense kernels and the library take over.

    shape      N, D, K of the layer
    densities  at which they are compared, in stored entries of a thousand
    fewest     of ratios to the own kernels at some densities, the density from which on they are below 1
    """
    cases = [(is_double, permille) for permille in densities for is_double in (False, True)]
    pairs = ((OWN, _ALL_PRODUCTS), (DENSE, _ALL_PRODUCTS), (OWN, _PRODUCT), (LIBRARY, _PRODUCT))
    requests = [request(way, products, d, shape, permille) for d, permille in cases for way, products in pairs]
    rows = [run(library, requests, runs) for _ in range(rounds)]
    found = [None if None in column else median(s for s in column if s) for column in zip(*rows, strict=True)]
    times = dict(zip(((c, pair) for c in cases for pair in pairs), found, strict=True))

    def ratios(way: int, products: int) -> dict[int, float] | None:
        result: dict[int, float] = {}
        for permille in densities:
            each = [
                (times[(d, permille), (way, products)], times[(d, permille), (OWN, products)]) for d in (False, True)
            ]
            if any(theirs is None or own is None for theirs, own in each):
                return None
            result[permille] = geometric_mean(theirs / own for theirs, own in each if theirs and own)
        return result

    dense, library_ratios = ratios(DENSE, _ALL_PRODUCTS), ratios(LIBRARY, _PRODUCT)
    return (
        DEFAULT_DENSE if dense is None else min(NEVER, fewest(dense, DEFAULT_DENSE)),
        NEVER if library_ratios is None else min(NEVER, fewest(library_ratios, DEFAULT_LIBRARY)),
    )
