"""The equations of a subject at concrete sizes: their values at a point, and the gradients that SymPy derives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from eqgen.algebra.definitions import Assignment, Module
from eqgen.algebra.draws import ATTEMPTS, Drawer, with_equalities
from eqgen.algebra.expressions import Derivative, Node, symbols, walk
from eqgen.algebra.fields import MpmathField, NotPolynomial, RationalField, concrete_shape, evaluate, filled
from eqgen.algebra.jacobians import EntryField, EntryValues, OpaqueFunctions, Partial, entry_symbols, partials
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.smooth_functions import SmoothFunctions

LARGEST_MATRIX = 4096
MOST_TERMS = 20_000
RELATIVE, ABSOLUTE = Fraction(1, 10**30), Fraction(1, 10**38)
"""Two values with 50 digits count as equal when they differ by less; the rest is left for cancellation."""


class OutOfTime(Exception):
    """The time for a definition is used up."""


class TooLarge(Exception):
    """A matrix is too large to be written out."""


class Trial:
    """A subject at one choice of sizes. Local derivatives are found once and serve all points."""

    def __init__(self, subject: Subject, module: Module, sizes: Mapping[str, int], deadline: float) -> None:
        self.subject = subject
        self.module = module
        self.sizes = dict(sizes)
        self.deadline = deadline
        self.indices = {f.name for f in subject.free if f.bound is not None}
        self.positive = {f.name for f in subject.free if f.positive}
        self.shapes = {f.name: concrete_shape(f.shape, sizes) for f in subject.free}
        self.shapes |= {a.target: concrete_shape(a.shape, sizes) for a in subject.program}
        self._local: dict[tuple[int, tuple[Fraction, ...]], list[Partial]] = {}
        nodes = [a.value for a in subject.program] + [s.written for s in subject.steps]
        for shape in [*self.shapes.values(), *(concrete_shape(n.shape, sizes) for m in nodes for n in walk(m))]:
            if shape[0] * shape[1] > LARGEST_MATRIX:
                raise TooLarge(f"a {shape[0]} x {shape[1]} matrix is too large to be written out")

    def within(self) -> None:
        if time.monotonic() > self.deadline:
            raise OutOfTime("the time limit was reached")

    def symbols(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """SymPy symbols for the entries of all matrices, and the integers of index matrices."""
        return {
            name: values[name] if name in self.indices else entry_symbols(name, shape, name in self.positive)
            for name, shape in self.shapes.items()
        }

    def local(self, statement: Assignment, values: Mapping[str, Any]) -> list[Partial]:
        """The partial derivatives of a forward statement's entries with respect to the entries it reads."""
        read = sorted(symbols(statement.value) & self.indices)
        key = (id(statement), tuple(v for name in read for v in values[name].flat))
        if key not in self._local:
            opaque = OpaqueFunctions(self.subject.activations)
            entries = self.symbols(values)
            self._local[key] = partials(statement.value, entries, self.sizes, self.module, opaque, self.within)
        return self._local[key]

    def point(self, seed: int, draw: int, integers: bool = False) -> Point | None:
        """A point at which everything has a value and the assumptions hold; None when none is found."""
        drawer = Drawer(seed, integers)
        functions = SmoothFunctions(self.subject.activations, draw)
        for attempt in range(ATTEMPTS):
            self.within()
            free = drawer.values(self.subject.free, self.sizes, attempt, first=draw == 0)
            free = with_equalities(free, self.subject.assumptions, self.sizes, self.module)
            for field in (RationalField(self.sizes), MpmathField(self.sizes)):
                try:
                    point = Point(self, free, field, functions)
                except NotPolynomial:
                    continue
                except (ArithmeticError, ValueError):
                    break
                if point.admissible():
                    return point
                break
        return None

    def expands_to_zero(self, step: Step) -> bool:
        """Whether the difference of both sides is zero by expansion, with intermediate values and gradients opaque."""
        if self.indices or step.derivatives or step.index is not None:
            return False
        entries = self.symbols({})
        field = EntryField(self.sizes)
        functions = OpaqueFunctions(self.subject.activations)

        def written(node: Node) -> Any:
            return evaluate(node, entries, self.sizes, field, self.module, functions)

        known: dict[str, Any] = {}
        for earlier in self.subject.steps:
            if earlier is step:
                break
            entries[earlier.target] = entry_symbols(earlier.target, concrete_shape(earlier.written.shape, self.sizes))
            if earlier.gradient_of is not None:
                known[earlier.gradient_of] = entries[earlier.target]
        if step.expected is not None:
            expected = written(step.expected)
        else:
            assert step.gradient_of is not None
            expected = self.gradients(entries, sympy.Integer(0), lambda p: p.slope, known)[step.gradient_of]
        for difference in (written(step.written) - expected).flat:
            self.within()
            difference = sympy.sympify(difference)
            if difference != 0 and (_terms(difference) > MOST_TERMS or sympy.expand(difference) != 0):
                return False
        return True

    def gradients(
        self,
        values: Mapping[str, Any],
        zero: Any,
        slope: Callable[[Partial], Any],
        known: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The gradients of all matrices, by multiplying local derivatives in reverse order; `known` are given ones."""
        found = {name: filled(lambda i, j: zero, shape) for name, shape in self.shapes.items()}
        for output, seed in self.subject.seeds.items():
            found[output] = found[output] + (values[seed] if seed else 1)
        for statement in reversed(self.subject.program):
            bar = (known or {}).get(statement.target, found[statement.target])
            for partial in self.local(statement, values):
                place = found[partial.name]
                place[partial.variable] = place[partial.variable] + bar[partial.position] * slope(partial)
        return found


def _terms(expression: Any) -> int:
    """An upper bound for the number of terms after expansion."""
    if expression.is_Add:
        return sum(map(_terms, expression.args))
    if expression.is_Mul:
        product = 1
        for factor in expression.args:
            product *= _terms(factor)
        return product
    if expression.is_Pow and expression.exp.is_Integer and expression.base.is_Add:
        exponent = abs(int(expression.exp))
        return MOST_TERMS + 1 if exponent > 16 else int(_terms(expression.base) ** exponent)
    return 1


class Point:
    """All values of a subject at one point: the free matrices, the program's results, and every gradient."""

    def __init__(self, trial: Trial, free: Mapping[str, Any], field: Any, functions: SmoothFunctions) -> None:
        self.trial = trial
        self.free = free
        self.field = field
        self.functions = functions
        self.exact = isinstance(field, RationalField)
        self.values = self.run({name: self._numbers(name, array) for name, array in free.items()})
        point = {
            e: v for n, array in self._entries().items() for e, v in zip(array.flat, self.values[n].flat, strict=True)
        }
        self.number_of = EntryValues(point, field, functions)
        self.gradients = trial.gradients(self.values, field.number(Fraction(0)), lambda p: self.number_of(p.slope))
        self.sides: dict[int, tuple[Any, Any]] = {}
        for step in trial.subject.steps:
            self._take(step)

    def _numbers(self, name: str, array: Any) -> Any:
        return array if name in self.trial.indices else filled(lambda i, j: self.field.number(array[i, j]), array.shape)

    def _entries(self) -> dict[str, Any]:
        return {n: a for n, a in self.trial.symbols(self.values).items() if n not in self.trial.indices}

    def evaluate(self, node: Node, values: Mapping[str, Any], more: Mapping[str, int] | None = None) -> Any:
        trial = self.trial
        return evaluate(node, values, {**trial.sizes, **(more or {})}, self.field, trial.module, self.functions)

    def run(self, values: dict[str, Any], fixed: str = "") -> dict[str, Any]:
        """The program's values; `fixed` keeps the value it has, as if it were a free matrix."""
        values = dict(values)
        for statement in self.trial.subject.program:
            if statement.target != fixed:
                values[statement.target] = self.evaluate(statement.value, values)
        return values

    def _take(self, step: Step) -> None:
        """Both sides of a step; later steps read the derived side, so that each is judged on its own."""
        values = self.values | {name: self._derivative(d) for name, d in step.derivatives.items()}
        written = self._rows(step, step.written, values)
        if step.gradient_of is not None:
            self.values[step.target] = self.gradients[step.gradient_of]
            self.sides[id(step)] = written, self.gradients[step.gradient_of]
        elif step.expected is not None:
            self.sides[id(step)] = written, self._rows(step, step.expected, values)
        else:
            self.values[step.target] = written

    def _rows(self, step: Step, node: Node, values: Mapping[str, Any]) -> Any:
        """The value of a side; of a claim about every row i, all rows."""
        if step.index is None:
            return self.evaluate(node, values)
        kind, letter, dim = step.index
        count = dim if isinstance(dim, int) else self.trial.sizes[dim]
        lines = [self.evaluate(node, values, {letter: position}) for position in range(count)]
        return np.concatenate(lines, axis=0 if kind == "row" else 1)

    def _derivative(self, derivative: Derivative) -> Any:
        trial = self.trial
        entries = trial.symbols(self.values)
        functions = OpaqueFunctions(trial.subject.activations)
        of = evaluate(derivative.of, entries, trial.sizes, EntryField(trial.sizes), trial.module, functions)
        wrt = entries[derivative.wrt.name]

        def slope(y: Any, x: Any) -> Any:
            trial.within()
            return self.number_of(sympy.diff(y, x))

        if derivative.kind == "gradient":
            return filled(lambda i, j: slope(of[0, 0], wrt[i, j]), wrt.shape)
        ys, xs = list(of.flat), list(wrt.flat)
        return filled(lambda i, j: slope(ys[i], xs[j]), (len(ys), len(xs)))

    def admissible(self) -> bool:
        """Whether the assumptions hold here."""
        for assumption in self.trial.subject.assumptions:
            if getattr(assumption, "op", "") == "equal":
                left, right = (self.evaluate(a, self.values) for a in assumption.args)  # type: ignore[attr-defined]
                if not all(self.same(d, 0 * d) for d in (left - right).flat):
                    return False
            elif any(v == 0 for v in self.evaluate(assumption, self.values).flat):
                return False
        return True

    def same(self, x: Any, y: Any) -> bool:
        if self.exact:
            return bool(x == y)
        number = self.field.number
        return bool(abs(x - y) <= number(RELATIVE) * max(abs(x), abs(y)) + number(ABSOLUTE))

    def difference(self, step: Step) -> tuple[int, int] | None:
        """The first entry in which the sides of a step differ, or None."""
        written, expected = self.sides[id(step)]
        if written.shape != expected.shape:
            raise AssertionError(f"{step.target}: shapes {written.shape} and {expected.shape}")
        for position in np.ndindex(*expected.shape):
            if not self.same(written[position], expected[position]):
                return (int(position[0]), int(position[1]))
        return None
