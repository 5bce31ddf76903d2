"""The tables of training steps and of forward passes over sparse weights, beside PyTorch with masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.contestants import BACKENDS
from benchmarks.contestants.sparse import AGAIN, CONTESTANTS, FUSED, REFERENCE, ROWS, SPARSEPROP
from benchmarks.contestants.sparse.problem import SparseProblem
from benchmarks.measuring import Spread, machine, versions
from benchmarks.measuring.bursts import Run
from benchmarks.measuring.steps import MAX_DIFFERENCE, METHODS, noise_between
from docs.tables import markdown

SIZES, QUICK_SIZES = (3072, 1024, 512, 10), (48, 32, 16, 10)
OURS = "cpp"


@dataclass(frozen=True)
class Sparsity:
    """A share of zeros, in percent, and the factors to masked PyTorch at it.

    goal        of the package for C++
    published   of the C++ library of the paper's authors, as the paper reports it
    built       of the same library, built from its sources and run by us
    """

    percent: float
    goal: float
    published: float
    built: float

    @property
    def density(self) -> float:
        return round(1 - self.percent / 100, 6)


SPARSITIES = (
    Sparsity(50, 1.6, 0.39, 0.15),
    Sparsity(80, 3, 0.96, 0.37),
    Sparsity(90, 6.5, 1.65, 0.57),
    Sparsity(95, 13, 2.50, 0.65),
    Sparsity(99, 32, 4.23, 1.43),
    Sparsity(99.9, 75, 5.19, 1.69),
)
INFERENCE_SPARSITIES, INFERENCE_BATCHES = (90.0, 99.0, 99.9), (1, 100)
INFERRING = (REFERENCE, *BACKENDS, ROWS, SPARSEPROP)
"""Who makes forward passes."""


def problem(density: float, momentum: float, quick: bool) -> SparseProblem:
    """The network of the paper's Table 2, batches of 100."""
    return SparseProblem(QUICK_SIZES if quick else SIZES, momentum=momentum, density=density)


def inference_problem(density: float, batch: int, quick: bool) -> SparseProblem:
    return SparseProblem(QUICK_SIZES if quick else SIZES, batch=batch, density=density, inference=True)


def medians(run: Run) -> dict[str, float]:
    """Seconds a step; nobody without a burst."""
    return {name: Spread.of(result.seconds).median for name, result in run.results.items() if result.seconds}


def base(run: Run) -> float | None:
    """Seconds of masked PyTorch as it is by default, with momentum of its fastest form; None when none was measured."""
    found = medians(run)
    forms = (REFERENCE, FUSED) if run.problem.momentum else (REFERENCE,)
    return min((found[name] for name in forms if name in found), default=None)


def factor(run: Run, name: str) -> float | None:
    """How many times as fast as masked PyTorch."""
    reference, own = base(run), medians(run).get(name)
    return None if reference is None or own is None else reference / own


def goals(runs: Sequence[Run]) -> str:
    """Sparsity by sparsity: the factor of the package for C++, its goal, and the paper's library."""
    rows = []
    for run, sparsity in zip(runs, SPARSITIES, strict=False):
        own, reference = factor(run, OURS), base(run)
        reached = "not measured" if own is None else "reached" if own >= sparsity.goal else "missed"
        rows.append(
            [
                f"{sparsity.percent:g} %",
                "" if reference is None else f"{1000 * reference:.2f}",
                Spread.of(run.results[OURS].seconds).scaled(1000).text() if own is not None else "",
                "" if own is None else f"{own:.1f} x",
                f">= {sparsity.goal:g} x: {reached}",
                f"{sparsity.published:.2f} x",
                f"{sparsity.built:.2f} x",
            ]
        )
    header = ["sparsity", "PyTorch, masked, ms", f"eqgen_{OURS}, ms", "faster by", "goal"]
    return markdown([*header, "the paper's library, as published", "the same, built by us"], rows)


def everybody(runs: Sequence[Run], columns: Sequence[str]) -> str:
    """Contestant by contestant: milliseconds, and the factor, of each run."""
    names = [name for name in CONTESTANTS if any(name in medians(run) for run in runs)]
    rows = []
    for name in names:
        cells = []
        for run in runs:
            own = factor(run, name)
            measured = name in medians(run)
            text = Spread.of(run.results[name].seconds).scaled(1000).text() if measured else "not measured"
            cells.append(text if own is None else f"{text}, {own:.1f} x")
        rows.append([CONTESTANTS[name].title, *cells])
    return markdown(["ms", *columns], rows)


def section(runs: Sequence[Run], momentum: float) -> str:
    """A heading and the tables of one optimizer."""
    columns = [f"{sparsity.percent:g} %" for sparsity in SPARSITIES[: len(runs)]]
    return (
        f"#### {METHODS[momentum].capitalize()}\n\n{goals(runs)}\n\n{everybody(runs, columns)}\n\n"
        f"{largest_noise(runs)}{agreement(runs)}{left_out(runs)}"
    )


def inference_section(runs: Sequence[Run]) -> str:
    """The same for forward passes, batch by batch."""
    parts = []
    for batch in dict.fromkeys(run.problem.batch for run in runs):
        own = [run for run in runs if run.problem.batch == batch]
        columns = [f"{percent:g} %" for percent in INFERENCE_SPARSITIES[: len(own)]]
        parts.append(f"#### Batch {batch}\n\n{everybody(own, columns)}")
    return "\n\n".join([*parts, f"{agreement(runs)}{left_out(runs)}"])


def largest_noise(runs: Iterable[Run]) -> str:
    """How far two processes that do the same are apart, at most."""
    found = [noise for run in runs if (noise := noise_between(run, REFERENCE, AGAIN)) is not None]
    return f"Two processes that do the same differ by up to {max(found):.0%}. " if found else ""


def agreement(runs: Sequence[Run]) -> str:
    difference = max((run.difference() for run in runs), default=0.0)
    idle = max((run.idle_share for run in runs), default=0.0)
    return (
        f"Losses after the same steps differ by at most {difference:.0e}; who was asleep used at most {idle:.1%} of a "
        "processor."
    )


def left_out(runs: Iterable[Run]) -> str:
    """Who did not take part, with the reasons, and at how many of the problems."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for name, reason in run.skipped.items():
            density = getattr(run.problem, "density", 1.0)
            reasons.setdefault((name, reason), []).append(f"{100 * density:g} %")
    parts = [f"{name} at density {', '.join(dict.fromkeys(at))}: {why}" for (name, why), at in reasons.items()]
    return f"\n\nNot measured: {'; '.join(parts)}." if parts else ""


def conditions(runs: Iterable[Run], rounds: int, seconds: float, threads: int) -> str:
    """Under which circumstances all of these were measured."""
    infos = [result.info for run in runs for result in run.results.values()]
    return (
        f"Median (least to most) of {rounds} bursts of about {seconds:g} s of each contestant, float32, {threads} "
        f"threads, on {machine()}. {versions(infos)}."
    )


def agree(runs: Iterable[Run]) -> bool:
    return all(run.difference() <= MAX_DIFFERENCE for run in runs)
