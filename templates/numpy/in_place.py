"""Operations that write into a given matrix, the target; nothing is allocated.

The target may be an operand where the operation acts entry by entry, unless it is said otherwise.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import runtime
from .runtime import LONG, NARROW, Matrix

if TYPE_CHECKING:
    from .buffers import Buffers

BLOCK = 1 << 18
"""Entries of a block of rows that stays in the cache: what a product is added to, or what an optimizer updates."""


def empty(rows: int, columns: int, like: Matrix, mask: bool = False) -> Matrix:
    """A matrix with undefined entries, of the dtype of `like` or of truth values."""
    return np.empty((rows, columns), dtype=np.bool_ if mask else like.dtype)


def silent() -> Any:
    """A context without floating-point warnings: entries that a condition does not choose may overflow."""
    return np.errstate(all="ignore")


# --- products ----------------------------------------------------------------------------------------------

Product = Callable[[float, Matrix, Matrix, float, Matrix], None]


def gemm(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """C = alpha A B + beta C. With beta = 0 what stood in C does not count. C may not overlap A or B."""
    if beta == 0 and alpha == 1:
        np.matmul(A, B, out=C)
    elif (product := _accumulating(A, B, C)) is not None:
        product(alpha, A, B, beta, C)
    else:
        _by_rows(alpha, A, B, beta, C)


def _by_rows(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    """Without a BLAS that accumulates: the product of some rows at a time, which are added while they are cached."""
    rows = max(1, BLOCK // max(1, C.shape[1]))
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


def _blas() -> dict[str, Any]:
    """The functions `gemm` of the BLAS that NumPy itself calls, with the C type of their sizes; empty if not found.

    NumPy's own matmul cannot add to what is there. Its BLAS can, and has been loaded with NumPy: a call of it uses the
    same threads, and no second library comes into the process.
    """
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    found: dict[str, Any] = {}
    for dtype, letter, number in (("float32", "s", ctypes.c_float), ("float64", "d", ctypes.c_double)):
        for name, size in (
            (f"scipy_cblas_{letter}gemm64_", ctypes.c_int64),
            (f"cblas_{letter}gemm64_", ctypes.c_int64),
            (f"scipy_cblas_{letter}gemm", ctypes.c_int32),
            (f"cblas_{letter}gemm", ctypes.c_int32),
        ):
            function = getattr(library, name, None)
            if function is not None:
                kind, pointer = ctypes.c_int, ctypes.c_void_p
                function.argtypes = (
                    [kind] * 3 + [size] * 3 + [number, pointer, size, pointer, size, number, pointer, size]
                )
                function.restype = None
                found[dtype] = function
                break
    return found


def _checked_blas() -> dict[str, Any]:
    """The functions that give the right result for a small product; the others are not used."""
    found = {}
    for dtype, function in _blas().items():
        A = np.arange(6, dtype=dtype).reshape(2, 3)
        B = np.arange(12, dtype=dtype).reshape(4, 3)
        C = np.ones((2, 4), dtype=dtype)
        _call(function, 2.0, A, B.T, 3.0, C)
        if np.array_equal(C, 2 * (A @ B.T) + 3):
            found[dtype] = function
    return found


ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112


def _call(function: Any, alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
    a, lda = _stored(A)
    b, ldb = _stored(B)
    m, n = C.shape
    pointers = A.ctypes.data, B.ctypes.data, C.ctypes.data
    function(ROW_MAJOR, a, b, m, n, A.shape[1], alpha, pointers[0], lda, pointers[1], ldb, beta, pointers[2], n)


def _stored(X: NDArray[Any]) -> tuple[int, int]:
    """How a matrix lies in memory: row by row or column by column, and the distance of the rows or columns."""
    size = X.itemsize
    if X.strides[1] == size and X.strides[0] >= X.shape[1] * size:
        return AS_IT_IS, X.strides[0] // size
    if X.strides[0] == size and X.strides[1] >= X.shape[0] * size:
        return TRANSPOSED, X.strides[1] // size
    return 0, 0


def _accumulating(A: Matrix, B: Matrix, C: Matrix) -> Product | None:
    """A product of the BLAS that adds to C, if there is one for matrices like these."""
    function = BLAS.get(C.dtype.name)
    if function is None or not (A.dtype == B.dtype == C.dtype) or 0 in (*A.shape, *B.shape):
        return None
    if not (C.flags.c_contiguous and _stored(A)[1] and _stored(B)[1]):
        return None
    return lambda alpha, A, B, beta, C: _call(function, alpha, A, B, beta, C)


BLAS = _checked_blas()


# --- entry by entry ----------------------------------------------------------------------------------------


def copy(x: Matrix | float, target: Matrix) -> None:
    np.copyto(target, x)


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
