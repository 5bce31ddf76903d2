"""Weight initializers: draws on the host in float64, so that one seed gives the same weights in every eqgen package."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import distributions
from .checks import Definition, natural_number
from .runtime import HostMatrix
from .specification import construct


class Initializer(Definition):
    """Base class. `initializer(generator, K, D)` draws a K x D weight matrix of a layer with D inputs and K outputs."""

    def __call__(self, generator: np.random.Generator, rows: int, columns: int, count: int | None = None) -> HostMatrix:
        """The weight matrix; with a count, as many of its entries in one row: those that a sparse matrix stores."""
        owner = type(self).__name__
        sizes = (natural_number(owner, "rows", rows, 1), natural_number(owner, "columns", columns, 1))
        return self.draw(generator, *sizes, sizes if count is None else (1, natural_number(owner, "count", count)))

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        """Entries of a rows x columns weight matrix, in a matrix of this shape."""
        raise NotImplementedError


@dataclass(frozen=True)
class HeInitializer(Initializer):
    """Normal, for layers followed by a rectifier.

    Source: Wesselink et al., appendix E; He et al. (2015)
    Defined in he.eq:1
    """

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        D = columns
        return distributions.normal(generator, shape, 0, math.sqrt(2 / D))


@dataclass(frozen=True)
class NormalInitializer(Initializer):
    """Normal with mean a and standard deviation b.

    Source: Wesselink et al., appendix E, its notation
    Defined in normal.eq:1
    """

    a: float
    b: float

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        a = self.a
        b = self.b
        return distributions.normal(generator, shape, a, b)


@dataclass(frozen=True)
class UniformInitializer(Initializer):
    """Uniform on the interval from a to b.

    Source: Wesselink et al., appendix E
    Defined in uniform.eq:1
    """

    a: float
    b: float

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        a = self.a
        b = self.b
        return distributions.uniform(generator, shape, a, b)


@dataclass(frozen=True)
class XavierInitializer(Initializer):
    """Uniform, its width falls with the number of inputs D.

    Source: Wesselink et al., appendix E; Glorot and Bengio (2010)
    Defined in xavier.eq:1
    """

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        D = columns
        return distributions.uniform(generator, shape, -1 / math.sqrt(D), 1 / math.sqrt(D))


@dataclass(frozen=True)
class XavierNormalizedInitializer(Initializer):
    """Uniform, its width falls with the number of inputs D and outputs K.

    Source: Wesselink et al., appendix E; Glorot and Bengio (2010)
    Defined in xavier_normalized.eq:1
    """

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        K = rows
        D = columns
        return distributions.uniform(
            generator, shape, -math.sqrt(6) / math.sqrt(D + K), math.sqrt(6) / math.sqrt(D + K)
        )


@dataclass(frozen=True)
class ZeroInitializer(Initializer):
    """All weights 0.

    Source: Wesselink et al., appendix E, for bias vectors
    Defined in zero.eq:1
    """

    def draw(self, generator: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> HostMatrix:
        return distributions.constant(generator, shape, 0)


INITIALIZERS: dict[str, type[Initializer]] = {
    "He": HeInitializer,
    "Normal": NormalInitializer,
    "Uniform": UniformInitializer,
    "Xavier": XavierInitializer,
    "XavierNormalized": XavierNormalizedInitializer,
    "Zero": ZeroInitializer,
}


def parse_initializer(text: str) -> Initializer:
    """The initializer that a string such as `Xavier` or `Uniform(-0.1, 0.1)` describes. ValueError if unknown."""
    return construct("initializer", text, INITIALIZERS)
