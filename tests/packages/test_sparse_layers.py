"""Layers over sparse weights are the dense ones with a mask: in value, in gradient, and step by step."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packages.backends import FRAMEWORKS, array, every_backend, load

PAIRS = ["Linear", "Activation", "Softmax", "LogSoftmax", "SReLU"]
"""The layers of the library whose weights are declared `sparse`."""


def pair(p: Any, name: str, mask: Any, seed: int, dtype: str = "float64") -> tuple[Any, Any]:
    """The sparse layer of a class and the dense one, with the same weights at the positions of a mask."""
    K, D = mask.shape
    header = [p.ACTIVATIONS["Tanh"]()] if name == "Activation" else []
    sparse = p.LAYERS[f"Sparse{name}"](D, K, *header, dtype=dtype)
    dense = p.LAYERS[name](D, K, *header, dtype=dtype)
    sparse.set_pattern(mask)
    W, b = array(seed, K, D) * mask, array(seed + 1, 1, K)
    for layer in (sparse, dense):
        layer.W, layer.b = W.astype(dtype), b.astype(dtype)
    return sparse, dense


def agree(p: Any, found: Any, expected: Any, dtype: str = "float64") -> None:
    tolerance = {"float64": 1e-12, "float32": 2e-5}[dtype]
    np.testing.assert_allclose(p.to_host(found), expected, rtol=tolerance, atol=tolerance)


def compare(p: Any, name: str, mask: Any, rows: int, seed: int, dtype: str = "float64") -> None:
    """One forward and one backward pass of both layers."""
    sparse, dense = pair(p, name, mask, seed, dtype)
    X = p.from_host(array(seed + 2, rows, mask.shape[1]), dtype)
    DY = p.from_host(array(seed + 3, rows, mask.shape[0]), dtype)
    Y, expected = sparse.feedforward(X), dense.feedforward(X)
    agree(p, Y, p.to_host(expected), dtype)
    sparse.backpropagate(Y, DY)
    dense.backpropagate(expected, DY)
    agree(p, sparse.DX, p.to_host(dense.DX), dtype)
    np.testing.assert_array_equal(sparse.DW.to_dense() * ~mask, 0)
    scale = max(1.0, float(np.abs(p.to_host(dense.DW)).max(initial=0)))
    np.testing.assert_allclose(
        sparse.DW.to_dense() / scale,
        p.to_host(dense.DW) * mask / scale,
        rtol=0,
        atol={"float64": 1e-13, "float32": 1e-5}[dtype],
    )
    for name in dense.PARAMETERS[1:]:
        agree(p, getattr(sparse, f"D{name}"), p.to_host(getattr(dense, f"D{name}")), dtype)


@every_backend
@pytest.mark.parametrize("name", PAIRS)
def test_sparse_layers_are_dense_layers_with_a_mask(backend: str, name: str) -> None:
    compare(load(backend), name, np.random.default_rng(1).random((5, 7)) < 0.4, rows=6, seed=4)


SHAPES = [(1, 1, 1), (3, 5, 1), (4, 9, 15), (7, 3, 16), (6, 11, 17), (5, 8, 100), (3, 4, 129), (2, 6, 300)]
"""K, D and rows of a batch around the widths that the compiled kernels treat in different ways."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("K", "D", "rows"), SHAPES)
@pytest.mark.parametrize("backend", ["numpy", "cpp", "torch"])
def test_batches_of_all_widths(backend: str, K: int, D: int, rows: int, dtype: str) -> None:
    compare(load(backend), "Linear", np.random.default_rng(rows).random((K, D)) < 0.5, rows, seed=rows, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 16, 100, 130])
@pytest.mark.parametrize("density", [0.004, 0.03, 0.2, 0.9])
def test_kernels_for_all_densities(density: float, rows: int, dtype: str) -> None:
    """Few entries, more of them, for which operands are packed, and so many that dense kernels are used."""
    mask = np.random.default_rng(7).random((150, 400)) < density
    compare(load("cpp"), "Activation", mask, rows, seed=5, dtype=dtype)
    mask[40:90] = False
    mask[:, 100:350] = False
    compare(load("cpp"), "Linear", mask, rows, seed=6, dtype=dtype)


@every_backend
@pytest.mark.parametrize("kind", ["empty", "full", "empty rows and columns"])
def test_patterns_without_entries_and_full_ones(backend: str, kind: str) -> None:
    mask = np.full((4, 6), kind == "full")
    if kind == "empty rows and columns":
        mask[1, [0, 3]] = mask[3, 3] = True
    compare(load(backend), "Linear", mask, rows=3, seed=7)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_random_patterns_and_shapes(data: st.DataObject) -> None:
    K, D, rows = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40)))
    bits = data.draw(st.lists(st.booleans(), min_size=K * D, max_size=K * D))
    compare(load("cpp"), data.draw(st.sampled_from(PAIRS)), np.array(bits).reshape(K, D), rows, seed=K * D)


