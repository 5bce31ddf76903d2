"""Gradients by a reverse sweep over the operation table's adjoints: what a framework's autodiff does, in expressions.

It gives the gradients a third time, after the written equations and the frameworks' own, and a bound for the rounding
errors of a reverse sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Node, Shape, Symbol, apply
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE


def reverse_sweep(
    program: Sequence[tuple[str, Node]], seeds: Mapping[str, Node], wanted: Mapping[str, Shape], module: Module
) -> dict[str, Node]:
    """The gradient of each wanted name.

    `program` is a list of (target, expression) in order, `seeds` gives the gradients of its outputs. The results read
    the program's values by name.
    """
    gradients: dict[str, Node] = dict(seeds)

    def push(node: Node, gradient: Node) -> None:
        if isinstance(node, Symbol):
            known = gradients.get(node.name)
            gradients[node.name] = gradient if known is None else apply("add", known, gradient)
        elif isinstance(node, Apply):
            for operand, part in zip(node.args, TABLE[node.op].adjoint(node, gradient), strict=True):
                if part is not None:
                    push(operand, part)

    for target, expression in reversed(program):
        if target in gradients:
            push(inline(expression, module), gradients[target])
    return {name: gradients.get(name, apply("zeros", sizes=shape)) for name, shape in wanted.items()}
