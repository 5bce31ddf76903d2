"""Typed expressions: trees of operations in which every node knows its symbolic shape and its place in the source.

Every value is a matrix with two dimensions. A scalar is a 1 x 1 matrix, a row vector 1 x n, a column vector m x 1. A
dimension is a positive integer or the name of a size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeAlias

from eqgen.language.model import Span

Dim: TypeAlias = int | str
Shape: TypeAlias = tuple[Dim, Dim]

SCALAR: Shape = (1, 1)


def shape_text(shape: Shape) -> str:
    return f"{shape[0]} x {shape[1]}"


@dataclass(frozen=True, slots=True)
class Node:
    """Base class. `span` is where the expression stands in its file; it takes no part in comparisons."""

    shape: Shape
    span: Span | None = field(default=None, compare=False, repr=False, kw_only=True)

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """A named matrix: input, parameter, intermediate value, number of a header."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """An exact rational number, 1 x 1."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Size(Node):
    """A size used as a number, 1 x 1: the N in `X / N`."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """A row of the operation table applied to operands. `sizes` holds the operands that are sizes: the N of
    `row_repeat(b, N)`, and the bound index of `row` and `column`."""

    op: str
    args: tuple[Node, ...]
    sizes: tuple[Dim, ...] = ()


@dataclass(frozen=True, slots=True)
class Invoke(Node):
    """A call of a function defined in a `.eq` file, or of an activation; `derivative` is 1 for `act'(Z)`, and 2 for
    act''(Z), which no file contains, but Hessian-vector products do.

    `arguments` are the matrix operands first, then the numbers of the header in order.
    """

    function: str
    args: tuple[Node, ...]
    derivative: int = 0


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """`jacobian(y, z)` (shape m x n for vectors y of m, z of n entries) or `gradient(L, X)` (shape of X)."""

    kind: str
    of: Node
    wrt: Symbol


def constant(value: int | Fraction, span: Span | None = None) -> Constant:
    return Constant(SCALAR, Fraction(value), span=span)


def size(dim: Dim, span: Span | None = None) -> Node:
    """A dimension as a number."""
    return constant(dim, span) if isinstance(dim, int) else Size(SCALAR, dim, span=span)


def apply(op: str, *args: Node, sizes: tuple[Dim, ...] = (), span: Span | None = None) -> Apply:
    """The operation applied to operands; its shape comes from the table.

    Raises ShapeMismatch when the shapes do not fit, KeyError for a name that is not in the table.
    """
    from eqgen.algebra.operations import TABLE

    return Apply(TABLE[op].shape(tuple(a.shape for a in args), sizes), op, args, sizes, span=span)


def children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, (Apply, Invoke)):
        return node.args
    if isinstance(node, Derivative):
        return (node.of, node.wrt)
    return ()


def with_children(node: Node, args: tuple[Node, ...]) -> Node:
    """The same node over other operands; its shape stays (operands of equal shapes are expected)."""
    if isinstance(node, (Apply, Invoke)):
        return node if all(a is b for a, b in zip(args, node.args, strict=True)) else replace(node, args=args)
    if isinstance(node, Derivative):
        wrt = args[1]
        assert isinstance(wrt, Symbol)
        return replace(node, of=args[0], wrt=wrt)
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def distinct(node: Node) -> Iterator[Node]:
    """Like `walk`, but what is shared comes once: a chain of `let y = x + x` doubles the tree with every line."""
    seen: set[int] = set()
    pending = [node]
    while pending:
        n = pending.pop()
        if id(n) not in seen:
            seen.add(id(n))
            yield n
            pending.extend(reversed(children(n)))


def shared(node: Node) -> Node:
    """The same expression in which equal parts are one node, so that each is visited once."""
    known: dict[object, Node] = {}

    def unique(n: Node) -> Node:
        below = tuple(id(child) for child in children(n))
        head = replace(n, args=()) if isinstance(n, (Apply, Invoke)) else n
        return known.setdefault((head, below), n)

    return rewrite(node, unique)


def tree_size(node: Node) -> int:
    """How many nodes the expression has as it is written, where what is shared counts every time."""
    known: dict[int, int] = {}

    def visit(n: Node) -> int:
        if id(n) not in known:
            known[id(n)] = 1 + sum(visit(child) for child in children(n))
        return known[id(n)]

    return visit(node)


def operation_count(node: Node) -> int:
    """Operations and calls in the expression as it is written."""
    known: dict[int, int] = {}

    def visit(n: Node) -> int:
        if id(n) not in known:
            known[id(n)] = isinstance(n, (Apply, Invoke)) + sum(visit(child) for child in children(n))
        return known[id(n)]

    return visit(node)


def symbols(node: Node) -> frozenset[str]:
    """Names of the symbols that occur in the expression."""
    return frozenset(n.name for n in distinct(node) if isinstance(n, Symbol))


def sizes_used(node: Node) -> frozenset[str]:
    """Names of the sizes that occur as numbers, as operands or in a shape."""
    found: set[Dim] = set()
    for n in distinct(node):
        found.update(n.shape)
        if isinstance(n, Size):
            found.add(n.name)
        elif isinstance(n, Apply) and n.op not in ("row", "column"):
            found.update(n.sizes)
    return frozenset(d for d in found if isinstance(d, str))


def rewrite(node: Node, rule: Callable[[Node], Node]) -> Node:
    """Apply `rule` to every node, innermost first; what is shared is rewritten once and stays shared."""
    known: dict[int, Node] = {}

    def visit(n: Node) -> Node:
        if id(n) not in known:
            args = tuple(visit(child) for child in children(n))
            known[id(n)] = rule(with_children(n, args) if args else n)
        return known[id(n)]

    return visit(node)


def substitute(node: Node, values: dict[str, Node]) -> Node:
    """Replace symbols by expressions of the same shape."""
    return rewrite(node, lambda n: values.get(n.name, n) if isinstance(n, Symbol) else n)


def rename_sizes(node: Node, dims: dict[str, Dim]) -> Node:
    """Replace sizes everywhere: in shapes, in operands and where a size is a number."""

    def dim(d: Dim) -> Dim:
        return dims.get(d, d) if isinstance(d, str) else d

    def rule(n: Node) -> Node:
        shape = (dim(n.shape[0]), dim(n.shape[1]))
        if isinstance(n, Size):
            return size(dim(n.name), n.span)
        if isinstance(n, Apply):
            return replace(n, shape=shape, sizes=tuple(dim(s) for s in n.sizes))
        return replace(n, shape=shape)

    return rewrite(node, rule)
