"""How many entries sparse layers store: a density for each layer, from a list or from one overall density."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .specification import one_each, parse_number

NARROW_LIMIT = 2**31 - 1
"""Indices are 32-bit integers up to here, and 64-bit integers beyond."""


def share(owner: str, name: str, number: float) -> float:
    """The number. ValueError unless it is one from 0 to 1."""
    if not 0 <= number <= 1:
        raise ValueError(f"{owner}: {name} is {number}, expected a number from 0 to 1")
    return number


def number_of_entries(shape: tuple[int, int], density: float) -> int:
    """The number of stored entries of a matrix of this density."""
    return round(density * (shape[0] * shape[1]))


def erdos_renyi(shapes: Sequence[tuple[int, int]], density: float) -> list[float]:
    """A density for each weight matrix, so that all together have this density; small ones become denser.

    A K x D matrix gets a density proportional to (K + D) / (K D), at most 1 (Mocanu et al. 2018; Evci et al. 2020).
    """
    totals = [rows * columns for rows, columns in shapes]
    full: set[int] = set()
    while len(full) < len(shapes):
        rest = [k for k in range(len(shapes)) if k not in full]
        budget = density * sum(totals) - sum(totals[k] for k in full)
        factor = budget / sum(sum(shapes[k]) for k in rest)
        found = {k: factor * sum(shapes[k]) / totals[k] for k in rest}
        densest = max(found, key=lambda k: found[k])
        if found[densest] <= 1:
            return [1.0 if k in full else found[k] for k in range(len(shapes))]
        full.add(densest)
    return [1.0] * len(shapes)


def layer_densities(
    owner: str,
    layers: Sequence[object],
    shapes: Sequence[tuple[int, int] | None],
    known: Iterable[str],
    densities: Sequence[float] | str | None = None,
    overall_density: float | None = None,
) -> list[float]:
    """The density of each layer; those of density 1 stay dense.

    owner             who asks, for messages
    layers            as they are written
    shapes            of their weight matrices; None where a layer has no sparse form
    known             the names of the layers that are sparse
    densities         one for each layer, or one for all: `0.01;0.05;1`
    overall_density   instead: of all weights together, shared out by `erdos_renyi`

    ValueError unless one of them is given, and for a density below 1 of a layer that has no sparse form.
    """
    if (densities is None) == (overall_density is None):
        raise ValueError(f"{owner}: give either densities or overall_density")
    if overall_density is not None:
        overall_density = share(owner, "overall_density", overall_density)
        found = iter(erdos_renyi([shape for shape in shapes if shape is not None], overall_density))
        shares = [1.0 if shape is None else next(found) for shape in shapes]
    else:
        assert densities is not None
        shares = _one_each(owner, densities, len(layers))
    for layer, shape, density in zip(layers, shapes, shares, strict=True):
        if density < 1 and shape is None:
            names = ", ".join(sorted(known))
            raise ValueError(f"{owner}: {layer} has no sparse form; there are {names}")
    return shares


def _one_each(owner: str, densities: Sequence[float] | str, count: int) -> list[float]:
    if isinstance(densities, str):
        numbers = [parse_number(text) for text in one_each("densities", densities, count)]
        if None in numbers:
            raise ValueError(f"densities {densities!r}: expected numbers such as '0.01;0.05;1'")
        densities = [number for number in numbers if number is not None]
    shares = [share(owner, "density", density) for density in densities]
    if len(shares) != count:
        raise ValueError(f"{owner}: found {len(shares)} densities, expected {count}, one for each layer")
    return shares
