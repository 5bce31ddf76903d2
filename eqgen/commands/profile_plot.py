"""A roofline plot (Williams, Waterman and Patterson, 2009): each equation below what the machine can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eqgen.commands import console
from eqgen.profiling.report import EquationProfile, Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GIGA = 1e9
MARGIN = 2.0
COLORS = ("tab:blue", "tab:purple", "tab:orange", "tab:red", "tab:green")
AREA = 600
"""In square points, of an equation that takes all the time."""
LABEL_HEIGHT, LABEL_WIDTH = 11, 30
"""Pixels that a number beside a point needs."""

Numbered = Sequence[tuple[int, EquationProfile]]


def draw(profile: Profile, title: str, path: Path) -> None:
    """Write the plot; the numbers at its points are those of the table, and areas grow with time.

    Equations without operations have no place in it. Raises DiagnosticError (E505) when the file cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = [(k, e) for k, e in enumerate(profile.equations, 1) if e.flops and e.intensity]
    with matplotlib.rc_context({"svg.hashsalt": "eqgen", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(xscale="log", yscale="log")
        _roof(axes, profile, points)
        _points(axes, profile, points)
        axes.set(xlabel="FLOPs a byte", ylabel="GFLOP/s", title=title)
        legend = axes.legend(loc="lower right")
        for handle in legend.legend_handles:
            if handle is not None and hasattr(handle, "set_sizes"):
                handle.set_sizes([40])
        figure.canvas.draw()
        _label(axes, points)
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            console.fail("E505", str(path), f"cannot be written: {error.strerror}")


def _roof(axes: Axes, profile: Profile, points: Numbered) -> None:
    """What memory, cache and the arithmetic units allow."""
    machine = profile.machine
    intensities = [e.intensity for _, e in points]
    left, right = min([*intensities, 1.0]) / MARGIN, max([*intensities, machine.ridge]) * MARGIN
    for bandwidth, name, style in ((machine.memory_bandwidth, "memory", "-"), (machine.cache_bandwidth, "cache", ":")):
        x = np.unique(np.clip([left, machine.operations / bandwidth, right], left, right))
        y = np.minimum(machine.operations, x * bandwidth)
        axes.plot(x, y / GIGA, style, color="black", linewidth=1, label=f"{name} {bandwidth / GIGA:.0f} GB/s")
    peak = machine.operations / GIGA
    axes.axhline(peak, color="gray", linewidth=0.5, label=f"peak {peak:.0f} GFLOP/s")


def _points(axes: Axes, profile: Profile, points: Numbered) -> None:
    parts = list(dict.fromkeys(e.part for _, e in points))
    for k, part in enumerate(parts):
        own = [e for _, e in points if e.part == part]
        axes.scatter(
            [e.intensity for e in own],
            [e.rate / GIGA for e in own],
            s=[20 + AREA * e.seconds / profile.seconds for e in own],
            color=COLORS[k % len(COLORS)],
            alpha=0.5,
            label=part,
        )


def _label(axes: Axes, points: Numbered) -> None:
    """A number beside each point, moved up from those of its neighbours."""
    taken: list[tuple[float, float]] = []
    for k, e in sorted(points, key=lambda point: point[1].rate):
        x, y = axes.transData.transform((e.intensity, e.rate / GIGA))
        place = y
        while any(abs(x - a) < LABEL_WIDTH and abs(place - b) < LABEL_HEIGHT for a, b in taken):
            place += 1
        taken.append((x, place))
        axes.annotate(
            str(k),
            (e.intensity, e.rate / GIGA),
            xytext=(14, (place - y) * 72 / axes.get_figure(root=True).dpi),  # type: ignore[union-attr]
            textcoords="offset points",
            va="center",
            fontsize=7,
            arrowprops={"arrowstyle": "-", "linewidth": 0.3},
        )
