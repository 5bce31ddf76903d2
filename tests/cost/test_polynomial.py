"""Polynomials in sizes: arithmetic against SymPy, and how they are written."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from eqgen.algebra.polynomial import ZERO, Polynomial, limit_ratio, polynomial, size

N, D, K = size("N"), size("D"), size("K")

monomials = st.lists(st.sampled_from("NDK"), max_size=3)
polynomials = st.lists(st.tuples(st.integers(-5, 5), monomials), max_size=4).map(
    lambda terms: reduce(
        lambda total, term: total + term[0] * reduce(lambda a, b: a * size(b), term[1], polynomial(1)), terms, ZERO
    )
)
numbers = st.fixed_dictionaries({name: st.integers(1, 50) for name in "NDK"})


def in_sympy(p: Polynomial) -> sympy.Expr:
    return sympy.Add(*(c * sympy.Mul(*map(sympy.Symbol, m)) for m, c in p.terms))


@given(polynomials, polynomials, numbers)
def test_arithmetic_is_that_of_sympy(p: Polynomial, q: Polynomial, sizes: dict[str, int]) -> None:
    assert in_sympy(p + q) == sympy.expand(in_sympy(p) + in_sympy(q))
    assert in_sympy(p * q) == sympy.expand(in_sympy(p) * in_sympy(q))
    assert p - p == ZERO and not p - p
    assert p.value(sizes) == in_sympy(p).subs(sizes)
    assert p.at({"N": sizes["N"]}).value(sizes) == p.value(sizes)
    assert 3 * p == p * 3 == p + p + p


@given(polynomials)
def test_text_and_latex_can_be_read_back(p: Polynomial) -> None:
    for text in (p.text(("N", "D", "K")), p.latex(), str(p)):
        spelled = text.replace("^", "**").replace("{", "").replace("}", "").replace(" + ", "+").replace(" - ", "-")
        read = sympy.sympify(spelled.replace(" ", "*"), locals={name: sympy.Symbol(name) for name in "NDK"})
        assert read == in_sympy(p)


def test_terms_of_high_degree_come_first_and_sizes_in_their_order() -> None:
    p = K * N * N + 2 * N * D * K + K * N + 7 - D
    assert p.text(("N", "D", "K")) == "N^2 K + 2 N D K + N K - D + 7"
    assert p.latex(("N", "D", "K")) == "N^{2} K + 2 N D K + N K - D + 7"
    assert (N * size("width")).latex() == r"N \mathit{width}"
    assert ZERO.text() == "0" and (-1 * N).text() == "-N"


def test_a_missing_size_is_named() -> None:
    with pytest.raises(KeyError, match="K"):
        (N * K).value({"N": 3})


def test_limits_of_ratios() -> None:
    assert limit_ratio(4 * N * D * K + N, 2 * N * D * K + 5 * N * K) == 2
    assert limit_ratio(3 * N * D, 2 * N * D + 1) == Fraction(3, 2)
    assert limit_ratio(N, N * N) == 0
    assert limit_ratio(N * D, N * K) is None
    assert limit_ratio(N * N, N) is None
    assert limit_ratio(N, ZERO) is None
