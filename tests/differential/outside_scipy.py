"""scipy.special, for functions of scalars and for the matrix functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as special

from eqgen.testing.packages import Package
from tests.differential.outside import DTYPE, close, normal, oracle, probabilities

WIDE = np.array([[-1000.0, -100.0, -20.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 3.0, 20.0, 100.0, 1000.0]])


@oracle("function softmax", "function log_softmax")
def scipy_softmax(package: Package) -> None:
    for logits in (normal(60, 4, 5), 100 * normal(61, 4, 5), 1000 * normal(62, 4, 5)):
        X = package.matrix(logits, DTYPE)
        close(package, package.part("functional").softmax(X), special.softmax(logits, axis=1))
        close(package, package.part("functional").log_softmax(X), special.log_softmax(logits, axis=1))


@oracle("function xlogy", "function xdivy")
def scipy_xlogy(package: Package) -> None:
    """Also where both are zero, which is 0 by convention; and 1 log(0), 1 / 0, which have to be infinite."""
    x = np.array([[0.0, 0.0, 1.5, -2.0, 0.25]])
    y = np.array([[0.0, 3.0, 1.0, 0.5, 1e-300]])
    X, Y = package.matrix(x, DTYPE), package.matrix(y, DTYPE)
    close(package, package.part("functional").xlogy(X, Y), special.xlogy(x, y))
    expected = np.divide(x, y, out=np.zeros_like(x), where=x != 0)
    found = package.host(package.part("functional").xdivy(X, Y))
    assert np.allclose(found, expected, rtol=1e-13, atol=0.0), package.name
    one, zero = (package.matrix(np.array([[number]]), DTYPE) for number in (1.0, 0.0))
    assert package.host(package.part("functional").xlogy(one, zero))[0, 0] == -np.inf, package.name
    assert package.host(package.part("functional").xdivy(one, zero))[0, 0] == np.inf, package.name


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "Sigmoid": (special.expit, lambda x: special.expit(x) * special.expit(-x)),
    "Softplus": (lambda x: -special.log_expit(-x), special.expit),
    "SiLU": (lambda x: x * special.expit(x), lambda x: special.expit(x) * (1 + x * special.expit(-x))),
    "GELU": (lambda x: x * special.ndtr(x), lambda x: special.ndtr(x) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)),
    "ELU": (lambda x: np.where(x < 0, special.expm1(np.minimum(x, 0)), x), lambda x: np.exp(np.minimum(x, 0))),
    "Tanh": (np.tanh, lambda x: 4 * special.expit(2 * x) * special.expit(-2 * x)),
}


def compare_function(name: str) -> Callable[[Package], None]:
    def scipy_function(package: Package) -> None:
        value, slope = FUNCTIONS[name]
        activation = getattr(package.root, f"{name}Activation")()
        x = package.matrix(WIDE, DTYPE)
        # Relative to each entry: the tails are where digits are lost.
        for found, expected in ((activation(x), value(WIDE)), (activation.gradient(x), slope(WIDE))):
            result = package.host(found)
            assert np.allclose(result, expected, rtol=1e-13, atol=1e-300), (
                package.name,
                result,
                expected,
            )

    return scipy_function


for _name in FUNCTIONS:
    oracle(f"activation {_name}")(compare_function(_name))


@oracle("loss KLDivergence", "loss BinaryCrossEntropy", "loss CrossEntropy")
def scipy_relative_entropy(package: Package) -> None:
    """Sums of rel_entr and entr, with targets that are exactly 0 and 1."""
    Y = probabilities(63, 4, 3)
    T = np.eye(3)[[0, 2, 1, 1]]
    y, t = package.matrix(Y, DTYPE), package.matrix(T, DTYPE)
    root = package.root
    close(package, root.KLDivergenceLossFunction()(y, t), special.rel_entr(T, Y).sum())
    close(package, root.CrossEntropyLossFunction()(y, t), -special.xlogy(T, Y).sum())
    expected = -(special.xlogy(T, Y) + special.xlog1py(1 - T, -Y)).sum()
    close(package, root.BinaryCrossEntropyLossFunction()(y, t), expected)
