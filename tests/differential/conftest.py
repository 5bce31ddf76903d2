"""Packages under test: those in `generated/`, which `make test` has just built and compared with the equations.

They are what a user gets; building others here would test other files and compile the kernels a second time. Packages
of single operations and of mutants are no part of `generated/` and are built into temporary folders.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.library import library
from eqgen.backends.protocol import Backend, backends
from eqgen.testing.operations import write_probes
from eqgen.testing.packages import Package, load_package
from eqgen.testing.run import is_reference

GENERATED = Path(__file__).resolve().parents[2] / "generated"


def available() -> list[Backend]:
    return [b for b in backends().values() if b.is_available()]


@pytest.fixture(scope="session")
def module() -> Module:
    return library()


@pytest.fixture(scope="session")
def packages() -> Sequence[Package]:
    return [load_package(GENERATED / f"eqgen_{b.name}", b) for b in available()]


@pytest.fixture(scope="session")
def reference(packages: Sequence[Package]) -> Package:
    """The package that needs nothing that eqgen itself does not need."""
    return next(p for p in packages if is_reference(p.backend))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all worker processes of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def built_once(shared_folder: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """`built_once(name, build)` is a folder that `build(folder)` has filled, in one of the worker processes."""

    def once(name: str, build: Callable[[Path], object]) -> Path:
        folder, done = shared_folder / name, shared_folder / f"{name}.done"
        with open(shared_folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                build(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def operation_packages(built_once: Callable[[str, Callable[[Path], object]], Path]) -> Sequence[Package]:
    """One function for every operation, in every backend."""

    folders = {b.name: built_once(f"probes-{b.name}", partial(write_probes, b)) for b in available()}
    return [load_package(folders[b.name] / f"operations_{b.name}", b) for b in available()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The mutation score, summed over all tests that report one."""
    caught = total = 0
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "mutants" and getattr(report, "when", "") == "call":
                    caught, total = caught + value[0], total + value[1]
    if total:
        terminalreporter.write_line(f"mutation score: {caught} of {total}")
