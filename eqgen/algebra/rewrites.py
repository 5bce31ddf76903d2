"""Rewriting by lemmas: equations proven for all sizes, read from the costly side to the cheap one.

A rewrite can be missed, but it cannot be wrong: what is not proven is not applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from eqgen.algebra.cost import expression_cost
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import (
    Apply,
    Constant,
    Dim,
    Invoke,
    Node,
    Size,
    Symbol,
    children,
    rename_sizes,
    rewrite,
    sizes_used,
    substitute,
    symbols,
    walk,
)
from eqgen.algebra.notation import notation

FILE = "rewrites.eq"
"""The library's file of identities that are used as rewrites."""

COMMUTATIVE = ("add", "hadamard", "max", "min", "equal", "dot")
TYPICAL_SIZE = 1000
"""The size at which costs are compared; large, so that the order of growth decides."""
NODE_COST = 0.001
"""Breaks ties in favour of the shorter expression."""
MAX_ROUNDS = 20
MAX_STEPS = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """`left` may be replaced by `right`; names in both are marked so that they cannot meet those of a program."""

    left: Node
    right: Node
    text: str
    lemma: str = ""
    """The name of the lemma that says so."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An expression after rewriting, and the identities that were used."""

    value: Node
    rules: tuple[str, ...]


def cost(node: Node) -> float:
    """Operations plus traffic at a typical size."""
    total = expression_cost(node, lambda d: d if isinstance(d, int) else TYPICAL_SIZE)
    return float(total.flops + 2 * total.memory) + NODE_COST * sum(1 for _ in walk(node))


def rules_of(definitions: Iterable[TypedDefinition]) -> Iterator[Rule]:
    """The claims that hold without conditions and whose right side costs less."""
    for d in definitions:
        restricted = {v.name for v in d.variables.values() if v.positive}
        for claim in d.claims:
            if (
                claim.index is None
                and not claim.hypotheses
                and not d.assumptions
                and not restricted & symbols(claim.left)
            ):
                left, right = _marked(claim.left), _marked(claim.right)
                if (
                    cost(right) < cost(left)
                    and symbols(right) <= symbols(left)
                    and sizes_used(right) <= sizes_used(left)
                ):
                    yield Rule(left, right, f"{notation(claim.left)} = {notation(claim.right)}", d.name)


def _marked(node: Node) -> Node:
    """Names that no file can contain."""
    renamed = rewrite(node, lambda n: Symbol(n.shape, f"{n.name}\0") if isinstance(n, Symbol) else n)
    return rename_sizes(renamed, {s: f"{s}\0" for s in sizes_used(renamed)})


@cache
def library_rules() -> tuple[Rule, ...]:
    """The proven identities of the library's rewrites."""
    from eqgen.algebra.library import library
    from eqgen.algebra.prover import prove_definition

    module: Module = library()
    lemmas = [d for d in module.of_kind("lemma") if d.origin.partition(":")[0] == FILE]
    proven = [d for d in lemmas if all(r.verdict == "proved" for r in prove_definition(d, module, judge=False))]
    return tuple(rules_of(proven))


def optimized(node: Node, rules: tuple[Rule, ...]) -> Rewritten:
    """The cheapest form that single applications of rules lead to, innermost subexpressions first."""
    used: dict[str, None] = {}

    def rule(n: Node) -> Node:
        for _ in range(MAX_ROUNDS):
            best, reason = _best(n, rules)
            if best is None or reason is None:
                return n
            used[reason.text] = None
            n = rewrite_inside(best)
        return n

    def rewrite_inside(n: Node) -> Node:
        return rewrite(n, rule) if children(n) else n

    return Rewritten(rewrite(node, rule), tuple(used))


def rewriting_steps(node: Node, rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Node]]:
    """The expression after every single application of a rule, innermost subexpressions first."""
    for _ in range(MAX_STEPS):
        applied: list[Rule] = []

        def first(n: Node, applied: list[Rule] = applied) -> Node:
            best, rule = (None, None) if applied else _best(n, rules)
            if best is None or rule is None:
                return n
            applied.append(rule)
            return best

        node = rewrite(node, first)
        if not applied:
            return
        yield applied[0], node


def _best(node: Node, rules: tuple[Rule, ...]) -> tuple[Node | None, Rule | None]:
    found: Node | None = None
    reason: Rule | None = None
    least = cost(node)
    for candidate in rules:
        if not _may_match(candidate.left, node):
            continue
        for names, dims in _matches(candidate.left, node, {}, {}):
            replaced = substitute(rename_sizes(candidate.right, dims), names)
            if replaced.shape == node.shape and (c := cost(replaced)) < least:
                found, reason, least = replaced, candidate, c
    return found, reason


def _may_match(pattern: Node, node: Node) -> bool:
    return isinstance(pattern, Apply) and isinstance(node, Apply) and pattern.op == node.op


Names = dict[str, Node]
Dims = dict[str, Dim]


def _matches(pattern: Node, node: Node, names: Names, dims: Dims) -> Iterator[tuple[Names, Dims]]:
    """All ways to read `node` as an instance of `pattern`."""
    bound = _dims(pattern.shape, node.shape, dims)
    if bound is None:
        return
    if isinstance(pattern, Symbol):
        known = names.get(pattern.name)
        if known is None:
            yield {**names, pattern.name: node}, bound
        elif known == node:
            yield names, bound
    elif isinstance(pattern, Constant):
        if isinstance(node, Constant) and node.value == pattern.value:
            yield names, bound
    elif isinstance(pattern, Size):
        actual: Dim | None = node.name if isinstance(node, Size) else None
        if isinstance(node, Constant) and node.value.denominator == 1:
            actual = int(node.value)
        matched = None if actual is None else _dims((pattern.name,), (actual,), bound)
        if matched is not None:
            yield names, matched
    elif (
        isinstance(pattern, Apply)
        and isinstance(node, Apply)
        and pattern.op == node.op
        and len(pattern.sizes) == len(node.sizes)
    ):
        matched = _dims(pattern.sizes, node.sizes, bound)
        if matched is not None:
            orders = [node.args]
            if pattern.op in COMMUTATIVE and node.args[0] != node.args[1]:
                orders.append(node.args[::-1])
            for args in orders:
                yield from _match_all(pattern.args, args, names, matched)
    elif (
        isinstance(pattern, Invoke)
        and isinstance(node, Invoke)
        and (pattern.function, pattern.derivative) == (node.function, node.derivative)
    ):
        yield from _match_all(pattern.args, node.args, names, bound)


def _match_all(
    patterns: tuple[Node, ...], nodes: tuple[Node, ...], names: Names, dims: Dims
) -> Iterator[tuple[Names, Dims]]:
    if not patterns:
        yield names, dims
        return
    for n, d in _matches(patterns[0], nodes[0], names, dims):
        yield from _match_all(patterns[1:], nodes[1:], n, d)


def _dims(pattern: tuple[Dim, ...], actual: tuple[Dim, ...], dims: Dims) -> Dims | None:
    """Sizes bound so that the pattern's become the actual ones; None where that contradicts what is bound."""
    bound = dict(dims)
    for p, a in zip(pattern, actual, strict=True):
        if (p if isinstance(p, int) else bound.setdefault(p, a)) != a:
            return None
    return bound
