"""Layers of every package: modes, statistics, masks, in-place parameters, unusual batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.packages.backends import array, every_backend, every_dtype, example_input, example_layers, load

BATCHES = {
    "one row": array(0, 1, 4),
    "no rows": array(0, 0, 4),
    "Fortran order": np.asfortranarray(array(0, 5, 4)),
    "every second row": array(0, 10, 4)[::2],
    "reversed": array(0, 5, 4)[::-1, ::-1],
    "every second column": array(0, 5, 8)[:, ::2],
}


@every_backend
@every_dtype
def test_what_goes_in_comes_out(backend: str, dtype: str) -> None:
    p = load(backend)
    for name, layer in example_layers(p, dtype=dtype).items():
        layer.set_weights("Xavier", 0)
        X = example_input(p, layer, 5)
        for mode in (layer.train, layer.eval):
            mode()
            Y = layer.feedforward(X)
            assert p.runtime.dtype_name(Y) == dtype, name
        layer.train()
        layer.backpropagate(layer.feedforward(X), Y)
        layer.optimize(0.1)
        for key in [*layer.arrays(), *(f"D{key}" for key in layer.PARAMETERS)]:
            assert p.runtime.dtype_name(layer.entries(key)) == dtype, (name, key)
        if p.runtime.is_floating(X):
            assert p.runtime.dtype_name(layer.DX) == dtype and tuple(layer.DX.shape) == (5, 4), name


@every_backend
@pytest.mark.parametrize("form", BATCHES)
def test_batches_of_any_layout(backend: str, form: str) -> None:
    """A batch gives what its plain copy gives, row for row; no rows give no output and gradients 0."""
    p = load(backend)
    batch = BATCHES[form]
    for name, layer in example_layers(p, dtype="float64").items():
        if name == "Embedding":
            continue
        results = []
        for X in (batch, batch.copy(order="C")):
            layer.seed(1)
            layer.set_weights("Xavier", 0)
            Y = layer.feedforward(laid_out(p, X))
            layer.backpropagate(Y, laid_out(p, p.to_host(Y)))
            results.append([p.to_host(m) for m in (Y, layer.DX, *(layer.entries(f"D{k}") for k in layer.PARAMETERS))])
        assert results[0][0].shape[0] == len(batch)
        for found, expected in zip(*results, strict=True):
            assert np.isfinite(found).all(), name
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        if len(batch) == 0:
            assert all(not np.any(gradient) for gradient in results[0][2:]), name
            assert all(np.isfinite(p.to_host(a)).all() for a in layer.arrays().values()), name


def laid_out(p: Any, X: NDArray[np.float64]) -> Any:
    """The array with its strides where the framework has strides, else with its entries."""
    return X if p.info()["backend"] in ("numpy", "cpp") else p.from_host(X, "float64")


@every_backend
def test_batch_normalization_keeps_running_statistics(backend: str) -> None:
    p = load(backend)
    layer = p.BatchNormalizationLayer(4, dtype="float64")
    X1, X2 = 2 * array(1, 6, 4) + 1, array(2, 3, 4)
    mean, variance = np.zeros((1, 4)), np.ones((1, 4))
    for X in (X1, X2):
        layer.feedforward(p.from_host(X))
        mean = 0.9 * mean + 0.1 * X.mean(axis=0, keepdims=True)
        variance = 0.9 * variance + 0.1 * X.var(axis=0, keepdims=True)
    np.testing.assert_allclose(p.to_host(layer.mean), mean, rtol=1e-12)
    np.testing.assert_allclose(p.to_host(layer.variance), variance, rtol=1e-12)

    layer.eval()
    Y = layer.feedforward(p.from_host(X1))
    np.testing.assert_allclose(p.to_host(Y), (X1 - mean) / np.sqrt(variance + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(p.to_host(layer.mean), mean, rtol=1e-12)
    with pytest.raises(RuntimeError, match="training mode"):
        layer.backpropagate(Y, Y)

    layer.train()
    layer.feedforward(p.from_host(X1[:0]))
    np.testing.assert_allclose(p.to_host(layer.mean), mean, rtol=1e-12, err_msg="no rows, no new statistics")


@every_backend
def test_masks_are_seeded_and_only_for_training(backend: str) -> None:
    p = load(backend)
    layer = p.LinearDropoutLayer(20, 30, 0.25, dtype="float64")
    layer.set_weights("Xavier", 0)
    X = p.from_host(array(0, 5, 20))
    W, b = p.to_host(layer.W), p.to_host(layer.b)

    layer.seed(7)
    first = p.to_host(layer.feedforward(X))
    mask = p.to_host(layer.R)
    np.testing.assert_allclose(np.unique(mask), [0, 1 / 0.75])
    assert 0.15 < (mask == 0).mean() < 0.35, "p is the probability to drop"
    np.testing.assert_allclose(first, p.to_host(X) @ (W * mask).T + b, rtol=1e-12)
    assert not np.array_equal(p.to_host(layer.feedforward(X)), first), "every batch has a mask of its own"
    layer.seed(7)
    np.testing.assert_array_equal(p.to_host(layer.feedforward(X)), first)

    same = load("numpy").LinearDropoutLayer(20, 30, 0.25, dtype="float64")
    same.seed(7)
    same.feedforward(array(0, 5, 20))
    np.testing.assert_array_equal(same.R, mask, err_msg="one seed gives the same masks in every package")

    layer.eval()
    np.testing.assert_allclose(p.to_host(layer.feedforward(X)), p.to_host(X) @ W.T + b, rtol=1e-12)


@every_backend
def test_layers_without_an_evaluation_form_differentiate_in_both_modes(backend: str) -> None:
    p = load(backend)
    layer = p.ActivationLayer(4, 3, p.TanhActivation(), dtype="float64")
    layer.set_weights("Xavier", 0)
    X = p.from_host(array(0, 5, 4))
    gradients = []
    for mode in (layer.train, layer.eval):
        mode()
        Y = layer.feedforward(X)
        layer.backpropagate(Y, Y)
        gradients.append(p.to_host(layer.DW))
    np.testing.assert_array_equal(*gradients)
    assert np.any(gradients[0])


@every_backend
def test_assignment_copies_into_the_parameter(backend: str) -> None:
    p = load(backend)
    layer = p.LinearLayer(4, 3)
    W, DW = layer.W, layer.DW
    layer.set_optimizer("GradientDescent")
    host = array(0, 3, 4)
    for new in (host, p.from_host(host, "float64"), p.from_host(host, "float32")):
        layer.W = new
        assert layer.W is W and p.runtime.dtype_name(W) == "float32"
        np.testing.assert_array_equal(p.to_host(W), host.astype(np.float32))
    host[0, 0] = 99.0
    assert p.to_host(W)[0, 0] != 99
    layer.DW = np.ones((3, 4))
    layer.optimize(0.5)
    assert layer.DW is DW
    np.testing.assert_allclose(p.to_host(layer.W), p.to_host(p.from_host(array(0, 3, 4), "float32")) - 0.5, rtol=1e-6)


@every_backend
def test_gradients_are_overwritten_in_place(backend: str) -> None:
    """An optimizer that was given `layer.DW` sees the gradient of the last batch."""
    p = load(backend)
    layer = p.LinearLayer(4, 3, dtype="float64")
    DW = layer.DW
    for seed in (1, 2):
        X = array(seed, 5, 4)
        Y = layer.feedforward(p.from_host(X))
        DY = array(seed + 2, 5, 3)
        layer.backpropagate(Y, p.from_host(DY))
        assert layer.DW is DW
        np.testing.assert_allclose(p.to_host(DW), DY.T @ X, rtol=1e-12)


@every_backend
def test_without_an_optimizer_layers_descend_along_the_gradient(backend: str) -> None:
    p = load(backend)
    layer = p.LinearLayer(4, 3, dtype="float64")
    layer.DW = np.ones((3, 4))
    layer.optimize(0.25)
    assert p.to_host(layer.W).tolist() == [[-0.25] * 4] * 3


@every_backend
def test_one_seed_gives_the_same_weights_in_every_package(backend: str) -> None:
    p, reference = load(backend), load("numpy")
    for name in p.INITIALIZERS:
        text = {"Uniform": "Uniform(-1, 2)", "Normal": "Normal(1, 2)"}.get(name, name)
        layers = [package.LinearLayer(40, 30, dtype="float64") for package in (p, reference)]
        for layer in layers:
            layer.set_weights(text, 11)
        np.testing.assert_array_equal(p.to_host(layers[0].W), layers[1].W, err_msg=name)
        layers[1].set_weights(text, np.random.default_rng(11))
        np.testing.assert_array_equal(p.to_host(layers[0].W), layers[1].W, err_msg=name)
        assert not np.any(p.to_host(layers[0].b)), "only weights are drawn"


def test_initializers_have_the_moments_of_appendix_e() -> None:
    p = load("numpy")
    D, K = 400, 300
    moments = {
        "Uniform(-1, 2)": (0.5, np.sqrt(3 / 4)),
        "Normal(1, 2)": (1, 2),
        "Xavier": (0, 1 / np.sqrt(3 * D)),
        "XavierNormalized": (0, np.sqrt(2 / (D + K))),
        "He": (0, np.sqrt(2 / D)),
        "Zero": (0, 0),
    }
    for text, (mean, deviation) in moments.items():
        layer = p.LinearLayer(D, K, dtype="float64")
        layer.set_weights(text, 0)
        assert abs(layer.W.mean() - mean) <= 5 * deviation / np.sqrt(D * K), text
        assert abs(layer.W.std() - deviation) <= 0.01 * deviation, text


@every_backend
def test_an_embedding_adds_the_gradients_of_repeated_rows(backend: str) -> None:
    p = load(backend)
    layer = p.EmbeddingLayer(4, 3, dtype="float64")
    layer.E = array(0, 4, 3)
    Y = layer.feedforward(p.from_host(np.array([[2], [0], [2]])))
    np.testing.assert_array_equal(p.to_host(Y), array(0, 4, 3)[[2, 0, 2]])
    layer.backpropagate(Y, p.from_host(np.arange(9.0).reshape(3, 3)))
    assert p.to_host(layer.DE).tolist() == [[3, 4, 5], [0, 0, 0], [6, 8, 10], [0, 0, 0]]


def test_an_embedding_comes_first_in_a_perceptron() -> None:
    p = load("numpy")
    M = p.parse_multilayer_perceptron("Embedding;Linear", [4, 3, 2], "Xavier", seed=0)
    Y = M.feedforward(np.array([[1], [3]]))
    M.backpropagate(Y, Y)
    M.optimize(0.1)
    assert Y.shape == (2, 2) and np.any(M.layers[0].DE)


def test_torch_runs_without_storage() -> None:
    """On device 'meta' a constant that was created elsewhere would be an error."""
    p = load("torch")
    for dtype in ("float32", "float64"):
        for name, layer in example_layers(p, dtype=dtype, device="meta").items():
            layer.set_weights("Xavier")
            X = example_input(p, layer, 5, device="meta")
            for mode in (layer.eval, layer.train):
                mode()
                Y = layer.feedforward(X)
            layer.backpropagate(Y, Y)
            for optimizer in p.OPTIMIZERS:
                text = {"WeightDecay": "WeightDecay(0.1) | Momentum", "ClipByNorm": "ClipByNorm(1) | Adam"}
                layer.set_optimizer(
                    text.get(optimizer, optimizer if "Clip" not in optimizer else "ClipByValue(1) | Adam")
                )
                layer.optimize(0.1)
            for array_name, matrix in layer.arrays().items():
                assert matrix.device.type == "meta" and str(matrix.dtype) == f"torch.{dtype}", (name, array_name)
        Y = p.runtime.full(5, 3, 0.5, dtype, "meta")
        for name, cls in p.LOSSES.items():
            assert cls()(Y, Y).device.type == "meta", name
            for one_hot in (False, True):
                assert cls().gradient(Y, Y, one_hot).shape == (5, 3), name
        for name, cls in p.ACTIVATIONS.items():
            numbers = [0.5] * sum(f.default is f.default_factory for f in cls.__dataclass_fields__.values())
            for result in (cls(*numbers)(Y), cls(*numbers).gradient(Y)):
                assert result.device.type == "meta" and str(result.dtype) == f"torch.{dtype}", name
    with pytest.raises(ValueError, match="meta"):
        p.to_host(Y)


def test_torch_parameters_do_not_require_gradients() -> None:
    p = load("torch")
    import torch

    layer = p.LinearLayer(4, 3)
    X = torch.ones(5, 4, requires_grad=True)
    Y = layer.feedforward(X)
    layer.backpropagate(Y, Y)
    assert not any(m.requires_grad for m in (layer.W, layer.DW, layer.b, layer.Db))
