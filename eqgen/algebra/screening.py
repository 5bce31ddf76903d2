"""A quick look at many variants of an equation: both sides in double precision at points of unequal sizes.

Nothing follows from it. What passes is handed to the prover; what fails is not worth a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.expressions import Apply, Constant, Dim, Invoke, Node, Size, Symbol, distinct
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.positions import Path, put
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.refutation import CASES, NOWHERE
from eqgen.algebra.witness import TooLarge, Witness, witnesses

Values = np.ndarray[Any, np.dtype[np.float64]]

TOLERANCE = 1e-8
DRAWS = 2
DRAWS_OF_CASES = 12
"""Where conditions occur: each point decides for other cases."""
NO_VALUE = (LookupError, ValueError, ArithmeticError)
"""What an expression raises that has no value at a point, or reads a name that has none."""

_SUMS: dict[str, Callable[..., Any]] = {
    "matmul": lambda x, y: x @ y,
    "dot": lambda x, y: np.sum(x * y).reshape(1, 1),
    "elements_sum": lambda x: np.sum(x).reshape(1, 1),
    "columns_sum": lambda x: x.sum(axis=0, keepdims=True),
    "rows_sum": lambda x: x.sum(axis=1, keepdims=True),
    "columns_mean": lambda x: x.mean(axis=0, keepdims=True),
    "rows_mean": lambda x: x.mean(axis=1, keepdims=True),
    "columns_max": lambda x: x.max(axis=0, keepdims=True),
    "rows_max": lambda x: x.max(axis=1, keepdims=True),
}
"""What the table's cells compute entry by entry, for whole arrays."""

_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal,
}  # fmt: skip


class ArrayField:
    """A field whose entries are whole arrays of doubles: the table's entrywise cells act on all entries at once."""

    def number(self, value: Fraction) -> float:
        return float(value)

    def power(self, base: Any, exponent: Any) -> Any:
        return np.power(base, exponent)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return np.where(np.asarray(condition) != 0, yes, no)

    def compare(self, relation: str, left: Any, right: Any) -> Any:
        return _RELATIONS[relation](left, right).astype(float)

    def maximum(self, values: Any) -> Any:
        return np.maximum(*values)

    def minimum(self, values: Any) -> Any:
        return np.minimum(*values)

    def function(self, name: str, *arguments: Any) -> Any:
        match name:
            case "pi":
                return np.full((1, 1), np.pi)
            case "sigmoid":
                return 1 / (1 + np.exp(-arguments[0]))
            case "erf":
                from math import erf

                return np.vectorize(erf, otypes=[float])(arguments[0])
        return getattr(np, name)(*arguments)


class Scene:
    """One point: the values of all names there, and the side that the equation should have."""

    def __init__(self, witness: Witness, step: Step, module: Module) -> None:
        self.sizes = witness.sizes
        self.module = module
        self.field = ArrayField()
        self.functions = witness.functions
        named = {n: witness.derivative(d) for n, d in step.derivatives.items()}
        self.values: dict[str, Values] = {n: np.array(a, dtype=float) for n, a in (witness.values | named).items()}
        self.expected = np.array(witness.expected(step), dtype=float)
        self.axis = 1 if step.index is not None and step.index[0] == "column" else 0
        self.positions: list[Mapping[str, int]] = [{}]
        if step.index is not None:
            _, letter, dim = step.index
            extent = dim if isinstance(dim, int) else self.sizes[dim]
            self.positions = [{letter: k} for k in range(extent)]
        self._known: dict[tuple[int, int], Values] = {}
        self._alive: list[Node] = []
        """Values are remembered by the identity of nodes, so these must live as long."""

    def value(self, root: Node) -> Values:
        """The value of an expression; of a claim about every row, all rows. Not finite outside its domain."""
        with np.errstate(all="ignore"):
            return np.concatenate([self._value(root, k) for k in range(len(self.positions))], self.axis)

    def _value(self, node: Node, k: int) -> Values:
        key = (id(node), k)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._computed(node, k)
            self._alive.append(node)
        return found

    def _computed(self, node: Node, k: int) -> Values:
        match node:
            case Symbol():
                return self.values[node.name]
            case Constant():
                return np.full((1, 1), float(node.value))
            case Size():
                return np.full((1, 1), float(self.sizes[node.name]))
            case Apply():
                return self._applied(node, [self._value(a, k) for a in node.args], k)
            case Invoke():
                if node.function in self.functions.names:
                    function = self.functions[node.function + "'" * node.derivative]
                    return np.asarray(function(self.field, *(self._value(a, k) for a in node.args)), dtype=float)
                body = inline(node, self.module)
                if not isinstance(body, Invoke):
                    return self._value(body, k)
        raise ValueError(f"{type(node).__name__} has no value")

    def _applied(self, node: Apply, args: list[Values], k: int) -> Values:
        row = TABLE[node.op]
        if node.op in _SUMS:
            return np.asarray(_SUMS[node.op](*args), dtype=float)
        if row.scalar is not None:
            return np.asarray(row.scalar(self.field, *args), dtype=float)
        sizes = tuple(self._extent(d, k) for d in node.sizes)
        return np.asarray(row.explicit(self.field, args, sizes), dtype=float)

    def _extent(self, dim: Dim, k: int) -> int:
        return dim if isinstance(dim, int) else {**self.sizes, **self.positions[k]}[dim]

    def agrees(self, root: Node) -> bool:
        """Whether an expression has the expected value here."""
        try:
            found = self.value(root)
        except NO_VALUE:
            return False
        return _close(np.broadcast_to(found, self.expected.shape), self.expected)


