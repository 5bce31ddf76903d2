"""Corrected equations as text, in the file's own spelling; what is offered was read again and means what is proven."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.elaborate import canonical_text, elaborate
from eqgen.algebra.expressions import Node, substitute, walk
from eqgen.algebra.mistakes import TOO_LONG
from eqgen.algebra.notation import ENTRYWISE, Level, NotationPrinter, Printer, language, mixes_scalars, notation
from eqgen.algebra.positions import Path, at
from eqgen.algebra.questions import Step, subjects
from eqgen.language import parse
from eqgen.language.diagnostics import DiagnosticError
from eqgen.language.model import Source, Span

LONGEST_QUOTE = 60
"""Characters of an expression that is quoted inside a sentence."""


@dataclass(frozen=True)
class Line:
    """One equation of a definition, as it stands in its file.

    number   position among all steps of the definition
    written  its right side with places in the source, before anything is put in for calls
    """

    definition: TypedDefinition
    module: Module
    number: int
    step: Step
    conclusion: bool = False
    """Whether the step is a claim with its sides exchanged: what stands in `then Y = ...` is the left one."""

    @property
    def written(self) -> Node:
        return self.step.written

    @property
    def is_in_file(self) -> bool:
        """Whether the equation stands in the definition: one that comes with `use` does not."""
        span, whole = self.step.span, self.definition.span
        return span.source is whole.source and whole.start <= span.start and span.end <= whole.end

    @property
    def is_scalar_function(self) -> bool:
        """Whether operators act entry by entry in the whole equation."""
        return self.definition.kind == "activation"

    @property
    def has_scalar_functions(self) -> bool:
        """Whether they do in a part of it, where numbers fit everywhere."""
        return self.is_scalar_function or bool(self.names)

    # --- places --------------------------------------------------------------------------------------

    def span_of(self, path: Path, operator: bool = False) -> Span:
        """Where a sub-expression stands; where it has no place of its own, the next larger one that has.

        With `operator` the span begins at the operator between it and its left neighbour.
        """
        for length in range(len(path), -1, -1):
            span = self.own_span(at(self.written, path[:length]))
            if span is None:
                continue
            if operator and length == len(path) and length and path[-1] == 1:
                left = self.own_span(at(self.written, (*path[:-1], 0)))
                if left is not None and left.end < span.start:
                    between = span.source.text[left.end : span.start]
                    found = re.search(r"[-+*/]", between)
                    if found is not None:
                        return Span(span.source, left.end + found.start(), span.end)
            return span
        return self.step.span

    def own_span(self, node: Node) -> Span | None:
        """The place of a sub-expression if it lies in the equation; a bound name or an argument of `use` may not."""
        span, line = node.span, self.step.span
        if span is None or span.source is not line.source or not (line.start <= span.start and span.end <= line.end):
            return None
        return span

    def show(self, node: Node) -> str:
        """An expression as a sentence quotes it: as it is written, else in canonical notation."""
        text = self.text(node)
        return f"`{text}`" if len(text) <= LONGEST_QUOTE else TOO_LONG

    def text(self, node: Node) -> str:
        if self.is_scalar_function or (self.names and mixes_scalars(node)):
            return ScalarPrinter(self.quoted, self.names)(node)
        return QuotingPrinter(self.quoted)(node)

    def quoted(self, node: Node) -> str | None:
        """A sub-expression as it stands in the equation, if it is the one that was written, or the name of a `let`."""
        if node in self.lets:
            return self.lets[node]
        span = self.own_span(node) if self.is_in_file and id(node) in self.parts else None
        return _bare(_plain(span.text)) if span is not None and "#" not in span.text else None

    # --- equations -----------------------------------------------------------------------------------

    def equation(self, right: Node) -> str:
        """The equation with another right side, in canonical notation."""
        return f"{self.left} = {self.text(right)}"

    @property
    def left(self) -> str:
        """The left side as the file spells it."""
        text = canonical_text(self.step.span) if self.definition.kind in ("layer", "loss", "activation") else ""
        head, separator, _ = text.partition("=")
        if separator and self.is_in_file:
            return head.strip()
        if self.step.target == "stable":
            return "stable form"
        if self.definition.claims and self.step.expected is not None:
            return self.step.target.partition(" = ")[0]
        return self.step.target

    def original(self) -> str:
        """The equation as it was written, on one line."""
        text = _plain(canonical_text(self.step.span))
        if self.is_claim and not self.conclusion:
            return f"{self.left} = {text}"
        in_file = self.is_in_file and (self.step.gradient_of is not None or self.conclusion)
        return text if in_file else self.equation(self.written)

    @property
    def is_claim(self) -> bool:
        return self.step.gradient_of is None and bool(self.definition.claims)

    def corrected(self, path: Path, new: Node, right: Node) -> str | None:
        """The equation with `new` at a place, so that its right side becomes `right`.

        The text changes where the mistake is and nowhere else, if it then means `right`; otherwise the right side is
        printed as a whole. None where no text means it: a name that cannot be read there, for example.
        """
        if not self.is_in_file:
            return self.equation(right)
        for start, end, text in self._changes(path, new, right):
            if self._meaning(start, end, text) == right:
                return self._line(start, end, text)
        return None

    def _changes(self, path: Path, new: Node, right: Node) -> Iterator[tuple[int, int, str]]:
        """Texts for parts of the source, the smallest change first."""
        printers: list[Callable[[Node], str]] = []
        if self.has_scalar_functions:
            printers += [ScalarPrinter(self.quoted, self.names), ScalarPrinter(_nothing, self.names)]
            printers += [ScalarPrinter(_nothing, {})]
        printers += [QuotingPrinter(self.quoted), notation]
        span = self.own_span(at(self.written, path))
        if span is not None:
            for text in dict.fromkeys(p(new) for p in printers):
                yield span.start, span.end, text
                yield span.start, span.end, f"({text})"
        whole = self.own_span(self.written)
        start, end = (whole.start, whole.end) if whole is not None else self._right_side()
        for text in dict.fromkeys(p(right) for p in printers):
            yield start, end, text

    def _right_side(self) -> tuple[int, int]:
        span = self.step.span
        found = re.search(r"(?<![<>=])=(?!=)\s*", span.text)
        return (span.start + found.end() if found else span.start), span.end

    @cached_property
    def lets(self) -> dict[Node, str]:
        """Values that have names in the definition, and stand in the equation as what they are."""
        if self.definition.claims:
            lets = self.definition.block("let")
        else:
            lets = self.definition.block("stable")[:-1] if self.step.target == "stable" else ()
        values: dict[str, Node] = {}
        for a in lets:
            values[a.target] = substitute(a.value, values)
        return {value: name for name, value in values.items()}

    @cached_property
    def parts(self) -> frozenset[int]:
        """The identities of what was written: a changed expression keeps the places of the one that it was."""
        return frozenset(id(node) for node in walk(self.written))

    @cached_property
    def names(self) -> dict[Node, str]:
        """Parameters of functions of scalars: what they stand for, and how they are called in the file."""
        found: dict[Node, str] = {}
        for node in walk(self.written):
            span = self.own_span(node)
            if span is None or getattr(node, "name", "") == span.text.rstrip("'"):
                continue
            if re.fullmatch(r"[A-Za-z]\w*", span.text):
                found[node] = span.text
        return found

    def _meaning(self, start: int, end: int, text: str) -> Node | None:
        """The right side that the definition has when its text is changed; None when it cannot be read."""
        whole = self.definition.span
        source = whole.source.text
        changed = source[whole.start : start] + text + source[end : whole.end] + "\n"
        try:
            module = elaborate([parse(changed, whole.source.name)], self.module)
        except (DiagnosticError, RecursionError):
            return None
        definition = module.find(self.definition.name, self.definition.kind)
        steps = [] if definition is None else [s for subject in subjects(definition) for s in subject.steps]
        if self.number >= len(steps):
            return None
        step = steps[self.number]
        return step.expected if self.conclusion else step.written

    def _line(self, start: int, end: int, text: str) -> str:
        span = self.step.span
        source = span.source.text
        first, last = min(span.start, start), max(span.end, end)
        changed = source[first:start] + text + source[end:last]
        line = _plain(canonical_text(Span(Source("", changed), 0, len(changed))))
        if self.step.target == "stable":
            return f"{self.left} {line}"
        return f"{self.left} = {line}" if self.is_claim and not self.conclusion else line


Quote: TypeAlias = Callable[[Node], str | None]
"""The source of a sub-expression, None for one that was not written."""


class _Quoting(Printer):
    """Prints what was written as it was written."""

    quote: Quote

    def text(self, node: Node) -> tuple[str, Level]:
        source = self.quote(node)
        return super().text(node) if source is None else (source, level_of(source))


class QuotingPrinter(_Quoting, NotationPrinter):
    """Prints matrix equations."""

    def __init__(self, quote: Quote) -> None:
        super().__init__(language())
        object.__setattr__(self, "quote", quote)


class ScalarPrinter(_Quoting):
    """Prints the body of a function of scalars, in which matrices may have other names."""

    def __init__(self, quote: Quote, names: Mapping[Node, str]) -> None:
        super().__init__({**language(), **ENTRYWISE})
        object.__setattr__(self, "quote", quote)
        object.__setattr__(self, "names", names)

    def text(self, node: Node) -> tuple[str, Level]:
        name: str | None = self.names.get(node)  # type: ignore[attr-defined]
        return super().text(node) if name is None else (name, Level.ATOM)


OPERATORS = (
    ("<>=", Level.COMPARISON), ("+-", Level.SUM), ("*/·@", Level.PRODUCT), ("⊙", Level.PRODUCT), ("^", Level.POWER),
)  # fmt: skip


def level_of(text: str) -> Level:
    """How tightly a text binds: the loosest operator outside of all brackets."""
    depth = 0
    outside = []
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            outside.append(character)
    plain = "".join(outside).replace("->", "").strip()
    if plain.startswith("-"):
        plain = plain[1:]
        loosest = Level.UNARY
    else:
        loosest = Level.ATOM
    return min([loosest, *(level for signs, level in OPERATORS if any(c in plain for c in signs))])


def _nothing(node: Node) -> str | None:
    return None


def _bare(text: str) -> str:
    """The text without brackets around all of it."""
    while text.startswith("(") and text.endswith(")") and _balanced(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
