"""`eqgen check`: verdicts, their JSON form, and what is kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqgen.algebra import checking
from tests.cli.runner import SCALED, WRONG, eqgen, process

EQUATION_KEYS = {"target", "line", "verdict", "seconds", "message", "counterexample"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A definition in a folder with a cache of its own."""
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "scaled.eq"
    path.write_text(SCALED)
    return path


def test_both_judges_prove(file: Path) -> None:
    done = eqgen("check", file, "--json")
    assert done.code == 0
    (definition,) = done.json["definitions"]
    assert set(done.json) == {"definitions"}
    assert set(definition) == {"name", "kind", "file", "equations"}
    assert (definition["name"], definition["kind"], definition["file"]) == ("Scaled", "layer", str(file))
    assert [(e["target"], e["line"], e["verdict"]) for e in definition["equations"]] == [
        ("Ds", 11, "proved"),
        ("DX", 12, "proved"),
    ]
    for equation in definition["equations"]:
        assert set(equation) == EQUATION_KEYS
        assert equation["counterexample"] is None and equation["seconds"] > 0


def test_the_explicit_judge_names_the_sizes(file: Path) -> None:
    done = eqgen("check", file, "--judge", "explicit", "--json")
    equations = done.json["definitions"][0]["equations"]
    assert {e["verdict"] for e in equations} == {"checked"}
    assert all(e["message"].startswith("checked at sizes N=") for e in equations)


@pytest.mark.parametrize("judge", ["both", "proof", "explicit"])
def test_every_judge_refutes(file: Path, judge: str) -> None:
    file.write_text(WRONG)
    done = eqgen("check", file, "--judge", judge, "--json")
    assert done.code == 1
    ds, dx = done.json["definitions"][0]["equations"]
    assert ds["verdict"] in ("proved", "checked") and dx["verdict"] == "refuted"
    example = dx["counterexample"]
    assert example["yours"] != example["derived"] and set(example["values"]) >= {"X", "s", "DY"}
    assert all(isinstance(size, int) for size in example["sizes"].values())


def test_people_see_a_table_and_the_place(file: Path) -> None:
    done = eqgen("check", file)
    assert done.code == 0 and "layer Scaled" in done.out and done.out.count("proved (all sizes)") == 2
    file.write_text(WRONG)
    done = eqgen("check", file)
    assert done.code == 1
    assert "DX  refuted: `X` should be `row_repeat(s, N)`" in done.out and "counterexample" not in done.out
    assert f"{file}:12:" in done.err and "error E401" in done.err and "^" in done.err
    assert "did you mean `DX = hadamard(DY, row_repeat(s, N))`? (proved for all sizes)" in done.err
    assert "yours 0, derived 1, finite difference 1" in done.err


def test_a_lemma_is_refuted_with_its_own_code(file: Path) -> None:
    file.write_text("lemma wrong\n    X: M x N\n    X + X = X\n")
    done = eqgen("check", file)
    assert done.code == 1 and "error E402" in done.err


def test_the_library_without_files_and_by_name(file: Path) -> None:
    done = eqgen("check", "--names", "Softmax, ReLU", "--json")
    assert done.code == 0
    assert {(d["kind"], d["name"]) for d in done.json["definitions"]} == {("layer", "Softmax"), ("activation", "ReLU")}


def test_an_unknown_name_is_a_usage_error(file: Path) -> None:
    done = eqgen("check", "--names", "Sofmax")
    assert done.code == 2 and "did you mean Softmax?" in done.err


def test_what_claims_nothing_is_fine(file: Path) -> None:
    file.write_text("initializer Halves\n    W ~ constant(1 / 2)\n")
    assert eqgen("check", file, "--json").json["definitions"][0]["equations"] == []
    done = eqgen("check", file)
    assert done.code == 0 and "nothing to check: Halves" in done.out


def test_errors_are_json_too(file: Path) -> None:
    file.write_text(SCALED.replace("columns_sum", "column_sum"))
    done = eqgen("check", file, "--json")
    assert done.code == 2
    (diagnostic,) = done.json["diagnostics"]
    assert (diagnostic["line"], diagnostic["severity"]) == (11, "error")
    assert "columns_sum" in diagnostic["hint"]


def test_several_processes_say_the_same_in_the_same_order(file: Path) -> None:
    file.write_text(SCALED + "\n" + WRONG.replace("Scaled", "Wrong") + "\n" + SCALED.replace("Scaled", "Third"))
    found = []
    for jobs in ("1", "2"):
        done = process("check", file, "--anew", "--json", EQGEN_JOBS=jobs)
        assert done.code == 1, done.err
        for definition in done.json["definitions"]:
            for equation in definition["equations"]:
                equation["seconds"] = 0
            found.append(definition)
    assert [d["name"] for d in found] == ["Scaled", "Wrong", "Third"] * 2
    assert found[:3] == found[3:]


