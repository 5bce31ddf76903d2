"""Compiling a function of variables by JAX, whose memory is used again for their new values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .cell import Cell
from .runtime import Matrix

Computation = Callable[[Sequence[Matrix], Any], Any]

outside_of_traces = jax.ensure_compile_time_eval
"""A context in which matrices are computed at once, also while a function is traced."""


def rehearse(computation: Computation, variables: Sequence[Matrix], inputs: Any) -> None:
    """Run the Python code of a computation with symbolic matrices; nothing is computed."""
    jax.eval_shape(computation, list(variables), inputs)


class CompiledFunction:
    """`f(cells, inputs)` puts new values into cells, and returns the other result of `computation`.

    The cells' matrices are donated: XLA writes the new values where the old ones were. A matrix that somebody else
    holds, too, is copied before, since matrices never change.
    """

    def __init__(self, computation: Computation) -> None:
        self.function = jax.jit(computation, donate_argnums=0)

    def __call__(self, cells: Sequence[Cell], inputs: Any) -> Any:
        new, result = self.function([_unshared(cell) for cell in cells], inputs)
        for cell, matrix in zip(cells, new, strict=True):
            cell.value = matrix
        return result


def _references(cell: Cell) -> int:
    return sys.getrefcount(cell.value)


ONE_HOLDER = _references(Cell(object()))
"""What Python counts when the cell alone holds its content."""


def _unshared(cell: Cell) -> Matrix:
    """The matrix in the cell, or a copy of it where there are other holders."""
    return cell.value if _references(cell) == ONE_HOLDER else jnp.copy(cell.value)
