"""Generated packages against PyTorch, Keras and SciPy, and against the conventions at kinks, where these differ."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eqgen.algebra.library import library
from eqgen.testing import select
from eqgen.testing.packages import Package
from tests.differential import conventions, outside_keras, outside_scipy, outside_torch
from tests.differential.outside import CONVENTIONS, ORACLES, Oracle

IMPORTED = (conventions, outside_keras, outside_scipy, outside_torch)
"""Importing them registers their checks."""


@pytest.mark.parametrize(
    "check", list({o.check: o for o in ORACLES}.values()), ids=lambda o: f"{o.name}-{o.definition}"
)
def test_agrees_with_others(check: Oracle, packages: Sequence[Package]) -> None:
    for package in packages:
        check.check(package)


@pytest.mark.parametrize(
    "check", list({o.check: o for o in CONVENTIONS}.values()), ids=lambda o: f"{o.name}-{o.definition}"
)
def test_keeps_a_convention(check: Oracle, packages: Sequence[Package]) -> None:
    for package in packages:
        check.check(package)


def test_every_definition_has_an_oracle_outside_of_this_project() -> None:
    assert {f"{d.kind} {d.name}" for d in select(library(), None)} == {o.definition for o in ORACLES}
