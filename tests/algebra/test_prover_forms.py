"""Index forms against direct evaluation of random expressions at random sizes; exact where all is rational."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from eqgen.algebra.budget import Budget, LimitReached, Undefined
from eqgen.algebra.definitions import Module
from eqgen.algebra.dual_numbers import Dual, DualField, slope_of
from eqgen.algebra.expressions import Node, Symbol, symbols, walk
from eqgen.algebra.fields import (
    ConcreteField,
    DomainError,
    MpmathField,
    RationalField,
    concrete_shape,
    evaluate,
    filled,
)
from eqgen.algebra.index_form import Algebra, Reader, fits
from eqgen.algebra.smooth_functions import SmoothFunctions
from tests.algebra.form_values import FormValues
from tests.algebra.random_expressions import LEAVES, SHAPES, SIZES, Expressions

MODULE = Module(())
FUNCTIONS = SmoothFunctions(("act",), 0)
EXACT = settings(max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PRECISE = settings(EXACT, max_examples=1000)
TOLERANCE = Fraction(1, 10**30)


def draw_expression(random: Random, rational: bool, smooth: bool = False, depth: int = 5) -> Node:
    shape = SHAPES[random.randrange(len(SHAPES))]
    return Expressions(random.randrange, rational, smooth).node(shape, random.randrange(1, depth))


def draw_point(
    random: Random, node: Node, field_of: type[ConcreteField], nonzero: bool
) -> tuple[dict[str, int], Any, dict[str, Any]]:
    """Unequal sizes, the field, and a value for every symbol; without zeros, comparisons hardly ever tie."""
    pool = [1, 2, 3, 4]
    random.shuffle(pool)
    sizes = dict(zip(SIZES, pool, strict=False))
    field = field_of(sizes)

    def entry(i: int, j: int) -> Any:
        if nonzero:
            return field.number(Fraction(random.choice((-1, 1)) * random.randrange(1, 60), random.choice((17, 19, 23))))
        return field.number(Fraction(random.randrange(-3, 4), random.randrange(1, 4)))

    named = {n.name: n.shape for n in walk(node) if isinstance(n, Symbol)}
    return sizes, field, {name: filled(entry, concrete_shape(shape, sizes)) for name, shape in sorted(named.items())}


def same(x: Any, y: Any, field: Any) -> bool:
    if isinstance(field, RationalField):
        return bool(x == y)
    return bool(abs(x - y) <= field.number(TOLERANCE) * (1 + abs(x)))


def positions(array: Any) -> Iterator[tuple[int, int]]:
    return ((int(i), int(j)) for i, j in np.ndindex(*array.shape))


def check_value(random: Random, field_of: type[ConcreteField], rational: bool) -> None:
    node = draw_expression(random, rational)
    sizes, field, values = draw_point(random, node, field_of, nonzero=not rational)
    algebra = Algebra(Budget(40_000, 20.0))
    algebra.top = 2
    try:
        form = Reader(algebra).entry(node, *fits(node.shape, 1, 2))
    except (LimitReached, Undefined):
        assume(False)
    direct = evaluate(node, values, sizes, field, MODULE, FUNCTIONS)
    computed = FormValues(algebra, field, values, sizes, FUNCTIONS)
    for i, j in positions(direct):
        assert same(computed.form(form, {1: i, 2: j}), direct[i, j], field), (sizes, (i, j))


@EXACT
@given(st.randoms(use_true_random=False))
def test_value_of_the_index_form_is_the_explicit_value_exactly(random: Random) -> None:
    check_value(random, RationalField, rational=True)


@PRECISE
@given(st.randoms(use_true_random=False))
def test_value_of_the_index_form_is_the_explicit_value_to_thirty_digits(random: Random) -> None:
    check_value(random, MpmathField, rational=False)


@PRECISE
@given(st.randoms(use_true_random=False))
def test_derivative_of_the_index_form_is_the_derivative_by_dual_numbers(random: Random) -> None:
    """Along a random direction, for a random entry of a smooth expression."""
    node = draw_expression(random, rational=True, smooth=True, depth=4)
    names = sorted(symbols(node))
    assume(names)
    name = names[random.randrange(len(names))]
    shape = next(s for s, leaves in LEAVES.items() if name in leaves)
    sizes, field, values = draw_point(random, node, RationalField, nonzero=False)
    algebra = Algebra(Budget(40_000, 20.0))
    algebra.top = 4
    try:
        entry = Reader(algebra).entry(node, *fits(node.shape, 1, 2))
        slope = algebra.derivative(entry, (name, *fits(shape, 3, 4)))
    except (LimitReached, Undefined):
        assume(False)
    p, q = (random.randrange(n) for n in values[name].shape)
    moved = filled(lambda i, j: Dual(values[name][i, j], Fraction(int((i, j) == (p, q)))), values[name].shape)
    direct = evaluate(node, {**values, name: moved}, sizes, DualField(field), MODULE, FUNCTIONS)
    computed = FormValues(algebra, field, values, sizes, FUNCTIONS)
    for i, j in positions(direct):
        assert computed.form(slope, {1: i, 2: j, 3: p, 4: q}) == slope_of(direct[i, j]), (sizes, name, (i, j), (p, q))


def test_the_evaluator_of_forms_notices_a_wrong_form() -> None:
    """The comparison above can fail: a form with another coefficient is told apart."""
    algebra = Algebra()
    form = algebra.tensor("A", 1, 2)
    values = {"A": filled(lambda i, j: Fraction(i + 2 * j), (2, 2))}
    computed = FormValues(algebra, RationalField({}), values, {}, FUNCTIONS)
    assert computed.form(form.scaled(2), {1: 1, 2: 1}) != values["A"][1, 1]


def test_a_value_outside_the_domain_is_an_error_not_a_number() -> None:
    algebra = Algebra()
    form = algebra.power(algebra.tensor("A", 1, 2), -1)
    values = {"A": filled(lambda i, j: Fraction(0), (1, 1))}
    with pytest.raises(DomainError):
        FormValues(algebra, RationalField({}), values, {}, FUNCTIONS).form(form, {1: 0, 2: 0})
