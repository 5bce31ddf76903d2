"""`eqgen test --accuracy`: the worst error of every definition, a column for each backend and dtype."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.testing.accuracy import AccuracyReport, Measurement

MAX_FAILURES = 20


def run(
    backends: Sequence[str], definitions: Sequence[str], files: Sequence[Path], dtypes: Sequence[str], seed: int,
    json: bool,
) -> None:  # fmt: skip
    """Measure and print. Raises typer.Exit with code 1 where an error is above its bound."""
    from eqgen.testing.accuracy import measure
    from eqgen.testing.rounding import PRECISIONS

    if unknown := [d for d in dtypes if d not in PRECISIONS]:
        message = f"there is no dtype {unknown[0]}; there are {', '.join(PRECISIONS)}"
        raise typer.BadParameter(message, param_hint="--dtype")
    started = time.perf_counter()
    chosen = tuple(dtypes) or tuple(PRECISIONS)
    try:
        with console.under_test(shown=not json) as progress:
            report = measure(
                backends, definitions or None, files=files, seed=seed, dtypes=chosen, progress=progress
            )  # fmt: skip
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="--definition") from error
    if json:
        console.emit(report.to_json())
    else:
        show(report)
        entries = sum(m.entries for m in report.measurements.values())
        seconds = time.perf_counter() - started
        typer.echo(f"{entries} entries, {len(report.failures)} quantities above their bound; {seconds:.1f} s")
    if not report.passed:
        raise typer.Exit(console.CHECK_FAILED)


def show(report: AccuracyReport) -> None:
    """A line for each definition, a column for each backend and dtype; then what is above its bound."""
    from rich.table import Table

    measurements = list(report.measurements.values())
    columns = list(dict.fromkeys((m.backend, m.dtype) for m in measurements))
    table = Table("worst error in u.l.p.\nof scale (of value)", *(f"{b}\n{t}" for b, t in columns), "/ bound", "")
    for (kind, name), found in report.by_definition().items():
        cells = [_cell([m for m in found if (m.backend, m.dtype) == c]) for c in columns]
        passed = "passed" if all(m.passed for m in found) else "[bold red]FAILED"
        table.add_row(f"{kind} {name}", *cells, f"{max(m.of_bound for m in found):.2f}", passed)
    console.console().print(table)
    for m in report.failures[:MAX_FAILURES]:
        what = m.message or f"{m.of_bound:.3g} times the bound ({m.bound_case})"
        console.say(f"{m.kind} {m.definition}, {m.quantity}, {m.backend} {m.dtype}: {what}")


def _cell(found: Sequence[Measurement]) -> str:
    if not found:
        return ""
    return f"{number(max(m.of_scale for m in found))} ({number(max(m.of_value for m in found))})"


def number(x: float) -> str:
    """Three digits at most: `0.52`, `12`, `3e+06`."""
    return f"{x:.2g}"
