"""The paper's way to check gradients (Listing 6): explicit matrices at small sizes, and `sympy.simplify`.

    python benchmarks/explicit_simplify.py [softmax]

Prints the CPU seconds of a layer, or of every one, and whether all its gradients agree. The loss is the squared error;
of D, K and N one is 3 and the others are 2, each in turn. A layer is written down here as the paper prints it, without
anything of eqgen.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import sympy
from sympy import Matrix, Piecewise, exp, log, ones, simplify, tanh, zeros

SIZES = ((3, 2, 2), (2, 3, 2), (2, 2, 3))
"""D, K and N."""

Function = Callable[[Any], Any]
ALPHA = sympy.Symbol("alpha", positive=True)

ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "leaky ReLU": (
        lambda x: Piecewise((ALPHA * x, x < ALPHA * x), (x, True)),
        lambda x: Piecewise((ALPHA, x < ALPHA * x), (1, True)),
    ),
    "all ReLU": (
        lambda x: Piecewise((ALPHA * x, x < 0), (x, True)),
        lambda x: Piecewise((ALPHA, x < 0), (1, True)),
    ),
    "tanh": (tanh, lambda x: 1 - tanh(x) ** 2),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), lambda x: (1 / (1 + exp(-x))) * (1 - 1 / (1 + exp(-x)))),
}
"""Each function and its derivative; those of the tests that belong to the paper, which leave ReLU out."""


def matrix(name: str, rows: int, columns: int) -> Any:
    """A matrix of real symbols."""
    return Matrix(rows, columns, lambda i, j: sympy.Symbol(f"{name}_{i}_{j}", real=True))


def hadamard(X: Any, Y: Any) -> Any:
    return X.multiply_elementwise(Y)


def row_repeat(x: Any, m: int) -> Any:
    return ones(m, 1) * x


def column_repeat(x: Any, n: int) -> Any:
    return x * ones(1, n)


def rows_sum(X: Any) -> Any:
    return X * ones(X.cols, 1)


def diagonal(X: Any) -> Any:
    return Matrix([X[i, i] for i in range(X.rows)])


def softmax(Z: Any) -> Any:
    E = Z.applyfunc(exp)
    return hadamard(E, column_repeat(rows_sum(E).applyfunc(lambda x: 1 / x), Z.cols))


def log_softmax(Z: Any) -> Any:
    return Z - column_repeat(rows_sum(Z.applyfunc(exp)).applyfunc(log), Z.cols)


def loss(Y: Any) -> Any:
    """Squared error."""
    T = matrix("t", Y.rows, Y.cols)
    return (ones(1, Y.rows) * hadamard(Y - T, Y - T) * ones(Y.cols, 1))[0, 0]


def gradient(f: Any, X: Any) -> Any:
    return X.applyfunc(lambda x: sympy.diff(f, x))


def equal_matrices(A: Any, B: Any) -> bool:
    return bool(simplify(A - B) == zeros(A.rows, A.cols))


def variants(layer: str) -> Iterator[tuple[Function, Callable[[Any, Any, Any], Any]]]:
    """The function behind the linear map, and DZ in terms of Z, Y and DY."""
    if layer == "linear":
        yield (lambda Z: Z), (lambda Z, Y, DY: DY)
    elif layer == "sigmoid":
        f = ACTIVATIONS["sigmoid"][0]
        yield (lambda Z: Z.applyfunc(f)), (lambda Z, Y, DY: hadamard(DY, hadamard(Y, ones(*Y.shape) - Y)))
    elif layer == "softmax":
        yield softmax, lambda Z, Y, DY: hadamard(Y, DY - column_repeat(diagonal(DY * Y.T), Y.cols))
    elif layer == "log-softmax":
        yield log_softmax, lambda Z, Y, DY: DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), Y.cols))
    else:
        for f, slope in ACTIVATIONS.values():
            yield (
                (lambda Z, f=f: Z.applyfunc(f)),  # type: ignore[misc]
                (lambda Z, Y, DY, slope=slope: hadamard(DY, Z.applyfunc(slope))),  # type: ignore[misc]
            )


LAYERS = ("linear", "sigmoid", "log-softmax", "softmax", "activation")


def agrees(function: Function, backward: Callable[[Any, Any, Any], Any], D: int, K: int, N: int) -> bool:
    """Whether DZ, DW, Db and DX are what SymPy derives."""
    X, W, b = matrix("x", N, D), matrix("w", K, D), matrix("b", 1, K)
    z, y = matrix("z", N, K), matrix("y", N, K)
    Z = X * W.T + row_repeat(b, N)
    Y = function(Z)
    DY = gradient(loss(y), y).subs(dict(zip(y, Y, strict=True)))
    DZ = backward(Z, Y, DY)
    DZ1 = gradient(loss(function(z)), z).subs(dict(zip(z, Z, strict=True)))
    total = loss(Y)
    pairs = [
        (DZ.T * X, gradient(total, W)),
        (ones(1, N) * DZ, gradient(total, b)),
        (DZ * W, gradient(total, X)),
        (DZ, DZ1),
    ]
    return all([equal_matrices(A, B) for A, B in pairs])


def main() -> int:
    for layer in sys.argv[1:] or LAYERS:
        started = time.process_time()
        agreed = all([agrees(*variant, *sizes) for variant in variants(layer) for sizes in SIZES])
        print(json.dumps({"layer": layer, "seconds": time.process_time() - started, "agrees": agreed}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
