"""Long expressions as straight-line programs of short ones.

SymPy differentiates the entries of one statement at a time; what a statement may hold is bounded, so that a loss behind
four layers costs four times a layer and not the power of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Invoke, Node, Symbol, children, with_children
from eqgen.algebra.inline import inline

MOST_OPERATIONS = 8


@dataclass(frozen=True, slots=True)
class Statement:
    """`target = value`, without calls of defined functions."""

    target: str
    value: Node


def split(target: str, value: Node, module: Module) -> tuple[Statement, ...]:
    """Statements of at most a few operations each, of which the last assigns the target.

    Names of intermediate results contain a space and so meet no name of a file. Shared subexpressions stay shared.
    """
    statements: list[Statement] = []
    done: dict[int, tuple[Node, int]] = {}
    # Nodes are known by identity, so the root must outlive the memo.
    root = inline(value, module)

    def named(n: Node) -> Node:
        name = f"{target} part {len(statements) + 1}"
        statements.append(Statement(name, n))
        return Symbol(n.shape, name, span=n.span)

    def visit(n: Node) -> tuple[Node, int]:
        """The node over short operands, and how many operations it holds."""
        if id(n) not in done:
            done[id(n)] = _visit(n)
        return done[id(n)]

    def _visit(n: Node) -> tuple[Node, int]:
        if not isinstance(n, (Apply, Invoke)):
            return n, 0
        visited = [visit(child) for child in children(n)]
        operations = 1 + sum(count for _, count in visited)
        if operations > MOST_OPERATIONS:
            for child, (short, count) in zip(children(n), visited, strict=True):
                if count > 0:
                    done[id(child)] = named(short), 0
            visited = [visit(child) for child in children(n)]
            operations = 1
        return with_children(n, tuple(short for short, _ in visited)), operations

    last, _ = visit(root)
    return (*statements, Statement(target, last))
