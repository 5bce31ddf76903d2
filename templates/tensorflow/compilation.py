"""Compiling a function of variables by TensorFlow and XLA."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from .cell import Cell
from .runtime import Matrix

Computation = Callable[[Sequence[Matrix], Any], Any]

outside_of_traces = tf.init_scope
"""A context in which matrices are computed at once, also while a function is traced."""


def rehearse(computation: Computation, variables: Sequence[Matrix], inputs: Any) -> None:
    """Run the Python code of a computation with symbolic matrices; nothing is computed."""
    _concrete(computation, variables, inputs, jit_compile=None)


class CompiledFunction:
    """`f(cells, inputs)` puts new values into cells, and returns the other result of `computation`.

    Where XLA cannot compile it, TensorFlow runs it as a graph, and a warning says so.
    """

    def __init__(self, computation: Computation) -> None:
        self.computation = computation
        self.function: Any = None

    def __call__(self, cells: Sequence[Cell], inputs: Any) -> Any:
        variables = [cell.value for cell in cells]
        if self.function is None:
            new, result = self._first_call(variables, inputs)
        else:
            new, result = self.function(variables, inputs)
        for cell, matrix in zip(cells, new, strict=True):
            cell.value = matrix
        return result

    def _first_call(self, variables: Sequence[Matrix], inputs: Any) -> Any:
        self.function = _concrete(self.computation, variables, inputs, jit_compile=True)
        try:
            return self.function(variables, inputs)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            reason = str(error).splitlines()[0]
            warnings.warn(f"XLA cannot compile a training step; it runs as a graph: {reason}", RuntimeWarning, 5)
            self.function = _concrete(self.computation, variables, inputs, jit_compile=None)
            return self.function(variables, inputs)


def _concrete(computation: Computation, variables: Sequence[Matrix], inputs: Any, jit_compile: bool | None) -> Any:
    """Traced once and for all."""
    function = tf.function(lambda v, i: computation(v, i), autograph=False, jit_compile=jit_compile)
    return function.get_concrete_function(list(variables), inputs)
