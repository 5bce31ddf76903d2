"""Common subexpressions: what is computed twice is computed once and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from eqgen.algebra.expressions import Apply, Invoke, Node, Symbol, rewrite, symbols, walk
from eqgen.algebra.operations import TABLE
from eqgen.optimize.program import Step

CHEAP = frozenset(
    [
        "zeros",
        "ones",
        "identity",
        "transpose",
        "diag",
        "Diag",
        "column_repeat",
        "row_repeat",
        "row",
        "column",
        "scale",
        "add",
        "subtract",
        "negate",
        "hadamard",
        "divide",
        "reciprocal",
        "square",
        "where",
        "max",
        "min",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "abs",
        "sign",
        "floor",
        "pi",
    ]
)
"""Operations that cost no more than reading their result from memory: computed again where they are needed again."""


def is_heavy(node: Node) -> bool:
    """Worth a matrix of its own when it is needed twice: products, reductions, elementary functions, calls."""
    if isinstance(node, Invoke):
        return True
    return (
        isinstance(node, Apply)
        and not node.is_scalar
        and any(isinstance(n, Invoke) or (isinstance(n, Apply) and n.op not in CHEAP) for n in walk(node))
        and node.op not in ("transpose", "column_repeat", "row_repeat")
        and node.op in TABLE
    )


def repeated(nodes: Iterable[Node]) -> list[Node]:
    """Heavy subexpressions that occur more than once, outermost first; not what lies only inside of one."""
    counts: Counter[Node] = Counter()
    seen: set[Node] = set()

    def count(node: Node) -> None:
        if is_heavy(node):
            counts[node] += 1
            if node in seen:
                return
            seen.add(node)
        for child in node.args if isinstance(node, (Apply, Invoke)) else ():
            count(child)

    for node in nodes:
        count(node)
    return [node for node, n in counts.items() if n > 1]


def shared(steps: tuple[Step, ...], taken: Iterable[str]) -> tuple[Step, ...]:
    """The steps with a name for every repeated heavy subexpression, computed just before its first use."""
    names = set(taken) | {s.target for s in steps} | {n for s in steps for n in symbols(s.value)}
    for node in repeated(s.value for s in steps):
        name = next(f"s{k}" for k in range(1, len(names) + 2) if f"s{k}" not in names)
        names.add(name)
        symbol = Symbol(node.shape, name)
        result: list[Step] = []
        for step in steps:
            value = rewrite(step.value, lambda n, node=node, symbol=symbol: symbol if n == node else n)  # type: ignore[misc]
            if value != step.value and not any(s.target == name for s in result):
                result.append(Step(name, node))
            result.append(Step(step.target, value, step.equation, step.origin, step.notes))
        steps = tuple(result)
    return steps
