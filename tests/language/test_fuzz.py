"""Whatever a text contains, the parser gives a file or diagnostics that can be shown."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from eqgen.language import DiagnosticError, parse
from eqgen.language.codes import catalogue
from tests.language.strategies import damaged


def outcome(text: str) -> None:
    try:
        parse(text, "f.eq")
    except DiagnosticError as error:
        assert error.diagnostics
        str(error).encode()
        for diagnostic in error.diagnostics:
            assert diagnostic.code in catalogue()
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
            json.dumps(diagnostic.to_json())


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_damaged_files(text: str) -> None:
    outcome(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
@example("layer")
@example("layer ")
@example("lemma a\n =")
@example("\ufeff\n=")
def test_any_text(text: str) -> None:
    outcome(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aX1_N=+-*·^()., \n#'\"ᵀ²:x~><{}", max_size=80))
def test_any_lines_of_a_definition(text: str) -> None:
    outcome("lemma a\n    " + text.replace("\n", "\n    "))
