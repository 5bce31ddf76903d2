"""Products of sparse matrices: gathers, and sums of segments, which XLA compiles into loops.

S is a sparse matrix, given by its values, 1 x count, and the indices of its pattern. A and B are dense.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from .pattern import Pattern
from .runtime import Device, Matrix, from_host


class Indices(NamedTuple):
    """A pattern in compressed rows and in compressed columns, as arrays alone: sizes are read off their lengths."""

    row_pointers: jax.Array
    column_numbers: jax.Array
    row_numbers: jax.Array
    column_pointers: jax.Array
    rows_by_columns: jax.Array
    columns_by_columns: jax.Array
    numbers_by_columns: jax.Array

    @property
    def shape(self) -> tuple[int, int]:
        return self.row_pointers.shape[0] - 1, self.column_pointers.shape[0] - 1


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the products take it, on a device."""
    pointers, rows, numbers = pattern.by_columns
    arrays: tuple[Any, ...] = (
        pattern.row_pointers,
        pattern.column_numbers,
        pattern.row_numbers,
        pointers,
        rows,
        pattern.column_numbers[numbers],
        numbers,
    )
    return Indices(*(from_host(array, None, device) for array in arrays))


def sparse_product(values: Matrix, S: Indices, B: Matrix) -> Matrix:
    """S B for B: D x N."""
    return _sums(values[0][:, None] * B[S.column_numbers], S.row_numbers, S.shape[0])


def sparse_transposed_product(values: Matrix, S: Indices, B: Matrix) -> Matrix:
    """S' B for B: K x N."""
    terms = values[0][S.numbers_by_columns][:, None] * B[S.rows_by_columns]
    return _sums(terms, S.columns_by_columns, S.shape[1])


def sampled_product(A: Matrix, B: Matrix, S: Indices) -> Matrix:
    """The entries of A B' at the positions of S, 1 x count, for A: K x N and B: D x N."""
    return cast(Matrix, jnp.sum(A[S.row_numbers] * B[S.column_numbers], axis=1).reshape(1, -1))


def _sums(terms: Matrix, rows: jax.Array, count: int) -> Matrix:
    return cast(Matrix, jax.ops.segment_sum(terms, rows, num_segments=count, indices_are_sorted=True))
