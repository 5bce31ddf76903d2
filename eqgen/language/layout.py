"""Text to logical lines: comments, strings, brackets and indentation, before any grammar.

A statement is a logical line. It goes on over several physical lines while a bracket is open, provided that these are
indented deeper than the statement or begin with a closing bracket; so a bracket that is never closed spoils one
statement, not the rest of the file. Indentation alone says what belongs to which definition and block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from eqgen.language.diagnostics import Diagnostic, one_of
from eqgen.language.model import Source, Span

MAX_BRACKETS = 100
MAX_INDENTATIONS = 20
MAX_LINE = 10_000

_PAIRS = {")": "(", "]": "[", "}": "{"}
_LANDMARK = re.compile(r'"[^"\n]*"?|#[^\n]*|[()\[\]{}]')
_INDENTATION = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A statement's text [start, end) without the comment behind it."""

    indent: str
    start: int
    end: int
    broken: bool
    """True when the line has already been reported and must not be parsed."""

    def span(self, source: Source) -> Span:
        return Span(source, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Comment:
    """`# ...` at [start, end); `alone` when nothing stands before it on its physical line."""

    start: int
    end: int
    alone: bool


@dataclass(slots=True)
class Layout:
    lines: list[Line] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """A line and the lines indented below it. `deeper` marks a line that continues the chain of the one above."""

    line: Line
    deeper: bool
    children: list[Group] = field(default_factory=list)


def split(source: Source) -> Layout:
    """The logical lines and the comments of a source."""
    layout = Layout()
    scanner = _Scanner(source, layout)
    position, text = 0, source.text
    while position <= len(text):
        newline = text.find("\n", position)
        end = len(text) if newline < 0 else newline
        scanner.physical_line(position, end)
        position = end + 1
    scanner.finish()
    return layout


class _Scanner:
    def __init__(self, source: Source, layout: Layout) -> None:
        self.source = source
        self.layout = layout
        self.brackets: list[tuple[str, int]] = []
        self.open = False
        self.indent = ""
        self.start = self.end = 0
        self.broken = False

    def physical_line(self, start: int, end: int) -> None:
        text = self.source.text
        match = _INDENTATION.match(text, start, end)
        assert match is not None
        code = match.end()
        if self.brackets and not self._continues(code, end, match.group()):
            opener, at = self.brackets[-1]
            hint = "close it on the same line, or indent the lines that continue the equation deeper than its beginning"
            self._report("E004", f"`{opener}` is never closed", at, at + 1, hint=hint)
            self.brackets.clear()
        if self.open and not self.brackets:
            self.finish()
        if not self.open and not text[code:end].strip().startswith(("#",)) and text[code:end].strip():
            self.open, self.broken = True, False
            self.indent, self.start, self.end = match.group(), code, code
        self._scan(code, end)

    def _continues(self, code: int, end: int, indent: str) -> bool:
        rest = self.source.text[code:end].strip()
        if not rest or rest[0] in "#)]}":
            return True
        return len(indent.expandtabs()) > len(self.indent.expandtabs())

    def _scan(self, code: int, end: int) -> None:
        text = self.source.text
        stop = end
        for match in _LANDMARK.finditer(text, code, end):
            word, at = match.group(), match.start()
            if word[0] == "#":
                alone = not text[code:at].strip()
                self.layout.comments.append(Comment(at, at + len(word.rstrip()), alone))
                stop = at
                break
            if word[0] == '"':
                if len(word) == 1 or word[-1] != '"':
                    self._report("E006", "the string is not closed", at, end, hint='strings end with `"` on their line')
            elif word in "([{":
                if len(self.brackets) == MAX_BRACKETS:
                    self._report(
                        "E504",
                        f"brackets are nested more than {MAX_BRACKETS} deep",
                        at,
                        at + 1,
                        hint="give parts of the expression names of their own",
                    )
                self.brackets.append((word, at))
            elif not self.brackets:
                self._report("E005", f"`{word}` closes nothing", at, at + 1, hint="remove it, or open the bracket")
            elif self.brackets.pop()[0] != _PAIRS[word]:
                self._report("E005", f"`{word}` does not match the bracket it closes", at, at + 1)
        code_end = code + len(text[code:stop].rstrip())
        if code_end > code:
            self.end = code_end

    def finish(self) -> None:
        if self.brackets:
            opener, at = self.brackets[-1]
            self._report("E004", f"`{opener}` is never closed", at, at + 1, hint="close it")
            self.brackets.clear()
        if not self.open:
            return
        self.open = False
        length = sum(map(len, self.source.text[self.start : self.end].split()))
        if length > MAX_LINE:
            message = f"a statement of {length} characters"
            hint = "give parts of the equation names of their own"
            self._report("E011", message, self.start, self.start + 1, expected=f"at most {MAX_LINE}", hint=hint)
        self.layout.lines.append(Line(self.indent, self.start, self.end, self.broken))

    def _report(self, code: str, message: str, start: int, end: int, expected: str = "", hint: str = "") -> None:
        if not self.broken:  # one message a line: the others follow from the first
            self.layout.diagnostics.append(Diagnostic(code, message, Span(self.source, start, end), expected, hint))
        self.broken = True


def nest(layout: Layout, source: Source) -> list[Group]:
    """The lines as a tree by indentation; a line that begins with `=` goes on with the line above it, at any depth."""
    roots: list[Group] = []
    stack: list[tuple[str, list[Group]]] = [("", roots)]
    for line in layout.lines:
        indent, siblings = stack[-1]
        continues = source.text[line.start] == "=" and not source.text.startswith("==", line.start)
        deeper = line.indent != indent and line.indent.startswith(indent)
        continues_chain = deeper and continues and len(stack) > 1
        if deeper and siblings and not continues_chain:
            if len(stack) <= MAX_INDENTATIONS:
                siblings = siblings[-1].children
                stack.append((line.indent, siblings))
            elif len(stack) == MAX_INDENTATIONS + 1:
                span = line.span(source)
                layout.diagnostics.append(Diagnostic("E504", f"more than {MAX_INDENTATIONS} indentations", span))
                stack.append((line.indent, siblings))
        elif deeper and not siblings:
            span = line.span(source)
            hint = "definitions begin in the first column"
            layout.diagnostics.append(Diagnostic("E008", "the first line is indented", span, hint=hint))
            line = replace(line, broken=True)
        elif not deeper and line.indent != indent:
            left, levels = None, [level for level, _ in stack]
            while len(stack) > 1 and not line.indent.startswith(stack[-1][0]):
                left = stack.pop()
            if stack[-1][0] != line.indent:
                layout.diagnostics.append(
                    Diagnostic(
                        "E007",
                        "this indentation matches no line above",
                        line.span(source),
                        expected=_describe(levels),
                        hint="indent the lines of a block alike, with spaces only",
                    )
                )
                if left:  # most likely the line belongs where the line above does
                    stack.append(left)
            siblings = stack[-1][1]
        siblings.append(Group(line, continues_chain))
    return roots


def _describe(indents: list[str]) -> str:
    if any("\t" in indent for indent in indents):
        return "the same tabs and spaces as a line above"
    return one_of([str(len(indent)) for indent in indents]) + " spaces"


def each(groups: list[Group]) -> Iterator[tuple[Group, int]]:
    """All groups in the order of the file, each with its level below the given ones."""
    pending = [(group, 0) for group in reversed(groups)]
    while pending:
        group, level = pending.pop()
        yield group, level
        pending.extend((child, level + 1) for child in reversed(group.children))
