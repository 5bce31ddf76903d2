"""Expressions in prefix notation, for tests that look at structure: `a + b * c` is `(+ a (* b c))`."""

from __future__ import annotations

from eqgen.language import parse
from eqgen.language.model import Block, Call, Definition, Equation, Expression, Lambda, Name, Number, Statement


def definition(text: str) -> Definition:
    """The only definition of a text."""
    (only,) = parse(text).definitions
    return only


def expression(text: str) -> Expression:
    """`text` as the right side of an equation."""
    statement = definition(f"lemma example\n    y = {text}\n").statements[0]
    assert isinstance(statement, Equation)
    return statement.value


def prefix(node: Expression) -> str:
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Number):
        return str(node.value)
    if isinstance(node, Lambda):
        return f"(lambda ({' '.join(node.parameters)}) {prefix(node.body)})"
    assert isinstance(node, Call)
    return f"({' '.join([node.function, *map(prefix, node.arguments)])})"


def tree(text: str) -> str:
    return prefix(expression(text))


def equation(statement: Statement) -> str:
    assert isinstance(statement, Equation)
    return " = ".join(map(prefix, (statement.target, *statement.steps)))


def block(statement: Statement) -> Block:
    assert isinstance(statement, Block)
    return statement
