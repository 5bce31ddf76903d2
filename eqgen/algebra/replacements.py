"""The neighbours of an expression that need more than itself: another name, a factor or a term that is missing."""

from __future__ import annotations

from collections.abc import Iterator

from eqgen.algebra.available import Available
from eqgen.algebra.expressions import SCALAR, Apply, Constant, Node, Size, Symbol, apply
from eqgen.algebra.mistakes import Edit, Mistake
from eqgen.algebra.positions import Path, count, fitting, is_product, positions


def other_names(root: Node, known: Available) -> Iterator[Edit]:
    """A name, a transposed one or a repeated one, in place of another of the same shape."""
    for path, node in positions(root):
        if _is_name(node):
            for new in known.named(node.shape):
                if new != node:
                    cost = 1.0 if isinstance(new, Symbol) and isinstance(node, Symbol) else 1.3
                    yield Edit(Mistake.WRONG_VARIABLE, path, new, cost, "{} should be {}", (node, new))


def missing_factors(root: Node, known: Available, entrywise: bool) -> Iterator[Edit]:
    """A product with something more."""
    for path, node in positions(root):
        if isinstance(node, (Constant, Size)) or not is_product(root, path):
            continue
        for shape in fitting(root, path, entrywise):
            for factor in known.all(shape):
                yield _missing_factor(path, _product(node, factor), factor)
        if not node.is_scalar:
            if not entrywise:
                for factor in known.named(SCALAR):
                    yield _missing_factor(path, apply("scale", factor, node), factor)
            for dim, before in ((node.shape[1], False), (node.shape[0], True)):
                for factor in known.all((dim, dim)):
                    new = apply("matmul", factor, node) if before else apply("matmul", node, factor)
                    yield _missing_factor(path, new, factor)


def _product(node: Node, factor: Node) -> Node:
    if node.is_scalar or factor.is_scalar:
        return apply("scale", factor, node) if factor.is_scalar else apply("scale", node, factor)
    return apply("hadamard", node, factor)


def _missing_factor(path: Path, new: Node, factor: Node) -> Edit:
    cost = 1.0 + 0.5 * count(factor)
    say = "the factor {} is missing"
    return Edit(Mistake.MISSING_FACTOR, path, new, cost, say, (factor,), brief="a factor is missing")


def missing_terms(root: Node, known: Available, entrywise: bool) -> Iterator[Edit]:
    """A sum with something more. In a function of scalars a number fits everywhere."""
    for path, node in positions(root):
        if isinstance(node, (Constant, Size)):
            continue
        for term in (t for shape in fitting(root, path, entrywise) for t in known.all(shape)):
            cost = 1.5 + 0.5 * count(term)
            if term != node:
                yield _missing_term(path, apply("subtract", term, node), term, cost + 0.2)
                yield _missing_term(path, apply("subtract", node, term), term, cost, True)
            yield _missing_term(path, apply("add", node, term), term, cost)


def _missing_term(path: Path, new: Node, term: Node, cost: float, negative: bool = False) -> Edit:
    signed = apply("negate", term) if negative else term
    say = "the term {} is missing"
    return Edit(Mistake.MISSING_TERM, path, new, cost, say, (signed,), brief="a term is missing")


def other_expressions(root: Node, known: Available, entrywise: bool) -> Iterator[Edit]:
    """A part of the derivation in place of a sub-expression."""
    for path, node in positions(root):
        for new in (n for shape in fitting(root, path, entrywise) for n in known.all(shape)):
            if new == node or (_is_name(node) and _is_name(new)):
                continue
            cost = 1.0 + count(node) + count(new)
            yield Edit(Mistake.WRONG_EXPRESSION, path, new, cost, "{} should be {}", (node, new))


def _is_name(node: Node) -> bool:
    """Whether an expression is a name, as it is or transposed or repeated."""
    if isinstance(node, Apply) and node.op in ("transpose", "row_repeat", "column_repeat"):
        node = node.args[0]
    return isinstance(node, Symbol)
