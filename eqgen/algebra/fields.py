"""Fields: the arithmetics in which expressions are evaluated, and `evaluate`, the fold over the table's explicit cells.

    RationalField   exact fractions, for what is rational
    MpmathField     real numbers with 50 digits
    FloatField      double precision
    SympyField      SymPy expressions

Each satisfies `Field`, and `IndexField` at concrete sizes, where a sum over a dimension is a loop. A condition is a
number, 1 where it holds and 0 elsewhere. Outside a function's domain a field raises DomainError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Constant, Dim, Invoke, Node, Shape, Size, Symbol
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.operations.row import Field

DIGITS = 50
LARGEST_EXPONENT = 1_000
MOST_BITS = 20_000
LARGEST_ARGUMENT = 10**30
"""Where a function of a larger argument stops: the exponential of one has more digits in its exponent than fit."""

Functions: TypeAlias = Mapping[str, Callable[..., Any]]
"""Values for activations that are parameters of a layer: `act` and `act'`, each called with the field and an entry."""

_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
}  # fmt: skip


class NotPolynomial(ArithmeticError):
    """The value is not a rational number, so exact rational arithmetic cannot hold it."""


class DomainError(ArithmeticError):
    """A function has no real value there: log(-1), 1/0, (-1)^(1/2)."""


class ConcreteField:
    """What all fields over numbers share; sizes that occur by name have the values given at construction."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = dict(sizes or {})

    def number(self, value: Fraction) -> Any:
        raise NotImplementedError

    def extent(self, dim: Dim) -> int:
        return dim if isinstance(dim, int) else self.sizes[dim]

    def size(self, dim: Dim) -> Any:
        return self.number(Fraction(self.extent(dim)))

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return yes if condition != 0 else no

    def compare(self, relation: str, left: Any, right: Any) -> Any:
        return self.number(Fraction(int(_RELATIONS[relation](left, right))))

    def maximum(self, values: Sequence[Any]) -> Any:
        return max(values)

    def minimum(self, values: Sequence[Any]) -> Any:
        return min(values)

    def sum(self, dim: Dim, term: Callable[[Any], Any]) -> Any:
        total = self.number(Fraction(0))
        for position in range(self.extent(dim)):
            total = total + term(position)
        return total

    def delta(self, i: Any, j: Any) -> Any:
        return self.number(Fraction(int(i == j)))

    def maximum_over(self, dim: Dim, term: Callable[[Any], Any]) -> Any:
        return self.maximum([term(position) for position in range(self.extent(dim))])

    def selection(self, index: Any, position: Any) -> Any:
        return self.number(Fraction(int(int(index) == position)))


class RationalField(ConcreteField):
    """Exact fractions. Raises NotPolynomial for functions and powers with irrational values."""

    def number(self, value: Fraction) -> Fraction:
        return value

    def power(self, base: Fraction, exponent: Fraction) -> Fraction:
        if base == 0 and exponent < 0:
            raise DomainError("division by zero")
        if exponent.denominator != 1:
            base = Fraction(*(_root(part, exponent.denominator) for part in (base.numerator, base.denominator)))
        if abs(exponent.numerator) > LARGEST_EXPONENT:
            raise NotPolynomial(f"a power of degree {exponent.numerator} is left to floating point")
        return base**exponent.numerator

    def settled(self, array: Any) -> Any:
        """The array, unless its entries have become too long; repeated squaring doubles the digits every time."""
        if any(max(abs(v.numerator), v.denominator).bit_length() > MOST_BITS for v in array.flat):
            raise NotPolynomial("exact fractions of this length are left to floating point")
        return array

    def function(self, name: str, *arguments: Fraction) -> Fraction:
        if name == "abs":
            return abs(arguments[0])
        if name == "sign":
            return Fraction((arguments[0] > 0) - (arguments[0] < 0))
        if name == "floor":
            return Fraction(math.floor(arguments[0]))
        raise NotPolynomial(f"{name} has irrational values")


def _root(value: int, degree: int) -> int:
    """The root of a whole number, if it is whole."""
    if value < 0:
        raise DomainError("root of a negative number")
    try:
        root: int = round(value ** (1 / degree))
    except OverflowError as error:
        raise NotPolynomial("a root of a large number is left to floating point") from error
    if root**degree != value:
        raise NotPolynomial(f"the root of {value} is irrational")
    return root


class _RealField(ConcreteField):
    """Floating-point numbers of a library that has exp, log, tanh, erf, floor and pi."""

    library: Any

    def real(self, value: Any) -> Any:
        raise NotImplementedError

    def power(self, base: Any, exponent: Any) -> Any:
        if base == 0 and exponent < 0:
            raise DomainError("division by zero")
        if abs(exponent) > LARGEST_ARGUMENT:
            raise OverflowError("a power of this degree has no value in floating point")
        whole = exponent == int(exponent)
        if base < 0 and not whole:
            raise DomainError("fractional power of a negative number")
        return base ** int(exponent) if whole else base**exponent

    def function(self, name: str, *arguments: Any) -> Any:
        if name == "pi":
            return self.real(self.library.pi)
        x = arguments[0]
        if name == "abs":
            return abs(x)
        if name == "sign":
            return self.real((x > 0) - (x < 0))
        if abs(x) > LARGEST_ARGUMENT:
            raise OverflowError(f"{name} of so large a number is not computed")
        if name == "sigmoid":
            e = self.library.exp(-abs(x))
            return self.real((1 if x >= 0 else e) / (1 + e))
        if name == "log" and x <= 0:
            raise DomainError("logarithm of a number that is not positive")
        return self.real(getattr(self.library, name)(x))


