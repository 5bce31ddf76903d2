"""What may select rows and columns: matrices that are declared to hold indices, and nothing that is computed."""

from __future__ import annotations

import pytest

from eqgen.algebra.checking import check_definition
from eqgen.algebra.library import load_text
from eqgen.language.diagnostics import DiagnosticError

SELECTING = """layer Selecting
    dims   N, V, C, D
    input  X: N x 1 index(V)
    param  E: V x D
    param  F: C x D
    param  w: N x 1
    output Y: N x D

    forward
        Y = {}
"""

TRANSPOSED = """layer Transposed
    dims   N, V, D
    input  X: N x 1 index(V)
    param  E: D x V
    output Y: N x D

    forward
        Y = column_gather(E, X.T).T
"""


@pytest.mark.parametrize(
    ("equation", "found", "message"),
    [
        ("row_gather(E, X * ones(1, 1))", "X * ones(1, 1)", "does not hold indices"),
        ("row_gather(E, column_gather(X, zeros(1, 1)))", "zeros(1, 1)", "does not hold indices"),
        ("row_gather(E, w)", "w", "does not hold indices"),
        ("row_gather(E, 2 * X)", "2 * X", "does not hold indices"),
        ("column_gather(E.T, w.T).T", "w.T", "does not hold indices"),
        ("row_gather(F, X)", "X", "stay below V, and here they select from C"),
        ("row_gather(row_scatter_add(X, row_gather(E, X), C), X)", "X", "stay below V, and here they select from C"),
    ],
)
def test_refusals(equation: str, found: str, message: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        load_text(SELECTING.format(equation))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span.text) == ("E208", found)
    assert message in diagnostic.message


def test_names_for_indices_and_operands_of_functions_are_none() -> None:
    for text in (
        SELECTING.format("row_gather(E, I)").replace("        Y", "        I = X\n        Y"),
        "function pick(E: V x D, x: N x 1)\n    = row_gather(E, x)\n",
    ):
        with pytest.raises(DiagnosticError) as caught:
            load_text(text)
        assert [d.code for d in caught.value.diagnostics] == ["E208"]


def test_what_is_declared_is_an_index_and_so_is_its_transpose() -> None:
    for text in (SELECTING.format("row_gather(E, X)").replace("    param  F: C x D\n", ""), TRANSPOSED):
        text = text.replace("    param  w: N x 1\n", "").replace("V, C, D", "V, D")
        module = load_text(text)
        definition = next(d for d in module.definitions if d.name in ("Selecting", "Transposed"))
        assert [e.verdict for e in check_definition(definition, module)] == ["proved"]
