"""Refusals at run time: they name the class, the argument, what was found, what was expected, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.packages.backends import array, every_backend, load


@every_backend
def test_inputs_of_layers(backend: str) -> None:
    p = load(backend)
    layer = p.LinearLayer(4, 3)

    def refused(error: type[Exception], X: Any, *parts: str) -> None:
        with pytest.raises(error) as caught:
            layer.feedforward(X)
        for part in ("LinearLayer.feedforward: X", *parts):
            assert part in str(caught.value)

    refused(ValueError, p.from_host(array(0, 5, 7), "float32"), "(5, 7)", "(N, 4)")
    refused(ValueError, p.from_host(np.ones(4, np.float32)), "(4,)", "two dimensions", "one row")
    refused(TypeError, p.from_host(array(0, 5, 4), "float64"), "float64", "float32", "dtype='float64'", "from_host")
    refused(TypeError, p.from_host(np.ones((5, 4), np.int64)), "int64", "float32", "from_host")
    refused(TypeError, [[1.0, 2.0, 3.0, 4.0]], "[[1.0, 2.0, 3.0, 4.0]]", p.runtime.ARRAY, "from_host")
    refused(TypeError, None, "NoneType", p.runtime.ARRAY)
    if backend not in ("numpy", "cpp"):
        refused(TypeError, np.ones((5, 4), np.float32), "numpy.ndarray", p.runtime.ARRAY, "from_host(X, 'float32')")


@every_backend
def test_arguments_of_backpropagation(backend: str) -> None:
    p = load(backend)
    layer = p.LinearLayer(4, 3)
    Y = p.from_host(array(0, 5, 3), "float32")
    with pytest.raises(RuntimeError, match=r"LinearLayer.backpropagate.*feedforward"):
        layer.backpropagate(Y, Y)
    Y = layer.feedforward(p.from_host(array(0, 5, 4), "float32"))
    with pytest.raises(ValueError, match=r"LinearLayer.backpropagate: DY has shape \(4, 3\), expected \(5, 3\)"):
        layer.backpropagate(Y, p.from_host(array(0, 4, 3), "float32"))
    with pytest.raises(TypeError, match=r"DY has dtype float64, expected float32"):
        layer.backpropagate(Y, p.from_host(array(0, 5, 3), "float64"))


@every_backend
def test_indices(backend: str) -> None:
    p = load(backend)
    layer = p.EmbeddingLayer(4, 3)
    for indices in ([[0], [4]], [[-1], [2]]):
        with pytest.raises(
            ValueError, match=rf"EmbeddingLayer.feedforward: X has entries from .*{indices[0][0]}.*0 to 3"
        ):
            layer.feedforward(p.from_host(np.array(indices)))
    with pytest.raises(TypeError, match=r"float32, expected integers below 4"):
        layer.feedforward(p.from_host(np.ones((2, 1), np.float32)))
    with pytest.raises(ValueError, match=r"\(2, 2\), expected \(N, 1\)"):
        layer.feedforward(p.from_host(np.ones((2, 2), np.int64)))


@every_backend
def test_arguments_of_constructors(backend: str) -> None:
    p = load(backend)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "LinearLayer: D is 0, expected at least 1", lambda: p.LinearLayer(0, 3)),
        (TypeError, "LinearLayer: K is 2.5, expected a whole number", lambda: p.LinearLayer(4, 2.5)),
        (TypeError, "LinearLayer: K is True, expected a whole number", lambda: p.LinearLayer(4, True)),
        (
            ValueError,
            "LinearLayer: dtype is 'float16', expected 'float32' or",
            lambda: p.LinearLayer(4, 3, dtype="float16"),
        ),
        (TypeError, "LinearDropoutLayer: p is '0.5', expected a number", lambda: p.LinearDropoutLayer(4, 3, "0.5")),
        (ValueError, "BatchNormalizationLayer: epsilon is nan", lambda: p.BatchNormalizationLayer(4, float("nan"))),
        (TypeError, "LeakyReLUActivation: alpha is 'x', expected a number", lambda: p.LeakyReLUActivation("x")),
        (TypeError, "MultiStepScheduler: milestones is 3, expected a list", lambda: p.MultiStepScheduler(0.1, 0.5, 3)),
        (
            TypeError,
            "ActivationLayer: act is 'ReLU', expected an Activation; use parse_activation('ReLU')",
            lambda: p.ActivationLayer(4, 3, "ReLU"),
        ),
    ]
    for error, message, construct in cases:
        with pytest.raises(error) as caught:
            construct()
        assert message in str(caught.value)


@every_backend
def test_a_probability_to_drop_is_below_one(backend: str) -> None:
    p = load(backend)
    layer = p.LinearDropoutLayer(4, 3, 1.0)
    with pytest.raises(ValueError, match=r"probability to drop is 1.0, expected a number in \[0, 1\)"):
        layer.feedforward(p.from_host(array(0, 2, 4), "float32"))


@every_backend
def test_assignments(backend: str) -> None:
    p = load(backend)
    layer = p.LinearLayer(4, 3)
    before = p.to_host(layer.W)
    with pytest.raises(ValueError, match=r"LinearLayer.W: found shape \(4, 3\), expected \(3, 4\)"):
        layer.W = array(0, 4, 3)
    with pytest.raises(TypeError, match=r"LinearLayer.b: found a float, expected"):
        layer.b = 0.0
    np.testing.assert_array_equal(p.to_host(layer.W), before)


@every_backend
def test_losses(backend: str) -> None:
    p = load(backend)
    loss = p.SquaredErrorLossFunction()
    Y = p.from_host(array(0, 5, 3), "float32")
    with pytest.raises(ValueError, match=r"SquaredErrorLossFunction: T has shape \(5, 2\), expected \(5, 3\)"):
        loss(Y, p.from_host(array(0, 5, 2), "float32"))
    with pytest.raises(TypeError, match=r"T has dtype float64, expected float32"):
        loss.gradient(Y, p.from_host(array(0, 5, 3), "float64"))
    with pytest.raises(TypeError, match=r"T has dtype int64, expected float32"):
        loss(Y, p.from_host(np.ones((5, 3), np.int64)))


@every_backend
def test_optimizers(backend: str) -> None:
    p = load(backend)
    layer, other = p.LinearLayer(4, 3), p.LinearLayer(4, 3, dtype="float64")
    with pytest.raises(ValueError, match=r"MomentumOptimizer: Dx has shape \(1, 3\), expected \(3, 4\)"):
        p.MomentumOptimizer(layer.W, layer.Db, 0.9)
    with pytest.raises(TypeError, match=r"MomentumOptimizer: Dx has dtype float64, expected float32"):
        p.MomentumOptimizer(layer.W, other.DW, 0.9)
    with pytest.raises(ValueError, match=r"MomentumOptimizer: eta is nan, expected a finite number"):
        p.MomentumOptimizer(layer.W, layer.DW, 0.9).update(float("nan"))


@every_backend
def test_schedulers_take_steps(backend: str) -> None:
    p = load(backend)
    with pytest.raises(ValueError, match=r"ExponentialScheduler: the step is -1, expected at least 0"):
        p.ExponentialScheduler(0.1, 0.1)(-1)
    with pytest.raises(TypeError, match=r"the step is 1.5, expected a whole number"):
        p.ExponentialScheduler(0.1, 0.1)(1.5)
