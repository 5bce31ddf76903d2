"""What an equation should say: the right side that the derivation gives for one line, in the names known there."""

from __future__ import annotations

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.derivation import Deriver
from eqgen.algebra.expressions import Apply, Node, Symbol, apply, constant, rewrite, substitute
from eqgen.algebra.inline import inline
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.slopes import slope


def derived_side(definition: TypedDefinition, module: Module, subject: Subject, position: int) -> Node | None:
    """The derived right side of a step; None where the derivation does not get that far.

    Nothing is proven here: whoever uses it has it proven.
    """
    step = subject.steps[position]
    if step.gradient_of is None:
        return _other_side(step)
    try:
        if definition.kind == "activation":
            return slope(inline(subject.program[-1].value, module), "x", module)
        return _gradient(subject, module, position)
    except (ValueError, KeyError, AssertionError):
        return None


def _other_side(step: Step) -> Node | None:
    """The left side of a claim, with its derivatives in place of their names."""
    if step.expected is None:
        return None
    return rewrite(step.expected, lambda n: step.derivatives.get(n.name, n) if isinstance(n, Symbol) else n)


def _scaled(node: Node) -> Node:
    """A product of numbers is written as one."""
    if isinstance(node, Apply) and node.op == "hadamard" and node.is_scalar:
        return apply("scale", *node.args)
    return node


def _gradient(subject: Subject, module: Module, position: int) -> Node:
    """The gradient of a step in terms of those that are known in its line, as short as the derivation gets it."""
    step = subject.steps[position]
    target = f"D{step.gradient_of}"
    seeds: dict[str, Node] = {
        a.target: Symbol(a.shape, seed) if (seed := subject.seeds[a.target]) else constant(1)
        for a in subject.program
        if a.target in subject.seeds
    }
    deriver = Deriver(module, subject.program, seeds, [target], {target: step.written.shape})
    known = {s.target for s in subject.steps[:position]} | set(subject.seeds.values())
    values: dict[str, Node] = {}
    for name, value in deriver.accumulate().items():
        unfolded = substitute(value, values)
        if name == target:
            return rewrite(deriver.tidy(unfolded), _scaled)
        if name not in known:
            values[name] = unfolded
    raise KeyError(target)
