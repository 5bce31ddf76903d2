"""What goes from layer to layer in a training step: a matrix whose rows, or whose columns, are examples."""

from __future__ import annotations

from dataclasses import dataclass

from . import _kernels
from .buffers import Buffers
from .runtime import Matrix

REGISTER = 64
"""Bytes: where examples are columns, rows are filled up to a multiple of them and begin on such a boundary."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of a batch.

    size  the number of examples, where they are columns. Columns beyond them fill registers up: every example is
          computed by itself, and as their gradients are zero they add nothing to the gradients of parameters. They are
          copies of the last example, so that nothing overflows in them that does not overflow elsewhere.
    """

    matrix: Matrix
    size: int | None = None

    def turned(self, columns: bool, out: Buffers, is_gradient: bool = False) -> Matrix:
        """The matrix whose examples are columns, or are rows.

        is_gradient  whether the columns beyond the examples are zero
        """
        X = self.matrix
        if columns == (self.size is not None):
            return X
        if self.size is None:
            count, features = X.shape
            lanes = REGISTER // X.itemsize
            target = out.matrix("columns", features, -(-count // lanes) * lanes, X)
        else:
            target = out.matrix("rows", self.size, X.shape[0], X)
        _kernels.transposed(X, float(not is_gradient), out=target)
        return target

    def followed_by(self, matrix: Matrix, columns: bool) -> Batch:
        """What a layer makes of it, whose examples are columns or rows."""
        if not columns:
            return Batch(matrix)
        return Batch(matrix, self.matrix.shape[0] if self.size is None else self.size)