def _close(x: Values, y: Values) -> bool:
    """Whether two values are the same but for rounding. What is not finite is close to nothing."""
    with np.errstate(all="ignore"):
        scale = TOLERANCE * (1.0 + float(np.abs(y).max(initial=0.0)))
        return bool(np.all(np.abs(x - y) <= scale))


class Screen:
    """Points with pairwise different sizes, and what a variant of the equation gives there."""

    def __init__(self, scenes: list[Scene], extra: list[Scene]) -> None:
        self.scenes = scenes
        """With different sizes each: coefficients are solved for here."""
        self.extra = extra

    def passes(self, root: Node) -> bool:
        """Whether a variant has the expected value at every point."""
        return bool(self.scenes) and all(scene.agrees(root) for scene in (*self.scenes, *self.extra))

    def is_zero(self, root: Node) -> bool:
        return bool(self.scenes) and all(not np.any(scene.value(root)) for scene in self.scenes)

    def equal(self, x: Node, y: Node) -> bool:
        """Whether two expressions have the same value at every point."""
        if x.shape != y.shape or not self.scenes:
            return False
        try:
            return all(_close(scene.value(x), scene.value(y)) for scene in (*self.scenes, *self.extra))
        except NO_VALUE:
            return False

    @property
    def expects_zero(self) -> bool:
        return bool(self.scenes) and all(not np.any(scene.expected) for scene in self.scenes)

    def factor(self, root: Node, path: Path, new: Callable[[Fraction], Node]) -> list[float] | None:
        """For each point the number u for which the root with new(u) at a place has the expected value.

        `root` must be affine in u. None where there is no such number, or where u does not matter.
        """
        zero, one = (put(root, path, new(Fraction(k))) for k in (0, 1))
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


def screen(subject: Subject, module: Module, position: int, right: list[bool]) -> Screen:
    """Points for a step of a subject. `right` tells of the steps before it whether they hold.

    Where none can be drawn the screen is empty: then nothing passes.
    """
    step = subject.steps[position]
    draws = DRAWS_OF_CASES if _has_cases(subject, step) else DRAWS
    scenes: list[list[Scene]] = []
    for k, sizes in enumerate(unequal_sizes(subject.sizes)):
        here: list[Scene] = []
        try:
            for witness in witnesses(subject, module, sizes, 101 + k, draws=draws, quick=True):
                try:
                    for earlier, holds in zip(subject.steps[:position], right, strict=True):
                        witness.learn(earlier, holds)
                    here.append(Scene(witness, step, module))
                except NOWHERE:
                    continue
        except TooLarge:
            continue
        if here:
            scenes.append(here)
    return Screen([s[0] for s in scenes], [s for group in scenes for s in group[1:]])


def _has_cases(subject: Subject, step: Step) -> bool:
    tops = [a.value for a in subject.program] + [n for n in (step.written, step.expected) if n is not None]
    return any(isinstance(n, Apply) and n.op in CASES for top in tops for n in distinct(top))
