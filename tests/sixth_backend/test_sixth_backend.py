"""A sixth backend, from outside of the package and registered by an entry point, passes the tests of the other five."""

from pathlib import Path

import pytest

from eqgen.backends.protocol import Backend, backends
from eqgen.testing import run
from eqgen.testing.operations import check_probe, missing_spellings, probes, write_probes
from eqgen.testing.packages import load_package
from eqgen.testing.report import Report


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """As if `distribution/` had been installed."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "distribution")
    return backends()["strict"]


def test_every_definition(strict: Backend) -> None:
    report = run(["numpy", strict.name])
    assert report.passed, "\n".join(f.describe() for f in report.failures[:20])


def test_every_operation(strict: Backend, tmp_path: Path) -> None:
    assert strict.is_available() and missing_spellings(strict) == []
    package, report = load_package(write_probes(strict, tmp_path), strict), Report()
    for probe in probes():
        check_probe(probe, [package], report)
    assert report.passed, "\n".join(f.describe() for f in report.failures[:20])
