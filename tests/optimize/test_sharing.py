"""Repeated heavy subexpressions are computed once."""

from __future__ import annotations

from eqgen.algebra.expressions import Symbol, apply
from eqgen.algebra.notation import notation
from eqgen.optimize.program import Step
from eqgen.optimize.sharing import is_heavy, repeated, shared

X = Symbol(("M", "N"), "X")
E = apply("exp", X)


def texts(steps: tuple[Step, ...]) -> list[str]:
    return [f"{s.target} = {notation(s.value)}" for s in steps]


def test_a_function_that_is_used_twice_gets_a_name() -> None:
    step = Step("Y", apply("hadamard", E, apply("column_repeat", apply("rows_sum", E), sizes=("N",))))
    assert texts(shared((step,), [])) == ["s1 = exp(X)", "Y = hadamard(s1, column_repeat(rows_sum(s1), N))"]


def test_the_name_is_computed_before_its_first_use_among_several_statements() -> None:
    steps = (Step("A", X), Step("B", E), Step("C", apply("add", E, X)))
    assert texts(shared(steps, [])) == ["A = X", "s1 = exp(X)", "B = s1", "C = s1 + X"]


def test_arithmetic_is_not_worth_a_matrix() -> None:
    total = apply("add", X, X)
    assert not is_heavy(total)
    step = Step("Y", apply("hadamard", total, total))
    assert texts(shared((step,), [])) == ["Y = hadamard(X + X, X + X)"]


def test_the_outermost_repeated_expression_is_shared_and_not_its_parts() -> None:
    outer = apply("log", apply("add", E, X))
    assert repeated([apply("add", outer, outer)]) == [outer]


def test_taken_names_are_avoided() -> None:
    step = Step("Y", apply("add", E, E))
    assert texts(shared((step,), ["s1", "s2"]))[0] == "s3 = exp(X)"
