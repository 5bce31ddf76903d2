"""Training steps that JAX and TensorFlow compile as a whole: when they are traced again, and what they leave alone."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tests.packages.backends import array, load

compiled = pytest.mark.parametrize("backend", ["jax", "tensorflow"])


def perceptron(p: Any, layers: str = "Tanh;LinearDropout(0.5)", optimizer: str | None = "Adam") -> Any:
    return p.parse_multilayer_perceptron(layers, [4, 5, 3], "Xavier", optimizer, dtype="float64", seed=1)


def batch(p: Any, rows: int = 6, seed: int = 0) -> tuple[Any, Any]:
    return p.from_host(array(seed, rows, 4)), p.from_host(array(seed + 1, rows, 3))


def steps(M: Any) -> list[Any]:
    return [step for _, step in vars(M)["_compiled_steps"].steps]


@compiled
def test_a_step_is_traced_once(backend: str) -> None:
    p = load(backend)
    M = perceptron(p)
    loss = p.SquaredErrorLossFunction()
    for k, eta in enumerate([0.1, 0.2, 0.3, 0.1]):
        M.train_step(*batch(p, seed=k), loss, eta)
        M.feedforward(batch(p, 3)[0])  # leaves intermediate results of another size behind
        loss = p.SquaredErrorLossFunction()  # another object, but equal
        M.seed(k)
    assert [step.traces for step in steps(M)] == [1]
    M.train_step(*batch(p, rows=4), loss, 0.1)
    M.train_step(*batch(p), loss, 0.1)
    M.train_step(*batch(p, rows=4), loss, 0.1)
    assert [step.traces for step in steps(M)] == [1, 1], "a smaller last batch has a trace of its own"


@compiled
def test_what_the_trace_has_read_may_change(backend: str) -> None:
    """Another activation, mode, optimizer or layer is seen by the next step."""

    def changed(p: Any, step: Any) -> list[Any]:
        M, loss, means = perceptron(p), p.SquaredErrorLossFunction(), []
        for change in (
            lambda: None,
            lambda: setattr(M.layers[0], "act", p.ReLUActivation()),
            lambda: setattr(M.layers[0].optimizer.optimizers[0], "beta1", 0.5),
            lambda: M.layers[0].set_optimizer("Momentum(0.5)"),
            lambda: M.layers.insert(1, p.BatchNormalizationLayer(5, dtype="float64")),
            lambda: setattr(M.layers[0], "W", array(7, 5, 4)),
        ):
            change()
            means += [float(step(M, *batch(p, seed=k), loss)) for k in range(2)]
        M.layers[-1].eval()
        with pytest.raises(RuntimeError, match="call feedforward in training mode first"):
            step(M, *batch(p), loss)
        return means

    def in_one_call(M: Any, X: Any, T: Any, loss: Any) -> Any:
        return M.train_step(X, T, loss, 0.1)

    def in_four_parts(M: Any, X: Any, T: Any, loss: Any) -> Any:
        Y = M.feedforward(X)
        M.backpropagate(Y, loss.gradient(Y, T) / X.shape[0])
        M.optimize(0.1)
        return loss(Y, T) / X.shape[0]

    np.testing.assert_allclose(changed(load(backend), in_one_call), changed(load("numpy"), in_four_parts), rtol=1e-9)


@compiled
def test_matrices_never_change(backend: str) -> None:
    """What a variable held before a step stays what it was, although its memory may be used again."""
    p = load(backend)
    M = perceptron(p, "Tanh;Linear")
    W = p.from_host(array(3, 5, 4))
    M.layers[0].W = W
    M.layers[1].b = p.from_host(np.zeros((1, 3)))
    loss = p.SquaredErrorLossFunction()
    held = []
    for k in range(3):
        held.append((p.runtime.value(M.layers[0].W), p.to_host(M.layers[0].W)))
        M.train_step(*batch(p, seed=k), loss, 0.1)
    for matrix, entries in held:
        np.testing.assert_array_equal(p.to_host(matrix), entries)
    np.testing.assert_array_equal(p.to_host(W), array(3, 5, 4))
    assert np.abs(p.to_host(M.layers[0].W) - array(3, 5, 4)).max() > 1e-3


@compiled
def test_nothing_symbolic_stays_behind(backend: str) -> None:
    p = load(backend)
    M = perceptron(p, "Tanh;LinearDropout(0.5)")
    X, T = batch(p)
    loss = p.SquaredErrorLossFunction()
    M.train_step(X, T, loss, 0.1)
    assert not hasattr(M.layers[0], "X") and not np.any(p.to_host(M.layers[0].DW)), "gradients are not kept"
    Y = M.feedforward(X)
    M.backpropagate(Y, Y)
    before = [p.to_host(m) for layer in M.layers for m in (layer.X, layer.DX, layer.DW)]
    M.train_step(X, T, loss, 0.1)
    after = [p.to_host(m) for layer in M.layers for m in (layer.X, layer.DX, layer.DW)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)


@compiled
def test_a_copy_trains_on_its_own(backend: str) -> None:
    p = load(backend)
    M = perceptron(p, "Tanh;Linear", "GradientDescent")
    loss = p.SquaredErrorLossFunction()
    M.train_step(*batch(p), loss, 0.1)
    N = copy.deepcopy(M)
    W = p.to_host(M.layers[0].W)
    mean = N.train_step(*batch(p, seed=1), loss, 0.1)
    np.testing.assert_array_equal(p.to_host(M.layers[0].W), W)
    np.testing.assert_allclose(float(mean), float(M.train_step(*batch(p, seed=1), loss, 0.1)), rtol=1e-12)


def untraceable(p: Any, kind: str) -> Any:
    """Layers that cannot be compiled, each for a reason of its own."""

    class Same(p.LinearLayer):  # type: ignore[misc]
        def feedforward(self, X: Any) -> Any:
            Y = super().feedforward(X)
            if kind == "reads entries":
                self.largest = float(p.runtime.value(Y)[0, 0])
            elif kind == "counts":
                self.count = getattr(self, "count", 0) + 1
            elif kind == "draws":
                Y = Y + self.generator.normal()
            elif kind == "keeps a sum":
                self.total = getattr(self, "total", 0.0) + Y
            return Y

        def backpropagate(self, Y: Any, DY: Any) -> None:
            if kind == "accumulates":
                old = self.DW + 0
                super().backpropagate(Y, DY)
                self.DW += old
            else:
                super().backpropagate(Y, DY)

    layer = Same(4, 3, dtype="float64")
    layer.seed(1)
    layer.set_weights("Xavier")
    return layer


@compiled
@pytest.mark.parametrize("kind", ["reads entries", "counts", "draws", "keeps a sum", "accumulates"])
def test_what_cannot_be_compiled_runs_as_written(backend: str, kind: str) -> None:
    """A warning says why, once; results are those of the four parts."""
    p = load(backend)
    loss = p.SquaredErrorLossFunction()
    M = p.MultilayerPerceptron([untraceable(p, kind)])
    with pytest.warns(RuntimeWarning, match="train_step runs the parts of a step one after the other.*: ") as caught:
        means = [float(M.train_step(*batch(p, seed=k), loss, 0.1)) for k in range(3)]
    assert len(caught) == 1
    N = p.MultilayerPerceptron([untraceable(p, kind)])
    for k, mean in enumerate(means):
        X, T = batch(p, seed=k)
        Y = N.feedforward(X)
        assert mean == pytest.approx(float(loss(Y, T)) / 6, rel=1e-12)
        N.backpropagate(Y, loss.gradient(Y, T) / 6)
        N.optimize(0.1)
    np.testing.assert_allclose(p.to_host(M.layers[0].W), p.to_host(N.layers[0].W), rtol=1e-12)


@compiled
def test_mistakes_are_said_as_by_the_parts(backend: str) -> None:
    p = load(backend)
    M = perceptron(p, "Tanh;Linear")
    loss = p.SquaredErrorLossFunction()
    X, T = batch(p)
    M.train_step(X, T, loss, 0.1)
    W = p.to_host(M.layers[0].W)
    with pytest.raises(ValueError, match=r"ActivationLayer.feedforward: X has shape"):
        M.train_step(T, T, loss, 0.1)
    with pytest.raises(ValueError, match="T has shape"):
        M.train_step(X, X, loss, 0.1)
    with pytest.raises(TypeError, match=r"X is a numpy.ndarray, expected a"):
        M.train_step(array(0, 6, 4), T, loss, 0.1)
    with pytest.raises(TypeError, match=r"eta is '0.1', expected a number"):
        M.train_step(X, T, loss, "0.1")
    with pytest.raises(ValueError, match="eta is nan, expected a finite number"):
        M.train_step(X, T, loss, float("nan"))
    np.testing.assert_array_equal(p.to_host(M.layers[0].W), W)
