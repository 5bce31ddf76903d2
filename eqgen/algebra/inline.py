"""Replace calls of defined functions and activations by their bodies."""

from __future__ import annotations

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import Dim, Invoke, Node, distinct, rename_sizes, rewrite, substitute


def collapse(assignments: tuple[Assignment, ...]) -> Node:
    """The value of the last assignment with all earlier ones put in."""
    values: dict[str, Node] = {}
    for assignment in assignments:
        values[assignment.target] = substitute(assignment.value, values)
    return values[assignments[-1].target]


def body(definition: TypedDefinition, derivative: bool, block: str = "") -> Node:
    """The defining expression of a function or activation over its formal symbols."""
    name = block or ("derivative" if derivative else ("f" if definition.kind == "activation" else "body"))
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


def inline(node: Node, module: Module) -> Node:
    """The expression without calls, except those of activations that are parameters of a layer."""

    if not any(isinstance(n, Invoke) for n in distinct(node)):
        return node

    def rule(n: Node) -> Node:
        if not isinstance(n, Invoke):
            return n
        definition = module.find(n.function, "function", "activation")
        if definition is None:
            return n
        return inline(instantiate(definition, body(definition, n.derivative), n.args), module)

    return rewrite(node, rule)
