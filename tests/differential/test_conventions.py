"""What is computed at kinks, ties and steps: stated once (README, the library's files), the same in all backends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from eqgen.testing.packages import Package

# Activation, its numbers, a point, the value and the derivative there.
KINKS = [
    ("ReLU", (), 0.0, 0.0, 1.0),  # Wesselink et al., appendix C
    ("LeakyReLU", (0.25,), 0.0, 0.0, 1.0),  # the derivative is alpha where x < alpha x, else 1
    ("LeakyReLU", (2.0,), 0.0, 0.0, 1.0),
    ("LeakyReLU", (2.0,), 1.0, 2.0, 2.0),
    ("LeakyReLU", (2.0,), -1.0, -1.0, 1.0),
    ("LeakyReLU", (1.0,), 3.0, 3.0, 1.0),
    ("AllReLU", (-0.5,), 0.0, 0.0, 1.0),
    ("AllReLU", (-0.5,), -2.0, 1.0, -0.5),
    ("ELU", (0.5,), 0.0, 0.0, 1.0),
    ("TReLU", (0.5,), 0.5, 0.5, 1.0),  # what equals the threshold is kept
    ("SReLU", (0.5, -1.0, 0.25, 2.0), -1.0, -1.0, 0.5),  # a threshold belongs to the outer branch
    ("SReLU", (0.5, -1.0, 0.25, 2.0), 2.0, 2.0, 0.25),
    ("SReLU", (0.0, 0.0, 0.0, 1.0), 0.0, 0.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "numbers", "x", "value", "slope"), KINKS)
def test_kinks(
    packages: Sequence[Package], name: str, numbers: tuple[float, ...], x: float, value: float, slope: float, dtype: str
) -> None:
    for package in packages:
        activation = getattr(package.root, f"{name}Activation")(*numbers)
        point = package.matrix(np.array([[x]]), dtype)
        found = float(package.host(activation(point))[0, 0]), float(package.host(activation.gradient(point))[0, 0])
        assert found == (value, slope), package.name


def test_an_activation_layer_passes_the_gradient_at_zero(packages: Sequence[Package]) -> None:
    """relu'(0) = 1 inside of a layer too: Z is exactly 0."""
    for package in packages:
        layer = package.root.ActivationLayer(2, 1, package.root.ReLUActivation())
        layer.W, layer.b = np.array([[1.0, 1.0]]), np.array([[0.0]])
        Y = layer.feedforward(package.matrix(np.array([[1.0, -1.0]]), "float32"))
        layer.backpropagate(Y, package.matrix(np.array([[3.0]]), "float32"))
        assert np.array_equal(package.host(layer.DX), [[3.0, 3.0]]), package.name


@pytest.mark.parametrize(("size", "kept"), [(0.0, True), (2.5, True), (5.0, True), (10.0, False)])
def test_clipping_leaves_a_gradient_of_the_limit_alone(packages: Sequence[Package], size: float, kept: bool) -> None:
    for package in packages:
        runtime = package.runtime
        gradient = size * np.array([[0.6, 0.8]])
        x, Dx = (runtime.variable(package.matrix(a, "float64")) for a in (np.zeros((1, 2)), gradient))
        package.root.ClipByNormOptimizer(x, Dx, 5.0).update(1.0)
        assert np.allclose(package.host(Dx), gradient if kept else [[3.0, 4.0]], rtol=1e-15), package.name


def test_steps_of_schedulers(reference: Package) -> None:
    """A milestone belongs to the later rate; a step-based rate counts steps from one."""
    multi = reference.root.MultiStepScheduler(1.0, 0.5, [2, 4])
    assert [multi(i) for i in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    steps = reference.root.StepBasedScheduler(1.0, 0.5, 3)
    assert [steps(i) for i in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    time_based = reference.root.TimeBasedScheduler(1.0, 1.0)
    assert [time_based(i) for i in range(4)] == [1.0, 1.0, 0.5, 0.5 / 3]
