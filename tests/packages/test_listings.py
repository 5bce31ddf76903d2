"""Listings 1 to 4 of Wesselink et al. run as printed; only the import is ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.packages.backends import array, every_backend, load

LISTING_1 = """
class MultilayerPerceptron(object):
    def feedforward(self, X: Matrix) -> Matrix:
        for layer in self.layers:
            X = layer.feedforward(X)
        return X

    def backpropagate(self, Y: Matrix, DY: Matrix):
        for layer in reversed(self.layers):
            layer.backpropagate(Y, DY)
        Y, DY = layer.X, layer.DX

    def optimize(self, eta: float):
        for layer in self.layers:
            layer.optimize(eta)
"""
"""As printed, where the last line of `backpropagate` stands outside of the loop: it serves a single layer."""

LISTING_1_INDENTED = LISTING_1.replace("        Y, DY = layer.X", "            Y, DY = layer.X")
"""With this line in the loop, as the text of section 5 describes it."""

LISTING_2 = """
def stochastic_gradient_descent(
    M: MultilayerPerceptron,
    epochs: int,
    loss: LossFunction,
    learning_rate: LearningRateScheduler,
    train_loader: DataLoader):

    for epoch in range(epochs):
        lr = learning_rate(epoch)
        for (X, T) in train_loader:
            Y = M.feedforward(X)
            # take the average of the gradients
            N = X.shape[0] # the batch size
            DY = loss.gradient(Y, T) / N
            M.backpropagate(Y, DY)
            M.optimize(lr)
"""

LISTING_3_CLASS = """
class GradientDescentOptimizer(Optimizer):
    def __init__(self, x, Dx):
        self.x = x
        self.Dx = Dx

    def update(self, eta):
        self.x -= eta * self.Dx
