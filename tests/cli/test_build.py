"""`eqgen build`: what is written when, what is left alone, and what an unchanged build costs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eqgen.backends import build as building
from tests.cli.runner import ENVIRONMENT, SCALED, WRONG, contents, eqgen, process

HEAVY = ("numpy", "sympy", "jinja2", "rich", "eqgen.algebra.elaborate", "eqgen.optimize.lower")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scaled.eq"
    path.write_text(SCALED)
    return path


@pytest.fixture
def built(file: Path, tmp_path: Path) -> Path:
    """A folder with the NumPy package of a definition."""
    done = eqgen("build", file, "--backend", "numpy", "--package", "mine", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    return tmp_path / "out"


def build(file: Path, out: Path, *more: str) -> tuple[int, str, str]:
    done = eqgen("build", file, "--backend", "numpy", "--package", "mine", "--out", out, *more)
    return done.code, done.out, done.err


def test_the_package_works_from_where_it_was_put(built: Path) -> None:
    code = "import mine_numpy as p, numpy as np; print(p.ScaledLayer(2).feedforward(np.ones((1, 2), 'float32')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=built)
    assert done.stdout.strip() == "[[1. 1.]]"


def test_a_second_build_changes_nothing(file: Path, built: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*.py")}
    code, out, _ = build(file, built)
    assert code == 0 and "  unchanged  " in out
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*.py")} == before


def test_what_was_changed_by_hand_is_written_anew(file: Path, built: Path) -> None:
    before = contents(built / "mine_numpy")
    layers = built / "mine_numpy" / "layers.py"
    layers.write_text(layers.read_text() + "# changed\n")
    code, out, _ = build(file, built, "--check")
    assert code == 1 and "-# changed" in out and "mine_numpy/layers.py (on disk)" in out
    assert contents(built / "mine_numpy") != before, "--check writes nothing"
    assert build(file, built)[0] == 0
    assert contents(built / "mine_numpy") == before
    code, out, _ = build(file, built, "--check")
    assert code == 0 and "  unchanged  " in out


def test_a_used_file_counts(file: Path, tmp_path: Path) -> None:
    (tmp_path / "double.eq").write_text("function double(X: N x K)\n    = X + X\n")
    file.write_text('use "double.eq"\n\n' + SCALED)
    out = tmp_path / "out"
    assert build(file, out)[0] == 0
    assert "  unchanged  " in build(file, out)[1]
    (tmp_path / "double.eq").write_text("function double(X: N x K)\n    = 2 * X\n")
    assert "  built  " in build(file, out)[1]


def test_a_refuted_definition_is_not_built(file: Path, built: Path) -> None:
    before = contents(built)
    file.write_text(WRONG)
    code, _, err = build(file, built)
    assert code == 1 and "error E401" in err and f"{file}:12:" in err
    assert contents(built) == before


def test_backends_that_cannot_run_are_skipped_aloud(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eqgen.backends.requirements import Framework

    monkeypatch.setattr(Framework, "found", property(lambda self: self.module == "numpy"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = eqgen("build", file, "--package", "mine", "--out", tmp_path / "out")
    assert done.code == 0
    assert sorted(p.name for p in (tmp_path / "out").glob("mine_*")) == ["mine_numpy"]
    assert 'torch: skipped, torch is not installed: pip install "eqgen[torch]"' in done.err
    assert "cpp: skipped, C++ compiler is not installed: apt-get install g++" in done.err


def test_a_backend_that_cannot_run_is_generated_when_asked_for(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eqgen.backends.requirements import Framework

    monkeypatch.setattr(Framework, "found", property(lambda self: self.module == "numpy"))
    done = eqgen("build", file, "--backend", "torch", "--package", "mine", "--out", tmp_path / "out")
    assert done.code == 0 and (tmp_path / "out" / "mine_torch" / "layers.py").is_file()
    assert "torch: its package cannot run here" in done.err


def test_stages_have_times(file: Path, tmp_path: Path) -> None:
    _, _, err = build(file, tmp_path / "out", "-v")
    assert " s  checking equations" in err and " s  printing mine_numpy" in err


# --- unchanged builds ------------------------------------------------------------------------------------


def states(output: str) -> list[str]:
    """The second column: what happened to each package."""
    return [line.split()[1] for line in output.splitlines() if line.startswith("eqgen_")]


@pytest.fixture
def unchanging(tmp_path: Path) -> dict[str, str]:
    """Variables with which processes use a copy of eqgen: editing it while tests run is no change to them."""
    root = Path(__file__).parents[2]
    for name in ("eqgen", "templates"):
        shutil.copytree(
            root / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache")
        )
    return {"PYTHONPATH": str(tmp_path / "copy")}


def test_an_unchanged_build_imports_nothing_heavy_and_takes_less_than_a_second(
    tmp_path: Path, unchanging: dict[str, str]
) -> None:
    line = ["build", "--backend", "numpy,torch,jax,tensorflow", "--out", str(tmp_path / "out")]
    first = process(*line, **unchanging)
    assert first.code == 0, first.err
    code = (
        "import sys; sys.argv = ['eqgen', *sys.argv[1:]]\nfrom eqgen.cli import main\n"
        "try: main()\nfinally: print([m for m in " + repr(HEAVY) + " if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, *line]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **unchanging})
    assert states(done.stdout) == ["unchanged"] * 4
    assert done.stdout.splitlines()[-1] == "[]"

    def seconds() -> float:
        """Of processor time, so that other tests at the same time do not matter."""
        before = os.times()
        assert states(process(*line, **unchanging).out) == ["unchanged"] * 4
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 1.0


# --- interruptions ---------------------------------------------------------------------------------------


def test_an_interrupted_build_leaves_the_last_one(file: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(built)
    file.write_text(SCALED.replace("Scaled", "Rescaled"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(building, "replace_folder", interrupt)
        code, _, err = build(file, built)
    assert code == 130 and "interrupted" in err and "Traceback" not in err
    assert contents(built) == before
    assert build(file, built)[0] == 0
    assert "RescaledLayer" in (built / "mine_numpy" / "layers.py").read_text()


def test_a_killed_build_leaves_the_last_one(file: Path, built: Path) -> None:
    before = contents(built / "mine_numpy")
    file.write_text(SCALED.replace("Scaled", "Rescaled"))
    line = [
        sys.executable,
        "-m",
        "eqgen",
        "build",
        str(file),
        "--backend",
        "numpy",
        "--package",
        "mine",
        "--out",
        str(built),
    ]
    started = subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}
    )
    deadline = time.monotonic() + 60
    while not list((built / building.RECORDS).glob("*.new-*")) and started.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert contents(built / "mine_numpy") == before
    assert build(file, built)[0] == 0
    assert "RescaledLayer" in (built / "mine_numpy" / "layers.py").read_text()
    assert not list((built / building.RECORDS).glob("*.new-*")), "what the killed build left is gone"
