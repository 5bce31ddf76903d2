"""What frameworks get wrong, and generated packages must not: each was found by the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from eqgen.testing.packages import Package

SLOPES = (0.5, 2.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha", SLOPES)
def test_the_maximum_of_x_and_a_multiple_is_no_leaky_relu(
    packages: Sequence[Package], alpha: float, dtype: str
) -> None:
    """TensorFlow's graph optimizer replaces max(c x, x) by a leaky ReLU in float32, which is its minimum for c > 1."""
    x = np.array([[2.0, -3.0, 0.0, 100.0]])
    for package in packages:
        found = package.host(package.root.LeakyReLUActivation(alpha)(package.matrix(x, dtype)))
        assert np.array_equal(found, np.maximum(alpha * x, x)), package.name


def test_small_numbers_of_a_header_keep_their_digits(packages: Sequence[Package]) -> None:
    """tf.cast of a Python number goes through float32: the epsilon of a normalization was 3e-8 of itself off."""
    X = np.array([[3e-3, -1e-3, 2e-3], [1e-3, 1e-3, -4e-3]])
    centred = X - X.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    for package in packages:
        layer = package.root.LayerNormalizationLayer(3, dtype="float64")
        found = package.host(layer.feedforward(package.matrix(X, "float64")))
        assert np.allclose(found, expected, rtol=1e-13, atol=0.0), package.name
