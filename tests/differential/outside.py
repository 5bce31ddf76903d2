"""Oracles outside of this project: what they share. A check raises AssertionError where a package disagrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqgen.testing.packages import Package

N, D, K = 4, 3, 2
DTYPE = "float64"

Check = Callable[[Package], None]


@dataclass(frozen=True)
class Oracle:
    """`check(package)` compares what the package computes for `definition` (`layer Softmax`) with another project."""

    definition: str
    name: str
    check: Check


ORACLES: list[Oracle] = []
CONVENTIONS: list[Oracle] = []
"""What this project has stated about kinks, ties and steps, where others differ."""


def oracle(*definitions: str, register_in: list[Oracle] = ORACLES) -> Callable[[Check], Check]:
    """Register a check for definitions."""

    def register(check: Check) -> Check:
        register_in.extend(Oracle(d, check.__name__, check) for d in definitions)
        return check

    return register


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def probabilities(seed: int, *shape: int) -> Any:
    weights = np.random.default_rng(seed).uniform(0.1, 1.0, shape)
    return weights / weights.sum(axis=1, keepdims=True)


def one_hot(seed: int, rows: int, columns: int) -> tuple[Any, Any]:
    """Class numbers, and the matrix of them."""
    classes = np.random.default_rng(seed).integers(0, columns, rows)
    return classes, np.eye(columns)[classes]


def close(package: Package, found: Any, expected: Any, relative: float = 1e-12) -> None:
    """Equal up to rounding in double precision."""
    result = np.asarray(package.host(found)) if not isinstance(found, np.ndarray) else found
    wanted = np.asarray(expected)
    assert result.shape == wanted.shape, f"{package.name}: shape {result.shape}, expected {wanted.shape}"
    scale = relative * max(1.0, float(np.abs(wanted).max(initial=0.0)))
    assert np.allclose(result, wanted, rtol=relative, atol=scale), f"{package.name}: {result} is not {wanted}"


def layer_step(package: Package, layer: Any, X: Any, DY: Any, **parameters: Any) -> Any:
    """Set parameters, then one feedforward and one backpropagate; the output Y."""
    for name, array in parameters.items():
        setattr(layer, name, array)
    Y = layer.feedforward(package.matrix(X, DTYPE))
    layer.backpropagate(Y, package.matrix(DY, DTYPE))
    return Y


def optimizer_steps(
    package: Package, name: str, x: Any, gradients: list[Any], rates: list[float], *numbers: float
) -> Any:
    """The parameter after one update for each gradient."""
    runtime = package.runtime
    v, Dv = (runtime.variable(package.matrix(a, DTYPE)) for a in (x, np.zeros_like(x)))
    optimizer = getattr(package.root, name)(v, Dv, *numbers)
    for gradient, eta in zip(gradients, rates, strict=True):
        runtime.assign(Dv, package.matrix(gradient, DTYPE))
        optimizer.update(eta)
    return package.host(v)
