"""A roofline plot (Williams, Waterman and Patterson, 2009): each equation below what the machine can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eqgen.commands import console
from eqgen.profiling.report import EquationProfile, Profile

GIGA = 1e9
MARGIN = 2.0
COLORS = ("tab:blue", "tab:orange", "tab:red", "tab:green", "tab:purple")


def draw(profile: Profile, title: str, path: Path) -> None:
    """Write the plot; the numbers at its points are those of the table, and areas grow with time.

    Equations without operations have no place in it. Raises DiagnosticError (E505) when the file cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    machine = profile.machine
    points = [(k, e) for k, e in enumerate(profile.equations, 1) if e.flops and e.intensity]
    settings = {"svg.hashsalt": "eqgen", "svg.fonttype": "none", "font.size": 8, "path.simplify": True}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(xscale="log", yscale="log")
        intensities = [e.intensity for _, e in points] or [1.0]
        ends = np.array([min(intensities) / MARGIN, max(*intensities, machine.ridge) * MARGIN])
        for bandwidth, name, style in (
            (machine.memory_bandwidth, "memory", "-"),
            (machine.cache_bandwidth, "cache", ":"),
        ):
            corner = machine.operations / bandwidth
            x = np.array([ends[0], corner, ends[1]]) if ends[0] < corner < ends[1] else ends
            y = np.minimum(machine.operations, x * bandwidth)
            axes.plot(x, y / GIGA, style, color="black", linewidth=1, label=f"{name} {bandwidth / GIGA:.0f} GB/s")
        axes.axhline(
            machine.operations / GIGA,
            color="gray",
            linewidth=0.5,
            label=f"peak {machine.operations / GIGA:.0f} GFLOP/s",
        )
        for part, color in zip(_parts(points), COLORS * len(points), strict=False):
            own = [(k, e) for k, e in points if e.part == part]
            axes.scatter(
                [e.intensity for _, e in own],
                [e.rate / GIGA for _, e in own],
                s=[20 + 600 * e.seconds / profile.seconds for _, e in own],
                color=color,
                alpha=0.5,
                label=part,
            )
        for k, e in points:
            axes.annotate(str(k), (e.intensity, e.rate / GIGA), ha="center", va="center", fontsize=7)
        axes.set(xlabel="FLOPs a byte", ylabel="GFLOP/s", title=title)
        axes.legend(loc="lower right", markerscale=0.5)
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            console.fail("E505", str(path), f"cannot be written: {error.strerror}")


def _parts(points: Sequence[tuple[int, EquationProfile]]) -> list[str]:
    return list(dict.fromkeys(e.part for _, e in points))
