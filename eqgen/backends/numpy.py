"""The NumPy backend: its column of spellings."""

from __future__ import annotations

from eqgen.algebra.notation import Column, Level, Spelling, call, member
from eqgen.backends.protocol import Backend
from eqgen.backends.python import NUMPY_LIKE

COLUMN: Column = {
    **NUMPY_LIKE,
    "zeros": call("np.zeros(({m}, {n}), dtype={like}.dtype)"),
    "ones": call("np.ones(({m}, {n}), dtype={like}.dtype)"),
    "full": call("np.full(({m}, {n}), {0}, dtype={like}.dtype)"),
    "identity": call("np.eye({m}, dtype={like}.dtype)"),
    "diag": call("np.diagonal({0}).reshape(-1, 1)"),
    "Diag": member("np.diag({0}.reshape(-1))"),
    "column_repeat": call("np.broadcast_to({0}, ({m}, {n}))"),
    "row_repeat": call("np.broadcast_to({0}, ({m}, {n}))"),
    "row": member("{0}[{s0} : {s0} + 1, :]"),
    "column": member("{0}[:, {s0} : {s0} + 1]"),
    "dot": Spelling("np.sum({0} * {1}, keepdims=True)", Level.ATOM, (Level.PRODUCT, Level.UNARY)),
    "elements_sum": call("np.sum({0}, keepdims=True)"),
    "columns_sum": call("np.sum({0}, axis=0, keepdims=True)"),
    "rows_sum": call("np.sum({0}, axis=1, keepdims=True)"),
    "columns_mean": call("np.mean({0}, axis=0, keepdims=True)"),
    "rows_mean": call("np.mean({0}, axis=1, keepdims=True)"),
    "columns_max": call("np.max({0}, axis=0, keepdims=True, initial=-math.inf)"),
    "rows_max": call("np.max({0}, axis=1, keepdims=True, initial=-math.inf)"),
    "exp": call("np.exp({0})"),
    "expm1": call("np.expm1({0})"),
    "log": call("np.log({0})"),
    "log1p": call("np.log1p({0})"),
    "sqrt": call("np.sqrt({0})"),
    "square": call("np.square({0})"),
    "abs": call("np.abs({0})"),
    "floor": call("np.floor({0})"),
    "tanh": call("np.tanh({0})"),
}

BACKEND = Backend(
    name="numpy", title="NumPy", column=COLUMN, imports=("import math", "import numpy as np"), framework="numpy"
)
