"""Packages of the library with definitions of one's own: other names and sizes than the library's layers have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqgen
from tests.packages.backends import array, every_framework, load

TEXT = """\
layer Bilinear
    "Two maps in a row, with three sizes, two weights and names of its own."
    dims    N, D, H, K
    input   A: N x D
    param   U: H x D
    param   V: K x H
    output  B: N x K

    forward
        Z = A * U.T
        B = Z * V.T

    backward
        DV = DB.T * Z
        DZ = DB * V
        DU = DZ.T * A
        DA = DZ * U

layer Scale(c)
    "No parameters and no sizes."
    dims    N, D
    input   X: N x D
    output  Y: N x D

    forward
        Y = c * X

    backward
        DX = c * DY

activation Cube
    f(x)  = x * x * x
    f'(x) = 3 * x * x

optimizer Sign
    theta' = theta - eta * sign(Dtheta)
"""


@pytest.fixture
def package(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    load(backend)
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    return eqgen.loads(TEXT).compile(backend)


@every_framework
def test_layers_with_other_names(backend: str, package: Any) -> None:
    p = package
    layer = p.BilinearLayer(4, 3, 2, dtype="float64")
    layer.set_weights("Xavier", 0)
    U, V, A, DB = p.to_host(layer.U), p.to_host(layer.V), array(0, 5, 4), array(1, 5, 2)
    B = layer.feedforward(p.from_host(A))
    np.testing.assert_allclose(p.to_host(B), A @ U.T @ V.T, rtol=1e-12)
    layer.backpropagate(B, p.from_host(DB))
    np.testing.assert_allclose(p.to_host(layer.DU), (DB @ V).T @ A, rtol=1e-12)
    np.testing.assert_allclose(p.to_host(layer.DV), DB.T @ (A @ U.T), rtol=1e-12)
    np.testing.assert_allclose(p.to_host(layer.DX), DB @ V @ U, rtol=1e-12)
    np.testing.assert_array_equal(p.to_host(layer.X), A)
    with pytest.raises(ValueError, match="BilinearLayer has sizes D, H, K; construct it yourself"):
        p.parse_multilayer_perceptron("Bilinear", [4, 3, 2])


@every_framework
def test_strings_know_them(backend: str, package: Any) -> None:
    p = package
    M = p.parse_multilayer_perceptron("Cube;Scale(2);Linear", [4, 3, 2], "Xavier", "Sign", dtype="float64", seed=0)
    W1, W2, X = p.to_host(M.layers[0].W), p.to_host(M.layers[2].W), array(0, 5, 4)
    Y = M.feedforward(p.from_host(X))
    np.testing.assert_allclose(p.to_host(Y), 2 * (X @ W1.T) ** 3 @ W2.T, rtol=1e-10)
    M.backpropagate(Y, p.from_host(np.ones((5, 2))))
    M.optimize(0.25)
    DZ = 2 * np.ones((5, 2)) @ W2 * 3 * (X @ W1.T) ** 2
    np.testing.assert_allclose(p.to_host(M.layers[0].W), W1 - 0.25 * np.sign(DZ.T @ X), rtol=1e-12)
