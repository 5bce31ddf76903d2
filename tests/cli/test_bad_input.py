"""Bad input: a clear message with its code, exit code 2, no traceback, and outputs stay as they were."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.runner import SCALED, contents, eqgen, process

Files = dict[str, str | bytes]


def replaced(old: str, new: str) -> Files:
    assert old in SCALED
    return {"bad.eq": SCALED.replace(old, new)}


DEFINITIONS: dict[str, tuple[str, Files]] = {
    "syntax error": ("E003", replaced("Y = hadamard(X, row_repeat(s, N))", "Y = = X")),
    "bracket never closed": ("E004", replaced("row_repeat(s, N))\n\n", "row_repeat(s, N)\n\n")),
    "unknown name": ("E101", replaced("columns_sum(hadamard(DY, X))", "columns_sum(hadamard(DY, U))")),
    "unknown operation": ("E105", replaced("columns_sum", "column_sum")),
    "shape mismatch": ("E201", replaced("Y = hadamard(X, row_repeat(s, N))", "Y = X + s")),
    "missing gradient": ("E301", replaced("        Ds = columns_sum(hadamard(DY, X))\n", "")),
    "cycle of files": ("E104", {"bad.eq": f'use "other.eq"\n\n{SCALED}', "other.eq": 'use "bad.eq"\n'}),
    "cycle of definitions": (
        "E104",
        {"bad.eq": "function a(X: M x N)\n    = b(X)\n\nfunction b(X: M x N)\n    = a(X)\n"},
    ),
    "file used from outside": ("E501", {"bad.eq": f'use "../other.eq"\n\n{SCALED}'}),
    "definition twice": ("E102", {"bad.eq": SCALED + "\n" + SCALED}),
    "name twice": ("E102", replaced("input  X: N x D\n", "input  X: N x D\n    input  X: N x D\n")),
    "not UTF-8": ("E502", {"bad.eq": b"layer Caf\xe9\n"}),
    "too large": ("E503", {"bad.eq": "# " + "x" * 2**18 + "\n"}),
    "brackets too deep": ("E504", replaced("Y = hadamard(X, row_repeat(s, N))", "Y = " + "(" * 300 + "X" + ")" * 300)),
    "no file": ("E501", {}),
}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A package that stands there already."""
    (tmp_path / "scaled.eq").write_text(SCALED)
    out = tmp_path / "out"
    done = eqgen("build", tmp_path / "scaled.eq", "--backend", "numpy", "--package", "mine", "--out", out)
    assert done.code == 0, done.err
    return out


