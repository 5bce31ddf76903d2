"""Conditions in normal form, and functions of forms that contain them.

A condition on a form d is a product of thresholds: with d = s g (u - c), where g is positive and c a rational number,
d > 0 is the atom `u > c` or `u < c`, and d = 0 is the atom `u = c`. `u` is the same for all conditions that compare
the same quantity, so that their products can be decided: see `Reduction`. Every rule here holds at ties too, so that a
derivative taken afterwards follows the table's convention there.

`max(a, b)` is b + (a - b) [a > b], `where(c, x, y)` is c x + (1 - c) y. A function of a form that contains
conditions is split into cases: f(F) = c f(F given c) + (1 - c) f(F given not c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import gcd, lcm
from typing import TypeAlias

from eqgen.algebra.atoms import BOOLEANS, UNIT, Atom, Monomial, Rational, Terms, exact
from eqgen.algebra.budget import Budget, Undefined
from eqgen.algebra.expressions import Dim
from eqgen.algebra.normal_form import Core, Form, accumulate
from eqgen.algebra.powers import leading

Selector: TypeAlias = tuple[str, str, int]
"""("tensor", name, row) for a row of a one-hot tensor; ("selection", "", atom) for what an index selects."""

MAX_CASES = 6
"""A form with more conditions than this is not split into cases."""


class Conditions(Core):
    """Signs, conditions and cases."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self._signs: dict[int, int] = self.memo()
        self._conditions: dict[tuple[str, int], Form] = self.memo()
        self._cases = 0

    # --- signs ---------------------------------------------------------------------------------------

    def atom_sign(self, atom: Atom) -> int:
        match atom.kind:
            case "size" | "prime" | "constant":
                return 2
            case "tensor":
                return 2 if atom.name in self.positive_names else 1 if atom.name in self.one_hot else 0
            case "delta" | "selection" | "positive" | "zero":
                return 1
            case "function":
                return 2 if atom.name == "exp" else 0
            case "base" | "max":
                return max(self.sign(atom.forms[0]), 0)
            case "sum":
                return max(self._monomial_sign(atom.extra), 0)
        return 0

    def _monomial_sign(self, monomial: Monomial) -> int:
        """2 when all factors are positive, 1 when their product is not negative, -1 when not positive, else 0."""
        result, side = 2, 1
        for serial, e in monomial:
            sign = self.atoms[serial].sign
            if sign == 2 or (e < 0 and (sign == 1 or type(e) is Fraction)):
                continue
            if sign == 1 or type(e) is Fraction or (type(e) is int and e % 2 == 0):
                # An even power may be zero, but not where it is a divisor.
                result = result if e < 0 else 1
            elif known := self._side(serial, monomial):
                # [x > 0] x is not negative, and zero where the condition does not hold.
                result, side = 1, side * known
            else:
                return 0
        return result * side

    def _side(self, serial: int, monomial: Monomial) -> int:
        """1 or -1 where a condition in the monomial tells that an atom is positive or negative, else 0."""
        for other, _ in monomial:
            atom = self.atoms[other]
            if atom.kind == "positive" and atom.forms[0].terms == {((serial, 1),): 1}:
                side, threshold = atom.extra
                if threshold * side >= 0:
                    return int(side)
        return 0

    def sign(self, form: Form) -> int:
        """2 positive, 1 nonnegative, -1 nonpositive, -2 negative, 0 unknown. Zero counts as nonnegative."""
        found = self._signs.get(form.key)
        if found is None:
            self._signs[form.key] = 0
            found = self._signs[form.key] = self._sign(form)
        return found

    def _sign(self, form: Form) -> int:
        found = self._sum_sign(form)
        if found or len(form.terms) < 2:
            return found
        if any(e < 0 for m in form.terms for _, e in m):
            content, primitive = self.content(form, False)
            if content.key != self.one.key and len(content.terms) == 1 and (sign := self._sum_sign(primitive)):
                return sign
        for known in self.known_positive:
            for direction in (1, -1):
                if self._exceeds(form.scaled(direction), known):
                    return 2 * direction
        return 0

    def _exceeds(self, form: Form, known: Form) -> bool:
        """Whether the form is a positive multiple of a known positive form plus something that is not negative."""
        for monomial, c in form.terms.items():
            ratio = Fraction(c) / known.terms[monomial] if monomial in known.terms else Fraction(0)
            if ratio > 0 and self._sum_sign(form - known.scaled(exact(ratio))) >= 1:
                return True
        return False

    def assume_positive(self, form: Form) -> None:
        """Use that a form is positive, from here on."""
        self.known_positive.append(form)
        self.forget()

    def _sum_sign(self, form: Form) -> int:
        if not form.terms:
            return 1
        signs = []
        for monomial, c in form.terms.items():
            sign = self._monomial_sign(monomial)
            signs.append(sign if c > 0 else -sign)
        if all(s > 0 for s in signs):
            return max(signs)
        if all(s < 0 for s in signs):
            return min(signs)
        return 0

    # --- conditions ----------------------------------------------------------------------------------

    def positive(self, form: Form) -> Form:
        """1 where the form is positive, else 0."""
        return self._remembered("positive", form)

    def zero(self, form: Form) -> Form:
        """1 where the form is zero, else 0."""
        return self._remembered("zero", form)

    def _remembered(self, kind: str, form: Form) -> Form:
        key = (kind, form.key)
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = self.lift(form, lambda f: self._condition(kind, f))
        return found

    def _condition(self, kind: str, form: Form) -> Form:
        sign = self.sign(form)
        value = form.constant()
        if kind == "positive":
            if sign == 2 or (value is not None and value > 0):
                return self.one
            if sign < 0 or value is not None:
                return self.zero_form
            if sign == 1:
                return self.one - self.zero(form)
        else:
            if value is not None:
                return self.one if value == 0 else self.zero_form
            if abs(sign) == 2:
                return self.zero_form
        d = self._without_positive_factors(form, kind)
        compared = self._compared_by_logarithms(d)
        if compared is not None:
            return self._remembered(kind, compared)
        direction = Form(self, {m: c for m, c in d.terms.items() if m != UNIT})
        constant = Fraction(d.terms.get(UNIT, 0))
        scale = Fraction(
            gcd(*(c.numerator for c in direction.terms.values())),
            lcm(*(c.denominator for c in direction.terms.values())),
        )
        side = 1 if direction.terms[leading(self, direction.terms)] > 0 else -1
        u = direction.scaled(exact(side / scale))
        threshold = exact(-side * constant / scale)
        extra = (side, threshold) if kind == "positive" else threshold
        return self.power_of(self.intern(kind, forms=(u,), extra=extra))

    def _without_positive_factors(self, form: Form, kind: str) -> Form:
        """A form that is positive, or zero, where the given one is."""
        if len(form.terms) > 1:
            form = self.content(form, False)[1]
        if len(form.terms) == 1:
            ((monomial, c),) = form.terms.items()
            rest = tuple(f for f in monomial if self.atoms[f[0]].sign < 2)
            if len(rest) == 1 and type(e := rest[0][1]) is int and (kind == "zero" or e % 2):
                rest = ((rest[0][0], 1),)
            return self.single(rest, 1 if c > 0 else -1)
        return form

    def _compared_by_logarithms(self, form: Form) -> Form | None:
        """a exp(u) - b exp(v), for positive a and b, is positive where u + log(a) - v - log(b) is."""
        terms = sorted(form.terms.items(), key=lambda t: t[1] < 0)
        if len(terms) != 2 or not terms[0][1] > 0 > terms[1][1]:
            return None
        if any(self._monomial_sign(m) != 2 for m, _ in terms) or not any(self._is_exponential(m) for m, _ in terms):
            return None
        (m, a), (n, b) = terms
        return self.log(self.single(m, a)) - self.log(self.single(n, -b))

    def _is_exponential(self, monomial: Monomial) -> bool:
        return any(self.atoms[s].kind == "function" and self.atoms[s].name == "exp" for s, _ in monomial)

    def condition(self, atom: Atom) -> Form:
        """The form d that the condition says is positive, or zero."""
        if atom.kind == "positive":
            side, threshold = atom.extra
            return (atom.forms[0] - self.number(threshold)).scaled(side)
        return atom.forms[0] - self.number(atom.extra)

    def compare(self, relation: str, left: Form, right: Form) -> Form:
        match relation:
            case "<":
                return self.positive(right - left)
            case ">":
                return self.positive(left - right)
            case "<=":
                return self.one - self.positive(left - right)
            case ">=":
                return self.one - self.positive(right - left)
        return self.zero(left - right)

    def where(self, condition: Form, yes: Form, no: Form) -> Form:
        if self.multiply(condition, condition).terms != condition.terms:
            condition = self.one - self.zero(condition)
        return no + self.multiply(condition, yes - no)

    def larger(self, left: Form, right: Form) -> Form:
        return right + self.multiply(left - right, self.positive(left - right))

    def smaller(self, left: Form, right: Form) -> Form:
        return right + self.multiply(left - right, self.positive(right - left))

    # --- cases ---------------------------------------------------------------------------------------

    def lift(self, form: Form, function: Callable[[Form], Form]) -> Form:
        """function(form), split into the cases of the conditions that are factors of its terms."""
        serial = min((s for m in form.terms for s, _ in m if self.is_boolean(self.atoms[s])), default=None)
        if self._cases >= MAX_CASES:
            return function(form)
        if serial is None:
            return self.lift_selection(form, function) if self.one_hot or self.index_names else function(form)
        self._cases += 1
        try:
            yes = self.lift(self.given(form, self.atoms[serial], True), function)
            no = self.lift(self.given(form, self.atoms[serial], False), function)
        except Undefined:
            return function(form)
        finally:
            self._cases -= 1
        return no + self.multiply(self.power_of(serial), yes - no)

    # --- selections ----------------------------------------------------------------------------------

    def lift_selection(self, form: Form, function: Callable[[Form], Form]) -> Form:
        """f(sum_k s_k F_k) = sum_k s_k f(F_k) where exactly one s_k is 1 and the others are 0.

        s is a one-hot row, or tells which position an index selects.
        """
        found = next((s for m in form.terms for serial, _ in m for s in self._selectors(self.atoms[serial])), None)
        if found is None:
            return function(form)
        key, dim = found
        code = self.top = self.top + 1
        self._cases += 1
        try:
            given = self.zero_form
            for monomial, c in form.terms.items():
                product = self.number(c)
                for serial, e in monomial:
                    product = self.multiply(product, self.power(self._selected(serial, key, dim, code), e))
                given = given + product
            kind, name, what = key
            selector = (
                self.tensor(name, what, code) if kind == "tensor" else self.selection(self.atoms[what].forms[0], code)
            )
            return self.close(((code, dim),), self.multiply(selector, self.lift(given, function)))
        finally:
            self._cases -= 1
            self.top = code - 1

    def _selectors(self, atom: Atom) -> Iterator[tuple[Selector, Dim]]:
        """The selectors over an index of a sum, with the dimension of the index."""
        if atom.kind == "sum":
            for label, dim in zip(atom.labels, atom.dims, strict=True):
                for serial, e in atom.extra:
                    key = self._selector(self.atoms[serial], label)
                    if key is not None and e == 1 and self.atoms[serial].free & set(atom.labels) == {label}:
                        yield key, dim

    def _selector(self, factor: Atom, index: int) -> Selector | None:
        if factor.kind == "tensor" and factor.name in self.one_hot and factor.indices[1] == index != factor.indices[0]:
            return ("tensor", factor.name, factor.indices[0])
        if factor.kind == "selection" and factor.indices == (index,):
            # The atom that selects position 0 stands for the index itself.
            return ("selection", "", self.intern("selection", forms=factor.forms, indices=(0,)))
        return None

    def _selected(self, serial: int, key: Selector, dim: Dim, code: int) -> Form:
        """A factor, given that position `code` is the selected one."""
        atom = self.atoms[serial]
        if (key, dim) not in self._selectors(atom):
            return self.power_of(serial)
        labels = list(zip(atom.labels, atom.dims, strict=True))
        chosen = next(
            label
            for label, d in labels
            if d == dim and any(self._selector(self.atoms[s], label) == key for s, _ in atom.extra)
        )
        rest = tuple(f for f in atom.extra if self._selector(self.atoms[f[0]], chosen) != key)
        before = self.top
        codes = {label: code if label == chosen else before + 1 + p for p, label in enumerate(atom.labels)}
        self.top += len(labels)
        try:
            body = self.rename(self.single(rest), codes)
            return self.close(tuple((codes[label], d) for label, d in labels if label != chosen), body)
        finally:
            self.top = before

    def is_boolean(self, atom: Atom) -> bool:
        return atom.kind in BOOLEANS or (atom.kind == "tensor" and atom.name in self.one_hot)

    def given(self, form: Form, atom: Atom, holds: bool) -> Form:
        """The form where a condition is known to hold, or not to hold."""
        if atom.kind == "delta" and holds:
            i, j = atom.indices
            return self.rename(form, {max(i, j): min(i, j)})
        terms: Terms = {}
        for monomial, c in form.terms.items():
            kept = []
            for serial, e in monomial:
                value = consequence(self.atoms[serial], atom, holds)
                if value is None:
                    kept.append((serial, e))
                elif value == 0:
                    break
            else:
                accumulate(terms, {tuple(kept): 1}, c)
        return Form(self, terms)


