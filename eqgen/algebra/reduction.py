"""What products of special atoms are: the rewriting rules behind `Core.product`.

p^(n + f)          = p^n p^f for a prime p: the whole part is a number
[c]^n              = [c];  products of conditions on one quantity are sums of single conditions
delta(i, j) x[j]   = delta(i, j) x[i]
[u = 0] t          = [u = 0] v, where u = 0 means t = v for a tensor entry t
base^n             is multiplied out for natural n
lead base^q        = base^(q + 1) - rest base^q: division with remainder, for q not natural, so that quotients of
                     sums have one form also where they cannot be brought over a common denominator, under a sum
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

from eqgen.algebra.atoms import Atom, Monomial, Rational, Terms, exact
from eqgen.algebra.budget import Budget
from eqgen.algebra.normal_form import Core, Form
from eqgen.algebra.powers import number_power
from eqgen.algebra.rewriting import Rewrite


class Reduction(Core):
    """Products in which special atoms occur."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self.equations: dict[int, list[tuple[Atom, Form]]] = {}
        """What an assumption makes of atoms, by rank: (pattern, value) over the free indices of the pattern."""

    def is_special(self, atom: Atom) -> bool:
        if atom.kind == "tensor":
            return atom.name in self.one_hot or atom.rank in self.equations
        return atom.kind in ("prime", "positive", "zero", "delta", "selection", "base") or atom.rank in self.equations

    def reduce(self, factors: dict[int, Rational]) -> Terms:
        special = [s for s in factors if s in self.special]
        if not special:
            return {tuple(sorted(factors.items())): 1}
        self.budget.spend()
        coefficient: Rational = 1
        by_kind: dict[str, list[int]] = {}
        for serial in sorted(special):
            atom = self.atoms[serial]
            kind = "one_hot" if atom.kind == "tensor" and atom.name in self.one_hot else atom.kind
            e = factors[serial]
            if kind == "prime":
                whole = floor(e)
                coefficient = coefficient * number_power(atom.extra, whole)
                if e == whole:
                    del factors[serial]
                else:
                    factors[serial] = e - whole
            elif kind in ("positive", "zero", "delta", "selection", "one_hot") and e > 0:
                factors[serial] = 1
                by_kind.setdefault(kind, []).append(serial)
            elif kind == "base":
                by_kind.setdefault(kind, []).append(serial)
        form = self._apply_rules(factors, special, by_kind)
        if form is None:
            return {tuple(sorted(factors.items())): exact(coefficient)}
        return form.scaled(exact(coefficient)).terms

    def _apply_rules(
        self, factors: dict[int, Rational], special: list[int], by_kind: dict[str, list[int]]
    ) -> Form | None:
        """The first rule that applies gives the whole product; None when no rule does."""
        if self.equations:
            for serial in special:
                if serial in factors and (value := self._assumed(self.atoms[serial])) is not None:
                    return self._times(factors, (serial,), self.power(value, factors[serial]))
        thresholds = by_kind.get("positive", []) + by_kind.get("zero", [])
        if len(thresholds) > 1 and (found := self._thresholds(factors, thresholds)) is not None:
            return found
        for kind, rule in (
            ("delta", self._delta),
            ("selection", self._selection),
            ("one_hot", self._one_hot),
            ("zero", self._tie),
            ("base", self._base),
        ):
            if kind in by_kind and (found := rule(factors, by_kind[kind])) is not None:
                return found
        return None

    def _times(self, factors: dict[int, Rational], without: tuple[int, ...], value: Form) -> Form:
        rest = Form(self, self.reduce({s: e for s, e in factors.items() if s not in without}))
        return self.multiply(rest, value)

    # --- conditions ----------------------------------------------------------------------------------

    def _thresholds(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        atoms = [self.atoms[s] for s in serials]
        for k, one in enumerate(atoms):
            for other in atoms[k + 1 :]:
                if one.forms[0].key == other.forms[0].key:
                    return self._times(factors, (one.serial, other.serial), self._both(one, other))
                if (
                    self.known_positive
                    and one.kind == other.kind == "positive"
                    and self.sign(self.condition(one) + self.condition(other)) < 0
                ):
                    return self.zero_form
        return None

    def _both(self, one: Atom, other: Atom) -> Form:
        """The product of two conditions on one quantity u, as a sum of single ones."""
        if one.kind == "zero" or other.kind == "zero":
            point, condition = (one, other) if one.kind == "zero" else (other, one)
            if condition.kind == "zero":
                return self.power_of(point.serial) if point.extra == condition.extra else self.zero_form
            side, c = condition.extra
            return self.power_of(point.serial) if (point.extra - c) * side > 0 else self.zero_form
        (side, c), (other_side, k) = one.extra, other.extra
        if side == other_side:
            return self.power_of((one if (c - k) * side >= 0 else other).serial)
        if (k - c) * side <= 0:
            return self.zero_form  # above c and below k <= c
        return self.power_of(one.serial) + self.power_of(other.serial) - self.one

    def _tie(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        """[u = c] x: where u = c an entry of a tensor in u has a known value, which is put into the other factors."""
        for serial in serials:
            atom = self.atoms[serial]
            pivot = self._pivot(self.condition(atom))
            if pivot is None:
                continue
            entry, value = pivot
            others = [
                s
                for s in factors
                if s != serial and entry.name in self.atoms[s].names and self._reads(self.atoms[s], entry)
            ]
            if others:
                rewrite = _EntryRewrite(self, entry, value)
                form = self.product_of(rewrite.factor(s, factors[s]) for s in sorted(others))
                return self._times(factors, tuple(others), form)
        return None

    def _pivot(self, d: Form) -> tuple[Atom, Form] | None:
        """A tensor entry t and a form v without it, such that d = 0 means t = v."""
        for monomial, c in sorted(d.terms.items(), reverse=True):
            atom = self.atoms[monomial[0][0]] if len(monomial) == 1 and monomial[0][1] == 1 else None
            if atom is None or atom.kind != "tensor":
                continue
            rest = Form(self, {m: k for m, k in d.terms.items() if m != monomial})
            if not any(self._reads(self.atoms[s], atom) for m in rest.terms for s, _ in m):
                return atom, rest.scaled(exact(Fraction(-1) / c))
        return None

    def _reads(self, atom: Atom, entry: Atom) -> bool:
        """Whether the entry occurs in the atom, outside of binders or within."""
        if atom is entry:
            return True
        if entry.name not in atom.names:
            return False
        inner = [atom.extra] if atom.kind == "sum" else [m for f in atom.forms for m in f.terms]
        return any(self._reads(self.atoms[s], entry) for m in inner for s, _ in m)

    # --- deltas and selections -----------------------------------------------------------------------

    def _delta(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        for serial in serials:
            i, j = self.atoms[serial].indices
            kept, gone = min(i, j), max(i, j)
            others = sorted(s for s in factors if s != serial and gone in self.atoms[s].free)
            if others:
                form = self.product_of(self.renamed_factor(s, factors[s], {gone: kept}) for s in others)
                return self._times(factors, tuple(others), form)
        return None

    def _selection(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        """An index selects one position only."""
        atoms = [self.atoms[s] for s in serials]
        for k, one in enumerate(atoms):
            for other in atoms[k + 1 :]:
                if one.forms[0].key == other.forms[0].key:
                    return self._times(factors, (other.serial,), self.delta(one.indices[0], other.indices[0]))
        return None

    def _one_hot(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        """A one-hot row has one entry that is not zero."""
        atoms = [self.atoms[s] for s in serials]
        for k, one in enumerate(atoms):
            for other in atoms[k + 1 :]:
                if one.name == other.name and one.indices[0] == other.indices[0]:
                    return self._times(factors, (other.serial,), self.delta(one.indices[1], other.indices[1]))
        return None

    def delta(self, i: int, j: int) -> Form:
        if i == j:
            return self.one
        return self.power_of(self.intern("delta", indices=(min(i, j), max(i, j))))

    def selection(self, index: Form, position: int) -> Form:
        return self.power_of(self.intern("selection", forms=(index,), indices=(position,)))

    # --- bases ---------------------------------------------------------------------------------------

    def _base(self, factors: dict[int, Rational], serials: list[int]) -> Form | None:
        for serial in serials:
            e = factors[serial]
            if type(e) is int and e > 0:
                return self._times(factors, (serial,), self.power(self.atoms[serial].forms[0], e))
        if self.reducing:
            for serial in serials:
                atom = self.atoms[serial]
                if atom.lead is not None and all(factors.get(s, 0) >= x for s, x in atom.lead):
                    return self._divided(factors, atom)
        return None

    def _divided(self, factors: dict[int, Rational], base: Atom) -> Form:
        """lead m base^q = (m base^(q + 1) - rest m base^q) / c, with base = c lead + rest."""
        assert base.lead is not None
        form = base.forms[0]
        c = form.terms[base.lead]
        others = {s: e for s, e in factors.items() if s != base.serial}
        for s, x in base.lead:
            left = exact(others[s] - x)
            if left:
                others[s] = left
            else:
                del others[s]
        m = Form(self, self.reduce(others))
        q = factors[base.serial]
        rest = Form(self, {k: v for k, v in form.terms.items() if k != base.lead})
        quotient = self.multiply(m, self.power_of(base.serial, exact(q + 1)))
        remainder = self.multiply(self.multiply(m, rest), self.power_of(base.serial, q))
        return (quotient - remainder).scaled(exact(Fraction(1) / c))

    # --- assumed equations ---------------------------------------------------------------------------

    def assume_equal(self, form: Form) -> bool:
        """Use `form = 0`, for all values of its free indices, as a rule. False when no term of it is a single atom."""
        free = self.form_free(form)
        single = [(m, c) for m, c in form.terms.items() if len(m) == 1 and m[0][1] == 1 and self.free(m) == free]
        kinds = ("tensor", "sum", "function", "max")
        candidates = [(m, c) for m, c in single if self.atoms[m[0][0]].kind in kinds]
        if not candidates:
            return False
        monomial, c = max(candidates, key=lambda mc: self.order(mc[0]))
        atom = self.atoms[monomial[0][0]]
        rest = Form(self, {m: k for m, k in form.terms.items() if m != monomial})
        if not any(self._reads(self.atoms[s], atom) for m in rest.terms for s, _ in m):
            self.equations.setdefault(atom.rank, []).append((atom, rest.scaled(exact(Fraction(-1) / c))))
            self.special.update(a.serial for a in self.atoms if a.rank == atom.rank)
            self.forget()
            return True
        return False

    def _assumed(self, atom: Atom) -> Form | None:
        for pattern, value in self.equations.get(atom.rank, ()):
            mapping = self._matched(pattern, atom, {})
            if mapping is not None:
                return self.rename(value, mapping)
        return None

    def _matched(self, pattern: Atom, atom: Atom, mapping: dict[int, int]) -> dict[int, int] | None:
        """The mapping extended so that it takes the free indices of a pattern to those of an atom, if there is one."""
        if pattern.rank != atom.rank:
            return None
        mapping = dict(mapping)
        for p, i in zip(pattern.indices, atom.indices, strict=True):
            if (p <= 0 and p != i) or (p > 0 and mapping.setdefault(p, i) != i):
                return None
        pairs = list(zip(pattern.forms, atom.forms, strict=True))
        if pattern.kind == "sum":
            pairs.append((self.single(pattern.extra), self.single(atom.extra)))
        found: dict[int, int] | None = mapping
        for left, right in pairs:
            found = None if found is None else self._matched_terms(list(left.terms.items()), dict(right.terms), found)
        return found

    def _matched_terms(
        self, left: list[tuple[Monomial, Rational]], right: Terms, mapping: dict[int, int]
    ) -> dict[int, int] | None:
        if not left:
            return mapping if not right else None
        (monomial, c), *rest = left
        for other, d in sorted(right.items()):
            if c == d and (found := self._matched_factors(list(monomial), list(other), mapping)) is not None:
                remaining = {m: k for m, k in right.items() if m != other}
                if (complete := self._matched_terms(rest, remaining, found)) is not None:
                    return complete
        return None

    def _matched_factors(
        self, left: list[tuple[int, Rational]], right: list[tuple[int, Rational]], mapping: dict[int, int]
    ) -> dict[int, int] | None:
        if not left:
            return mapping if not right else None
        (serial, e), *rest = left
        for k, (other, x) in enumerate(right):
            found = self._matched(self.atoms[serial], self.atoms[other], mapping) if e == x else None
            if (
                found is not None
                and (complete := self._matched_factors(rest, right[:k] + right[k + 1 :], found)) is not None
            ):
                return complete
        return None


class _EntryRewrite(Rewrite):
    """Replaces one entry of a tensor, the one with these very indices."""

    def __init__(self, algebra: Core, entry: Atom, value: Form) -> None:
        i, j = entry.indices

        def replaced(k: int, m: int) -> Form:
            return value if (k, m) == (i, j) else algebra.tensor(entry.name, k, m)

        tensors: dict[str, Callable[[int, int], Form]] = {entry.name: replaced}
        super().__init__(algebra, tensors=tensors)
