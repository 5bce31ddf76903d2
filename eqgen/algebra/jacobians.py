"""Derivatives by SymPy, of the entries of an expression written out at concrete sizes.

Nothing here reads the adjoints or partial derivatives of the operation table: SymPy differentiates the entries that the
`explicit` cells give. That is what makes the explicit check a judge of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Node, symbols
from eqgen.algebra.fields import DomainError, Functions, SympyField, evaluate, filled
from eqgen.algebra.operations import Field


class Kink(ArithmeticError):
    """The point lies where a function has no derivative."""


class EntryField(SympyField):
    """SymPy expressions that SymPy can differentiate as the table means it.

    max and min of two are written with a condition, so that at a tie the second operand counts. sign and floor have
    the derivative zero (SymPy's would be a Dirac delta).
    """

    def function(self, name: str, *arguments: Any) -> Any:
        return _flat(name)(*arguments) if name in ("sign", "floor") else super().function(name, *arguments)

    def maximum(self, values: Sequence[Any]) -> Any:
        if len(values) != 2:
            return super().maximum(values)
        return self.where(self.compare("<", values[1], values[0]), values[0], values[1])

    def minimum(self, values: Sequence[Any]) -> Any:
        if len(values) != 2:
            return super().minimum(values)
        return self.where(self.compare("<", values[0], values[1]), values[0], values[1])


@cache
def _flat(name: str) -> Any:
    """A function that is constant in pieces; on numbers SymPy's own."""

    def value(cls: Any, x: Any) -> Any:
        return getattr(sympy, name)(x) if x.is_number else None

    body = {"eval": classmethod(value), "fdiff": lambda self, argindex=1: sympy.S.Zero, "is_real": True}
    return type(sympy.Function)(name, (sympy.Function,), body)


@cache
def opaque(name: str) -> Any:
    """A function of which only the name is known: the derivative of `act` is `act'`."""
    body = {"fdiff": lambda self, argindex=1: opaque(f"{name}'")(self.args[0]), "is_real": True, "is_opaque": True}
    return type(sympy.Function)(name, (sympy.Function,), body)


class OpaqueFunctions(Mapping[str, Callable[..., Any]]):
    """For `evaluate` over SymPy: the activations of a layer and their derivatives, all opaque."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name.rstrip("'") not in self.names:
            raise KeyError(name)
        return lambda field, x: opaque(name)(x)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def entry_symbols(name: str, shape: tuple[int, int], positive: bool = False) -> Any:
    """An array of real SymPy symbols, one an entry."""
    assumptions = {"positive": True} if positive else {"real": True}
    return filled(lambda i, j: sympy.Symbol(f"{name}[{i},{j}]", **assumptions), shape)


@dataclass(frozen=True, slots=True)
class Partial:
    """d result[position] / d name[variable] = slope, where it is not zero."""

    position: tuple[int, int]
    name: str
    variable: tuple[int, int]
    slope: Any


def partials(
    value: Node,
    entries: Mapping[str, Any],
    sizes: Mapping[str, int],
    module: Module,
    functions: Functions | None = None,
    within: Callable[[], None] = lambda: None,
) -> list[Partial]:
    """All partial derivatives of an expression at concrete sizes with respect to the entries it reads.

    `entries` holds an array of SymPy symbols for each name (or of integers, for an index matrix). `within` is called
    between derivatives and may raise when time is up.
    """
    result = evaluate(value, entries, sizes, EntryField(sizes), module, functions)
    places = {
        entry: (name, position)
        for name in sorted(symbols(value))
        for position, entry in _positions(entries[name])
        if isinstance(entry, sympy.Symbol)
    }
    found = []
    for position, expression in _positions(result):
        for symbol in sorted(expression.free_symbols & places.keys(), key=lambda s: str(s.name)):
            within()
            slope = sympy.diff(expression, symbol)
            if slope != 0:
                found.append(Partial(position, *places[symbol], slope))
    return found


def _positions(array: Any) -> Iterator[tuple[tuple[int, int], Any]]:
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            yield (i, j), array[i, j]


class EntryValues:
    """Evaluates SymPy expressions in a field, at given values of their symbols and opaque functions."""

    def __init__(self, values: Mapping[Any, Any], field: Field, functions: Functions | None = None) -> None:
        self.known: dict[Any, Any] = dict(values)
        self.field = field
        self.functions = functions or {}

    def __call__(self, expression: Any) -> Any:
        found = self.known.get(expression)
        if found is None:
            found = self.known[expression] = self._compute(expression)
        return found

    def _compute(self, e: Any) -> Any:
        field = self.field
        if e.is_Rational:
            return field.number(Fraction(int(e.p), int(e.q)))
        if e.is_Add or e.is_Mul:
            total = self(e.args[0])
            for x in e.args[1:]:
                total = total + self(x) if e.is_Add else total * self(x)
            return total
        if isinstance(e, sympy.exp):
            return field.function("exp", self(e.args[0]))
        if e.is_Pow:
            return field.power(self(e.base), self(e.exp))
        if isinstance(e, sympy.Piecewise):
            for value, condition in e.args:
                if self.holds(condition):
                    return self(value)
            raise DomainError("no case applies")
        if isinstance(e, (sympy.Max, sympy.Min)):
            return (field.maximum if isinstance(e, sympy.Max) else field.minimum)([self(x) for x in e.args])
        if isinstance(e, sympy.Heaviside):
            step = field.function("sign", self(e.args[0]))
            if step == 0:
                raise Kink("a maximum is attained twice")
            return field.number(Fraction(int(step > 0)))
        if e is sympy.pi:
            return field.function("pi")
        if e is sympy.E:
            return field.function("exp", field.number(Fraction(1)))
        if getattr(e, "is_opaque", False):
            return self.functions[type(e).__name__](field, *map(self, e.args))
        if isinstance(e, sympy.Function):
            name = {"Abs": "abs"}.get(type(e).__name__, type(e).__name__)
            return field.function(name, *map(self, e.args))
        raise DomainError(f"{e} is not a real number")

    def holds(self, condition: Any) -> bool:
        """Whether a SymPy condition holds."""
        if condition in (sympy.true, sympy.false):
            return bool(condition)
        if isinstance(condition, sympy.Rel):
            left, right = self(condition.lhs), self(condition.rhs)
            if condition.rel_op == "!=":
                return bool(left != right)
            return bool(self.field.compare(condition.rel_op, left, right) != 0)
        if isinstance(condition, sympy.ITE):
            chosen = condition.args[1 if self.holds(condition.args[0]) else 2]
            return self.holds(chosen)
        if isinstance(condition, sympy.And):
            return all(self.holds(c) for c in condition.args)
        if isinstance(condition, sympy.Or):
            return any(self.holds(c) for c in condition.args)
        if isinstance(condition, sympy.Not):
            return not self.holds(condition.args[0])
        raise DomainError(f"{condition} is not a comparison")
