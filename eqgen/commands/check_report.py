"""What `eqgen check` tells, as plain data: made from verdicts, kept between runs, shown.

A report is kept under a hash of everything that it follows from: the texts of the library and of the files, with all
that these use, the options, and eqgen's own source. So an unchanged check reads it and parses nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.checking import DefinitionResult

COLOURS = {
    "proved": "green", "checked": "cyan", "refuted": "bold red", "unknown": "yellow", "refuted as printed": "magenta",
}  # fmt: skip

_USE = re.compile(r'^[ \t]*use[ \t]+"([^"\n]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told.

    tables       for each definition (kind and name, place, rows of target, text and verdict)
    nothing      names of definitions that claim nothing
    scores       with `--papers` the headings and rows of its table, instead of `tables`
    misprints    with `--papers` a paragraph for each
    diagnostics  what is undecided, then what is refuted, as messages
    counts       `12 definitions, 30 equations: 28 proved, 2 checked`
    document     the same as JSON
    verdicts     all that occur
    """

    tables: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...]
    nothing: tuple[str, ...]
    scores: tuple[tuple[str, ...], ...]
    misprints: tuple[str, ...]
    diagnostics: tuple[str, ...]
    counts: str
    document: dict[str, Any]
    verdicts: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return "refuted" in self.verdicts


def report_of(results: Sequence[DefinitionResult], papers: bool) -> Report:
    from eqgen.algebra.checking import counts, undecided
    from eqgen.algebra.papers import HEADINGS, scores
    from eqgen.algebra.refusal import refusal

    messages = [
        diagnostic(r.definition, e).render()
        for verdict, diagnostic in (("unknown", undecided), ("refuted", refusal))
        for r in results
        for e in r.equations
        if e.verdict == verdict
    ]
    found = scores(results) if papers else []
    return Report(
        tables=() if papers else tuple(_table(r) for r in results if r.equations),
        nothing=() if papers else tuple(r.definition.name for r in results if not r.equations),
        scores=(HEADINGS, *(score.row() for score in found)) if papers else (),
        misprints=tuple(str(printed) for score in found for printed in score.printed),
        diagnostics=tuple(messages),
        counts=counts(results),
        document={"papers": [s.to_json() for s in found]}
        if papers
        else {"definitions": [r.to_json() for r in results]},
        verdicts=tuple(sorted({e.verdict for r in results for e in r.equations})),
    )


def _table(result: DefinitionResult) -> tuple[str, str, tuple[tuple[str, str, str], ...]]:
    from eqgen.algebra.checking import verdict_text

    rows = []
    for e in result.equations:
        text = verdict_text(e)
        if e.verdict == "refuted":
            text = text.partition("\n")[0]  # the message below shows the rest
        rows.append((e.target, text, e.verdict))
    return f"{result.definition.kind} {result.definition.name}", result.definition.origin, tuple(rows)


# --- showing ---------------------------------------------------------------------------------------------


def show(report: Report) -> None:
    """Tables on standard output, messages on standard error."""
    if report.scores:
        _show_scores(report)
    else:
        _show_tables(report)
    for number, message in enumerate(report.diagnostics):
        console.say(("\n" if number else "") + message)


def _show_tables(report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console.console()
    for head, origin, rows in report.tables:
        table = Table.grid(padding=(0, 2))
        table.title = Text.assemble((head, "bold"), f"  {origin}")
        table.title_justify = "left"
        for target, text, verdict in rows:
            table.add_row("", target, Text(text, COLOURS[verdict]))
        out.print(table)
    if report.nothing:
        out.print(Text(f"nothing to check: {', '.join(report.nothing)}", "dim"))


def _show_scores(report: Report) -> None:
    """A line for each paper, then what it prints that does not hold."""
    from rich.table import Table

    headings, *rows = report.scores
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.console().print(table)
    for paragraph in report.misprints:
        typer.echo(f"\n{paragraph}")
    typer.echo()


# --- keeping ---------------------------------------------------------------------------------------------


def report_path(files: Sequence[Path], options: Sequence[object]) -> Path | None:
    """Where the report on these files with these options is kept; None where files or the folder cannot be read.

    Its name is a hash of the sources of the commands and of what decides on sparse forms, too.
    """
    from eqgen.algebra.verdict_store import judges_key
    from eqgen.backends.locations import cache_folder, library_folder

    digest = hashlib.sha256(repr((judges_key(), *options, *map(str, files))).encode())
    try:
        package = Path(__file__).parent.parent
        sources = [path for folder in ("commands", "optimize") for path in sorted((package / folder).glob("*.py"))]
        for path in (*sources, *sorted(library_folder().rglob("*.eq")), *_with_used(files)):
            content = path.read_bytes()
            digest.update(f"{path}:{len(content)}:".encode(errors="surrogateescape") + content)
        name = digest.hexdigest()
        return cache_folder() / "checks" / name[:2] / f"{name}.json"
    except (OSError, RuntimeError, ValueError):
        return None


def _with_used(files: Sequence[Path]) -> Iterator[Path]:
    """The files and all that they seem to `use`."""
    seen: dict[Path, None] = {}
    queue = list(files)
    for path in queue:
        if path not in seen:
            seen[path] = None
            yield path
            text = path.read_text(encoding="utf-8", errors="replace")
            queue += [path.parent / used for used in _USE.findall(text) if (path.parent / used).is_file()]


def kept(path: Path | None) -> Report | None:
    """The report that is kept there; None where there is none, or it cannot be read."""
    if path is None:
        return None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Report(**{name: value if name == "document" else _tuples(value) for name, value in plain.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def keep(path: Path | None, report: Report) -> None:
    """Keep a report, unless something is undecided: another time it may be decided."""
    if path is None or "unknown" in report.verdicts:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(dataclasses.asdict(report)), encoding="utf-8")
        os.replace(temporary, path)


def _tuples(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
