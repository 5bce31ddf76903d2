"""Random matrices, drawn on the host by NumPy in float64: one seed gives the same matrix in every eqgen package.

Each takes a generator (`numpy.random.default_rng(seed)`) and a shape (rows, columns).
"""

from __future__ import annotations

import numpy as np

from .runtime import HostMatrix

Shape = tuple[int, int]


def uniform(generator: np.random.Generator, shape: Shape, a: float, b: float) -> HostMatrix:
    """Uniform on [a, b). ValueError unless a <= b."""
    if not a <= b:
        raise ValueError(f"uniform: the interval from {a} to {b} is empty, expected a <= b")
    return generator.uniform(a, b, shape)


def normal(generator: np.random.Generator, shape: Shape, mean: float, deviation: float) -> HostMatrix:
    """Normal with this mean and standard deviation. ValueError unless deviation >= 0."""
    if not deviation >= 0:
        raise ValueError(f"normal: the standard deviation is {deviation}, expected at least 0")
    return generator.normal(mean, deviation, shape)


def bernoulli(generator: np.random.Generator, shape: Shape, p: float) -> HostMatrix:
    """1 with probability p, else 0. ValueError unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"bernoulli: the probability is {p}, expected a number in [0, 1]")
    return (generator.random(shape) < p).astype(np.float64)


def constant(generator: np.random.Generator, shape: Shape, number: float) -> HostMatrix:
    """All entries equal to a number; nothing is drawn."""
    return np.full(shape, float(number))


def dropout(generator: np.random.Generator, shape: Shape, p: float) -> HostMatrix:
    """0 with probability p, else 1 / (1 - p), so that the mean is 1. ValueError unless 0 <= p < 1."""
    if not 0 <= p < 1:
        raise ValueError(f"dropout: the probability to drop is {p}, expected a number in [0, 1)")
    return (1 - bernoulli(generator, shape, p)) / (1 - p)
