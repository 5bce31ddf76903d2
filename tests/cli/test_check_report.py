"""What `eqgen check` keeps: the whole report of an unchanged check; and whom it asks when it is not told."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqgen.algebra import explicit_check, library
from eqgen.algebra.prover import prove_definition
from eqgen.commands.check_report import Report, keep, kept, report_path
from tests.cli.runner import SCALED, WRONG, Outcome, eqgen

LEMMA = "lemma sums\n    X: M x N\n    X + X = 2 * X\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "scaled.eq"
    path.write_text(SCALED)
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was read and judged, not taken from a report."""
    loads: list[object] = []
    load = library.load_files

    def counted(paths: list[Path]) -> object:
        loads.append(paths)
        return load(paths)

    monkeypatch.setattr(library, "load_files", counted)
    return loads


def same(one: Outcome, other: Outcome) -> bool:
    """The same but for the seconds at the end."""
    return (one.code, one.err, one.out.rpartition(";")[0]) == (other.code, other.err, other.out.rpartition(";")[0])


@pytest.mark.parametrize("text", [SCALED, WRONG])
@pytest.mark.parametrize("options", [(), ("--json",), ("--papers",), ("--judge", "proof")])
def test_an_unchanged_check_reads_nothing_and_tells_the_same(
    file: Path, read: list[object], text: str, options: tuple[str, ...]
) -> None:
    file.write_text(text + "\n" + LEMMA.replace("\n", '\n    source  "A"\n', 1))
    first = eqgen("check", file, *options)
    assert len(read) == 1
    assert same(first, eqgen("check", file, *options))
    assert len(read) == 1


def test_changes_and_options_are_seen(file: Path, read: list[object]) -> None:
    eqgen("check", file)
    for arguments in ([file, "--judge", "both"], [file, "--names", "Scaled"], [file, "--anew"], [file, "--papers"]):
        eqgen("check", *arguments)
    assert len(read) == 5
    file.write_text(WRONG)
    assert eqgen("check", file).code == 1
    assert len(read) == 6


def test_a_change_in_a_file_that_is_used_is_seen(file: Path, read: list[object]) -> None:
    used = file.with_name("used.eq")
    used.write_text(LEMMA)
    file.write_text('use "used.eq"\n\n' + SCALED)
    assert "2 definitions" in eqgen("check", file).out
    used.write_text(LEMMA + "\n" + LEMMA.replace("sums", "others"))
    assert "3 definitions" in eqgen("check", file).out
    assert len(read) == 2


def test_what_cannot_be_read_is_reported_every_time(file: Path) -> None:
    for _ in range(2):
        done = eqgen("check", file.with_name("missing.eq"))
        assert done.code == 2 and "E501" in done.err


def test_a_damaged_report_counts_as_missing(file: Path, read: list[object]) -> None:
    first = eqgen("check", file)
    (path,) = (file.parent / "cache" / "checks").rglob("*.json")
    for damage in ("", "{", "[]", '{"tables": []}'):
        path.write_text(damage)
        assert same(first, eqgen("check", file))
    assert len(read) == 5


def test_what_is_undecided_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    table = ("lemma l", "l.eq:1", (("A = A", "proved", "proved"),))
    report = Report((table,), (), (), (), (), "1 definition", {}, ("proved",))
    keep(path, report)
    assert kept(path) == report
    path.unlink()
    keep(path, Report((), (), (), (), ("E403",), "", {}, ("proved", "unknown")))
    assert kept(path) is None and kept(None) is None


def test_no_folder_for_reports(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(file / "below"))  # below a file: cannot be made
    assert report_path([file], ()) is not None
    assert eqgen("check", file).code == 0


def test_explicit_matrices_are_asked_about_what_the_prover_leaves_undecided(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = explicit_check.check_definition

    def counted(definition: object, module: object) -> object:
        asked.append(definition.name)  # type: ignore[attr-defined]
        return ask(definition, module)  # type: ignore[arg-type]

    monkeypatch.setattr(explicit_check, "check_definition", counted)
    file.write_text(SCALED + "\nlemma root\n    a, b: 1 x 1\n    sqrt(a^2 + 2 * a * b + b^2) = abs(a + b)\n")
    definition, module = (m := library.load_files([file])).find("root", "lemma"), m
    assert definition is not None
    (undecided,) = prove_definition(definition, module)
    assert undecided.verdict == "unknown", "choose another lemma: the prover has learned this one"
    done = eqgen("check", file, "--json")
    assert asked == ["root"]
    assert [d["equations"][0]["verdict"] for d in done.json["definitions"]] == ["proved", "checked"]
