"""Equations as their sources print them: recorded as refuted or ill-shaped, and never believed."""

from __future__ import annotations

import pytest

from eqgen.algebra.checking import JUDGES, Judge, check_definition, check_module, verdict_text
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.papers import scores
from eqgen.algebra.refusal import refusal
from eqgen.algebra.verdict import EquationResult
from eqgen.algebra.verdict_store import VerdictStore
from eqgen.language import DiagnosticError, format_source, parse

MEAN = """\
lemma mean "Table 1"
    X: M x N
    columns_mean(X) = ones(1, M) * X / M
    printed refuted at M = 1, N = 2
        columns_mean(X) = ones(1, M) * X / N
"""
LISTING = """\
lemma listing
    Y, DY: N x K
    diag(DY * Y.T) = rows_sum(hadamard(DY, Y))
    printed ill-shaped unless N = K
        DY - column_repeat(diag(DY * Y.T), N) = DY - column_repeat(diag(DY * Y.T), K)
"""


def typed(text: str) -> tuple[TypedDefinition, Module]:
    module = elaborate([parse(text, "test.eq")])
    return module.definitions[0], module


def printed(text: str, judge: Judge = "proof") -> list[EquationResult]:
    """The verdicts on the misprints of a lemma; its claims hold."""
    definition, module = typed(text)
    results = check_definition(definition, module, judge)
    claims = results[: len(definition.claims)]
    assert all(r.holds for r in claims)
    return list(results[len(claims) :])


def codes(text: str) -> list[str]:
    with pytest.raises(DiagnosticError) as error:
        typed(text)
    return [d.code for d in error.value.diagnostics]


@pytest.mark.parametrize("judge", JUDGES)
def test_a_refuted_equation_has_a_counterexample_at_the_recorded_sizes(judge: Judge) -> None:
    (result,) = printed(MEAN, judge)
    assert result.verdict == "refuted as printed"
    assert result.target == "columns_mean(X) = ones(1, M) * X / N"
    assert result.counterexample is not None
    assert result.counterexample.sizes == {"M": 1, "N": 2}
    x, half = (float(v) for v in (result.counterexample.derived, result.counterexample.yours.replace("3/2", "1.5")))
    assert half == x / 2


@pytest.mark.parametrize("judge", JUDGES)
def test_an_ill_shaped_equation_says_what_does_not_fit_and_what_holds_where_it_fits(judge: Judge) -> None:
    (result,) = printed(LISTING, judge)
    assert result.verdict == "refuted as printed"
    assert result.message == (
        "ill-shaped: in `DY - column_repeat(diag(DY * Y.T), N)`: operands have shapes N x K and N x N; "
        "where N = K it fits, and holds"
    )
    assert verdict_text(result).startswith("ill-shaped as printed: in `DY - ")


def test_where_the_shapes_fit_the_equation_may_still_be_wrong() -> None:
    (result,) = printed(
        "lemma l\n    X: M x N\n    X.T.T = X\n    printed ill-shaped unless M = N\n        2 * X.T = X + X\n"
    )
    assert result.message.endswith("where M = N it fits, and is refuted")
    assert result.counterexample is not None and result.counterexample.sizes == {"N": 2}


def test_every_equation_of_a_block_is_judged() -> None:
    text = MEAN + "        rows_mean(X) = X * ones(N, 1) / M\n        elements_sum(X) = elements_sum(2 * X)\n"
    assert [r.verdict for r in printed(text)] == ["refuted as printed"] * 3


@pytest.mark.parametrize("judge", JUDGES)
def test_a_record_of_an_equation_that_holds_is_an_error(judge: Judge) -> None:
    text = MEAN.replace("X / N", "X / M")
    (result,) = printed(text, judge)
    assert (result.verdict, result.message) == ("refuted", "recorded as refuted, but it holds")
    diagnostic = refusal(typed(text)[0], result)
    assert diagnostic.code == "E404" and diagnostic.span.text == "columns_mean(X) = ones(1, M) * X / M"


