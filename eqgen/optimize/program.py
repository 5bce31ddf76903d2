"""Programs: what is computed, in order, before anything is spelled in a target language."""

from __future__ import annotations

from dataclasses import dataclass, field

from eqgen.algebra.expressions import Node, Shape


@dataclass(frozen=True, slots=True)
class Argument:
    """What a function takes.

    role  matrix, index (a matrix of integers), scalar (a number that changes from call to call), number (fixed for the
          life of an object), activation, pattern (the positions of the stored entries of a sparse matrix)
    """

    name: str
    shape: Shape
    role: str = "matrix"


@dataclass(frozen=True, slots=True)
class Step:
    """`target = value`. `equation` and `origin` say where it comes from: the equation and `softmax.eq:15`."""

    target: str
    value: Node
    equation: str = ""
    origin: str = ""
    notes: tuple[str, ...] = ()
    """Rewrites that were applied."""


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function of matrices.

    results  (name, shape) of each value returned
    sizes    where each size that the body reads is found: name -> (argument, axis)
    """

    name: str
    arguments: tuple[Argument, ...]
    results: tuple[tuple[str, Shape], ...]
    steps: tuple[Step, ...]
    title: str
    origin: str
    sizes: tuple[tuple[str, str, int], ...] = ()

    @property
    def reference(self) -> Argument | None:
        """The matrix whose dtype and device constants take: the first one that is not an index."""
        return next((a for a in self.arguments if a.role == "matrix"), None)


@dataclass(frozen=True, slots=True)
class HostScalar:
    """An argument computed outside the function from header numbers, the step size and the step count."""

    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class LoweredFunction:
    """A function with the scalars its caller computes first."""

    function: Function
    scalars: tuple[HostScalar, ...] = field(default=())
