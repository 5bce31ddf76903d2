"""One equation at one point, in double precision: what it should be there, and what variants of it are.

Values are moderate, so that rounding and overflow do not decide: entries are below 2 where nothing demands more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import ATTEMPTS, Drawer, with_equalities
from eqgen.algebra.expressions import Apply, Constant, Dim, Invoke, Node, Size, Symbol
from eqgen.algebra.fields import FloatField
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.positions import Path, at
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.refutation import NOWHERE
from eqgen.algebra.smooth_functions import SmoothFunctions
from eqgen.algebra.witness import Witness

Values: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

TOLERANCE = 1e-8
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
        self._targets: dict[Path, Values] = {(): self.expected}

    # --- values --------------------------------------------------------------------------------------

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
                    return self._called(node, [self._value(a, k) for a in node.args])
                body = inline(node, self.module)
                if not isinstance(body, Invoke):
                    return self._value(body, k)
        raise ValueError(f"{type(node).__name__} has no value")

    def _called(self, node: Invoke, args: list[Values]) -> Values:
        function = self.functions[node.function + "'" * node.derivative]
        return np.asarray(function(self.field, *args), dtype=float)

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

    # --- variants ------------------------------------------------------------------------------------

    def agrees(self, root: Node, path: Path, new: Node) -> bool:
        """Whether an expression has the expected value here with `new` at a place."""
        try:
            length, target = self._target(root, path)
            with np.errstate(all="ignore"):
                parts = [self._replaced(root, path, new, length, k) for k in range(len(self.positions))]
                found = np.concatenate(parts, self.axis)
                return close(np.broadcast_to(found, target.shape), target)
        except NO_VALUE:
            return False

    def _target(self, root: Node, path: Path) -> tuple[int, Values]:
        """How far down to `path` the value is known that a sub-expression must have, and that value.

        In a sum it is what the other terms leave: a long sum need not be added up for every variant of one term.
        """
        best = 0
        if len(self.positions) == 1:
            for length in range(1, len(path) + 1):
                if path[:length] not in self._targets:
                    above = at(root, path[: length - 1])
                    if not (isinstance(above, Apply) and above.op in ("add", "subtract", "negate")):
                        break
                    k = path[length - 1]
                    left = self._targets[path[: length - 1]]
                    if above.op == "negate":
                        left = -left
                    else:
                        other = self._value(above.args[1 - k], 0)
                        # x = s - y in s = x + y, x = s + y in s = x - y, y = x - s in s = x - y
                        left = left - other if above.op == "add" else left + other if k == 0 else other - left
                    self._targets[path[:length]] = left
                best = length
        return best, self._targets[path[:best]]

    def _replaced(self, root: Node, path: Path, new: Node, length: int, k: int) -> Values:
        """The value of the sub-expression at the first `length` steps of a path, with `new` at its end."""
        node = at(root, path[:length])
        chain = [node]
        for step in path[length:]:
            node = node.args[step]  # type: ignore[attr-defined]
            chain.append(node)
        result = self._value(new, k)
        for above, step in zip(reversed(chain[:-1]), reversed(path[length:]), strict=True):
            assert isinstance(above, (Apply, Invoke))
            args = [result if i == step else self._value(a, k) for i, a in enumerate(above.args)]
            if isinstance(above, Apply):
                result = self._applied(above, args, k)
            elif above.function in self.functions.names:
                result = self._called(above, args)
            else:
                body = inline(_over_names(above), self.module)
                self.values |= {f"operand {i}": a for i, a in enumerate(args)}
                result = self._fresh(body, k)
        return result

    def _fresh(self, node: Node, k: int) -> Values:
        """A value that is not remembered, because the names that it reads change."""
        known, self._known = self._known, {}
        try:
            return self._value(node, k)
        finally:
            self._known = known


def _over_names(call: Invoke) -> Invoke:
    """The call with names for its operands."""
    args = tuple(Symbol(a.shape, f"operand {i}") for i, a in enumerate(call.args))
    return Invoke(call.shape, call.function, args, call.derivative)


def close(x: Values, y: Values) -> bool:
    """Whether two values are the same but for rounding. What is not finite is close to nothing."""
    with np.errstate(all="ignore"):
        size = np.abs(y)
        scale = TOLERANCE * (1e-3 + size + 0.01 * float(size.max(initial=0.0)))
        return bool(np.all(np.abs(x - y) <= scale))


# --- points ----------------------------------------------------------------------------------------------


class _Moderate(Drawer):
    """Draws numbers around zero."""

    def _number(self, kind: str) -> Fraction:
        if kind == "unit":
            return super()._number(kind)
        sign = self.random.choice((-1, 1)) if kind == "any" else 1
        return sign * Fraction(self.random.randint(1, 29), self.random.choice((17, 19, 23)))


def scenes(
    subject: Subject, module: Module, position: int, right: list[bool], sizes: dict[str, int], seed: int
) -> Iterator[Scene]:
    """Points for a step of a subject. `right` tells of the steps before it whether they hold."""
    drawer = _Moderate(seed)
    found = 0
    for attempt in range(ATTEMPTS):
        functions = SmoothFunctions(subject.activations, found)
        free = drawer.values(subject.free, sizes, attempt, first=found == 0)
        try:
            free = with_equalities(free, subject.assumptions, sizes, module)
            witness = Witness(subject, module, sizes, free, FloatField(sizes), functions)
            if not witness.admissible():
                continue
            for earlier, holds in zip(subject.steps[:position], right, strict=True):
                witness.learn(earlier, holds)
            scene = Scene(witness, subject.steps[position], module)
        except NOWHERE:
            continue
        yield scene
        found += 1
