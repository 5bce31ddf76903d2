"""Expressions: both notations, precedence, and the exact place of every part."""

from __future__ import annotations

from fractions import Fraction

import pytest

from eqgen.language import DiagnosticError
from eqgen.language.model import Call, Name, Number, walk
from eqgen.language.spelling import GREEK
from tests.language.notation import expression, tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", "(+ a (* b c))"),
        ("a - b - c", "(- (- a b) c)"),
        ("a / b * c", "(* (/ a b) c)"),
        ("a * (b + c)", "(* a (+ b c))"),
        ("-a * b", "(* (neg a) b)"),
        ("a * -b", "(* a (neg b))"),
        ("a - -b", "(- a (neg b))"),
        ("--a", "(neg (neg a))"),
        ("-a^2", "(neg (^ a 2))"),
        ("a^b^c", "(^ a (^ b c))"),
        ("a^-1/2", "(/ (^ a (neg 1)) 2)"),
        ("a^(-1/2)", "(^ a (/ (neg 1) 2))"),
        ("a^-b^c", "(^ a (neg (^ b c)))"),
        ("A.T^2", "(^ (.T A) 2)"),
        ("A^2.T", "(^ A (.T 2))"),
        ("(A^2).T", "(.T (^ A 2))"),
        ("A.T.T", "(.T (.T A))"),
        ("f(A).T * B", "(* (.T (f A)) B)"),
        ("a < b + c", "(< a (+ b c))"),
        ("(a < b) * (c >= d)", "(* (< a b) (>= c d))"),
        ("where(x == 0, 1, x)", "(where (== x 0) 1 x)"),
        ("f()", "(f)"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    assert tree(text) == expected


@pytest.mark.parametrize(
    ("mathematics", "api"),
    [
        ("X·W", "X * W"),
        ("X ⋅ W", "X * W"),
        ("X @ W.T", "X * W.T"),
        ("Xᵀ", "X.T"),
        ("X ⊙ Y", "hadamard(X, Y)"),
        ("X ⊙ Y·Z", "hadamard(X, Y) * Z"),
        ("a − b", "a - b"),
        ("−a", "-a"),
        ("1_N", "ones(N)"),
        ("1_{N}", "ones(N)"),
        ("1_{M,N}", "ones(M, N)"),
        ("1_3", "ones(3)"),
        ("0_N", "zeros(N)"),
        ("0_{M, 2}", "zeros(M, 2)"),
        ("𝕀_N", "identity(N)"),
        ("𝕀_{N}", "identity(N)"),
        ("1_Nᵀ·X", "ones(N).T * X"),
        ("1_N·1_Nᵀ/N", "ones(N) * ones(N).T / N"),
        ("X²", "X^2"),
        ("X⁻¹", "X^-1"),
        ("X¹⁰", "X^10"),
        ("Xᵀ²", "X.T^2"),
        ("X²ᵀ", "(X^2).T"),
        ("a ≤ b", "a <= b"),
        ("a ≥ b", "a >= b"),
        ("act.gradient(Z)", "act'(Z)"),
        ("softmax′(z)", "softmax'(z)"),
        ("Dγ + δ′", "Dgamma + delta'"),
        ("Σ·inv_sqrt_Σ", "Sigma * inv_sqrt_Sigma"),
        ("apply(x → x, X)", "apply(x -> x, X)"),
        ("apply((x) -> x, X)", "apply(x -> x, X)"),
    ],
)
def test_two_spellings(mathematics: str, api: str) -> None:
    assert expression(mathematics) == expression(api)


def test_every_greek_letter_is_a_name() -> None:
    for letter, name in GREEK.items():
        assert tree(f"{letter}x + D{letter}'") == f"(+ {name}x D{name}')"


@pytest.mark.parametrize(
    "name", ["E", "I", "N", "Q", "S", "T", "x", "f", "L", "state", "input", "let", "for", "use", "x_i"]
)
def test_ordinary_names_are_not_stolen(name: str) -> None:
    assert tree(f"{name} + f({name})") == f"(+ {name} (f {name}))"


def test_functions_of_numbers() -> None:
    assert tree("apply(x -> max(x, 0) + 1, X)") == "(apply (lambda (x) (+ (max x 0) 1)) X)"
    assert tree("apply((x, y) -> x * y, X, (Y))") == "(apply (lambda (x y) (* x y)) X Y)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.01", Fraction(1, 100)),
        ("1e-8", Fraction(1, 10**8)),
        ("2.50E+1", Fraction(25)),
        ("007", Fraction(7)),
        ("0.1234567890123456789", Fraction(1234567890123456789, 10**19)),
    ],
)
def test_numbers_are_exact(text: str, value: Fraction) -> None:
    number = expression(text)
    assert isinstance(number, Number)
    assert number.value == value


def test_names_and_functions_are_plain_strings() -> None:
    for node in walk(expression("f(γ, X)ᵀ + 1_N·act.gradient(Z)")):
        if isinstance(node, Name):
            assert type(node.name) is str
        if isinstance(node, Call):
            assert type(node.function) is str


def test_spans_cover_exactly_what_was_written() -> None:
    text = "hadamard(Y, (DY − 1_{N})ᵀ) · act.gradient( Z )²"
    spans = [node.span.text for node in walk(expression(text))]
    assert spans == [
        text,
        "hadamard(Y, (DY − 1_{N})ᵀ)",
        "Y",
        "(DY − 1_{N})ᵀ",
        "(DY − 1_{N})",
        "DY",
        "1_{N}",
        "N",
        "act.gradient( Z )²",
        "act.gradient( Z )",
        "Z",
        "²",
    ]


def test_spans_of_functions_and_operators() -> None:
    text = "-(a + b) * f'(X).T / act.gradient(Z)"
    spans = [node.function_span.text for node in walk(expression(text)) if isinstance(node, Call)]
    assert spans == ["/", "*", "-", "+", ".T", "f'", "act.gradient"]


def test_line_and_column() -> None:
    value = expression("f(a,\n        b)")
    assert isinstance(value, Call)
    assert [(node.span.line, node.span.column) for node in walk(value)] == [(2, 9), (2, 11), (3, 9)]


def test_brackets_continue_an_equation_with_comments_between() -> None:
    assert tree("f(a,  # the first\n      # and then\n      b\n    )") == "(f a b)"


@pytest.mark.parametrize(
    "text", ["a b", "a < b < c", "x -> x", "f(a", "f(a,)", "()", "(a, b)", "a +", "* a", "a..T", "[a]"]
)
def test_not_an_expression(text: str) -> None:
    with pytest.raises(DiagnosticError):
        expression(text)
