"""One step of training as one compiled function.

The objects' own code is run with symbolic matrices in place of parameters, statistics and batches; what it computes
becomes the function. It is not run again while shapes, modes, numbers and structure stay the same. What the host
computes anew in each step (`Layer.draw`, `Optimizer.prepare`) is an input of that function. What cannot be compiled is
run as it is written, and a warning says why.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import TYPE_CHECKING

from .composed_step import composed_step
from .losses import LossFunction
from .runtime import Matrix, dtype_name, is_concrete, is_matrix, value
from .traced_step import TracedStep, Untraceable, objects

if TYPE_CHECKING:
    from .multilayer_perceptron import MultilayerPerceptron

CAPACITY = 16
"""How many compiled steps a perceptron keeps, for different batch sizes, losses and modes; the oldest goes first."""


class CompiledSteps:
    """The compiled steps of a perceptron. A copy of the perceptron starts with none."""

    def __init__(self) -> None:
        self.steps: list[tuple[Hashable, TracedStep]] = []
        self.refused: set[Hashable] = set()
        self.reasons: set[str] = set()

    def __reduce__(self) -> tuple[type[CompiledSteps], tuple[()]]:
        return CompiledSteps, ()

    def find(self, key: Hashable) -> TracedStep | None:
        """The step for batches of this kind, if it has been traced and nothing that it stands on has changed."""
        return next((step for known, step in reversed(self.steps) if known == key and step.is_current()), None)

    def add(self, key: Hashable, step: TracedStep) -> None:
        self.steps = [*self.steps[1 - CAPACITY :], (key, step)]


def train_step(M: MultilayerPerceptron, X: Matrix, T: Matrix, loss: LossFunction, eta: float, one_hot: bool) -> Matrix:
    """Equal to `composed_step`, but compiled as a whole. Gradients and intermediate results are not kept: `DW`, `DX`,
    `X`, ... of the layers stay as they were before."""
    if not (is_matrix(X) and is_matrix(T) and is_concrete(value(X)) and is_concrete(value(T))):
        return composed_step(M, X, T, loss, eta, one_hot)
    X, T = value(X), value(T)
    compiled: CompiledSteps = vars(M).setdefault("_compiled_steps", CompiledSteps())
    key = (tuple(X.shape), dtype_name(X), tuple(T.shape), dtype_name(T), loss, bool(one_hot))
    step = compiled.find(key)
    if step is not None:
        return step(X, T, eta)
    if (key, kinds(M)) in compiled.refused:
        return composed_step(M, X, T, loss, eta, one_hot)
    try:
        step = TracedStep(M, X, T, loss, eta, one_hot)
    except Untraceable as reason:
        mean = composed_step(M, X, T, loss, eta, one_hot)  # what is wrong with the batch is said here
        if str(reason) not in compiled.reasons:
            warnings.warn(
                f"train_step runs the parts of a step one after the other, they cannot be compiled as one: {reason}",
                RuntimeWarning,
                stacklevel=3,
            )
        compiled.reasons.add(str(reason))
        compiled.refused.add((key, kinds(M)))
        return mean
    compiled.add(key, step)
    return step(X, T, eta)


def kinds(M: MultilayerPerceptron) -> Hashable:
    """The classes whose code a step runs."""
    return tuple(type(each) for each in objects(M))
