"""The NumPy backend: its column of spellings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eqgen.algebra.notation import Column, Level, Spelling, call, member
from eqgen.backends.protocol import Backend, InPlace
from eqgen.backends.python import NUMPY_LIKE, SPARSE, SPARSE_IN_PLACE
from eqgen.backends.requirements import Framework, Requirement

COLUMN: Column = {
    **NUMPY_LIKE,
    **SPARSE,
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
    "columns_sum": call("runtime.columns_sum({0})"),
    "rows_sum": call("np.sum({0}, axis=1, keepdims=True)"),
    "columns_mean": call("runtime.columns_mean({0})"),
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

_UNARY = {
    "negate": "negative", "abs": "abs", "exp": "exp", "expm1": "expm1", "floor": "floor", "log": "log",
    "log1p": "log1p", "sign": "sign", "sqrt": "sqrt", "square": "square", "tanh": "tanh",
}  # fmt: skip
_BINARY = {
    "add": "add", "subtract": "subtract", "scale": "multiply", "hadamard": "multiply", "divide": "divide",
    "max": "maximum", "min": "minimum", "power": "power", "less": "less", "less_equal": "less_equal",
    "greater": "greater", "greater_equal": "greater_equal", "equal": "equal",
}  # fmt: skip
"""NumPy's names of universal functions, which take `out`."""

IN_PLACE: Column = {
    **SPARSE_IN_PLACE,
    **{op: call(f"np.{name}({{0}}, out={{target}})") for op, name in _UNARY.items()},
    **{op: call(f"np.{name}({{0}}, {{1}}, out={{target}})") for op, name in _BINARY.items()},
    "gemm": call("in_place.gemm({0}, {1}, {2}, {3}, {target})"),
    "add_scaled": call("in_place.add_scaled({0}, {1}, {2}, {target}, out)"),
    "copy": call("np.copyto({target}, {0})"),
    "reciprocal": call("np.divide(1, {0}, out={target})"),
    "inv_sqrt": call("in_place.inv_sqrt({0}, {target})"),
    "sigmoid": call("in_place.sigmoid({0}, {target}, out)"),
    "softplus": call("np.logaddexp({0}, 0, out={target})"),
    "log_sigmoid": call("in_place.log_sigmoid({0}, {target})"),
    "erf": call("in_place.erf({0}, {target})"),
    "erfc": call("in_place.erfc({0}, {target})"),
    "where": call("in_place.where({0}, {1}, {2}, {target})"),
    "row_gather": call("in_place.row_gather({0}, {1}, {target})"),
    "column_gather": call("in_place.column_gather({0}, {1}, {target})"),
    "row_scatter_add": call("in_place.row_scatter_add({0}, {1}, {target})"),
    "column_scatter_add": call("in_place.column_scatter_add({0}, {1}, {target})"),
    "identity": call("in_place.identity({target})"),
    "Diag": call("in_place.diagonal_matrix({0}, {target})"),
    "elements_sum": call("np.sum({0}, keepdims=True, out={target})"),
    "columns_sum": call("in_place.columns_sum({0}, {target}, out)"),
    "rows_sum": call("np.sum({0}, axis=1, keepdims=True, out={target})"),
    "columns_mean": call("in_place.columns_mean({0}, {target}, out)"),
    "rows_mean": call("np.mean({0}, axis=1, keepdims=True, out={target})"),
    "columns_max": call("np.max({0}, axis=0, keepdims=True, initial=-math.inf, out={target})"),
    "rows_max": call("np.max({0}, axis=1, keepdims=True, initial=-math.inf, out={target})"),
}
"""Spellings that write into {target}."""


class NumPyBackend(Backend):
    """NumPy alone is required; sparse matrices are multiplied by SciPy, or by MKL through cffi, where these are."""

    def requirements(self) -> Sequence[Requirement]:
        from eqgen.backends.toolchain import find_mkl

        mkl = find_mkl()
        note = "for `sparse_products.use('mkl')`, with cffi"
        return (
            *super().requirements(),
            Framework("scipy", required=False, note="multiplies sparse matrices; without it NumPy does, more slowly"),
            Framework("cffi", required=False, note="for `sparse_products.use('mkl')`"),
            replace(mkl, note=note if mkl.found or not mkl.fix else f"{note}; the wheel `mkl` is enough"),
        )


BACKEND = NumPyBackend(
    name="numpy",
    title="NumPy",
    column=COLUMN,
    imports=("import math", "import numpy as np"),
    framework="numpy",
    shared=("package", "sparse", "buffered"),
    in_place=InPlace(IN_PLACE, careful=frozenset({"where", "sigmoid"}), scaled_sums=True),
)
