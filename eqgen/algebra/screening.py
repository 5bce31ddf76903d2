"""A quick look at many variants of an equation: both sides in double precision at points of unequal sizes.

Nothing follows from it. What passes is handed to the prover; what fails is not worth a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import islice

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.expressions import Apply, Node, distinct
from eqgen.algebra.fields import concrete_shape
from eqgen.algebra.positions import Path, put
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.refutation import CASES
from eqgen.algebra.scenes import NO_VALUE, TOLERANCE, Scene, close, scenes
from eqgen.algebra.witness import LARGEST_MATRIX

DRAWS = 2
DRAWS_OF_CASES = 12
"""Where conditions occur: each point decides for other cases."""


class Screen:
    """Points with pairwise different sizes, and what variants of one expression give there."""

    def __init__(self, written: Node, scenes: list[Scene], extra: list[Scene]) -> None:
        self.written = written
        self.scenes = scenes
        """With different sizes each: coefficients are solved for here."""
        self.extra = extra

    def passes(self, path: Path, new: Node) -> bool:
        """Whether the expression has the expected value at every point with `new` at a place."""
        points = (*self.scenes, *self.extra)
        return bool(self.scenes) and all(scene.agrees(self.written, path, new) for scene in points)

    def equal(self, x: Node, y: Node) -> bool:
        """Whether two expressions have the same value at every point."""
        if x.shape != y.shape or not self.scenes:
            return False
        try:
            return all(close(scene.value(x), scene.value(y)) for scene in (*self.scenes, *self.extra))
        except NO_VALUE:
            return False

    @property
    def is_zero(self) -> bool:
        """Whether the expression is zero everywhere."""
        try:
            return bool(self.scenes) and all(not np.any(scene.value(self.written)) for scene in self.scenes)
        except NO_VALUE:
            return False

    @property
    def expects_zero(self) -> bool:
        return bool(self.scenes) and all(not np.any(scene.expected) for scene in self.scenes)

    def factor(self, path: Path, new: Callable[[Fraction], Node]) -> list[float] | None:
        """For each point the number u for which the expression with new(u) at a place has the expected value.

        It must be affine in u. None where there is no such number, or where u does not matter.
        """
        zero, one = (put(self.written, path, new(Fraction(k))) for k in (0, 1))
        found = []
        for scene in self.scenes:
            try:
                start, end = scene.value(zero), scene.value(one)
            except NO_VALUE:
                return None
            with np.errstate(all="ignore"):
                rest, slope = (scene.expected - start).ravel(), (end - start).ravel()
                square = float(slope @ slope)
                if not (np.isfinite(square) and square > 0):
                    return None
                u = float(slope @ rest) / square
                if not np.all(np.abs(rest - u * slope) <= TOLERANCE * (1 + np.abs(rest).max())):
                    return None
            found.append(u)
        return found or None


def screen(
    subject: Subject, module: Module, position: int, right: list[bool], late: Callable[[], bool] = lambda: False
) -> Screen:
    """Points for a step of a subject. `right` tells of the steps before it whether they hold.

    When it is `late`, one point for each choice of sizes is enough. Where none can be drawn the screen is empty: then
    nothing passes.
    """
    step = subject.steps[position]
    draws = DRAWS_OF_CASES if _has_cases(subject, step) else DRAWS
    found: list[list[Scene]] = []
    shapes = [f.shape for f in subject.free] + [a.shape for a in subject.program]
    for k, sizes in enumerate(unequal_sizes(subject.sizes)):
        if any(rows * columns > LARGEST_MATRIX for rows, columns in (concrete_shape(s, sizes) for s in shapes)):
            continue
        here: list[Scene] = []
        for scene in islice(scenes(subject, module, position, right, sizes, 101 + k), draws):
            here.append(scene)
            if late():
                break
        if here:
            found.append(here)
    return Screen(step.written, [group[0] for group in found], [s for group in found for s in group[1:]])


def _has_cases(subject: Subject, step: Step) -> bool:
    tops = [a.value for a in subject.program] + [n for n in (step.written, step.expected) if n is not None]
    return any(isinstance(n, Apply) and n.op in CASES for top in tops for n in distinct(top))
