"""Lowering: functions with the arguments they read, in the paper's order, and what callers compute for them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from eqgen.algebra.library import library, load_text
from eqgen.algebra.notation import notation
from eqgen.optimize.lower import Lowering
from eqgen.optimize.names import class_name, function_name, identifier, snake_case


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("ReLU", "relu"),
        ("LeakyReLU", "leaky_relu"),
        ("KLDivergence", "kl_divergence"),
        ("BatchNormalization", "batch_normalization"),
        ("GELU", "gelu"),
        ("AdamW", "adamw"),
        ("RMSProp", "rms_prop"),
        ("Layer2D", "layer2d"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_names() -> None:
    assert identifier("delta'") == "delta_new"
    assert class_name("loss", "CrossEntropy") == "CrossEntropyLossFunction"
    assert function_name("layer", "Softmax", "backward") == "softmax_backward"
    assert function_name("function", "log_softmax") == "log_softmax"


def test_functions_take_what_they_read() -> None:
    module = library()
    softmax = module.find("Softmax", "layer")
    assert softmax is not None
    lowered = Lowering(module).layer(softmax)
    assert [a.name for a in lowered.forward.arguments] == ["X", "W", "b"]
    assert [a.name for a in lowered.backward.arguments] == ["X", "W", "Y", "DY"]
    assert [n for n, _ in lowered.backward.results] == ["DX", "DW", "Db"]
    assert lowered.saved == ()


def test_backward_is_rewritten_and_says_so() -> None:
    module = library()
    softmax = module.find("Softmax", "layer")
    assert softmax is not None
    first = Lowering(module).layer(softmax).backward.steps[0]
    assert notation(first.value) == "hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))"
    assert first.notes == ("rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))",)
    assert first.equation.startswith("DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))")


def test_a_size_that_no_argument_has_brings_one_that_does() -> None:
    module = library()
    embedding = module.find("Embedding", "layer")
    assert embedding is not None
    backward = Lowering(module).layer(embedding).backward
    assert ("V", "E", 0) in backward.sizes


def test_optimizers_compute_scalars_outside() -> None:
    module = library()
    adam = module.find("Adam", "optimizer")
    assert adam is not None
    lowered = Lowering(module).optimizer(adam)
    assert {notation(s.value) for s in lowered.scalars} >= {"1 - beta1^t", "1 - beta2^t"}


def test_a_trainable_slope_is_inlined() -> None:
    """An activation called with matrices as numbers cannot be an object with fixed numbers."""
    text = (
        "layer Slope\n    input X: N x D\n    param a: 1 x 1 = 1\n    output Y: N x D\n"
        "    forward\n        Y = apply(LeakyReLU(a), X)\n"
    )
    module = load_text(text)
    layer = module.find("Slope", "layer")
    assert layer is not None
    forward = Lowering(module).layer(layer).forward
    assert "LeakyReLU" not in notation(forward.steps[0].value)


def test_conditions_become_numbers() -> None:
    text = (
        "layer Count\n    input X: N x D\n    output Y: N x D\n    forward\n        Y = apply(x -> (x > 0) * x, X)\n"
        "    backward\n        DX = apply((x, d) -> (x > 0) * d, X, DY)\n"
    )
    module = load_text(text)
    layer = module.find("Count", "layer")
    assert layer is not None
    assert "where(" in notation(Lowering(module).layer(layer).forward.steps[0].value)


@pytest.mark.parametrize("name", sorted(d.name for d in library().of_kind("layer")))
def test_memory_is_linear_in_the_batch(name: str) -> None:
    """No N x N temporary: at N = 100,000 it alone would take 40 GB. Forward and backward stay below 40 matrices."""
    package = pytest.importorskip("eqgen_numpy")
    rows, columns = 100_000, 8
    cls = package.LAYERS[name]
    needs = cls.__init__.__annotations__
    header = [package.parse_activation("Tanh")] * ("act" in needs) + [0.5] * ("p" in needs)
    layer = cls(*(columns, 6)[: len(cls.SIZES)], *header)
    generator = np.random.default_rng(0)
    definition = library().find(name, "layer")
    assert definition is not None
    if next(definition.with_role("input")).index_size is None:
        x = generator.normal(size=(rows, columns)).astype("float32")
    else:
        x = generator.integers(0, columns, (rows, 1))
    tracemalloc.start()
    try:
        y = layer.feedforward(x)
        layer.backpropagate(y, np.ones_like(y))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * rows * columns * 4
