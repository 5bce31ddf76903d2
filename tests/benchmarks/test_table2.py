"""The benchmark's script: that it measures what it says, and writes only where it should."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import measuring, table2
from benchmarks.contestants import program
from docs import tables

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "benchmarks" / "table2.py"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """250 examples of 3 classes that can be told apart."""
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 250), ("test", 60)):
        T = generator.integers(3, size=count)
        X = generator.integers(100, size=(count, 6)) + 150 * (np.arange(6) % 3 == T[:, np.newaxis])
        arrays |= {f"X{part}": X.clip(0, 255).astype(np.uint8), f"T{part}": T}
    path = tmp_path_factory.mktemp("table2") / "data.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


def measured(loss: float, seconds: float, name: str = "numpy") -> dict[str, Any]:
    return {
        "loss": loss, "train_accuracy": 0.5, "test_accuracy": 0.25, "seconds": seconds, "warm_up": 1.0, "examples": 10,
        "info": {"framework": name, "version": "1.2"},
    }  # fmt: skip


def test_native_pytorch_and_generated_packages_end_at_the_same_loss(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "runs.json"
    line = [
        sys.executable,
        SCRIPT,
        "--dataset",
        dataset,
        "--backends",
        "native,torch,numpy",
        "--repeats",
        "2",
        "--json",
        out,
    ]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())
    assert list(results) == ["native", "torch", "numpy"]
    runs = [run for found in results.values() for run in found]
    assert len(runs) == 6
    assert all(run["examples"] == 250 and run["seconds"] > 0 for run in runs)
    assert max(r["loss"] for r in runs) - min(r["loss"] for r in runs) < 1e-5
    assert runs[0]["loss"] < np.log(3), "worse than guessing: nobody has learned anything"
    assert re.search(r"^\| eqgen_numpy \| \d\.\d{3} \| ", done.stdout, re.MULTILINE)
    assert "One epoch over 250 examples, 2 interleaved runs" in done.stdout


def test_a_program_in_cpp_computes_what_python_does_with_its_kernels(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("eqgen_cpp")
    out = tmp_path / "runs.json"
    line = [sys.executable, SCRIPT, "--dataset", dataset, "--backends", "program,cpp", "--repeats", "1", "--json", out]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (alone,), (package,) = json.loads(out.read_text()).values()
    assert alone["loss"] == pytest.approx(package["loss"], rel=1e-6) and alone["loss"] < np.log(3)
    assert alone["seconds"] > 0 and alone["warm_up"] > 0 and alone["examples"] == 250


def test_a_program_that_is_given_too_little_says_so(tmp_path: Path) -> None:
    p = pytest.importorskip("eqgen_cpp")
    built = program.build(Path(p.__file__).parent, tmp_path)
    (tmp_path / "task").write_bytes(b"12345678")
    done = subprocess.run([built, tmp_path / "task", tmp_path / "result"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "the task is too short\n")


def test_without_a_data_set_it_is_skipped_with_a_reason() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "table2: skipped, there is no data set; give MNIST with --dataset\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "nothing.npz"], "nothing.npz is not a file"),
        (["--dataset", str(SCRIPT), "--backends", "nunpy"], "there is no nunpy"),
        (["--dataset", str(SCRIPT), "--write", "--limit", "100"], "only a full run"),
        (["--dataset", str(SCRIPT), "--write", "--backends", "native,numpy"], "only a full run"),
    ],
)
def test_wrong_options_are_refused(options: list[str], message: str) -> None:
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_table_shows_medians_their_spread_and_ratios() -> None:
    results = {
        "native": [measured(0.2, s) for s in (2.0, 4.0, 3.0)],
        "numpy": [measured(0.2, s) for s in (6.0, 9.0, 5.0)],
    }
    rows = table2.table(results).splitlines()
    assert rows[2].endswith("| 3.00 (2.00 to 4.00) | 1.00 | 1.00 |")
    assert rows[3] == "| eqgen_numpy | 0.200 | 0.500 | 0.250 | 6.00 (5.00 to 9.00) | 2.00 | 1.00 |"


def test_a_loss_that_differs_is_seen() -> None:
    results = {"native": [measured(0.2, 1.0)], "numpy": [measured(0.2, 1.0), measured(0.203, 1.0)]}
    assert table2.difference(results) == pytest.approx(0.003)


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    documents = [tmp_path / "a.md", tmp_path / "b.md"]
    begin, end = tables.mark(table2.NAME, table2.WRITER)
    for path in documents:
        path.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    table2.write("new", documents)
    assert documents[1].read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"
    documents[1].write_text("no marks")
    with pytest.raises(ValueError, match="no place for the table"):
        table2.write("other", documents)
    assert "new" in documents[0].read_text(), "a document was written although another cannot be"


def test_openblas_is_not_told_which_processor_it_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "OPENBLAS_CORETYPE" not in measuring.environment()


@pytest.mark.parametrize("name", ["README.md", "docs/benchmarks.md"])
def test_the_documents_have_a_place_for_the_table(name: str) -> None:
    tables.placed((ROOT / name).read_text(encoding="utf-8"), table2.NAME, table2.WRITER, "")
