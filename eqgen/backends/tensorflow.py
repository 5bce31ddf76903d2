"""The TensorFlow backend: its column of spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqgen.algebra.notation import Column, Level, Spelling, call
from eqgen.backends.protocol import Backend
from eqgen.backends.python import OPERATORS, SPARSE

COLUMN: Column = {
    **OPERATORS,
    **SPARSE,
    "transpose": call("tf.transpose({0})"),
    "zeros": call("tf.zeros(({m}, {n}), dtype={like}.dtype)"),
    "ones": call("tf.ones(({m}, {n}), dtype={like}.dtype)"),
    # Not tf.cast, which takes a Python number through float32: 1e-5 would be off by 3e-8 of itself in float64.
    "full": call("tf.fill(({m}, {n}), tf.constant({0}, {like}.dtype))"),
    "identity": call("tf.eye({m}, dtype={like}.dtype)"),
    "diag": call("tf.reshape(tf.linalg.diag_part({0}), (-1, 1))"),
    "Diag": call("tf.linalg.diag(tf.reshape({0}, (-1,)))"),
    "column_repeat": call("tf.broadcast_to({0}, ({m}, {n}))"),
    "row_repeat": call("tf.broadcast_to({0}, ({m}, {n}))"),
    "row": call("tf.slice({0}, ({s0}, 0), ({m}, {n}))"),
    "column": call("tf.slice({0}, (0, {s0}), ({m}, {n}))"),
    "dot": Spelling("tf.reduce_sum({0} * {1}, keepdims=True)", Level.ATOM, (Level.PRODUCT, Level.UNARY)),
    "elements_sum": call("tf.reduce_sum({0}, keepdims=True)"),
    "columns_sum": call("runtime.columns_sum({0})"),
    "rows_sum": call("tf.reduce_sum({0}, axis=1, keepdims=True)"),
    "columns_mean": call("runtime.columns_mean({0})"),
    "rows_mean": call("tf.reduce_mean({0}, axis=1, keepdims=True)"),
    "columns_max": call("tf.reduce_max({0}, axis=0, keepdims=True)"),
    "rows_max": call("tf.reduce_max({0}, axis=1, keepdims=True)"),
    "exp": call("tf.exp({0})"),
    "expm1": call("tf.math.expm1({0})"),
    "log": call("tf.math.log({0})"),
    "log1p": call("tf.math.log1p({0})"),
    "sqrt": call("tf.sqrt({0})"),
    "square": call("tf.square({0})"),
    "abs": call("tf.abs({0})"),
    "floor": call("tf.floor({0})"),
    "tanh": call("tf.tanh({0})"),
}


def autodiff(function: Callable[..., Any], arguments: Sequence[Any], seed: Any) -> Sequence[Any]:
    """Vector-Jacobian products by tf.GradientTape, for tests: the generated code does without."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        for argument in arguments:
            tape.watch(argument)
        result = function(*arguments)
    # The gradient of a gather is sparse.
    gradients = tape.gradient(result, arguments, output_gradients=seed, unconnected_gradients="zero")
    return [tf.convert_to_tensor(g) for g in gradients]


BACKEND = Backend(
    name="tensorflow",
    title="TensorFlow",
    column=COLUMN,
    imports=("import math", "import tensorflow as tf"),
    framework="tensorflow",
    extra="tensorflow",
    shared=("package", "sparse", "immutable"),
    autodiff=autodiff,
)
