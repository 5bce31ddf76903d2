"""The tests are tested: wrong equations, spellings, primitives and templates, all of which must be found.

A gradient is found wrong by the check of equations. What has no gradient, or the right one, must be found by the
oracles outside of this project, on a NumPy package that is built from the mutant. Wrong spellings, primitives and
templates must be found by the differential tests. Python that does not run counts as found.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.explicit_check import check_definition
from eqgen.algebra.library import library
from eqgen.backends.build import write_package
from eqgen.backends.protocol import Backend
from eqgen.testing import select, test_packages
from eqgen.testing.mutation import (
    EquationMutant,
    SpellingMutant,
    edited_copy,
    equation_mutants,
    sample,
    spelling_mutants,
    with_overlay,
)
from eqgen.testing.operations import check_probe, probes, write_probes
from eqgen.testing.packages import Package, forget, load_package
from eqgen.testing.report import Report
from tests.differential import conventions, outside_keras, outside_scipy, outside_torch
from tests.differential.mutants import EQUIVALENT, PRIMITIVES, TEMPLATES, Edit
from tests.differential.outside import CONVENTIONS, ORACLES

OUTSIDE = (conventions, outside_keras, outside_scipy, outside_torch)
MUTANTS_A_DEFINITION = 10_000 if os.environ.get("EQGEN_ALL_MUTANTS") else 6
"""All of them, some 1,250, take ten minutes."""
DEFINITIONS = [f"{d.kind} {d.name}" for d in select(library(), None)]

Score = Callable[[int, int], None]


@pytest.fixture
def score(record_property: Callable[[str, object], None]) -> Score:
    return lambda found, total: record_property("mutants", (found, total))


def built(module: Module, backend: Backend, folder: Path) -> Package:
    place = folder / f"eqgen_{backend.name}"
    place.mkdir(parents=True)
    write_package(module, backend, place.name, place, compile=True)
    return load_package(place, backend)


def found_by_check(mutant: EquationMutant, module: Module) -> bool:
    return any(r.verdict == "refuted" for r in check_definition(mutant.definition, mutant.within(module)))


def found_outside(mutant: EquationMutant, module: Module, backend: Backend, folder: Path) -> bool:
    """Whether a package built from the mutant disagrees with others, with a convention, or does not run."""
    name = f"{mutant.definition.kind} {mutant.definition.name}"
    checks = [o.check for o in (*ORACLES, *CONVENTIONS) if o.definition == name]
    package = None
    try:
        package = built(mutant.within(module), backend, folder)
        for check in checks:
            check(package)
    except Exception:  # an assertion, or code that does not run
        return True
    finally:
        if package is not None:
            forget(package.root.__name__)
    return False


@pytest.mark.parametrize("name", DEFINITIONS)
def test_wrong_equations(name: str, module: Module, reference: Package, tmp_path: Path, score: Score) -> None:
    (definition,) = select(module, [name])
    mutants = sample([m for m in equation_mutants(definition) if not equivalent(m)], MUTANTS_A_DEFINITION)
    missed = [
        m.name
        for k, m in enumerate(mutants)
        if not (found_by_check(m, module) or found_outside(m, module, reference.backend, tmp_path / str(k)))
    ]
    score(len(mutants) - len(missed), len(mutants))
    assert not missed


def equivalent(mutant: EquationMutant) -> bool:
    return any(e.matches(mutant.name) for e in EQUIVALENT)


@pytest.mark.parametrize("k", range(len(EQUIVALENT)))
def test_mutants_that_are_none(k: int, module: Module, reference: Package, tmp_path: Path) -> None:
    """Each reason excludes something, and what it excludes is not found by anything."""
    excluded = [m for d in select(module, None) for m in equation_mutants(d) if EQUIVALENT[k].matches(m.name)]
    assert excluded, EQUIVALENT[k].reason
    for n, mutant in enumerate(excluded):
        assert not found_by_check(mutant, module), mutant.name
        assert not found_outside(mutant, module, reference.backend, tmp_path / str(n)), mutant.name


def found_in_operations(package: Package, operations: tuple[str, ...]) -> bool:
    report = Report()
    for p in probes():
        if p.operation in operations:
            check_probe(p, [package], report)
    return bool(report.failures)


def found_spelling(mutant: SpellingMutant, folder: Path) -> bool:
    """Whether the probes of the operation notice; a spelling that is not even Python is noticed when it is written."""
    chosen = [p for p in probes() if p.operation == mutant.operation]
    try:
        package = load_package(write_probes(mutant.backend, folder, chosen), mutant.backend)
    except (KeyError, IndexError, RuntimeError, SyntaxError):
        return True
    found = found_in_operations(package, (mutant.operation,))
    forget(package.root.__name__)
    return found


def test_wrong_spellings(reference: Package, tmp_path: Path, score: Score) -> None:
    mutants = list(spelling_mutants(reference.backend))
    missed = [m.name for k, m in enumerate(mutants) if not found_spelling(m, tmp_path / str(k))]
    score(len(mutants) - len(missed), len(mutants))
    assert not missed and len(mutants) >= 30


def test_wrong_primitives(reference: Package, tmp_path: Path, score: Score) -> None:
    original = write_probes(reference.backend, tmp_path)

    def found(edit: Edit, folder: Path) -> bool:
        package = load_package(edited_copy(original, folder, edit.file, edit), reference.backend)
        result = found_in_operations(package, edit.tried)
        forget(package.root.__name__)
        return result

    missed = [edit.name for k, edit in enumerate(PRIMITIVES) if not found(edit, tmp_path / str(k))]
    score(len(PRIMITIVES) - len(missed), len(PRIMITIVES))
    assert not missed


def test_wrong_templates(module: Module, reference: Package, tmp_path: Path, score: Score) -> None:
    def found(edit: Edit, folder: Path) -> bool:
        backend = with_overlay(reference.backend, folder / "templates", {edit.file: edit})
        package = built(module, backend, folder)
        report = test_packages(module, [package], select(module, edit.tried))
        forget(package.root.__name__)
        return bool(report.failures)

    missed = [edit.name for k, edit in enumerate(TEMPLATES) if not found(edit, tmp_path / str(k))]
    score(len(TEMPLATES) - len(missed), len(TEMPLATES))
    assert not missed


def test_the_original_passes_what_finds_mutants(module: Module, reference: Package, tmp_path: Path) -> None:
    """Otherwise all mutants would be found."""
    package = load_package(write_probes(reference.backend, tmp_path), reference.backend)
    assert not found_in_operations(package, tuple({o for edit in PRIMITIVES for o in edit.tried}))
    definitions = sorted({name for edit in TEMPLATES for name in edit.tried})
    assert test_packages(module, [built(module, reference.backend, tmp_path)], select(module, definitions)).passed
    for check in {o.check for o in (*ORACLES, *CONVENTIONS)}:
        check(reference)
