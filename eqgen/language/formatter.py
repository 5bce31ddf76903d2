"""The canonical layout of a file, `eqgen fmt`.

Comments are kept; mathematical spelling becomes API names (`canonical`); long equations are broken inside brackets
(`printer`). Formatting a formatted text changes nothing, and the meaning of a text never changes: the result is parsed
and compared before it is returned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eqgen.language.canonical import Shapes, canonical_file
from eqgen.language.items import Header, Item, Opener, Steps
from eqgen.language.layout import Comment, Group, each
from eqgen.language.line_printer import LinePrinter
from eqgen.language.model import Equation
from eqgen.language.parser import Parsed, parse, parse_lines
from eqgen.language.printer import INDENT
from eqgen.language.spelling import OUTER_BLOCKS

_MAX_ALIGNMENT = 4


def format_source(text: str, name: str = "<string>") -> str:
    """The canonical text of a definition file.

    Raises DiagnosticError when the text cannot be parsed, or when a statement becomes longer than statements may be.
    """
    parsed = parse_lines(text, name)
    result = _text(_rows(parsed))
    before, after = canonical_file(parsed.file), canonical_file(parse(result, name))
    if (before.imports, before.definitions) != (after.imports, after.definitions):
        raise AssertionError(f"{name}: formatting would change the meaning")
    return result


@dataclass(slots=True)
class _Row:
    """A statement, or a comment that stands alone (`item` is None).

    level         how deep it is indented in the result
    blank_before  whether an empty line stands above it in the source
    comment       the comment, or the one behind the statement
    is_value      see LinePrinter.lines
    """

    item: Item | None
    level: int
    blank_before: bool
    printer: LinePrinter
    comment: str = ""
    is_value: bool = False


# --- from the source to rows -----------------------------------------------------------------------------


def _rows(parsed: Parsed) -> list[_Row]:
    """Statements and comments in the order of the result."""
    text = parsed.file.source.text
    comments = list(reversed(parsed.layout.comments))
    rows: list[_Row] = []
    levels: list[str] = []  # the indentations of the source that are open above
    printer = LinePrinter(None)

    def comment_text(comment: Comment) -> str:
        return text[comment.start : comment.end]

    def alone(comment: Comment, level: int) -> _Row:
        """A comment belongs to the deepest block that is open above it and that it is indented as much as."""
        column = len(text[text.rfind("\n", 0, comment.start) + 1 : comment.start].expandtabs())
        deeper = [at for at in range(level + 1, len(levels)) if len(levels[at].expandtabs()) <= column]
        return _Row(None, max([level, *deeper]), _blank_above(text, comment.start), printer, comment_text(comment))

    for group, level, header_printer in _statements(parsed):
        line = group.line
        while comments and comments[-1].start < line.start:
            rows.append(alone(comments.pop(), level))
        levels[level:] = [line.indent]
        printer = header_printer
        is_value = line.start in parsed.values
        row = _Row(parsed.items[line.start], level, _blank_above(text, line.start), printer, is_value=is_value)
        while comments and comments[-1].start < line.end:  # comments inside of a statement move above it
            rows.append(_Row(None, level, row.blank_before, printer, comment_text(comments.pop())))
            row.blank_before = False
        if comments and "\n" not in text[line.end : comments[-1].start]:
            row.comment = comment_text(comments.pop())
        rows.append(row)
    rows.extend(alone(comment, 0) for comment in reversed(comments))
    return rows


def _statements(parsed: Parsed) -> Iterator[tuple[Group, int, LinePrinter]]:
    """The lines in order with their levels, and a printer for each definition."""
    definitions = iter(parsed.file.definitions)
    for root in parsed.groups:
        is_header = isinstance(parsed.items[root.line.start], Header)
        printer = LinePrinter(Shapes(next(definitions)) if is_header else None)
        for group, level in each([root]):
            yield group, level, printer


def _blank_above(text: str, start: int) -> bool:
    """Whether the physical line above the one at `start` is empty."""
    above = text.rfind("\n", 0, start)
    return above > 0 and not text[text.rfind("\n", 0, above) + 1 : above].strip()


# --- from rows to the result -----------------------------------------------------------------------------


def _text(rows: list[_Row]) -> str:
    blanks = _blanks(rows)
    widths = _alignment(rows, blanks)
    lines: list[str] = []
    for row, blank, width in zip(rows, blanks, widths, strict=True):
        if blank:
            lines.append("")
        if row.item is None:
            lines.append(INDENT * row.level + row.comment)
            continue
        lines.extend(row.printer.lines(row.item, row.level, width, row.is_value))
        if row.comment:
            lines[-1] += f"  {row.comment}"
    return "".join(f"{line}\n" for line in lines)


def _blanks(rows: list[_Row]) -> list[bool]:
    """Where empty lines stand: as in the source, but never at the beginning of a block, and always above definitions
    and the blocks of a layer, or above the comments that lead to these."""
    leads: list[Item | None] = []
    for row, below in zip(reversed(rows), [None, *reversed(rows)], strict=False):
        leading = row.item is None and below is not None and below.level == row.level and not below.blank_before
        leads.append(leads[-1] if leading else row.item)
    blanks: list[bool] = []
    for row, above, lead in zip(rows, [None, *rows], reversed(leads), strict=False):
        if above is None or (row.level > above.level and above.item is not None):
            blanks.append(False)
        elif isinstance(lead, Header) or (isinstance(lead, Opener) and lead.kind in OUTER_BLOCKS):
            blanks.append(row.blank_before or above.item is not None or above.level != row.level)
        else:
            blanks.append(row.blank_before or (row.level == 0 and above.level > 0))
    return blanks


def _alignment(rows: list[_Row], blanks: list[bool]) -> list[int]:
    """The width of each equation's target: neighbours with targets of about one length have their `=` aligned."""
    widths = [0] * len(rows)
    run: list[int] = []

    def close() -> None:
        lengths = [widths[index] for index in run]
        if run and max(lengths) - min(lengths) <= _MAX_ALIGNMENT:
            for index in run:
                widths[index] = max(lengths)
        run.clear()

    for index, (row, blank) in enumerate(zip(rows, blanks, strict=True)):
        if isinstance(row.item, Equation):
            if blank or (run and rows[run[-1]].level != row.level):
                close()
            widths[index] = len(row.printer.text(row.item.target))
            run.append(index)
        elif not isinstance(row.item, Steps):
            close()
    close()
    return widths
