"""Short matrix forms: sums of entrywise products in which known results are used again.

Products that are known under a name (`Y`, `softmax(Z)`) are named, repeated vectors go back into a sum where that makes
another name possible, and common factors are taken out where that is shorter.

Nothing here is trusted: what comes out is proven equal to what went in before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from eqgen.algebra.expressions import SCALAR, Apply, Node, Shape, apply, constant, operation_count
from eqgen.algebra.notation import notation
from eqgen.algebra.terms import (
    ONE,
    REPEATS,
    SUMS,
    Powers,
    Term,
    TooLong,
    like_terms,
    product,
    terms,
)

MAX_GROUPED = 8
"""Terms up to which factors that only some of them share are taken out."""
MAX_FACTORS = 4
"""How many such factors are tried."""

Note = Callable[[str, Node], None]
"""Told what was done, and the whole expression after it."""


# --- names -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A product that has a name: factors -> name, both of the same shape."""

    factors: tuple[tuple[Node, Fraction], ...]
    name: Node
    text: str
    """The equation that gives it the name."""

    def repeated(self, shape: Shape) -> Known | None:
        """The same for matrices of another shape over which the vector is repeated."""
        if self.name.shape == shape:
            return self
        for op, axis in (("row_repeat", 0), ("column_repeat", 1)):
            if self.name.shape[axis] == 1 and self.name.shape[1 - axis] == shape[1 - axis]:
                sizes = (shape[axis],)
                lifted = tuple((f if f.is_scalar else apply(op, f, sizes=sizes), p) for f, p in self.factors)
                return Known(lifted, apply(op, self.name, sizes=sizes), self.text)
        return None


def known(name: Node, value: Node) -> Known | None:
    """The definition `name = value` as a product; None where it is a sum, a copy, or has a coefficient."""
    try:
        parts = terms(value)
    except TooLong:
        return None
    if len(parts) != 1 or parts[0].coefficient != 1 or not parts[0].factors:
        return None
    factors = parts[0].factors
    if len(factors) == 1 and next(iter(factors.values())) == 1:
        return None
    return Known(tuple(factors.items()), name, f"{notation(name)} = {notation(value)}")


def _available(factors: Powers, wanted: Iterable[tuple[Node, Fraction]]) -> bool:
    return all(f in factors and factors[f] * p > 0 and abs(factors[f]) >= abs(p) for f, p in wanted)


def name_products(term: Term, names: Sequence[Known]) -> Iterator[Known]:
    """Use names in a term, then let repeated vectors go into the sums beside them where that allows another name."""
    lifted = [k for n in names if (k := n.repeated(term.shape)) is not None]
    while k := next((k for k in lifted if _available(term.factors, k.factors)), None):
        for factor, power in k.factors:
            term.multiply(factor, -power)
        term.multiply(k.name, ONE)
        yield k
    for factor in list(term.factors):
        if term.factors.get(factor) == 1 and _sum_of(factor) is not None:
            yield from _push_into_sum(term, factor, names)


def _sum_of(factor: Node) -> Apply | None:
    """The sum that a factor is, or repeats along the direction of the sum."""
    if not isinstance(factor, Apply):
        return None
    if factor.op in REPEATS:
        return factor
    if factor.op in SUMS and isinstance(factor.args[0], Apply) and factor.args[0].op == SUMS[factor.op]:
        return factor.args[0]
    return None


def _push_into_sum(term: Term, factor: Node, names: Sequence[Known]) -> Iterator[Known]:
    total = _sum_of(factor)
    assert total is not None and isinstance(factor, Apply)
    whole = total.args[0].shape
    parts = terms(total.args[0])
    if len(parts) != 1:
        return
    (inner,) = parts
    repeat = REPEATS[total.op]
    used: list[Known] = []

    def outside(f: Node) -> Node:
        """The factor of the term that becomes `f` inside of the sum."""
        return f.args[0] if factor is total and isinstance(f, Apply) and f.op == repeat else f

    for k in (lifted for n in names if (lifted := n.repeated(whole)) is not None):
        inside = [(f, p) for f, p in k.factors if f in inner.factors]
        others = [(f, p) for f, p in k.factors if f not in inner.factors]
        pushed = [(outside(f), p) for f, p in others if isinstance(f, Apply) and f.op == repeat]
        if not inside or not pushed or len(pushed) < len(others):
            continue
        if _available(inner.factors, inside) and _available(term.factors, pushed):
            for f, p in inside:
                inner.multiply(f, -p)
            for f, p in pushed:
                term.multiply(f, -p)
            inner.multiply(k.name, ONE)
            used.append(k)
    fresh = apply(total.op, product(Term(whole, inner.coefficient, inner.factors)))
    term.multiply(factor, -ONE)
    term.multiply(fresh if factor is total else apply(factor.op, fresh, sizes=factor.sizes), ONE)
    yield from used


