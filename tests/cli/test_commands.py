"""`eqgen new | fmt | explain | list | doctor | test`, and what holds for all commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eqgen.algebra.operations import TABLE
from eqgen.backends.protocol import backends
from eqgen.commands.new import SKELETONS
from tests.cli.runner import SCALED, eqgen, process

# --- new -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SKELETONS)
def test_a_new_definition_is_right_and_in_canonical_layout(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.eq"
    done = eqgen("new", kind, "mine" if kind in ("function", "lemma") else "Mine", "--out", path)
    assert done.code == 0, done.err
    assert len(path.read_text().splitlines()) <= 20
    assert eqgen("fmt", "--check", path).code == 0
    done = eqgen("check", path, "--json")
    assert done.code == 0
    (definition,) = done.json["definitions"]
    assert definition["kind"] == kind
    assert all(e["verdict"] == "proved" for e in definition["equations"])
    assert definition["equations"] or kind in ("function", "optimizer", "scheduler", "initializer")


def test_a_new_layer_is_built(tmp_path: Path) -> None:
    path = tmp_path / "mine.eq"
    eqgen("new", "layer", "Mine", "--out", path)
    done = eqgen("build", path, "--backend", "numpy", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "class MineLayer" in (tmp_path / "out" / "eqgen_numpy" / "layers.py").read_text()


def test_new_files_are_called_after_the_definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert eqgen("new", "layer", "GatedLinear").code == 0
    assert (tmp_path / "gated_linear.eq").read_text().startswith("layer GatedLinear\n")


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.eq"
    path.write_text("# precious\n")
    done = eqgen("new", "layer", "Mine", "--out", path)
    assert done.code == 2 and "exists already" in done.err
    assert path.read_text() == "# precious\n"
    done = eqgen("new", "layer", "Mine", "--out", path / "below")
    assert done.code == 2 and "error E505" in done.err


@pytest.mark.parametrize("name", ["my layer", "2nd", "a-b", "", "../x", "_x", "Ä"])
def test_new_wants_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert eqgen("new", "layer", "--", name).code == 2
    assert not list(tmp_path.iterdir())


# --- fmt -------------------------------------------------------------------------------------------------

UNTIDY = SCALED.replace("    input  X: N x D\n", "    input X : N x D # the batch\n").replace(
    "hadamard(DY, X)", "DY ⊙ X"
)


def test_fmt_rewrites_a_file_in_place(tmp_path: Path) -> None:
    path = tmp_path / "untidy.eq"
    path.write_text(UNTIDY)
    path.chmod(0o640)
    done = eqgen("fmt", "--check", path)
    assert done.code == 1 and "+        Ds = columns_sum(hadamard(DY, X))" in done.out
    assert path.read_text() == UNTIDY
    assert eqgen("fmt", path).code == 0
    text = path.read_text()
    assert "# the batch" in text and "hadamard(DY, X)" in text and "⊙" not in text
    assert path.stat().st_mode & 0o777 == 0o640
    assert eqgen("fmt", "--check", path).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["untidy.eq"]


def test_fmt_follows_links(tmp_path: Path) -> None:
    (tmp_path / "untidy.eq").write_text(UNTIDY)
    (tmp_path / "link.eq").symlink_to(tmp_path / "untidy.eq")
    assert eqgen("fmt", tmp_path / "link.eq").code == 0
    assert (tmp_path / "link.eq").is_symlink() and "⊙" not in (tmp_path / "untidy.eq").read_text()


def test_fmt_reads_standard_input() -> None:
    done = eqgen("fmt", "-", input=UNTIDY)
    assert done.code == 0 and "hadamard(DY, X)" in done.out
    done = eqgen("fmt", "-", input=b"layer Caf\xe9\n")
    assert done.code == 2 and "error E502" in done.err


def test_fmt_leaves_what_it_cannot_read_and_formats_the_rest(tmp_path: Path) -> None:
    (tmp_path / "bad.eq").write_text("leyer Example\n")
    (tmp_path / "good.eq").write_text(UNTIDY)
    done = eqgen("fmt", tmp_path / "bad.eq", tmp_path / "good.eq")
    assert done.code == 2 and "error E012" in done.err
    assert (tmp_path / "bad.eq").read_text() == "leyer Example\n"
    assert (tmp_path / "good.eq").read_text() != UNTIDY


def test_the_library_is_in_canonical_layout() -> None:
    library = Path(__file__).parents[2] / "eqgen" / "library"
    assert eqgen("fmt", "--check", *sorted(library.rglob("*.eq"))).code == 0


# --- explain, list, doctor -------------------------------------------------------------------------------


def test_explain_knows_codes_and_definitions() -> None:
    done = eqgen("explain", "e201")
    assert done.code == 0 and done.out.startswith("E201: ") and "Wrong:" in done.out and "Right:" in done.out
    done = eqgen("explain", "Softmax")
    assert done.code == 0 and "layer Softmax" in done.out and "class SoftmaxLayer" in done.out
    done = eqgen("explain", "SReLU")
    assert "layer SReLU" in done.out and "activation SReLU" in done.out
    for unknown, hint in (("E999", "codes run from E001"), ("Sofmax", "did you mean Softmax?"), ("Qqqq", "eqgen list")):
        done = eqgen("explain", unknown)
        assert done.code == 2 and hint in done.err


def test_list_shows_definitions_and_spellings() -> None:
    listed = eqgen("list", "--json").json
    found = {(d["kind"], d["name"]): d for d in listed["definitions"]}
    assert found["activation", "LeakyReLU"]["header"] == "LeakyReLU(alpha=0.01)"
    assert found["layer", "Activation"]["header"] == "Activation(act)"
    assert set(listed["operations"]) == set(TABLE)
    assert set(listed["operations"]["matmul"]) == set(backends())
    assert listed["operations"]["exp"]["numpy"] == "np.exp({0})"
    done = eqgen("list")
    assert done.code == 0 and "LeakyReLU(alpha=0.01)" in done.out and "columns_mean" in done.out


def test_list_of_own_definitions(tmp_path: Path) -> None:
    (tmp_path / "scaled.eq").write_text(SCALED)
    definitions = eqgen("list", tmp_path / "scaled.eq", "--json").json["definitions"]
    assert [d["name"] for d in definitions] == ["Scaled"]


def test_doctor_reports_what_is_there_and_the_fix_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    found = eqgen("doctor", "--json").json
    names = {section["name"]: {r["name"] for r in section["requirements"]} for section in found["sections"]}
    assert names["backend cpp"] >= {"C++ compiler", "Eigen", "MKL", "pybind11"}
    assert names["eqgen"] >= {"Python", "sympy", "ruff", "cache"}
    from eqgen.backends.requirements import Framework

    monkeypatch.setattr(Framework, "found", property(lambda self: self.module != "jax"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = eqgen("doctor")
    assert done.code == 0, "a missing backend is no fault of eqgen"
    lines = [line.strip() for line in done.out.splitlines()]
    assert 'fix: pip install "eqgen[jax]"' in lines
    assert any(line.startswith("NO   C++ compiler") and "no-such-compiler" in line for line in lines)
    assert any(line.startswith("fix: apt-get install g++") for line in lines)


def test_doctor_fails_when_eqgen_itself_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from eqgen.backends.requirements import Framework

    monkeypatch.setattr(Framework, "found", property(lambda self: self.module != "lark"))
    done = eqgen("doctor")
    assert done.code == 1 and "fix: pip install lark" in done.out


# --- test ------------------------------------------------------------------------------------------------


def test_definitions_are_compared_with_their_exact_values() -> None:
    done = eqgen("test", "--backend", "numpy", "--definition", "ReLU", "--json")
    assert done.code == 0 and done.json["passed"] and done.json["comparisons"] > 10
    done = eqgen("test", "--backend", "numpy", "--definition", "activation ReLU")
    assert done.code == 0 and "activation ReLU" in done.out and ", 0 failures" in done.out
    done = eqgen("test", "--backend", "numpy", "--definition", "NoSuchThing")
    assert done.code == 2 and "NoSuchThing" in done.err


def test_a_difference_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    from eqgen.testing.report import Report, Result

    def failing(*_: object, **__: object) -> Report:
        report = Report()
        report.add(Result("ReLU", "activation", "f", "definition", ("numpy",), "float32", "a case", 7.5, 1e-3))
        return report

    monkeypatch.setattr(importlib.import_module("eqgen.testing.run"), "run", failing)
    done = eqgen("test", "--definition", "ReLU")
    assert done.code == 1 and "FAILED" in done.out and "1 failures" in done.out
    assert "error 0.001 is 7.5 times the tolerance" in done.err


# --- all commands ----------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert eqgen("--version").out.startswith("eqgen ")
    done = eqgen("--help")
    assert done.code == 0
    for command in ("new", "check", "build", "test", "train", "fmt", "explain", "list", "doctor", "demo"):
        assert f" {command} " in done.out
        assert eqgen(command, "--help").code == 0


def test_a_closed_pipe_is_no_error() -> None:
    import subprocess
    import sys

    line = [sys.executable, "-m", "eqgen", "list"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.readline()
        started.stdout.close()
        assert started.stderr.read() == b""


def test_the_module_is_the_command() -> None:
    assert process("--version").out == eqgen("--version").out
