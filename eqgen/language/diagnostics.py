"""Messages about a file: what was found, what was expected, where, and what to do about it.

Every message has a stable code (`E012`, see `codes.md`), a span, and two forms: text with the source line and a caret
under the exact sub-expression, and a JSON object with the same facts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from eqgen.language.model import Source, Span

_TAB_WIDTH = 4
_MAX_LINES_SHOWN = 6
_MAX_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a message speaks of, such as the first of two declarations."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message.

    code      stable code of the catalogue, `E012`
    message   what was found
    span      where; a span over an empty source means the file as a whole
    expected  what would have been right in its place, or ""
    hint      what to do, or ""
    severity  error, warning or note
    related   other places that matter
    details   further facts, a line each
    """

    code: str
    message: str
    span: Span
    expected: str = ""
    hint: str = ""
    severity: str = "error"
    related: tuple[Related, ...] = ()
    details: tuple[str, ...] = ()

    def render(self) -> str:
        """`file:line:column: error E012: message`, the source with carets, what was expected and the hint."""
        lines = [f"{_place(self.span)}: {self.severity} {self.code}: {printable(self.message)}", *_excerpt(self.span)]
        if self.expected:
            lines.append(f"    expected: {printable(self.expected)}")
        lines.extend(f"    {printable(line)}" for line in self.details)
        for related in self.related:
            lines.append(f"{_place(related.span)}: note: {printable(related.message)}")
            lines.extend(_excerpt(related.span))
        if self.hint:
            lines.append(f"    hint: {printable(self.hint)}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The same facts with stable keys; lines and columns count from one, the end is exclusive.

        `details` is there only where there are any.
        """
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "expected": self.expected,
            "hint": self.hint,
            **_location(self.span),
            "related": [{"message": related.message, **_location(related.span)} for related in self.related],
            **({"details": list(self.details)} if self.details else {}),
        }


class DiagnosticError(Exception):
    """One or more diagnostics of severity error, in the order of their places."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render(self.diagnostics)


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """All messages as text, an empty line between them."""
    return "\n\n".join(diagnostic.render() for diagnostic in diagnostics)


def file_diagnostic(code: str, name: str, message: str, hint: str = "") -> Diagnostic:
    """A message about a file as a whole (it could not be read, it is too large)."""
    return Diagnostic(code, message, Span(Source(name, ""), 0, 0), hint=hint)


def one_of(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def printable(text: str) -> str:
    """The text with the characters replaced that a terminal would obey: no message can move the cursor."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _place(span: Span) -> str:
    name = printable(span.source.name)
    return f"{name}:{span.line}:{span.column}" if span.source.text else name


def _location(span: Span) -> dict[str, object]:
    if not span.source.text:
        return {
            "file": span.source.name,
            "line": None,
            "column": None,
            "end_line": None,
            "end_column": None,
            "text": "",
        }
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": span.source.line_text(line).removesuffix("\r"),
    }


def _excerpt(span: Span) -> list[str]:
    """The lines of the span, each with carets below; long spans are cut in the middle."""
    if not span.source.text:
        return []
    first, column = span.source.position(span.start)
    last, end_column = span.source.position(span.end)
    if last > first and end_column == 1:  # the span ends with a line break
        last, end_column = last - 1, len(span.source.line_text(last - 1)) + 1
    width = max(4, len(str(last)) + 2)
    shown: list[str] = []
    for number in range(first, last + 1):
        if last - first >= _MAX_LINES_SHOWN and first + 2 <= number < last:
            if number == first + 2:
                shown.append(f"{'...':>{width}} |")
            continue
        text = span.source.line_text(number).removesuffix("\r")
        start = column - 1 if number == first else len(text) - len(text.lstrip())
        end = end_column - 1 if number == last else len(text.rstrip())
        glyphs, carets = _window(list(_cells(text)), start, end)
        shown.append(f"{number:>{width}} | {glyphs}".rstrip())
        shown.append(f"{'':>{width}} | {carets}")
    return shown


def _window(cells: list[tuple[str, int]], start: int, end: int) -> tuple[str, str]:
    """The part of a line around the characters [start, end), and the carets under these."""
    before, after = "", ""
    if len(cells) > _MAX_WIDTH:
        first = max(0, min(start - _MAX_WIDTH // 2, len(cells) - _MAX_WIDTH))
        before, after = "..." * (first > 0), "..." * (first + _MAX_WIDTH < len(cells))
        cells = cells[first : first + _MAX_WIDTH]
        start, end = start - first, end - first
    margin = len(before) + sum(width for _, width in cells[:start])
    length = max(1, sum(width for _, width in cells[start:end]))
    return before + "".join(glyph for glyph, _ in cells) + after, " " * margin + "^" * length


def _cells(text: str) -> Iterator[tuple[str, int]]:
    """What each character of a source line shows as, and how many columns of a terminal that takes."""
    column = 0
    for character in text:
        if character == "\t":
            width = _TAB_WIDTH - column % _TAB_WIDTH
            glyph = " " * width
        elif unicodedata.category(character) in ("Mn", "Me"):
            glyph, width = character, 0
        else:
            glyph = printable(character)
            width = 2 if unicodedata.east_asian_width(glyph) in "WF" else 1
        column += width
        yield glyph, width
