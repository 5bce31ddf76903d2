"""How the time of a step over sparse weights grows with the density and with the width of layers: tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.contestants.sparse import CONTESTANTS, REFERENCE, ROWS, SPARSEPROP
from benchmarks.contestants.sparse.problem import SparseProblem
from benchmarks.measuring import Spread
from benchmarks.measuring.bursts import Run
from benchmarks.measuring.growth import Line, plot
from benchmarks.measuring.sparse import steps
from docs.tables import markdown

ROUNDS = 5
GROWING = (REFERENCE, "cpp", "torch", "numpy", ROWS, SPARSEPROP)
"""Who takes part; the others take seconds a step at the largest sizes."""
WIDEST = {REFERENCE: 8192, "numpy": 8192, SPARSEPROP: 8192, "torch": 16384, ROWS: 16384}
"""Up to which width they take part: masked PyTorch would keep 6 GB at twice the width, and the others take seconds."""
COMPARED = 3
"""Steps between the moments at which losses are compared: those of the widest networks are long."""


@dataclass(frozen=True)
class Axis:
    """What grows. `quick` are sizes for a trial.

    entries    stored entries for each size
    fitted     the least size from which on the exponent is fitted: below, a step is more overhead than products
    """

    name: str
    title: str
    sizes: tuple[float, ...]
    quick: tuple[float, ...]
    problem: Callable[[float, bool], SparseProblem]
    size_of: Callable[[SparseProblem], float]
    label: Callable[[float], str]
    caption: str
    fitted: float

    @property
    def picture(self) -> str:
        return f"sparse_{self.name}.svg"

    def contestants(self, size: float) -> list[str]:
        return [name for name in GROWING if self.name != "width" or size <= WIDEST.get(name, size)]


DENSITY = Axis(
    "density",
    "density",
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    (0.1, 0.5, 1.0),
    lambda density, quick: steps.problem(density, 0.0, quick),
    lambda problem: problem.density,
    lambda density: f"{density:g}",
    "3072-1024-512-10, batch 100, plain gradient descent, float32",
    0.05,
)
WIDTH = Axis(
    "width",
    "layer width",
    (1024, 2048, 4096, 8192, 16384, 32768),
    (64, 128, 256),
    lambda width, quick: SparseProblem((int(width), int(width), int(width), 10), density=0.01, batches=1),
    lambda problem: problem.sizes[0],
    lambda width: str(int(width)),
    "D-D-D-10 at sparsity 99 %, batch 100, plain gradient descent, float32",
    2048,
)
AXES = (DENSITY, WIDTH)


def exponent(axis: Axis, runs: Sequence[Run], name: str) -> float | None:
    """p, where seconds grow as (stored entries)^p, fitted to medians by least squares; None for less than two."""
    points = [
        (run.problem.entries, steps.medians(run)[name])
        for run in runs
        if isinstance(run.problem, SparseProblem)
        and axis.size_of(run.problem) >= axis.fitted
        and name in steps.medians(run)
    ]
    if len(points) < 2:
        return None
    entries, seconds = np.log(np.array(points)).T
    return float(np.polyfit(entries, seconds, 1)[0])


def section(axis: Axis, runs: Sequence[Run]) -> str:
    """The table and the picture."""
    names = [name for name in GROWING if any(name in steps.medians(run) for run in runs)]
    rows = []
    for run in runs:
        assert isinstance(run.problem, SparseProblem)
        found = steps.medians(run)
        own = [Spread.of(run.results[name].seconds).scaled(1000).text() if name in found else "" for name in names]
        rows.append([axis.label(axis.size_of(run.problem)), f"{run.problem.entries:,}", *own])
    fitted = [exponent(axis, runs, name) for name in names]
    rows.append(["exponent", "", *("" if p is None else f"{p:.2f}" for p in fitted)])
    header = [axis.title, "stored entries", *(f"{CONTESTANTS[name].title}, ms" for name in names)]
    return (
        f"{markdown(header, rows)}\n\n![Time of a step against the {axis.title}]({axis.picture})\n\n{axis.caption}. "
        f"The exponent p is that of time ~ (stored entries)^p, fitted from {axis.title} {axis.label(axis.fitted)} on. "
        f"{steps.agreement(runs)}{steps.left_out(runs)}"
    )


def draw(axis: Axis, runs: Sequence[Run], folder: Path) -> None:
    """An SVG file. ImportError without matplotlib."""
    lines = []
    for name in GROWING:
        points = [
            (axis.size_of(run.problem), Spread.of(run.results[name].seconds))
            for run in runs
            if isinstance(run.problem, SparseProblem) and name in steps.medians(run)
        ]
        lines.append(Line(CONTESTANTS[name].title.strip("*"), points, "k--" if name == REFERENCE else "-"))
    sizes = [axis.size_of(run.problem) for run in runs if isinstance(run.problem, SparseProblem)]
    plot(folder / axis.picture, axis.title, {size: axis.label(size) for size in sizes}, lines)
