"""Text to the surface model: `parse` and `parse_file`.

The layout gives lines and their nesting, the grammar reads each line on its own, and this module puts the lines of a
definition together. All errors of a file are collected and raised at once.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lark import UnexpectedInput

from eqgen.language.assembly import Assembler
from eqgen.language.diagnostics import Diagnostic, DiagnosticError, file_diagnostic
from eqgen.language.items import Item
from eqgen.language.layout import Group, Layout, nest, split
from eqgen.language.model import File, Source, Span
from eqgen.language.syntax import parse_line
from eqgen.language.syntax_errors import syntax_diagnostic

MAX_SIZE = 2**18
"""Characters in a text, bytes in a file."""

MAX_DIAGNOSTICS = 50


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file together with the lines it was read from."""

    file: File
    layout: Layout
    groups: list[Group]
    items: dict[int, Item]
    """What each line says, by the offset at which it begins."""
    values: frozenset[int]
    """The offsets of the lines `= a` that are the value of a function, not a step of the equation above."""


def parse(text: str, name: str = "<string>") -> File:
    """The definitions in a text, reported under `name`. Raises DiagnosticError with every error that was found."""
    return parse_lines(text, name).file


def parse_lines(text: str, name: str) -> Parsed:
    """As `parse`, with the lines."""
    if len(text) > MAX_SIZE:
        raise DiagnosticError([_too_large(name)])
    source = Source(name, text)
    layout = split(source)
    groups = nest(layout, source)
    diagnostics = layout.diagnostics
    items: dict[int, Item] = {}

    def read(group: Group, symbol: str) -> Item | None:
        item = read_line(source, group, symbol, diagnostics)
        if item is not None:
            items[group.line.start] = item
        return item

    assembler = Assembler(source, diagnostics, read)
    file = assembler.file(groups)
    if diagnostics:
        diagnostics.sort(key=lambda diagnostic: diagnostic.span.start)
        raise DiagnosticError(diagnostics[:MAX_DIAGNOSTICS])
    return Parsed(file, layout, groups, items, frozenset(assembler.values))


def parse_file(path: str | os.PathLike[str]) -> File:
    """The definitions in a file. Raises DiagnosticError, also when the file cannot be read."""
    return parse(read_text(path), str(path))


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file of at most MAX_SIZE bytes of UTF-8. Raises DiagnosticError (E501, E502, E503)."""
    name = str(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DiagnosticError([file_diagnostic("E501", name, "this is not a file")])
        with Path(path).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "check the path and its permissions"
        raise DiagnosticError([file_diagnostic("E501", name, f"cannot be read: {reason}", hint)]) from error
    if len(data) > MAX_SIZE:
        raise DiagnosticError([_too_large(name)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte {data[error.start]:#04x} on line {line}"
        raise DiagnosticError([file_diagnostic("E502", name, message, "save the file as UTF-8")]) from error


def read_line(source: Source, group: Group, symbol: str, diagnostics: list[Diagnostic]) -> Item | None:
    """What a line says, or None when it has been reported."""
    line = group.line
    if line.broken or len(diagnostics) >= MAX_DIAGNOSTICS:
        return None
    try:
        item, found = parse_line(source, line.start, line.end, symbol)
    except UnexpectedInput as error:
        diagnostics.append(syntax_diagnostic(error, source, line.start, line.end, symbol))
        return None
    diagnostics.extend(found)
    return item


def _too_large(name: str) -> Diagnostic:
    message = f"is larger than {MAX_SIZE // 1024} KiB"
    return Diagnostic("E503", message, Span(Source(name, ""), 0, 0), hint="split it into several files")
