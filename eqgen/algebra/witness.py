"""The prover's second judge: both sides of an equation evaluated at concrete sizes and numbers.

Values come from the `explicit` cells, derivatives from dual numbers; the index form takes no part. A point is exact
over the rationals where everything is rational, else it has 50 digits; a quick look uses double precision.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import ATTEMPTS, Drawer, with_equalities
from eqgen.algebra.dual_numbers import Dual, DualField, Kink, slope_of, value_of
from eqgen.algebra.expressions import Apply, Derivative, Node, symbols
from eqgen.algebra.fields import (
    DomainError,
    FloatField,
    MpmathField,
    NotPolynomial,
    RationalField,
    concrete_shape,
    evaluate,
    filled,
)
from eqgen.algebra.magnitudes import is_short
from eqgen.algebra.operations.row import Field
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.smooth_functions import SmoothFunctions

LARGEST_MATRIX = 400
STEP = Fraction(1, 10**12)
DIGITS_SHOWN = 12

Array = Any
"""A two-dimensional NumPy array of objects."""


class TooLarge(Exception):
    """The matrices are too large to be written out."""


class NotReal(ArithmeticError):
    """A value is infinite or not a number."""


@dataclass(frozen=True)
class Tolerance:
    """Two values count as equal when they differ by less than relative * size + absolute."""

    relative: Any
    absolute: Any

    def same(self, x: Any, y: Any) -> bool:
        return bool(abs(x - y) <= self.relative * max(abs(x), abs(y)) + self.absolute)


class Witness:
    """A subject at one point. `values` holds every free matrix, result and gradient by name."""

    def __init__(
        self,
        subject: Subject,
        module: Module,
        sizes: Mapping[str, int],
        free: Mapping[str, Array],
        field: Field,
        functions: SmoothFunctions,
    ) -> None:
        self.subject = subject
        self.module = module
        self.sizes = dict(sizes)
        self.free = free
        self.field = field
        self.functions = functions
        self.dual = DualField(field)
        self.indices = {f.name for f in subject.free if f.bound is not None}
        self.values: dict[str, Array] = {name: self._numbers(name, array) for name, array in free.items()}
        for statement in subject.program:
            self.values[statement.target] = self.evaluate(statement.value, self.values)
        self.tangents: dict[str, Array] = {name: self.values[along] for name, along in subject.moving.items()}
        self._sides: dict[int, Array] = {}

    @property
    def exact(self) -> bool:
        return isinstance(self.field, RationalField)

    def tolerance(self) -> Tolerance:
        if self.exact:
            return Tolerance(0, 0)
        if isinstance(self.field, FloatField):
            return Tolerance(1e-5, 1e-7)
        return Tolerance(self.field.number(Fraction(1, 10**30)), self.field.number(Fraction(1, 10**34)))

    def _numbers(self, name: str, array: Array) -> Array:
        return array if name in self.indices else filled(lambda i, j: self.field.number(array[i, j]), array.shape)

    def evaluate(
        self, node: Node, values: Mapping[str, Array], more: Mapping[str, int] | None = None, dual: bool = False
    ) -> Array:
        result = evaluate(
            node, values, {**self.sizes, **(more or {})}, self.dual if dual else self.field, self.module, self.functions
        )
        if isinstance(self.field, FloatField) and not all(abs(value_of(v)) < 1e100 for v in result.flat):
            raise NotReal("a value is infinite")
        return result

    # --- derivatives ---------------------------------------------------------------------------------

    def moved(self, name: str, direction: Array) -> dict[str, Array]:
        """The values with one matrix made dual."""
        base = self.values[name]
        return {**self.values, name: filled(lambda i, j: Dual(base[i, j], direction[i, j]), base.shape)}

    def slope_along(self, name: str, direction: Array) -> Any:
        """The derivative of the seeded outputs when a matrix moves; later statements follow, the matrix is a leaf."""
        values = self.moved(name, direction)
        changed = {name}
        for statement in self.subject.program:
            if statement.target != name and not changed.isdisjoint(symbols(statement.value)):
                values[statement.target] = self.evaluate(statement.value, values, dual=True)
                changed.add(statement.target)
        total = self.field.number(Fraction(0))
        for output, seed in self.subject.seeds.items():
            if output in changed:
                weights = self.values[seed].flat if seed else [1] * values[output].size
                for weight, y in zip(weights, values[output].flat, strict=True):
                    total = total + weight * slope_of(y)
        return total

    def gradient(self, name: str) -> Array:
        """The derivative of the seeded outputs with respect to every entry of a matrix."""
        shape = self.values[name].shape
        return filled(lambda i, j: self.slope_along(name, self._unit(shape, i, j)), shape)

    def tangent(self, name: str) -> Array:
        """The derivative of a value of the program when all that it reads moves: along directions that are given, or
        were learned, or else as the program makes it move."""
        (value,) = (a.value for a in self.subject.program if a.target == name)
        values = dict(self.values)
        for read in symbols(value):
            moved = self.tangents.get(read)
            if moved is None and any(a.target == read for a in self.subject.program):
                moved = self.tangent(read)
            if moved is not None:
                base, along = self.values[read], moved
                values[read] = filled(lambda i, j, b=base, d=along: Dual(b[i, j], d[i, j]), base.shape)  # type: ignore[misc]
        result = self.evaluate(value, values, dual=True)
        return filled(lambda i, j: slope_of(result[i, j]) + self.field.number(Fraction(0)), result.shape)

    def _unit(self, shape: tuple[int, int], i: int, j: int) -> Array:
        return filled(lambda p, q: self.field.number(Fraction(int((p, q) == (i, j)))), shape)

    def derivative(self, derivative: Derivative) -> Array:
        """The value of `jacobian(y, z)` or `gradient(L, X)`."""
        shape = self.values[derivative.wrt.name].shape
        columns = []
        for i, j in np.ndindex(*shape):
            values = self.moved(derivative.wrt.name, self._unit(shape, i, j))
            columns.append(
                [
                    slope_of(y) + self.field.number(Fraction(0))
                    for y in self.evaluate(derivative.of, values, dual=True).flat
                ]
            )
        if derivative.kind == "gradient":
            return filled(lambda i, j: columns[i * shape[1] + j][0], shape)
        return filled(lambda i, j: columns[j][i], (len(columns[0]), len(columns)))

    # --- equations -----------------------------------------------------------------------------------

    def written(self, step: Step) -> Array:
        return self._side(step, step.written)

    def expected(self, step: Step) -> Array:
        if step.gradient_of is not None:
            return self.gradient(step.gradient_of)
        if step.tangent_of is not None:
            return self.tangent(step.tangent_of)
        assert step.expected is not None
        return self._side(step, step.expected)

    def _side(self, step: Step, node: Node) -> Array:
        """The value of a side; of a claim about every row i, all rows."""
        if step.expected is not None and id(node) in self._sides:
            return self._sides[id(node)]
        result = self._sides[id(node)] = self._value(step, node)
        return result

    def _value(self, step: Step, node: Node) -> Array:
        values = self.values
        if step.derivatives:
            values = values | {name: self.derivative(d) for name, d in step.derivatives.items()}
        if step.index is None:
            return self.evaluate(node, values)
        kind, letter, dim = step.index
        count = dim if isinstance(dim, int) else self.sizes[dim]
        lines = [self.evaluate(node, values, {letter: position}) for position in range(count)]
        return np.concatenate(lines, axis=0 if kind == "row" else 1)

    def difference(self, step: Step) -> tuple[int, int] | None:
        """The first entry in which the sides differ, or None."""
        written, expected = self.written(step), self.expected(step)
        if written.shape != expected.shape:
            raise AssertionError(f"{step.target}: shapes {written.shape} and {expected.shape}")
        tolerance = self.tolerance()
        for position in np.ndindex(*expected.shape):
            if not tolerance.same(written[position], expected[position]):
                return (int(position[0]), int(position[1]))
        return None

    def agrees(self, step: Step, direction: Array) -> bool:
        """Whether the sides agree; a gradient is compared along one direction only."""
        if step.gradient_of is None:
            return self.difference(step) is None
        written = self.written(step)
        terms = [w * d for w, d in zip(written.flat, direction.flat, strict=True)]
        scale = sum(map(abs, terms), self.field.number(Fraction(1)))
        return self.tolerance().same(sum(terms, scale), self.slope_along(step.gradient_of, direction) + scale)

    def learn(self, step: Step, judged_true: bool) -> None:
        """Make the name that a step assigns known: later steps read the true gradient, or tangent."""
        if step.gradient_of is not None:
            self.values[step.target] = self.written(step) if judged_true else self.gradient(step.gradient_of)
        elif step.tangent_of is not None:
            self.tangents[step.tangent_of] = self.written(step) if judged_true else self.tangent(step.tangent_of)
            self.values[step.target] = self.tangents[step.tangent_of]
        elif step.expected is None:
            self.values[step.target] = self.written(step)

    def has_claims(self) -> bool:
        """Whether both sides of every claim have a value here; other equations have one where the program has.

        Raises NotPolynomial when the value is not one of this field.
        """
        complete = True
        for step in self.subject.steps:
            for side in (self.written, self.expected) if step.expected is not None else ():
                try:
                    side(step)
                except DomainError:
                    complete = False
        return complete

    def admissible(self) -> bool:
        """Whether the assumptions hold here."""
        tolerance = self.tolerance()
        for assumption in self.subject.assumptions:
            if isinstance(assumption, Apply) and assumption.op == "equal":
                left, right = (self.evaluate(a, self.values) for a in assumption.args)
                if not all(tolerance.same(x, y) for x, y in zip(left.flat, right.flat, strict=True)):
                    return False
            elif any(v == 0 for v in self.evaluate(assumption, self.values).flat):
                return False
        return True

    # --- what a person sees --------------------------------------------------------------------------

    def central_difference(self, step: Step, position: tuple[int, int]) -> str:
        """The entry of a gradient as (F(x + h) - F(x - h)) / 2h with 50 digits; "" where no derivative is meant."""
        if step.gradient_of is None:
            return ""
        field = MpmathField(self.sizes)
        ends = []
        for sign in (1, -1):
            free = {n: a for n, a in self.free.items()}
            moved = Witness(self.subject, self.module, self.sizes, free, field, self.functions)
            name = step.gradient_of
            moved.values[name] = moved.values[name].copy()
            moved.values[name][position] = moved.values[name][position] + sign * field.number(STEP)
            ends.append(moved._seeded(name))
        return number_text((ends[0] - ends[1]) / (2 * field.number(STEP)))

    def _seeded(self, leaf: str) -> Any:
        values = dict(self.values)
        for statement in self.subject.program:
            if statement.target != leaf:
                values[statement.target] = self.evaluate(statement.value, values)
        total = self.field.number(Fraction(0))
        for output, seed in self.subject.seeds.items():
            weights = self.values[seed].flat if seed else [1] * values[output].size
            for weight, y in zip(weights, values[output].flat, strict=True):
                total = total + weight * y
        return total


def witnesses(
    subject: Subject,
    module: Module,
    sizes: Mapping[str, int],
    seed: int,
    *,
    draws: int = 1,
    integers: bool = False,
    quick: bool = False,
    total: bool = True,
    around: Sequence[Fraction] = (),
    until: float = math.inf,
) -> Iterator[Witness]:
    """Points at which everything has a value and the assumptions hold: with doubles when `quick`, else exact ones.

    Unless `total`, a side of a claim need not have a value there. Many entries are those of `around`, or near them.
    The search ends when `time.monotonic()` is `until`.
    """
    for shape in [f.shape for f in subject.free] + [a.shape for a in subject.program]:
        rows, columns = concrete_shape(shape, sizes)
        if rows * columns > LARGEST_MATRIX:
            raise TooLarge("the matrices are too large to be written out")
    fields: list[Field] = [FloatField(sizes)] if quick else [MpmathField(sizes)]
    if not quick and is_short(subject, module, sizes, SmoothFunctions(subject.activations, 0), integers):
        fields.insert(0, RationalField(sizes))
    drawer = Drawer(seed, integers)
    found = 0
    for attempt in range(ATTEMPTS):
        if time.monotonic() > until:
            return
        functions = SmoothFunctions(subject.activations, 2 * found if integers else found)
        free = drawer.values(subject.free, sizes, attempt, first=found == 0 and not integers)
        if around:
            free = _near(subject, free, around, Random(1000 * seed + attempt))
        free = with_equalities(free, subject.assumptions, sizes, module)
        for field in fields:
            try:
                witness = Witness(subject, module, sizes, free, field, functions)
                if witness.admissible() and (witness.has_claims() or not total):
                    yield witness
                    found += 1
            except NotPolynomial:
                continue
            except (ArithmeticError, ValueError):
                pass
            break
        if found >= draws:
            return


def _near(subject: Subject, free: dict[str, Array], around: Sequence[Fraction], random: Random) -> dict[str, Array]:
    for f in subject.free:
        if f.bound is None and not f.one_hot:
            array = free[f.name]
            for i, j in np.ndindex(*array.shape):
                if random.random() < 0.6:
                    value = random.choice(around) + Fraction(random.choice((0, 0, -9, -5, -3, 3, 5, 9)), 8)
                    array[i, j] = abs(value) + Fraction(1, 8) if f.positive else value
    return free


def number_text(value: Any) -> str:
    """A short fraction exactly, any other number with twelve digits."""
    if isinstance(value, int):
        value = Fraction(value)
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) < 10**DIGITS_SHOWN:
            return str(value)
        value = MpmathField().number(value)
    text: str = MpmathField().library.nstr(value, DIGITS_SHOWN, strip_zeros=True)
    return text.removesuffix(".0")


__all__ = ["Kink", "NotReal", "TooLarge", "Witness", "number_text", "witnesses"]
