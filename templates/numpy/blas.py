"""The BLAS that NumPy itself calls: it can add to what is there, which NumPy's own functions cannot.

It has been loaded with NumPy, so a call of it uses the same threads, and no second library comes into the process. It
is used after it has given the right results for a small product and a small sum; where it is not found, callers do
without.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]

ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112
"""Constants of the CBLAS interface."""

SPELLINGS = (
    ("scipy_cblas_", "64_", ctypes.c_int64),
    ("cblas_", "64_", ctypes.c_int64),
    ("scipy_cblas_", "", ctypes.c_int32),
    ("cblas_", "", ctypes.c_int32),
)
"""What may stand around a function's name, and the C type of sizes that goes with it."""


@dataclass(frozen=True)
class _Functions:
    """C = alpha A B + beta C, and y = y + c x, for one dtype."""

    gemm: Any
    axpy: Any

    def product(self, alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> None:
        (a, lda), (b, ldb) = _stored(A), _stored(B)
        m, n = C.shape
        first, second, result = A.ctypes.data, B.ctypes.data, C.ctypes.data
        self.gemm(ROW_MAJOR, a, b, m, n, A.shape[1], alpha, first, lda, second, ldb, beta, result, n)

    def sum(self, c: float, x: Matrix, y: Matrix) -> None:
        self.axpy(y.size, c, x.ctypes.data, 1, y.ctypes.data, 1)


def accumulate(alpha: float, A: Matrix, B: Matrix, beta: float, C: Matrix) -> bool:
    """C = alpha A B + beta C, where matrices like these can be handed over; whether it was done."""
    functions = _AVAILABLE.get(C.dtype.name)
    if functions is None or not (A.dtype == B.dtype == C.dtype) or 0 in (*A.shape, *B.shape):
        return False
    if not (C.flags.c_contiguous and _stored(A)[1] and _stored(B)[1]):
        return False
    functions.product(alpha, A, B, beta, C)
    return True


def add_scaled(c: float, x: Matrix, y: Matrix) -> bool:
    """y = y + c x for matrices of one shape, where they can be handed over; whether it was done."""
    functions = _AVAILABLE.get(y.dtype.name)
    if functions is None or x.dtype != y.dtype or x.shape != y.shape or c == 0:
        return False
    if not (x.flags.c_contiguous and y.flags.c_contiguous):
        return False
    functions.sum(c, x, y)
    return True


def _stored(X: Matrix) -> tuple[int, int]:
    """How a matrix lies in memory, by rows or by columns, and the distance of these; 0, 0 where neither fits."""
    size = X.itemsize
    if X.strides[1] == size and X.strides[0] >= X.shape[1] * size:
        return AS_IT_IS, X.strides[0] // size
    if X.strides[0] == size and X.strides[1] >= X.shape[0] * size:
        return TRANSPOSED, X.strides[1] // size
    return 0, 0


def _found(letter: str, number: Any) -> _Functions | None:
    """The functions for one dtype in the libraries that NumPy has loaded."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    kind, pointer = ctypes.c_int, ctypes.c_void_p
    for before, after, size in SPELLINGS:
        gemm = getattr(library, f"{before}{letter}gemm{after}", None)
        axpy = getattr(library, f"{before}{letter}axpy{after}", None)
        if gemm is not None and axpy is not None:
            gemm.argtypes = [kind] * 3 + [size] * 3 + [number, pointer, size, pointer, size, number, pointer, size]
            axpy.argtypes = [size, number, pointer, size, pointer, size]
            gemm.restype = axpy.restype = None
            return _Functions(gemm, axpy)
    return None


def _checked(functions: _Functions, dtype: str) -> bool:
    """Whether a small product and a small sum are right."""
    A = np.arange(6, dtype=dtype).reshape(2, 3)
    B = np.arange(12, dtype=dtype).reshape(4, 3)
    C = np.ones((2, 4), dtype=dtype)
    functions.product(2.0, A, B.T, 3.0, C)
    product = np.array_equal(C, 2 * (A @ B.T) + 3)
    functions.sum(0.5, np.full((2, 4), 4, dtype=dtype), C)
    return product and np.array_equal(C, 2 * (A @ B.T) + 5)


def _available() -> dict[str, _Functions]:
    found = {"float32": _found("s", ctypes.c_float), "float64": _found("d", ctypes.c_double)}
    return {dtype: each for dtype, each in found.items() if each is not None and _checked(each, dtype)}


_AVAILABLE = _available()
