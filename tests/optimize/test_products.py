"""Optimizer steps over the factors of a gradient: for which they exist, and what they take."""

from __future__ import annotations

import pytest

from eqgen.algebra.definitions import Module
from eqgen.algebra.library import library, load_text
from eqgen.algebra.notation import notation
from eqgen.optimize.lower import Lowering
from eqgen.optimize.products import product_step
from eqgen.optimize.program import LoweredFunction


def lowered(text: str) -> LoweredFunction | None:
    module: Module = load_text(text)
    return product_step(Lowering(module), module.definitions[0])


def test_the_gradient_is_replaced_by_its_factors() -> None:
    step = lowered(
        "optimizer Heavy(mu = 0.9)\n    state delta = 0\n"
        "    delta' = mu * delta - eta * Dtheta\n    theta' = theta + delta'\n"
    )
    assert step is not None
    f = step.function
    assert f.name == "heavy_product_step"
    assert [a.name for a in f.arguments] == ["theta", "A", "B", "delta", "mu", "eta"]
    assert [a.shape for a in f.arguments[:3]] == [("M", "N"), ("P", "M"), ("P", "N")]
    assert [name for name, _ in f.results] == ["theta_new", "delta_new"]
    assert (f.steps[0].target, notation(f.steps[0].value)) == ("Dtheta", "A.T * B")


def test_the_factors_have_names_of_their_own() -> None:
    step = lowered("optimizer Odd(P = 0.9)\n    state A = 0\n    A' = P * A - eta * Dtheta\n    theta' = theta + A'\n")
    assert step is not None
    assert [a.name for a in step.function.arguments] == ["theta", "A1", "B", "A", "P", "eta"]
    assert step.function.arguments[1].shape == ("P1", "M")


@pytest.mark.parametrize(
    "equations",
    [
        "    norm = sqrt(elements_sum(Dtheta^2))\n    Dtheta' = c / max(norm, c) * Dtheta\n",
        "    theta' = theta - c * column_repeat(rows_sum(Dtheta), N)\n",
        "    theta' = theta - c * theta\n",
    ],
)
def test_none_where_more_or_less_than_single_entries_is_read(equations: str) -> None:
    assert lowered(f"optimizer Whole(c)\n{equations}") is None


def test_all_entrywise_optimizers_of_the_library_have_one() -> None:
    module = library()
    lowering = Lowering(module)
    for d in module.of_kind("optimizer"):
        reduces = any("sum(" in a.text or "max_row" in a.text for a in d.block("step"))
        assert (product_step(lowering, d) is None) == reduces, d.name