@pytest.mark.parametrize(("code", "files"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_definitions(code: str, files: Files, tmp_path: Path, out: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(out)
    bad = tmp_path / "bad.eq"
    for line in (("check", bad), ("build", bad, "--backend", "numpy", "--package", "mine", "--out", out)):
        done = eqgen(*line)
        assert done.code == 2, (line, done.out)
        assert f"error {code}" in done.err and "bad.eq" in done.err
        assert not done.out
    assert contents(out) == before
    diagnostics = eqgen("check", bad, "--json").json["diagnostics"]
    assert code in {d["code"] for d in diagnostics}


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    done = eqgen("check", tmp_path)
    assert done.code == 2 and "error E501" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.eq"
    path.write_text(SCALED)
    path.chmod(0)
    done = eqgen("check", path)
    assert done.code == 2 and "error E501" in done.err and "ermission denied" in done.err


def test_a_keyword_of_the_target_language(tmp_path: Path, out: Path) -> None:
    before = contents(out)
    (tmp_path / "bad.eq").write_text(
        SCALED.replace(" s", " lambda").replace("Ds", "Dlambda").replace("(s,", "(lambda,")
    )
    done = eqgen("build", tmp_path / "bad.eq", "--backend", "numpy", "--package", "mine", "--out", out)
    assert done.code == 2 and "error E103" in done.err and "`lambda`" in done.err
    assert contents(out) == before


def test_several_errors_in_one_run(tmp_path: Path) -> None:
    text = SCALED.replace("Y = hadamard(X, row_repeat(s, N))", "Y = X + s").replace("columns_sum", "column_sum")
    (tmp_path / "bad.eq").write_text(text)
    done = eqgen("check", tmp_path / "bad.eq")
    assert done.code == 2 and "error E201" in done.err and "error E105" in done.err


# --- surroundings ----------------------------------------------------------------------------------------


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "scaled.eq").write_text(SCALED)
    place = tmp_path / "scaled.eq" / "out"  # below a file: not even root can write there
    done = eqgen("build", tmp_path / "scaled.eq", "--backend", "numpy", "--out", place)
    assert done.code == 2 and "error E505" in done.err and "--out" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_folder(tmp_path: Path, out: Path) -> None:
    before = contents(out)
    for folder in (out / ".eqgen", out):
        folder.chmod(0o555)
    try:
        (tmp_path / "scaled.eq").write_text(SCALED.replace("Scaled", "Rescaled"))
        done = eqgen("build", tmp_path / "scaled.eq", "--backend", "numpy", "--package", "mine", "--out", out)
        assert done.code == 2 and "error E505" in done.err
        assert contents(out) == before
    finally:
        for folder in (out, out / ".eqgen"):
            folder.chmod(0o755)


def test_a_missing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    (tmp_path / "scaled.eq").write_text(SCALED)
    out = tmp_path / "out"
    done = eqgen("build", tmp_path / "scaled.eq", "--backend", "cpp", "--package", "mine", "--out", out)
    assert done.code == 2 and "error E506" in done.err and "no-such-compiler" in done.err
    assert not list(out.glob("mine_*"))


def test_a_missing_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    from eqgen.backends.requirements import Framework

    monkeypatch.setattr(Framework, "found", property(lambda self: False))
    for command in ("train", "test"):
        done = eqgen(command, "--backend", "torch")
        assert done.code == 2 and "error E507" in done.err and 'pip install "eqgen[torch]"' in done.err


def test_an_unknown_backend() -> None:
    for line in (
        ("build", "--backend", "numpy,troch"),
        ("train", "--backend", "troch"),
        ("test", "--backend", "troch"),
    ):
        done = eqgen(*line)
        assert done.code == 2 and "error E509" in done.err and "did you mean `torch`?" in done.err


def test_an_impossible_package_name(tmp_path: Path) -> None:
    for name in ("my-package", "class", "../up", ""):
        done = eqgen("build", "--package", name, "--out", tmp_path / "out")
        assert done.code == 2 and "not a name" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("line", [(), ("no-such-command",), ("check", "--judge", "me"), ("train", "--epochs", "x")])
def test_wrong_usage(line: tuple[str, ...]) -> None:
    done = eqgen(*line)
    assert done.code == 2 and "Usage" in done.err + done.out


# --- training --------------------------------------------------------------------------------------------


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    good = {
        "Xtrain": rng.normal(size=(20, 4)).astype("float32"),
        "Ttrain": np.arange(20) % 3,
        "Xtest": rng.normal(size=(10, 4)).astype("float32"),
        "Ttest": np.arange(10) % 3,
    }
    return {name: array for name, array in {**good, **changes}.items() if array is not None}


NAN = np.full((20, 4), np.nan, "float32")
DATASETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "missing array": ("E602", "Ttest", arrays(Ttest=None)),
    "NaN": ("E604", "Xtrain", arrays(Xtrain=NAN)),
    "infinity": ("E604", "Xtest", arrays(Xtest=np.full((10, 4), np.inf))),
    "text": ("E605", "Xtrain", arrays(Xtrain=np.full((20, 4), "a"))),
    "complex": ("E605", "Xtrain", arrays(Xtrain=np.zeros((20, 4), complex))),
    "other rows": ("E603", "Ttrain", arrays(Ttrain=np.arange(19) % 3)),
    "other columns": ("E603", "Xtest", arrays(Xtest=np.zeros((10, 5)))),
    "images": ("E603", "Xtrain", arrays(Xtrain=np.zeros((20, 2, 2)))),
    "negative class": ("E603", "Ttrain", arrays(Ttrain=np.arange(20) - 1)),
    "no examples": ("E603", "Xtest", arrays(Xtest=np.zeros((0, 4)), Ttest=np.zeros(0, int))),
    "objects": ("E601", "", arrays(Xtrain=np.array([{}] * 20))),
}


@pytest.mark.parametrize(("code", "name", "content"), DATASETS.values(), ids=DATASETS)
def test_datasets(code: str, name: str, content: dict[str, Any], tmp_path: Path) -> None:
    path, weights = tmp_path / "data.npz", tmp_path / "weights.npz"
    np.savez(path, allow_pickle=True, **content)
    weights.write_bytes(b"as before")
    done = eqgen("train", "--dataset", path, "--save-weights", weights)
    assert done.code == 2 and f"error {code}" in done.err and name in done.err and str(path) in done.err
    assert weights.read_bytes() == b"as before"


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_files_that_are_no_dataset(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    done = eqgen("train", "--dataset", path)
    assert done.code == 2 and "error E601" in done.err
    done = eqgen("train", "--dataset", tmp_path / "nothing.npz", "--json")
    assert done.code == 2 and done.json["diagnostics"][0]["code"] == "E601"


SETTINGS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown layer": ("E606", "did you mean 'Linear'", ("--layers", "ReLU;Linaer", "--layer-sizes", "64;8;10")),
    "unknown initializer": ("E606", "Xavier", ("--layer-weights", "Xaver")),
    "unknown optimizer": ("E606", "Momentum", ("--optimizers", "Momentun(0.9)")),
    "optimizer without end": ("E606", "character", ("--optimizers", "Momentum(0.9")),
    "too many optimizers": ("E606", "3 parts", ("--optimizers", "Adam;Adam;Adam")),
    "unknown loss": ("E606", "SoftmaxCrossEntropy", ("--loss", "SoftmaxCrossEntopy")),
    "unknown scheduler": ("E606", "Exponential", ("--learning-rate", "Exponental(0.1, 0.1)")),
    "learning rate that is no number": ("E606", "NaN", ("--learning-rate", "NaN")),
    "too few sizes": ("E607", "expected 3 sizes, found 2", ("--layers", "ReLU;Linear", "--layer-sizes", "64;10")),
    "sizes that are no numbers": ("E607", "whole numbers", ("--layers", "Linear", "--layer-sizes", "64;ten")),
    "other inputs": ("E607", "(100, 64)", ("--layers", "Linear", "--layer-sizes", "63;10")),
    "other outputs": ("E607", "expected", ("--layers", "Linear", "--layer-sizes", "64;9")),
    "absurd sizes": ("E607", "weights", ("--layers", "Linear", "--layer-sizes", "64;99999999999999999999")),
    "much memory": ("E607", "weights", ("--layers", "ReLU;Linear", "--layer-sizes", "64;999999999;10")),
    "no weights there": ("E608", "cannot be read", ("--load-weights", "/nowhere/weights.npz")),
    "no folder for weights": ("E505", "folder", ("--save-weights", "/nowhere/weights.npz")),
}


@pytest.mark.parametrize(("code", "text", "options"), SETTINGS.values(), ids=SETTINGS)
def test_settings(code: str, text: str, options: tuple[str, ...]) -> None:
    done = eqgen("train", *options)
    assert done.code == 2 and f"error {code}" in done.err and text in done.err, done.err
    assert not done.out


def test_layers_without_sizes() -> None:
    done = eqgen("train", "--layers", "Linear")
    assert done.code == 2 and "--layer-sizes" in done.err


def test_weights_of_other_layers(tmp_path: Path) -> None:
    weights = tmp_path / "weights.npz"
    assert eqgen("train", "--epochs", "0", "--save-weights", weights).code == 0
    done = eqgen("train", "--layers", "Linear", "--layer-sizes", "64;10", "--load-weights", weights)
    assert done.code == 2 and "error E608" in done.err
    weights.write_bytes(weights.read_bytes()[:100])
    done = eqgen("train", "--load-weights", weights)
    assert done.code == 2 and "error E608" in done.err


def test_processes_end_without_traceback(tmp_path: Path) -> None:
    """What the tests above call in their own process, once as a user does."""
    done = process("train", "--dataset", tmp_path / "nothing.npz")
    assert done.code == 2 and "error E601" in done.err and "Traceback" not in done.err
    done = process("check", tmp_path / "nothing.eq")
    assert done.code == 2 and "error E501" in done.err and "Traceback" not in done.err
