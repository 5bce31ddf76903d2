"""Kernels over sparse matrices, row by row: statements that only need their own rows run together for a range of rows.

The rows of `Z = S * B` are computed one by one, and what follows, a bias, an activation, sums of rows, reads them where
they were made. Such statements become the body of one loop over ranges of rows: threads are woken once, each has rows
with about as many stored entries, and what is computed stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.expressions import Apply, Dim, Node, Shape, children, symbols
from eqgen.backends.entries import MOVED, Loop
from eqgen.optimize.storage import pattern_name, values_shape

_IN_ROW = {"column_repeat", "column", "zeros", "ones"}
"""Operations that say where an entry comes from, and stay in its row."""


@dataclass(frozen=True)
class Statement:
    """A statement that fills a matrix row by row.

    text        for all rows; "" where it has no such form
    by_rows     for the range `rows` of rows
    rows        how many rows there are
    written     the matrix that is filled
    everywhere  matrices that are read in other rows, too
    sparse      of a product of a sparse matrix: its pattern, and the columns of the dense operands
    """

    text: str
    by_rows: str
    rows: Dim
    written: str
    everywhere: frozenset[str] = frozenset()
    sparse: tuple[str, str] | None = None


@dataclass
class Group:
    """Pieces that run together for a range of rows, each behind its comments.

    rows   the pattern of the sparse products among them, by which rows are shared out; else the number of rows
    width  of the dense operands
    """

    rows: str
    width: str
    pieces: list[str | Statement | Loop] = field(default_factory=list)

    def lines(self, print_loop: Callable[[Loop], Sequence[str]]) -> list[str]:
        body: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, Loop):
                body += print_loop(piece)
            else:
                body.append(piece.by_rows if isinstance(piece, Statement) else piece)
        return [
            f"each_rows<Scalar>({self.rows}, {self.width}, [&](Rows rows) {{",
            *(f"    {line}" for line in body),
            "});",
        ]


Piece = str | Statement | Loop


def grouped(pieces: Sequence[Piece], patterns: Mapping[str, Shape]) -> Iterator[Piece | Group]:
    """The pieces in order, those that run together as groups. `patterns` are those of sparse matrices, with shapes."""
    waiting: list[Piece] = []
    for piece in pieces:
        if _is_comment(piece) or _joins(piece, waiting, patterns):
            waiting.append(piece)
            continue
        yield from _closed(waiting, patterns)
        waiting = [piece] if _rows(piece, patterns) is not None else []
        if not waiting:
            yield piece
    yield from _closed(waiting, patterns)


def moved_rows(node: Node) -> frozenset[str]:
    """The matrices of which a loop over an expression reads other rows than its own."""
    if isinstance(node, Apply) and node.op in MOVED and node.op not in _IN_ROW:
        return frozenset(symbols(node))
    return frozenset().union(*(moved_rows(c) for c in children(node)))


def _is_comment(piece: Piece) -> bool:
    return isinstance(piece, str) and piece.startswith("//")


def _closed(waiting: list[Piece], patterns: Mapping[str, Shape]) -> Iterator[Piece | Group]:
    """A group, where they are several or a sparse product; comments behind the last statement are none of its."""
    last = next((n for n in range(len(waiting), 0, -1) if not _is_comment(waiting[n - 1])), 0)
    own, rest = waiting[:last], waiting[last:]
    statements = [p for p in own if not _is_comment(p)]
    sparse = next((p.sparse for p in statements if isinstance(p, Statement) and p.sparse), None)
    if sparse is None and len(statements) > 1:
        sparse = str(_rows(statements[0], patterns)), _width(statements)
    if sparse is None:
        yield from own
    else:
        yield Group(*sparse, [_over_rows(p, patterns) for p in own])
    yield from rest


def _width(pieces: Sequence[Piece]) -> str:
    """The columns of the widest loop among them."""
    return next((str(p.shape[1]) for p in pieces if isinstance(p, Loop) and p.shape[1] != 1), "1")


def _over_rows(piece: Piece, patterns: Mapping[str, Shape]) -> Piece:
    if not isinstance(piece, Loop):
        return piece
    owner = _owner(piece.shape, patterns)
    if owner is None and piece.is_flat():
        return replace(piece, over=f"rows.times({piece.shape[1]})", is_over_entries=True)
    return replace(piece, over=f"rows, {owner or piece.shape[1]}", is_over_entries=owner is not None)


def _owner(shape: Shape, patterns: Mapping[str, Shape]) -> str | None:
    """The pattern whose entries a matrix of this shape holds."""
    return next((p for p in patterns if shape == values_shape(p.removesuffix(pattern_name("")))), None)


def _rows(piece: Piece, patterns: Mapping[str, Shape]) -> Dim | None:
    """The rows over which a piece runs one by one; None where it does not."""
    if isinstance(piece, Statement):
        return piece.rows
    if isinstance(piece, str) or piece.product is not None:
        return None
    owner = _owner(piece.shape, patterns)
    return piece.shape[0] if owner is None else patterns[owner][0]


def _written(piece: Piece) -> Collection[str]:
    if isinstance(piece, Loop):
        return piece.targets
    return (piece.written,) if isinstance(piece, Statement) else ()


def _everywhere(piece: Piece) -> frozenset[str]:
    if isinstance(piece, Loop):
        return frozenset().union(*(moved_rows(e.value) for e in piece.entries))
    return piece.everywhere if isinstance(piece, Statement) else frozenset()


def _joins(piece: Piece, group: Sequence[Piece], patterns: Mapping[str, Shape]) -> bool:
    """Whether a piece may run over the same ranges of rows, reading of what the group computes its own rows only."""
    own = [p for p in group if not _is_comment(p)]
    if not own or _rows(piece, patterns) is None or _rows(piece, patterns) != _rows(own[0], patterns):
        return False
    made = {name for p in own for name in _written(p)}
    read = {name for p in own for name in _everywhere(p)}
    return not (_everywhere(piece) & made) and not (set(_written(piece)) & read)
