"""Expressions as SymPy matrix expressions, as a user meets them."""

from __future__ import annotations

import pytest
import sympy

from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.expressions import Derivative, Invoke, Size, Symbol, apply, constant
from eqgen.algebra.symbolic import dimension, to_sympy
from eqgen.language.parser import parse

N, D, K = map(dimension, "NDK")


def test_names_of_sympy_are_just_names() -> None:
    """E, I, N, Q, S would be Euler's number, the imaginary unit, functions and registries to SymPy's parser."""
    product = apply("matmul", Symbol(("N", "S"), "E"), Symbol(("S", "Q"), "I"))
    expression = to_sympy(apply("scale", Symbol((1, 1), "N"), product))
    assert str(expression) == "N[0, 0]*E*I"
    assert expression.shape == (dimension("N"), dimension("Q"))
    assert all(isinstance(m, sympy.MatrixSymbol) for m in expression.atoms(sympy.MatrixSymbol))
    entry = expression.subs({dimension("N"): 1, dimension("S"): 2, dimension("Q"): 1}).as_explicit()[0, 0]
    assert str(sympy.expand(entry)) == "E[0, 0]*I[0, 0]*N[0, 0] + E[0, 1]*I[1, 0]*N[0, 0]"


def test_sympy_has_its_own_operations() -> None:
    x, w, b = Symbol(("N", "D"), "X"), Symbol(("K", "D"), "W"), Symbol((1, "K"), "b")
    z = apply("add", apply("matmul", x, apply("transpose", w)), apply("row_repeat", b, sizes=("N",)))
    expression = to_sympy(z)
    assert isinstance(expression, sympy.MatAdd) and str(expression) == "X*W.T + row_repeat(b, N)"
    assert expression.atoms(sympy.MatrixSymbol) == {
        sympy.MatrixSymbol("X", N, D), sympy.MatrixSymbol("W", K, D), sympy.MatrixSymbol("b", 1, K),
    }  # fmt: skip
    values = {"X": [[1, 2]], "W": [[3, 4], [5, 6]], "b": [[7, 8]]}
    shapes = {"X": (1, 2), "W": (2, 2), "b": (1, 2)}
    concrete = expression.subs({N: 1, D: 2, K: 2})
    concrete = concrete.subs({sympy.MatrixSymbol(n, *shapes[n]): sympy.Matrix(v) for n, v in values.items()})
    assert concrete.doit().as_explicit() == sympy.Matrix([[18, 25]])


def test_entries_at_symbolic_positions_are_sums() -> None:
    x = Symbol(("N", "D"), "X")
    i, j = sympy.symbols("i j", integer=True, nonnegative=True)
    (entry,) = to_sympy(apply("columns_mean", x))[0, j].atoms(sympy.Sum)
    assert entry.limits[0][1:] == (0, N - 1)
    largest = to_sympy(apply("rows_max", x))[i, 0]
    assert largest.free_symbols >= {D} and not largest.has(sympy.Max)
    assert largest.subs(D, 2).has(sympy.Max)
    assert r"\max" in sympy.latex(largest)


@pytest.mark.parametrize(
    ("op", "latex"),
    [
        ("columns_sum", r"1_{N}^\top \cdot \left(X + Y\right)"),
        ("rows_mean", r"\tfrac{1}{D} \left(X + Y\right) \cdot 1_{D}"),
        ("square", r"\left(X + Y\right)^{\odot 2}"),
        ("exp", r"e^{X + Y}"),
        ("log", r"\log(X + Y)"),
        ("reciprocal", r"\frac{1}{X + Y}"),
        ("abs", "|X + Y|"),
    ],
)
def test_latex_has_the_brackets_it_needs_and_no_more(op: str, latex: str) -> None:
    x, y = Symbol(("N", "D"), "X"), Symbol(("N", "D"), "Y")
    assert sympy.latex(to_sympy(apply(op, apply("add", x, y)))) == latex


def test_infix_notation_is_bracketed_inside_other_operations() -> None:
    x = Symbol(("N", "D"), "X")
    ratio = apply("divide", x, Size((1, 1), "N"))
    assert sympy.latex(to_sympy(ratio)) == "X / N"
    assert sympy.latex(to_sympy(apply("hadamard", ratio, x))) == r"\left(X / N\right) \circ X"
    assert sympy.latex(to_sympy(apply("exp", ratio))) == "e^{X / N}"


def test_calls_are_replaced_by_their_definitions() -> None:
    module = elaborate([parse("function twice(X: N x K)\n    = X + X\n", "test.eq")])
    call = Invoke(("N", "D"), "twice", (Symbol(("N", "D"), "X"),))
    assert to_sympy(call, module).subs({N: 1, D: 1}).as_explicit()[0, 0] == 2 * sympy.MatrixSymbol("X", 1, 1)[0, 0]
    opaque = to_sympy(Invoke(("N", "D"), "act", (Symbol(("N", "D"), "Z"),), derivative=True))
    assert str(opaque) == "act'(Z)" and sympy.latex(opaque) == r"\mathrm{act'}(Z)"
    assert str(opaque[0, 0]) == "act'(Z[0, 0])"


def test_jacobians_are_those_of_sympy() -> None:
    z = Symbol((1, 2), "z")
    jacobian = to_sympy(Derivative((2, 2), "jacobian", apply("exp", z), z))
    m = sympy.MatrixSymbol("z", 1, 2)
    assert jacobian.as_explicit() == sympy.Matrix([[sympy.exp(m[0, 0]), 0], [0, sympy.exp(m[0, 1])]])
    gradient = to_sympy(Derivative((1, 2), "gradient", apply("elements_sum", apply("square", z)), z))
    assert gradient.as_explicit() == sympy.Matrix([[2 * m[0, 0], 2 * m[0, 1]]])
    assert sympy.latex(jacobian) == r"\frac{\partial e^{z}}{\partial z}"


def test_numbers_and_sizes_are_factors() -> None:
    x = Symbol(("N", "D"), "X")
    assert str(to_sympy(apply("scale", constant(2), x))) == "2*X"
    assert str(to_sympy(apply("scale", Size((1, 1), "N"), x))) == "N*X"
    assert str(to_sympy(apply("add", x, constant(1)))) == "add(X, 1)"
