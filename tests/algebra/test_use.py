"""Layers built on layers."""

from __future__ import annotations

import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.elaborate import elaborate
from eqgen.language import DiagnosticError, parse

MASKED = """
layer Masked(p)
    dims    N, D
    input   X: N x D
    random  R: N x D ~ dropout(p)
    output  Y: N x D
    forward
        Y = {value}
    backward
        DX = {gradient}
    evaluate
        Y = X
"""
OUTER = """
layer Outer
    dims    N, K
    input   X: N x K
    random  Q: N x K ~ bernoulli(0.5)
    output  Y: N x K
    forward
        use Masked(X, Q) -> Z
        Y = exp(Z)
    backward
        DZ = hadamard(DY, Y)
    evaluate
        use Masked(X, Q) -> Z
        Y = exp(Z)
"""


def outer(value: str = "hadamard(X, R)", gradient: str = "hadamard(DY, R)") -> TypedDefinition:
    text = MASKED.format(value=value, gradient=gradient) + OUTER
    module = elaborate([parse(text, "test.eq")])
    definition = module.find("Outer", "layer")
    assert definition is not None
    return definition


def test_a_number_that_no_equation_reads_need_not_be_given() -> None:
    blocks = outer().blocks
    assert [(a.target, a.text) for a in blocks["backward"]] == [
        ("DZ", "DZ = hadamard(DY, Y)"),
        ("DX", "DX = hadamard(DZ, Q)"),
    ]


def test_the_evaluation_of_the_used_layer_is_used_in_evaluation() -> None:
    blocks = outer().blocks
    assert [a.text for a in blocks["forward"]] == ["Z = hadamard(X, Q)", "Y = exp(Z)"]
    assert [a.text for a in blocks["evaluate"]] == ["Z = X", "Y = exp(Z)"]


def test_a_number_that_an_equation_reads_cannot_be_given() -> None:
    with pytest.raises(DiagnosticError) as error:
        outer("p * hadamard(X, R)", "p * hadamard(DY, R)")
    first = error.value.diagnostics[0]
    assert (first.code, first.span.text) == ("E303", "Masked") and "`p`" in first.message
