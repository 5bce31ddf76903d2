"""Every definition of the library, in every backend, against every oracle of `eqgen.testing`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.library import library
from eqgen.testing import select, test_packages
from eqgen.testing.packages import Package
from eqgen.testing.report import ADJOINTS, AUTODIFF, DEFINITION, INITIAL_DRAW, PAIR

DEFINITIONS = [f"{d.kind} {d.name}" for d in select(library(), None)]
HAVE_GRADIENTS = ("layer", "activation", "loss")


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition(name: str, module: Module, packages: Sequence[Package]) -> None:
    report = test_packages(module, packages, select(module, [name]))
    assert report.passed, "\n".join(f.describe() for f in report.failures[:20])
    oracles = {DEFINITION, PAIR} | ({ADJOINTS} if name.startswith(HAVE_GRADIENTS) else set())
    if any(p.backend.autodiff for p in packages) and name.startswith(HAVE_GRADIENTS):
        oracles.add(AUTODIFF)
    if name.startswith("initializer"):
        oracles = {INITIAL_DRAW, PAIR}
    if len(packages) == 1:
        oracles.discard(PAIR)
    assert oracles <= report.counts.keys(), f"not compared with {oracles - report.counts.keys()}"
