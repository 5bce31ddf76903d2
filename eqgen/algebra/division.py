"""Exact division of one sum by another, with their atoms read as variables."""

from __future__ import annotations

from fractions import Fraction

from eqgen.algebra.atoms import Monomial, exact
from eqgen.algebra.normal_form import Core, Form
from eqgen.algebra.powers import leading

MOST_TERMS = 60


def divided(algebra: Core, form: Form, divisor: Form) -> Form | None:
    """form / divisor when that is a polynomial in the atoms, else None."""
    if max(len(form.terms), len(divisor.terms)) > MOST_TERMS or len(divisor.terms) > len(form.terms):
        return None
    if any(s in algebra.special for m in (*form.terms, *divisor.terms) for s, _ in m):
        return None
    lead = leading(algebra, divisor.terms)
    quotient = algebra.zero_form
    for _ in range(MOST_TERMS):
        if not form.terms:
            return quotient
        first = leading(algebra, form.terms)
        factor = _quotient(first, lead)
        if factor is None:
            return None
        term = algebra.single(factor, exact(Fraction(form.terms[first]) / divisor.terms[lead]))
        quotient = quotient + term
        form = form - algebra.multiply(term, divisor)
    return None


def _quotient(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    exponents = dict(monomial)
    for serial, e in divisor:
        left = exact(exponents.get(serial, 0) - e)
        if left < 0:
            return None
        exponents[serial] = left
    return tuple(sorted((s, e) for s, e in exponents.items() if e))
