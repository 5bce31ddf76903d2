"""What goes from layer to layer in a training step."""

from __future__ import annotations

from dataclasses import dataclass

from .buffers import Buffers
from .runtime import Matrix


@dataclass(frozen=True, slots=True)
class Batch:
    """A matrix whose rows are the examples of a batch."""

    matrix: Matrix

    def turned(self, columns: bool, out: Buffers, is_gradient: bool = False) -> Matrix:
        """The matrix as a layer takes it: no layer here has its examples in columns."""
        return self.matrix

    def followed_by(self, matrix: Matrix, columns: bool) -> Batch:
        """What a layer makes of it."""
        return Batch(matrix)
