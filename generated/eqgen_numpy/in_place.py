"""Operations that write into a given matrix, the target; nothing is allocated.

The target may be an operand where the operation acts entry by entry, unless it is said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import blas, runtime
from .runtime import LONG, NARROW, Matrix

if TYPE_CHECKING:
    from .buffers import Buffers

BLOCK = 1 << 22
"""Entries of a block of rows that an optimizer updates at a time: few enough for the last cache, and so many that
calls cost nothing beside them."""
PRODUCT_BLOCK = 1 << 18
"""Entries of a product that is computed before it is added to something, without a BLAS that accumulates."""


def empty(rows: int, columns: int, like: Matrix, mask: bool = False) -> Matrix:
    """A matrix with undefined entries, of the dtype of `like` or of truth values."""
    return np.empty((rows, columns), dtype=np.bool_ if mask else like.dtype)


def silent() -> Any:
    """A context without floating-point warnings: entries that a condition does not choose may overflow."""
    return np.errstate(all="ignore")


# --- products ----------------------------------------------------------------------------------------------


def gemm(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """C = alpha A B + beta C. With beta = 0 what stood in C does not count. C may not overlap A or B."""
    if beta == 0 and alpha == 1:
        np.matmul(A, B, out=C)
    elif not blas.accumulate(alpha, A, B, beta, C):
        _by_rows(alpha, A, B, beta, C)


def _by_rows(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """Without a BLAS that accumulates: the product of some rows at a time, which are added while they are cached."""
    rows = max(1, PRODUCT_BLOCK // max(1, C.shape[1]))
    block = np.empty((min(rows, C.shape[0]), C.shape[1]), dtype=C.dtype)
    for begin in range(0, C.shape[0], rows):
        part = C[begin : begin + rows]
        product = np.matmul(A[begin : begin + rows], B, out=block[: part.shape[0]])
        if alpha != 1:
            product *= alpha
        if beta == 0:
            part[...] = product
        else:
            if beta != 1:
                part *= beta
            part += product


# --- entry by entry ----------------------------------------------------------------------------------------


def copy(x: Matrix | float, target: Matrix) -> None:
    np.copyto(target, x)


def add_scaled(x: Matrix, c: float, y: Matrix, target: Matrix, out: Buffers) -> None:
    """x + c y."""
    if target is x and blas.add_scaled(c, y, x):
        return
    product = out.scratch(target) if target is x else target
    np.multiply(y, c, out=product)
    np.add(x, product, out=target)


def where(condition: Matrix, a: Matrix | float, b: Matrix | float, target: Matrix) -> None:
    """`a` where the condition holds, else `b`. The target may not be `a`."""
    np.copyto(target, b)
    np.copyto(target, a, where=condition)


def inv_sqrt(x: Matrix, target: Matrix) -> None:
    np.sqrt(x, out=target)
    np.divide(1, target, out=target)


def sigmoid(x: Matrix, target: Matrix, out: Buffers) -> None:
    """exp(min(x, 0)) / (1 + exp(-|x|)): no exponent is positive. The target may not be x."""
    numerator = out.scratch(target)
    np.minimum(x, 0, out=numerator)
    np.exp(numerator, out=numerator)
    np.abs(x, out=target)
    np.negative(target, out=target)
    np.exp(target, out=target)
    np.add(target, 1, out=target)
    np.divide(numerator, target, out=target)


def log_sigmoid(x: Matrix, target: Matrix) -> None:
    np.negative(x, out=target)
    np.logaddexp(target, 0, out=target)
    np.negative(target, out=target)


def erf(x: Matrix, target: Matrix) -> None:
    target[...] = runtime.erf(x)


def erfc(x: Matrix, target: Matrix) -> None:
    target[...] = runtime.erfc(x)


# --- rows and columns --------------------------------------------------------------------------------------


def columns_sum(X: Matrix, target: Matrix, out: Buffers) -> None:
    """As runtime.columns_sum: more than LONG rows are summed in blocks, whose sums are kept between calls."""
    rows, columns = X.shape
    if rows <= LONG or X.flags.f_contiguous:
        np.sum(X, axis=0, keepdims=True, out=target)
        return
    blocks, rest = divmod(rows, LONG)
    partial = out.scratch(X, rows=blocks + 1)
    if columns <= NARROW:
        block = out.scratch(X[:LONG].T)
        for i in range(blocks):
            np.copyto(block, X[i * LONG : (i + 1) * LONG].T)
            np.sum(block, axis=1, out=partial[i])
    else:
        np.sum(X[: rows - rest].reshape(blocks, LONG, columns), axis=1, out=partial[:blocks])
    np.sum(X[rows - rest :], axis=0, out=partial[blocks])
    columns_sum(partial, target, out)


def columns_mean(X: Matrix, target: Matrix, out: Buffers) -> None:
    """As runtime.columns_mean."""
    if len(X) <= LONG:
        np.mean(X, axis=0, keepdims=True, out=target)
    else:
        columns_sum(X, target, out)
        np.divide(target, len(X), out=target)


# The mode "clip" takes the indices as they are: they have been checked.


def row_gather(E: Matrix, x: Matrix, target: Matrix) -> None:
    np.take(E, x[:, 0], axis=0, out=target, mode="clip")


def column_gather(E: Matrix, x: Matrix, target: Matrix) -> None:
    np.take(E, x[0, :], axis=1, out=target, mode="clip")


def row_scatter_add(x: Matrix, G: Matrix, target: Matrix) -> None:
    target[...] = 0
    np.add.at(target, x[:, 0], G)


def column_scatter_add(x: Matrix, G: Matrix, target: Matrix) -> None:
    row_scatter_add(x.T, G.T, target.T)


def identity(target: Matrix) -> None:
    target[...] = 0
    np.fill_diagonal(target, 1)


def diagonal_matrix(x: Matrix, target: Matrix) -> None:
    target[...] = 0
    np.fill_diagonal(target, x.reshape(-1))
