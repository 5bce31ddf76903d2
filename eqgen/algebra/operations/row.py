"""What a row of the operation table holds, and the shape rules shared by many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

from eqgen.algebra.expressions import SCALAR, Apply, Constant, Dim, Node, Shape, apply, constant, shape_text


class ShapeMismatch(Exception):
    """Operands that do not fit. `argument` is the index of the operand to point at, `expected` what would fit."""

    def __init__(self, message: str, expected: str, argument: int | None = None, code: str = "E203") -> None:
        super().__init__(message)
        self.expected = expected
        self.argument = argument
        self.code = code


class Field(Protocol):
    """Where the entries of a matrix live: rationals, floats, mpmath numbers, SymPy expressions, index forms.

    Entries support `+ - *` among themselves; everything else goes through these methods.
    """

    def number(self, value: Fraction) -> Any: ...
    def size(self, dim: Dim) -> Any: ...
    def power(self, base: Any, exponent: Any) -> Any: ...
    def function(self, name: str, *arguments: Any) -> Any: ...
    def where(self, condition: Any, yes: Any, no: Any) -> Any: ...
    def compare(self, relation: str, left: Any, right: Any) -> Any: ...
    def maximum(self, values: Sequence[Any]) -> Any: ...
    def minimum(self, values: Sequence[Any]) -> Any: ...


class IndexField(Field, Protocol):
    """A field whose entries may stand for symbolic positions: sums and maxima over a dimension are symbolic too."""

    def sum(self, dim: Dim, term: Callable[[Any], Any]) -> Any: ...
    def delta(self, i: Any, j: Any) -> Any: ...
    def maximum_over(self, dim: Dim, term: Callable[[Any], Any]) -> Any: ...
    def selection(self, index: Any, position: Any) -> Any:
        """1 where the integer `index` (an entry of an index matrix) equals `position`, else 0."""
        ...


@dataclass(frozen=True)
class Operand:
    """An operand in index form: its entry at a position, and its shape."""

    at: Callable[[Any, Any], Any]
    shape: Shape


Entry = Callable[..., Any]
"""`entry(field, operands, sizes, i, j)`: the entry at row i, column j, over an `IndexField`."""

Explicit = Callable[..., Any]
"""`explicit(field, arrays, sizes)`: the matrix at concrete sizes; two-dimensional NumPy arrays of objects."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row: everything eqgen knows about an operation, except its spelling in a target (a backend's column).

    name         the API name of Table 1 of the batch matrix-form paper
    notation     how the paper writes it
    latex        a format string over the operands {0}, {1}, the sizes {s0}, {s1} and the first operand's shape,
                 {m} x {n}
    arity        number of matrix operands
    size_counts  how many size operands there may be
    shape        shapes and sizes of the operands -> shape of the result; raises ShapeMismatch
    entry        index form (the definition; the prover folds over it)
    explicit     value at concrete sizes, written independently of `entry`
    symbolic     SymPy's MatrixExpr over symbolic sizes
    adjoint      (node, D) -> for each operand its gradient as an expression, or None for an integer or boolean one
    tangent      (node, tangents) -> the derivative of the result when each operand moves along its tangent (None: it
                 does not move), or None for a result that does not move
    flops        floating-point operations, from result shape and operand shapes (ints or SymPy symbols)
    memory       elements written; 0 for a view
    reads        elements read, from result shape and the shapes in which the operands are stored: a view reads less
    domain       what must hold of the entries ("" for nothing)
    note         what a reader should know, above all where the reference is wrong
    entrywise    the operation acts entry by entry; operands may then also be scalars
    index        the operand that holds indices, None where there is none
    index_below  what indices stay below, from the shapes and sizes of the operands
    """

    name: str
    notation: str
    latex: str
    arity: int
    shape: Callable[[tuple[Shape, ...], tuple[Dim, ...]], Shape]
    entry: Entry
    explicit: Explicit
    symbolic: Callable[..., Any]
    adjoint: Callable[[Apply, Node], tuple[Node | None, ...]]
    tangent: Callable[[Apply, Sequence[Node | None]], Node | None]
    flops: Callable[[tuple[Any, Any], tuple[tuple[Any, Any], ...]], Any]
    memory: Callable[[tuple[Any, Any], tuple[tuple[Any, Any], ...]], Any] = lambda out, args: out[0] * out[1]
    reads: Callable[[tuple[Any, Any], tuple[tuple[Any, Any], ...]], Any] = lambda out, args: sum(a * b for a, b in args)
    size_counts: tuple[int, ...] = (0,)
    domain: str = ""
    note: str = ""
    entrywise: bool = False
    index: int | None = None
    index_below: Callable[[tuple[Shape, ...], tuple[Dim, ...]], Dim] = lambda x, s: s[0]
    scalar: Callable[..., Any] | None = None
    """For an entrywise operation: its value on entries of a field."""
    partials: Callable[..., tuple[Node | None, ...]] | None = None
    """For an entrywise operation: the partial derivatives as expressions."""


# --- shape rules -----------------------------------------------------------------------------------------


def ordinal(position: int) -> str:
    return ("first", "second", "third", "fourth")[position]


def same_shape(shapes: tuple[Shape, ...], sizes: tuple[Dim, ...]) -> Shape:
    """Equal shapes, except that scalars fit everywhere (the language allows that in entrywise contexts only)."""
    wide = [s for s in shapes if s != SCALAR]
    if not wide:
        return SCALAR
    for position, shape in enumerate(shapes):
        if shape not in (SCALAR, wide[0]):
            raise ShapeMismatch(
                f"operands have shapes {' and '.join(shape_text(s) for s in shapes)}",
                f"equal shapes, so {shape_text(wide[0])} here",
                position,
                "E201",
            )
    return wide[0]


def require(condition: bool, shape: Shape, expected: str, argument: int) -> None:
    if not condition:
        raise ShapeMismatch(f"the {ordinal(argument)} operand has shape {shape_text(shape)}", expected, argument)


def column_vector(shape: Shape, argument: int = 0) -> Dim:
    require(shape[1] == 1, shape, "a column vector, m x 1", argument)
    return shape[0]


def row_vector(shape: Shape, argument: int = 0) -> Dim:
    require(shape[0] == 1, shape, "a row vector, 1 x n", argument)
    return shape[1]


# --- costs -----------------------------------------------------------------------------------------------
#
# A floating-point operation is an addition, a multiplication, a division, a comparison, a choice, or one evaluation of
# an elementary function. A sum or maximum of n entries counts n, as if it started from a number.


def elements(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    """One operation per entry of the result."""
    return out[0] * out[1]


def operand_elements(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    """One operation per entry of the operand."""
    return args[0][0] * args[0][1]


def averaged(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    """A sum, then a division of each entry of the result."""
    return args[0][0] * args[0][1] + out[0] * out[1]


def multiplied(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    """A multiplication and an addition for each term. An outer product has one term an entry, and nothing to add."""
    return (1 if args[0][1] == 1 else 2) * out[0] * out[1] * args[0][1]


def free(out: tuple[Any, Any], args: tuple[tuple[Any, Any], ...]) -> Any:
    return 0


# --- expression builders used by adjoints and tangents ---------------------------------------------------


def number(value: int | Fraction) -> Node:
    return constant(value)


def scaled(factor: Node, x: Node) -> Node:
    return apply("scale", factor, x)


def times(x: Node, y: Node) -> Node:
    """Entrywise product of two expressions of which either may be a scalar; factors 1 and -1 are not written."""
    if isinstance(y, Constant) and abs(y.value) == 1:
        return x if y.value == 1 else apply("negate", x)
    if isinstance(x, Constant) and x.value == 1:
        return y
    if (
        isinstance(y, Apply)
        and y.op == "where"
        and all(isinstance(b, Constant) and b.value in (0, 1) for b in y.args[1:])
    ):
        # A factor that is 0 or 1 only chooses.
        chosen = [x if isinstance(b, Constant) and b.value == 1 else number(0) for b in y.args[1:]]
        return apply("where", y.args[0], *chosen)
    if x.is_scalar:
        return apply("scale", x, y)
    return apply("scale", y, x) if y.is_scalar else apply("hadamard", x, y)


def reduced_to(shape: Shape, gradient: Node) -> Node:
    """Sum a gradient over all entries where the operand was a scalar that took part in every entry."""
    return apply("elements_sum", gradient) if shape == SCALAR and gradient.shape != SCALAR else gradient


def spread(x: Node, shape: Shape) -> Node:
    """A number in every entry of a matrix; a matrix stays what it is."""
    return x if x.shape == shape else apply("scale", x, apply("ones", sizes=shape))


def multilinear(node: Apply, tangents: Sequence[Node | None]) -> Node | None:
    """The tangent of what is linear in each operand: the sum over the operands that move, each in turn replaced by its
    tangent."""
    total: Node | None = None
    for position, tangent in enumerate(tangents):
        if tangent is not None:
            args = (*node.args[:position], tangent, *node.args[position + 1 :])
            part = replace(node, args=args, span=None)
            total = part if total is None else apply("add", total, part)
    return total
