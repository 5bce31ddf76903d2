"""Single edits of an equation: what a person gets wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eqgen.algebra.expressions import (
    SCALAR,
    Apply,
    Constant,
    Invoke,
    Node,
    Size,
    Symbol,
    apply,
    children,
    constant,
    with_children,
)

OTHER_OPERATION = {
    "add": ("subtract",),
    "subtract": ("add",),
    "hadamard": ("add",),
    "max": ("min",),
    "min": ("max",),
    "columns_sum": ("columns_mean",),
    "columns_mean": ("columns_sum",),
    "rows_sum": ("rows_mean",),
    "rows_mean": ("rows_sum",),
    "rows_max": ("rows_mean",),
    "columns_max": ("columns_mean",),
    "less": ("greater",),
    "greater": ("less",),
    "less_equal": ("greater",),
    "greater_equal": ("less",),
    "exp": ("expm1",),
    "expm1": ("exp",),
    "log": ("exp",),
    "sqrt": ("inv_sqrt",),
    "inv_sqrt": ("sqrt",),
    "square": ("abs", "negate"),
    "reciprocal": ("negate",),
    "tanh": ("sigmoid",),
    "sigmoid": ("tanh",),
    "ones": ("zeros",),
    "softplus": ("log_sigmoid",),
    "log_sigmoid": ("softplus",),
}


def mutants(node: Node) -> Iterator[Node]:
    """The expression with one edit, everywhere one is possible; all have its shape."""
    yield from (m for m in _edited(node) if m.shape == node.shape and m != node)
    parts = children(node)
    for k, part in enumerate(parts):
        if isinstance(node, Apply | Invoke):
            yield from (with_children(node, (*parts[:k], m, *parts[k + 1 :])) for m in mutants(part))


def _edited(node: Node) -> Iterator[Node]:
    match node:
        case Constant():
            yield constant(node.value + 1)
            yield constant(-node.value)
        case Size():
            yield constant(1)
        case Symbol():
            yield apply("negate", node)
        case Invoke():
            if node.derivative:
                yield replace(node, derivative=False)
            elif node.function in ("softmax", "log_softmax"):
                yield node.args[0]
        case Apply():
            yield from _edited_operation(node)


def _edited_operation(node: Apply) -> Iterator[Node]:
    yield from node.args  # the other operand, or the function, is forgotten
    for op in OTHER_OPERATION.get(node.op, ()):
        yield replace(node, op=op)
    yield apply("scale", constant(2), node)
    yield apply("negate", node)
    if node.shape[0] == node.shape[1] and node.shape != SCALAR:
        yield apply("transpose", node)
    if node.op in ("columns_sum", "rows_sum") and node.args[0].shape[0] == node.args[0].shape[1]:
        other = "rows_sum" if node.op == "columns_sum" else "columns_sum"
        yield apply("transpose", apply(other, node.args[0]))
    if node.op == "matmul" and node.args[0].shape == node.args[1].shape == node.shape:
        yield replace(node, args=node.args[::-1])
