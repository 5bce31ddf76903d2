"""Programs over transposed batches: the same function with its examples in columns instead of rows.

A sparse weight acts on one feature of all examples at a time. With the examples in columns, X: D x N, these are
contiguous, and between one sparse layer and the next nothing needs to be transposed. The program is rewritten by the
rules of transposition, (A B)' = B' A', rows_sum(X)' = columns_sum(X') and so on; where there is none, a transposition
stays in the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import (
    Apply,
    Dim,
    Invoke,
    Node,
    Shape,
    Size,
    Symbol,
    apply,
    children,
    symbols,
    walk,
    with_children,
)
from eqgen.algebra.operations import TABLE
from eqgen.optimize.lower import LoweredLayer, function_of_steps
from eqgen.optimize.program import Function
from eqgen.optimize.training import BackwardParts, backward_parts

SUFFIX = "columns"

_MIRRORED = {
    "rows_sum": "columns_sum", "columns_sum": "rows_sum",
    "rows_mean": "columns_mean", "columns_mean": "rows_mean",
    "rows_max": "columns_max", "columns_max": "rows_max",
    "row_repeat": "column_repeat", "column_repeat": "row_repeat",
}  # fmt: skip
"""Operations on rows, and what they become on the columns of the transposed matrix."""


def in_columns(function: Function, batch: Dim, entrywise: Iterable[str]) -> Function:
    """The function over transposed matrices wherever rows are examples.

    batch      the number of examples: matrices with so many rows are taken, kept and given transposed
    entrywise  names that are called entry by entry: activations
    """
    transposing = _Transposing(batch, frozenset(entrywise))
    steps = tuple(
        replace(
            s, value=transposing.flipped(s.value) if transposing.flips(s.value.shape) else transposing.plain(s.value)
        )
        for s in function.steps
    )
    arguments = [replace(a, shape=transposing.stored(a.shape)) for a in function.arguments]
    results = [(name, transposing.stored(shape)) for name, shape in function.results]
    needed = {name for s in steps for name in symbols(s.value)}
    keep = [a.name for a in arguments if a.role != "pattern" or a.name in needed]
    name = f"{function.name}_{SUFFIX}"
    title = f"{function.title.rstrip('.')}; examples are columns"
    return function_of_steps(name, arguments, steps, results, title, function.origin, keep)


def columns_of_layer(layer: LoweredLayer, module: Module) -> tuple[Function, BackwardParts] | None:
    """Forward and the parts of backward over transposed batches, where this suits a layer: its weights are sparse.

    A batch may then be filled up with examples whose gradients are zero: every example is computed by itself, and they
    add nothing to the gradients of parameters. None where examples depend on each other, or the rows of X are none.
    """
    d = layer.definition
    x = next(d.with_role("input"))
    batch = x.shape[0]
    drawn = any(batch in v.shape for v in d.with_role("random"))
    if not layer.sparse or x.index_size is not None or isinstance(batch, int) or drawn or layer.update is not None:
        return None
    values = [s.value for s in layer.forward.steps]
    counted = any(isinstance(n, Size) and n.name == batch for s in layer.backward.steps for n in walk(s.value))
    if counted or not all(_is_apart(v, batch) for v in values):
        return None
    parts = backward_parts(layer, sampled=True)
    names = [a.name for a in module.of_kind("activation")] + list(d.activations)

    def turned(function: Function | None) -> Function | None:
        return None if function is None else in_columns(function, batch, names)

    forward = in_columns(layer.forward, batch, names)
    return forward, BackwardParts(turned(parts.gradients), turned(parts.input_gradient), parts.products)


def _is_apart(node: Node, batch: Dim) -> bool:
    """Whether an example of the result depends on the same example of the operands only."""
    if isinstance(node, Size):
        return node.name != batch
    carried = any(batch in c.shape for c in children(node))
    return (not carried or node.shape.count(batch) == 1) and all(_is_apart(c, batch) for c in children(node))


@dataclass(frozen=True)
class _Transposing:
    batch: Dim
    entrywise: frozenset[str]

    def flips(self, shape: Shape) -> bool:
        return shape[0] == self.batch and shape[1] != self.batch

    def stored(self, shape: Shape) -> Shape:
        return shape[::-1] if self.flips(shape) else shape

    def plain(self, node: Node) -> Node:
        """The value over matrices as they are stored now."""
        if self.flips(node.shape):
            return _transpose(self.flipped(node))
        if isinstance(node, Apply) and node.op == "transpose" and self.flips(node.args[0].shape):
            return self.flipped(node.args[0])
        if isinstance(node, Apply) and node.op in _MIRRORED and self.flips(node.args[0].shape):
            return _transpose(apply(_MIRRORED[node.op], self.flipped(node.args[0]), sizes=node.sizes, span=node.span))
        if isinstance(node, Apply) and node.op == "elements_sum" and self.flips(node.args[0].shape):
            return with_children(node, (self.flipped(node.args[0]),))
        if isinstance(node, (Apply, Invoke)):
            return with_children(node, tuple(self.plain(a) for a in children(node)))
        return node

    def flipped(self, node: Node) -> Node:
        """The transpose of the value."""
        if isinstance(node, Symbol):
            return replace(node, shape=node.shape[::-1]) if self.flips(node.shape) else _transpose(node)
        if isinstance(node, Invoke) and node.function in self.entrywise:
            return replace(node, shape=node.shape[::-1], args=tuple(self.operand(a) for a in node.args))
        if isinstance(node, Apply):
            if node.op == "transpose":
                return self.plain(node.args[0])
            if node.op == "matmul":
                left, right = node.args
                return apply("matmul", self.flipped(right), self.flipped(left), span=node.span)
            if node.op in _MIRRORED:
                return apply(_MIRRORED[node.op], self.flipped(node.args[0]), sizes=node.sizes, span=node.span)
            if node.op in ("zeros", "ones"):
                return apply(node.op, sizes=(node.sizes * 2)[1::-1] if len(node.sizes) > 1 else (1, *node.sizes))
            if node.op in TABLE and TABLE[node.op].entrywise:
                return replace(node, shape=node.shape[::-1], args=tuple(self.operand(a) for a in node.args))
        if isinstance(node, (Apply, Invoke)):
            return _transpose(with_children(node, tuple(self.plain(a) for a in children(node))))
        return _transpose(node)

    def operand(self, node: Node) -> Node:
        """An operand of what acts entry by entry; a number stays as it is."""
        return self.plain(node) if node.is_scalar else self.flipped(node)


def _transpose(node: Node) -> Node:
    if isinstance(node, Apply) and node.op == "transpose":
        return node.args[0]
    return apply("transpose", node)
