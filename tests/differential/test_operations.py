"""Every row of the operation table, in every backend, against its explicit cell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eqgen.algebra.operations import TABLE
from eqgen.backends.protocol import backends
from eqgen.testing.operations import check_probe, missing_spellings, probes
from eqgen.testing.packages import Package
from eqgen.testing.report import Report


@pytest.mark.parametrize("backend", list(backends()))
def test_every_operation_has_a_spelling(backend: str) -> None:
    assert missing_spellings(backends()[backend]) == []


def test_every_operation_is_tried() -> None:
    assert {p.operation for p in probes()} == set(TABLE)


@pytest.mark.parametrize("operation", list(TABLE))
def test_operation(operation: str, operation_packages: Sequence[Package]) -> None:
    report = Report()
    for probe in probes():
        if probe.operation == operation:
            check_probe(probe, operation_packages, report)
    assert report.passed, "\n".join(f.describe() for f in report.failures[:20])