"""

LISTING_3_USE = """
optimizer_W = MomentumOptimizer(layer.W, layer.DW, 0.9)
optimizer_b = NesterovOptimizer(layer.b, layer.Db, 0.9)
L.optimizer = CompositeOptimizer(optimizer_W, optimizer_b)
"""

LISTING_4 = """
M = MultilayerPerceptron()
input_size = 3072
output_size = 1024
act = ReLUActivation()
layer = ActivationLayer(input_size, output_size, act)
layer.set_optimizer('Momentum(0.9)')
layer.set_weights('Xavier')
M.layers.append(layer)
...
"""


def namespace(p: Any) -> dict[str, Any]:
    """`from eqgen_numpy import *`"""
    return {name: getattr(p, name) for name in p.__all__}


def perceptron(p: Any, layers: str, sizes: list[int]) -> Any:
    return p.parse_multilayer_perceptron(layers, sizes, "Xavier", "Momentum(0.9)", dtype="float64", seed=5)


def loader(p: Any, columns: int) -> Any:
    X = array(0, 25, columns)
    return p.DataLoader(X, (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0), 4, seed=2, dtype="float64")


def trained_by_listings(p: Any, listing_1: str, M: Any, columns: int) -> list[np.ndarray[Any, Any]]:
    names = namespace(p)
    exec(listing_1, names)
    exec(LISTING_2, names)
    printed = names["MultilayerPerceptron"]()
    printed.layers = M.layers
    loss = p.SoftmaxCrossEntropyLossFunction()
    names["stochastic_gradient_descent"](printed, 3, loss, p.ExponentialScheduler(0.1, 0.2), loader(p, columns))
    return [p.to_host(parameter) for layer in M.layers for parameter in layer.arrays().values()]


def trained_by_package(p: Any, M: Any, columns: int) -> list[np.ndarray[Any, Any]]:
    p.stochastic_gradient_descent(M, 3, "SoftmaxCrossEntropy", "Exponential(0.1, 0.2)", loader(p, columns))
    return [p.to_host(parameter) for layer in M.layers for parameter in layer.arrays().values()]


@every_backend
def test_listings_1_and_2_train_as_the_package_does(backend: str) -> None:
    p = load(backend)
    layers, sizes = "ReLU;BatchNormalization;Tanh;Linear", [6, 5, 4, 3]
    initial = [p.to_host(a) for layer in perceptron(p, layers, sizes).layers for a in layer.arrays().values()]
    printed = trained_by_listings(p, LISTING_1_INDENTED, perceptron(p, layers, sizes), 6)
    expected = trained_by_package(p, perceptron(p, layers, sizes), 6)
    for start, end, own in zip(initial, printed, expected, strict=True):
        assert np.abs(end - start).max() > 1e-4
        np.testing.assert_allclose(end, own, rtol=1e-9, atol=1e-12)


@every_backend
def test_listing_1_as_printed_serves_one_layer(backend: str) -> None:
    p = load(backend)
    printed = trained_by_listings(p, LISTING_1, perceptron(p, "Linear", [4, 3]), 4)
    for end, own in zip(printed, trained_by_package(p, perceptron(p, "Linear", [4, 3]), 4), strict=True):
        np.testing.assert_allclose(end, own, rtol=1e-9, atol=1e-12)


def layer_with_gradients(p: Any) -> Any:
    """A linear layer whose gradients have been computed."""
    layer = p.LinearLayer(4, 3, dtype="float64")
    layer.W = p.from_host(array(1, 3, 4), "float64")
    Y = layer.feedforward(p.from_host(array(2, 5, 4), "float64"))
    layer.backpropagate(Y, Y)
    return layer


@every_backend
def test_listing_3_class_updates_the_parameter_in_place(backend: str) -> None:
    p = load(backend)
    names = namespace(p)
    exec(LISTING_3_CLASS, names)
    layer = layer_with_gradients(p)
    W, DW = p.to_host(layer.W), p.to_host(layer.DW)
    printed = names["GradientDescentOptimizer"](layer.W, layer.DW)
    layer.optimizer = p.CompositeOptimizer(printed)
    layer.optimize(0.5)
    layer.optimize(0.25)
    np.testing.assert_allclose(p.to_host(layer.W), W - 0.75 * DW, rtol=1e-14)
    assert p.runtime.dtype_name(layer.W) == "float64"
    Y = layer.feedforward(p.from_host(np.eye(4), "float64"))
    np.testing.assert_allclose(p.to_host(Y).T, W - 0.75 * DW, rtol=1e-14)


@every_backend
def test_listing_3_composes_optimizers(backend: str) -> None:
    p = load(backend)
    layer = layer_with_gradients(p)
    exec(LISTING_3_USE, names := namespace(p) | {"layer": layer, "L": layer})
    assert isinstance(names["optimizer_W"], p.MomentumOptimizer)
    W, DW, b, Db = (p.to_host(a) for a in (layer.W, layer.DW, layer.b, layer.Db))
    for _ in range(2):
        layer.optimize(0.1)
    delta_W, delta_b = np.zeros_like(W), np.zeros_like(b)
    for _ in range(2):  # appendix F
        delta_W = 0.9 * delta_W - 0.1 * DW
        W = W + delta_W
        delta_b = 0.9 * delta_b - 0.1 * Db
        b = b + 0.9 * delta_b - 0.1 * Db
    np.testing.assert_allclose(p.to_host(layer.W), W, rtol=1e-12)
    np.testing.assert_allclose(p.to_host(layer.b), b, rtol=1e-12)


@every_backend
def test_listing_4_constructs(backend: str) -> None:
    p = load(backend)
    exec(LISTING_4, names := namespace(p))
    (layer,) = names["M"].layers
    W = p.to_host(layer.W)
    assert W.shape == (1024, 3072) and W.dtype == np.float32
    assert 0.99 / np.sqrt(3072) < np.abs(W).max() <= 1 / np.sqrt(3072)
    assert p.to_host(layer.b).tolist() == [[0.0] * 1024]
    X = p.from_host(array(3, 2, 3072), "float32")
    Y = names["M"].feedforward(X)
    np.testing.assert_allclose(p.to_host(Y), np.maximum(p.to_host(X) @ W.T, 0), rtol=1e-3, atol=1e-4)
    names["M"].backpropagate(Y, Y)
    names["M"].optimize(0.01)
    assert not np.array_equal(p.to_host(layer.W), W)