@every_backend
def test_infinity_and_nan_go_where_a_stored_entry_takes_them(backend: str) -> None:
    p = load(backend)
    mask = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    layer, _ = pair(p, "Linear", mask, seed=2)
    layer.W = np.where(mask, 2.0, 0.0)
    X = np.zeros((20, 3))
    X[4, 0], X[17, 1] = np.inf, np.nan
    Y = layer.feedforward(p.from_host(X, "float64"))
    found = p.to_host(Y)
    assert found[4, 0] == np.inf
    assert np.isnan(found[17, 1])
    assert np.isfinite(np.delete(found.ravel(), [4 * 2, 17 * 2 + 1])).all()
    DY = np.ones((20, 2))
    layer.backpropagate(Y, p.from_host(DY, "float64"))
    assert layer.DW.to_dense()[0, 0] == np.inf
    assert np.isnan(layer.DW.to_dense()[1, 1])
    assert layer.DW.to_dense()[0, 2] == 0


OPTIMIZERS = [
    "GradientDescent",
    "Momentum(0.9)",
    "Nesterov(0.9)",
    "Adam",
    "WeightDecay(0.01) | ClipByValue(0.5) | RMSProp",
]


@pytest.mark.parametrize(
    ("backend", "optimizer"),
    [(b, o) for b in FRAMEWORKS for o in OPTIMIZERS if b in ("numpy", "cpp", "torch") or o == "Nesterov(0.9)"],
)
def test_a_network_trains_like_the_masked_dense_one(backend: str, optimizer: str) -> None:
    p = load(backend)
    rng = np.random.default_rng(0)
    masks = [rng.random((8, 6)) < 0.5, rng.random((3, 8)) < 0.6]
    pairs = [
        pair(p, name, mask, seed=k) for k, (name, mask) in enumerate(zip(["Activation", "Linear"], masks, strict=True))
    ]
    networks = [p.MultilayerPerceptron(list(layers)) for layers in zip(*pairs, strict=True)]
    loss = p.parse_loss_function("SoftmaxCrossEntropy")
    losses: list[list[float]] = [[], []]
    for M in networks:
        for layer in M.layers:
            layer.set_optimizer(optimizer)
    for step in range(20 if backend in ("numpy", "cpp") else 4):
        X = p.from_host(array(100 + step, 9, 6), "float64")
        T = p.from_host(np.eye(3)[np.arange(9) % 3], "float64")
        for M, record in zip(networks, losses, strict=True):
            record.append(float(M.train_step(X, T, loss, 0.05)))
        for layer, mask in zip(networks[1].layers, masks, strict=True):
            layer.W = p.to_host(layer.W) * mask
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-11)
    np.testing.assert_allclose(
        networks[0].layers[0].W.to_dense(), p.to_host(networks[1].layers[0].W), rtol=0, atol=1e-11
    )


def test_32_bit_and_64_bit_indices_give_the_same() -> None:
    p = load("cpp")
    layer, _ = pair(p, "Linear", np.random.default_rng(3).random((6, 9)) < 0.5, seed=1)
    X, DY = p.from_host(array(1, 20, 9), "float64"), p.from_host(array(2, 20, 6), "float64")
    S = layer.W.indices
    assert {a.dtype.name for a in S[1:]} == {"int32"}
    wide = type(S)(S.shape, *(a.astype(np.int64) for a in S[1:]))
    calls: tuple[tuple[str, Any], ...] = (
        ("sparse_linear_forward", lambda S: (X, layer.W.values, S, layer.b)),
        ("sparse_linear_backward", lambda S: (X, layer.W.values, S, DY)),
    )
    for function, arguments in calls:
        call = getattr(p.functional, function)
        results = [call(*arguments(indices)) for indices in (S, wide)]
        for narrow, other in zip(*(r if isinstance(r, tuple) else (r,) for r in results), strict=True):
            np.testing.assert_array_equal(narrow, other)


def test_numpy_alone_gives_what_scipy_gives() -> None:
    p = load("numpy")
    rng = np.random.default_rng(5)
    mask = rng.random((300, 500)) < 0.6
    mask[[0, 7, 299]] = False
    pattern = p.Pattern.of_mask(mask)
    dense = np.where(mask, rng.normal(size=mask.shape), 0)
    B = rng.normal(size=(500, 3))
    row_sums: Any = importlib.import_module("eqgen_numpy.sparse_products").row_sums
    values = dense[mask]
    found: Any = row_sums(values, pattern.row_pointers, pattern.column_numbers, 300, B)
    np.testing.assert_allclose(found, dense @ B, rtol=0, atol=1e-12)
