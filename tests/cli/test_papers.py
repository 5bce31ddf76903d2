"""`eqgen check --papers`: the score of every source that lemmas name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import eqgen

LEMMAS = """\
lemma mean "Table 1"
    source  "A paper"

    X: M x N
    columns_mean(X) = ones(1, M) * X / M
    printed refuted at M = 1, N = 2
        columns_mean(X) = ones(1, M) * X / N

lemma without_a_source
    X: M x N
    X + X = 2 * X
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lemmas in a folder with a cache of its own."""
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "lemmas.eq"
    path.write_text(LEMMAS)
    return path


def test_a_misprint_is_no_failure(file: Path) -> None:
    done = eqgen("check", file)
    assert done.code == 0 and "2 proved, 1 refuted as printed" in done.out


def test_people_see_a_line_for_each_paper_and_what_it_misprints(file: Path) -> None:
    done = eqgen("check", file, "--papers")
    assert done.code == 0
    assert ["A", "paper", "1", "1", "1", "1", "0", "1", "of", "1"] in [line.split() for line in done.out.splitlines()]
    assert "    printed     columns_mean(X) = ones(1, M) * X / N\n" in done.out
    assert "without_a_source" not in done.out


def test_the_score_as_json(file: Path) -> None:
    (paper,) = eqgen("check", file, "--papers", "--json").json["papers"]
    assert (paper["source"], paper["lemmas"], paper["equations"], paper["proved"]) == ("A paper", 1, 1, 1)
    (printed,) = paper["printed"]
    assert printed["verdict"] == "refuted as printed" and printed["explained"]
    assert printed["corrected"] == "columns_mean(X) = ones(1, M) * X / M"
    assert printed["counterexample"]["sizes"] == {"M": 1, "N": 2}


def test_a_misprint_that_is_none_is_a_failure(file: Path) -> None:
    file.write_text(LEMMAS.replace("X / N", "X / M"))
    done = eqgen("check", file, "--papers")
    assert done.code == 1 and "0 of 1" in done.out
    assert "E404" in eqgen("check", file).err
