"""Operations that write into a given matrix, the target; nothing is allocated.

The target may be an operand where the operation acts entry by entry, unless it is said otherwise. Operands may be
numbers where one of them is a matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from .runtime import Matrix

if TYPE_CHECKING:
    from .buffers import Buffers

Operand: TypeAlias = Matrix | float

BLOCK = 1 << 22
"""Entries of a block of rows that an optimizer updates at a time: few enough for the last cache, and so many that
calls cost nothing beside them."""


def empty(rows: int, columns: int, like: Matrix, mask: bool = False) -> Matrix:
    """A matrix with undefined entries, of the dtype of `like` or of truth values, on its device."""
    return torch.empty((rows, columns), dtype=torch.bool if mask else like.dtype, device=like.device)


def silent() -> Any:
    """A context in which autograd records nothing."""
    return torch.no_grad()


def gemm(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """C = alpha A B + beta C. With beta = 0 what stood in C does not count. C may not overlap A or B."""
    if beta == 0 and alpha == 1:
        torch.mm(A, B, out=C)
    else:
        C.addmm_(A, B, beta=beta, alpha=alpha)


# --- entry by entry ----------------------------------------------------------------------------------------


def copy(x: Operand, target: Matrix) -> None:
    if isinstance(x, torch.Tensor):
        target.copy_(x)
    else:
        target.fill_(x)


def add(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.add(a, b, out=target)
    else:
        torch.add(b, a, out=target)  # type: ignore[arg-type]


def subtract(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.sub(a, b, out=target)
    else:
        torch.neg(b, out=target)  # type: ignore[arg-type]
        target.add_(a)


def multiply(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.mul(a, b, out=target)
    else:
        torch.mul(b, a, out=target)  # type: ignore[arg-type]


def divide(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.div(a, b, out=target)
    else:
        torch.reciprocal(b, out=target)  # type: ignore[arg-type]
        if a != 1:
            target.mul_(a)


def maximum(a: Operand, b: Operand, target: Matrix) -> None:
    if not isinstance(a, torch.Tensor):
        a, b = b, a
    if isinstance(b, torch.Tensor):
        torch.maximum(a, b, out=target)  # type: ignore[arg-type]
    else:
        torch.clamp(a, min=b, out=target)  # type: ignore[arg-type]


def minimum(a: Operand, b: Operand, target: Matrix) -> None:
    if not isinstance(a, torch.Tensor):
        a, b = b, a
    if isinstance(b, torch.Tensor):
        torch.minimum(a, b, out=target)  # type: ignore[arg-type]
    else:
        torch.clamp(a, max=b, out=target)  # type: ignore[arg-type]


def less(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.lt(a, b, out=target)
    else:
        torch.gt(b, a, out=target)  # type: ignore[arg-type]


def less_equal(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.le(a, b, out=target)
    else:
        torch.ge(b, a, out=target)  # type: ignore[arg-type]


def equal(a: Operand, b: Operand, target: Matrix) -> None:
    if isinstance(a, torch.Tensor):
        torch.eq(a, b, out=target)
    else:
        torch.eq(b, a, out=target)  # type: ignore[arg-type]


def where(condition: Matrix, a: Operand, b: Operand, target: Matrix) -> None:
    """`a` where the condition holds, else `b`. The target may not be `a`."""
    copy(b, target)
    if isinstance(a, torch.Tensor):
        torch.where(condition, a, target, out=target)
    else:
        target.masked_fill_(condition, a)


def softplus(x: Matrix, target: Matrix, out: Buffers) -> None:
    """max(x, 0) + log1p(exp(-|x|)), which does not overflow. The target may not be x."""
    _tail(x, target)
    target.add_(torch.clamp(x, min=0, out=out.scratch(target)))


def log_sigmoid(x: Matrix, target: Matrix, out: Buffers) -> None:
    """min(x, 0) - log1p(exp(-|x|)). The target may not be x."""
    _tail(x, target)
    torch.sub(torch.clamp(x, max=0, out=out.scratch(target)), target, out=target)


def _tail(x: Matrix, target: Matrix) -> None:
    """log1p(exp(-|x|))."""
    torch.abs(x, out=target).neg_().exp_().log1p_()


# --- rows and columns --------------------------------------------------------------------------------------


def power(x: Operand, exponent: Operand, target: Matrix) -> None:
    torch.pow(x, exponent, out=target)  # type: ignore[call-overload]


def row_gather(E: Matrix, x: Matrix, target: Matrix) -> None:
    torch.index_select(E, 0, x[:, 0], out=target)


def column_gather(E: Matrix, x: Matrix, target: Matrix) -> None:
    torch.index_select(E, 1, x[0, :], out=target)


def row_scatter_add(x: Matrix, G: Matrix, target: Matrix) -> None:
    target.zero_().index_add_(0, x[:, 0], G)


def column_scatter_add(x: Matrix, G: Matrix, target: Matrix) -> None:
    target.zero_().index_add_(1, x[0, :], G)


def identity(target: Matrix) -> None:
    target.zero_().fill_diagonal_(1)


def diagonal_matrix(x: Matrix, target: Matrix) -> None:
    target.zero_().diagonal().copy_(x.reshape(-1))
