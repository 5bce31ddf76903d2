"""One call for a training step: the same as its four parts, in every package, and the same as NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.packages.backends import array, every_backend, load

N, CLASSES, STEPS = 6, 3, 4

NETWORKS = {
    "activations": ("ReLU;Tanh;Linear", [4, 5, 5, CLASSES], "SoftmaxCrossEntropy"),
    "softmax layer": ("Sigmoid;Softmax", [4, 5, CLASSES], "CrossEntropy"),
    "statistics": ("ReLU;BatchNormalization;LayerNormalization;Linear", [4, 5, CLASSES], "SoftmaxCrossEntropy"),
    "masks": ("ActivationDropout(Tanh, 0.5);LinearDropout(0.25)", [4, 5, CLASSES], "SquaredError"),
    "trainable slopes": ("SReLU;LogSoftmax", [4, 5, CLASSES], "NegativeLogLikelihood"),
}
OPTIMIZERS = [
    None,
    "GradientDescent",
    "Momentum(0.8)",
    "Nesterov(0.9)",
    "Adam",
    "WeightDecay(0.01) | ClipByNorm(0.1) | Nesterov",
]
COMPILED = ("jax", "tensorflow")
"""Where a step is compiled for every network, optimizer and size of a batch, which takes seconds."""
ETAS = [0.1, 0.05, 0.2, 0.1]


def optimizers(backend: str, network: str) -> list[str | None]:
    """All of them; another one for each network where steps are compiled."""
    return [OPTIMIZERS[list(NETWORKS).index(network) + 1]] if backend in COMPILED else OPTIMIZERS


def perceptron(p: Any, network: str, optimizer: str | None) -> Any:
    layers, sizes, _ = NETWORKS[network]
    return p.parse_multilayer_perceptron(layers, sizes, "Xavier", optimizer, dtype="float64", seed=3)


def batches() -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Inputs, and one-hot targets; the last batch is smaller than the others."""
    rows = [N] * (STEPS - 1) + [N - 2]
    return [(array(k, n, 4), np.eye(CLASSES)[np.arange(k, k + n) % CLASSES]) for k, n in enumerate(rows)]


def contents(p: Any, M: Any) -> dict[str, NDArray[np.float64]]:
    """All parameters and statistics, and what the optimizers keep."""
    found: dict[str, NDArray[np.float64]] = {}
    for k, layer in enumerate(M.layers):
        found |= {f"{k}.{name}": p.to_host(each) for name, each in layer.arrays().items()}
        if layer.optimizer is not None:
            for j, each in enumerate(simple_optimizers(layer.optimizer)):
                found |= {f"{k}.{j}.{name}": p.to_host(getattr(each, name)) for name in each.STATES}
    return found


def simple_optimizers(optimizer: Any) -> list[Any]:
    parts = getattr(optimizer, "optimizers", None)
    return [optimizer] if parts is None else [each for part in parts for each in simple_optimizers(part)]


def in_four_parts(p: Any, M: Any, X: Any, T: Any, loss: Any, eta: float, one_hot: bool) -> Any:
    Y = M.feedforward(X)
    M.backpropagate(Y, loss.gradient(Y, T, one_hot) / X.shape[0])
    M.optimize(eta)
    return loss(Y, T) / X.shape[0]


def in_one_call(p: Any, M: Any, X: Any, T: Any, loss: Any, eta: float, one_hot: bool) -> Any:
    return M.train_step(X, T, loss, eta, one_hot)


def trained(step: Any, p: Any, network: str, optimizer: str | None) -> dict[str, NDArray[np.float64]]:
    """What a few steps leave behind, and their mean losses."""
    M = perceptron(p, network, optimizer)
    loss = p.parse_loss_function(NETWORKS[network][2])
    means = [
        step(p, M, p.from_host(X), p.from_host(T), loss, eta, k != 1)
        for k, ((X, T), eta) in enumerate(zip(batches(), ETAS, strict=True))
    ]
    assert all(np.shape(mean) == () for mean in means)
    return {"mean losses": np.array([float(mean) for mean in means]), **contents(p, M)}


@every_backend
@pytest.mark.parametrize("network", NETWORKS)
def test_one_call_is_the_four_parts(backend: str, network: str) -> None:
    p = load(backend)
    for optimizer in optimizers(backend, network):
        start = contents(p, perceptron(p, network, optimizer))
        expected = trained(in_four_parts, load("numpy"), network, optimizer)
        for step in (in_four_parts, in_one_call):
            found = trained(step, p, network, optimizer)
            assert found.keys() == expected.keys()
            for name, entries in expected.items():
                np.testing.assert_allclose(
                    found[name], entries, rtol=1e-9, atol=1e-12, err_msg=f"{optimizer}: {name} by {step.__name__}"
                )
        weights = [name for name in start if name.endswith(".W")]
        assert all(np.abs(expected[name] - start[name]).max() > 1e-4 for name in weights), "the steps go somewhere"


@every_backend
def test_words_in_front(backend: str) -> None:
    """An embedding first, whose input are indices: gradients of rows that occur twice add up."""
    p = load(backend)
    results = []
    for step in (in_four_parts, in_one_call):
        M = p.MultilayerPerceptron([p.EmbeddingLayer(5, 4, dtype="float64"), p.LinearLayer(4, 3, dtype="float64")])
        M.seed(1)
        for layer in M.layers:
            layer.set_weights("Xavier")
            layer.set_optimizer("Momentum(0.9)")
        loss = p.SoftmaxCrossEntropyLossFunction()
        for words in ([0, 3, 3], [4, 3, 0]):
            X, T = p.from_host(np.array(words).reshape(-1, 1), "int64"), p.from_host(np.eye(3))
            step(p, M, X, T, loss, 0.5, True)
        results.append(contents(p, M))
        with pytest.raises(ValueError, match="entries from 0 to 5, expected 0 to 4"):
            step(p, M, p.from_host(np.array([[0], [5], [1]]), "int64"), T, loss, 0.5, True)
    for name, entries in results[0].items():
        np.testing.assert_allclose(results[1][name], entries, rtol=1e-12, err_msg=name)


@every_backend
def test_layers_and_optimizers_of_ones_own(backend: str) -> None:
    p = load(backend)

    class Doubled(p.Layer):  # type: ignore[name-defined, misc]
        def feedforward(self, X: Any) -> Any:
            self.X = X
            return X * 2

        def backpropagate(self, Y: Any, DY: Any) -> None:
            self.DX = DY * 2

    class Plain(p.Optimizer):  # type: ignore[name-defined, misc]
        def update(self, eta: float) -> None:
            self.x -= eta * self.Dx

    results = []
    for step in (in_four_parts, in_one_call):
        M = p.MultilayerPerceptron([p.LinearLayer(4, 3, dtype="float64"), Doubled()])
        layer = M.layers[0]
        layer.set_weights("Xavier", 1)
        layer.optimizer = p.CompositeOptimizer(Plain(layer.W, layer.DW), Plain(layer.b, layer.Db))
        for X, T in batches():
            step(p, M, p.from_host(X), p.from_host(T), p.SquaredErrorLossFunction(), 0.1, True)
        results.append(contents(p, M))
    assert np.abs(results[0]["0.b"]).max() > 0
    for name, entries in results[0].items():
        np.testing.assert_allclose(results[1][name], entries, rtol=1e-12, err_msg=name)
