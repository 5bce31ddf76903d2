"""A backend from outside of eqgen: the Python array API standard, run on array-api-strict."""

from dataclasses import replace
from pathlib import Path

from eqgen.algebra.notation import Level, Spelling, call
from eqgen.backends.numpy import COLUMN
from eqgen.backends.protocol import SPARSE_PRODUCTS, Backend


def product(template: str) -> Spelling:
    return Spelling(template, Level.PRODUCT, (Level.ATOM, Level.ATOM))


# The standard's names are NumPy's, but for these.
OWN = {
    "diag": call("xp.reshape(xp.linalg.diagonal({0}), (-1, 1))"),
    "Diag": product("xp.reshape({0}, (-1, 1)) * xp.eye({0}.shape[0] * {0}.shape[1], dtype={0}.dtype)"),
    "columns_max": call("xp.max({0}, axis=0, keepdims=True)"),
    "rows_max": call("xp.max({0}, axis=1, keepdims=True)"),
    "columns_sum": call("xp.sum({0}, axis=0, keepdims=True)"),
    "columns_mean": product("xp.sum({0}, axis=0, keepdims=True) / {0}.shape[0]"),
    "rows_mean": product("xp.sum({0}, axis=1, keepdims=True) / {0}.shape[1]"),
    "inv_sqrt": product("1 / xp.sqrt({0})"),
    "power": call("xp.pow({0}, {1})"),
    "sign": call("xp.sign({0})"),
    "max": call("xp.maximum({0}, {1})"),
    "min": call("xp.minimum({0}, {1})"),
    "softplus": call("xp.logaddexp({0}, xp.zeros_like({0}))"),
    "log_sigmoid": call("(-xp.logaddexp(-({0}), xp.zeros_like({0})))"),
    "where": call("xp.where({0}, xp.asarray({1}, dtype={like}.dtype), {2})"),
    "row_gather": call("xp.take({0}, {1}[:, 0], axis=0)"),
    "column_gather": call("xp.take({0}, {1}[0, :], axis=1)"),
    "row_scatter_add": product("xp.astype({0}.T == xp.arange({s0})[:, None], {1}.dtype) @ {1}"),
    "column_scatter_add": product("{1} @ xp.astype({0}.T == xp.arange({s0})[None, :], {1}.dtype)"),
}
BACKEND = Backend(
    name="strict",
    title="Array API",
    column={
        op: replace(s, template=s.template.replace("np.", "xp."))
        for op, s in COLUMN.items()
        if op not in SPARSE_PRODUCTS  # so there are no layers over sparse matrices
    }
    | OWN,
    imports=("import math", "import array_api_strict as xp"),
    framework="array_api_strict",
    folders=(Path(__file__).parent / "templates",),
)
