"""Exchanging rows and columns in a sum that is repeated: the same shapes, another meaning."""

from __future__ import annotations

from eqgen.algebra.expressions import Apply, Node, apply
from eqgen.algebra.operations import TABLE, ShapeMismatch

REDUCTIONS = {
    "rows_sum": "columns_sum", "rows_mean": "columns_mean", "rows_max": "columns_max",
    "columns_sum": "rows_sum", "columns_mean": "rows_mean", "columns_max": "rows_max",
}  # fmt: skip
REPEATS = {"column_repeat": ("row_repeat", 0), "row_repeat": ("column_repeat", 1)}
"""The repeat in the other direction, and the axis of the result that tells how often."""


def exchanged(node: Node) -> Node | None:
    """`column_repeat(rows_sum(X), K)` as `row_repeat(columns_sum(X), N)` and back; a sum over a square matrix as the
    transposed sum over the other axis. None where there is nothing to exchange."""
    if not isinstance(node, Apply):
        return None
    try:
        if node.op in REPEATS:
            turned = _turned(node.args[0])
            if turned is None:
                return None
            op, axis = REPEATS[node.op]
            other = apply(op, turned, sizes=(node.shape[axis],))
        elif node.op in REDUCTIONS:
            other = apply("transpose", apply(REDUCTIONS[node.op], node.args[0]))
        else:
            return None
    except ShapeMismatch:
        return None
    return other if other.shape == node.shape else None


def _turned(vector: Node) -> Node | None:
    """A column of row-wise results as the row of column-wise ones, and back."""
    if not isinstance(vector, Apply):
        return None
    if vector.op in REDUCTIONS:
        return apply(REDUCTIONS[vector.op], vector.args[0])
    if vector.op == "transpose" and (product := _diagonal_product(vector.args[0])) is not None:
        return apply("diag", product)
    if (product := _diagonal_product(vector)) is not None:
        return apply("transpose", apply("diag", product))
    if TABLE[vector.op].entrywise:
        args = [a if a.is_scalar else _turned(a) for a in vector.args]
        if all(a is not None for a in args):
            return apply(vector.op, *(a for a in args if a is not None), sizes=vector.sizes)
    return None


def _diagonal_product(node: Node) -> Node | None:
    """Y X for diag(X Y): its diagonal sums the same products over the other axis."""
    if isinstance(node, Apply) and node.op == "diag":
        inner = node.args[0]
        if isinstance(inner, Apply) and inner.op == "matmul":
            return apply("matmul", inner.args[1], inner.args[0])
    return None
