"""The PyTorch backend: its column of spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqgen.algebra.notation import Column, Level, Spelling, call, member
from eqgen.backends.protocol import Backend, InPlace
from eqgen.backends.python import NUMPY_LIKE, SPARSE, SPARSE_IN_PLACE

LIKE = "dtype={like}.dtype, device={like}.device"

COLUMN: Column = {
    **NUMPY_LIKE,
    **SPARSE,
    "zeros": call(f"torch.zeros({{m}}, {{n}}, {LIKE})"),
    "ones": call(f"torch.ones({{m}}, {{n}}, {LIKE})"),
    "full": call(f"torch.full(({{m}}, {{n}}), {{0}}, {LIKE})"),
    "identity": call(f"torch.eye({{m}}, {LIKE})"),
    "diag": call("torch.diagonal({0}).reshape(-1, 1)"),
    "Diag": member("torch.diag({0}.reshape(-1))"),
    "column_repeat": member("{0}.expand({m}, {n})"),
    "row_repeat": member("{0}.expand({m}, {n})"),
    "row": member("{0}[{s0} : {s0} + 1, :]"),
    "column": member("{0}[:, {s0} : {s0} + 1]"),
    "dot": Spelling("torch.sum({0} * {1}).reshape(1, 1)", Level.ATOM, (Level.PRODUCT, Level.UNARY)),
    "elements_sum": call("torch.sum({0}).reshape(1, 1)"),
    "columns_sum": call("torch.sum({0}, dim=0, keepdim=True)"),
    "rows_sum": call("torch.sum({0}, dim=1, keepdim=True)"),
    "columns_mean": call("torch.mean({0}, dim=0, keepdim=True)"),
    "rows_mean": call("torch.mean({0}, dim=1, keepdim=True)"),
    "columns_max": call("torch.amax({0}, dim=0, keepdim=True)"),
    "rows_max": call("torch.amax({0}, dim=1, keepdim=True)"),
    "exp": call("torch.exp({0})"),
    "expm1": call("torch.expm1({0})"),
    "log": call("torch.log({0})"),
    "log1p": call("torch.log1p({0})"),
    "sqrt": call("torch.sqrt({0})"),
    "square": call("torch.square({0})"),
    "abs": call("torch.abs({0})"),
    "floor": call("torch.floor({0})"),
    "tanh": call("torch.tanh({0})"),
}

IN_PLACE: Column = {
    **SPARSE_IN_PLACE,
    "gemm": call("in_place.gemm({0}, {1}, {2}, {3}, {target})"),
    "copy": call("in_place.copy({0}, {target})"),
    "add_scaled": call("torch.add({0}, {2}, alpha={1}, out={target})"),
    "add": call("in_place.add({0}, {1}, {target})"),
    "subtract": call("in_place.subtract({0}, {1}, {target})"),
    "scale": call("torch.mul({1}, {0}, out={target})"),
    "hadamard": call("in_place.multiply({0}, {1}, {target})"),
    "divide": call("in_place.divide({0}, {1}, {target})"),
    "max": call("in_place.maximum({0}, {1}, {target})"),
    "min": call("in_place.minimum({0}, {1}, {target})"),
    "less": call("in_place.less({0}, {1}, {target})"),
    "less_equal": call("in_place.less_equal({0}, {1}, {target})"),
    "greater": call("in_place.less({1}, {0}, {target})"),
    "greater_equal": call("in_place.less_equal({1}, {0}, {target})"),
    "equal": call("in_place.equal({0}, {1}, {target})"),
    "where": call("in_place.where({0}, {1}, {2}, {target})"),
    "power": call("in_place.power({0}, {1}, {target})"),
    "softplus": call("in_place.softplus({0}, {target}, out)"),
    "log_sigmoid": call("in_place.log_sigmoid({0}, {target}, out)"),
    "row_gather": call("in_place.row_gather({0}, {1}, {target})"),
    "column_gather": call("in_place.column_gather({0}, {1}, {target})"),
    "row_scatter_add": call("in_place.row_scatter_add({0}, {1}, {target})"),
    "column_scatter_add": call("in_place.column_scatter_add({0}, {1}, {target})"),
    "identity": call("in_place.identity({target})"),
    "Diag": call("in_place.diagonal_matrix({0}, {target})"),
    "elements_sum": call("torch.sum({0}, dim=(0, 1), keepdim=True, out={target})"),
    "columns_sum": call("torch.sum({0}, dim=0, keepdim=True, out={target})"),
    "rows_sum": call("torch.sum({0}, dim=1, keepdim=True, out={target})"),
    "columns_mean": call("torch.mean({0}, dim=0, keepdim=True, out={target})"),
    "rows_mean": call("torch.mean({0}, dim=1, keepdim=True, out={target})"),
    "columns_max": call("torch.amax({0}, dim=0, keepdim=True, out={target})"),
    "rows_max": call("torch.amax({0}, dim=1, keepdim=True, out={target})"),
    "negate": call("torch.neg({0}, out={target})"),
    "inv_sqrt": call("torch.rsqrt({0}, out={target})"),
    **{
        name: call(f"torch.{name}({{0}}, out={{target}})")
        for name in (
            "abs", "erf", "erfc", "exp", "expm1", "floor", "log", "log1p", "reciprocal", "sigmoid", "sign", "sqrt",
            "square", "tanh",
        )
    },
}  # fmt: skip
"""Spellings that write into {target}."""


def autodiff(function: Callable[..., Any], arguments: Sequence[Any], seed: Any) -> Sequence[Any]:
    """Vector-Jacobian products by torch.autograd, for tests: the generated code does without."""
    import torch

    leaves = [a.detach().clone().requires_grad_() for a in arguments]
    return torch.autograd.grad(function(*leaves), leaves, seed, allow_unused=False)


BACKEND = Backend(
    name="torch",
    title="PyTorch",
    column=COLUMN,
    imports=("import math", "import torch"),
    framework="torch",
    extra="torch",
    shared=("package", "sparse", "buffered"),
    in_place=InPlace(IN_PLACE, careful=frozenset({"where", "softplus", "log_sigmoid"}), scaled_sums=True),
    autodiff=autodiff,
)
