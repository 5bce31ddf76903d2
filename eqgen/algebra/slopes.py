"""The derivative of a function of scalars, from the partial derivatives of the operation table, as short as it gets."""

from __future__ import annotations

from collections.abc import Callable

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Constant, Node, Symbol, apply, constant, operation_count, rewrite, symbols
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.terms import TooLong
from eqgen.algebra.tidying import Known, Note, tidied

ARITHMETIC = ("add", "subtract", "negate", "hadamard", "scale", "divide", "square", "reciprocal", "power")

Told = Callable[[Node, Node], None]
"""Told each operation, and its derivative."""


def slope(function: Node, variable: str, module: Module, told: Told = lambda node, derivative: None) -> Node:
    """d function / d variable for an entrywise expression, with the result's shape."""
    node = shortened(_slope(inline(function, module), variable, told))
    return node if node.shape == function.shape else apply("scale", node, apply("ones", sizes=function.shape))


def shortened(node: Node, names: tuple[Known, ...] = (), note: Note | None = None) -> Node:
    """The shortest form that is found: common factors out, known products under their names, innermost first."""

    def rule(n: Node) -> Node:
        if not isinstance(n, Apply) or n.op not in ARITHMETIC:
            return n
        try:
            short = tidied(n, names, note if n.shape == node.shape else None, entrywise=True)
        except TooLong:
            return n
        return min(short, n, key=operation_count)

    return rewrite(node, rule)


def _slope(node: Node, variable: str, told: Told) -> Node:
    if isinstance(node, Symbol):
        return constant(1 if node.name == variable else 0)
    if not isinstance(node, Apply) or variable not in symbols(node):
        return constant(0)
    result = _of_operation(node, variable, told)
    told(node, result)
    return result


def _of_operation(node: Apply, variable: str, told: Told) -> Node:
    partials = TABLE[node.op].partials
    assert partials is not None, node.op
    if node.op == "where":
        condition, yes, no = node.args
        return _choice(condition, _slope(yes, variable, told), _slope(no, variable, told))
    if node.op in ("max", "min"):
        x, y = node.args
        first = apply("less", y, x) if node.op == "max" else apply("less", x, y)
        return _choice(first, _slope(x, variable, told), _slope(y, variable, told))
    total: Node = constant(0)
    for arg, partial in zip(node.args, partials(*node.args), strict=True):
        if partial is not None and variable in symbols(arg):
            total = plus(total, product(partial, _slope(arg, variable, told)))
    return total


def _choice(condition: Node, yes: Node, no: Node) -> Node:
    """`yes` where the condition holds, else `no`; inside of each it is known whether it does."""
    yes, no = _given(condition, True, yes), _given(condition, False, no)
    return yes if yes == no else apply("where", condition, yes, no)


def _given(condition: Node, holds: bool, node: Node) -> Node:
    def rule(n: Node) -> Node:
        if isinstance(n, Apply) and n.op == "where" and n.args[0] == condition:
            return n.args[1 if holds else 2]
        if isinstance(n, Apply) and n.op in ("hadamard", "scale"):
            return product(*n.args)
        return n

    return rewrite(node, rule)


def is_number(node: Node, value: int) -> bool:
    return isinstance(node, Constant) and node.value == value


def plus(x: Node, y: Node) -> Node:
    if is_number(x, 0):
        return y
    if is_number(y, 0):
        return x
    if isinstance(y, Apply) and y.op == "negate":
        return apply("subtract", x, y.args[0])
    return apply("add", x, y)


def product(x: Node, y: Node) -> Node:
    """Entrywise product, tidied: zeros, ones and minus ones go, numbers come first."""
    if is_number(x, 0) or is_number(y, 0):
        return constant(0)
    if is_number(x, 1):
        return y
    if is_number(y, 1):
        return x
    if isinstance(x, Constant) and isinstance(y, Constant):
        return constant(x.value * y.value)
    if is_number(y, -1) or is_number(x, -1):
        return apply("negate", x if is_number(y, -1) else y)
    if y.is_scalar:
        return apply("scale", y, x)
    return apply("scale", x, y) if x.is_scalar else apply("hadamard", x, y)
