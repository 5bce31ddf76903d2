"""What the definitions are tried on: sizes, values, memory layouts, header numbers. Everything follows from a seed."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Number, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Dim
from eqgen.algebra.fields import concrete_shape
from eqgen.testing.adversarial import DOUBLES, ENSEMBLES
from eqgen.testing.packages import LAYOUTS, HeaderNumber

BOTH = ("float32", "float64")

FIRST_SIZES = (4, 3, 2)

SMALL_STEP = 2.0**-20


@dataclass(frozen=True)
class Case:
    """One choice of everything.

    values   how inputs are drawn, `targets` how those with the role `target` are
    shape    index of the shape among those of its definition; traces are shared by cases of one shape
    autodiff whether a framework's own derivative is compared: there is no tie, where conventions differ
    conditioned  whether the reference also says how far a value moves with its inputs
    """

    sizes: Mapping[str, int]
    values: str = "normal"
    targets: str = "one_hot"
    layout: str = "contiguous"
    dtypes: tuple[str, ...] = BOTH
    numbers: tuple[HeaderNumber, ...] = ()
    activation: int = 0
    autodiff: bool = False
    conditioned: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def label(self) -> str:
        sizes = " ".join(f"{name}={n}" for name, n in self.sizes.items())
        numbers = ", ".join(str(number) for number in self.numbers)
        return ", ".join(filter(None, (sizes, self.values, self.layout, numbers and f"numbers {numbers}", *self.notes)))


def size_names(variables: Sequence[Variable]) -> tuple[str, ...]:
    """Names of sizes in the order in which shapes mention them."""
    found: dict[str, None] = {}
    for v in variables:
        found.update((d, None) for d in (*v.shape, v.index_size) if isinstance(d, str))
    return tuple(found)


def different_sizes(count: int, seed: int) -> list[int]:
    """Sizes that are pairwise different, so that a mix-up of two does not go unnoticed; 4, 3, 2, 5, ... for seed 0."""
    if seed == 0:
        return [*FIRST_SIZES, *range(5, 5 + count)][:count]
    drawn = generator(seed, "sizes").permutation(np.arange(2, 6 + count))
    return [int(n) for n in drawn[:count]]


def shapes(names: Sequence[str], batch: Dim, seed: int = 0) -> Iterator[tuple[dict[str, int], tuple[str, ...]]]:
    """Sizes with the dtypes they are tried in.

    In turn all sizes different, all 1, an empty batch, one row, and each other size 1. What is not the first of these
    is tried in one dtype, the two taking turns.
    """
    sizes = different_sizes(len(names), seed)
    general = dict(zip(names, sizes, strict=True))
    yield general, BOTH
    others: list[dict[str, int]] = [dict.fromkeys(names, 1)]
    if batch in general:
        assert isinstance(batch, str)
        moved = dict(zip([n for n in names if n != batch], sizes, strict=False))
        others += [{n: moved.get(n, rows) for n in names} for rows in (0, 1)]
    if len(names) > 1:
        others += [{**general, n: 1} for n in names if n != batch]
    seen = [general]
    for other in others:
        if other not in seen:
            seen.append(other)
            yield other, (BOTH[len(seen) % 2],)


def header_numbers(numbers: Sequence[Number], own: Fraction | None = None) -> list[tuple[HeaderNumber, ...]]:
    """Values for the numbers of a header: the defaults (1/4, 1/2, ... where there are none, or `own`), then others, of
    which some are above 1."""

    def listed(number: Number, value: Fraction) -> HeaderNumber:
        return value if number.shape == SCALAR else tuple(value * k for k in (8, 20, 40))

    first = [n.default if n.default is not None else own or Fraction(k + 1, 4) for k, n in enumerate(numbers)]
    pools = [first, [Fraction(p, 4) for p in (2, 1, 3, 6)], [Fraction(p, 4) for p in (8, 2, 6, 12)]]
    if not numbers:
        return [()]
    return [tuple(listed(n, v) for n, v in zip(numbers, itertools.cycle(pool), strict=False)) for pool in pools]


def generator(seed: int, *labels: object) -> np.random.Generator:
    """A source of random numbers for a place in the tests; the same in every process."""
    return np.random.default_rng([seed, *(zlib.crc32(str(label).encode()) for label in labels)])


def draw(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """A matrix of numbers that are exact in float32.

    normal         standard normal: no zeros, no ties
    dyadic         multiples of 1/4 in [-2, 2], a third of them zero: sums and products are exact, zeros and ties occur
    positive       multiples of 1/8 in (0, 2]
    unit           in (0, 1)
    probabilities  rows with sum 1, all entries positive
    one_hot        rows with a single 1
    tails          of size 2 to 8, where functions come close to their limits
    hundred        from -100, 0, 100, and numbers near 1
    thousand       from -1000, 0, 1000, and numbers near 1

    and what stands in `eqgen.testing.adversarial.ENSEMBLES`, of which some are exact in float64 alone.
    """
    if kind in DOUBLES:
        return ENSEMBLES[kind](rng, shape)
    match kind:
        case "dyadic":
            chosen = rng.integers(-8, 9, shape) / 4
            result = np.where(rng.random(shape) < 1 / 3, 0.0, chosen)
        case "positive":
            result = rng.integers(1, 17, shape) / 8
        case "unit":
            result = rng.uniform(0.02, 0.98, shape)
        case "probabilities":
            weights = rng.uniform(0.1, 1.0, shape)
            result = weights / weights.sum(axis=1, keepdims=True)
        case "one_hot":
            result = np.zeros(shape)
            if shape[1]:
                result[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = 1.0
        case "tails":
            result = rng.uniform(2, 8, shape) * rng.choice([-1.0, 1.0], shape)
        case "hundred" | "thousand":
            size = 100.0 if kind == "hundred" else 1000.0
            result = rng.choice([-size, size, 0.0, 1.5, -0.75], shape)
        case _ if kind in ENSEMBLES:
            result = ENSEMBLES[kind](rng, shape)
        case _:
            result = rng.standard_normal(shape)
    return result.astype(np.float32).astype(np.float64)


def grid(shape: tuple[int, int], numbers: Sequence[HeaderNumber], rng: np.random.Generator) -> Any:
    """Entries for a function of a scalar: 0, the numbers of its header and both sides of these, small and large values,
    then normal ones; as many as fit."""
    kinks = [Fraction(0), *(n for number in numbers for n in (number if isinstance(number, tuple) else (number,)))]
    chosen = [float(k) for k in kinks if k.denominator & (k.denominator - 1) == 0]
    chosen += [k + s for k in tuple(chosen) for s in (-SMALL_STEP, SMALL_STEP)]
    chosen += [1.0, -1.0, 0.5, -0.5, 100.0, -100.0, 1000.0, -1000.0, 3.25, -3.25, 12.5, -12.5, 2.0**-40, -(2.0**-40)]
    result = draw("normal", rng, shape)
    result.flat[: len(chosen)] = np.array(chosen[: result.size])
    return result


def indices(rng: np.random.Generator, shape: tuple[int, int], bound: int) -> Any:
    """Integers below a bound, the first two equal: gradients of repeated indices add up."""
    result = rng.integers(0, bound, shape)
    if result.size > 1:
        result.flat[1] = result.flat[0]
    return result


def drawn(variable: Variable, kind: str, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
    """An array for a declared matrix."""
    shape = concrete_shape(variable.shape, sizes)
    if variable.index_size is not None:
        bound = variable.index_size
        return indices(rng, shape, bound if isinstance(bound, int) else sizes[bound])
    return draw("positive" if variable.positive else kind, rng, shape)


def layer_cases(definition: TypedDefinition, seed: int) -> Iterator[Case]:
    names = definition.dims
    batch = next(definition.with_role("input")).shape[0]
    numbers = header_numbers(definition.numbers, own=Fraction(1, 2))[0]
    for k, (sizes, dtypes) in enumerate(shapes(names, batch, seed)):
        yield Case(sizes, dtypes=dtypes, numbers=numbers, activation=k, autodiff=0 not in sizes.values())
        if k == 0:
            yield from (Case(sizes, "dyadic", layout=layout, numbers=numbers, activation=6) for layout in LAYOUTS)
            yield from (
                Case(sizes, values, numbers=numbers, activation=7) for values in ("hundred", "thousand", "positive")
            )


def activation_cases(definition: TypedDefinition, seed: int) -> Iterator[Case]:
    for k, numbers in enumerate(header_numbers(definition.numbers)):
        yield Case({"M": 4, "N": 10}, "grid", numbers=numbers)
        if k == 0:
            yield Case({"M": 4, "N": 10}, "normal", numbers=numbers, autodiff=True)
            yield Case({"M": 4, "N": 10}, "positive", numbers=numbers)
            yield from (Case({"M": 4, "N": 10}, "grid", layout=layout, numbers=numbers) for layout in LAYOUTS[1:])
            for sizes, dtypes in list(shapes(("M", "N"), "M", seed))[1:]:
                yield Case(sizes, dtypes=dtypes, numbers=numbers)


def matrix_cases(definition: TypedDefinition, targets: Sequence[str], seed: int) -> Iterator[Case]:
    """Losses and matrix functions, in every combination of values; a combination outside the domain has no value."""
    variables = list(definition.with_role("input", "target"))
    names = size_names(variables)
    kinds = ("normal", "probabilities", "unit", "dyadic", "hundred", "thousand", "equal")
    for k, (sizes, dtypes) in enumerate(shapes(names, variables[0].shape[0], seed)):
        for n, numbers in enumerate(header_numbers(definition.numbers)):
            for values, target in itertools.product(kinds if k == 0 else kinds[:2], targets if k == 0 else targets[:1]):
                smooth = k == 0 and n == 0 and values in ("normal", "probabilities")
                layout = LAYOUTS[kinds.index(values) % len(LAYOUTS)] if k == 0 else LAYOUTS[0]
                note = (f"{target} targets",) if len(targets) > 1 else ()
                yield Case(sizes, values, target, layout, dtypes, numbers, autodiff=smooth, notes=note)


def optimizer_cases(definition: TypedDefinition, seed: int) -> Iterator[Case]:
    for n, numbers in enumerate(header_numbers(definition.numbers)):
        for k, (sizes, dtypes) in enumerate(shapes(("M", "N"), "M", seed)):
            kinds = ("normal", "dyadic", "thousand") if k == 0 else ("normal",)
            yield from (Case(sizes, values, dtypes=dtypes, numbers=numbers) for values in kinds if n == 0 or k == 0)