def test_sizes_that_do_not_show_the_mistake_are_an_error() -> None:
    (result,) = printed(MEAN.replace("M = 1, N = 2", "M = 2, N = 2"))
    assert (result.verdict, result.message) == ("refuted", "recorded as refuted at other sizes than M = 1, N = 2")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("printed refuted at M = 1", "E308"),
        ("printed refuted", "E308"),
        ("printed refuted at M = 1, N = K", "E308"),
        ("printed refuted at M = 1, N = 2, K = 3", "E308"),
        ("printed refuted at M = 1, N = 1, N = 2", "E308"),
        ("printed ill-shaped", "E308"),
        ("printed ill-shaped unless M = N", "E308"),
        ("printed ill-shaped unless M = X", "E308"),
        ("printed refuted unless M = N", "E003"),
        ("printed ill-shaped at M = 1, N = 2", "E003"),
    ],
)
def test_records_that_say_something_else(line: str, code: str) -> None:
    assert codes(MEAN.replace("printed refuted at M = 1, N = 2", line)) == [code]


def test_shapes_that_never_fit_are_reported_where_they_are_said_to_fit() -> None:
    assert codes(LISTING.replace("unless N = K", "unless N = 3")) == ["E201"]


def test_an_ill_shaped_equation_must_be_readable_otherwise() -> None:
    assert codes(LISTING.replace("DY - column_repeat(diag(DY * Y.T), N)", "Q - column_repeat(diag(DY * Y.T), N)")) == [
        "E101"
    ]


def test_a_shape_error_is_one_under_refuted() -> None:
    assert codes(MEAN.replace("X / N", "X.T / N")) == ["E202"]


def test_printed_is_a_word_like_any_other_elsewhere() -> None:
    definition, _ = typed("lemma l\n    printed: N x N\n    printed = printed + zeros(N, N)\n")
    assert len(definition.claims) == 1 and not definition.misprints


@pytest.mark.parametrize("text", [MEAN, LISTING])
def test_the_formatter_keeps_the_blocks(text: str) -> None:
    assert format_source(text) == text
    assert format_source(text.replace("printed ", "printed   ").replace(" = 1, N = 2", "=1,N  =  2")) == text


def test_verdicts_on_misprints_are_kept(tmp_path: object) -> None:
    from pathlib import Path

    definition, module = typed(MEAN)
    store = VerdictStore(Path(str(tmp_path)))
    results = check_definition(definition, module, "proof")
    store.save("00", definition, results)
    assert store.load("00", definition) == results


def test_a_paper_is_scored_by_what_holds_and_by_what_it_prints() -> None:
    text = (MEAN + "\n" + LISTING).replace("    X: M x N\n", '    source  "A"\n    X: M x N\n')
    module = elaborate([parse(text.replace("    Y, DY: N x K\n", '    source  "B"\n    Y, DY: N x K\n'), "test.eq")])
    first, second = scores(check_module(module.definitions, module, "proof"))
    assert first.row() == ("A", "1", "1", "1", "1", "0", "1 of 1")
    assert second.row() == ("B", "1", "1", "1", "0", "1", "1 of 1")
    (printed,) = first.printed
    assert str(printed).splitlines() == [
        "A, Table 1 (test.eq:1)",
        "    printed     columns_mean(X) = ones(1, M) * X / N",
        "    refuted     with M = 1, N = 2, X = [3 -2], entry (1, 1): as printed 3/2, right 3",
        "    proved      columns_mean(X) = ones(1, M) * X / M (lemma mean)",
    ]
    assert second.to_json()["printed"][0]["ill_shaped"] is True  # type: ignore[index]


def test_a_record_that_is_wrong_explains_nothing() -> None:
    text = MEAN.replace("X / N", "X / M").replace("    X: M x N\n", '    source  "A"\n    X: M x N\n')
    module = elaborate([parse(text, "test.eq")])
    (score,) = scores(check_module(module.definitions, module, "proof"))
    assert score.row()[-1] == "0 of 1"


def test_the_correction_of_a_step_is_the_step_that_comes_closest() -> None:
    lemma = (
        'lemma l "t"\n    source  "A"\n    X: M x N\n    2 * X = X + X\n          = X + (2 * X - X)\n'
        "    printed refuted at M = 1, N = 1\n        2 * X = X + (3 * X - X)\n"
    )
    module = elaborate([parse(lemma, "test.eq")])
    (score,) = scores(check_module(module.definitions, module, "proof"))
    assert score.printed[0].corrected == "2 * X = X + (2 * X - X)"
