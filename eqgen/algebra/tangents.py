"""Tangents: how an expression moves when the names that it reads do. Forward mode, by the table's tangent cells.

An expression is read as a graph, in which equal parts are one node; every node is visited once, operands first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from eqgen.algebra.accumulation import DerivationStep, graph
from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Invoke, Node, Symbol, apply, tree_size
from eqgen.algebra.inline import body, formals, instantiate
from eqgen.algebra.notation import notation
from eqgen.algebra.operations import TABLE
from eqgen.algebra.operations.row import spread, times
from eqgen.algebra.slopes import slope

MAX_NAMED = 12
"""Expressions of up to so many nodes stand for themselves in the names of their tangents."""


def tangent_name(name: str) -> str:
    """Pearlmutter's R{Z} as a name: `RZ`."""
    return f"R{name}"


@dataclass
class Tangents:
    """Tangents of expressions, from those of the names that they read.

    directions  name -> its tangent; a name that is missing does not move
    unfolded    what an expression is before it is differentiated: without the library's functions
    """

    module: Module
    directions: Mapping[str, Node]
    unfolded: Callable[[Node], Node]
    steps: list[DerivationStep] = field(default_factory=list)

    def of(self, target: str, value: Node) -> Node | None:
        """The tangent of `target = value`, None where it does not move.

        Raises ValueError for a call that has no further derivative.
        """
        root, nodes = graph(self.unfolded(value))
        names = {id(n): _name(n, k) for k, n in enumerate(nodes, start=1)} | {id(root): tangent_name(target)}
        found: dict[int, Node | None] = {}
        shown: dict[int, Node | None] = {}
        for node in nodes:
            if not isinstance(node, (Apply, Invoke)):
                found[id(node)] = self.directions.get(node.name) if isinstance(node, Symbol) else None
                shown[id(node)] = found[id(node)]
                continue
            found[id(node)] = self._step(node, [found[id(a)] for a in node.args])
            text = self._step(node, [shown[id(a)] for a in node.args])
            if text is not None:
                self.steps.append(DerivationStep(names[id(node)], text, _rule(node)))
            # What the steps show: the tangent by its name, however long it is.
            shown[id(node)] = None if text is None else Symbol(node.shape, names[id(node)])
        return found[id(root)]

    def _step(self, node: Apply | Invoke, tangents: list[Node | None]) -> Node | None:
        """How the outermost operation moves with its operands."""
        if all(t is None for t in tangents):
            return None
        if isinstance(node, Apply):
            return TABLE[node.op].tangent(node, tangents)
        return self._called(node, tangents)

    def _called(self, node: Invoke, tangents: list[Node | None]) -> Node | None:
        """An activation: its operand moves, and its numbers where they are matrices of the layer."""
        definition = self.module.find(node.function, "activation")
        if definition is None and len(node.args) != 1:
            raise ValueError(f"{node.function} is neither an activation nor a function that is known here")
        moved, *numbers = tangents
        total = None if moved is None else times(moved, replace(node, derivative=node.derivative + 1, span=None))
        for position, number in enumerate(numbers, start=1):
            if number is not None:
                assert definition is not None
                by_number = slope(body(definition, False), formals(definition)[position], self.module)
                part = times(number, instantiate(definition, by_number, node.args))
                total = part if total is None else apply("add", total, part)
        return None if total is None else spread(total, node.shape)


def _name(node: Node, number: int) -> str:
    """What the tangent of a node is called: `RZ`, `R(exp(Z))`, and `R(part 3)` where that would be too long."""
    if isinstance(node, Symbol):
        return tangent_name(node.name)
    return tangent_name(f"({notation(node) if tree_size(node) <= MAX_NAMED else f'part {number}'})")


def _rule(node: Apply | Invoke) -> str:
    return f"derivative of {node.function}" if isinstance(node, Invoke) else f"tangent of {node.op}"
