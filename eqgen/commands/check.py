"""`eqgen check`: the verdict on every equation."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from eqgen.commands import console
from eqgen.commands.check_report import keep, kept, report_of, report_path, show

if TYPE_CHECKING:
    from pathlib import Path

    from eqgen.algebra.checking import DefinitionResult, Judge
    from eqgen.algebra.definitions import TypedDefinition


class JudgeName(StrEnum):
    """Who judges: the prover (all sizes), explicit matrices (several sizes), or both. With `auto` explicit matrices are
    asked about what the prover leaves undecided."""

    auto = "auto"
    both = "both"
    proof = "proof"
    explicit = "explicit"


def check(
    files: console.Files = None,
    judge: Annotated[JudgeName, typer.Option(help="Who judges.")] = JudgeName.auto,
    names: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Check these definitions only.", show_default=False)
    ] = None,
    papers: Annotated[
        bool, typer.Option("--papers", help="Check the lemmas that name a source, and print the score of each.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Judge again what has been judged before.")] = False,
    json: console.Json = False,
) -> None:
    """Check every gradient, stable form and lemma of FILES, or of the library. Exit code 1 when one is refuted.

    What is declared `sparse` must have a sparse form.
    """
    started = time.perf_counter()
    with console.json_errors(json):
        path = None if anew else report_path(files or [], (judge, names, papers))
        report = kept(path)
        if report is None:
            results = _judged(files or [], judge.value, console.names(names), papers, anew, shown=not json)
            report = report_of(results, papers)
            keep(path, report)
    if json:
        console.emit(report.document)
    else:
        show(report)
        typer.echo(f"{report.counts}; {time.perf_counter() - started:.1f} s")
    if report.failed:
        raise typer.Exit(console.CHECK_FAILED)


def _judged(
    files: Sequence[Path], judge: Judge, names: Sequence[str], papers: bool, anew: bool, shown: bool
) -> list[DefinitionResult]:
    from eqgen.algebra.checking import check_module, own_definitions
    from eqgen.algebra.library import library, load_files
    from eqgen.algebra.verdict_store import default_store
    from eqgen.optimize.storage import check_storage

    module = load_files(files)
    chosen = _chosen(own_definitions(module, library()), names)
    if papers:
        chosen = [d for d in chosen if d.kind == "lemma" and d.reference]
    check_storage(chosen, module)
    with _progress(len(chosen), shown) as advance:
        return check_module(chosen, module, judge, store=None if anew else default_store(), progress=advance)


def _chosen(definitions: Sequence[TypedDefinition], names: Sequence[str]) -> list[TypedDefinition]:
    if not names:
        return list(definitions)
    console.require_known(names, (d.name for d in definitions), "--names")
    return [d for d in definitions if d.name in names]


@contextmanager
def _progress(total: int, shown: bool) -> Iterator[Callable[[DefinitionResult], None]]:
    """A bar on standard error while it is a terminal. Results draw it, not a thread: workers are forked."""
    if not (shown and sys.stderr.isatty()):
        yield lambda result: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=total)

        def advance(result: DefinitionResult) -> None:
            progress.update(task, advance=1, description=result.definition.name, refresh=True)

        yield advance
