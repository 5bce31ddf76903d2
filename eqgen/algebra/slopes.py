"""The derivative of a function of scalars, from the partial derivatives of the operation table."""

from __future__ import annotations

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Constant, Node, Symbol, apply, constant, symbols
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE


def slope(function: Node, variable: str, module: Module) -> Node:
    """d function / d variable for an entrywise expression, with the result's shape."""
    node = _slope(inline(function, module), variable)
    return node if node.shape == function.shape else apply("scale", node, apply("ones", sizes=function.shape))


def _slope(node: Node, variable: str) -> Node:
    if isinstance(node, Symbol):
        return constant(1 if node.name == variable else 0)
    if not isinstance(node, Apply) or variable not in symbols(node):
        return constant(0)
    partials = TABLE[node.op].partials
    assert partials is not None, node.op
    if node.op == "where":
        condition, yes, no = node.args
        return _choice(condition, _slope(yes, variable), _slope(no, variable))
    if node.op in ("max", "min"):
        x, y = node.args
        first = apply("less", y, x) if node.op == "max" else apply("less", x, y)
        return _choice(first, _slope(x, variable), _slope(y, variable))
    total: Node = constant(0)
    for arg, partial in zip(node.args, partials(*node.args), strict=True):
        if partial is not None and variable in symbols(arg):
            total = plus(total, product(partial, _slope(arg, variable)))
    return total


def _choice(condition: Node, yes: Node, no: Node) -> Node:
    return yes if yes == no else apply("where", condition, yes, no)


def is_number(node: Node, value: int) -> bool:
    return isinstance(node, Constant) and node.value == value


def plus(x: Node, y: Node) -> Node:
    if is_number(x, 0):
        return y
    return x if is_number(y, 0) else apply("add", x, y)


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
