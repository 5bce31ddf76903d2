"""Merging the verdicts of two judges, and what a build has to check."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from eqgen.algebra import checking
from eqgen.algebra.checking import (
    JudgesDisagree,
    UndecidedWarning,
    merged,
    own_definitions,
    refuse_refuted,
    suspects,
)
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.library import library, load_text
from eqgen.algebra.verdict import Counterexample, EquationResult, Verdict
from eqgen.language.diagnostics import DiagnosticError

LEMMA = "lemma twice\n    X: M x N\n    X + X = 2 * X\n"
EXAMPLE = Counterexample({"M": 1}, {"X": (("1",),)}, (1, 1), "2", "3")


def own(text: str) -> tuple[tuple[TypedDefinition, ...], Module]:
    module = load_text(text)
    return own_definitions(module, library()), module


def result(verdict: Verdict, who: str) -> EquationResult:
    (definition,), _ = own(LEMMA)
    span = definition.claims[0].span
    example = EXAMPLE if verdict == "refuted" else None
    return EquationResult("claim", span.line, span, verdict, "at sizes", 1.0, who, example)


@pytest.mark.parametrize(
    ("proof", "trial", "verdict", "message"),
    [
        ("proved", "checked", "proved", "proof"),
        ("proved", "unknown", "proved", "proof"),
        ("unknown", "checked", "checked", "trial"),
        ("unknown", "refuted", "refuted", "trial"),
        ("refuted", "checked", "refuted", "proof"),
        ("refuted", "unknown", "refuted", "proof"),
        ("refuted", "refuted", "refuted", "trial"),
        ("unknown", "unknown", "unknown", "trial; proof: proof"),
    ],
)
def test_one_verdict_from_two(proof: Verdict, trial: Verdict, verdict: Verdict, message: str) -> None:
    (definition,), _ = own(LEMMA)
    found = merged(definition, result(proof, "proof"), result(trial, "trial"))
    assert (found.verdict, found.message, found.seconds) == (verdict, message, 2.0)
    assert (found.counterexample is EXAMPLE) == (verdict == "refuted")


def test_what_is_proved_and_refuted_is_an_error_of_eqgen() -> None:
    (definition,), _ = own(LEMMA)
    with pytest.raises(JudgesDisagree, match="please report"):
        merged(definition, result("proved", "proof"), result("refuted", "trial"))


def test_a_build_checks_own_definitions_and_what_they_change() -> None:
    text = "function softmax(X: N x K)\n    = hadamard(X, column_repeat(reciprocal(rows_sum(X)), K))\n"
    definitions, module = own(text)
    names = {(d.kind, d.name) for d in suspects(module, library())}
    assert {(d.kind, d.name) for d in definitions} == {("function", "softmax")}
    assert {("function", "softmax"), ("layer", "Softmax")} <= names
    assert ("layer", "Linear") not in names and ("layer", "BatchNormalization") not in names


def test_a_build_of_the_library_checks_all_that_is_built() -> None:
    kinds = {d.kind for d in library().definitions}
    assert {d.kind for d in suspects(library(), library())} == kinds - {"lemma"}


def test_a_hidden_function_refutes_the_layer_that_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's softmax layer has the gradient of softmax, not of this function."""
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    _, module = own("function softmax(X: N x K)\n    = hadamard(X, column_repeat(reciprocal(rows_sum(X)), K))\n")
    with pytest.raises(DiagnosticError) as caught:
        refuse_refuted(module)
    assert {d.code for d in caught.value.diagnostics} <= {"E401", "E402"}
    assert any("layer `Softmax`" in d.message for d in caught.value.diagnostics)


def test_undecided_equations_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(checking, "check_definition", lambda *_: (result("unknown", "no time"),))
    _, module = own(LEMMA)
    with pytest.warns(UndecidedWarning, match="warning E403.*no time"):
        refuse_refuted(module)
    assert not list(tmp_path.rglob("*.json")), "what a limit left open may be decided another time"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(checking, "check_definition", lambda *_: (result("checked", ""),))
        refuse_refuted(module)
