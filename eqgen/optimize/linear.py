"""Sums of numbers times matrices. A sign stands in front of a number, so that equal ones look equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eqgen.algebra.expressions import SCALAR, Apply, Constant, Node, constant

Term = tuple[Node, Node]
"""A number and what it multiplies."""


def terms(node: Node, is_number: Callable[[Node], bool]) -> list[Term]:
    """The expression as a sum of terms."""
    match node:
        case Apply(op="add", args=(x, y)):
            return terms(x, is_number) + terms(y, is_number)
        case Apply(op="subtract", args=(x, y)):
            return terms(x, is_number) + [(negative(c), z) for c, z in terms(y, is_number)]
        case Apply(op="negate", args=(x,)):
            return [(negative(c), z) for c, z in terms(x, is_number)]
        case Apply(op="scale", args=(c, x)) if is_number(c):
            return [(product(c, d), z) for d, z in terms(x, is_number)]
        case _:
            return [(constant(1), node)]


def total(parts: Sequence[Term]) -> Node:
    """The expression that is the sum of the terms. ValueError when there are none."""
    found: Node | None = None
    for c, x in parts:
        minus = found is not None and is_negative(c)
        factor = negative(c) if minus else c
        term = x if isinstance(factor, Constant) and factor.value == 1 else Apply(x.shape, "scale", (factor, x))
        found = term if found is None else Apply(x.shape, "subtract" if minus else "add", (found, term))
    if found is None:
        raise ValueError("a sum of no terms has no shape")
    return found


def is_negative(c: Node) -> bool:
    """Whether a sign stands in front of the number."""
    return (isinstance(c, Constant) and c.value < 0) or (isinstance(c, Apply) and c.op == "negate")


def negative(c: Node) -> Node:
    if isinstance(c, Constant):
        return constant(-c.value)
    return c.args[0] if isinstance(c, Apply) and c.op == "negate" else Apply(SCALAR, "negate", (c,))


def product(c: Node, d: Node) -> Node:
    if isinstance(c, Constant) and isinstance(d, Constant):
        return constant(c.value * d.value)
    for one, other in ((c, d), (d, c)):
        if is_negative(one):
            return negative(product(negative(one), other))
        if isinstance(one, Constant) and one.value == 1:
            return other
    return Apply(SCALAR, "scale", (c, d))


def added(c: Node, d: Node) -> Node:
    if isinstance(c, Constant) and isinstance(d, Constant):
        return constant(c.value + d.value)
    if is_negative(c) and is_negative(d):
        return negative(added(negative(c), negative(d)))
    return Apply(SCALAR, "subtract", (c, negative(d))) if is_negative(d) else Apply(SCALAR, "add", (c, d))
