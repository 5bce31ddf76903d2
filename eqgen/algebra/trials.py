"""The equations of a subject at concrete sizes: their values at a point, and the gradients that SymPy derives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import sympy

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import ATTEMPTS, Drawer, with_equalities
from eqgen.algebra.expressions import Derivative, Node, distinct, symbols
from eqgen.algebra.fields import MpmathField, NotPolynomial, RationalField, concrete_shape, evaluate, filled
from eqgen.algebra.jacobians import EntryField, EntryValues, OpaqueFunctions, Partial, entry_symbols, partials
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.smooth_functions import SmoothFunctions
from eqgen.algebra.splitting import Statement, split

LARGEST_MATRIX = 4096
MOST_TERMS = 20_000
RELATIVE, ABSOLUTE = Fraction(1, 10**30), Fraction(1, 10**38)
"""Two values with 50 digits count as equal when they differ by less; the rest is left for cancellation."""

Values: TypeAlias = Mapping[str, Any]
"""Arrays by name."""
Positions: TypeAlias = Mapping[str, int]
"""The row or column that a claim is about, by its letter."""
NOWHERE: Positions = MappingProxyType({})
NOTHING: Values = MappingProxyType({})


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
        self.opaque = OpaqueFunctions(subject.activations)
        self.program = tuple(s for a in subject.program for s in split(a.target, a.value, module))
        self.derivatives = {
            name: split(name, d.of, module) for step in subject.steps for name, d in step.derivatives.items()
        }
        statements = (*self.program, *(s for program in self.derivatives.values() for s in program))
        self.shapes = {f.name: concrete_shape(f.shape, sizes) for f in subject.free}
        self.shapes |= {s.target: concrete_shape(s.value.shape, sizes) for s in statements}
        nodes = [s.value for s in statements] + [s.written for s in subject.steps]
        for shape in [*self.shapes.values(), *(concrete_shape(n.shape, sizes) for m in nodes for n in distinct(m))]:
            if shape[0] * shape[1] > LARGEST_MATRIX:
                raise TooLarge(f"a {shape[0]} x {shape[1]} matrix is too large to be written out")
        positive = {f.name for f in subject.free if f.positive}
        self.entries = {
            name: entry_symbols(name, shape, name in positive)
            for name, shape in self.shapes.items()
            if name not in self.indices
        }
        self._local: dict[tuple[object, ...], list[Partial]] = {}

    def within(self) -> None:
        if time.monotonic() > self.deadline:
            raise OutOfTime("the time limit was reached")

    def local(self, statement: Statement, values: Values, positions: Positions) -> list[Partial]:
        """The partial derivatives of a statement's entries with respect to the entries it reads."""
        read = sorted(symbols(statement.value) & self.indices)
        key = (statement.target, *sorted(positions.items()), *(v for name in read for v in values[name].flat))
        if key not in self._local:
            entries = {**self.entries, **{name: values[name] for name in read}}
            sizes = {**self.sizes, **positions}
            self._local[key] = partials(statement.value, entries, sizes, self.module, self.opaque, self.within)
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
        entries = dict(self.entries)
        field = EntryField(self.sizes)

        def written(node: Node) -> Any:
            return evaluate(node, entries, self.sizes, field, self.module, self.opaque)

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
            seeds = self.seeds(entries)
            expected = self.pull_back(self.program, seeds, entries, sympy.Integer(0), lambda p: p.slope, known=known)
            expected = expected[step.gradient_of]
        for difference in (written(step.written) - expected).flat:
            self.within()
            difference = sympy.sympify(difference)
            if difference != 0 and (_terms(difference) > MOST_TERMS or sympy.expand(difference) != 0):
                return False
        return True

    def seeds(self, values: Values) -> dict[str, Any]:
        """The gradients of the outputs: free matrices, or ones."""
        return {
            output: values[seed] if seed else filled(lambda i, j: 1, self.shapes[output])
            for output, seed in self.subject.seeds.items()
        }

    def pull_back(
        self,
        program: Sequence[Statement],
        seeds: Values,
        values: Values,
        zero: Any,
        slope: Callable[[Partial], Any],
        positions: Positions = NOWHERE,
        known: Values = NOTHING,
    ) -> dict[str, Any]:
        """The gradients of all matrices, by multiplying local derivatives in reverse order; `known` are given ones."""
        found = {name: filled(lambda i, j: zero, shape) for name, shape in self.shapes.items()}
        for output, seed in seeds.items():
            found[output] = found[output] + seed
        for statement in reversed(program):
            bar = known.get(statement.target, found[statement.target])
            for partial in self.local(statement, values, positions):
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

    def __init__(self, trial: Trial, free: Values, field: Any, functions: SmoothFunctions) -> None:
        self.trial = trial
        self.free = free
        self.field = field
        self.functions = functions
        self.exact = isinstance(field, RationalField)
        self.zero = field.number(Fraction(0))
        self.values = self.run({name: self._numbers(name, array) for name, array in free.items()})
        self.gradients = self.pull_back(trial.program, trial.seeds(self.values), self.values)
        self.sides: dict[int, tuple[Any, Any]] = {}
        for step in trial.subject.steps:
            self._take(step)

    def _numbers(self, name: str, array: Any) -> Any:
        return array if name in self.trial.indices else filled(lambda i, j: self.field.number(array[i, j]), array.shape)

    def evaluate(self, node: Node, values: Values, positions: Positions = NOWHERE) -> Any:
        trial = self.trial
        return evaluate(node, values, {**trial.sizes, **positions}, self.field, trial.module, self.functions)

    def run(
        self,
        values: Values,
        program: Sequence[Statement] | None = None,
        positions: Positions = NOWHERE,
        fixed: str = "",
    ) -> dict[str, Any]:
        """The program's values; `fixed` keeps the value it has, as if it were a free matrix."""
        values = dict(values)
        for statement in self.trial.program if program is None else program:
            if statement.target != fixed:
                values[statement.target] = self.evaluate(statement.value, values, positions)
        return values

    def pull_back(
        self, program: Sequence[Statement], seeds: Values, values: Values, positions: Positions = NOWHERE
    ) -> dict[str, Any]:
        """The gradients of all matrices at this point."""
        symbols_of = ((entries, values[name]) for name, entries in self.trial.entries.items() if name in values)
        numbers = {e: v for entries, array in symbols_of for e, v in zip(entries.flat, array.flat, strict=True)}
        number_of = EntryValues(numbers, self.field, self.functions)
        return self.trial.pull_back(program, seeds, values, self.zero, lambda p: number_of(p.slope), positions)

    def _take(self, step: Step) -> None:
        """Both sides of a step; later steps read the derived side, so that each is judged on its own."""
        if step.gradient_of is not None:
            derived = self.gradients[step.gradient_of]
            self.sides[id(step)] = self.evaluate(step.written, self.values), derived
            self.values[step.target] = derived
        elif step.expected is not None:
            self.sides[id(step)] = self._equation(step, step.expected)
        else:
            self.values[step.target] = self.evaluate(step.written, self.values)

    def _equation(self, step: Step, expected: Node) -> tuple[Any, Any]:
        """The values of both sides; of a claim about every row i, all rows."""
        if step.index is None:
            values = self._with_derivatives(step, NOWHERE)
            return self.evaluate(step.written, values), self.evaluate(expected, values)
        kind, letter, dim = step.index
        left, right = [], []
        for position in range(dim if isinstance(dim, int) else self.trial.sizes[dim]):
            here = {letter: position}
            values = self._with_derivatives(step, here)
            left.append(self.evaluate(step.written, values, here))
            right.append(self.evaluate(expected, values, here))
        axis = 0 if kind == "row" else 1
        return np.concatenate(left, axis), np.concatenate(right, axis)

    def _with_derivatives(self, step: Step, positions: Positions) -> dict[str, Any]:
        return {**self.values, **{n: self._derivative(n, d, positions) for n, d in step.derivatives.items()}}

    def _derivative(self, name: str, derivative: Derivative, positions: Positions) -> Any:
        """The value of jacobian(y, z) or gradient(L, X), of which the program `name` computes y or L."""
        program = self.trial.derivatives[name]
        values = self.run(self.values, program, positions)
        shape = self.trial.shapes[name]
        rows = []
        for row in range(shape[0] * shape[1]):
            seed = filled(lambda i, j, k=row: int(i * shape[1] + j == k), shape)  # type: ignore[misc]
            rows.append(self.pull_back(program, {name: seed}, values, positions)[derivative.wrt.name])
        return rows[0] if derivative.kind == "gradient" else np.array([r.reshape(-1) for r in rows], dtype=object)

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
