"""The value of a normal form at concrete sizes, indices and numbers: what the atoms mean, written down once more."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from eqgen.algebra.atoms import Atom, Monomial
from eqgen.algebra.normal_form import Core, Form


class FormValues:
    """Evaluates forms of one algebra over a field.

    values   arrays by name;  sizes  numbers by name;  functions  opaque functions by name
    """

    def __init__(
        self, algebra: Core, field: Any, values: Mapping[str, Any], sizes: Mapping[str, int], functions: Any
    ) -> None:
        self.algebra = algebra
        self.field = field
        self.values = values
        self.sizes = sizes
        self.functions = functions
        self.known: dict[tuple[int, tuple[int, ...]], Any] = {}

    def form(self, form: Form, indices: Mapping[int, int]) -> Any:
        total = self.field.number(Fraction(0))
        for monomial, c in form.terms.items():
            total = total + self.field.number(Fraction(c)) * self.monomial(monomial, indices)
        return total

    def monomial(self, monomial: Monomial, indices: Mapping[int, int]) -> Any:
        product = self.field.number(Fraction(1))
        # Conditions first: what they exclude need not have a value.
        order = sorted(
            monomial, key=lambda f: self.algebra.atoms[f[0]].kind not in ("positive", "zero", "delta", "selection")
        )
        for serial, e in order:
            atom = self.algebra.atoms[serial]
            key = (serial, tuple(indices[i] for i in sorted(atom.free)))
            if key not in self.known:
                self.known[key] = self.atom(atom, indices)
            value = self.known[key]
            if e != 1:
                value = self.field.power(value, self.field.number(Fraction(e)))
            product = product * value
            if product == 0:
                return product
        return product

    def atom(self, atom: Atom, indices: Mapping[int, int]) -> Any:
        field = self.field
        at = [0 if i == 0 else indices[i] for i in atom.indices]
        match atom.kind:
            case "tensor":
                return self.values[atom.name][at[0], at[1]]
            case "size":
                return field.number(Fraction(self.sizes[atom.name]))
            case "prime":
                return field.number(Fraction(atom.extra))
            case "constant":
                return field.function(atom.name)
            case "delta":
                return field.number(Fraction(int(at[0] == at[1])))
            case "selection":
                return field.number(Fraction(int(int(self.form(atom.forms[0], indices)) == at[0])))
            case "positive":
                return field.compare(">", self.form(self.algebra.condition(atom), indices), field.number(Fraction(0)))
            case "zero":
                return field.compare("==", self.form(self.algebra.condition(atom), indices), field.number(Fraction(0)))
            case "function":
                x = self.form(atom.forms[0], indices)
                if "()" in atom.name:
                    return self.functions[atom.name.replace("()", "")](field, x)
                return field.function(atom.name, x)
            case "base":
                return self.form(atom.forms[0], indices)
            case "sum":
                total = field.number(Fraction(0))
                for more in self.positions(atom):
                    total = total + self.monomial(atom.extra, {**indices, **more})
                return total
            case "max":
                return field.maximum([self.form(atom.forms[0], {**indices, **more}) for more in self.positions(atom)])
        raise AssertionError(atom.kind)

    def positions(self, atom: Atom) -> list[dict[int, int]]:
        result: list[dict[int, int]] = [{}]
        for label, dim in zip(atom.labels, atom.dims, strict=True):
            count = dim if isinstance(dim, int) else self.sizes[dim]
            result = [{**known, label: k} for known in result for k in range(count)]
        return result
