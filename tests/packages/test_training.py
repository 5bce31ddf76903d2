"""Stochastic gradient descent: the same curve in every package, records, callbacks, modes, progress."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqgen
from tests.packages.backends import array, every_backend, load

DIGITS = Path(eqgen.__file__).parent / "data" / "digits.npz"


def digits(p: Any, **keywords: Any) -> tuple[Any, Any]:
    data = p.load_npz(DIGITS)
    train = p.DataLoader(data.Xtrain, data.Ttrain, 100, seed=1, one_hot=data.classes, **keywords)
    return train, p.DataLoader(data.Xtest, data.Ttest, 100, shuffle=False, one_hot=data.classes, **keywords)


@every_backend
def test_the_curve_is_that_of_numpy(backend: str) -> None:
    """Same weights, batches and masks from one seed; in float64 only the order of summation differs."""
    curves = []
    for p in (load(backend), load("numpy")):
        M = p.parse_multilayer_perceptron(
            "ReLU;BatchNormalization;LinearDropout(0.1);LeakyReLU(0.1);Linear",
            [64, 40, 30, 20, 10],
            "XavierNormalized",
            "WeightDecay(0.0001) | Nesterov(0.9)",
            dtype="float64",
            seed=3,
        )
        train, test = digits(p, dtype="float64")
        curves.append(p.stochastic_gradient_descent(M, 3, "SoftmaxCrossEntropy", "Exponential(0.05, 0.1)", train, test))
    for own, reference in zip(*curves, strict=True):
        assert own.loss == pytest.approx(reference.loss, rel=1e-8)
        assert own.train_accuracy == reference.train_accuracy and own.test_accuracy == reference.test_accuracy
    assert [record.epoch for record in curves[0]] == [1, 2, 3]
    assert curves[0][-1].loss < 0.2 and curves[0][-1].train_accuracy > 0.95 and curves[0][-1].test_accuracy > 0.85


@every_backend
def test_a_record_holds_what_a_pass_over_the_data_gives(backend: str) -> None:
    p = load(backend)
    X, T = array(0, 10, 4), np.arange(10) % 3
    train, test = p.DataLoader(X, T, 4, seed=1, dtype="float64"), p.DataLoader(X[:5], T[:5], 2, dtype="float64")
    M = p.parse_multilayer_perceptron("Tanh;LinearDropout(0.5)", [4, 5, 3], "Xavier", dtype="float64", seed=0)
    seen: list[Any] = []
    loss = p.SoftmaxCrossEntropyLossFunction()
    records = p.stochastic_gradient_descent(M, 2, loss, 0.1, train, test, callbacks=[seen.append])
    assert seen == records and len(records) == 2
    assert all(layer.training for layer in M.layers), "evaluation restores the mode"

    M.eval()
    Y = p.to_host(M.feedforward(p.from_host(X)))
    log_softmax = Y - np.log(np.exp(Y).sum(axis=1, keepdims=True))
    assert records[-1].loss == pytest.approx(-log_softmax[np.arange(10), T].mean(), rel=1e-12)
    assert records[-1].train_accuracy == (Y.argmax(axis=1) == T).mean()
    assert records[-1].test_accuracy == (Y[:5].argmax(axis=1) == T[:5]).mean()
    assert records[-1].seconds > 0


@every_backend
def test_any_iterable_of_batches_and_a_single_output(backend: str) -> None:
    p = load(backend)
    X, T = array(0, 6, 4), array(1, 6, 1)
    batches = [(p.from_host(X[:4]), p.from_host(T[:4])), (p.from_host(X[4:]), p.from_host(T[4:]))]
    M = p.parse_multilayer_perceptron("Linear", [4, 1], "Zero", dtype="float64")
    (record,) = p.stochastic_gradient_descent(M, 1, "SquaredError", 0.1, batches)
    w, b = np.zeros((1, 4)), 0.0
    for rows in (slice(0, 4), slice(4, 6)):
        DY = 2 * (X[rows] @ w.T + b - T[rows]) / len(X[rows])
        w, b = w - 0.1 * DY.T @ X[rows], b - 0.1 * DY.sum()
    np.testing.assert_allclose(p.to_host(M.layers[0].W), w, rtol=1e-12)
    assert record.loss == pytest.approx(np.square(X @ w.T + b - T).mean(), rel=1e-12)
    assert record.train_accuracy is None and record.test_accuracy is None


def test_the_learning_rate_is_a_function_of_the_epoch() -> None:
    p = load("numpy")
    epochs: list[int] = []

    class Recorded(p.LearningRateScheduler):  # type: ignore[name-defined, misc]
        def rate(self, i: int) -> float:
            epochs.append(i)
            return 0.0

    M = p.parse_multilayer_perceptron("Linear", [4, 3], "Xavier", seed=0)
    before = p.to_host(M.layers[0].W)
    loader = p.DataLoader(array(0, 10, 4), np.arange(10) % 3, 4)
    p.stochastic_gradient_descent(M, 3, "SquaredError", Recorded(), loader)
    assert epochs == [0, 1, 2]
    np.testing.assert_array_equal(M.layers[0].W, before)


def test_one_hot_targets_use_the_simplified_gradient() -> None:
    p = load("numpy")
    promises: list[bool] = []

    class Watched(p.SoftmaxCrossEntropyLossFunction):  # type: ignore[name-defined, misc]
        def gradient(self, Y: Any, T: Any, one_hot: bool = False) -> Any:
            promises.append(one_hot)
            return super().gradient(Y, T, one_hot)

    for targets in (np.arange(4) % 3, np.full((4, 3), 0.5)):
        M = p.parse_multilayer_perceptron("Linear", [4, 3])
        p.stochastic_gradient_descent(M, 1, Watched(), 0.1, p.DataLoader(array(0, 4, 4), targets, 4))
    assert promises == [True, False]


def test_an_interrupted_evaluation_restores_the_mode() -> None:
    p = load("numpy")
    M = p.parse_multilayer_perceptron("Linear;Linear", [4, 3, 3])
    M.layers[0].eval()
    with pytest.raises(ValueError, match="X has shape"):
        p.evaluate(M, p.SquaredErrorLossFunction(), [(np.ones((2, 5), np.float32), np.ones((2, 3), np.float32))])
    assert [layer.training for layer in M.layers] == [False, True]
    with pytest.raises(ValueError, match="no examples"):
        p.evaluate(M, p.SquaredErrorLossFunction(), [])


def test_jax_compiles_nothing_for_another_learning_rate() -> None:
    p = load("jax")
    counts = []
    layer = p.ActivationLayer(4, 3, p.LeakyReLUActivation(0.3))
    layer.set_optimizer("Adam")
    X = p.from_host(array(0, 5, 4), "float32")
    for eta in (0.1, 0.2, 0.3):
        layer.act = p.LeakyReLUActivation(0.3)  # another object, but equal
        Y = layer.feedforward(X)
        layer.backpropagate(Y, Y)
        layer.optimize(eta)
        counts.append((p.functional.adam_step._cache_size(), p.functional.activation_backward._cache_size()))
    assert len(set(counts)) == 1


def test_tensorflow_traces_nothing_for_another_learning_rate() -> None:
    p = load("tensorflow")
    counts = []
    layer = p.ActivationLayer(4, 3, p.LeakyReLUActivation(0.3))
    layer.set_optimizer("Adam")
    X = p.from_host(array(0, 5, 4), "float32")
    for eta in (0.1, 0.2, 0.3):
        layer.act = p.LeakyReLUActivation(0.3)
        Y = layer.feedforward(X)
        layer.backpropagate(Y, Y)
        layer.optimize(eta)
        traced = (p.functional.adam_step, p.functional.activation_backward)
        counts.append(tuple(f.experimental_get_tracing_count() for f in traced))
    assert len(set(counts)) == 1


def test_the_progress_bar_is_shown_on_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    bar_class = importlib.import_module("eqgen_numpy.progress").ProgressBar
    with bar_class(3, "epoch 1/2") as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
    with bar_class(3, "epoch 1/2", shown=True) as bar:
        bar.advance()
    captured = capsys.readouterr()
    assert "epoch 1/2" in captured.err and "1/3" in captured.err and captured.out == ""
    assert captured.err.endswith("\r\x1b[2K"), "the line is cleared at the end"


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("width", [10, 40, 80])
def test_the_progress_bar_fits_the_terminal(done: int, width: int) -> None:
    bar = importlib.import_module("eqgen_numpy.progress").ProgressBar(3, "epoch 1/2", shown=False)
    bar.done = done
    line = bar.line(width)
    assert len(line) < width
    if width > 40:
        room = line.index("]") - line.index("[") - 1
        assert line.count("=") == math.floor(room * min(done, 3) / 3)
    bar.total = None
    assert bar.line(width).startswith(f"epoch 1/2  {done}"[: width - 1])