def consequence(other: Atom, atom: Atom, holds: bool) -> int | None:
    """What a condition becomes when another one holds or does not hold: 1, 0, or None for not known."""
    if other is atom:
        return int(holds)
    if (
        other.kind not in ("positive", "zero")
        or atom.kind not in ("positive", "zero")
        or other.forms[0].key != atom.forms[0].key
    ):
        return None
    return _implied(_interval(other), _interval(atom), holds)


Interval = tuple[int, Rational]
"""(1, c): above c; (-1, c): below c; (0, c): exactly c."""


def _interval(atom: Atom) -> Interval:
    return (0, atom.extra) if atom.kind == "zero" else atom.extra


def _implied(what: Interval, given: Interval, holds: bool) -> int | None:
    side, c = what
    known, k = given
    if known == 0:
        if not holds:
            return None
        return int(c == k if side == 0 else (k - c) * side > 0)
    if not holds:
        # u <= k or u >= k
        if side == 0:
            return 0 if (c - k) * known > 0 else None
        if side == known:
            return 0 if (c - k) * known >= 0 else None
        return 1 if (c - k) * known > 0 else None
    if side == 0:
        return 0 if (c - k) * known <= 0 else None
    if side == known:
        return 1 if (k - c) * known >= 0 else None
    return 0 if (c - k) * known <= 0 else None