WITHOUT_A_SPARSE_FORM = """layer Exponential
    dims   N, D, K
    input  X: N x D
    param  W: K x D sparse
    output Y: N x K

    forward
        Y = X * apply(w -> exp(w), W).T

layer SumsOfRows
    dims   N, D, K
    input  X: N x D
    param  W: K x D sparse
    output Y: N x K

    forward
        Y = X * W.T + row_repeat(rows_sum(W).T, N)

layer Fitting
    dims   N, D, K
    input  X: N x D
    param  W: K x D sparse
    output Y: N x K

    forward
        Y = X * W.T
"""


def test_what_is_declared_sparse_has_a_sparse_form(file: Path) -> None:
    file.write_text(WITHOUT_A_SPARSE_FORM)
    for _ in range(2):  # an error is not kept
        done = eqgen("check", file)
        assert done.code == 2 and done.out == ""
        assert done.err.count("error E207") == 2
    lines = done.err.splitlines()
    for layer, place, found in (("Exponential", "8:28", "exp(w)"), ("SumsOfRows", "17:34", "rows_sum(W)")):
        start = next(k for k, text in enumerate(lines) if text.startswith(f"{file}:{place}: error E207"))
        assert f"layer `{layer}`" in lines[start]
        source, carets = lines[start + 1 : start + 3]
        assert [source[k] for k, c in enumerate(carets) if c == "^"] == list(found)
    done = eqgen("check", file, "--json")
    assert [(d["code"], d["line"], d["column"]) for d in done.json["diagnostics"]] == [
        ("E207", 8, 28),
        ("E207", 17, 34),
    ]
    assert done.code == 2
    assert eqgen("check", file, "--names", "Fitting").code == 0
    file.write_text(WITHOUT_A_SPARSE_FORM.replace(" sparse", ""))
    assert eqgen("check", file).code == 0
    file.write_text(WITHOUT_A_SPARSE_FORM)
    assert eqgen("check", file).code == 2


# --- kept verdicts ---------------------------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the definitions that the judges were asked about."""
    names: list[str] = []
    judge = checking.check_definition

    def counted(definition, module, which="both"):  # type: ignore[no-untyped-def]
        names.append(definition.name)
        return judge(definition, module, which)

    monkeypatch.setattr(checking, "check_definition", counted)
    return names


def test_a_second_check_judges_nothing_and_says_the_same(file: Path, judged: list[str]) -> None:
    first = eqgen("check", file, "--json")
    assert judged == ["Scaled"]
    assert eqgen("check", file, "--json").out == first.out
    assert judged == ["Scaled"]
    assert eqgen("check", file, "--json", "--anew").code == 0
    assert judged == ["Scaled", "Scaled"]


def test_refutations_are_kept_with_their_counterexample(file: Path, judged: list[str]) -> None:
    file.write_text(WRONG)
    first = eqgen("check", file, "--json")
    second = eqgen("check", file, "--json")
    assert (first.code, second.code, judged) == (1, 1, ["Scaled"])
    assert first.out == second.out


def test_kept_verdicts_follow_the_text_to_another_line(file: Path, judged: list[str]) -> None:
    eqgen("check", file)
    file.write_text("# one more line\n\n" + SCALED)
    lines = [e["line"] for e in eqgen("check", file, "--json").json["definitions"][0]["equations"]]
    assert (judged, lines) == (["Scaled"], [13, 14])


def test_a_change_is_judged_again(file: Path, judged: list[str]) -> None:
    eqgen("check", file)
    file.write_text(WRONG)
    assert eqgen("check", file).code == 1
    assert judged == ["Scaled", "Scaled"]


def test_a_change_of_what_is_called_is_judged_again(file: Path, judged: list[str]) -> None:
    text = "function double(X: N x K)\n    = X + X\n\nlemma twice\n    X: N x K\n    double(X) = 2 * X\n"
    file.write_text(text)
    assert eqgen("check", file).code == 0
    file.write_text(text.replace("= X + X", "= X + X + X"))
    assert eqgen("check", file).code == 1
    assert judged.count("twice") == 2


def test_a_judge_has_its_own_verdicts(file: Path, judged: list[str]) -> None:
    eqgen("check", file)
    done = eqgen("check", file, "--judge", "explicit", "--json")
    assert len(judged) == 2 and done.json["definitions"][0]["equations"][0]["verdict"] == "checked"


def test_damaged_and_unwritable_caches_do_not_matter(
    file: Path, tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    eqgen("check", file)
    for kept in (tmp_path / "cache").rglob("*.json"):
        kept.write_text("[{]")
    assert eqgen("check", file).code == 0
    monkeypatch.setenv("EQGEN_CACHE", str(file / "below"))  # below a file: cannot be made
    assert eqgen("check", file).code == 0
    assert len(judged) == 3
