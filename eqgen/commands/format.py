"""`eqgen fmt`: the canonical layout of definition files."""

from __future__ import annotations

import difflib
import os
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from eqgen.commands import console
from eqgen.language.diagnostics import Diagnostic, DiagnosticError


def fmt(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Definition files (.eq); - is standard input.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 and a diff when a file would change.")
    ] = False,
) -> None:
    """Rewrite definition files in the canonical layout. Comments stay, meaning does not change."""
    from eqgen.language.formatter import format_source

    changed = 0
    problems: list[Diagnostic] = []
    for path in files:
        name = "<stdin>" if str(path) == "-" else str(path)
        try:
            text = _read(path)
            formatted = format_source(text, name)
            if check and formatted != text:
                lines = (text.splitlines(True), formatted.splitlines(True))
                typer.echo("".join(difflib.unified_diff(*lines, name, f"{name} (formatted)")), nl=False)
            elif str(path) == "-" and not check:
                typer.echo(formatted, nl=False)
            elif formatted != text:
                _write(path, formatted)
                typer.echo(f"formatted {path}")
            changed += formatted != text
        except DiagnosticError as error:
            problems += error.diagnostics
    if problems:
        raise DiagnosticError(problems)
    if check and changed:
        raise typer.Exit(console.CHECK_FAILED)


def _read(path: Path) -> str:
    from eqgen.language.parser import read_text

    if str(path) != "-":
        return read_text(path)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        console.fail("E502", "<stdin>", f"is not UTF-8: byte {error.object[error.start]:#04x}")


def _write(path: Path, text: str) -> None:
    """Replace the file, complete or not at all; its permissions and a link to it stay."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        console.fail("E505", str(path), f"cannot be written: {error.strerror}", "check the permissions of its folder")
