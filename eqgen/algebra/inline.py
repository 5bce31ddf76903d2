"""Replace calls of defined functions and activations by their bodies."""

from __future__ import annotations

from collections.abc import Callable

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import Dim, Invoke, Node, Symbol, distinct, rename_sizes, rewrite, shared, substitute


def collapse(assignments: tuple[Assignment, ...]) -> Node:
    """The value of the last assignment with all earlier ones put in."""
    values: dict[str, Node] = {}
    for assignment in assignments:
        values[assignment.target] = substitute(assignment.value, values)
    return values[assignments[-1].target]


DERIVATIVES = ("f", "derivative", "second")
"""The blocks of an activation, by the order of the derivative; only Hessian-vector products add the last one."""


def body(definition: TypedDefinition, derivative: int, block: str = "") -> Node:
    """The defining expression of a function or activation over its formal symbols."""
    name = block or (DERIVATIVES[derivative] if definition.kind == "activation" else "body")
    return collapse(definition.block(name))


def formals(definition: TypedDefinition) -> tuple[str, ...]:
    """Formal names in the order of an Invoke's operands: matrices, then numbers."""
    return tuple(v.name for v in definition.with_role("input")) + tuple(n.name for n in definition.numbers)


def instantiate(definition: TypedDefinition, expression: Node, args: tuple[Node, ...]) -> Node:
    """A formal expression with operands put in; sizes are matched from the operands' shapes."""
    dims: dict[str, Dim] = {}
    inputs = list(definition.with_role("input"))
    for formal, actual in zip(inputs, args, strict=False):
        for symbolic, dim in zip(formal.shape, actual.shape, strict=True):
            if isinstance(symbolic, str):
                dims[symbolic] = dim
    renamed = rename_sizes(expression, {name: f"{name}\0" for name in dims})
    renamed = rename_sizes(renamed, {f"{name}\0": dim for name, dim in dims.items()})
    return substitute(renamed, dict(zip(formals(definition), args, strict=True)))


def instantiate_step(definition: TypedDefinition, value: Node, local: dict[str, Node]) -> Node:
    """A formal expression of a function with its operands and its lets put in."""
    placeholders = tuple(local[name] for name in formals(definition))
    lets = {name: node for name, node in local.items() if name not in formals(definition)}
    hidden = {name: Symbol(node.shape, f"{name}\0") for name, node in lets.items()}
    marked = rewrite(
        value, lambda n: Symbol(n.shape, f"{n.name}\0") if isinstance(n, Symbol) and n.name in hidden else n
    )
    return substitute(instantiate(definition, marked, placeholders), {f"{name}\0": node for name, node in lets.items()})


def inline(node: Node, module: Module) -> Node:
    """The expression without calls, except those of activations that are parameters of a layer."""
    return unfold(node, lambda n: module.find(n.function, "function", "activation"))


def unfold(node: Node, definition_of: Callable[[Invoke], TypedDefinition | None]) -> Node:
    """The expression with those calls replaced by bodies of which the definition is given.

    What is called twice with the same operands is shared: functions of functions double the tree, not the work.
    """
    bodies: dict[tuple[int, int], Node] = {}

    def of(definition: TypedDefinition, derivative: int) -> Node:
        key = (id(definition), derivative)
        if key not in bodies:
            bodies[key] = expanded(body(definition, derivative))
        return bodies[key]

    def rule(n: Node) -> Node:
        definition = definition_of(n) if isinstance(n, Invoke) else None
        if definition is None:
            return n
        assert isinstance(n, Invoke)
        return instantiate(definition, of(definition, n.derivative), n.args)

    def expanded(n: Node) -> Node:
        return rewrite(shared(n), rule) if any(isinstance(part, Invoke) for part in distinct(n)) else n

    return expanded(node)
