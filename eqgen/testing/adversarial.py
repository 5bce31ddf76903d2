"""Numbers on which careless formulas lose digits or overflow. All but those said to be double are exact in float32.

An `Ensemble` draws a matrix of them; kinks of a function are added by who knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Shape = tuple[int, int]
Ensemble = Callable[[np.random.Generator, Shape], Any]

SMALLEST_NORMAL = 2.0**-126
"""Of float32."""

OFFSET = 10_000.0
"""Mean of a batch far from zero: its deviations have four digits less."""

_MAGNITUDES = (0.5, 1.0, 3.0, 5.5, 9.0, 14.0, 17.5, 30.0, 60.0, 87.0, 89.0, 100.0, 300.0, 709.0, 745.0, 1000.0)
"""Logits on both sides of where exp, 1 + exp and their logarithms reach the ends of float32 and float64."""


def _signs(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.choice([-1.0, 1.0], shape)


def logits(rng: np.random.Generator, shape: Shape) -> Any:
    """From 0.5 to 1000, of both signs, with digits in all places; a tenth of them zero."""
    drawn = _signs(rng, shape) * rng.choice(_MAGNITUDES, shape) * rng.uniform(0.97, 1.03, shape)
    return np.where(rng.random(shape) < 0.1, 0.0, drawn)


def hundreds(rng: np.random.Generator, shape: Shape) -> Any:
    """±100 and ±1000 exactly."""
    return _signs(rng, shape) * rng.choice([100.0, 1000.0], shape)


def dominant(rng: np.random.Generator, shape: Shape) -> Any:
    """Small numbers, and one in every row that is a thousand times larger."""
    result = rng.standard_normal(shape)
    if shape[1]:
        result[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = 1000.0 * rng.uniform(0.5, 1.0, shape[0])
    return result


def offset(rng: np.random.Generator, shape: Shape) -> Any:
    """A standard normal deviation around 10,000."""
    return OFFSET + rng.standard_normal(shape)


def cancelling(rng: np.random.Generator, shape: Shape) -> Any:
    """Large numbers in pairs of opposite signs, whose sums are small."""
    result = 1e6 * rng.standard_normal(shape)
    rows = shape[0] // 2
    result[rows : 2 * rows] = -result[:rows] * (1.0 + 2.0**-20 * rng.standard_normal((rows, shape[1])))
    return result


def near_zero(rng: np.random.Generator, shape: Shape) -> Any:
    """±2^-k for k up to 120, with digits in all places."""
    return _signs(rng, shape) * 2.0 ** -rng.integers(1, 121, shape) * rng.uniform(1.0, 2.0, shape)


def near_one(rng: np.random.Generator, shape: Shape) -> Any:
    """Probabilities next to 0 and to 1."""
    small = 2.0 ** -rng.integers(2, 25, shape).astype(float)
    return np.where(rng.random(shape) < 0.5, small, 1.0 - small)


def positive(rng: np.random.Generator, shape: Shape) -> Any:
    """From 2^-120 to 2^40."""
    return 2.0 ** rng.integers(-120, 41, shape) * rng.uniform(1.0, 2.0, shape)


def large(rng: np.random.Generator, shape: Shape) -> Any:
    """±10^4 to ±10^8."""
    return _signs(rng, shape) * 10.0 ** rng.uniform(4.0, 8.0, shape)


def denormal(rng: np.random.Generator, shape: Shape) -> Any:
    """Below the smallest normal number of float32."""
    return _signs(rng, shape) * rng.integers(1, 2**23, shape) * 2.0**-149


def denormal_double(rng: np.random.Generator, shape: Shape) -> Any:
    """Below the smallest normal number of float64."""
    return _signs(rng, shape) * rng.integers(1, 2**50, shape) * 2.0**-1074


def digits_of_a_double(rng: np.random.Generator, shape: Shape) -> Any:
    """From 2^-300 to 2^9, with all digits of a double."""
    return _signs(rng, shape) * 2.0 ** -rng.integers(-8, 301, shape).astype(float) * rng.uniform(1.0, 2.0, shape)


ENSEMBLES: dict[str, Ensemble] = {
    "logits": logits, "hundreds": hundreds, "dominant": dominant, "offset": offset, "cancelling": cancelling,
    "near zero": near_zero, "near one": near_one, "wide positive": positive, "large": large, "denormal": denormal,
    "denormal double": denormal_double, "double": digits_of_a_double,
}  # fmt: skip

DOUBLES = ("denormal double", "double")
"""Those that float32 does not hold."""


BELOW_NORMAL = ("denormal", "denormal double")
"""Those that a framework may take for zero: what is computed from them may be anything that follows from zero."""


def beside(kinks: Sequence[Fraction]) -> list[float]:
    """Numbers of float32 at, next to (at 0 the smallest normal ones), and 2^-k away from each kink on both sides."""
    found = []
    for kink in (float(np.float32(float(k))) for k in kinks):
        ends = [float(np.nextafter(np.float32(kink), np.float32(end))) for end in (-np.inf, np.inf)]
        ends = ends if kink else [-SMALLEST_NORMAL, SMALLEST_NORMAL]
        found += [kink, *ends, *(kink + s * 2.0**-k for k in (4, 10, 16) for s in (-1, 1))]
    return found
