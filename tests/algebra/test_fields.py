"""The arithmetics in which expressions are evaluated."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from eqgen.algebra.definitions import Module
from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.expressions import Constant, Invoke, Node, Size, Symbol, apply
from eqgen.algebra.fields import (
    DomainError,
    FloatField,
    MpmathField,
    NotPolynomial,
    RationalField,
    SympyField,
    evaluate,
    filled,
)
from eqgen.language.parser import parse

NUMERIC = [RationalField, MpmathField, FloatField]
NO_MODULE = Module(())


def number(field: Any, numerator: int, denominator: int = 1) -> Any:
    return field.number(Fraction(numerator, denominator))


@pytest.mark.parametrize("kind", NUMERIC)
def test_outside_a_domain_nothing_is_returned(kind: Any) -> None:
    field = kind()
    for base, exponent in (((0,), (-1,)), ((-4,), (1, 2)), ((-2,), (-1, 2))):
        with pytest.raises(DomainError):
            field.power(number(field, *base), number(field, *exponent))
    with pytest.raises((DomainError, NotPolynomial)):
        field.function("log", number(field, 0))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "erf"])
def test_rationals_refuse_irrational_values(name: str) -> None:
    with pytest.raises(NotPolynomial):
        RationalField().function(name, Fraction(1, 2))


def test_rational_roots_are_exact_or_refused() -> None:
    field = RationalField()
    assert field.power(Fraction(4, 9), Fraction(1, 2)) == Fraction(2, 3)
    assert field.power(Fraction(8, 27), Fraction(-2, 3)) == Fraction(9, 4)
    with pytest.raises(NotPolynomial):
        field.power(Fraction(2), Fraction(1, 2))
    with pytest.raises(NotPolynomial):
        field.power(Fraction(10) ** 400 + 1, Fraction(1, 2))


def test_rationals_do_not_grow_without_bound() -> None:
    node: Node = Symbol((1, 1), "X")
    for _ in range(60):
        node = apply("square", node)
    value = {"X": filled(lambda i, j: Fraction(3, 7), (1, 1))}
    with pytest.raises(NotPolynomial):
        evaluate(node, value, {}, RationalField(), NO_MODULE)


def test_fifty_digits() -> None:
    field = MpmathField()
    assert str(field.function("pi")).startswith("3.141592653589793238462643383279502884197169399375")
    e = field.function("exp", number(field, 1))
    assert abs(field.function("log", e) - 1) < number(field, 1, 10**48)
    assert field.function("sigmoid", number(field, -1000)) > 0
    assert 1 - field.function("sigmoid", number(field, 50)) > 0


def test_arguments_without_a_value_in_floating_point() -> None:
    field = MpmathField()
    huge = field.function("exp", field.function("exp", number(field, 60)))
    with pytest.raises(OverflowError):
        field.function("exp", huge)


@pytest.mark.parametrize("kind", NUMERIC)
def test_conditions_are_numbers(kind: Any) -> None:
    field = kind()
    one, two = number(field, 1), number(field, 2)
    assert [field.compare(r, one, two) for r in ("<", "<=", ">", ">=", "==")] == [1, 1, 0, 0, 0]
    assert field.where(field.compare("<", one, two), one, two) == 1
    assert field.where(number(field, 0), one, two) == 2


def test_a_condition_of_sympy_is_taken_apart_again() -> None:
    field = SympyField()
    x = sympy.Symbol("x", real=True)
    condition = field.compare("<", x, sympy.Integer(0))
    assert condition == sympy.Piecewise((1, x < 0), (0, True))
    assert field.where(condition, -x, x) == sympy.Piecewise((-x, x < 0), (x, True))
    assert field.compare("<", sympy.Integer(1), sympy.Integer(2)) == 1
    assert field.where(x, sympy.Integer(1), sympy.Integer(2)) == sympy.Piecewise((1, sympy.Ne(x, 0)), (2, True))


@pytest.mark.parametrize("kind", [*NUMERIC, SympyField])
def test_sums_and_maxima_over_a_dimension_are_loops(kind: Any) -> None:
    field = kind({"N": 4})
    assert field.size("N") == 4 and field.size(3) == 3
    assert field.sum("N", lambda k: number(field, k * k)) == 14
    assert field.maximum_over("N", lambda k: number(field, k * (3 - k))) == 2
    assert [field.delta(1, j) for j in range(3)] == [0, 1, 0]
    assert [field.selection(number(field, 2), v) for v in range(4)] == [0, 0, 1, 0]


def test_a_size_without_a_value_is_a_symbol() -> None:
    assert SympyField().size("N") == sympy.Symbol("N", integer=True, positive=True)


def test_sizes_and_calls_are_put_in() -> None:
    module = elaborate([parse("function mean_row(X: N x K)\n    = columns_sum(X) / N\n", "test.eq")])
    call = Invoke((1, "D"), "mean_row", (Symbol(("B", "D"), "X"),))
    x = {"X": filled(lambda i, j: Fraction(i + j), (4, 2))}
    assert evaluate(call, x, {"B": 4, "D": 2}, RationalField(), module).tolist() == [[Fraction(3, 2), Fraction(5, 2)]]
    assert evaluate(Size((1, 1), "B"), {}, {"B": 4}, RationalField(), module).tolist() == [[4]]
    assert evaluate(Constant((1, 1), Fraction(1, 3)), {}, {}, RationalField(), module).tolist() == [[Fraction(1, 3)]]


def test_opaque_activations_are_given() -> None:
    z = Symbol(("N", 1), "Z")
    values = {"Z": filled(lambda i, j: Fraction(i), (3, 1))}
    functions = {"act": lambda field, x: x * x, "act'": lambda field, x: 2 * x}
    for derivative, expected in ((False, [0, 1, 4]), (True, [0, 2, 4])):
        node = Invoke(("N", 1), "act", (z,), derivative)
        result = evaluate(node, values, {"N": 3}, RationalField(), NO_MODULE, functions)
        assert result.ravel().tolist() == expected
    with pytest.raises(KeyError, match="act"):
        evaluate(Invoke(("N", 1), "act", (z,)), values, {"N": 3}, RationalField(), NO_MODULE)


def test_shared_parts_are_computed_once() -> None:
    """2^200 additions as a tree, 200 as a graph."""
    node: Node = Symbol((1, 1), "X")
    for _ in range(200):
        node = apply("add", node, node)
    calls = []

    class Counting(RationalField):
        def settled(self, array: Any) -> Any:
            calls.append(array)
            return super().settled(array)

    value = {"X": filled(lambda i, j: Fraction(1), (1, 1))}
    assert np.array_equal(
        evaluate(node, value, {}, Counting(), NO_MODULE), np.array([[Fraction(2**200)]], dtype=object)
    )
    assert len(calls) == 200
