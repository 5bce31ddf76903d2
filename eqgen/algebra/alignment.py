"""Where two expressions part: the written and the derived one, laid side by side.

Sub-expressions count as equal when their values are, at points of unequal sizes. Operations that are the same are
entered as long as one operand alone differs; sums are compared term by term.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eqgen.algebra.expressions import Apply, Invoke, Node, apply, children
from eqgen.algebra.positions import Path
from eqgen.algebra.rewrites import COMMUTATIVE
from eqgen.algebra.screening import Screen

SUMS = ("add", "subtract", "negate")


@dataclass(frozen=True, slots=True)
class Parting:
    """A place in the written expression, and what the derived one has there; None for a term without a counterpart.

    terms   how many terms of the derived sum are missing at the place, 0 where an expression is wrong
    """

    path: Path
    derived: Node | None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class _Term:
    path: Path
    node: Node
    positive: bool


def parting(written: Node, derived: Node, screen: Screen, path: Path = ()) -> Parting:
    """The smallest place at which the written expression has something else than the derived one."""
    if isinstance(written, Apply) and written.op in SUMS and (found := _among_terms(written, derived, screen, path)):
        return found
    for operands in _operands(written, derived):
        differing = [
            k for k, (w, d) in enumerate(zip(children(written), operands, strict=True)) if not screen.equal(w, d)
        ]
        if len(differing) == 1:
            k = differing[0]
            return parting(children(written)[k], operands[k], screen, (*path, k))
    return Parting(path, derived)


def _operands(written: Node, derived: Node) -> Iterator[tuple[Node, ...]]:
    """The operands of the derived operation in every order in which they may be compared with those of the written."""
    if isinstance(written, Apply) and isinstance(derived, Apply):
        if written.op != derived.op or written.sizes != derived.sizes:
            return
    elif isinstance(written, Invoke) and isinstance(derived, Invoke):
        if (written.function, written.derivative) != (derived.function, derived.derivative):
            return
    else:
        return
    if [a.shape for a in written.args] == [a.shape for a in derived.args]:
        yield derived.args
    reverse = derived.args[::-1]
    if getattr(written, "op", "") in COMMUTATIVE and [a.shape for a in written.args] == [a.shape for a in reverse]:
        yield reverse


def _among_terms(written: Node, derived: Node, screen: Screen, path: Path) -> Parting | None:
    """The term that has no counterpart; None where no term has one, or several have none."""
    mine = list(_terms(written, path))
    right = list(_terms(derived, ()))
    alone: list[_Term] = []
    for term in mine:
        twin = next((t for t in right if t.positive == term.positive and screen.equal(t.node, term.node)), None)
        if twin is None:
            alone.append(term)
        else:
            right.remove(twin)
    if len(alone) == len(mine) or len(alone) > 1 or len(right) > 1:
        return None
    if alone and right and alone[0].positive == right[0].positive:
        return parting(alone[0].node, right[0].node, screen, alone[0].path)
    if alone:
        return Parting(alone[0].path, right[0].node if right else None)
    if right:
        return Parting(path, right[0].node if right[0].positive else apply("negate", right[0].node), missing=True)
    return None


def _terms(node: Node, path: Path, positive: bool = True) -> Iterator[_Term]:
    if isinstance(node, Apply) and node.op in SUMS:
        for k, operand in enumerate(node.args):
            negative = node.op == "negate" or (node.op == "subtract" and k == 1)
            yield from _terms(operand, (*path, k), positive != negative)
    else:
        yield _Term(path, node, positive)
