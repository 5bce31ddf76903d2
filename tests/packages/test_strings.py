"""String forms: `Momentum(0.9)`, `WeightDecay(0.1) | Nesterov`, `ReLU;ReLU;Linear`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packages.backends import array, every_backend, load

specification = importlib.import_module("eqgen_numpy.specification")

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
NUMBERS = st.integers(-999, 999).map(float) | st.sampled_from([0.5, 1e-5, -2.25, 1e20])
SPECIFICATIONS = st.recursive(
    st.builds(specification.Specification, NAMES),
    lambda inner: st.builds(
        specification.Specification,
        NAMES,
        st.lists(inner | NUMBERS | st.lists(NUMBERS).map(tuple), max_size=3).map(tuple),
        st.lists(st.tuples(NAMES, inner | NUMBERS), max_size=2).map(tuple),
    ),
    max_leaves=6,
)


@given(SPECIFICATIONS)
def test_reading_what_is_written(written: Any) -> None:
    assert specification.parse_specification(str(written)) == written


def test_spaces_and_forms() -> None:
    found = specification.parse_specification(" Layer ( LeakyReLU( alpha = .1 ),[1, 2e3 ] , p= -0.5 ) ")
    inner = specification.Specification("LeakyReLU", (), (("alpha", 0.1),))
    assert found == specification.Specification("Layer", (inner, (1.0, 2000.0)), (("p", -0.5),))


@given(st.text(alphabet="ab(),=[]. -1e|;'\"_é\n", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = specification.parse_specification(text)
    except ValueError as error:
        assert "expected" in str(error)
    else:
        assert specification.parse_specification(str(found)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found the end at character 1, expected a name"),
        ("Momentum(", "found the end at character 10, expected a name"),
        ("Momentum(0.9", "found the end at character 13, expected ','"),
        ("Momentum(0.9))", r"found '\)' at character 14, expected the end"),
        ("Momentum(mu=0.9, 0.1)", "at character 18, expected name=value"),
        ("Momentum([0.9, x])", "found 'x' at character 16, expected a number"),
        ("__import__('os').system('x')", 'found "\'" at character 12'),
        ("A(" * 30 + ")" * 30, "at most 20 levels of nesting"),
        ("A" * 10_001, "at most 10000 characters"),
    ],
)
def test_mistakes_are_shown_with_their_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        specification.parse_specification(text)


@every_backend
def test_names_give_classes(backend: str) -> None:
    p = load(backend)
    assert p.parse_activation("LeakyReLU(0.2)") == p.LeakyReLUActivation(alpha=0.2)
    assert p.parse_activation("LeakyReLU(alpha=0.2)") == p.LeakyReLUActivation(0.2) != p.LeakyReLUActivation(0.1)
    assert hash(p.parse_activation("ReLU")) == hash(p.ReLUActivation())
    assert p.parse_loss_function("SquaredError") == p.SquaredErrorLossFunction()
    assert p.parse_learning_rate("Exponential(0.01, 0.1)") == p.ExponentialScheduler(0.01, 0.1)
    assert p.parse_learning_rate("MultiStep(0.1, 0.5, [10, 20])") == p.MultiStepScheduler(0.1, 0.5, [10, 20])
    for rate in ("0.01", 0.01, " 1e-2 "):
        assert p.parse_learning_rate(rate)(7) == 0.01
    scheduler = p.ExponentialScheduler(0.5, 0.1)
    assert p.parse_learning_rate(scheduler) is scheduler
    assert scheduler(2) == pytest.approx(0.5 * np.exp(-0.2), rel=1e-15)
    assert p.parse_initializer("Uniform(-1, 1)") == p.UniformInitializer(-1, 1)


@every_backend
@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        ("parse_activation", "Relu", "unknown activation 'Relu': did you mean 'ReLU'? this package has"),
        ("parse_loss_function", "SoftmaxCrossEntrpy", "did you mean 'SoftmaxCrossEntropy'?"),
        ("parse_initializer", "xavier", "unknown initializer 'xavier': did you mean 'Xavier'?"),
        ("parse_initializer", "Uniform(1)", "missing a required argument: 'b'; expected Uniform(a, b)"),
        ("parse_activation", "LeakyReLU(1, 2)", "too many positional arguments; expected LeakyReLU(alpha=0.01)"),
        ("parse_activation", "LeakyReLU(beta=1)", "unexpected keyword argument 'beta'; expected LeakyReLU(alpha=0.01)"),
        ("parse_activation", "LeakyReLU(1, alpha=2)", "multiple values for argument 'alpha'"),
        ("parse_activation", "LeakyReLU(alpha=1, alpha=2)", "multiple values"),
        ("parse_learning_rate", "Exponential(0.1)", "missing a required argument: 'd'; expected Exponential(eta0, d)"),
        ("parse_learning_rate", "nan", "unknown learning rate scheduler 'nan'"),
    ],
)
def test_wrong_names_and_arguments(backend: str, parse: str, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        getattr(load(backend), parse)(text)
    assert message in str(caught.value)


def optimized(p: Any, text: str, steps: int = 2) -> tuple[Any, Any, Any]:
    """W before, the gradient, and W after some steps with learning rate 0.1."""
    layer = p.LinearLayer(4, 3, dtype="float64")
    layer.W = array(1, 3, 4)
    layer.set_optimizer(text)
    for _ in range(steps):
        layer.DW = array(2, 3, 4)  # a transformation changes the gradient in place
        layer.optimize(0.1)
    return array(1, 3, 4), array(2, 3, 4), p.to_host(layer.W)


@every_backend
def test_optimizers_compose_in_order(backend: str) -> None:
    p = load(backend)
    W, DW, found = optimized(p, "WeightDecay(0.5) | ClipByNorm(1) | Momentum(0.9)")
    delta = np.zeros_like(W)
    for _ in range(2):
        gradient = DW + 0.5 * W
        gradient /= max(np.linalg.norm(gradient), 1)
        delta = 0.9 * delta - 0.1 * gradient
        W = W + delta
    np.testing.assert_allclose(found, W, rtol=1e-12)
    *_, swapped = optimized(p, "ClipByNorm(1) | WeightDecay(0.5) | Momentum(0.9)")
    assert np.abs(found - swapped).max() > 1e-3


@every_backend
def test_transformations_need_an_optimizer(backend: str) -> None:
    layer = load(backend).LinearLayer(4, 3)
    for text, message in {
        "WeightDecay(0.1)": "WeightDecayOptimizer changes the gradient only; append an optimizer",
        "Momentum(0.9) | Nesterov(0.9)": "only the last part may update the parameter",
        "Momentum(0.9) |": "found the end at character 1, expected a name",
        "Momentun(0.9)": "unknown optimizer 'Momentun': did you mean 'Momentum'?",
        "Momentum(x)": "MomentumOptimizer: mu is",
    }.items():
        with pytest.raises((ValueError, TypeError)) as caught:
            layer.set_optimizer(text)
        assert message in str(caught.value)


@every_backend
def test_perceptrons(backend: str) -> None:
    p = load(backend)
    M = p.parse_multilayer_perceptron(
        "ReLU;BatchNormalization;ActivationDropout(act=LeakyReLU(0.1), p=0.3);LinearDropout(0.5);SReLU;Linear",
        "7;6;5;4;3;2",
        "He;Zero;Xavier;XavierNormalized;Uniform(1, 2);Normal(0, 1)",
        "Momentum(0.9)",
        seed=1,
    )
    names = ["ActivationLayer", "BatchNormalizationLayer", "ActivationDropoutLayer", "LinearDropoutLayer"]
    assert [type(layer).__name__ for layer in M.layers] == [*names, "SReLULayer", "LinearLayer"]
    shapes = [tuple(layer.W.shape) for layer in M.layers if "W" in layer.PARAMETERS]
    assert shapes == [(6, 7), (5, 6), (4, 5), (3, 4), (2, 3)]
    assert M.layers[0].act == p.ReLUActivation() and M.layers[2].act == p.LeakyReLUActivation(0.1)
    assert M.layers[2].p == 0.3 and 1 <= p.to_host(M.layers[4].W).min() <= p.to_host(M.layers[4].W).max() <= 2
    assert all(isinstance(layer.optimizer, p.CompositeOptimizer) for layer in M.layers)
    again = p.parse_multilayer_perceptron("ReLU", [7, 6], "He", seed=1)
    np.testing.assert_array_equal(p.to_host(again.layers[0].W), p.to_host(M.layers[0].W))


@every_backend
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ReLU;Linear", [4, 3]), "layers 'ReLU;Linear': expected 3 sizes, found 2: [4, 3]"),
        (("ReLU;BatchNormalization", [4, 3, 3]), "expected 2 sizes, found 3"),
        (("ReLU;Linaer", [4, 3, 2]), "unknown layer 'Linaer': did you mean 'Linear'?"),
        (("LinearDropout", [4, 3]), "missing a required argument: 'p'; expected LinearDropout(p)"),
        (("ReLU;Linear", [4, 3, 0]), "sizes: size 2 is 0, expected at least 1"),
        (("ReLU;Linear", "4;x;2"), "sizes '4;x;2': expected whole numbers"),
        (("ReLU;Linear", [4, 3, 2], "He;He;He"), "weights 'He;He;He': found 3 parts, expected 1 or 2"),
        (("ReLU;Linear", [4, 3, 2], None, "Adam;Adam;Adam"), "optimizers 'Adam;Adam;Adam': found 3 parts"),
        (("ReLU;", [4, 3, 2]), "found the end at character 1, expected a name"),
    ],
)
def test_wrong_perceptrons(backend: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load(backend).parse_multilayer_perceptron(*arguments)
    assert message in str(caught.value)
