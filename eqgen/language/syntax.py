"""From Lark's parse tree of one line to the pieces of the model.

A line becomes an item (`items`). Greek letters, superscripts and the two notations meet here: `Xᵀ` and `X.T`, `1_N` and
`ones(N)` are the same call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from importlib.resources import files
from itertools import pairwise

from lark import Lark, Token, Transformer_NonRecursive, Tree

from eqgen.language.diagnostics import Diagnostic, one_of
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
from eqgen.language.model import (
    Call,
    Declaration,
    Draw,
    Equation,
    Expression,
    Import,
    Lambda,
    Name,
    Number,
    Parameter,
    Source,
    Span,
    Use,
)
from eqgen.language.spelling import ATTRIBUTES, ascii_name, superscript_value

MAX_DEPTH = 100
_MAX_NUMBER_LENGTH = 100
_MAX_DECIMAL_EXPONENT = 400

_OPERATORS = {"−": "-", "@": "*", "·": "*", "⋅": "*", "⊙": "hadamard", "≤": "<=", "≥": ">="}
_CONSTANTS = {"0_": "zeros", "1_": "ones", "𝕀_": "identity"}


@cache
def lark() -> Lark:
    """The LALR(1) parser for single lines; built once, in about 40 ms."""
    grammar = files("eqgen.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start=["top", "line"], maybe_placeholders=False)


def parse_line(source: Source, start: int, end: int, symbol: str) -> tuple[Item | None, list[Diagnostic]]:
    """The item at [start, end) of the source. Raises lark.UnexpectedInput when the line cannot be read."""
    tree = lark().parse(source.text[start:end], start=symbol)
    span = Span(source, start, end)
    if _depth(tree) > MAX_DEPTH:
        message = f"the expression is nested more than {MAX_DEPTH} operations deep"
        hint = "give parts of the expression names of their own"
        return None, [Diagnostic("E504", message, span, hint=hint)]
    builder = _Builder(source, start, span)
    item: Item = builder.transform(tree)
    return item, builder.diagnostics


def _depth(tree: Tree[Token]) -> int:
    """How many operations lie inside each other; redundant brackets do not count."""
    deepest = 0
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        deepest = max(deepest, depth)
        for child in node.children:
            if isinstance(child, Tree):
                pending.append((child, depth + (child.data != "parentheses")))
    return deepest


class _Builder(Transformer_NonRecursive[Token, Item]):
    """A method a rule of the grammar; children arrive in the order in which they are written."""

    def __init__(self, source: Source, offset: int, line: Span) -> None:
        super().__init__(visit_tokens=False)
        self.source = source
        self.offset = offset
        self.span = line
        self.diagnostics: list[Diagnostic] = []

    def at(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.source, self.offset + token.start_pos, self.offset + token.end_pos)

    def named(self, token: Token) -> Name:
        return Name(self.at(token), ascii_name(token))

    def reject(self, code: str, message: str, span: Span, expected: str = "", hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, expected, hint))

    # --- the first column ---------------------------------------------------------------------------------

    def header(self, children: list[Token | list[Parameter]]) -> Header:
        kind, name, *rest = children
        assert isinstance(kind, Token) and isinstance(name, Token)
        parameters: tuple[Parameter, ...] = ()
        title = None
        for child in rest:
            if isinstance(child, Token):
                title = self.text(child)
            elif isinstance(child, Parameter):  # a single parameter is not wrapped
                parameters = (child,)
            else:
                parameters = tuple(child)
        for before, after in pairwise(parameters):
            if before.default is not None and after.default is None:
                self.reject(
                    "E022",
                    f"`{after.name.name}` has no default but follows a parameter that has one",
                    after.name.span,
                    hint=f"write the parameters without a default first, or give `{after.name.name}` a default",
                )
        return Header(str(kind), self.named(name), parameters, title)

    def parameters(self, children: list[Token | Parameter]) -> list[Parameter]:
        return [child for child in children if isinstance(child, Parameter)]

    def parameter(self, children: list[Token | Expression | tuple[Expression, Expression]]) -> Parameter:
        name, *rest = [child for child in children if not isinstance(child, Token)]
        assert isinstance(name, Name)
        shape = next((child for child in rest if isinstance(child, tuple)), None)
        default = next((child for child in rest if isinstance(child, Expression)), None)
        return Parameter(name, default, shape)

    def import_file(self, children: list[Token]) -> Import:
        return Import(children[1][1:-1], self.span)

    def text(self, token: Token) -> Text:
        return Text(token[1:-1], self.at(token))

    # --- lines of a definition ----------------------------------------------------------------------------

    def title(self, children: list[Token]) -> Text:
        return self.text(children[0])

    def reference(self, children: list[Token]) -> Reference:
        return Reference(self.text(children[1]))

    def dims(self, children: list[tuple[Name, ...]]) -> Dims:
        return Dims(children[1])

    def declaration(self, children: list[object]) -> Declarations:
        return self.declare(str(children[0]), children[1:])

    def variable(self, children: list[object]) -> Declarations:
        return self.declare("variable", children)

    def declare(self, role: str, children: list[object]) -> Declarations:
        names, *rest = [child for child in children if not isinstance(child, Token)]
        assert isinstance(names, tuple)
        shape, attributes, initial, draw = None, (), None, None
        for child in rest:
            if isinstance(child, list):
                attributes = tuple(child)
            elif isinstance(child, _Initial):
                initial, draw = child.value, child.draw
            elif isinstance(child, tuple):
                shape = child
        return Declarations(
            tuple(Declaration(role, name, shape, attributes, initial, draw, self.span) for name in names)
        )

    def names(self, children: list[object]) -> tuple[Name, ...]:
        return tuple(child for child in children if isinstance(child, Name))

    def shape(self, children: list[Expression]) -> tuple[Expression, Expression]:
        return children[0], children[2]

    def size(self, children: list[Token]) -> Expression:
        return self.count(children)

    def count(self, children: list[Token]) -> Expression:
        token = children[0]
        if token.type == "NUMBER":
            if not re.fullmatch("[1-9][0-9]*", token):
                self.reject("E020", f"`{token}` is not a size", self.at(token), "a name or a positive integer")
            return self.number(children)
        if token == "x":
            hint = "`x` separates the two sizes of a shape; choose another name for the size"
            self.reject("E020", "`x` is not a size", self.at(token), "a name or a positive integer", hint)
        return self.named(token)

    def attributes(self, children: list[tuple[str, Expression | None]]) -> list[tuple[str, Expression | None]]:
        return children

    def attribute(self, children: list[Token | Expression]) -> tuple[str, Expression | None]:
        word = children[0]
        assert isinstance(word, Token)
        argument = children[2] if len(children) > 1 else None
        assert argument is None or isinstance(argument, Expression)
        if word not in ATTRIBUTES:
            self.reject("E019", f"unknown attribute `{word}`", self.at(word), one_of(ATTRIBUTES))
        return str(word), argument

    def initial(self, children: list[Token | Expression]) -> _Initial:
        sign, value = children
        assert isinstance(sign, Token) and isinstance(value, Expression)
        if sign.type == "EQUALS":
            return _Initial(value, None)
        assert isinstance(value, Call)
        return _Initial(None, value)

    def assume(self, children: list[object]) -> Assume:
        return Assume(tuple(_expressions(children)))

    def let(self, children: list[object]) -> Let:
        target, *steps = _expressions(children)
        return Let(Equation(self.span, target, tuple(steps)))

    def stable(self, children: list[object]) -> StableWith:
        return StableWith(tuple(child for child in children if isinstance(child, Equation)))

    def binding(self, children: list[object]) -> Equation:
        target, value = _expressions(children)
        return Equation(target.span.to(value.span), target, (value,))

    def block(self, children: list[Token]) -> Opener:
        return Opener(str(children[0]), None)

    def when(self, children: list[object]) -> Opener:
        return Opener("when", next(_expressions(children)))

    def for_each(self, children: list[object]) -> Opener:
        return Opener(" ".join(str(children[0]).split()), next(_expressions(children)))

    def printed(self, children: list[object]) -> Opener:
        sizes = tuple(child for child in children if isinstance(child, Equation))
        return Opener(" ".join(str(children[0]).split()), None, sizes)

    def use(self, children: list[object]) -> Use:
        definition, results = children[1], children[-1]
        assert isinstance(definition, Token) and isinstance(results, tuple)
        return Use(self.span, self.named(definition), tuple(_expressions(children)), results)

    def draw(self, children: list[object]) -> Draw:
        target, distribution = children[0], children[2]
        assert isinstance(target, Name) and isinstance(distribution, Call)
        return Draw(self.span, target, distribution)

    def steps(self, children: list[object]) -> Steps:
        return Steps(tuple(_expressions(children)))

    def equation(self, children: list[object]) -> Equation:
        target, *steps = _expressions(children)
        return Equation(self.span, target, tuple(steps))

    # --- expressions --------------------------------------------------------------------------------------

    def name(self, children: list[Token]) -> Name:
        return self.named(children[0])

    def number(self, children: list[Token]) -> Number:
        token = children[0]
        exponent = re.search("[eE]([+-]?[0-9]+)", token)
        if len(token) > _MAX_NUMBER_LENGTH or (exponent and abs(int(exponent.group(1))) > _MAX_DECIMAL_EXPONENT):
            hint = f"at most {_MAX_NUMBER_LENGTH} characters and powers of ten up to {_MAX_DECIMAL_EXPONENT} are read"
            self.reject("E010", "the number is out of range", self.at(token), hint=hint)
            return Number(self.at(token), Fraction(1))
        return Number(self.at(token), Fraction(str(token)))

    def parentheses(self, children: list[object]) -> Expression:
        left, inner, right = children
        assert isinstance(left, Token) and isinstance(inner, Expression) and isinstance(right, Token)
        return replace(inner, span=self.at(left).to(self.at(right)))

    def binary(self, children: list[object]) -> Call:
        left, operator, right = children
        assert isinstance(left, Expression) and isinstance(operator, Token) and isinstance(right, Expression)
        symbol = _OPERATORS.get(operator, str(operator))
        return Call(left.span.to(right.span), symbol, (left, right), self.at(operator))

    def negate(self, children: list[object]) -> Call:
        sign, operand = children
        assert isinstance(sign, Token) and isinstance(operand, Expression)
        return Call(self.at(sign).to(operand.span), "neg", (operand,), self.at(sign))

    def transpose(self, children: list[object]) -> Call:
        operand, sign = children
        assert isinstance(operand, Expression) and isinstance(sign, Token)
        return Call(operand.span.to(self.at(sign)), ".T", (operand,), self.at(sign))

    def superscript(self, children: list[object]) -> Call:
        base, token = children
        assert isinstance(base, Expression) and isinstance(token, Token)
        span = self.at(token)
        if len(token) > 9:
            self.reject("E010", "the exponent is out of range", span)
            return Call(base.span.to(span), "^", (base, Number(span, Fraction(1))), span)
        negative, magnitude = superscript_value(token)
        exponent: Expression = Number(span, Fraction(magnitude))
        if negative:
            exponent = Call(span, "neg", (exponent,), span)
        return Call(base.span.to(span), "^", (base, exponent), span)

    def constant(self, children: list[object]) -> Call:
        word = children[0]
        assert isinstance(word, Token)
        counts = tuple(_expressions(children))
        last = children[-1]
        end = self.at(last) if isinstance(last, Token) else counts[-1].span
        span = self.at(word).to(end)
        if word == "𝕀_" and len(counts) > 1:
            self.reject("E021", "an identity matrix has one size", span, "`𝕀_N`")
        return Call(span, _CONSTANTS[word], counts, span)

    def call(self, children: list[object]) -> Call:
        word, gradient, last = children[0], children[1], children[-1]
        assert isinstance(word, Token) and isinstance(gradient, Token) and isinstance(last, Token)
        name, function_span = ascii_name(word), self.at(word)
        if gradient.type == "GRADIENT":
            name, function_span = name + "'", function_span.to(self.at(gradient))
        return Call(self.at(word).to(self.at(last)), name, tuple(_expressions(children)), function_span)

    def lambda_of_one(self, children: list[object]) -> Lambda:
        parameter, body = _expressions(children)
        if not isinstance(parameter, Name):
            self.reject("E016", "the parameter of a function must be a name", parameter.span, "`x -> ...`")
            return Lambda(parameter.span.to(body.span), ("x",), body)
        return self.function(parameter.span, [parameter], body)

    def lambda_of_many(self, children: list[object]) -> Lambda:
        left = children[0]
        assert isinstance(left, Token)
        *parameters, body = _expressions(children)
        return self.function(self.at(left), parameters, body)

    def function(self, start: Span, parameters: list[Expression], body: Expression) -> Lambda:
        words = tuple(parameter.name for parameter in parameters if isinstance(parameter, Name))
        for index, parameter in enumerate(parameters):
            if words[index] in words[:index]:
                self.reject("E102", f"two parameters are called `{words[index]}`", parameter.span)
            if words[index].endswith("'"):
                self.reject("E016", "the parameter of a function cannot have a prime", parameter.span)
        return Lambda(start.to(body.span), words, body)


@dataclass(frozen=True, slots=True)
class _Initial:
    value: Expression | None
    draw: Call | None


def _expressions(children: list[object]) -> Iterator[Expression]:
    return (child for child in children if isinstance(child, Expression))
