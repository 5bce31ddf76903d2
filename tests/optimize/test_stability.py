"""Rewrites for accuracy: a naive form computes what the stable one does, in every backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import walk
from eqgen.algebra.library import load_files, load_text
from eqgen.algebra.rewrites import Rule, library_rules, optimized, rules_for
from eqgen.backends.build import write_package
from eqgen.backends.protocol import Backend, backends
from eqgen.optimize.lower import Lowering
from eqgen.testing.accuracy import measure_packages
from eqgen.testing.packages import Package, load_package

NAIVE = """loss NaiveEntropy
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(hadamard(T, log(sigmoid(Y))) + hadamard(ones(N, K) - T, log(ones(N, K) - sigmoid(Y))))
    DY = sigmoid(Y) - T

activation NaiveSoftplus
    f(x)  = log(1 + exp(x))
    f'(x) = 1 / (1 + exp(-x))

function naive_softmax(X: N x K)
    = hadamard(exp(X), column_repeat(reciprocal(rows_sum(exp(X))), K))
"""
NAMES = ("NaiveEntropy", "NaiveSoftplus", "naive_softmax")
AVAILABLE = [b for b in backends().values() if b.is_available()]
STABLE = [rule for rule in library_rules() if rule.stable]


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("naive") / "naive.eq"
    path.write_text(NAIVE, encoding="utf-8")
    return path


def built(naive: Path, backend: Backend, place: Path) -> Package:
    """A package of nothing but the naive definitions and what they are rewritten to: it compiles in a moment."""
    module = load_files([naive])
    chosen = [d for d in module.definitions if d.name in NAMES or (d.kind == "function" and "softmax" in d.name)]
    place.mkdir()
    write_package(Module(tuple(chosen)), backend, place.name, place, compile=True)
    return load_package(place, backend)


@pytest.fixture(scope="module")
def packages(naive: Path) -> list[Package]:
    return [built(naive, b, naive.parent / f"naive_{b.name}") for b in AVAILABLE]


def test_all_lemmas_for_accuracy_are_proved() -> None:
    claims = [c for d in load_text("").of_kind("lemma") if "stability.eq" in d.origin for c in d.claims]
    assert len(STABLE) == len(claims) > 20


@pytest.mark.parametrize("rule", STABLE, ids=lambda rule: rule.text)
def test_the_stable_side_is_left_alone(rule: Rule) -> None:
    """No rule, for accuracy or speed, leads from a right side back to what its left side is made of."""
    better = optimized(rule.left, library_rules())
    assert better.rules
    assert optimized(better.value, library_rules()).rules == ()
    assert rule.left not in set(walk(better.value))


def test_what_has_a_stable_form_of_its_own_is_not_rewritten_for_accuracy() -> None:
    softmax = load_text("").find("softmax", "function")
    assert softmax is not None
    assert not any(rule.stable for rule in rules_for(softmax))


def test_no_function_becomes_a_call_of_itself() -> None:
    module = load_text("function log_of(X: N x K)\n    = log(softmax(X))\n")
    definition = module.find("log_of", "function")
    assert definition is not None
    notes = [n for step in Lowering(module).matrix_function(definition).steps for n in step.notes]
    assert notes == ["rewritten: log(softmax(X)) = log_softmax(X)"]


def test_naive_forms_are_finite_and_accurate_in_every_backend(naive: Path, packages: list[Package]) -> None:
    module = load_files([naive])
    chosen = [d for d in module.definitions if d.name in NAMES]
    report = measure_packages(module, packages, chosen)
    assert {m.backend for m in report.measurements.values()} == {b.name for b in AVAILABLE}
    assert report.failures == []
    assert max(m.of_scale for m in report.measurements.values()) < 20


def test_at_a_thousand(packages: list[Package]) -> None:
    """The values that the naive forms, computed as written, miss by everything."""
    x = np.array([[-1000.0, -100.0, 0.0, 100.0, 1000.0]])
    for package in packages:
        for dtype in ("float32", "float64"):
            f = package.root.NaiveSoftplusActivation()
            y = package.host(f(package.matrix(x, dtype)))
            np.testing.assert_allclose(y, np.logaddexp(0.0, x), rtol=1e-6, atol=1e-37)
            loss = package.root.NaiveEntropyLossFunction()
            targets = package.matrix(np.array([[0.0, 0.0, 0.5, 1.0, 0.0]]), dtype)
            value = float(package.host(loss.value(package.matrix(x, dtype), targets))[0, 0])
            assert value == pytest.approx(1000.0 + np.log(2.0), rel=1e-6)


@pytest.fixture
def as_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Building without rewrites for accuracy; the bounds stay those of the stable forms."""
    monkeypatch.setattr("eqgen.optimize.lower.rules_for", lambda definition: ())
    yield


def test_without_the_rewrites_the_harness_finds_them(naive: Path, tmp_path: Path, as_written: None) -> None:
    numpy = next(b for b in AVAILABLE if b.name == "numpy")
    package = built(naive, numpy, tmp_path / "plain_numpy")
    module = load_files([naive])
    chosen = [d for d in module.definitions if d.name in NAMES]
    report = measure_packages(module, [package], chosen)
    assert {m.definition for m in report.failures} == set(NAMES)
    assert any("is inf, expected" in m.message for m in report.failures)
