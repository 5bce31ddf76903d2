"""Products of sparse matrices: gathers, and sums of segments, which XLA compiles, too (it has no `tf.SparseTensor`).

S is a sparse matrix, given by its values, 1 x count, and the indices of its pattern. A and B are dense.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from .pattern import Pattern
from .runtime import Device, Matrix, from_host


class Indices(NamedTuple):
    """Rows and columns of the entries, as tensors alone: sizes are read off the lengths of the pointers."""

    row_pointers: tf.Tensor
    column_pointers: tf.Tensor
    row_numbers: tf.Tensor
    column_numbers: tf.Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return self.row_pointers.shape[0] - 1, self.column_pointers.shape[0] - 1


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the products take it, on a device."""
    arrays = (pattern.row_pointers, pattern.by_columns[0], pattern.row_numbers, pattern.column_numbers)
    return Indices(*(from_host(array, None, device) for array in arrays))


def sparse_product(values: Matrix, S: Indices, B: Matrix) -> Matrix:
    """S B for B: D x N."""
    terms = tf.transpose(values) * tf.gather(B, S.column_numbers)
    return tf.math.unsorted_segment_sum(terms, S.row_numbers, S.shape[0])


def sparse_transposed_product(values: Matrix, S: Indices, B: Matrix) -> Matrix:
    """S' B for B: K x N."""
    terms = tf.transpose(values) * tf.gather(B, S.row_numbers)
    return tf.math.unsorted_segment_sum(terms, S.column_numbers, S.shape[1])


def sampled_product(A: Matrix, B: Matrix, S: Indices) -> Matrix:
    """The entries of A B' at the positions of S, 1 x count, for A: K x N and B: D x N."""
    terms = tf.gather(A, S.row_numbers) * tf.gather(B, S.column_numbers)
    return tf.reshape(tf.reduce_sum(terms, axis=1), (1, -1))
