"""Mathematical spelling to the names of the operations: `X·1_K` is `rows_sum(X)`, `1_N·b` is `row_repeat(b, N)`.

The meaning never changes. `c·1_K` with a number `c` is a column filled with `c`, not the row sums of `c`; so products
with a column of ones become sums only where the shape of the other factor is known. The shapes known here are those
that follow from declarations and the few operations below; full inference belongs to `eqgen.algebra`, which this
package does not know. What is not known stays a product.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import TypeGuard

from eqgen.language.model import (
    Block,
    Call,
    Definition,
    Draw,
    Equation,
    Expression,
    File,
    Lambda,
    Name,
    Number,
    Return,
    Statement,
    Use,
    walk,
)

Shape = tuple[str, str]
SCALAR: Shape = ("1", "1")

_SAME_SHAPE = frozenset(("neg", "exp", "log", "reciprocal", "sqrt", "inv_sqrt", "log_sigmoid", "square", "abs"))
_COMMON_SHAPE = frozenset(("+", "-", "hadamard"))
_COLUMN = frozenset(("rows_sum", "rows_max", "rows_mean", "diag"))
_ROW = frozenset(("columns_sum", "columns_max", "columns_mean"))
_NUMBER = frozenset(("elements_sum", "dot"))


class Shapes:
    """The shapes of the names of a definition, as far as they follow from its declarations."""

    def __init__(self, definition: Definition) -> None:
        self.names: dict[str, Shape | None] = {}
        self.activations = {name for name in _called(definition) if name in _parameters(definition)}
        for size in definition.dims:
            self.names[size.name] = SCALAR
        for name, sizes in [
            *((parameter.name.name, parameter.shape) for parameter in definition.parameters),
            *((declaration.name.name, declaration.shape) for declaration in definition.declarations),
        ]:
            for size_expression in sizes or ():
                if isinstance(size_expression, Name):
                    self.names[size_expression.name] = SCALAR
            self.names.setdefault(name, _shape(sizes))
        for parameter in definition.parameters:
            if parameter.shape is None:
                self.names[parameter.name.name] = SCALAR
        for equation in _equations(definition.statements):
            if isinstance(equation.target, Name) and self.of(equation.target) is None:
                self.names[equation.target.name] = self.of(equation.value)

    def inside(self, function: Lambda) -> Shapes:
        """The shapes in the body of a function of numbers, whose parameters hide the names around it."""
        inner = copy(self)
        inner.names = {**self.names, **dict.fromkeys(function.parameters, SCALAR)}
        return inner

    def of(self, expression: Expression) -> Shape | None:
        """Rows and columns, or None where they are not known here."""
        if isinstance(expression, Number):
            return SCALAR
        if isinstance(expression, Name):
            return self._name(expression.name)
        if isinstance(expression, Call):
            return self._call(expression.function, expression.arguments)
        return None

    def _name(self, name: str) -> Shape | None:
        if name in self.names:
            return self.names[name]
        if name.endswith("'"):
            return self._name(name[:-1])
        return self.names.get(name[1:]) if name.startswith("D") else None

    def _call(self, function: str, arguments: tuple[Expression, ...]) -> Shape | None:
        if function in ("ones", "zeros", "identity"):
            sizes = [_size(argument) for argument in arguments]
            rows, columns = sizes[0] if sizes else None, sizes[-1] if len(sizes) == 2 else "1"
            columns = rows if function == "identity" else columns
            return (rows, columns) if rows and columns else None
        shapes = [self.of(argument) for argument in arguments]
        if function in _COMMON_SHAPE:
            return next((shape for shape in shapes if shape), None)
        if function in _NUMBER:
            return SCALAR
        first = shapes[0] if shapes else None
        if first is None:
            return None
        if function in _SAME_SHAPE or function.removesuffix("'") in self.activations:
            return first
        if function in ("/", "^"):
            return first if shapes[1] == SCALAR else None
        if function == ".T":
            return first[1], first[0]
        if function in _COLUMN:
            return first[0], "1"
        if function in _ROW:
            return "1", first[1]
        if function == "*":
            return _product(first, shapes[1])
        if function in ("row_repeat", "column_repeat") and len(arguments) == 2 and (count := _size(arguments[1])):
            return (count, first[1]) if function == "row_repeat" else (first[0], count)
        return None


def canonical_file(file: File) -> File:
    """The file with every expression in canonical form."""
    return replace(file, definitions=tuple(map(canonical_definition, file.definitions)))


def canonical_definition(definition: Definition) -> Definition:
    """The definition with every expression in canonical form."""
    shapes = Shapes(definition)
    return replace(
        definition,
        assumptions=tuple(canonical(assumption, shapes) for assumption in definition.assumptions),
        statements=tuple(canonical_statement(statement, shapes) for statement in definition.statements),
    )


def canonical_statement(statement: Statement, shapes: Shapes) -> Statement:
    if isinstance(statement, Equation):
        target = canonical(statement.target, shapes)
        return replace(statement, target=target, steps=tuple(canonical(step, shapes) for step in statement.steps))
    if isinstance(statement, Return):
        return replace(statement, steps=tuple(canonical(step, shapes) for step in statement.steps))
    if isinstance(statement, Use):
        return replace(statement, arguments=tuple(canonical(argument, shapes) for argument in statement.arguments))
    if isinstance(statement, Block):
        return replace(
            statement,
            statements=tuple(canonical_statement(inner, shapes) for inner in statement.statements),
            condition=None if statement.condition is None else canonical(statement.condition, shapes),
        )
    assert isinstance(statement, Draw), statement
    return statement


def canonical(expression: Expression, shapes: Shapes) -> Expression:
    """The expression with products with ones, zeros and identities written as operations."""
    if isinstance(expression, Lambda):
        return replace(expression, body=canonical(expression.body, shapes.inside(expression)))
    if not isinstance(expression, Call):
        return expression
    arguments = tuple(canonical(argument, shapes) for argument in expression.arguments)
    expression = replace(expression, arguments=arguments)
    if expression.function != "*":
        return expression
    left, right = arguments
    if _is(left, "neg"):  # -1_Nᵀ·X is (-1_Nᵀ)·X
        rewritten = _product_with_ones(expression, left.arguments[0], right, shapes)
        return expression if rewritten is None else replace(left, span=expression.span, arguments=(rewritten,))
    rewritten = _product_with_ones(expression, left, right, shapes)
    return expression if rewritten is None else rewritten


def _product_with_ones(product: Call, left: Expression, right: Expression, shapes: Shapes) -> Expression | None:
    def call(function: str, *arguments: Expression) -> Call:
        return replace(product, function=function, arguments=arguments)

    down, across = _column_of_ones(left), _row_of_ones(right)
    if down is not None and across is not None:
        return call("ones", down, across)
    shape = shapes.of(right)
    if down is not None and shape != SCALAR and (shape is None or shape[0] == "1"):
        return call("row_repeat", right, down)
    shape = shapes.of(left)
    if across is not None and shape != SCALAR and (shape is None or shape[1] == "1"):
        return call("column_repeat", left, across)
    size = _column_of_ones(right)
    if size is not None and shape is not None and shape != SCALAR and shape[1] == _size(size):
        if _is(left, "columns_sum"):
            return call("elements_sum", *left.arguments)
        return call("rows_sum", left)
    size, shape = _row_of_ones(left), shapes.of(right)
    if size is not None and shape is not None and shape != SCALAR and shape[0] == _size(size):
        if _is(right, "rows_sum"):
            return call("elements_sum", *right.arguments)
        return call("columns_sum", right)
    return None


def _is(expression: Expression, function: str) -> TypeGuard[Call]:
    return isinstance(expression, Call) and expression.function == function


def _column_of_ones(expression: Expression) -> Expression | None:
    """N for `1_N`."""
    if isinstance(expression, Call) and expression.function == "ones" and len(expression.arguments) == 1:
        return expression.arguments[0]
    return None


def _row_of_ones(expression: Expression) -> Expression | None:
    """N for `1_Nᵀ`."""
    if isinstance(expression, Call) and expression.function == ".T":
        return _column_of_ones(expression.arguments[0])
    return None


def _size(expression: Expression) -> str | None:
    if isinstance(expression, Name):
        return expression.name
    return str(expression.value) if isinstance(expression, Number) else None


def _shape(sizes: tuple[Expression, Expression] | None) -> Shape | None:
    if sizes is None:
        return None
    rows, columns = _size(sizes[0]), _size(sizes[1])
    return (rows, columns) if rows and columns else None


def _product(left: Shape, right: Shape | None) -> Shape | None:
    if left == SCALAR or right is None:
        return right
    return left if right == SCALAR else (left[0], right[1])


def _parameters(definition: Definition) -> set[str]:
    return {parameter.name.name for parameter in definition.parameters if parameter.shape is None}


def _equations(statements: Iterable[Statement]) -> Iterable[Equation]:
    for statement in statements:
        if isinstance(statement, Equation):
            yield statement
        elif isinstance(statement, Block):
            yield from _equations(statement.statements)


def _called(definition: Definition) -> Iterable[str]:
    for equation in _equations(definition.statements):
        for step in equation.steps:
            for expression in walk(step):
                if isinstance(expression, Call):
                    yield expression.function.removesuffix("'")