class FloatField(_RealField):
    """Double precision by Python's `math`; raises OverflowError where a value is too large."""

    library = math

    def number(self, value: Fraction) -> float:
        return float(value)

    def real(self, value: Any) -> float:
        return float(value)


@cache
def _fifty_digits() -> Any:
    import mpmath

    context = mpmath.MPContext()
    context.dps = DIGITS
    return context


class MpmathField(_RealField):
    """Real numbers with 50 decimal digits, in a context of their own."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        super().__init__(sizes)
        self.library = _fifty_digits()

    def number(self, value: Fraction) -> Any:
        return self.library.mpf(value.numerator) / value.denominator

    def real(self, value: Any) -> Any:
        return self.library.mpf(value)


class SympyField(ConcreteField):
    """SymPy expressions over real symbols. A condition is Piecewise((1, holds), (0, True)).

    A size without a value is a positive integer symbol.
    """

    def number(self, value: Fraction) -> Any:
        import sympy

        return sympy.Rational(value.numerator, value.denominator)

    def size(self, dim: Dim) -> Any:
        import sympy

        if isinstance(dim, int) or dim in self.sizes:
            return super().size(dim)
        return sympy.Symbol(dim, integer=True, positive=True)

    def power(self, base: Any, exponent: Any) -> Any:
        import sympy

        # Assumptions of compound expressions are slow to ask for; what is drawn decides about their domain.
        if base == 0 and exponent.is_negative:
            raise DomainError("division by zero")
        return sympy.Pow(base, exponent)

    def function(self, name: str, *arguments: Any) -> Any:
        import sympy

        if name == "pi":
            return sympy.pi
        if name == "sigmoid":
            return 1 / (1 + sympy.exp(-arguments[0]))
        if name == "log" and arguments[0].is_Number and arguments[0] <= 0:
            raise DomainError("logarithm of a number that is not positive")
        return getattr(sympy, {"abs": "Abs"}.get(name, name))(*arguments)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        import sympy

        if condition.is_number:
            return yes if condition != 0 else no
        # What `compare` made is taken apart again, so that no condition on a condition arises.
        made_here = isinstance(condition, sympy.Piecewise) and [p.expr for p in condition.args] == [1, 0]
        holds = condition.args[0].cond if made_here else sympy.Ne(condition, 0)
        return sympy.Piecewise((yes, holds), (no, True))

    def compare(self, relation: str, left: Any, right: Any) -> Any:
        import sympy

        holds = sympy.Rel(left, right, relation)
        if holds in (sympy.true, sympy.false):
            return sympy.Integer(int(bool(holds)))
        return sympy.Piecewise((1, holds), (0, True))

    def maximum(self, values: Sequence[Any]) -> Any:
        import sympy

        return sympy.Max(*values)

    def minimum(self, values: Sequence[Any]) -> Any:
        import sympy

        return sympy.Min(*values)


def filled(entry: Callable[[int, int], Any], shape: tuple[int, int]) -> Any:
    """An object array of the given shape with `entry(i, j)` at row i, column j."""
    result = np.empty(shape, dtype=object)
    for i, j in np.ndindex(*shape):
        result[i, j] = entry(i, j)
    return result


def concrete_shape(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, int]:
    rows, columns = (d if isinstance(d, int) else sizes[d] for d in shape)
    return rows, columns


def evaluate(
    node: Node,
    values: Mapping[str, Any],
    sizes: Mapping[str, int],
    field: Field,
    module: Module,
    functions: Functions | None = None,
) -> Any:
    """The value of an expression at concrete sizes: a two-dimensional NumPy array of objects of the field.

    `values` gives each symbol such an array, of its shape. `sizes` also gives the (zero-based) index that `row` and
    `column` select. Calls are replaced by their definitions in `module`; an activation that is a parameter of a layer
    is looked up in `functions`, its derivative under its name with a prime.

    Raises KeyError for a symbol, size or function without value, and what the field raises outside its domain.
    """
    known: dict[int, Any] = {}
    # The memo goes by identity, so the inlined expression must outlive it.
    root = inline(node, module)

    def value(n: Node) -> Any:
        found = known.get(id(n))
        if found is None:
            found = known[id(n)] = compute(n)
        return found

    def compute(n: Node) -> Any:
        match n:
            case Symbol():
                return values[n.name]
            case Constant():
                return filled(lambda i, j: field.number(n.value), (1, 1))
            case Size():
                return filled(lambda i, j: field.number(Fraction(sizes[n.name])), (1, 1))
            case Apply():
                concrete = tuple(d if isinstance(d, int) else sizes[d] for d in n.sizes)
                result = TABLE[n.op].explicit(field, [value(a) for a in n.args], concrete)
                return field.settled(result) if isinstance(field, RationalField) else result
            case Invoke():
                function = (functions or {})[n.function + "'" * n.derivative]
                args = [value(a) for a in n.args]
                wide = concrete_shape(n.shape, sizes)
                spread = [np.broadcast_to(a, wide) for a in args]
                return filled(lambda i, j: function(field, *(a[i, j] for a in spread)), wide)
        raise TypeError(f"{type(n).__name__} has no value of its own; a derivative is replaced before evaluation")

    return value(root)
