"""The lines of a definition as text: what a parsed line says, in canonical form."""

from __future__ import annotations

from collections.abc import Iterable

from eqgen.language.canonical import Shapes, canonical
from eqgen.language.items import (
    Assume,
    Declarations,
    Dims,
    Header,
    Item,
    Let,
    Opener,
    Reference,
    StableWith,
    Steps,
    Text,
)
from eqgen.language.model import Call, Declaration, Draw, Equation, Expression, Import, Parameter, Use
from eqgen.language.printer import INDENT, WIDTH, broken, expression_text

_KEYWORD_WIDTH = 8
_BEFORE_SIZES = {"printed refuted": "at", "printed ill-shaped": "unless"}


class LinePrinter:
    """Prints the lines of one definition, whose names have the given shapes, from top to bottom."""

    def __init__(self, shapes: Shapes | None) -> None:
        self.shapes = shapes
        self.equals = 0
        """The column of the `=` of the equation above, under which its further steps stand."""

    def lines(self, item: Item, level: int, alignment: int, is_value: bool) -> list[str]:
        """The text of a line at a level of indentation.

        alignment  width to which the target of an equation is padded
        is_value   whether a line `= a` is the value of a function rather than a step of the equation above
        """
        indent = INDENT * level
        if isinstance(item, Steps):
            return self.chain(indent if is_value else " " * self.equals, "", item.expressions)
        if isinstance(item, (Equation, Let)):
            equation, keyword = (item.equation, "let ") if isinstance(item, Let) else (item, "")
            head = f"{keyword}{self.text(equation.target):<{alignment}} "
            self.equals = len(indent) + len(head)
            return self.chain(indent, head, equation.steps)
        first, *rest = self.plain(item, indent)
        return [indent + first, *rest]

    def plain(self, item: Item, indent: str) -> list[str]:
        if isinstance(item, Header):
            return _header(item)
        if isinstance(item, Import):
            return [f'use "{item.path}"']
        if isinstance(item, Text):
            return [f'"{item.value}"']
        if isinstance(item, Reference):
            return [_keyword("source", f'"{item.text.value}"')]
        if isinstance(item, Dims):
            return [_keyword("dims", _names(item.names))]
        if isinstance(item, Declarations):
            return [_declarations(item.declarations)]
        if isinstance(item, Assume):
            return self.joined(_keyword("assume", ""), [("", expression) for expression in item.expressions], indent)
        if isinstance(item, StableWith):
            bindings = [(f"{self.text(equation.target)} = ", equation.value) for equation in item.equations]
            return self.joined("stable with ", bindings, indent)
        if isinstance(item, Opener) and item.sizes:
            start = f"{item.kind} {_BEFORE_SIZES[item.kind]} "
            return self.joined(start, [(f"{self.text(e.target)} = ", e.value) for e in item.sizes], indent)
        if isinstance(item, Opener):
            return self.joined(f"{item.kind} ", [("", item.condition)], indent) if item.condition else [item.kind]
        if isinstance(item, Draw):
            return self.joined(f"{item.target.name} ~ ", [("", item.distribution)], indent)
        assert isinstance(item, Use), item
        call = Call(item.span, item.definition.name, item.arguments, item.definition.span)
        lines = self.joined("use ", [("", call)], indent)
        return [*lines[:-1], f"{lines[-1]} -> {_names(item.results)}"]

    def joined(self, start: str, parts: list[tuple[str, Expression]], indent: str) -> list[str]:
        """`start a, b`; each part has a text before it."""
        lines = [start]
        for index, (before, expression) in enumerate(parts):
            head = lines.pop() + (", " if index else "") + before
            column = len(head) if lines else len(indent) + len(head)
            first, *rest = broken(self.canonical(expression), column, indent)
            lines.extend([head + first, *rest])
        return lines

    def chain(self, indent: str, head: str, steps: tuple[Expression, ...]) -> list[str]:
        """`head = a = b` on one line where that fits, else with a step a line."""
        expressions = [self.canonical(step) for step in steps]
        flat = f"{indent}{head}= {' = '.join(expression_text(expression) for expression in expressions)}"
        if len(flat) <= WIDTH:
            return [flat]
        lines: list[str] = []
        for expression in expressions:
            first, *rest = broken(expression, len(indent) + len(head) + 2, indent)
            lines.extend([f"{indent}{head}= {first}", *rest])
            indent, head = indent + " " * len(head), ""  # further steps are lines of their own
        return lines

    def text(self, expression: Expression) -> str:
        return expression_text(self.canonical(expression))

    def canonical(self, expression: Expression) -> Expression:
        return canonical(expression, self.shapes) if self.shapes else expression


def _header(header: Header) -> list[str]:
    parameters = [_parameter(parameter) for parameter in header.parameters]
    start = f"{header.kind} {header.name.name}"
    title = f' "{header.title.value}"' if header.title else ""
    flat = f"{start}({', '.join(parameters)}){title}" if parameters else start + title
    if len(flat) <= WIDTH or not parameters:
        return [flat]
    *others, last = parameters
    return [f"{start}(", *(f"{INDENT}{parameter}," for parameter in others), INDENT + last, f"){title}"]


def _parameter(parameter: Parameter) -> str:
    shape = f": {_shape(parameter.shape)}" if parameter.shape else ""
    default = f" = {expression_text(parameter.default)}" if parameter.default else ""
    return parameter.name.name + shape + default


def _declarations(declarations: tuple[Declaration, ...]) -> str:
    first = declarations[0]
    text = _names(declaration.name for declaration in declarations)
    if first.shape:
        text += f": {_shape(first.shape)}"
    for word, argument in first.attributes:
        text += f" {word}" + (f"({expression_text(argument)})" if argument else "")
    if first.initial:
        text += f" = {expression_text(first.initial)}"
    if first.draw:
        text += f" ~ {expression_text(first.draw)}"
    return text if first.role == "variable" else _keyword(first.role, text)


def _keyword(word: str, text: str) -> str:
    return f"{word:<{_KEYWORD_WIDTH}}{text}"


def _names(names: Iterable[Expression]) -> str:
    return ", ".join(map(expression_text, names))


def _shape(shape: tuple[Expression, Expression]) -> str:
    return f"{expression_text(shape[0])} x {expression_text(shape[1])}"
