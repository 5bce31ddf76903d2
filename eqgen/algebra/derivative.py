"""Derivatives of forms with respect to an entry of a tensor, by the product rule over their atoms."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from eqgen.algebra.atoms import Atom, Terms, exact
from eqgen.algebra.budget import Budget
from eqgen.algebra.normal_form import Core, Form, accumulate

Variable: TypeAlias = tuple[str, int, int]
"""A tensor's name and two indices: the entry with respect to which a derivative is taken."""


class Derivatives(Core):
    """`derivative(F, (P, a, b))` = dF / dP[a,b]. Conditions have the derivative zero."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self._derivatives: dict[tuple[int, Variable], Form] = self.memo()

    def derivative(self, form: Form, variable: Variable) -> Form:
        terms: Terms = {}
        name = variable[0]
        for monomial, c in form.terms.items():
            for k, (serial, e) in enumerate(monomial):
                if name not in self.atoms[serial].names:
                    continue
                inner = self._atom_derivative(serial, variable)
                if not inner.terms:
                    continue
                rest = monomial[:k] + ((serial, exact(e - 1)),) * (e != 1) + monomial[k + 1 :]
                accumulate(terms, self.multiply(self.single(rest), inner).terms, c * e)
        return Form(self, terms)

    def _atom_derivative(self, serial: int, variable: Variable) -> Form:
        key = (serial, variable)
        found = self._derivatives.get(key)
        if found is None:
            found = self._derivatives[key] = self._of_atom(self.atoms[serial], variable)
        return found

    def _of_atom(self, atom: Atom, variable: Variable) -> Form:
        name, a, b = variable
        match atom.kind:
            case "tensor":
                return (
                    self.multiply(self.delta(atom.indices[0], a), self.delta(atom.indices[1], b))
                    if atom.name == name
                    else self.zero_form
                )
            case "base":
                return self.derivative(atom.forms[0], variable)
            case "function":
                inner = self.derivative(atom.forms[0], variable)
                return self.multiply(self._slope(atom), inner) if inner.terms else inner
            case "sum":
                return self._of_binder(atom, variable)
            case "max":
                return self._of_binder(atom, variable)
        return self.zero_form

    def _slope(self, atom: Atom) -> Form:
        """The derivative of a function, at its argument."""
        u = atom.forms[0]
        match atom.name:
            case "exp":
                return self.power_of(atom.serial)
            case "log":
                return self.power(u, -1)
            case "erf":
                scale = self.power(self.function("pi"), Fraction(-1, 2)).scaled(2)
                return self.multiply(scale, self.exp(-self.multiply(u, u)))
            case "floor":
                return self.zero_form
        return self.function(f"{atom.name}'", u)

    def _of_binder(self, atom: Atom, variable: Variable) -> Form:
        """The derivative of a sum is the sum of the derivatives; that of a maximum comes from where it is attained."""
        first = self.top + 1
        codes = range(first, first + len(atom.dims))
        self.top += len(codes)
        try:
            inside = self.open(atom, codes)
            slope = self.derivative(inside, variable)
            if atom.kind == "max":
                slope = self.multiply(self.zero(inside - self.power_of(atom.serial)), slope)
            return self.close(tuple(zip(codes, atom.dims, strict=True)), slope)
        finally:
            self.top -= len(codes)
