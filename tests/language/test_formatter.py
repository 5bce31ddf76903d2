"""`format_source`: canonical text, idempotent, comments kept, meaning unchanged."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from eqgen.language import DiagnosticError, format_source, parse
from eqgen.language.canonical import canonical_file
from eqgen.language.printer import WIDTH, expression_text
from tests.language import examples
from tests.language.notation import expression
from tests.language.strategies import EXPRESSIONS, definitions


@pytest.mark.parametrize("text", [*examples.ALL, examples.FILE])
def test_canonical_texts_stay(text: str) -> None:
    assert format_source(text) == text


def test_mathematics_becomes_api_names() -> None:
    assert (
        format_source("""\
layer BatchNormalization ( )   # trailing
  # first
  "Batch"
  dims N,D
  input X : N×D
  param β, γ: 1xD=1.0
  output  Y : N x D
  # before
  forward  # fwd
    R = X − 1_N·1_Nᵀ/N·X
    Σ = diag(R.T@R)ᵀ/N   # the variance


    Z = (1_N·Σ^(-1/2)) ⊙ R
    Y = (1_N·γ) ⊙ Z + 1_N·β
    # end of forward
  # leads to backward
  backward

    DZ = (1_N·γ)⊙DY
    Dβ = 1_Nᵀ·DY
    DX = (1/N·1_N·Σ^(-1/2)) ⊙ ( # scaled
      (N·𝕀_N − 1_N·1_Nᵀ)·DZ − Z ⊙ (1_N·diag(Zᵀ·DZ)ᵀ))  # tail
# last
""")
        == """\
layer BatchNormalization  # trailing
    # first
    "Batch"
    dims    N, D
    input   X: N x D
    param   beta, gamma: 1 x D = 1
    output  Y: N x D

    # before
    forward  # fwd
        R     = X - ones(N, N) / N * X
        Sigma = diag(R.T * R).T / N  # the variance

        Z = hadamard(row_repeat(Sigma^(-1 / 2), N), R)
        Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)
        # end of forward

    # leads to backward
    backward
        DZ    = hadamard(row_repeat(gamma, N), DY)
        Dbeta = columns_sum(DY)
        # scaled
        DX = hadamard(
            1 / N * ones(N) * Sigma^(-1 / 2),
            (N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N))
        )  # tail

# last
"""
    )


SHAPES = "lemma example(c)\n    X: N x K\n    b: 1 x K\n    x: N x 1\n    s: 1 x 1\n"


@pytest.mark.parametrize(
    ("mathematics", "api"),
    [
        ("X·1_K", "rows_sum(X)"),
        ("1_Nᵀ·X", "columns_sum(X)"),
        ("1_Nᵀ·X·1_K", "elements_sum(X)"),
        ("1_Nᵀ·(X·1_K)", "elements_sum(X)"),
        ("-1_Nᵀ·X·1_K", "-elements_sum(X)"),
        ("-1_N·b", "-row_repeat(b, N)"),
        ("1_N·b", "row_repeat(b, N)"),
        ("x·1_Kᵀ", "column_repeat(x, K)"),
        ("1_N·1_Nᵀ", "ones(N, N)"),
        ("1_N·1_Kᵀ", "ones(N, K)"),
        ("X·1_K·1_Kᵀ ⊙ X", "hadamard(column_repeat(rows_sum(X), K), X)"),
        ("(X ⊙ log(X))·1_K", "rows_sum(hadamard(X, log(X)))"),
        ("(X·DXᵀ)·1_N", "rows_sum(X * DX.T)"),
        ("apply(x -> max(x, 0), X)ᵀ", "apply(x -> max(x, 0), X).T"),
        ("𝕀_N·0_{N,K}", "identity(N) * zeros(N, K)"),
        ("act.gradient(X)", "act'(X)"),
        # a number times ones is no sum, and neither is what has an unknown or another shape
        ("2·1_K", "2 * ones(K)"),
        ("c·1_K", "c * ones(K)"),
        ("N·1_K", "N * ones(K)"),
        ("s·1_K", "s * ones(K)"),
        ("1_Kᵀ·s", "ones(K).T * s"),
        ("s·1_Kᵀ", "s * ones(K).T"),
        ("1_N·2", "ones(N) * 2"),
        ("(b·X.T·x)·1_K", "b * X.T * x * ones(K)"),
        ("unknown·1_K", "unknown * ones(K)"),
        ("X·1_N", "X * ones(N)"),
        ("1_N·X", "ones(N) * X"),
        ("elements_sum(X)·1_K", "elements_sum(X) * ones(K)"),
        ("apply(X -> X·1_K, b)", "apply(X -> X * ones(K), b)"),
        ("(1 / b)·1_K", "1 / b * ones(K)"),
    ],
)
def test_canonical_form(mathematics: str, api: str) -> None:
    assert format_source(f"{SHAPES}    Z = {mathematics}\n") == f"{SHAPES}    Z = {api}\n"


def test_shapes_follow_from_equations_and_declarations() -> None:
    text = """\
