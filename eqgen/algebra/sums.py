"""Sums and maxima over an index, and the canonical names of bound indices.

A product under a sum falls apart into factors without the index, which move out, and connected parts, each of which
becomes an atom. Bound indices are named by colour refinement; what that cannot tell apart is tried out, and the least
result is taken. Should the search be cut short, two equal sums may get different atoms: an equation can then be
missed, never wrongly accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from eqgen.algebra.atoms import Bounds, Monomial, Rational, Terms
from eqgen.algebra.budget import Budget, LimitReached
from eqgen.algebra.expressions import Dim
from eqgen.algebra.normal_form import Core, Form, accumulate

MARK = -1_000_000
"""Stands for the index whose colour is being refined; -2_000_000 - c for an index of colour c."""
MAX_LEAVES = 256

Factors = Sequence[tuple[int, Rational]]


class Sums(Core):
    """Binders. `close` sums a form over indices, `maximise` takes its maximum over one."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self._closed: dict[tuple[Bounds, Monomial], Form] = self.memo()

    def total(self, dim: Dim, term: Callable[[int], Form]) -> Form:
        """The sum of term(k) over all positions k of a dimension."""
        return self.bind(dim, term, lambda code, form: self.close(((code, dim),), form))

    def bind(self, dim: Dim, term: Callable[[int], Form], binder: Callable[[int, Form], Form]) -> Form:
        if dim == 1:
            return term(0)
        code = self.top = self.top + 1
        try:
            return binder(code, term(code))
        finally:
            self.top = code - 1

    def close(self, bounds: Bounds, form: Form) -> Form:
        if not bounds:
            return form
        terms: Terms = {}
        for monomial, c in form.terms.items():
            accumulate(terms, self._close(bounds, monomial).terms, c)
        return Form(self, terms)

    def _close(self, bounds: Bounds, monomial: Monomial) -> Form:
        key = (bounds, monomial)
        found = self._closed.get(key)
        if found is None:
            self.budget.spend()
            found = self._closed[key] = self._sum(bounds, monomial)
        return found

    def _sum(self, bounds: Bounds, monomial: Monomial) -> Form:
        codes = {code for code, _ in bounds}
        atoms = self.atoms
        for serial, exponent in monomial:
            atom = atoms[serial]
            if codes.isdisjoint(atom.free):
                continue
            rest = tuple(f for f in monomial if f[0] != serial)
            if atom.kind == "delta":
                i, j = atom.indices
                gone, kept = (i, j) if i in codes else (j, i)
                return self.close(
                    tuple(b for b in bounds if b[0] != gone), self.rename(self.single(rest), {gone: kept})
                )
            if atom.kind == "sum" and type(exponent) is int and exponent > 0:
                return self._flatten(bounds, rest, serial, exponent)
        for bound in bounds:
            inside = [f for f in monomial if bound[0] in atoms[f[0]].free]
            if len(inside) == 1 and inside[0][1] == 1 and self._sums_to_one(bound, inside[0][0]):
                return self._close(tuple(b for b in bounds if b != bound), tuple(f for f in monomial if f != inside[0]))
        result = self.one
        outside: list[tuple[int, Rational]] = []
        dims = dict(bounds)
        used: set[int] = set()
        for part, members in _connected(codes, [(f, codes & atoms[f[0]].free) for f in monomial], outside):
            used |= part
            result = self.multiply(result, self._part([(c, dims[c]) for c, _ in bounds if c in part], members))
        for code, dim in bounds:
            if code not in used:
                result = self.multiply(result, self.dimension(dim))
        return self.multiply(result, self.single(tuple(outside)))

    def _flatten(self, bounds: Bounds, rest: Monomial, serial: int, exponent: int) -> Form:
        """Natural powers of an inner sum: its indices are summed together with the outer ones."""
        atom = self.atoms[serial]
        form = self.single(rest)
        before = self.top
        try:
            for _ in range(exponent):
                codes = range(self.top + 1, self.top + 1 + len(atom.dims))
                self.top += len(codes)
                form = self.multiply(form, self.open(atom, codes))
                bounds = bounds + tuple(zip(codes, atom.dims, strict=True))
            return self.close(bounds, form)
        finally:
            self.top = before

    def _part(self, bounds: list[tuple[int, Dim]], factors: Factors) -> Form:
        """The sum of a connected product."""
        form, labels = self._labelled(bounds, factors)
        if not form.terms:
            return form
        (monomial, c), *more = form.terms.items()
        height = max(self.atoms[s].height for s, _ in monomial)
        if more or labels[0][0] != -(height + 1):
            raise LimitReached("a sum whose factors change when its index is renamed")
        serial = self.intern("sum", extra=monomial, dims=tuple(dim for _, dim in labels))
        return self.power_of(serial).scaled(c)

    def _sums_to_one(self, bound: tuple[int, Dim], serial: int) -> bool:
        """Over all positions an index may select, over a one-hot row, over the places of a maximum without ties."""
        atom = self.atoms[serial]
        code = bound[0]
        if atom.kind == "selection":
            return atom.indices == (code,) and code not in self.form_free(atom.forms[0])
        if atom.kind == "tensor":
            return atom.name in self.one_hot and atom.indices[1] == code != atom.indices[0]
        return atom.kind == "zero" and self.ties_excluded and self._is_attained(bound, atom.serial)

    def _is_attained(self, bound: tuple[int, Dim], serial: int) -> bool:
        """Whether the condition is F[k] = max F, k bound."""
        d = self.condition(self.atoms[serial])
        for monomial in d.terms:
            if (
                len(monomial) == 1
                and monomial[0][1] == 1
                and (atom := self.atoms[monomial[0][0]]).kind == "max"
                and atom.dims == (bound[1],)
            ):
                difference = self.open(atom, (bound[0],)) - self.single(monomial)
                if difference.key in (d.key, (-d).key):
                    return True
        return False

    def maximise(self, bound: tuple[int, Dim], form: Form) -> Form:
        """The maximum over an index: what does not depend on it moves out, positive factors too."""
        code, dim = bound
        if code not in self.form_free(form):
            return form
        outside: Terms = {m: c for m, c in form.terms.items() if code not in self.free(m)}
        inside = Form(self, {m: c for m, c in form.terms.items() if m not in outside})
        scale, inside = self.common_factor(inside, code)
        height = max(self.atoms[s].height for m in inside.terms for s, _ in m)
        labelled = self.rename(inside, {code: -(height + 1)})
        if max((self.atoms[s].height for m in labelled.terms for s, _ in m), default=0) != height:
            raise LimitReached("a maximum whose argument changes when its index is renamed")
        return Form(self, outside) + scale * self.power_of(self.intern("max", forms=(labelled,), dims=(dim,)))

    # --- names of bound indices ----------------------------------------------------------------------

    def _labelled(self, bounds: list[tuple[int, Dim]], factors: Factors) -> tuple[Form, list[tuple[int, Dim]]]:
        """The product with canonical labels for the bound indices, and the labels with their dimensions, in order."""
        height = max(self.atoms[s].height for s, _ in factors)
        if len(bounds) == 1:
            label = -(height + 1)
            return self._renamed(factors, {bounds[0][0]: label}), [(label, bounds[0][1])]
        dims = dict(bounds)
        best: tuple[Any, Form, list[int]] | None = None
        for count, order in enumerate(self._orders(dims, factors)):
            labels = {code: -(height + 1 + p) for p, code in enumerate(order)}
            form = self._renamed(factors, labels)
            key = tuple(form.terms)
            if best is not None and key == best[0] and form.terms != best[1].terms:
                # Another naming gives the same product with the other sign: the sum is its own opposite.
                return self.zero_form, []
            if best is None or key < best[0]:
                best = (key, form, order)
            if count >= MAX_LEAVES:
                break
        assert best is not None
        return best[1], [(-(height + 1 + p), dims[code]) for p, code in enumerate(best[2])]

    def _renamed(self, factors: Factors, mapping: dict[int, int]) -> Form:
        """The product under an injective renaming, in which no two factors merge."""
        merged: dict[int, Rational] = {}
        coefficient: Rational = 1
        for serial, exponent in factors:
            form = self.renamed_factor(serial, exponent, mapping)
            if len(form.terms) != 1:
                raise LimitReached("a factor that changes its form when its index is renamed")
            ((monomial, c),) = form.terms.items()
            coefficient = coefficient * c
            for s, e in monomial:
                merged[s] = merged.get(s, 0) + e
        return Form(self, {tuple(sorted(merged.items())): coefficient})

    def _orders(self, dims: dict[int, Dim], factors: Factors) -> Iterator[list[int]]:
        """Orders of the bound indices that refinement leaves open; the first of each class of twins only."""
        sizes = sorted({str(d) for d in dims.values()})
        yield from self._individualise({code: sizes.index(str(d)) for code, d in dims.items()}, factors)

    def _individualise(self, colours: dict[int, int], factors: Factors) -> Iterator[list[int]]:
        colours = self._refine(colours, factors)
        classes: dict[int, list[int]] = {}
        for code, colour in colours.items():
            classes.setdefault(colour, []).append(code)
        tied = next((members for colour, members in sorted(classes.items()) if len(members) > 1), None)
        if tied is None:
            yield sorted(colours, key=colours.__getitem__)
            return
        tried: list[int] = []
        for code in tied:
            if any(self._twins(code, other, factors) for other in tried):
                continue
            tried.append(code)
            yield from self._individualise(
                {c: 2 * k + (c != code and k == colours[code]) for c, k in colours.items()}, factors
            )

    def _twins(self, one: int, other: int, factors: Factors) -> bool:
        """Whether exchanging two indices leaves the product as it is."""
        exchanged = self._renamed(factors, {one: other, other: one})
        return exchanged.terms == {tuple(sorted(factors)): 1}

    def _refine(self, colours: dict[int, int], factors: Factors) -> dict[int, int]:
        while True:
            signatures = {
                code: (colours[code], tuple(sorted(self._signatures(code, colours, factors)))) for code in colours
            }
            ranks = {s: k for k, s in enumerate(sorted(set(signatures.values())))}
            refined = {code: ranks[s] for code, s in signatures.items()}
            if len(ranks) == len(set(colours.values())):
                return refined
            colours = refined

    def _signatures(self, code: int, colours: dict[int, int], factors: Factors) -> Iterator[tuple[Any, ...]]:
        for serial, exponent in factors:
            atom = self.atoms[serial]
            if code not in atom.free:
                continue
            names = {c: -2_000_000 - k for c, k in colours.items() if c != code}
            names[code] = MARK
            if atom.kind == "tensor":
                yield (0, atom.rank, tuple(names.get(i, i) for i in atom.indices), exponent)
            else:
                # Without its sign, which may depend on the names: what is antisymmetric then ties, and vanishes.
                renamed = self.renamed_factor(serial, exponent, {c: n for c, n in names.items() if c in atom.free})
                yield (1, atom.rank, tuple(sorted(renamed.terms)), exponent)


def _connected(
    codes: set[int],
    factors: list[tuple[tuple[int, Rational], set[int] | frozenset[int]]],
    outside: list[tuple[int, Rational]],
) -> Iterator[tuple[set[int], list[tuple[int, Rational]]]]:
    """Groups of factors that share bound indices, with their indices; factors without any go to `outside`."""
    groups: list[tuple[set[int], list[tuple[int, Rational]]]] = []
    for factor, inside in factors:
        if not inside:
            outside.append(factor)
            continue
        indices, members = set(inside), [factor]
        rest = []
        for group in groups:
            if group[0].isdisjoint(indices):
                rest.append(group)
            else:
                indices |= group[0]
                members = group[1] + members
        groups = [*rest, (indices, members)]
    yield from groups
