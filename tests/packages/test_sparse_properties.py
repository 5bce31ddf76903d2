"""Sparse layers of every package against NumPy: random patterns and shapes, and a hundred steps of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.packages.backends import FRAMEWORKS, array, every_backend, load
from tests.packages.test_sparse_layers import PAIRS, compare

Matrix = NDArray[Any]
COMPILED_PER_SHAPE = {"jax", "tensorflow"}
"""Packages that compile anew for every shape: fewer examples."""


@dataclass
class Case:
    """A mask and a batch: K x D, N rows, and where something is not finite."""

    mask: NDArray[np.bool_]
    rows: int
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        K, D = self.mask.shape
        return K, D


@st.composite
def cases(draw: st.DrawFn, largest: int = 9) -> Case:
    K, D = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    kind = draw(st.sampled_from(["any", "empty", "full", "rows", "columns", "one"]))
    seed = draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    mask = rng.random((K, D)) < draw(st.sampled_from([0.1, 0.5, 0.9]))
    if kind in ("empty", "full"):
        mask[:] = kind == "full"
    elif kind == "rows":
        mask[rng.integers(K)], mask[rng.integers(K)] = True, False
    elif kind == "columns":
        mask[:, rng.integers(D)], mask[:, rng.integers(D)] = True, False
    elif kind == "one":
        mask[:] = False
        mask[rng.integers(K), rng.integers(D)] = True
    return Case(mask, draw(st.sampled_from([1, 2, 3, 7, 15, 16, 17, 33, 130])), seed)


def examples(backend: str, many: int, few: int) -> Callable[[Any], Any]:
    return settings(max_examples=few if backend in COMPILED_PER_SHAPE else many, deadline=None)


@every_backend
def test_layers_over_random_patterns_are_masked_dense_ones(backend: str) -> None:
    p = load(backend)

    @examples(backend, 60, 8)
    @given(cases(), st.sampled_from(PAIRS), st.sampled_from(["float32", "float64"]))
    def check(case: Case, name: str, dtype: str) -> None:
        compare(p, name, case.mask, case.rows, case.seed, dtype)

    check()


def linear_products(p: Any, mask: Any, W: Matrix, X: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """X S', DY S and the entries of DY' X, by a linear layer without a bias."""
    layer = p.SparseLinearLayer(*mask.shape[::-1], dtype=W.dtype.name)
    layer.set_pattern(mask)
    layer.set_entries("W", W[mask].reshape(1, -1))
    Y = layer.feedforward(p.from_host(X))
    layer.backpropagate(Y, p.from_host(DY))
    return p.to_host(Y), p.to_host(layer.DX), p.to_host(layer.DW.values)


def sum_of_products(terms: list[tuple[float, float]]) -> float:
    with np.errstate(all="ignore"):
        return float(sum((np.float64(a) * np.float64(b) for a, b in terms), np.float64(0)))


@every_backend
def test_values_that_are_not_finite_reach_what_stored_entries_take_there(backend: str) -> None:
    """Entries that are not stored are no zeros that are multiplied: 0 times infinity would be NaN."""
    p = load(backend)

    @examples(backend, 40, 6)
    @given(
        cases(6),
        st.lists(st.tuples(st.sampled_from("WXG"), st.integers(0, 999), st.sampled_from([np.inf, -np.inf, np.nan]))),
    )
    def check(case: Case, special: list[tuple[str, int, float]]) -> None:
        (K, D), N = case.shape, case.rows
        given_ = {"W": array(case.seed, K, D), "X": array(case.seed + 1, N, D), "G": array(case.seed + 2, N, K)}
        for name, place, number in special:
            given_[name].flat[place % given_[name].size] = number
        W, X, G = given_["W"], given_["X"], given_["G"]
        stored = np.argwhere(case.mask)
        Y, DX, DW = linear_products(p, case.mask, W, X, G)
        expected_Y = [
            [sum_of_products([(X[n, d], W[k, d]) for k_, d in stored if k_ == k]) for k in range(K)] for n in range(N)
        ]
        expected_DX = [
            [sum_of_products([(G[n, k], W[k, d]) for k, d_ in stored if d_ == d]) for d in range(D)] for n in range(N)
        ]
        expected_DW = [[sum_of_products([(G[n, k], X[n, d]) for n in range(N)]) for k, d in stored]]
        for found, expected in ((Y, expected_Y), (DX, expected_DX), (DW, np.reshape(expected_DW, (1, -1)))):
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)

    with np.errstate(all="ignore"):
        check()


@every_backend
@pytest.mark.parametrize(("K", "D", "N"), [(1, 1, 1), (300, 7, 1), (5, 400, 33), (40, 300, 100)])
@pytest.mark.parametrize("density", [0.0, 0.02, 1.0])
def test_products_of_larger_sizes(backend: str, K: int, D: int, N: int, density: float) -> None:
    """Against integers, which every order of summation gets exactly right."""
    p = load(backend)
    rng = np.random.default_rng(K + D)
    mask = p.Pattern.random((K, D), density, K).mask()
    W, X, G = (rng.integers(-4, 5, shape).astype(np.float32) for shape in ((K, D), (N, D), (N, K)))
    Y, DX, DW = linear_products(p, mask, W, X, G)
    np.testing.assert_array_equal(Y, X @ (W * mask).T)
    np.testing.assert_array_equal(DX, G @ (W * mask))
    np.testing.assert_array_equal(DW[0], (G.T @ X)[mask])


# --- training ----------------------------------------------------------------------------------------------


@dataclass
class MaskedNetwork:
    """ReLU;ReLU;Linear with softmax cross-entropy over dense matrices whose gradients are masked, in plain NumPy."""

    W: list[Matrix]
    b: list[Matrix]
    masks: list[Matrix]
    optimizer: str
    states: dict[tuple[str, int], list[Matrix]] = field(default_factory=dict)

    def step(self, X: Matrix, T: Matrix, eta: float, count: int) -> float:
        """Gradient descent by one batch; the mean loss before it. `count` is 1 in the first step."""
        outputs = [X]
        for k, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            Z = outputs[-1] @ W.T + b
            outputs.append(np.maximum(Z, 0) if k < len(self.W) - 1 else Z)
        Z = outputs[-1] - outputs[-1].max(axis=1, keepdims=True)
        log_softmax = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
        D = (np.exp(log_softmax) - T) / len(X)
        for k in reversed(range(len(self.W))):
            DW, Db = (D.T @ outputs[k]) * self.masks[k], D.sum(axis=0, keepdims=True)
            D = (D @ self.W[k]) * (outputs[k] > 0)
            self.update("W", self.W, k, DW, eta, count)
            self.update("b", self.b, k, Db, eta, count)
        return float(-(T * log_softmax).sum() / len(X))

    def update(self, name: str, parameters: list[Matrix], k: int, G: Matrix, eta: float, count: int) -> None:
        state = self.states.setdefault((name, k), [np.zeros_like(G), np.zeros_like(G)])
        if self.optimizer == "GradientDescent":
            parameters[k] = parameters[k] - eta * G
        elif self.optimizer == "Nesterov(0.9)":
            state[0] = 0.9 * state[0] - eta * G
            parameters[k] = parameters[k] + 0.9 * state[0] - eta * G
        else:
            state[0] = 0.9 * state[0] + 0.1 * G
            state[1] = 0.999 * state[1] + 0.001 * G**2
            m, v = state[0] / (1 - 0.9**count), state[1] / (1 - 0.999**count)
            parameters[k] = parameters[k] - eta * m / (np.sqrt(v) + 1e-8)


STEPS = 100


@pytest.mark.parametrize("optimizer", ["GradientDescent", "Nesterov(0.9)", "Adam"])
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_a_hundred_steps_are_those_of_a_masked_network_in_numpy(backend: str, optimizer: str) -> None:
    p = load(backend)
    M = p.sparse_multilayer_perceptron(
        "ReLU;ReLU;Linear", "20;24;16;5", "Xavier", optimizer, densities="0.2;0.3;0.5", dtype="float64", seed=4
    )
    for k, layer in enumerate(M.layers):
        layer.b = array(40 + k, *layer.b.shape) / 10
    reference = MaskedNetwork(
        [layer.W.to_dense() for layer in M.layers],
        [p.to_host(layer.b) for layer in M.layers],
        [layer.W.pattern.mask() for layer in M.layers],
        optimizer,
    )
    loss, eta = (
        p.parse_loss_function("SoftmaxCrossEntropy"),
        {"GradientDescent": 0.5, "Nesterov(0.9)": 0.1, "Adam": 0.01}[optimizer],
    )
    teacher = array(9, 20, 5)
    found, expected = [], []
    for step in range(STEPS):
        X = array(step % 10, 16, 20)
        T = np.eye(5)[np.argmax(X @ teacher, axis=1)]
        found.append(float(M.train_step(p.from_host(X), p.from_host(T), loss, eta)))
        expected.append(reference.step(X, T, eta, step + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert np.mean(expected[-10:]) < 0.9 * np.mean(expected[:10])  # something was learned
    for layer, W, mask in zip(M.layers, reference.W, reference.masks, strict=True):
        np.testing.assert_array_equal(layer.W.to_dense()[~mask], 0)
        np.testing.assert_allclose(layer.W.to_dense(), W, rtol=0, atol=1e-10)
