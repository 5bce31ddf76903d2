"""Rows that create, move, multiply and reduce matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.expressions import SCALAR, Apply, Dim, Node, Shape, apply, shape_text, size
from eqgen.algebra.operations.row import (
    Operation,
    ShapeMismatch,
    averaged,
    column_vector,
    elements,
    free,
    multilinear,
    multiplied,
    operand_elements,
    require,
    row_vector,
)

ZERO, ONE = Fraction(0), Fraction(1)


def _symbolic(name: str) -> Callable[..., Any]:
    def build(*operands: Any) -> Any:
        from eqgen.algebra.symbolic import structural

        return structural(name, *operands)

    return build


def _filled(value: Any, shape: tuple[int, int]) -> Any:
    result = np.empty(shape, dtype=object)
    result.fill(value)
    return result


def _total(field: Any, values: Any) -> Any:
    total = field.number(ZERO)
    for value in values:
        total = total + value
    return total


def _reduced(field: Any, array: Any, axis: int, combine: Callable[[Any], Any]) -> Any:
    """Combine the entries of every column (axis 0) or row (axis 1)."""
    lines = [array[:, j] for j in range(array.shape[1])] if axis == 0 else [array[i, :] for i in range(array.shape[0])]
    result = np.empty((1, len(lines)) if axis == 0 else (len(lines), 1), dtype=object)
    for k, line in enumerate(lines):
        result[(0, k) if axis == 0 else (k, 0)] = combine(list(line))
    return result


def _mean(field: Any) -> Callable[[Any], Any]:
    return lambda v: _total(field, v) * field.power(field.number(Fraction(len(v))), field.number(-ONE))


def _created_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    return (sizes[0], sizes[1] if len(sizes) == 2 else 1)


def _matmul_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    (m, n), (p, k) = shapes
    if n != p:
        raise ShapeMismatch(
            f"the product of {shape_text(shapes[0])} and {shape_text(shapes[1])} has different inner sizes {n} and {p}",
            f"a right operand with {n} rows",
            1,
            "E202",
        )
    return (m, k)


def _matmul_explicit(field: Any, arrays: Any, sizes: Any) -> Any:
    x, y = arrays
    result = np.empty((x.shape[0], y.shape[1]), dtype=object)
    for i, j in np.ndindex(*result.shape):
        result[i, j] = _total(field, [x[i, k] * y[k, j] for k in range(x.shape[1])])
    return result


def _dot_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    require(1 in shapes[0], shapes[0], "a vector", 0)
    require(shapes[1] == shapes[0], shapes[1], f"a vector of the same shape, {shape_text(shapes[0])}", 1)
    return SCALAR


def _diag_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    require(shapes[0][0] == shapes[0][1], shapes[0], "a square matrix (diag takes its diagonal)", 0)
    return (shapes[0][0], 1)


def _diagonal_matrix_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    require(1 in shapes[0], shapes[0], "a vector (Diag makes a diagonal matrix of it)", 0)
    n = shapes[0][1] if shapes[0][0] == 1 else shapes[0][0]
    return (n, n)


def _diagonal_matrix(field: Any, arrays: Any, sizes: Any) -> Any:
    flat = list(arrays[0].flat)
    result = _filled(field.number(ZERO), (len(flat), len(flat)))
    for i, value in enumerate(flat):
        result[i, i] = value
    return result


def _vector_entry(operand: Any, i: Any) -> Any:
    return operand.at(0, i) if operand.shape[0] == 1 else operand.at(i, 0)


def _vector_like(vector: Node, column: Node) -> Node:
    """A column as a row where the vector is a row."""
    return column if vector.shape[1] == 1 else apply("transpose", column)


def _inverse(field: Any, dim: Any) -> Any:
    return field.power(field.size(dim), field.number(-ONE))


def _identity(field: Any, arrays: Any, sizes: Any) -> Any:
    result = _filled(field.number(ZERO), (sizes[0], sizes[0]))
    for i in range(sizes[0]):
        result[i, i] = field.number(ONE)
    return result


def _row(name: str, notation: str, latex: str, **cells: Any) -> Operation:
    """A row; where no tangent is given, the operation is linear in each operand."""
    return Operation(
        name=name, notation=notation, latex=latex, symbolic=_symbolic(name), **({"tangent": multilinear} | cells)
    )


def _no_operand(node: Apply, gradient: Node) -> tuple[Node | None, ...]:
    return ()


def _repeat_columns(x: Node, n: Dim) -> Node:
    return apply("column_repeat", x, sizes=(n,))


def _repeat_rows(x: Node, m: Dim) -> Node:
    return apply("row_repeat", x, sizes=(m,))


def _divided(x: Node, dim: Dim) -> Node:
    return apply("divide", x, size(dim))


def _maximum_adjoint(axis: int) -> Callable[[Apply, Node], tuple[Node | None, ...]]:
    """The gradient goes to the entries that attain the maximum. At a tie every one of them gets it: not a gradient
    there, which is why the table states that ties are excluded."""

    def adjoint(node: Apply, gradient: Node) -> tuple[Node | None, ...]:
        x = node.args[0]
        repeat = _repeat_rows if axis == 0 else _repeat_columns
        best, spread = repeat(node, x.shape[axis]), repeat(gradient, x.shape[axis])
        return (apply("where", apply("equal", x, best), spread, apply("zeros", sizes=x.shape)),)

    return adjoint


def _maximum_tangent(axis: int) -> Callable[[Apply, Sequence[Node | None]], Node | None]:
    """The maximum moves with the entry that attains it; at a tie, which the table excludes, with all of them."""

    def tangent(node: Apply, tangents: Sequence[Node | None]) -> Node | None:
        (x,), (moved,) = node.args, tangents
        if moved is None:
            return None
        repeat, total = (_repeat_rows, "columns_sum") if axis == 0 else (_repeat_columns, "rows_sum")
        attained = apply("equal", x, repeat(node, x.shape[axis]))
        return apply(total, apply("where", attained, moved, apply("zeros", sizes=x.shape)))

    return tangent


CREATION: tuple[Operation, ...] = (
    _row("zeros", "0_{mn}", r"0_{{{s0}{s1}}}", arity=0, size_counts=(1, 2), shape=_created_shape,
         entry=lambda f, x, s, i, j: f.number(ZERO),
         explicit=lambda f, x, s: _filled(f.number(ZERO), (s[0], s[1] if len(s) == 2 else 1)),
         adjoint=_no_operand, flops=free, note="With one size a column vector, m x 1."),
    _row("ones", "1_{mn}", r"1_{{{s0}{s1}}}", arity=0, size_counts=(1, 2), shape=_created_shape,
         entry=lambda f, x, s, i, j: f.number(ONE),
         explicit=lambda f, x, s: _filled(f.number(ONE), (s[0], s[1] if len(s) == 2 else 1)),
         adjoint=_no_operand, flops=free, note="With one size a column vector, m x 1."),
    _row("identity", "𝕀_n", r"\mathbb{{I}}_{{{s0}}}", arity=0, size_counts=(1,), shape=lambda x, s: (s[0], s[0]),
         entry=lambda f, x, s, i, j: f.delta(i, j), explicit=_identity, adjoint=_no_operand, flops=free),
)  # fmt: skip

MOVES: tuple[Operation, ...] = (
    _row("transpose", "Xᵀ", r"{0}^\top", arity=1, shape=lambda x, s: (x[0][1], x[0][0]),
         entry=lambda f, x, s, i, j: x[0].at(j, i), explicit=lambda f, x, s: x[0].T,
         adjoint=lambda node, d: (apply("transpose", d),), flops=free, memory=free),
    _row("diag", "diag(X)", r"\mathrm{{diag}}({0})", arity=1, shape=_diag_shape,
         entry=lambda f, x, s, i, j: x[0].at(i, i), explicit=lambda f, x, s: np.diagonal(x[0]).reshape(-1, 1),
         adjoint=lambda node, d: (apply("Diag", d),), flops=free, reads=elements, note="A column vector, m x 1."),
    _row("Diag", "Diag(x)", r"\mathrm{{Diag}}({0})", arity=1, shape=_diagonal_matrix_shape,
         entry=lambda f, x, s, i, j: f.delta(i, j) * _vector_entry(x[0], i), explicit=_diagonal_matrix,
         adjoint=lambda node, d: (_vector_like(node.args[0], apply("diag", d)),), flops=free),
    _row("column_repeat", "x·1_nᵀ", r"{0} \cdot 1_{{{s0}}}^\top", arity=1, size_counts=(1,),
         shape=lambda x, s: (column_vector(x[0]), s[0]), entry=lambda f, x, s, i, j: x[0].at(i, 0),
         explicit=lambda f, x, s: np.repeat(x[0], s[0], axis=1), adjoint=lambda node, d: (apply("rows_sum", d),),
         flops=free, memory=free),
    _row("row_repeat", "1_m·x", r"1_{{{s0}}} \cdot {0}", arity=1, size_counts=(1,),
         shape=lambda x, s: (s[0], row_vector(x[0])), entry=lambda f, x, s, i, j: x[0].at(0, j),
         explicit=lambda f, x, s: np.repeat(x[0], s[0], axis=0), adjoint=lambda node, d: (apply("columns_sum", d),),
         flops=free, memory=free),
    _row("row", "x_i", r"{{{0}}}_{{{s0}}}", arity=1, size_counts=(1,), shape=lambda x, s: (1, x[0][1]),
         entry=lambda f, x, s, i, j: x[0].at(s[0], j), explicit=lambda f, x, s: x[0][s[0] : s[0] + 1, :],
         adjoint=lambda node, d: (None,), flops=free, memory=free,
         note="In lemmas only: row i of a matrix, for each i."),
    _row("column", "x^j", r"{{{0}}}^{{{s0}}}", arity=1, size_counts=(1,), shape=lambda x, s: (x[0][0], 1),
         entry=lambda f, x, s, i, j: x[0].at(i, s[0]), explicit=lambda f, x, s: x[0][:, s[0] : s[0] + 1],
         adjoint=lambda node, d: (None,), flops=free, memory=free,
         note="In lemmas only: column j of a matrix, for each j."),
)  # fmt: skip

PRODUCTS: tuple[Operation, ...] = (
    _row("matmul", "X·Y", r"{0} \cdot {1}", arity=2, shape=_matmul_shape,
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[1], lambda k: x[0].at(i, k) * x[1].at(k, j)),
         explicit=_matmul_explicit,
         adjoint=lambda node, d: (apply("matmul", d, apply("transpose", node.args[1])),
                                  apply("matmul", apply("transpose", node.args[0]), d)),
         flops=multiplied),
    _row("dot", "xᵀy", r"\langle {0}, {1} \rangle", arity=2, shape=_dot_shape,
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[0], lambda a: f.sum(x[0].shape[1],
               lambda b: x[0].at(a, b) * x[1].at(a, b))),
         explicit=lambda f, x, s: _filled(_total(f, (x[0] * x[1]).flat), (1, 1)),
         adjoint=lambda node, d: (apply("scale", d, node.args[1]), apply("scale", d, node.args[0])),
         flops=lambda out, args: 2 * args[0][0] * args[0][1], note="1 x 1, for two row or two column vectors."),
)  # fmt: skip

REDUCTIONS: tuple[Operation, ...] = (
    _row("elements_sum", "1_mᵀ·X·1_n", r"1_{{{m}}}^\top \cdot {0} \cdot 1_{{{n}}}", arity=1, shape=lambda x, s: SCALAR,
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[0], lambda a: f.sum(x[0].shape[1], lambda b: x[0].at(a, b))),
         explicit=lambda f, x, s: _filled(_total(f, x[0].flat), (1, 1)),
         adjoint=lambda node, d: (apply("scale", d, apply("ones", sizes=node.args[0].shape)),), flops=operand_elements),
    _row("columns_sum", "1_mᵀ·X", r"1_{{{m}}}^\top \cdot {0}", arity=1, shape=lambda x, s: (1, x[0][1]),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[0], lambda k: x[0].at(k, j)),
         explicit=lambda f, x, s: _reduced(f, x[0], 0, lambda v: _total(f, v)),
         adjoint=lambda node, d: (_repeat_rows(d, node.args[0].shape[0]),), flops=operand_elements),
    _row("rows_sum", "X·1_n", r"{0} \cdot 1_{{{n}}}", arity=1, shape=lambda x, s: (x[0][0], 1),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[1], lambda k: x[0].at(i, k)),
         explicit=lambda f, x, s: _reduced(f, x[0], 1, lambda v: _total(f, v)),
         adjoint=lambda node, d: (_repeat_columns(d, node.args[0].shape[1]),), flops=operand_elements),
    _row("columns_mean", "(1_mᵀ·X)/m", r"\tfrac{{1}}{{{m}}} 1_{{{m}}}^\top \cdot {0}", arity=1,
         shape=lambda x, s: (1, x[0][1]),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[0], lambda k: x[0].at(k, j)) * _inverse(f, x[0].shape[0]),
         explicit=lambda f, x, s: _reduced(f, x[0], 0, _mean(f)),
         adjoint=lambda node, d: (_repeat_rows(_divided(d, node.args[0].shape[0]), node.args[0].shape[0]),),
         flops=averaged,
         note="Table 1 of the paper divides by n, the number of columns. A column of an m x n matrix has m entries, so "
              "the divisor is m."),
    _row("rows_mean", "(X·1_n)/n", r"\tfrac{{1}}{{{n}}} {0} \cdot 1_{{{n}}}", arity=1, shape=lambda x, s: (x[0][0], 1),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[1], lambda k: x[0].at(i, k)) * _inverse(f, x[0].shape[1]),
         explicit=lambda f, x, s: _reduced(f, x[0], 1, _mean(f)),
         adjoint=lambda node, d: (_repeat_columns(_divided(d, node.args[0].shape[1]), node.args[0].shape[1]),),
         flops=averaged,
         note="Table 1 of the paper divides by m, the number of rows. A row of an m x n matrix has n entries, so the "
              "divisor is n."),
    _row("columns_max", "max(X)_col", r"\max({0})_{{\mathrm{{col}}}}", arity=1, shape=lambda x, s: (1, x[0][1]),
         entry=lambda f, x, s, i, j: f.maximum_over(x[0].shape[0], lambda k: x[0].at(k, j)),
         explicit=lambda f, x, s: _reduced(f, x[0], 0, f.maximum), adjoint=_maximum_adjoint(0),
         tangent=_maximum_tangent(0), flops=operand_elements,
         domain="no ties, for the gradient"),
    _row("rows_max", "max(X)_row", r"\max({0})_{{\mathrm{{row}}}}", arity=1, shape=lambda x, s: (x[0][0], 1),
         entry=lambda f, x, s, i, j: f.maximum_over(x[0].shape[1], lambda k: x[0].at(i, k)),
         explicit=lambda f, x, s: _reduced(f, x[0], 1, f.maximum), adjoint=_maximum_adjoint(1),
         tangent=_maximum_tangent(1), flops=operand_elements,
         domain="no ties, for the gradient"),
)  # fmt: skip


def _gathered(axis: int) -> Callable[[Any, Any, Any], Any]:
    def explicit(field: Any, arrays: Any, sizes: Any) -> Any:
        table, index = arrays
        return np.take(table, [int(v) for v in index.flat], axis=axis)

    return explicit


def _scattered(axis: int) -> Callable[[Any, Any, Any], Any]:
    def explicit(field: Any, arrays: Any, sizes: Any) -> Any:
        index, values = arrays
        shape = (sizes[0], values.shape[1]) if axis == 0 else (values.shape[0], sizes[0])
        result = _filled(field.number(ZERO), shape)
        for k, v in enumerate(index.flat):
            place = (int(v), slice(None)) if axis == 0 else (slice(None), int(v))
            source = (k, slice(None)) if axis == 0 else (slice(None), k)
            result[place] = result[place] + values[source]
        return result

    return explicit


def _row_scatter_shape(x: tuple[Shape, ...], s: tuple[Dim, ...]) -> Shape:
    require(column_vector(x[0]) == x[1][0], x[1], f"one row for every index, {x[0][0]} x n", 1)
    return (s[0], x[1][1])


def _column_scatter_shape(x: tuple[Shape, ...], s: tuple[Dim, ...]) -> Shape:
    require(row_vector(x[0]) == x[1][1], x[1], f"one column for every index, m x {x[0][1]}", 1)
    return (x[1][0], s[0])


def _selected(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    """What is selected, and the indices; not the whole of the operand."""
    return out[0] * out[1] + args[1][0] * args[1][1]


GATHER: tuple[Operation, ...] = (
    _row("row_gather", "E[x, :]", r"{0}[{1}, :]", arity=2, shape=lambda x, s: (column_vector(x[1], 1), x[0][1]),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[0], lambda v: f.selection(x[1].at(i, 0), v) * x[0].at(v, j)),
         explicit=_gathered(0),
         adjoint=lambda node, d: (apply("row_scatter_add", node.args[1], d, sizes=(node.args[0].shape[0],)), None),
         flops=free, reads=_selected, index=1, index_below=lambda x, s: x[0][0],
         domain="indices from 0 below the number of rows",
         note="Row i of the result is row x_i of E; x is a column of integers."),
    _row("column_gather", "E[:, x]", r"{0}[:, {1}]", arity=2, shape=lambda x, s: (x[0][0], row_vector(x[1], 1)),
         entry=lambda f, x, s, i, j: f.sum(x[0].shape[1], lambda v: f.selection(x[1].at(0, j), v) * x[0].at(i, v)),
         explicit=_gathered(1),
         adjoint=lambda node, d: (apply("column_scatter_add", node.args[1], d, sizes=(node.args[0].shape[1],)), None),
         flops=free, reads=_selected, index=1, index_below=lambda x, s: x[0][1],
         domain="indices from 0 below the number of columns",
         note="Column j of the result is column x_j of E; x is a row of integers."),
    _row("row_scatter_add", "Σ_{x_i = v} G_i", r"\mathrm{{scatter}}_{{{s0}}}({0}, {1})", arity=2,
         size_counts=(1,), shape=_row_scatter_shape,
         entry=lambda f, x, s, i, j: f.sum(x[1].shape[0], lambda k: f.selection(x[0].at(k, 0), i) * x[1].at(k, j)),
         explicit=_scattered(0), adjoint=lambda node, d: (None, apply("row_gather", d, node.args[0])),
         flops=lambda out, args: args[1][0] * args[1][1], index=0, domain="indices from 0 below the size",
         note="Row v of the result is the sum of the rows of G whose index is v: repeated indices accumulate."),
    _row("column_scatter_add", "Σ_{x_j = v} G^j", r"\mathrm{{scatter}}_{{{s0}}}({0}, {1})", arity=2,
         size_counts=(1,), shape=_column_scatter_shape,
         entry=lambda f, x, s, i, j: f.sum(x[1].shape[1], lambda k: f.selection(x[0].at(0, k), j) * x[1].at(i, k)),
         explicit=_scattered(1), adjoint=lambda node, d: (None, apply("column_gather", d, node.args[0])),
         flops=lambda out, args: args[1][0] * args[1][1], index=0, domain="indices from 0 below the size",
         note="Column v of the result is the sum of the columns of G whose index is v."),
)  # fmt: skip

ROWS: tuple[Operation, ...] = CREATION + MOVES + PRODUCTS + REDUCTIONS + GATHER
