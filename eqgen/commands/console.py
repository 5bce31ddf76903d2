"""What all commands share: exit codes, where output goes, and how diagnostics are shown.

Results go to standard output, everything else to standard error. With `--json` standard output carries one JSON object
and nothing else.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from eqgen.language.diagnostics import Diagnostic, DiagnosticError, file_diagnostic

if TYPE_CHECKING:
    from rich.console import Console

FINE, CHECK_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

CLEAR_LINE = "\r\x1b[2K"

REFUTED = ("E401", "E402")
"""Codes of diagnostics that mean a failed check, not bad input."""

PLAIN_WIDTH = 160
"""Columns of tables where standard output is no terminal."""

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILES]...", help="Definition files (.eq), on top of the library.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]
Backends = Annotated[
    str | None,
    typer.Option(
        "--backend", "-b", metavar="NAME,...", help="Backends; by default all that can run here.", show_default=False
    ),
]


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """1 when equations are refuted and nothing else is wrong, else 2."""
    return CHECK_FAILED if all(d.code in REFUTED for d in diagnostics) else BAD_INPUT


def say(text: str) -> None:
    """A line on standard error."""
    typer.echo(text, err=True)


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics with carets on standard error, an empty line between them."""
    for number, diagnostic in enumerate(diagnostics):
        say(("\n" if number else "") + diagnostic.render())


def emit(value: dict[str, Any]) -> None:
    """The JSON object of a command."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


@contextmanager
def json_errors(wanted: bool) -> Iterator[None]:
    """With `--json`, errors are one JSON object too: {"diagnostics": [...]}."""
    try:
        yield
    except DiagnosticError as error:
        if wanted:
            emit({"diagnostics": [d.to_json() for d in error.diagnostics]})
        raise


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings of eqgen are shown as they are, without the line of code that gave them."""
    before = warnings.showwarning

    def showwarning(message: Warning | str, category: type[Warning], *rest: Any, **options: Any) -> None:
        if category.__module__.startswith("eqgen."):
            say(str(message))
        else:
            before(message, category, *rest, **options)

    with warnings.catch_warnings():
        warnings.showwarning = showwarning
        yield


@contextmanager
def under_test(shown: bool) -> Iterator[Callable[[str], None]]:
    """Names what is under test on standard error, where that is a terminal."""
    shown = shown and sys.stderr.isatty()
    last = ""

    def advance(name: str) -> None:
        nonlocal last
        if shown and name != last:
            last = name
            sys.stderr.write(f"{CLEAR_LINE}testing {name}")
            sys.stderr.flush()

    yield advance
    if shown:
        sys.stderr.write(CLEAR_LINE)


def fail(code: str, place: str, message: str, hint: str = "") -> NoReturn:
    """Raise one diagnostic about a file, a folder or an option."""
    raise DiagnosticError([file_diagnostic(code, place, message, hint)])


def names(text: str | None) -> list[str]:
    """The parts of `numpy,torch`."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def require_known(wanted: Iterable[str], known: Iterable[str], parameter: str) -> None:
    """Raise typer.BadParameter for a name of which there is no definition."""
    known = sorted(set(known))
    for name in wanted:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise typer.BadParameter(f"there is no definition {name}{hint}", param_hint=parameter)


def console() -> Console:
    """Tables on standard output, as wide as the terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, emoji=False)


def source_files(files: Sequence[Path] | None) -> list[Path]:
    """The files and all that they `use`. Raises DiagnosticError for what cannot be read."""
    if not files:
        return []
    from eqgen.algebra.library import with_imports

    used = [Path(file.source.name) for file in with_imports(files)]
    return list(dict.fromkeys([*files, *used]))
