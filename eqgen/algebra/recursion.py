"""Room for deep recursion.

Everything that folds over expressions recurses, and a file may nest values thousands deep. Ordinary definitions run
where they are; deep ones in a thread of their own with a large stack, so that depth can end in RecursionError only.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Node, children

T = TypeVar("T")

ORDINARY_DEPTH = 250
FRAMES_A_LEVEL = 40
MOST_FRAMES = 250_000
STACK_BYTES = 1 << 30
"""Of address space; only what is used becomes memory."""


def with_room(work: Callable[[], T], depth: int) -> T:
    """The result of some work on expressions of a depth; passes on what it raises, such as RecursionError."""
    frames = min(FRAMES_A_LEVEL * (depth + 50), MOST_FRAMES)
    limit = sys.getrecursionlimit()
    if frames <= limit:
        return work()
    sys.setrecursionlimit(frames)
    try:
        return work() if depth <= ORDINARY_DEPTH else _in_thread(work)
    finally:
        sys.setrecursionlimit(limit)


def _in_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    before = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=run, name="deep recursion", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def definition_depth(definition: TypedDefinition) -> int:
    """How deep the expressions of a definition can get when its values are put into each other."""
    values = [a.value for block in definition.blocks.values() for a in block]
    return sum(map(depth, values)) + max((depth(n) for c in definition.claims for n in (c.left, c.right)), default=0)


def depth(root: Node) -> int:
    """The number of operations on the longest path; without recursion."""
    known: dict[int, int] = {}
    pending = [root]
    while pending:
        node = pending[-1]
        parts = children(node)
        unknown = [p for p in parts if id(p) not in known]
        if unknown:
            pending.extend(unknown)
        else:
            pending.pop()
            known[id(node)] = 1 + max((known[id(p)] for p in parts), default=0)
    return known[id(root)]


def deepest(roots: Iterable[Node]) -> int:
    return max(map(depth, roots), default=0)
