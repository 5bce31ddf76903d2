"""Random definitions in either notation, and random damage to texts, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.language import examples

NAMES = st.sampled_from(["X", "Y", "W", "b", "DX", "γ", "Σ_1", "x", "state", "delta'", "N", "e"])
SIZES = st.sampled_from(["N", "K", "3"])


def _ones(size: str) -> str:
    return f"1_{size}"


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from([" + ", "-", " − ", "*", "·", " @ ", "/", " ⊙ ", "  *  "])
    functions = st.sampled_from(["exp", "rows_sum", "columns_sum", "hadamard", "softmax", "act'", "act.gradient"])
    return st.one_of(
        st.builds(lambda left, sign, right: f"{left}{sign}{right}", inner, signs, inner),
        st.builds(lambda operand: f"({operand})", inner),
        st.builds(lambda operand: f"-{operand}", inner),
        st.builds(lambda operand: f"({operand}).T", inner),
        st.builds(lambda operand: f"({operand})ᵀ", inner),
        st.builds(lambda operand: f"({operand})²", inner),
        st.builds(lambda base, exponent: f"({base})^({exponent})", inner, inner),
        st.builds(lambda operand, size: f"({operand})·1_{size}", inner, SIZES),
        st.builds(lambda operand, size: f"1_{size}ᵀ·{operand}", inner, SIZES),
        st.builds(lambda operand, size: f"1_{size}·({operand})", inner, SIZES),
        st.builds(lambda operand, size: f"({operand})·1_{size}ᵀ", inner, SIZES),
        st.builds(lambda rows, operand, columns: f"-1_{rows}ᵀ·({operand})·1_{columns}", SIZES, inner, SIZES),
        st.builds(lambda name, arguments: f"{name}({', '.join(arguments)})", functions, st.lists(inner, max_size=3)),
        st.builds(lambda body, argument: f"apply((x, y) -> {body}, {argument})", inner, inner),
        st.builds(lambda left, right: f"where({left} <= {right}, {left}, 0)", inner, inner),
    )


ATOMS = st.one_of(
    NAMES,
    st.sampled_from(["1_N", "1_{N,K}", "0_3", "𝕀_N", "1", "0.01", "1e-8", "1234567890123456789", "2.50"]),
    st.builds(_ones, SIZES),
)
EXPRESSIONS = st.recursive(ATOMS, _compound, max_leaves=12)

COMMENTS = st.sampled_from(["", "", "", "  # why", "# é"])
GAPS = st.sampled_from(["", "", "\n", "\n\n", "        # alone\n", "# left\n", "\n      # between\n\n"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line of a definition's body, without its indentation and end."""
    value = draw(EXPRESSIONS)
    return draw(
        st.sampled_from(
            [
                f"Z = {value}",
                f"longer_name = {value}",
                f"f(x) = {value} = {value}",
                f"Y = (  # inside\n            {value}\n            )",
                f"let e = {value}",
                f"assume {value} > 0, X<1",
                "input   A,B : N×K sparse index(N)",
                "state s = 0",
                "R ~ normal(0,1/N)",
                f"use Linear( X,{value} )->Z",
            ]
        )
    )


@st.composite
def definitions(draw: st.DrawFn) -> str:
    """A lemma that parses: declarations, equations, blocks, comments and empty lines in many layouts."""
    text = draw(GAPS).replace("        #", "#") + "lemma example(c = 2)" + draw(COMMENTS) + "\n"
    text += "    X, Y: N x K\n    W: K x N\n    b: 1 x K\n"
    for number in range(draw(st.integers(1, 5))):
        text += draw(GAPS)
        kind = draw(st.sampled_from(["line", "line", "chain", "block"]))
        if kind == "line":
            text += f"    {draw(lines())}{draw(COMMENTS)}\n"
        elif kind == "chain":
            text += f"    v{number} = {draw(EXPRESSIONS)}{draw(COMMENTS)}\n{draw(GAPS)}      = {draw(EXPRESSIONS)}\n"
        else:
            header = draw(st.sampled_from(["for each row i", "then", "when one_hot(T)"]))
            text += f"    {header}{draw(COMMENTS)}\n{draw(GAPS)}        u = {draw(EXPRESSIONS)}\n{draw(GAPS)}"
    return text


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A good file with some pieces removed, repeated or replaced."""
    text = draw(st.sampled_from([*examples.ALL, examples.FILE]))
    pieces = st.sampled_from(
        [*"()[]{}=,:~x×·⊙ᵀ²−γ@^'\"#\t\n .-+_1\0\x1b\r", "    ", "\n    ", "->", "1_{", "é", "\ud800", "𝕀_"]
    )
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.one_of(pieces, st.just(""), st.just(text[start:end] * 2))) + text[end:]
    return text
