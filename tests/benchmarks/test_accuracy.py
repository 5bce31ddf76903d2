"""The benchmark of accuracy: its two tables, and where it writes them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import accuracy
from docs import tables
from eqgen.testing.accuracy import AccuracyReport, Measurement


def measurement(name: str, backend: str, dtype: str, of_scale: float, quantity: str = "f") -> Measurement:
    return Measurement(
        name, "activation", quantity, backend, dtype, of_scale=of_scale, of_bound=of_scale / 10, entries=1
    )


def test_the_worst_of_all_quantities_is_listed() -> None:
    report = AccuracyReport()
    for dtype, small in (("float32", 0.5), ("float64", 0.25)):
        report.add(measurement("Exact", "one", dtype, small))
        report.add(measurement("Rough", "one", dtype, small))
        report.add(measurement("Rough", "one", dtype, 6 * small, "f'"))
    assert accuracy.errors(report).splitlines()[2:] == [
        "| activation `Rough` | 3 / 1.5 | 0.30 |",
        "| 1 others | below 1 |  |",
    ]


def test_sums_are_compared_with_exact_ones() -> None:
    X = np.array([[1.0, 3.0], [2.0**-24, 1.0]], np.float32)
    assert accuracy.units(np.array([[1.0, 4.0]], np.float32), X) == 0.5
    assert accuracy.units(np.array([[1.0, 4.0 + 2.0**-20]], np.float32), X) == 2
    with pytest.raises(ValueError, match="float64"):
        accuracy.units(np.zeros((1, 2)), X)


def test_every_package_sums_in_its_own_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(accuracy, "ROWS", 50_000)
    assert accuracy.main(["--backend", "numpy", "--definition", "Sigmoid"]) == 0
    rows = dict(line.strip("| ").split(" | ", 1) for line in capsys.readouterr().out.splitlines() if line[:1] == "|")
    assert rows.keys() > {"`np.sum(X, axis=0)`", "NumPy package", "NumPy package, training step"}
    naive, *own = (float(rows[name].split(" | ")[1]) for name in rows if "sum" in name or "package" in name)
    assert len(own) == 2 and max(own) < 5 and naive > 50


def test_only_everything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--backend", "numpy"], ["--definition", "GELU"]):
        with pytest.raises(SystemExit, match="2"):
            accuracy.main([*options, "--write"])
        assert "only everything" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        accuracy.main(["--backend", "fortran"])
    assert "there is no fortran" in capsys.readouterr().err


def test_the_document_has_a_place_for_both() -> None:
    text = accuracy.DOCUMENT.read_text(encoding="utf-8")
    for name in ("errors", "batches"):
        assert "| x |" in tables.placed(text, name, accuracy.WRITER, "| x |")
