"""Rebuilding normal forms: renaming of indices, and replacement of tensors by what they are defined as."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eqgen.algebra.atoms import Atom, Monomial, Rational, Terms
from eqgen.algebra.budget import Budget
from eqgen.algebra.normal_form import Core, Form, accumulate


class Rewrite:
    """A homomorphism of forms, given by what it does to indices, to tensors and to conditions.

    indices     new codes of free indices
    tensors     the value of a tensor entry (after renaming) by name, called with its two indices
    conditions  what a condition becomes, or None to rebuild it
    """

    def __init__(
        self,
        algebra: Core,
        indices: Mapping[int, int] | None = None,
        tensors: Mapping[str, Callable[[int, int], Form]] | None = None,
        conditions: Callable[[str, Form], Form] | None = None,
    ) -> None:
        self.algebra = algebra
        self.indices = indices or {}
        self.tensors = tensors or {}
        self.names = frozenset(self.tensors)
        self.conditions = conditions
        self.codes = frozenset(self.indices)
        self.known: dict[int, Form] = {}

    def touches(self, atom: Atom) -> bool:
        if self.conditions is not None:
            return True
        return not self.codes.isdisjoint(atom.free) or not self.names.isdisjoint(atom.names)

    def form(self, form: Form) -> Form:
        terms: Terms = {}
        for monomial, c in form.terms.items():
            accumulate(terms, self.monomial(monomial).terms, c)
        return Form(self.algebra, terms)

    def monomial(self, monomial: Monomial) -> Form:
        self.algebra.budget.spend()
        kept: list[tuple[int, Rational]] = []
        changed: list[Form] = []
        for serial, exponent in monomial:
            if self.touches(self.algebra.atoms[serial]):
                changed.append(self.factor(serial, exponent))
            else:
                kept.append((serial, exponent))
        result = self.algebra.single(tuple(kept))
        for f in changed:
            result = self.algebra.multiply(result, f)
        return result

    def factor(self, serial: int, exponent: Rational) -> Form:
        algebra = self.algebra
        atom = algebra.atoms[serial]
        if not self.touches(atom):
            return algebra.power_of(serial, exponent)
        # Of these the base is rebuilt under its exponent: a negative content has no fractional power.
        if atom.kind == "base":
            return algebra.power(self.form(atom.forms[0]), exponent)
        if atom.kind == "function" and atom.name == "exp":
            return algebra.exp(self.form(atom.forms[0]).scaled(exponent))
        value = self.known.get(serial)
        if value is None:
            value = self.known[serial] = self.atom(atom)
        return value if exponent == 1 else algebra.power(value, exponent)

    def atom(self, atom: Atom) -> Form:
        algebra = self.algebra
        kind = atom.kind
        indices = tuple(self.indices.get(i, i) for i in atom.indices)
        if kind == "tensor":
            definition = self.tensors.get(atom.name)
            return algebra.tensor(atom.name, *indices) if definition is None else definition(*indices)
        if kind == "delta":
            return algebra.delta(*indices)
        if kind == "selection":
            return algebra.selection(self.form(atom.forms[0]), indices[0])
        if kind in ("positive", "zero"):
            d = self.form(algebra.condition(atom))
            if self.conditions is not None:
                return self.conditions(kind, d)
            return algebra.positive(d) if kind == "positive" else algebra.zero(d)
        if kind == "function":
            return algebra.function(atom.name, *(self.form(f) for f in atom.forms))
        if kind in ("sum", "max"):
            return self.binder(atom)
        return algebra.power_of(atom.serial)

    def binder(self, atom: Atom) -> Form:
        algebra = self.algebra
        first = algebra.top + 1
        codes = range(first, first + len(atom.dims))
        algebra.top += len(codes)
        try:
            inner = self.form(algebra.open(atom, codes))
            bounds = tuple(zip(codes, atom.dims, strict=True))
            return algebra.close(bounds, inner) if atom.kind == "sum" else algebra.maximise(bounds[0], inner)
        finally:
            algebra.top -= len(codes)


class Rewriting(Core):
    """Renaming of indices, remembered."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self._renamings: dict[tuple[tuple[int, int], ...], Rewrite] = self.memo()
        self._opened: dict[tuple[int, int], Form] = self.memo()

    def renaming(self, mapping: Mapping[int, int]) -> Rewrite:
        key = tuple(sorted(mapping.items()))
        found = self._renamings.get(key)
        if found is None:
            found = self._renamings[key] = Rewrite(self, dict(mapping))
        return found

    def rename(self, form: Form, mapping: dict[int, int]) -> Form:
        return self.renaming(mapping).form(form)

    def renamed_factor(self, serial: int, exponent: Rational, mapping: dict[int, int]) -> Form:
        return self.renaming(mapping).factor(serial, exponent)

    def open(self, atom: Atom, codes: Sequence[int]) -> Form:
        key = (atom.serial, codes[0])
        found = self._opened.get(key)
        if found is None:
            body = self.single(atom.extra) if atom.kind == "sum" else atom.forms[0]
            found = self._opened[key] = self.rename(body, dict(zip(atom.labels, codes, strict=True)))
        return found

    def replace(self, form: Form, tensors: Mapping[str, Callable[[int, int], Form]]) -> Form:
        """The form with entries of tensors replaced by their values."""
        return Rewrite(self, tensors=tensors).form(form)
