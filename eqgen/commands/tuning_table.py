"""What `eqgen doctor --tune` shows: GFLOP/s of every candidate, the choice, and why others were left out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from eqgen.backends.tuning.measure import NEVER
from eqgen.backends.tuning.record import Tuning
from eqgen.commands import console

SURE = 1000
"""Stored entries of a thousand that no sparse matrix exceeds."""


def print_tuning(tuning: Tuning, path: Path | None) -> None:
    """A table on standard output, the fastest of each row in bold, the choice below it. `path`: where it was kept."""
    from rich.table import Table

    names = list(tuning.gflops)
    table = Table(title=f"GFLOP/s, {tuning.processor}, {tuning.processors} processors")
    table.add_column("product, N x D x K, dtype", no_wrap=True)
    for name in names:
        table.add_column(f"{name} *" if name == tuning.blas else name, justify="right")
    for product in dict.fromkeys(product for row in tuning.gflops.values() for product in row):
        values = [tuning.gflops[name].get(product) for name in names]
        best = max(value for value in values if value is not None)
        table.add_row(product, *(cell(value, value == best) for value in values))
    out = console.console()
    out.print(table)
    for line in summary(tuning):
        out.print(line, markup=False)
    if path is None:
        text = f"not kept: the rounds differ by a factor of {tuning.spread:.2f}, so the machine was busy; measure again"
        out.print(f"{text} when it is quiet, or with more --rounds", soft_wrap=True)
    else:
        out.print(f"kept in {path}; packages that are built from now on use it", markup=False, soft_wrap=True)


def cell(value: float | None, is_best: bool) -> str:
    if value is None:
        return "-"
    return f"[bold]{value:.0f}[/bold]" if is_best else f"{value:.0f}"


def summary(tuning: Tuning) -> list[str]:
    """The choice, the crossover and what was left out, a line each."""
    lines = [f"choice: {tuning.blas} (*)"]
    if tuning.tile_bytes is not None:
        lines.append(f"own kernels multiply sums of up to {tuning.tile_bytes} bytes, the library longer ones")
    if tuning.lane_bytes is not None:
        rows = "no X W'" if tuning.lane_bytes >= NEVER else f"X W' from {tuning.lane_bytes} bytes of rows on"
        lines.append(f"own kernels multiply {rows}, the library the others")
    if tuning.dense <= SURE:
        lines.append(f"sparse matrices are multiplied as dense ones from {tuning.dense / 10:g} % of stored entries on")
    if tuning.sparse_library <= SURE:
        lines.append(f"MKL's sparse BLAS multiplies from {tuning.sparse_library / 10:g} % of stored entries on")
    return lines + [f"left out: {title}: {reason}" for title, reason in tuning.excluded.items()]


def tuning_json(tuning: Tuning, path: Path | None) -> dict[str, Any]:
    """The record, and where it was kept; null for one that was not."""
    return {**asdict(tuning), "path": None if path is None else str(path)}
