"""What lemmas may say: chains, rows and columns, derivatives, any activation."""

from __future__ import annotations

import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.expressions import Invoke, walk
from eqgen.language import DiagnosticError, parse


def lemma(*lines: str, header: str = "lemma statement") -> TypedDefinition:
    text = "\n".join([header, *(f"    {line}" for line in lines), ""])
    return elaborate([parse(text, "test.eq")]).definitions[0]


def codes(*lines: str, header: str = "lemma statement") -> list[str]:
    with pytest.raises(DiagnosticError) as error:
        lemma(*lines, header=header)
    return [d.code for d in error.value.diagnostics]


def test_a_chain_is_one_claim_a_step() -> None:
    typed = lemma("A: M x N", "let B = A + A", "B = 2 * A", "  = A - (-A)")
    assert [c.text for c in typed.claims] == ["B = 2 * A", "2 * A = A - (-A)"]
    assert typed.claims[0].left == typed.block("let")[0].value


def test_a_chain_about_rows_assumes_its_first_step_and_claims_the_others() -> None:
    typed = lemma(
        "X, Y, Z: M x N", "for each row i", "    z_i = x_i * y_i.T * y_i", "        = dot(x_i, y_i) * y_i",
        "then", "    Z = hadamard(column_repeat(diag(X * Y.T), N), Y)",
    )  # fmt: skip
    assert [c.text for c in typed.claims] == [
        "x_i * y_i.T * y_i = dot(x_i, y_i) * y_i",
        "Z = hadamard(column_repeat(diag(X * Y.T), N), Y)",
    ]
    assert [c.index for c in typed.claims] == [("row", "i", "M"), ("row", "i", "M")]


def test_columns_have_the_number_of_columns_as_extent() -> None:
    typed = lemma("X, Z: M x N", "for each column j", "    z_j = 2 * x_j", "then", "    Z = X + X")
    assert typed.claims[0].index == ("column", "j", "N")


def test_a_header_parameter_that_is_called_is_any_activation() -> None:
    typed = lemma("z: N x 1", "jacobian(act(z), z) = Diag(act'(z))", header="lemma statement(act)")
    assert typed.activations == ("act",)
    invoked = [n for n in walk(typed.claims[0].right) if isinstance(n, Invoke)]
    assert [(n.function, n.derivative) for n in invoked] == [("act", True)]


@pytest.mark.parametrize("line", ["jacobian(exp(y), y) = Diag(exp(y))", "let J = jacobian(exp(y), y)"])
def test_nothing_is_derived_by_a_name_with_a_value(line: str) -> None:
    assert codes("x: N x 1", "let y = 2 * x", line, "y = x + x") == ["E203"]


def test_unequal_shapes_in_a_chain_about_rows() -> None:
    assert codes("X, Z: M x N", "for each row i", "    z_i = x_i", "        = x_i.T", "then", "    Z = X") == ["E204"]
