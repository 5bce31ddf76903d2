"""Products of sparse matrices: by SciPy where it is installed, else by NumPy, or by MKL when it is asked for.

S is a sparse matrix, given by its values, 1 x count, and the indices of its pattern. A and B are dense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import mkl
from .pattern import Pattern
from .runtime import Device, Matrix

try:
    import scipy.sparse as scipy_sparse
except ImportError:  # everything is computed without it, too
    scipy_sparse = None

BLOCK = 2**16
"""Products of entries that are formed at a time."""


class Indices(NamedTuple):
    """A pattern in compressed rows and in compressed columns; see `Pattern.by_columns`."""

    shape: tuple[int, int]
    row_pointers: NDArray[Any]
    column_numbers: NDArray[Any]
    row_numbers: NDArray[Any]
    column_pointers: NDArray[Any]
    rows_by_columns: NDArray[Any]
    numbers_by_columns: NDArray[Any]


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the products take it."""
    return Indices(
        pattern.shape, pattern.row_pointers, pattern.column_numbers, pattern.row_numbers, *pattern.by_columns
    )


def sparse_product(values: Matrix, S: Indices, B: Matrix, out: Matrix | None = None) -> Matrix:
    """S B for B: D x N."""
    return _product(values[0], S.row_pointers, S.column_numbers, S.shape, B, out)


def sparse_transposed_product(values: Matrix, S: Indices, B: Matrix, out: Matrix | None = None) -> Matrix:
    """S' B for B: K x N."""
    by_columns = values[0, S.numbers_by_columns]
    return _product(by_columns, S.column_pointers, S.rows_by_columns, S.shape[::-1], B, out)


def sampled_product(A: Matrix, B: Matrix, S: Indices, out: Matrix | None = None) -> Matrix:
    """The entries of A B' at the positions of S, 1 x count, for A: K x N and B: D x N."""
    result = np.empty((1, len(S.column_numbers)), dtype=A.dtype) if out is None else out
    A, B = np.ascontiguousarray(A), np.ascontiguousarray(B)
    step = max(1, BLOCK // max(1, A.shape[1]))
    for begin in range(0, len(S.column_numbers), step):
        part = slice(begin, begin + step)
        np.einsum("ij,ij->i", A[S.row_numbers[part]], B[S.column_numbers[part]], out=result[0, part])
    return result


def use(name: str) -> None:
    """Choose what multiplies from now on, for the whole process.

    scipy   the default where SciPy is installed
    numpy   NumPy alone, the default elsewhere
    mkl     MKL's sparse BLAS through cffi, without threads: about as fast as SciPy, a little faster with many entries

    ValueError for another name; RuntimeError where it is not installed, with the command that helps.
    """
    if name not in _METHODS:
        raise ValueError(f"sparse products by {name!r}, expected one of {', '.join(_METHODS)}")
    if name == "scipy" and scipy_sparse is None:
        raise RuntimeError("SciPy is not installed: pip install scipy")
    if name == "mkl":
        mkl.load()
    _chosen[0] = name


def used() -> str:
    """What multiplies: a name that `use` takes."""
    return _chosen[0]


def _product(
    values: NDArray[Any],
    pointers: NDArray[Any],
    numbers: NDArray[Any],
    shape: tuple[int, int],
    B: Matrix,
    out: Matrix | None,
) -> Matrix:
    """The product of a matrix in compressed rows with B."""
    return _METHODS[_chosen[0]](values, pointers, numbers, shape, np.ascontiguousarray(B), out)


def _by_scipy(values: Any, pointers: Any, numbers: Any, shape: tuple[int, int], B: Matrix, out: Any) -> Matrix:
    product: Matrix = scipy_sparse.csr_array((values, numbers, pointers), shape=shape) @ B
    return _placed(product, out)


def _by_numpy(values: Any, pointers: Any, numbers: Any, shape: tuple[int, int], B: Matrix, out: Any) -> Matrix:
    return _placed(row_sums(values, pointers, numbers, shape[0], B), out)


def _by_mkl(values: Any, pointers: Any, numbers: Any, shape: tuple[int, int], B: Matrix, out: Any) -> Matrix:
    result: Matrix = np.empty((shape[0], B.shape[1]), dtype=B.dtype) if out is None else out
    if mkl.load().product(values, pointers, numbers, B, result):
        return result
    return _METHODS[_default()](values, pointers, numbers, shape, B, out)


def _placed(product: Matrix, out: Matrix | None) -> Matrix:
    if out is None:
        return product
    np.copyto(out, product)
    return out


def _default() -> str:
    return "numpy" if scipy_sparse is None else "scipy"


_METHODS: dict[str, Callable[..., Matrix]] = {"scipy": _by_scipy, "numpy": _by_numpy, "mkl": _by_mkl}
_chosen = [_default()]


def row_sums(values: NDArray[Any], pointers: NDArray[Any], numbers: NDArray[Any], rows: int, B: Matrix) -> Matrix:
    """The same without SciPy: for every row the sum of its entries times rows of B."""
    result = np.zeros((rows, B.shape[1]), dtype=B.dtype)
    step = max(1, BLOCK // max(1, B.shape[1]))
    for begin in range(0, len(values), step):
        end = min(len(values), begin + step)
        terms = values[begin:end, np.newaxis] * B[numbers[begin:end]]
        first, last = np.searchsorted(pointers, [begin, end - 1], side="right") - 1
        filled = np.arange(first, last + 1)
        starts = np.maximum(pointers[first : last + 1], begin) - begin
        filled, starts = (
            filled[np.diff(starts, append=end - begin) > 0],
            starts[np.diff(starts, append=end - begin) > 0],
        )
        result[filled] += np.add.reduceat(terms, starts, axis=0)
    return result
