"""The rewriting rules one by one: conditions, case analysis, powers, sums, names of bound indices, limits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import pytest

from eqgen.algebra.atoms import UNIT, Atom
from eqgen.algebra.budget import Budget, LimitReached, Undefined
from eqgen.algebra.cases import is_contradictory
from eqgen.algebra.conditions import consequence
from eqgen.algebra.decision import changes, vanishes
from eqgen.algebra.division import divided
from eqgen.algebra.form_text import form_text
from eqgen.algebra.index_form import Algebra
from eqgen.algebra.magnitudes import Digits, DigitsField, TooLong
from eqgen.algebra.normal_form import Form
from eqgen.algebra.recursion import depth, with_room


@pytest.fixture
def algebra() -> Algebra:
    a = Algebra()
    a.top = 4
    return a


def entry(algebra: Algebra, name: str) -> Form:
    return algebra.tensor(name, 0, 0)


# --- conditions ------------------------------------------------------------------------------------------

CONDITIONS: dict[str, tuple[Callable[[Algebra, Form, int], Form], Callable[[Fraction, int], bool]]] = {
    "above": (lambda a, x, c: a.positive(x - a.number(c)), lambda x, c: x > c),
    "below": (lambda a, x, c: a.positive(a.number(c) - x), lambda x, c: x < c),
    "equal": (lambda a, x, c: a.zero(x - a.number(c)), lambda x, c: x == c),
}
POINTS = [Fraction(k, 2) for k in range(-2, 7)]


def value(algebra: Algebra, form: Form, x: Fraction) -> Fraction:
    """The value of a polynomial in conditions on the entry x."""
    total = Fraction(0)
    for monomial, c in form.terms.items():
        term = Fraction(c)
        for serial, e in monomial:
            term *= atom_value(algebra, algebra.atoms[serial], x) ** int(e)
        total += term
    return total


def atom_value(algebra: Algebra, atom: Atom, x: Fraction) -> Fraction:
    if atom.kind == "tensor":
        return x
    d = value(algebra, algebra.condition(atom), x)
    return Fraction(int(d > 0 if atom.kind == "positive" else d == 0))


@pytest.mark.parametrize(("one", "other"), list(product(CONDITIONS, repeat=2)))
@pytest.mark.parametrize(("c", "k"), list(product(range(3), repeat=2)))
def test_products_and_consequences_of_conditions(algebra: Algebra, one: str, other: str, c: int, k: int) -> None:
    x = entry(algebra, "x")
    (left, holds), (right, also) = CONDITIONS[one], CONDITIONS[other]
    first, second = left(algebra, x, c), right(algebra, x, k)
    both = first * second
    atoms = [algebra.atoms[next(iter(f.terms))[0][0]] for f in (first, second)]
    for point in POINTS:
        assert value(algebra, both, point) == int(holds(point, c) and also(point, k))
        implied = consequence(atoms[1], atoms[0], holds(point, c))
        assert implied is None or implied == int(also(point, k))
    assert all(len([s for s, _ in m if algebra.atoms[s].kind != "tensor"]) <= 1 for m in both.terms)


@pytest.mark.parametrize("scale", [1, 3, Fraction(1, 2)])
def test_positive_multiples_are_one_condition(algebra: Algebra, scale: Any) -> None:
    x, y = entry(algebra, "x"), entry(algebra, "y")
    factor = algebra.exp(y) * algebra.dimension("N")
    assert algebra.positive((x - y).scaled(scale) * factor).terms == algebra.positive(x - y).terms
    assert algebra.positive((y - x).scaled(scale)).terms != algebra.positive(x - y).terms


def test_signs_decide_conditions(algebra: Algebra) -> None:
    x = entry(algebra, "x")
    assert algebra.positive(algebra.exp(x)).terms == algebra.one.terms
    assert algebra.positive(-algebra.exp(x) - x * x).terms == {}
    assert algebra.zero(algebra.one + x * x).terms == {}
    assert algebra.positive(x * x).terms == (algebra.one - algebra.zero(x)).terms
    assert algebra.positive(algebra.exp(x) - algebra.one).terms == algebra.positive(x).terms
    assert algebra.sign(x) == 0


def test_a_form_is_split_into_cases(algebra: Algebra) -> None:
    x = entry(algebra, "x")
    largest = algebra.larger(x, algebra.zero_form)
    expected = algebra.positive(x) * (algebra.exp(x) - algebra.one) + algebra.one
    assert algebra.exp(largest).terms == expected.terms


def test_what_changes_with_an_entry(algebra: Algebra) -> None:
    x, t = entry(algebra, "x"), entry(algebra, "t")
    moving = frozenset({"x"})
    assert changes(algebra, x - t, moving) and changes(algebra, algebra.exp(x) * t - algebra.one, moving)
    assert not changes(algebra, t, moving)
    x1, x2 = algebra.tensor("x", 1, 0), algebra.tensor("x", 2, 0)
    assert not changes(algebra, x1 - x2, moving), "it is zero wherever both indices are the same"
    assert changes(algebra, x1 + x2, moving)
    algebra.top = 5
    largest = algebra.maximise((5, "N"), algebra.tensor("x", 5, 0))
    assert not changes(algebra, x1 - largest, moving), "a maximum is attained somewhere"


def test_linear_contradictions(algebra: Algebra) -> None:
    x, y, z = (entry(algebra, name) for name in "xyz")

    def above(form: Form) -> tuple[Any, bool]:
        return {m: Fraction(c) for m, c in form.terms.items()}, True

    assert is_contradictory([above(x - y), above(y - z), above(z - x)])
    assert not is_contradictory([above(x - y), above(y - z), above(x - z)])
    assert is_contradictory([({UNIT: Fraction(0)}, True)]) and not is_contradictory([({UNIT: Fraction(0)}, False)])


# --- powers ----------------------------------------------------------------------------------------------


def test_roots_keep_signs(algebra: Algebra) -> None:
    x = entry(algebra, "x")
    half = Fraction(1, 2)
    root = algebra.power(x * x, half)
    assert root.terms == algebra.function("abs", x).terms != x.terms
    positive = algebra.exp(x)
    assert algebra.power(positive * positive, half).terms == positive.terms
    assert algebra.power(algebra.number(8), half).terms == algebra.power(algebra.number(2), half).scaled(2).terms
    assert (algebra.power(x, half) * algebra.power(x, half)).terms == x.terms


def test_logarithms_split_over_what_is_positive_only(algebra: Algebra) -> None:
    x, y = entry(algebra, "x"), entry(algebra, "y")
    assert algebra.log(algebra.exp(x) * y).terms == (x + algebra.log(y)).terms
    assert algebra.log(x * y).terms != (algebra.log(x) + algebra.log(y)).terms
    assert algebra.log(x * x).terms != algebra.log(x).scaled(2).terms
    assert (
        algebra.log(algebra.number(6)).terms == (algebra.log(algebra.number(2)) + algebra.log(algebra.number(3))).terms
    )


def test_what_has_no_value(algebra: Algebra) -> None:
    x = entry(algebra, "x")
    actions: list[Callable[[], Form]] = [
        lambda: algebra.power(x - x, -1),
        lambda: algebra.log(x - x),
        lambda: algebra.log(-algebra.exp(x)),
        lambda: algebra.power(algebra.number(-2), Fraction(1, 2)),
    ]
    for action in actions:
        with pytest.raises(Undefined):
            action()


def test_quotients_are_divided_with_remainder(algebra: Algebra) -> None:
    x = entry(algebra, "x")
    base = algebra.one + algebra.exp(x)
    quotient = algebra.exp(x) * algebra.power(base, -1)
    assert quotient.terms == (algebra.one - algebra.power(base, -1)).terms
    algebra.reducing = False
    other = Algebra()
    other.reducing = False
    x = entry(other, "x")
    base = other.one + other.exp(x)
    difference = other.exp(x) * other.power(base, -1) + other.power(base, -1) - other.one
    assert difference.terms and vanishes(other, difference) == "everywhere"


# --- sums ------------------------------------------------------------------------------------------------


def test_names_of_bound_indices_do_not_matter(algebra: Algebra) -> None:
    """sum over i, j, k of A[i,j] A[j,k] A[k,i]: all orders in which the indices are named give one atom."""
    results = set()
    for codes in permutations((5, 6, 7)):
        algebra.top = 7
        i, j, k = codes
        form = algebra.tensor("A", i, j) * algebra.tensor("A", j, k) * algebra.tensor("A", k, i)
        results.add(algebra.close(tuple((c, "N") for c in codes), form).key)
        algebra.top = 4
    assert len(results) == 1


def test_symmetric_and_antisymmetric_sums(algebra: Algebra) -> None:
    algebra.top = 6
    x, y = algebra.tensor("x", 5, 0), algebra.tensor("x", 6, 0)
    bounds = ((5, "N"), (6, "N"))
    assert algebra.close(bounds, algebra.power(x - y, -1)).terms == {}
    assert algebra.close(bounds, algebra.power(algebra.one + (x - y) * (x - y), -1)).terms != {}


def test_sums_over_nothing_and_over_deltas(algebra: Algebra) -> None:
    algebra.top = 5
    x = algebra.tensor("x", 1, 0)
    assert algebra.close(((5, "N"),), x).terms == (x * algebra.dimension("N")).terms
    assert algebra.close(((5, 3),), x).terms == x.scaled(3).terms
    assert algebra.close(((5, "N"),), algebra.delta(5, 1) * algebra.tensor("x", 5, 0)).terms == x.terms


def test_a_maximum_gives_up_what_does_not_depend_on_its_index(algebra: Algebra) -> None:
    algebra.top = 5
    x, y = algebra.tensor("x", 1, 5), algebra.tensor("y", 1, 0)
    largest = algebra.maximise((5, "K"), x)
    assert algebra.maximise((5, "K"), x + y).terms == (largest + y).terms
    assert algebra.maximise((5, "K"), x.scaled(2)).terms == largest.scaled(2).terms
    assert algebra.maximise((5, "K"), -x).terms != (-largest).terms
    assert form_text(algebra.maximise((5, "K"), y)) == "y[i,1]"


# --- limits ----------------------------------------------------------------------------------------------


def test_a_budget_ends() -> None:
    algebra = Algebra(Budget(steps=30))
    x, y = entry(algebra, "x"), entry(algebra, "y")
    with pytest.raises(LimitReached):
        algebra.power(x + y, 60)


def test_digits_are_counted_before_they_are_computed() -> None:
    field = DigitsField()
    assert (field.number(Fraction(3, 4)) * field.number(Fraction(5))).above == 5
    assert (field.number(Fraction(1, 4)) + field.number(Fraction(1, 8))).below == 5
    with pytest.raises(TooLong):
        digits = Digits(10, 0)
        for _ in range(40):
            digits = digits * digits


def test_deep_recursion_has_room_or_an_error() -> None:
    def down(n: int) -> int:
        return 0 if n == 0 else 1 + sum(down(m) for m in (n - 1,))

    assert with_room(lambda: down(5_000), 5_000) == 5_000
    with pytest.raises(RecursionError):
        with_room(lambda: down(10_000_000), 10_000)


def test_depth_needs_no_recursion() -> None:
    from eqgen.algebra.expressions import Symbol, apply

    node: Any = Symbol((1, 1), "x")
    for _ in range(20_000):
        node = apply("negate", node)
    assert depth(node) == 20_001


def test_roots_of_products_are_products_of_roots(algebra: Algebra) -> None:
    x, y = entry(algebra, "x"), entry(algebra, "y")
    u, v, q = x * x + y, y * y + x, Fraction(-1, 2)
    difference = algebra.power(u * v, q) - algebra.power(u, q) * algebra.power(v, q)
    assert difference.terms and vanishes(algebra, difference) == "everywhere"
    assert divided(algebra, u * v, u) is not None and divided(algebra, u * v + x, u) is None
