"""How the time of a step grows with the width of layers and with the batch, beside PyTorch: tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import BACKENDS, REFERENCE
from benchmarks.contestants.problem import Problem
from benchmarks.measuring import Spread, machine
from benchmarks.measuring.bursts import Run
from docs.tables import markdown

CONTESTANTS = (REFERENCE, *BACKENDS)
ROUNDS = 5
FLOPS_IN_A_BURST, MOST_STEPS = 1e10, 50


@dataclass(frozen=True)
class Axis:
    """What grows. `quick` are sizes for a trial."""

    name: str
    title: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    problem: Callable[[int], Problem]
    network: str


AXES = (
    Axis(
        "width",
        "layer width",
        (256, 512, 1024, 2048, 4096, 8192),
        (64, 128),
        lambda width: Problem((width, width, 10), batches=4),
        "D-D-10, batch 100",
    ),
    Axis(
        "batch",
        "batch size",
        (1, 4, 16, 64, 256, 1024, 4096),
        (1, 16),
        lambda batch: Problem((784, 1024, 512, 10), batch=batch, batches=4),
        "784-1024-512-10, batch N",
    ),
)


def steps_in_a_burst(problem: Problem) -> int:
    """More of them where a step is short."""
    products = sum(W.size for W, _ in problem.weights)
    return round(min(MOST_STEPS, max(1.0, FLOPS_IN_A_BURST / (6 * problem.batch * products))))


def size_of(axis: Axis, run: Run) -> int:
    return run.problem.batch if axis.name == "batch" else run.problem.sizes[0]


def picture(axis: Axis) -> str:
    return f"performance_{axis.name}.svg"


def rows(axis: Axis, runs: Sequence[Run]) -> list[list[str]]:
    """Milliseconds of PyTorch, ratios of the others."""
    result = []
    for run in runs:
        medians = {name: Spread.of(found.seconds).median for name, found in run.results.items()}
        base = medians.get(REFERENCE)
        cells = [str(size_of(axis, run)), "" if base is None else f"{1000 * base:.2f}"]
        for name in BACKENDS:
            cells.append(f"{medians[name] / base:.2f}" if base is not None and name in medians else "")
        result.append(cells)
    return result


def section(found: Mapping[str, Sequence[Run]]) -> str:
    """A table and a picture for each axis."""
    parts = []
    for axis in AXES:
        runs = found[axis.name]
        header = [axis.title, "PyTorch, ms", *(f"eqgen_{name}" for name in BACKENDS)]
        parts += [
            f"### {axis.title.capitalize()}",
            markdown(header, rows(axis, runs)),
            f"![Time of a step against the {axis.title}]({picture(axis)})",
            f"{axis.network}, plain gradient descent, float32; the ratio of medians of {ROUNDS} rounds to PyTorch.",
        ]
    difference = max(run.difference() for runs in found.values() for run in runs)
    skipped = {name: reason for runs in found.values() for run in runs for name, reason in run.skipped.items()}
    parts.append(f"Losses differ by at most {difference:.0e}. On {machine()}.")
    parts += [f"Not measured: {name}, {reason}." for name, reason in skipped.items()]
    return "\n\n".join(parts)


def draw(found: Mapping[str, Sequence[Run]], folder: Path) -> None:
    """The same as SVG files. ImportError without matplotlib."""
    for axis in AXES:
        runs = found[axis.name]
        lines = []
        for name in CONTESTANTS:
            points = [(size_of(axis, r), Spread.of(r.results[name].seconds)) for r in runs if name in r.results]
            title = "PyTorch" if name == REFERENCE else f"eqgen_{name}"
            lines.append(Line(title, points, "k--" if name == REFERENCE else "-"))
        sizes = [size_of(axis, run) for run in runs]
        plot(folder / picture(axis), axis.title, {size: str(size) for size in sizes}, lines)


@dataclass(frozen=True)
class Line:
    """One contestant: what it is called, sizes with seconds a step, and how its line is drawn."""

    title: str
    points: Sequence[tuple[float, Spread]]
    style: str = "-"


def plot(path: Path, title: str, ticks: Mapping[float, str], lines: Sequence[Line]) -> None:
    """Milliseconds against sizes, both logarithmic; a band reaches from the least to the most. The same file for the
    same figures. ImportError without matplotlib."""
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "eqgen", "font.size": 9}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot(xlabel=title, ylabel="ms a step", xscale="log", yscale="log")
        for line in lines:
            if not line.points:
                continue
            sizes = [size for size, _ in line.points]
            spreads = [seconds.scaled(1000) for _, seconds in line.points]
            (drawn,) = axes.plot(sizes, [s.median for s in spreads], line.style, label=line.title, lw=1.2)
            axes.fill_between(
                sizes, [s.least for s in spreads], [s.most for s in spreads], color=drawn.get_color(), alpha=0.12
            )
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
