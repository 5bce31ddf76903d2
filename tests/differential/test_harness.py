"""`eqgen.testing` as a library: what it accepts, what it reports, and that it finds what is wrong in a user's file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import eqgen.testing
from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import apply
from eqgen.algebra.library import load_text
from eqgen.testing import select, test_packages
from eqgen.testing.cases import draw, generator, header_numbers, shapes
from eqgen.testing.packages import Package, load_package
from eqgen.testing.report import ADJOINTS, DEFINITION, STABLE_FORM, Result

OWN_FILE = """
layer Logarithm(scale = 2)
    "Scaled logarithm of positive numbers, then a map without a bias; all names are its own."

    dims    B, I, O
    input   Q: B x I
    param   V: O x I
    output  P: B x O

    forward
        E = scale * log(Q)
        P = E * V.T

    backward
        DV = DP.T * E
        DQ = hadamard(DP * V, reciprocal(Q)) * scale
"""

WRONG_LOSS = """
loss Nowhere
    "The logarithm of a negative number has no value anywhere."

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = elements_sum(log(-ones(N, K) - hadamard(Y, Y)))
    DY = -2 * hadamard(Y, reciprocal(-ones(N, K) - hadamard(Y, Y)))
"""


def test_run_is_a_report(reference: Package) -> None:
    seen: list[Result] = []
    report = eqgen.testing.run([reference.name], ["Softmax", "loss SquaredError"], seed=3, progress=seen.append)
    assert report.passed and len(seen) == report.comparisons == sum(report.counts.values())
    assert {r.definition for r in seen} == {"Softmax", "SquaredError"}
    assert set(report.counts) <= set(eqgen.testing.ORACLES)
    data = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert data["passed"] and data["comparisons"] == report.comparisons and not data["failures"]
    assert list(report.by_definition()) == [("layer", "Softmax"), ("loss", "SquaredError")]
    assert 0.0 < max(r.ratio for r in report.results()) <= 1.0


def test_the_same_seed_gives_the_same_results(module: Module, reference: Package) -> None:
    chosen = select(module, ["LogSoftmax"])
    first, again, other = (test_packages(module, [reference], chosen, seed=seed).to_json() for seed in (1, 1, 2))
    assert first == again != other


def test_unknown_names(reference: Package) -> None:
    with pytest.raises(KeyError, match="no backend `nonesuch`"):
        eqgen.testing.run(["nonesuch"])
    with pytest.raises(KeyError, match="no definition `Softmux`"):
        eqgen.testing.run([reference.name], ["Softmux"])
    with pytest.raises(FileNotFoundError, match="run `eqgen build`"):
        load_package(Path("nowhere"), reference.backend)


def test_names_of_two_kinds_are_both_chosen(module: Module) -> None:
    assert [d.kind for d in select(module, ["SReLU"])] == ["activation", "layer"]
    assert [d.kind for d in select(module, ["layer SReLU"])] == ["layer"]


def test_a_file_of_ones_own(reference: Package, tmp_path: Path) -> None:
    """What the file defines is tested, in its domain, whatever the names of inputs, outputs and sizes."""
    path = tmp_path / "mine.eq"
    path.write_text(OWN_FILE, encoding="utf-8")
    report = eqgen.testing.run([reference.name], files=[path], package="mine")
    assert report.passed, "\n".join(f.describe() for f in report.failures)
    assert [name for _, name in report.by_definition()] == ["Logarithm"]
    assert {"P", "DQ", "DV", "P in evaluation", "initial V"} <= {r.quantity for r in report.results()}


def test_what_has_no_value_is_not_passed(reference: Package, tmp_path: Path) -> None:
    path = tmp_path / "wrong.eq"
    path.write_text(WRONG_LOSS, encoding="utf-8")
    report = eqgen.testing.run([reference.name], files=[path], package="wrong")
    assert not report.passed
    assert {f.message for f in report.failures} == {"no case gives it a value: nothing is tested"}
    assert {(f.quantity, f.dtype) for f in report.failures} >= {("L", "float32"), ("L", "float64")}


def test_a_package_of_other_equations_is_found(module: Module, packages: list[Package]) -> None:
    """The gradient that the file gives is not the one in the package, nor the derivative of the forward equations."""
    wrong = load_text(
        """
layer Linear
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K
    forward
        Y = X * W.T + row_repeat(b, N)
    backward
        DW = DY.T * X
        Db = columns_mean(DY)
        DX = DY * W
"""
    )
    report = test_packages(wrong, packages, select(wrong, ["layer Linear"]))
    found = {(f.quantity, f.oracle) for f in report.failures}
    assert ("Db", DEFINITION) in found and ("Db", ADJOINTS) in found
    assert {f.quantity for f in report.failures} == {"Db"}
    assert "times the tolerance" in report.failures[0].describe()


def test_a_stable_form_that_is_another_function_is_found(module: Module, reference: Package) -> None:
    definition = module.find("softmax", "function")
    assert definition is not None
    *before, last = definition.block("stable")
    doubled = replace(last, value=apply("add", last.value, last.value))
    changed = replace(definition, blocks={**definition.blocks, "stable": (*before, doubled)})
    mutated = Module(tuple(changed if d is definition else d for d in module.definitions))
    report = test_packages(mutated, [reference], [changed])
    assert STABLE_FORM in {f.oracle for f in report.failures}


def test_cases_cover_the_shapes_that_go_wrong() -> None:
    chosen = [sizes for sizes, _ in shapes(("N", "D", "K"), "N")]
    assert {"N": 4, "D": 3, "K": 2} in chosen and {"N": 1, "D": 1, "K": 1} in chosen
    for name, number in (("N", 0), ("N", 1), ("D", 1), ("K", 1)):
        assert any(s[name] == number and max(s.values()) > 1 for s in chosen), (name, number)
    assert {dtype for _, dtypes in shapes(("N", "D", "K"), "N") for dtype in dtypes} == {"float32", "float64"}


@pytest.mark.parametrize("seed", range(5))
def test_sizes_are_pairwise_different(seed: int) -> None:
    names = [f"S{k}" for k in range(9)]
    (general, _), *_ = shapes(names, "S0", seed)
    assert len(set(general.values())) == len(names) and min(general.values()) >= 2
    assert general != next(shapes(names, "S0", seed + 1))[0]


@pytest.mark.parametrize(
    "kind", ["normal", "dyadic", "positive", "unit", "probabilities", "one_hot", "hundred", "thousand"]
)
def test_values_are_exact_in_single_precision(kind: str) -> None:
    x = draw(kind, generator(0, kind), (40, 30))
    assert np.array_equal(x, x.astype(np.float32).astype(np.float64))
    assert (kind in ("dyadic", "hundred", "thousand", "one_hot")) == bool((x == 0).any())
    assert (np.abs(x).max() >= 100) == (kind in ("hundred", "thousand"))
    assert draw(kind, generator(0, kind), (0, 3)).shape == (0, 3)


def test_numbers_of_a_header_are_tried_above_one(module: Module) -> None:
    definition = module.find("LeakyReLU", "activation")
    assert definition is not None
    tried = [numbers[0] for numbers in header_numbers(definition.numbers)]
    assert tried[0] == definition.numbers[0].default
    assert any(isinstance(n, tuple) or n > 1 for n in tried)
