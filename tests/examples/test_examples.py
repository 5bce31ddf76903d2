"""Every example runs, and shows what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqgen
from eqgen.algebra.checking import check_module
from eqgen.language.formatter import format_source
from tests.examples.test_references import ALL

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
DEFINITIONS = sorted(EXAMPLES.glob("*.eq"))
WRONG = "wrong_gradient.eq"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    line = [str(part) for part in command]
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def losses(printed: str) -> list[float]:
    return [float(number) for number in re.findall(r"loss (\d+\.\d+)", printed)]


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_definitions_are_checked_and_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(text) == text
    definitions = eqgen.load(path)
    results = check_module([d.typed for d in definitions.values()], definitions.module)
    verdicts = {e.target: e.verdict for result in results for e in result.equations}
    refuted = [target for target, verdict in verdicts.items() if verdict == "refuted"]
    assert refuted == (["DZ"] if path.name == WRONG else [])
    assert set(verdicts.values()) - {"refuted"} == {"proved"}


def test_the_first_layer_takes_about_ten_lines() -> None:
    lines = (EXAMPLES / "swish.eq").read_text(encoding="utf-8").splitlines()
    descriptions = ("source", '"', "layer")
    assert len([line for line in lines if line.strip() and not line.strip().startswith(descriptions)]) <= 11


def test_compile_in_python() -> None:
    done = run(sys.executable, EXAMPLES / "compile_in_python.py", "--epochs", 3)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("proved (all sizes)") == 4
    found = losses(done.stdout)
    assert len(found) == 3 and found[-1] < 0.3, done.stdout


def test_layouts_compute_the_same() -> None:
    done = run(sys.executable, EXAMPLES / "layouts.py")
    assert done.returncode == 0, done.stderr
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == ["the same"] * 3
    assert "(3, 4)" in done.stdout, "no batch has its examples in columns"


def test_the_command_in_own_definitions_trains() -> None:
    comment = (EXAMPLES / "own_definitions.eq").read_text(encoding="utf-8").split("\n\n")[0]
    command = comment.replace("#", " ").partition("eqgen train")
    done = run("bash", "-c", f"eqgen train{command[2]}")
    assert done.returncode == 0, done.stderr
    found = losses(re.sub(r"loss +", "loss ", done.stdout))
    assert len(found) == 3 and found[-1] < found[0], done.stdout


def test_training_with_a_generated_package(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 400), ("test", 50)):
        T = generator.integers(2, size=count)
        arrays[f"X{part}"] = generator.normal(size=(count, 5)) + 4 * T[:, np.newaxis]
        arrays[f"T{part}"] = T
    np.savez(tmp_path / "data.npz", allow_pickle=False, **arrays)
    script = EXAMPLES / "train_mnist.py"
    done = run(sys.executable, script, "--dataset", tmp_path / "data.npz", "--hidden", 8, "--epochs", 4)
    assert done.returncode == 0, done.stderr
    assert len(losses(done.stdout)) == 4
    assert float(re.findall(r"test accuracy (\d\.\d+)", done.stdout)[-1]) > 0.9
    assert not re.search(r"^\s*(import|from) eqgen\b", script.read_text(encoding="utf-8"), re.MULTILINE)


def test_training_without_a_data_set_is_skipped_with_a_reason() -> None:
    done = run(sys.executable, EXAMPLES / "train_mnist.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "train_mnist: skipped, there is no data set; give one with --dataset\n"
    assert run(sys.executable, EXAMPLES / "train_mnist.py", "--dataset", "nothing.npz").returncode == 2


def test_every_example_is_tested() -> None:
    """Here, in test_references.py or test_sparse_network.py, or in docs/c_interface.md (softmax_layer.c)."""
    tested = {"compile_in_python.py", "layouts.py", "train_mnist.py", "softmax_layer.c", *(p.name for p in DEFINITIONS)}
    tested |= {"common.py", "sparse_network.py", *(f"{name}.py" for name in ALL)}
    assert {p.name for p in EXAMPLES.iterdir() if p.is_file()} == tested
