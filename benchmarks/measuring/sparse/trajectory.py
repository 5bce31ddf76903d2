"""Whether sparse training goes the way of dense training with masks: losses in double precision, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contestants.sparse import CONTESTANTS, REFERENCE, ROWS
from benchmarks.contestants.sparse.problem import SparseProblem
from benchmarks.contestants.training import Unavailable
from benchmarks.measuring.sparse.steps import OURS, QUICK_SIZES, SIZES
from docs.tables import markdown

FOLLOWING = (OURS, "torch", "numpy", ROWS)
"""Who is compared with masked PyTorch."""
PERCENTS = (90.0, 99.0)
STEPS = 100
GOAL = 1e-10


def problems(quick: bool) -> list[SparseProblem]:
    """Of momentum, since that remembers every step."""
    sizes = QUICK_SIZES if quick else SIZES
    return [SparseProblem(sizes, momentum=0.9, density=round(1 - p / 100, 6), dtype="float64") for p in PERCENTS]


def losses(name: str, quick: bool) -> dict[str, Any]:
    """The loss after every step of each problem, as the judge in double precision finds it."""
    found = []
    for problem in problems(quick):
        try:
            training = CONTESTANTS[name].make(problem)
        except (Unavailable, ImportError) as error:
            return {"failed": " ".join(str(error).split())}
        own = [training.loss(problem)]
        for _ in range(STEPS):
            training.steps(1)
            own.append(training.loss(problem))
        found.append(own)
    return {"losses": found}


def difference(own: Sequence[float], reference: Sequence[float]) -> float:
    """The largest relative one."""
    return max(abs(a - b) / abs(b) for a, b in zip(own, reference, strict=True))


def section(found: Mapping[str, Mapping[str, Any]], quick: bool) -> str:
    """The table, with the goal of the package for C++."""
    failed = [f"Not measured: {name}, {each['failed']}." for name, each in found.items() if "failed" in each]
    reference = found.get(REFERENCE, {}).get("losses")
    falls = ", ".join(
        f"{own[0]:.3f} to {own[-1]:.3f} at {p:g} %" for own, p in zip(reference or (), PERCENTS, strict=False)
    )
    rows = []
    for name in FOLLOWING if reference is not None else ():
        own = found.get(name, {}).get("losses")
        if own is not None:
            differences = [difference(a, b) for a, b in zip(own, reference, strict=True)]
            is_reached = max(differences) <= GOAL
            goal = f"<= {GOAL:g}: {'reached' if is_reached else 'missed'}" if name == OURS else ""
            rows.append([CONTESTANTS[name].title, *(f"{d:.1e}" for d in differences), goal])
    network = problems(quick)[0].name
    text = (
        f"The largest relative difference of the losses from those of masked PyTorch in {STEPS} steps of {network} "
        f"with Nesterov momentum 0.9, float64, from the same patterns and weights. The loss goes from {falls}."
    )
    return "\n\n".join([markdown(["", *(f"{p:g} %" for p in PERCENTS), "goal"], rows), text, *failed])
