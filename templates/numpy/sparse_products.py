"""Products of sparse matrices: by SciPy where it is installed, else by NumPy.

S is a sparse matrix, given by its values, 1 x count, and the indices of its pattern. A and B are dense.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def _product(
    values: NDArray[Any],
    pointers: NDArray[Any],
    numbers: NDArray[Any],
    shape: tuple[int, int],
    B: Matrix,
    out: Matrix | None,
) -> Matrix:
    """The product of a matrix in compressed rows with B."""
    B = np.ascontiguousarray(B)
    if scipy_sparse is not None:
        product: Matrix = scipy_sparse.csr_array((values, numbers, pointers), shape=shape) @ B
    else:
        product = row_sums(values, pointers, numbers, shape[0], B)
    if out is None:
        return product
    np.copyto(out, product)
    return out


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
