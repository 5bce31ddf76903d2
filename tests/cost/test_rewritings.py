"""How equations are rewritten, as `eqgen explain` shows it: in steps that begin and end where the cost report does."""

from __future__ import annotations

from functools import cache

import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.library import library
from eqgen.optimize.cost_report import Reporter
from eqgen.optimize.lower import Lowering
from eqgen.optimize.parts import KINDS
from eqgen.optimize.rewrite_report import SHARED, rewritten_equations
from tests.cli.runner import eqgen

DEFINITIONS = [pytest.param(d, id=f"{d.kind} {d.name}") for d in library().definitions if d.kind in KINDS]


@cache
def lowering() -> Lowering:
    return Lowering(library())


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_steps_lead_from_what_is_written_to_what_runs(definition: TypedDefinition) -> None:
    found = {(e.part, e.equation, e.origin): e for e in rewritten_equations(lowering(), definition)}
    for part in Reporter(lowering()).report(definition).parts:
        for statement in part.statements:
            equation = found.pop((part.name, statement.equation, statement.origin), None)
            if equation is None:
                assert not statement.rules and len(statement.code) <= 1
                continue
            last = equation.steps[-1]
            assert last.code == statement.code
            assert last.work.flops == statement.rewritten.flops and last.work.traffic == statement.rewritten.traffic
            assert {s.reason for s in equation.steps if s.reason != SHARED} == set(statement.rules)
            works = [equation.before, *(s.work for s in equation.steps)]
            assert works[0] != works[-1] or any(s.stable for s in equation.steps)
            sizes = dict.fromkeys(("M", "N", "D", "K", "V"), 1000)
            costs = [w.flops.value(sizes) + 2 * w.written.value(sizes) for w in works]
            for step, before, after in zip(equation.steps, costs, costs[1:], strict=False):
                assert step.stable or after <= before, "only for accuracy an equation becomes more expensive"
    assert not found


def test_softmax_backward_loses_its_square_of_the_batch() -> None:
    definition = library().find("Softmax", "layer")
    assert definition is not None
    (equation,) = rewritten_equations(lowering(), definition)
    assert equation.before.flops.degree == 3 and equation.steps[-1].work.flops.degree == 2
    (step,) = equation.steps
    assert (step.reason, step.lemma) == ("diag(A * B.T) = rows_sum(hadamard(A, B))", "diagonals_of_products")


def test_explain_says_what_is_done_for_accuracy() -> None:
    out = eqgen("explain", "GELU").out
    assert "apply(x -> 1 + erf(x), X) = erfc(-X)  (stable_complements, for accuracy)" in out


def test_explain_shows_costs_before_and_after() -> None:
    out = eqgen("explain", "Softmax").out
    before, after = "FLOPs 2 N^2 K + 2 N K, bytes 4 N^2 + 28 N K + 12 N", "FLOPs 4 N K, bytes 36 N K + 8 N"
    rule = "diag(A * B.T) = rows_sum(hadamard(A, B))  (diagonals_of_products)"
    assert out.index("layer Softmax") < out.index(before) < out.index(rule) < out.index(after)
    assert "s1 = exp(Z)" in eqgen("explain", "softmax").out


@pytest.mark.parametrize("name", ["Linear", "Xavier", "Exponential"])
def test_explain_says_nothing_of_what_runs_as_written(name: str) -> None:
    assert "FLOPs" not in eqgen("explain", name).out
