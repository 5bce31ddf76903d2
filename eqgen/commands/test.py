"""`eqgen test`: every definition in every backend, against each other and against the equations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from eqgen.commands import accuracy_table, console

if TYPE_CHECKING:
    from eqgen.testing.report import Report

MAX_FAILURES = 20
"""Failures that are described; all of them are in the output of `--json`."""


def test(
    files: console.Files = None,
    backend: console.Backends = None,
    definition: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Test these definitions only.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides shapes and values.")] = 0,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Measure errors in units in the last place, on difficult inputs.")
    ] = False,
    dtype: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="With --accuracy: float32, float64 or both.", show_default=False),
    ] = None,
    json: console.Json = False,
) -> None:
    """Compare generated packages with each other and with the equations' exact values. Exit code 1 when one differs.

    With `--accuracy`, the worst error of every definition in units in the last place: exit code 1 when one is above the
    bound that follows from the roundings of its operations.
    """
    from eqgen.packages import find_backends, lack

    with console.json_errors(json):
        sources = console.source_files(files)
        chosen = find_backends(console.names(backend))
        for each in chosen:
            if not each.is_available():
                console.fail("E507", f"backend {each.name}", f"{each.title} cannot run here: {lack(each)}")
        if accuracy:
            accuracy_table.run(
                [b.name for b in chosen], console.names(definition), sources, console.names(dtype), seed, json
            )
            return
        started = time.perf_counter()
        from eqgen.testing.run import run

        try:
            with console.under_test(shown=not json) as named:
                report = run(
                    [b.name for b in chosen],
                    console.names(definition),
                    files=sources,
                    seed=seed,
                    progress=lambda result: named(f"{result.kind} {result.definition}"),
                )
        except KeyError as error:
            raise typer.BadParameter(str(error.args[0]), param_hint="--definition") from error
    if json:
        console.emit(report.to_json())
    else:
        _print(report)
        typer.echo(
            f"{report.comparisons} comparisons, {len(report.failures)} failures; {time.perf_counter() - started:.1f} s"
        )
    if not report.passed:
        raise typer.Exit(console.CHECK_FAILED)


def _print(report: Report) -> None:
    """A line for each definition: the worst error in units of its tolerance; then what failed."""
    from rich.table import Table

    table = Table("definition", "quantities", "worst error / tolerance", "where", "")
    for (kind, name), results in report.by_definition().items():
        worst = max(results, key=lambda r: (not r.passed, r.ratio))
        where = f"{worst.quantity}, {', '.join(worst.backends)} {worst.dtype}, {worst.oracle}"
        passed = "passed" if worst.passed else "[bold red]FAILED"
        count = len({r.quantity for r in results if r.quantity})
        table.add_row(f"{kind} {name}", str(count), f"{worst.ratio:.3f}", where, passed)
    console.console().print(table)
    for failure in report.failures[:MAX_FAILURES]:
        console.say(failure.describe())
    if len(report.failures) > MAX_FAILURES:
        console.say(f"... and {len(report.failures) - MAX_FAILURES} more; --json gives all")
