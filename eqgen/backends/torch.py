"""The PyTorch backend: its column of spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqgen.algebra.notation import Column, Level, Spelling, call, member
from eqgen.backends.protocol import Backend
from eqgen.backends.python import NUMPY_LIKE

LIKE = "dtype={like}.dtype, device={like}.device"

COLUMN: Column = {
    **NUMPY_LIKE,
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
    autodiff=autodiff,
)
