"""Case analysis: a form with several conditions vanishes when it does in every case that is possible.

Which cases are possible is a question of linear arithmetic: the compared quantities are linear forms over monomials,
and Fourier-Motzkin elimination finds out whether their signs contradict each other, as x > y, y > z and z > x do.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from eqgen.algebra.atoms import UNIT, Monomial
from eqgen.algebra.index_form import Algebra
from eqgen.algebra.normal_form import Form

MAX_CONDITIONS = 6
MAX_INEQUALITIES = 120

Inequality: TypeAlias = tuple[dict[Monomial, Fraction], bool]
"""A linear form that is positive (True) or not negative (False)."""

Decide: TypeAlias = Callable[[Algebra, Form, int], bool]


def vanishes_by_cases(algebra: Algebra, form: Form, decide: Decide, depth: int = 0) -> bool:
    """Whether the form vanishes in every possible case of its conditions; `decide` settles a form without any."""
    conditions = {s for m in form.terms for s, _ in m if algebra.atoms[s].kind in ("positive", "zero")}
    if not 0 < len(conditions) <= MAX_CONDITIONS:
        return False
    facts: list[Inequality] = [(_linear(known, 1), True) for known in algebra.known_positive]
    return _in_all_cases(algebra, form, facts, decide, depth)


def _in_all_cases(algebra: Algebra, form: Form, facts: list[Inequality], decide: Decide, depth: int) -> bool:
    if not form.terms or is_contradictory(facts):
        return True
    # Ties first: what equals something else is replaced, and fewer conditions are left.
    conditions = {s for m in form.terms for s, _ in m if algebra.atoms[s].kind in ("positive", "zero")}
    serial = min(conditions, key=lambda s: (algebra.atoms[s].kind != "zero", s), default=None)
    if serial is None:
        return decide(algebra, form, depth)
    atom = algebra.atoms[serial]
    d = algebra.condition(atom)
    no = algebra.given(form, atom, False)
    if atom.kind == "zero":
        yes = algebra.given(algebra.multiply(form, algebra.power_of(serial)), atom, True)
        equal = [(_linear(d, 1), False), (_linear(d, -1), False)]
        return _in_all_cases(algebra, yes, facts + equal, decide, depth) and _in_all_cases(
            algebra, no, facts, decide, depth
        )
    yes = algebra.given(form, atom, True)
    above, below = [(_linear(d, 1), True)], [(_linear(d, -1), False)]
    return _in_all_cases(algebra, yes, facts + above, decide, depth) and _in_all_cases(
        algebra, no, facts + below, decide, depth
    )


def _linear(form: Form, factor: int) -> dict[Monomial, Fraction]:
    return {m: Fraction(c) * factor for m, c in form.terms.items()}


def is_contradictory(facts: list[Inequality]) -> bool:
    """Whether no values of the monomials satisfy all inequalities. False when that is not found out."""
    inequalities = list(facts)
    variables = sorted({m for linear, _ in facts for m in linear if m != UNIT})
    for variable in variables:
        lower = [i for i in inequalities if i[0].get(variable, 0) > 0]
        upper = [i for i in inequalities if i[0].get(variable, 0) < 0]
        inequalities = [i for i in inequalities if not i[0].get(variable, 0)]
        inequalities += [_combined(a, b, variable) for a in lower for b in upper]
        if len(inequalities) > MAX_INEQUALITIES:
            return False
    # Only constants are left: c > 0 or c >= 0.
    return any(
        c < 0 or (strict and c == 0) for c, strict in ((linear.get(UNIT, 0), strict) for linear, strict in inequalities)
    )


def _combined(lower: Inequality, upper: Inequality, variable: Monomial) -> Inequality:
    """The sum of two inequalities in which the variable cancels."""
    a, b = lower[0][variable], -upper[0][variable]
    total = {m: c / a for m, c in lower[0].items()}
    for m, c in upper[0].items():
        total[m] = total.get(m, Fraction(0)) + c / b
    return {m: c for m, c in total.items() if c}, lower[1] or upper[1]
