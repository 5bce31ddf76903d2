"""A gradient that is read twice is read once where the second use follows from the first, and is proven to."""

from __future__ import annotations

import pytest

from eqgen.algebra.library import load_text
from eqgen.algebra.notation import notation
from eqgen.optimize.elimination import read_once
from eqgen.optimize.lower import Lowering, is_host

HEADER = "optimizer Mine(mu = 0.9)\n    state   delta = 0\n"


def eliminated(equations: str) -> list[str] | None:
    module = load_text(HEADER + "".join(f"    {line}\n" for line in equations.splitlines()))
    definition = module.find("Mine", "optimizer")
    assert definition is not None
    function = Lowering(module).optimizer(definition).function
    scalars = [a.name for a in function.arguments if a.role == "scalar"]
    steps = read_once(function.steps, "Dtheta", lambda n: is_host(n, scalars), module)
    return None if steps is None else [f"{s.target} = {notation(s.value)}" for s in steps]


def test_nesterov() -> None:
    assert eliminated("delta' = mu * delta - eta * Dtheta\ntheta' = theta + mu * delta' - eta * Dtheta") == [
        "theta_new_before = theta - mu * delta",
        "delta_new = mu * delta - eta * Dtheta",
        "theta_new = theta_new_before + (mu + 1) * delta_new",
    ]


def test_the_other_sign() -> None:
    assert eliminated("delta' = mu * delta + eta * Dtheta\ntheta' = theta - mu * delta' - eta * Dtheta") == [
        "theta_new_before = theta + mu * delta",
        "delta_new = mu * delta + eta * Dtheta",
        "theta_new = theta_new_before - (mu + 1) * delta_new",
    ]


@pytest.mark.parametrize(
    "equations",
    [
        "delta' = mu * delta - eta * Dtheta\ntheta' = theta + delta'",  # read once already
        "delta' = mu * delta - eta * Dtheta\ntheta' = theta - mu * Dtheta",  # another multiple
        "delta' = mu * delta + Dtheta^2\ntheta' = theta - eta * Dtheta",  # not linear
        "delta' = mu * delta - eta * Dtheta\ntheta' = theta - eta * Dtheta / (abs(Dtheta) + 1)",
    ],
)
def test_left_as_it_is(equations: str) -> None:
    assert eliminated(equations) is None


def test_nothing_is_taken_that_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the algebra is caught by the proof: with a sign lost, nothing is replaced."""
    monkeypatch.setattr("eqgen.optimize.elimination.negative", lambda c: c)
    assert eliminated("delta' = mu * delta - eta * Dtheta\ntheta' = theta + mu * delta' - eta * Dtheta") is None
