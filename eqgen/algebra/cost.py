"""What an expression costs: floating-point operations and memory traffic, from the cells of the operation table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eqgen.algebra.expressions import Apply, Dim, Invoke, Node, Shape, walk
from eqgen.algebra.operations import TABLE


@dataclass(frozen=True, slots=True)
class Cost:
    """`flops` floating-point operations and `memory` matrix entries written; numbers, or formulas in the sizes."""

    flops: Any
    memory: Any

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.memory + other.memory)


NOTHING = Cost(0, 0)


def operation_cost(node: Node, dim: Callable[[Dim], Any]) -> Cost:
    """The cost of the outermost operation alone. A called function counts as one operation an entry."""

    def shape(s: Shape) -> tuple[Any, Any]:
        return (dim(s[0]), dim(s[1]))

    if isinstance(node, Apply):
        row, args = TABLE[node.op], tuple(shape(a.shape) for a in node.args)
        return Cost(row.flops(shape(node.shape), args), row.memory(shape(node.shape), args))
    if isinstance(node, Invoke):
        m, n = shape(node.shape)
        return Cost(m * n, m * n)
    return NOTHING


def expression_cost(node: Node, dim: Callable[[Dim], Any]) -> Cost:
    """The cost of an expression in which equal subexpressions are computed once."""
    total = NOTHING
    for part in dict.fromkeys(walk(node)):
        total = total + operation_cost(part, dim)
    return total


def at_sizes(sizes: Mapping[str, int]) -> Callable[[Dim], int]:
    """Dimensions as numbers. Raises KeyError for a size that is not given."""
    return lambda d: d if isinstance(d, int) else sizes[d]


def symbolic(d: Dim) -> Any:
    """Dimensions as SymPy symbols, for formulas."""
    import sympy

    return sympy.Symbol(d, integer=True, positive=True) if isinstance(d, str) else sympy.Integer(d)
