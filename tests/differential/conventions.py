"""What is computed at kinks, ties and steps: stated once, in the library's files, and the same in all backends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eqgen.testing.packages import Package
from tests.differential.outside import CONVENTIONS, oracle

# Activation, its numbers, a point, the value and the derivative there.
KINKS: list[tuple[str, tuple[float, ...], float, float, float]] = [
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

DTYPES = ("float32", "float64")


def kinks_of(name: str) -> Callable[[Package], None]:
    def kinks(package: Package) -> None:
        for _, numbers, x, value, slope in (kink for kink in KINKS if kink[0] == name):
            for dtype in DTYPES:
                activation = getattr(package.root, f"{name}Activation")(*numbers)
                point = package.matrix(np.array([[x]]), dtype)
                found = [float(package.host(y)[0, 0]) for y in (activation(point), activation.gradient(point))]
                assert found == [value, slope], (package.name, name, numbers, x, dtype)

    return kinks


for _name in dict.fromkeys(kink[0] for kink in KINKS):
    oracle(f"activation {_name}", register_in=CONVENTIONS)(kinks_of(_name))


@oracle("layer Activation", register_in=CONVENTIONS)
def relu_passes_the_gradient_at_zero(package: Package) -> None:
    """relu'(0) = 1 inside of a layer too: Z is exactly 0."""
    layer = package.root.ActivationLayer(2, 1, package.root.ReLUActivation())
    layer.W, layer.b = np.array([[1.0, 1.0]]), np.array([[0.0]])
    Y = layer.feedforward(package.matrix(np.array([[1.0, -1.0]]), "float32"))
    layer.backpropagate(Y, package.matrix(np.array([[3.0]]), "float32"))
    assert np.array_equal(package.host(layer.DX), [[3.0, 3.0]]), package.name


@oracle("layer SReLU", register_in=CONVENTIONS)
def thresholds_belong_to_the_outer_branches(package: Package) -> None:
    """Z = (tl, tr): the slopes are al and ar, and the thresholds get the gradients 1 - al and 1 - ar. Where the
    thresholds are in the wrong order, the left branch comes first."""
    for Z, (tl, tr), Dar in (([[-1.0, 2.0]], (-1.0, 2.0), [[0.0]]), ([[2.0, 3.0]], (2.0, -1.0), [[4.0]])):
        expected = {"Db": [[0.5, 0.25]], "Dal": [[0.0]], "Dtl": [[0.5]], "Dar": Dar, "Dtr": [[0.75]]}
        layer = package.root.SReLULayer(1, 2, dtype="float64")
        layer.W, layer.b = np.array([[0.0], [0.0]]), np.array(Z)
        for name, number in (("al", 0.5), ("tl", tl), ("ar", 0.25), ("tr", tr)):
            setattr(layer, name, np.array([[number]]))
        Y = layer.feedforward(package.matrix(np.array([[1.0]]), "float64"))
        layer.backpropagate(Y, package.matrix(np.array([[1.0, 1.0]]), "float64"))
        found = {name: package.host(getattr(layer, name)).tolist() for name in expected}
        assert found == expected, (package.name, tl, tr)


@oracle("optimizer ClipByNorm", register_in=CONVENTIONS)
def a_gradient_of_the_limit_is_left_alone(package: Package) -> None:
    runtime = package.runtime
    for size, length in ((0.0, 0.0), (2.5, 2.5), (5.0, 5.0), (10.0, 5.0)):
        x, Dx = (
            runtime.variable(package.matrix(a, "float64")) for a in (np.zeros((1, 2)), size * np.array([[0.6, 0.8]]))
        )
        package.root.ClipByNormOptimizer(x, Dx, 5.0).update(1.0)
        assert np.allclose(package.host(Dx), length * np.array([[0.6, 0.8]]), rtol=1e-15), package.name


@oracle("scheduler MultiStep", "scheduler StepBased", "scheduler TimeBased", register_in=CONVENTIONS)
def steps_of_schedulers(package: Package) -> None:
    """A milestone belongs to the later rate, steps are counted from one, a time-based rate divides after a step."""
    multi = package.root.MultiStepScheduler(1.0, 0.5, [2, 4])
    assert [multi(i) for i in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    steps = package.root.StepBasedScheduler(1.0, 0.5, 3)
    assert [steps(i) for i in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    time_based = package.root.TimeBasedScheduler(1.0, 1.0)
    assert [time_based(i) for i in range(4)] == [1.0, 1.0, 0.5, 0.5 / 3]
