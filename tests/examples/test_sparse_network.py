"""Sparse training beside masked dense training, as a script, with small sizes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from eqgen.packages import available_backends
from tests.examples.references import is_drawn, script

SMALL = ["--epochs", "3", "--narrow", "8", "--examples", "300", "--density", "0.05"]
OTHERS = [backend.name for backend in available_backends()[0] if backend.name != "numpy"]


def run(capsys: pytest.CaptureFixture[str], *options: object) -> str:
    """What the script prints."""
    script("sparse_network").main([str(option) for option in options])
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def table(printed: str, backend: str) -> dict[str, list[float]]:
    """Entries, megabytes, milliseconds, loss and accuracy of each network."""
    found = re.findall(rf"^│ {backend} +│ +(\w+) │(.*)│$", printed, re.MULTILINE)
    return {name: [float(cell) for cell in cells.split("│")] for name, cells in found}


def test_sparse_and_masked_networks_lose_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EQGEN_CIFAR10", raising=False)
    printed = run(capsys, *SMALL, "--out", tmp_path)
    assert "random examples of the shape of CIFAR-10 are used" in printed
    found = table(printed, "numpy")
    assert list(found) == ["masked", "sparse", "SET"]
    total = 3072 * 128 + 128 * 64 + 64 * 10
    for entries, size, milliseconds, loss, accuracy in found.values():
        assert entries == pytest.approx(0.05 * total, abs=3)
        assert 0 < size < 4 * total and milliseconds > 0 and 0 < loss < 3 and 0 <= accuracy <= 1
    assert found["masked"][1] == pytest.approx(4e-6 * total, abs=0.01)
    assert found["sparse"][1] < found["masked"][1]
    assert found["sparse"][3] == pytest.approx(found["masked"][3], abs=2e-4)
    assert found["SET"][3] != found["sparse"][3]
    (apart,) = re.findall(r"differ by at most (\S+) of their value", printed)
    assert 0 <= float(apart) < 1e-4
    assert is_drawn(tmp_path / "sparse_network.png")


def test_on_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = script("common").digits()
    options = ["--data", digits, "--narrow", 8, "--density", 0.2, "--epochs", 12, "--out", tmp_path]
    printed = run(capsys, *options)
    assert "no data set" not in printed
    assert min(row[4] for row in table(printed, "numpy").values()) > 0.8, printed


@pytest.mark.timeout(1200)  # C++ is compiled
@pytest.mark.parametrize("backend", OTHERS)
def test_every_backend_does_the_same(backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, *SMALL, "--backend", f"numpy,{backend}", "--out", tmp_path)
    expected, found = table(printed, "numpy"), table(printed, backend)
    for name in ("masked", "sparse", "SET"):
        assert found[name][0] == expected[name][0]
        np.testing.assert_allclose(found[name][3:], expected[name][3:], atol=2e-3)


@pytest.mark.parametrize("density", ["0", "1.5", "many"])
def test_a_density_that_is_none_is_refused(density: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        script("sparse_network").main(["--density", density])
    assert caught.value.code == 2
    assert f"found '{density}', expected a number above 0, at most 1" in capsys.readouterr().err
