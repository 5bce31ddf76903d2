"""Patterns and sparse matrices: what they accept, what they keep, and what follows an entry when a pattern changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packages.backends import array, every_backend, load


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 99))
def test_a_random_pattern_has_the_density_and_is_in_order(K: int, D: int, density: float, seed: int) -> None:
    Pattern = load("numpy").Pattern
    pattern = Pattern.random((K, D), density, seed)
    assert pattern.count == round(density * K * D) == pattern.mask().sum()
    assert pattern == Pattern.of_mask(pattern.mask()) == Pattern.random((K, D), density, seed)
    dense = scipy.sparse.csr_array(pattern.mask())
    np.testing.assert_array_equal(dense.indptr, pattern.row_pointers)
    np.testing.assert_array_equal(dense.indices, pattern.column_numbers)
    pointers, rows, numbers = pattern.by_columns
    by_columns = dense.tocsc()
    np.testing.assert_array_equal(by_columns.indptr, pointers)
    np.testing.assert_array_equal(by_columns.indices, rows)
    np.testing.assert_array_equal(pattern.column_numbers[numbers], np.sort(pattern.column_numbers))


def test_every_position_is_equally_likely() -> None:
    Pattern = load("numpy").Pattern
    rng = np.random.default_rng(1)
    counts = sum(Pattern.random((4, 5), 0.25, rng).mask().astype(int) for _ in range(2000))
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


@pytest.mark.parametrize(
    ("pointers", "columns", "message"),
    [
        ([0, 1], [0], "row_pointers must be 3 numbers that rise from 0 to 1"),
        ([0, 2, 1], [0], "row_pointers must be 3 numbers"),
        ([0, 1, 2], [0, 3], "columns are 0 to 3, expected 0 to 2"),
        ([0, 1, 2], [0, -1], "columns are -1 to 0, expected 0 to 2"),
        ([0, 2, 2], [1, 1], "a position occurs twice"),
        ([0, 2, 2], [2, 1], "unsorted"),
    ],
)
def test_a_pattern_that_is_none_is_refused(pointers: list[int], columns: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load("numpy").Pattern((2, 3), pointers, columns)


def test_a_pattern_of_words_is_refused() -> None:
    with pytest.raises(TypeError, match=r"column_numbers is .*, expected a list of whole numbers"):
        load("numpy").Pattern((1, 2), [0, 1], ["a"])


@every_backend
def test_matrices_go_in_and_come_out(backend: str) -> None:
    p = load(backend)
    mask = np.random.default_rng(2).random((5, 6)) < 0.4
    layer = p.SparseLinearLayer(6, 5, dtype="float64")
    W = array(1, 5, 6) * mask
    for source in (W, scipy.sparse.coo_array(W), p.from_host(W)):
        layer.set_pattern(mask)
        layer.W = source
        np.testing.assert_array_equal(layer.W.to_dense(), W)
        np.testing.assert_array_equal(layer.W.to_scipy().toarray(), W)
        np.testing.assert_array_equal(np.asarray(layer.W), W)
    other = p.SparseLinearLayer(6, 5, dtype="float64")
    other.set_pattern(layer.W)
    other.W = layer.W
    np.testing.assert_array_equal(other.W.to_dense(), W)
    assert other.W.nnz == mask.sum()
    with pytest.raises(
        ValueError, match=r"SparseLinearLayer\.W: the matrix has 30 entries that are not zero, of which"
    ):
        layer.W = array(1, 5, 6)
    with pytest.raises(ValueError, match=r"SparseLinearLayer\.W: found a matrix of shape \(6, 5\), expected \(5, 6\)"):
        layer.W = W.T
    with pytest.raises(TypeError, match=r"SparseLinearLayer\.W: found 3, expected a matrix of shape \(5, 6\)"):
        layer.W = 3
    np.testing.assert_array_equal(layer.W.to_dense(), W)


@every_backend
def test_initializers_draw_stored_entries_only(backend: str) -> None:
    p = load(backend)
    layer = p.SparseLinearLayer(400, 300, density=0.1)
    layer.seed(3)
    layer.set_weights("Xavier")
    assert layer.W.nnz == 12000
    values = p.to_host(layer.W.values)
    bound = 1 / np.sqrt(400)
    assert values.min() < -0.95 * bound
    assert values.max() > 0.95 * bound
    assert np.abs(values).max() <= bound
    again = load("numpy").SparseLinearLayer(400, 300, density=0.1)
    again.seed(3)
    again.set_weights("Xavier")
    np.testing.assert_array_equal(values, again.W.values)


@every_backend
@pytest.mark.parametrize("optimizer", ["Adam", "WeightDecay(0.1) | Nesterov(0.9)"])
def test_entries_keep_their_values_and_states(backend: str, optimizer: str) -> None:
    p = load(backend)
    rng = np.random.default_rng(4)
    old, new = rng.random((2, 5, 6)) < 0.5
    layer = p.SparseLinearLayer(6, 5, dtype="float64")
    layer.set_pattern(old)
    layer.set_weights("Xavier", 1)
    layer.set_optimizer(optimizer)
    X = p.from_host(array(1, 7, 6), "float64")
    for _ in range(2):
        layer.backpropagate(layer.feedforward(X), p.from_host(array(2, 7, 5), "float64"))
        layer.optimize(0.1)
    before = layer.W.to_dense()
    part = layer.optimizer.optimizers[0]
    part = part.optimizers[-1] if hasattr(part, "optimizers") else part
    states = {name: spread(p, old, getattr(part, name)) for name in part.STATES}
    assert all(np.any(state) for state in states.values())
    layer.set_pattern(new)
    np.testing.assert_array_equal(layer.W.to_dense(), before * new)
    for name, state in states.items():
        np.testing.assert_array_equal(spread(p, new, getattr(part, name)), state * new)
    layer.backpropagate(layer.feedforward(X), p.from_host(array(2, 7, 5), "float64"))
    layer.optimize(0.1)
    changed = layer.W.to_dense() != before * new
    np.testing.assert_array_equal(changed, new)


def spread(p: Any, mask: Any, values: Any) -> Any:
    """Values at the positions of a mask."""
    result = np.zeros(mask.shape)
    result[mask] = p.to_host(values)[0]
    return result


@every_backend
def test_patterns_are_saved_and_loaded(backend: str, tmp_path: Path) -> None:
    p = load(backend)
    layers, sizes = "SparseActivation(ReLU, 0.3);SparseSoftmax(0.5)", [6, 8, 3]
    M = p.parse_multilayer_perceptron(layers, sizes, "Xavier", "Momentum(0.9)", seed=3)
    M.save(tmp_path / "weights.npz")
    N = load("numpy").parse_multilayer_perceptron(layers, sizes)
    assert (M.layers[0].W.pattern.mask() != N.layers[0].W.pattern.mask()).any()
    N.load(tmp_path / "weights.npz")
    for a, b in zip(M.layers, N.layers, strict=True):
        np.testing.assert_array_equal(a.W.pattern.mask(), b.W.pattern.mask())
        np.testing.assert_array_equal(a.W.to_dense(), b.W.to_dense())
        np.testing.assert_array_equal(p.to_host(a.b), b.b)


def test_a_saved_pattern_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    p = load("numpy")
    p.MultilayerPerceptron([p.SparseLinearLayer(4, 3, 0.5)]).save(tmp_path / "weights.npz")
    N = p.MultilayerPerceptron([p.SparseLinearLayer(4, 5, 0.5)])
    before = N.layers[0].W.pattern
    with pytest.raises(ValueError, match=r"0\.SparseLinearLayer\.b has shape \(1, 3\)|row_pointers must be 6 numbers"):
        N.load(tmp_path / "weights.npz")
    assert N.layers[0].W.pattern is before
