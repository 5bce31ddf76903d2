"""`eqgen check`: the verdict on every equation."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.checking import DefinitionResult
    from eqgen.algebra.definitions import TypedDefinition

COLOURS = {
    "proved": "green", "checked": "cyan", "refuted": "bold red", "unknown": "yellow", "refuted as printed": "magenta",
}  # fmt: skip


class JudgeName(StrEnum):
    """Who judges: the prover (all sizes), explicit matrices (several sizes), or both."""

    both = "both"
    proof = "proof"
    explicit = "explicit"


def check(
    files: console.Files = None,
    judge: Annotated[JudgeName, typer.Option(help="Who judges.")] = JudgeName.both,
    names: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Check these definitions only.", show_default=False)
    ] = None,
    papers: Annotated[
        bool, typer.Option("--papers", help="Check the lemmas that name a source, and print the score of each.")
    ] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Judge again what has been judged before.")] = False,
    json: console.Json = False,
) -> None:
    """Check every gradient, stable form and lemma of FILES, or of the library. Exit code 1 when one is refuted."""
    with console.json_errors(json):
        started = time.perf_counter()
        from eqgen.algebra.checking import check_module, own_definitions, summary, undecided
        from eqgen.algebra.library import library, load_files
        from eqgen.algebra.refusal import refusal
        from eqgen.algebra.verdict_store import default_store

        module = load_files(files or [])
        chosen = _chosen(own_definitions(module, library()), console.names(names))
        if papers:
            chosen = [d for d in chosen if d.kind == "lemma" and d.reference]
        store = None if anew else default_store()
        with _progress(len(chosen), shown=not json) as advance:
            results = check_module(chosen, module, judge.value, store=store, progress=advance)
    if json:
        console.emit(_scores_json(results) if papers else {"definitions": [r.to_json() for r in results]})
    else:
        _print_scores(results) if papers else _print(results)
        for verdict, diagnostic in (("unknown", undecided), ("refuted", refusal)):
            found = [diagnostic(r.definition, e) for r in results for e in r.equations if e.verdict == verdict]
            console.show(found)
        typer.echo(summary(results, started))
    if any(r.verdict == "refuted" for r in results):
        raise typer.Exit(console.CHECK_FAILED)


def _chosen(definitions: Sequence[TypedDefinition], names: Sequence[str]) -> list[TypedDefinition]:
    if not names:
        return list(definitions)
    console.require_known(names, (d.name for d in definitions), "--names")
    return [d for d in definitions if d.name in names]


def _print(results: Sequence[DefinitionResult]) -> None:
    """A table for each definition."""
    from rich.table import Table
    from rich.text import Text

    from eqgen.algebra.checking import verdict_text

    out = console.console()
    for result in results:
        if not result.equations:
            continue
        definition = result.definition
        table = Table.grid(padding=(0, 2))
        table.title = Text.assemble((f"{definition.kind} {definition.name}", "bold"), f"  {definition.origin}")
        table.title_justify = "left"
        for equation in result.equations:
            text = verdict_text(equation)
            if equation.verdict == "refuted":
                text = text.partition("\n")[0]  # the diagnostic below shows the rest
            table.add_row("", equation.target, Text(text, COLOURS[equation.verdict]))
        out.print(table)
    nothing = [r.definition.name for r in results if not r.equations]
    if nothing:
        out.print(Text(f"nothing to check: {', '.join(nothing)}", "dim"))


def _scores_json(results: Sequence[DefinitionResult]) -> dict[str, Any]:
    from eqgen.algebra.papers import scores

    return {"papers": [score.to_json() for score in scores(results)]}


def _print_scores(results: Sequence[DefinitionResult]) -> None:
    """A line for each paper, then what it prints that does not hold."""
    from rich.table import Table

    from eqgen.algebra.papers import HEADINGS, scores

    out = console.console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == HEADINGS[0] else "right")
    found = scores(results)
    for score in found:
        table.add_row(*score.row())
    out.print(table)
    for score in found:
        for printed in score.printed:
            typer.echo(f"\n{printed}")
    typer.echo()


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
