"""Rewriting by lemmas: equations proven for all sizes, read from the costly side to the cheap one.

Those of a second file are read from the left to the right whatever they cost: computed as on the left they lose digits.
A rewrite can be missed, but it cannot be wrong: what is not proven is not applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

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
"""The library's file of identities that are used as rewrites where they lower the cost."""

STABILITY_FILE = "stability.eq"
"""The library's file of identities that are used as rewrites for accuracy: what is on the right rounds better."""

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
    stable: bool = False
    """Whether it is applied for accuracy, whatever it costs."""
    settled: tuple[tuple[tuple[str, Node], ...], ...] = ()
    """What the left side's names stand for where the right side holds the left one again: there it is not applied."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An expression after rewriting, and the identities that were used."""

    value: Node
    rules: tuple[str, ...]


def cost(node: Node) -> float:
    """Operations plus traffic at a typical size."""
    total = expression_cost(node, lambda d: d if isinstance(d, int) else TYPICAL_SIZE)
    return float(total.flops + 2 * total.memory) + NODE_COST * sum(1 for _ in walk(node))


def rules_of(definitions: Iterable[TypedDefinition], stable: bool = False) -> Iterator[Rule]:
    """The claims that hold without conditions and whose right side costs less; all of these when they are `stable`."""
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
                    (stable or cost(right) < cost(left))
                    and symbols(right) <= symbols(left)
                    and sizes_used(right) <= sizes_used(left)
                ):
                    text = f"{notation(claim.left)} = {notation(claim.right)}"
                    again = (
                        [found for part in walk(right) for found, _ in _matches(left, part, {}, {})] if stable else []
                    )
                    yield Rule(left, right, text, d.name, stable, tuple(tuple(names.items()) for names in again))


def _marked(node: Node) -> Node:
    """Names that no file can contain."""
    renamed = rewrite(node, lambda n: Symbol(n.shape, f"{n.name}\0") if isinstance(n, Symbol) else n)
    return rename_sizes(renamed, {s: f"{s}\0" for s in sizes_used(renamed)})


@cache
def library_rules() -> tuple[Rule, ...]:
    """The proven identities of the library's rewrites, those for accuracy first."""
    return (*rules_of(_proven(STABILITY_FILE), stable=True), *rules_of(_proven(FILE)))


def _proven(file: str) -> list[TypedDefinition]:
    """The lemmas of a file of the library of which every claim is proved."""
    from eqgen.algebra.library import library
    from eqgen.algebra.prover import prove_definition

    module: Module = library()
    lemmas = [d for d in module.of_kind("lemma") if d.origin.partition(":")[0] == file]
    return [d for d in lemmas if all(r.verdict == "proved" for r in prove_definition(d, module, judge=False))]


def rules_for(definition: TypedDefinition) -> tuple[Rule, ...]:
    """The rules for the equations of a definition.

    Who gives a function a stable form has seen to its accuracy; and no function becomes a call of itself.
    """
    own_form = bool(definition.block("stable"))
    return tuple(r for r in library_rules() if not (own_form and r.stable) and not _calls(r.right, definition.name))


@lru_cache(maxsize=4096)
def accurate(node: Node, inside: str = "") -> Node:
    """An expression as it is rewritten for accuracy alone, inside of the definition of this name."""
    return optimized(node, tuple(r for r in library_rules() if r.stable and not _calls(r.right, inside))).value


def _calls(node: Node, name: str) -> bool:
    return any(isinstance(n, Invoke) and n.function == name for n in walk(node))


def optimized(node: Node, rules: tuple[Rule, ...]) -> Rewritten:
    """The stable and then cheapest form that single applications of rules lead to, innermost subexpressions first."""
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
    """The first rule for accuracy that applies, else the one that lowers the cost the most."""
    found: Node | None = None
    reason: Rule | None = None
    least = cost(node)
    for candidate in rules:
        if not _may_match(candidate.left, node):
            continue
        for names, dims in _matches(candidate.left, node, {}, {}):
            replaced = substitute(rename_sizes(candidate.right, dims), names)
            if replaced.shape != node.shape:
                continue
            if candidate.stable:
                if not _is_settled(candidate, names):
                    return replaced, candidate
                continue
            if (c := cost(replaced)) < least:
                found, reason, least = replaced, candidate, c
    return found, reason


def _is_settled(rule: Rule, names: Names) -> bool:
    """Whether a match of the left side is what the rule itself has made."""
    return any(
        all(any(True for _ in _matches(pattern, names[name], {}, {})) for name, pattern in again)
        for again in rule.settled
    )


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
