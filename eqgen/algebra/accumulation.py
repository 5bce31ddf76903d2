"""Reverse accumulation over a straight-line program: what every name of it passes on to the names that it reads.

An expression is read as a graph, in which equal parts are one node, and every node is visited once: a node's gradient
is the sum of what the nodes that read it pass on, each by the adjoint of its row of the operation table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import (
    Apply,
    Invoke,
    Node,
    Symbol,
    apply,
    children,
    distinct,
    shared,
    symbols,
    tree_size,
)
from eqgen.algebra.inline import body, formals, instantiate, unfold
from eqgen.algebra.notation import notation
from eqgen.algebra.operations import TABLE
from eqgen.algebra.slopes import slope

MAX_NAMED = 12
"""Expressions of up to so many nodes stand for themselves in the names of their gradients."""


@dataclass(frozen=True, slots=True)
class DerivationStep:
    """One step on the way to an equation: what it became, and by which rule.

    relation  `=`, or `+=` where it adds to what the target has already
    """

    target: str
    value: Node
    rule: str
    relation: str = "="

    @property
    def text(self) -> str:
        return f"{self.target} {self.relation} {notation(self.value)}"

    def to_json(self) -> dict[str, str]:
        return {
            "target": self.target,
            "relation": self.relation,
            "value": notation(self.value),
            "rule": self.rule,
        }


@dataclass
class Accumulation:
    """The gradients of the names of a program, from those of its outputs.

    seeds     name -> its gradient, where it is given: that of an output, or 1 for a loss
    wanted    D-prefixed names of the gradients that are asked for
    simplify  what the bodies of functions are simplified by
    """

    module: Module
    program: tuple[Assignment, ...]
    seeds: Mapping[str, Node]
    wanted: tuple[str, ...]
    simplify: Callable[[Node], Node]
    steps: list[DerivationStep] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def run(self) -> dict[str, Node]:
        """The gradients that are asked for, and of all names between: each in terms of those before it.

        Raises ValueError where an operation on the way has no gradient.
        """
        needed = self._needed()
        contributions: dict[str, list[Node]] = {}
        result: dict[str, Node] = {}
        for assignment in reversed(self.program):
            name = assignment.target
            if name in self.seeds:
                gradient: Node = _sum([self.seeds[name], *contributions.pop(name, ())])
            elif name in contributions:
                result[f"D{name}"] = _sum(contributions.pop(name))
                gradient = Symbol(assignment.shape, f"D{name}")
            else:
                continue
            for leaf, part in self._passed_on(assignment, gradient, needed):
                contributions.setdefault(leaf, []).append(part)
        for name, parts in contributions.items():
            if f"D{name}" in self.wanted:
                result[f"D{name}"] = _sum(parts)
        return result

    def _needed(self) -> frozenset[str]:
        """The names whose gradients lead to one that is asked for."""
        found = {target[1:] for target in self.wanted}
        for a in self.program:
            if not found.isdisjoint(symbols(a.value)):
                found.add(a.target)
        return frozenset(found)

    # --- one statement -------------------------------------------------------------------------------

    def _passed_on(self, assignment: Assignment, gradient: Node, needed: frozenset[str]) -> Iterator[tuple[str, Node]]:
        """What each name that is read receives."""
        value = self.unfolded(assignment.value)
        if value != assignment.value:
            self.steps.append(DerivationStep(assignment.target, value, self._unfolding(assignment.value)))
        root, nodes = graph(value)
        names = _names(nodes)
        leads: set[int] = set()
        for node in nodes:
            if (isinstance(node, Symbol) and node.name in needed) or any(id(c) in leads for c in children(node)):
                leads.add(id(node))
        if id(root) in leads:
            told = {target for target in self.told if "(" not in target}
            parts: dict[int, list[Node]] = {id(root): [gradient]}
            for node in reversed(nodes):
                if id(node) not in parts:
                    continue
                if isinstance(node, Symbol):
                    yield node.name, _sum(parts[id(node)])
                    continue
                # What the steps show: the gradient by its name, however long it is.
                name = gradient if node is root else Symbol(node.shape, names[id(node)])
                shown = self._adjoint(node, name, leads)
                for (arg, part), (_, text) in zip(
                    self._adjoint(node, _sum(parts[id(node)]), leads), shown, strict=True
                ):
                    target = names[id(arg)]
                    self.steps.append(DerivationStep(target, text, _rule(node), "+=" if target in told else "="))
                    told.add(target)
                    parts.setdefault(id(arg), []).append(part)
            self.told |= told

    def _adjoint(self, node: Node, gradient: Node, leads: set[int]) -> list[tuple[Node, Node]]:
        """What the operands of the outermost operation receive, those that lead to a wanted gradient."""
        if isinstance(node, Invoke):
            received: Iterable[Node | None] = self._called(node, gradient, leads)
        else:
            assert isinstance(node, Apply), node
            received = TABLE[node.op].adjoint(node, gradient)
        return [
            (arg, part)
            for arg, part in zip(children(node), received, strict=True)
            if part is not None and id(arg) in leads
        ]

    def _called(self, node: Invoke, gradient: Node, leads: set[int]) -> Iterator[Node | None]:
        """The operand of an activation, and its numbers where they are matrices of the layer."""
        if node.derivative:
            raise ValueError(f"{node.function}' has no derivative in a file: write out what it is")
        yield _times(gradient, replace(node, derivative=True))
        definition = self.module.find(node.function, "activation")
        for position, arg in enumerate(node.args[1:], start=1):
            if definition is None or id(arg) not in leads:
                yield None
            else:
                by_number = slope(body(definition, False), formals(definition)[position], self.module)
                yield apply("elements_sum", _times(gradient, instantiate(definition, by_number, node.args)))

    # --- functions -----------------------------------------------------------------------------------

    def unfolded(self, node: Node) -> Node:
        """Functions of the library are differentiated through their bodies; activations have derivatives."""
        return self.simplify(unfold(node, self._body_of))

    def _body_of(self, n: Invoke) -> TypedDefinition | None:
        definition = self.module.find(n.function, "function", "activation")
        return definition if definition is not None and (definition.kind == "function" or n.derivative) else None

    def _unfolding(self, value: Node) -> str:
        called = dict.fromkeys(n.function for n in distinct(value) if isinstance(n, Invoke) and self._body_of(n))
        return f"definition of {', '.join(called)}" if called else "proven identities"


# --- graphs ----------------------------------------------------------------------------------------------


def graph(node: Node) -> tuple[Node, list[Node]]:
    """The expression with equal parts made one, and its nodes, operands first."""
    root = shared(node)
    order: list[Node] = []
    seen: set[int] = set()

    def visit(n: Node) -> None:
        if id(n) not in seen:
            seen.add(id(n))
            for child in children(n):
                visit(child)
            order.append(n)

    visit(root)
    return root, order


def _names(nodes: Iterable[Node]) -> dict[int, str]:
    """What the gradient of each node is called: `DZ`, `D(exp(Z))`, and `D(part 3)` where that would be too long."""
    names: dict[int, str] = {}
    for number, node in enumerate(nodes, start=1):
        if isinstance(node, Symbol):
            names[id(node)] = f"D{node.name}"
        else:
            names[id(node)] = f"D({notation(node) if tree_size(node) <= MAX_NAMED else f'part {number}'})"
    return names


def _rule(node: Node) -> str:
    if isinstance(node, Invoke):
        return f"derivative of {node.function}"
    assert isinstance(node, Apply)
    return f"adjoint of {node.op}"


def _sum(parts: list[Node]) -> Node:
    total = parts[0]
    for part in parts[1:]:
        total = apply("add", total, part)
    return total


def _times(x: Node, y: Node) -> Node:
    if x.is_scalar or y.is_scalar:
        return apply("scale", x, y) if x.is_scalar else apply("scale", y, x)
    return apply("hadamard", x, y)


__all__ = ["Accumulation", "DerivationStep", "graph"]