# --- writing ---------------------------------------------------------------------------------------------


def tidied(node: Node, names: Iterable[Known] = (), note: Note | None = None, entrywise: bool = False) -> Node:
    """The expression with known products under their names and common factors taken out. Raises TooLong.

    note       is told each step
    entrywise  for functions of scalars, where numbers and matrices mix
    """
    parts = terms(node)
    if note is not None:
        note("multiplied out, like terms together", summed(parts, node.shape, entrywise))
    ordered = sorted(names, key=lambda k: -len(k.factors))
    for term in parts:
        for k in name_products(term, ordered):
            if note is not None:
                note(f"known: {k.text}", summed(parts, node.shape, entrywise))
    parts = like_terms(parts, node.shape)
    result = written(parts, node.shape, entrywise)
    if note is not None:
        note("common factors taken out", result)
    return result


def summed(parts: Sequence[Term], shape: Shape, entrywise: bool) -> Node:
    """The terms one by one, positive ones first."""
    if not parts:
        return constant(0) if shape == SCALAR or entrywise else apply("zeros", sizes=shape)
    ordered = sorted(parts, key=lambda t: t.coefficient < 0)
    total = product(ordered[0], entrywise)
    for term in ordered[1:]:
        size = product(Term(shape, abs(term.coefficient), term.factors), entrywise)
        total = apply("subtract" if term.coefficient < 0 else "add", total, size)
    return total


def written(parts: Sequence[Term], shape: Shape, entrywise: bool = False) -> Node:
    """A sum of terms as an expression, the shortest of some ways to take factors out."""
    candidates = [summed(parts, shape, entrywise)]
    if len(parts) > 1:
        common = _common(parts)
        if common.factors or common.coefficient != 1:
            candidates.insert(0, _factored(parts, common, shape, entrywise))
        elif len(parts) <= MAX_GROUPED:
            candidates += _grouped(parts, shape, entrywise)
    return min(candidates, key=operation_count)


def _factored(parts: Sequence[Term], common: Term, shape: Shape, entrywise: bool) -> Node:
    inverse = common.raised(Fraction(-1))
    assert inverse is not None
    return product(common, entrywise, written([t.times(inverse, shape) for t in parts], shape, entrywise))


def _grouped(parts: Sequence[Term], shape: Shape, entrywise: bool) -> Iterator[Node]:
    """The terms that share a factor or a number behind it, the others beside; for what most terms share."""
    shared: dict[object, list[Term]] = {}
    for term in parts:
        if abs(term.coefficient) != 1:
            shared.setdefault(abs(term.coefficient), []).append(term)
        for node, power in term.factors.items():
            shared.setdefault((node, power > 0), []).append(term)
    groups = [group for group in shared.values() if 1 < len(group) < len(parts)]
    for group in sorted(groups, key=len, reverse=True)[:MAX_FACTORS]:
        others = [t for t in parts if t not in group]
        left, right = written(group, shape, entrywise), written(others, shape, entrywise)
        if isinstance(left, Apply) and left.op == "negate":
            yield apply("subtract", right, left.args[0])
        elif isinstance(right, Apply) and right.op == "negate":
            yield apply("subtract", left, right.args[0])
        else:
            yield apply("add", left, right)


def _common(parts: Sequence[Term]) -> Term:
    """The factors, the number and the sign that all terms share."""
    first = parts[0]
    shared: Powers = {}
    for node, power in first.factors.items():
        powers = [t.factors.get(node, Fraction(0)) for t in parts]
        if all(p * power > 0 for p in powers):
            shared[node] = min(powers, key=abs)
    coefficients = {t.coefficient for t in parts}
    sizes = {abs(c) for c in coefficients}
    coefficient = sizes.pop() if len(sizes) == 1 else ONE
    if all(c < 0 for c in coefficients):
        coefficient = -coefficient
    return Term(first.shape, coefficient, shared)


__all__ = ["Known", "Note", "Powers", "Term", "TooLong", "known", "tidied", "written"]
