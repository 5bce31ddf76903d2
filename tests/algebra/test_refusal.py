"""The message about a refuted equation: word for word, as JSON, from the cache, from other processes, and at build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqgen.algebra.checking import check_module, equation_json, refuse_refuted
from eqgen.algebra.library import load_files, load_text
from eqgen.algebra.refusal import refusal
from eqgen.algebra.verdict_store import VerdictStore
from eqgen.language.diagnostics import DiagnosticError
from tests.cli.runner import eqgen

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "wrong_gradient.eq"

MESSAGE = """\
examples/wrong_gradient.eq:14:31: error E401: `DZ` of layer `SoftmaxRegression` is refuted: rows and columns are swapped: `column_repeat(rows_sum(hadamard(DY, Y)), K)` is meant
  14 |         DZ = hadamard(Y, DY - row_repeat(columns_sum(hadamard(DY, Y)), N))
     |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    written: DZ = hadamard(Y, DY - row_repeat(columns_sum(hadamard(DY, Y)), N))
    derived: DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))
    counterexample:
        N = 1, D = 1, K = 2
        X = [0]
        W = [0; 0]
        b = [0 0]
        DY = [0 1]
        Y = [0.5 0.5]
        entry (1, 1) of DZ: yours 0, derived -0.25, finite difference -0.25
    hint: did you mean `DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))`? (proved for all sizes)
"""  # noqa: E501


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("judge", ["both", "proof", "explicit"])
def test_the_example_word_for_word(judge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = eqgen("check", "examples/wrong_gradient.eq", "--judge", judge)
    assert (done.code, done.err) == (1, MESSAGE)


def test_the_readme_shows_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(
        r"<!-- wrong gradient: .*? -->\n```console\n(.*?)```\n<!-- end of wrong gradient -->", text, re.S
    )
    assert MESSAGE in section


def test_a_build_is_refused_with_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(DiagnosticError) as refused:
        refuse_refuted(load_files([Path("examples/wrong_gradient.eq")]))
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.render() + "\n" == MESSAGE
    assert diagnostic.to_json()["details"] == list(diagnostic.details)


def test_json() -> None:
    done = eqgen("check", EXAMPLE, "--json")
    dz, *others = done.json["definitions"][0]["equations"]
    assert dz["message"] == dz["explanation"]["message"]
    assert dz["explanation"] == {
        "mistake": "axis",
        "message": "rows and columns are swapped: `column_repeat(rows_sum(hadamard(DY, Y)), K)` is meant",
        "line": 14,
        "column": 31,
        "end_line": 14,
        "end_column": 74,
        "text": "row_repeat(columns_sum(hadamard(DY, Y)), N)",
        "written": "DZ = hadamard(Y, DY - row_repeat(columns_sum(hadamard(DY, Y)), N))",
        "derived": "DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))",
        "suggestions": ["DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))"],
    }
    example = dz["counterexample"]
    assert example["sizes"] == {"N": 1, "D": 1, "K": 2} and example["values"]["Y"] == [["0.5", "0.5"]]
    assert (example["yours"], example["derived"], example["finite_difference"]) == ("0", "-0.25", "-0.25")
    assert all("explanation" not in other for other in others)


def test_what_is_kept_says_the_same_wherever_the_definition_stands(tmp_path: Path) -> None:
    store = VerdictStore(tmp_path / "kept")
    text = EXAMPLE.read_text(encoding="utf-8")

    def messages(source: str) -> list[str]:
        module = load_text(source, "f.eq")
        (result,) = check_module(module.definitions[:1], module, "proof", store=store)
        return [refusal(result.definition, e).render() for e in result.equations if e.verdict == "refuted"]

    first = messages(text)
    assert first == messages(text)
    moved = messages("# one more line\n" + text)
    assert moved == [m.replace("f.eq:14:", "f.eq:15:").replace("  14 |", "  15 |") for m in first]


def test_equations_of_a_used_layer_keep_their_place(tmp_path: Path) -> None:
    """The gradient of X stands in the definition of Base, whose file a layer built on it only uses."""
    (tmp_path / "base.eq").write_text(BASE)
    (tmp_path / "over.eq").write_text('use "base.eq"\n\n' + OVER)
    module = load_files([tmp_path / "over.eq"])
    over = [d for d in module.definitions if d.name == "Over"]
    store = VerdictStore(tmp_path / "kept")
    fresh, kept = (check_module(over, module, "proof", store=store)[0] for _ in range(2))
    assert [equation_json(e) for e in fresh.equations] == [equation_json(e) for e in kept.equations]
    for result in (fresh, kept):
        (refuted,) = [e for e in result.equations if e.verdict == "refuted"]
        message = refusal(result.definition, refuted).render()
        assert message.startswith(f"{tmp_path / 'base.eq'}:8:") and "^" in message
        assert "hint: did you mean `DU = hadamard(DA, ones(N, D) - " in message


def test_places_survive_other_processes(tmp_path: Path) -> None:
    (tmp_path / "base.eq").write_text(BASE + "\n" + OVER)
    module = load_files([tmp_path / "base.eq"])
    alone = check_module(module.definitions[:2], module, "proof", workers=1)
    spread = check_module(module.definitions[:2], module, "proof", workers=2)
    for one, other in zip(alone, spread, strict=True):
        for x, y in zip(one.equations, other.equations, strict=True):
            assert x.span == y.span and (x.verdict, x.message, x.explanation) == (y.verdict, y.message, y.explanation)
            if x.explanation is not None and y.explanation is not None:
                assert x.explanation.span == y.explanation.span


BASE = """layer Base
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        Y = tanh(X)
    backward
        DX = hadamard(DY, ones(N, D) - Y)
"""
OVER = """layer Over
    dims    N, D
    input   U: N x D
    param   s: 1 x 1 = 1
    output  V: N x D
    forward
        use Base(U) -> A
        V = s * A
    backward
        DA = s * DV
        Ds = elements_sum(hadamard(DV, A))
"""


def test_ill_shaped_equations_keep_their_own_message() -> None:
    """Listing 6 of the batch matrix-form paper repeats N times what is repeated K times: no verdict, a shape error."""
    text = EXAMPLE.read_text(encoding="utf-8")
    listing = text.replace("row_repeat(columns_sum(hadamard(DY, Y)), N)", "column_repeat(rows_sum(hadamard(DY, Y)), N)")
    with pytest.raises(DiagnosticError) as refused:
        load_text(listing)
    assert [d.code for d in refused.value.diagnostics] == ["E201"]
