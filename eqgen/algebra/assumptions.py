"""What is known of the matrices of a subject, made known to an algebra.

What an algebra cannot use is left out: then less is proved, and nothing wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqgen.algebra.budget import Budget
from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Constant, Node, Symbol, distinct
from eqgen.algebra.index_form import Algebra, Reader, fits
from eqgen.algebra.inline import inline
from eqgen.algebra.questions import Subject


def prepared_algebra(subject: Subject, module: Module, budget: Budget) -> Algebra:
    """An algebra that knows which matrices are positive, one-hot or indices, and what is assumed."""
    algebra = Algebra(budget)
    algebra.one_hot = frozenset(f.name for f in subject.free if f.one_hot)
    algebra.index_names = frozenset(f.name for f in subject.free if f.bound is not None)
    declared = frozenset(f.name for f in subject.free if f.positive)
    algebra.positive_names = declared | frozenset(_positive_names(subject))
    derives = any(s.is_derivative or s.derivatives for s in subject.steps)
    algebra.ties_excluded = derives and has_maximum(subject)
    algebra.top = 2
    for assumption in subject.assumptions:
        _assume(algebra, inline(assumption, module))
    return algebra


def has_maximum(subject: Subject) -> bool:
    """Whether the maximum of a row or column occurs."""
    nodes = [a.value for a in subject.program]
    for step in subject.steps:
        nodes += [n for n in (step.written, step.expected, *(d.of for d in step.derivatives.values())) if n is not None]
    return any(isinstance(n, Apply) and n.op in ("rows_max", "columns_max") for top in nodes for n in distinct(top))


def _greater(assumption: Node) -> tuple[Node, Node] | None:
    """(larger, smaller) of a strict inequality."""
    if isinstance(assumption, Apply) and assumption.op == "greater":
        return assumption.args[0], assumption.args[1]
    if isinstance(assumption, Apply) and assumption.op == "less":
        return assumption.args[1], assumption.args[0]
    return None


def _positive_names(subject: Subject) -> Iterator[str]:
    """Names that an assumption `x > c` with c >= 0 makes positive."""
    for assumption in subject.assumptions:
        sides = _greater(assumption)
        if (
            sides is not None
            and isinstance(sides[0], Symbol)
            and isinstance(sides[1], Constant)
            and sides[1].value >= 0
        ):
            yield sides[0].name


def _assume(algebra: Algebra, assumption: Node) -> None:
    reader = Reader(algebra)
    if isinstance(assumption, Apply) and assumption.op == "equal":
        left, right = assumption.args
        i, j = fits(left.shape, 1, 2)
        algebra.assume_equal(reader.entry(left, i, j) - reader.entry(right, i, j))
    sides = _greater(assumption)
    if sides is not None and all(s.is_scalar for s in sides):
        algebra.assume_positive(reader.entry(sides[0], 0, 0) - reader.entry(sides[1], 0, 0))
