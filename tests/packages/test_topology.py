"""Densities, pruning and growing: how many entries there are, which go, where new ones come, and what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packages.backends import FRAMEWORKS, array, load

SIZES = "12;20;9;4"


def network(p: Any, seed: int = 3, **keywords: Any) -> Any:
    keywords = {"densities": "0.3;0.4;1"} | keywords
    return p.sparse_multilayer_perceptron(
        "ReLU;Tanh;Linear", SIZES, "Xavier", "Momentum(0.9)", dtype="float64", seed=seed, **keywords
    )


def batch(p: Any, seed: int = 0) -> tuple[Any, Any]:
    return p.from_host(array(seed, 10, 12), "float64"), p.from_host(np.eye(4)[np.arange(10) % 4], "float64")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=5), st.floats(0.001, 1))
def test_erdos_renyi_densities_add_up(shapes: list[tuple[int, int]], density: float) -> None:
    found = load("numpy").erdos_renyi_densities(shapes, density)
    totals = [a * b for a, b in shapes]
    assert sum(d * t for d, t in zip(found, totals, strict=True)) == pytest.approx(density * sum(totals))
    assert all(0 <= d <= 1 for d in found)
    raw = [d * a * b / (a + b) for d, (a, b) in zip(found, shapes, strict=True) if d < 1]
    assert raw == pytest.approx([raw[0]] * len(raw)) if raw else True


def test_a_network_of_an_overall_density() -> None:
    p = load("numpy")
    M = p.sparse_multilayer_perceptron("ReLU;ReLU;Linear", "3072;1024;512;10", "Xavier", overall_density=0.01, seed=1)
    matrices = [layer.W for layer in M.layers]
    stored = sum(W.nnz if isinstance(W, p.SparseMatrix) else W.size for W in matrices)
    assert stored == pytest.approx(0.01 * (3072 * 1024 + 1024 * 512 + 512 * 10), rel=1e-3)
    assert matrices[0].pattern.density < matrices[1].pattern.density < matrices[2].pattern.density


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_one_seed_gives_one_network_and_one_training(backend: str) -> None:
    p, q = load(backend), load("numpy")
    results = []
    for package in (p, q):
        M = network(package)
        X, T = batch(package)
        loss = package.parse_loss_function("SoftmaxCrossEntropy")
        training = package.SparseTraining(M, "SET(0.3)", "Random", weights="Xavier", seed=5)
        for _ in range(3):
            M.train_step(X, T, loss, 0.1)
            training.renew()
        results.append([(layer.W.pattern.mask(), layer.W.to_dense()) for layer in M.layers[:2]])
    for (mask, W), (other, expected) in zip(*results, strict=True):
        np.testing.assert_array_equal(mask, other)
        np.testing.assert_allclose(W, expected, rtol=0, atol=1e-12)


def test_the_class_of_a_layer_follows_its_density() -> None:
    p = load("numpy")
    assert [type(layer).__name__ for layer in network(p).layers] == [
        "SparseActivationLayer",
        "SparseActivationLayer",
        "LinearLayer",
    ]
    with pytest.raises(ValueError, match="BatchNormalization has no sparse form; there are SparseActivation"):
        p.sparse_multilayer_perceptron("BatchNormalization;Linear", "4;3", densities="0.5")
    with pytest.raises(ValueError, match="give either densities or overall_density"):
        p.sparse_multilayer_perceptron("Linear", "4;3")
    with pytest.raises(ValueError, match=r"density is 1\.5, expected a number from 0 to 1"):
        p.sparse_multilayer_perceptron("Linear", "4;3", densities="1.5")
    with pytest.raises(ValueError, match=r"expected numbers such as '0\.01;0\.05;1'"):
        p.sparse_multilayer_perceptron("Linear", "4;3", densities="few")


@pytest.mark.parametrize("prune", ["Magnitude(0.25)", "SET(0.25)", "Threshold(0.1)"])
def test_pruning_drops_the_smallest_and_growing_keeps_the_count(prune: str) -> None:
    p = load("numpy")
    M = network(p)
    before = [(layer.W.to_dense(), layer.W.pattern) for layer in M.layers[:2]]
    p.SparseTraining(M, prune, None).renew()
    for (W, pattern), layer in zip(before, M.layers[:2], strict=True):
        kept = layer.W.pattern.mask()
        dropped = pattern.mask() & ~kept
        assert dropped.any()
        assert not (kept & ~pattern.mask()).any()
        np.testing.assert_array_equal(layer.W.to_dense(), W * kept)
        sides = (W > 0, W < 0) if prune.startswith("SET") else (W != 0,)
        for side in sides:
            assert np.abs(W[dropped & side]).max() <= np.abs(W[kept & side]).min()
        if not prune.startswith("Threshold"):
            assert dropped.sum() == pytest.approx(0.25 * pattern.count, abs=1)
    M = network(p)
    p.SparseTraining(M, prune, "Random", seed=1).renew()
    for (W, pattern), layer in zip(before, M.layers[:2], strict=True):
        assert layer.W.nnz == pattern.count
        assert layer.W.pattern != pattern
        assert np.isin(layer.W.to_dense(), [*W.ravel(), 0]).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(0, 1), st.integers(0, 40), st.integers(0, 99))
def test_random_growth_takes_free_positions_only(K: int, D: int, density: float, count: int, seed: int) -> None:
    p = load("numpy")
    pattern = p.Pattern.random((K, D), density, seed)
    rng = np.random.default_rng(seed)
    new = p.topology.parse_grower("Random").positions(pattern, count, rng, None)
    assert len(set(new.tolist())) == len(new) == min(count, K * D - pattern.count)
    assert not np.isin(new, pattern.positions).any()
    assert ((new >= 0) & (new < K * D)).all()


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_growing_by_gradient_takes_the_largest_of_the_dense_network(backend: str) -> None:
    p = load(backend)
    M = network(p)
    X, T = batch(p)
    loss = p.parse_loss_function("SoftmaxCrossEntropy")
    dense = p.parse_multilayer_perceptron("ReLU;Tanh;Linear", SIZES, dtype="float64")
    for layer, own in zip(dense.layers, M.layers, strict=True):
        layer.W = np.asarray(own.W.to_dense() if isinstance(own.W, p.SparseMatrix) else p.to_host(own.W))
    Y = dense.feedforward(X)
    dense.backpropagate(Y, loss.gradient(Y, T) / 10)
    before = [layer.W.pattern for layer in M.layers[:2]]
    p.SparseTraining(M, "Magnitude(0.2)", "Gradient", batches=[(X, T)], loss=loss).renew()
    for pattern, layer, twin in zip(before, M.layers[:2], dense.layers[:2], strict=True):
        gradient = np.abs(p.to_host(twin.DW))
        assert layer.W.nnz == pattern.count
        new = layer.W.pattern.mask() & (layer.W.to_dense() == 0)
        assert new.sum() == round(0.2 * pattern.count)
        assert gradient[new].min() >= gradient[~layer.W.pattern.mask()].max() - 1e-15


def test_growing_by_gradient_without_a_batch_is_refused() -> None:
    p = load("numpy")
    with pytest.raises(ValueError, match="growing by gradient needs batches and a loss"):
        p.SparseTraining(network(p), "SET(0.2)", "Gradient")
    with pytest.raises(ValueError, match=r"unknown pruner 'Sett': did you mean 'SET'\?"):
        p.SparseTraining(network(p), "Sett(0.2)")


def test_the_schedule_says_after_which_epochs() -> None:
    p = load("numpy")
    M = network(p)
    patterns = []
    training = p.SparseTraining(M, "SET(0.3)", every=2, until=4, seed=0)
    X, T = batch(p)
    callbacks = [training, lambda record: patterns.append(M.layers[0].W.pattern)]
    p.stochastic_gradient_descent(M, 6, "SoftmaxCrossEntropy", 0.01, [(X, T)], callbacks=callbacks)
    changed = [a != b for a, b in zip([network(p).layers[0].W.pattern, *patterns], patterns, strict=False)]
    assert changed == [False, True, False, True, False, False]


def test_a_seed_draws_the_pattern_of_a_density_anew() -> None:
    p = load("numpy")
    layer, other = p.SparseLinearLayer(8, 6, 0.3), p.SparseLinearLayer(8, 6, 0.3)
    for each in (layer, other):
        each.seed(4)
    assert layer.W.pattern == other.W.pattern
    chosen = p.Pattern.random((6, 8), 0.5, 1)
    layer.set_pattern(chosen)
    layer.seed(4)
    assert layer.W.pattern == chosen