layer Example(act)
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    output  Y: N x K

    forward
        Z = X * W.T
        A = act(Z)
        B = softmax(Z)
        Y = A

    backward
        r = {A}
        s = {B}
        t = {DY}
"""
    before = text.format(A="A·1_K", B="B·1_K", DY="DYᵀ·1_N")
    after = text.format(A="rows_sum(A)", B="B * ones(K)", DY="rows_sum(DY.T)")
    assert format_source(before) == after


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("0.010", "0.01"),
        ("1e-8", "1e-8"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-5"),
        ("25e-1", "2.5"),
        ("1E3", "1000"),
        ("1.50e20", "1.5e20"),
        ("100000", "100000"),
        ("0.0", "0"),
        ("1e400", "1e400"),
        ("9" * 90 + "e-400", "9" * 90 + "e-400"),
    ],
)
def test_numbers(literal: str, text: str) -> None:
    assert expression_text(expression(literal)) == text


def test_long_lines_break_inside_brackets() -> None:
    long = "a_rather_long_name_" * 2
    chain = " " * len(f"    jacobian(Y, {long}) ")
    text = f"""\
lemma example
    Z = hadamard({long}, {long}.T * {long})
    let Y = {long} * {long} - {long}.T / {long}
    jacobian(Y, {long}) = -({long} + {long} + {long}).T = {long}
    assume {long} > 0, {long}({long}, {long})
    use {long}({long}, {long}) -> Y
"""
    assert (
        format_source(text)
        == f"""\
lemma example
    Z = hadamard(
        {long},
        {long}.T * {long}
    )
    let Y = (
        {long} * {long}
        - {long}.T / {long}
    )
    jacobian(Y, {long}) = -(
        {long}
        + {long}
        + {long}
    ).T
{chain}= {long}
    assume  {long} > 0, {long}(
        {long},
        {long}
    )
    use {long}(
        {long},
        {long}
    ) -> Y
"""
    )


def test_a_long_header() -> None:
    parameters = [f"parameter_number_{number}: N x K" for number in range(5)]
    text = f"function f({', '.join(parameters)})\n    = parameter_number_1\n"
    joined = ",\n    ".join(parameters)
    assert format_source(text) == f"function f(\n    {joined}\n)\n    = parameter_number_1\n"


def test_errors_are_raised() -> None:
    with pytest.raises(DiagnosticError, match="E012"):
        format_source("nonsense", "f.eq")


def test_a_statement_that_grows_beyond_the_limit() -> None:
    text = "lemma a\n    Z = f(" + ", ".join(["1_N"] * 2400) + ")\n"
    parse(text)
    with pytest.raises(DiagnosticError, match="E011"):
        format_source(text)


def test_comments_find_their_block() -> None:
    text = """\
# a file

# about the layer
layer A
    # the first line
    forward
        # in forward
        Y = X

        # still in forward
    # in the layer

    # leads to backward
    backward
        DX = DY
# leads to the loss
loss B
    # only comments follow
    L = x
    # in the loss
# at the end
"""
    assert format_source(text) == text.replace("DX = DY\n#", "DX = DY\n\n#").replace("loss\n#", "loss\n\n#")


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_printing_an_expression_keeps_it(text: str) -> None:
    parsed = expression(text)
    assert expression(expression_text(parsed)) == parsed


@settings(max_examples=150, deadline=None)
@given(definitions())
def test_formatting_keeps_meaning_and_comments(text: str) -> None:
    formatted = format_source(text)
    before, after = parse(text), parse(formatted)
    assert after.definitions == canonical_file(before).definitions
    assert format_source(formatted) == formatted
    comments = re.compile("#.*")
    assert sorted(comments.findall(formatted)) == sorted(comments.findall(text))
    assert all(line == line.rstrip() for line in formatted.split("\n"))
    assert "\n\n\n" not in formatted


@settings(max_examples=100, deadline=None)
@given(definitions())
def test_lines_are_short_where_brackets_allow_it(text: str) -> None:
    for line in format_source(text).split("\n"):
        assert len(line.split("  #")[0]) <= WIDTH + 20, line
