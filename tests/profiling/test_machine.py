"""Measuring the machine, and keeping what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eqgen.backends.toolchain import find_compiler, processors
from eqgen.language.diagnostics import DiagnosticError
from eqgen.profiling import machine as module
from eqgen.profiling.machine import Machine, machine, measure_compiled, measure_with_numpy

FAST = Machine("some", 2, "float32", operations=200e9, memory_bandwidth=20e9, cache_bandwidth=100e9, method="x")


def test_limits() -> None:
    assert FAST.ridge == 10
    assert FAST.least_seconds(flops=200e9, moved=20e9) == 1
    assert FAST.least_seconds(flops=0, moved=40e9) == 2 and FAST.least_seconds(flops=400e9, moved=1) == 2


def test_it_is_measured_once_and_renewed_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    measurements = iter((float(k), 2.0, 3.0, "x") for k in range(1, 9))
    monkeypatch.setattr(module, "measure", lambda dtype, threads: next(measurements))
    assert [machine("float32", 2).operations for _ in range(3)] == [1, 1, 1]
    assert machine("float32", 1).operations == 2  # of another number of threads,
    assert machine("float64", 2).operations == 3  # and of another dtype
    assert machine("float32", 2, renew=True).operations == machine("float32", 2).operations == 4
    for path in (tmp_path / "machine").iterdir():
        path.write_text("{}")  # as an older version, or a full disk, may leave it
    assert machine("float32", 2).operations == 5
    monkeypatch.setattr(module, "processor_name", lambda: "another")
    assert machine("float32", 2).operations == 6


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "machine").write_text("a file in the way")
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "measure", lambda dtype, threads: (1.0, 1.0, 1.0, "x"))
    with pytest.raises(DiagnosticError) as caught:
        machine("float32", 2)
    assert caught.value.diagnostics[0].code == "E505" and "EQGEN_CACHE" in caught.value.diagnostics[0].hint


@pytest.mark.skipif(not find_compiler().found, reason="there is no compiler")
def test_compiled_loops() -> None:
    found = measure_compiled("float64", processors())
    assert found is not None
    operations, memory, cache = found
    assert 1e9 < operations < 1e15 and 1e8 < memory < 1e13 and 1e8 < cache < 1e14


def test_without_a_compiler_numpy_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert measure_compiled("float32", 1) is None
    operations, memory, cache = measure_with_numpy("float64", 2, size=128, memory_bytes=3 << 20, cache_bytes=3 << 16)
    assert operations > 1e8 and memory > 1e7 and cache > 1e7
    monkeypatch.setattr(module, "measure_with_numpy", lambda dtype, threads: (1.0, 2.0, 3.0))
    assert module.measure("float32", 1) == (1.0, 2.0, 3.0, module.NUMPY)


def test_the_file_is_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "measure", lambda dtype, threads: (1.0, 2.0, 3.0, "x"))
    found = machine("float32", 2)
    (path,) = (tmp_path / "machine").iterdir()
    assert json.loads(path.read_text()) == {
        "processor": found.processor,
        "threads": 2,
        "dtype": "float32",
        "operations": 1.0,
        "memory_bandwidth": 2.0,
        "cache_bandwidth": 3.0,
        "method": "x",
    }
