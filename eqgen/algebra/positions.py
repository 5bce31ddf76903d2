"""Sub-expressions by their place in an expression: a path of operand numbers from the root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from eqgen.algebra.expressions import SCALAR, Apply, Invoke, Node, Shape, children, with_children
from eqgen.algebra.operations import TABLE

Path: TypeAlias = tuple[int, ...]

PRODUCT_OPS = ("hadamard", "scale", "negate")
"""A factor inside of one of these is a factor of the whole."""
LINEAR_OPS = (
    *PRODUCT_OPS, "matmul", "dot", "transpose", "diag", "Diag", "row_repeat", "column_repeat", "rows_sum",
    "columns_sum", "elements_sum", "rows_mean", "columns_mean", "row", "column",
)  # fmt: skip
"""A number that multiplies an operand of one of these multiplies the whole."""


def positions(root: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every operation, call, name and number with its path, outermost first."""
    yield path, root
    if isinstance(root, (Apply, Invoke)):
        for k, child in enumerate(root.args):
            yield from positions(child, (*path, k))


def at(root: Node, path: Path) -> Node:
    for k in path:
        root = children(root)[k]
    return root


def put(root: Node, path: Path, new: Node) -> Node:
    """The expression with another one, of the same shape, at a place."""
    if not path:
        return new
    args = list(children(root))
    args[path[0]] = put(args[path[0]], path[1:], new)
    return with_children(root, tuple(args))


def parent(root: Node, path: Path) -> Node | None:
    return at(root, path[:-1]) if path else None


def is_linear_in(node: Node | None, operand: int) -> bool:
    """Whether a number that multiplies this operand may as well multiply the result."""
    return isinstance(node, Apply) and (node.op in LINEAR_OPS or (node.op == "divide" and operand == 0))


def is_term(root: Node, path: Path) -> bool:
    """Whether a coefficient here belongs to no larger term: the root, operands of sums and of functions."""
    return not path or not is_linear_in(parent(root, path), path[-1])


def is_product(root: Node, path: Path) -> bool:
    """Whether a factor here belongs to no larger entrywise product; a transpose is the business of its operand."""
    above = parent(root, path)
    inside = isinstance(above, Apply) and (above.op in PRODUCT_OPS or (above.op == "divide" and path[-1] == 0))
    return not inside and getattr(at(root, path), "op", "") != "transpose"


def fitting(root: Node, path: Path, entrywise: bool) -> tuple[Shape, ...]:
    """The shapes that an expression at a place may have. In functions of scalars numbers and matrices mix."""
    shape, above = at(root, path).shape, parent(root, path)
    if not entrywise:
        return (shape,)
    if shape != SCALAR:
        return (shape, SCALAR)
    wide = isinstance(above, Apply) and TABLE[above.op].entrywise and above.shape != SCALAR and above.op != "scale"
    return (shape, above.shape) if wide and above is not None else (shape,)


def count(node: Node) -> int:
    """How many operations, calls, names and numbers an expression has."""
    return 1 + sum(map(count, children(node)))
