"""Does a form vanish? The decision procedure behind every proof.

A form that is not empty may still be zero, because a sum of several terms that stands in a denominator or under a root
is kept as a base. So, outermost base first: terms are grouped by the fractional part of its exponent, each group is
multiplied by the lowest power and multiplied out, and every group must vanish. A base under a sum is treated alike
after the sums over the same dimensions have been brought together.

Every step preserves equality to zero in one direction: if the procedure says that a form vanishes, it does, for all
sizes, wherever it has a value. If it says nothing, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Literal, TypeAlias

from eqgen.algebra.atoms import Atom, Monomial, Rational, Terms, exact
from eqgen.algebra.cases import vanishes_by_cases
from eqgen.algebra.division import divided
from eqgen.algebra.index_form import Algebra
from eqgen.algebra.normal_form import Form, accumulate
from eqgen.algebra.rewriting import Rewrite

Outcome: TypeAlias = Literal["everywhere", "off ties", "undecided"]

MAX_DEPTH = 40
SMOOTH = ("exp", "log", "erf")


def vanishes(algebra: Algebra, form: Form, moving: frozenset[str] = frozenset()) -> Outcome:
    """Whether a form is zero everywhere, or off ties, as far as is known.

    A tie is a point at which two compared quantities are equal that change with the entries of the tensors `moving`,
    those with respect to which derivatives are taken: there a derivative need not exist.
    """
    if _vanishes(algebra, form, 0):
        return "everywhere"
    ordered = _one_sided(algebra, form)
    if (ordered.terms != form.terms and _vanishes(algebra, ordered, 0)) or vanishes_by_cases(
        algebra, ordered, _vanishes
    ):
        return "everywhere"
    if not moving or not any(a.kind == "zero" for a in algebra.atoms):
        return "undecided"
    off_ties = Rewrite(algebra, conditions=lambda kind, d: _off_ties(algebra, moving, kind, d)).form(ordered)
    if off_ties.terms == ordered.terms:
        return "undecided"
    proved = _vanishes(algebra, off_ties, 0) or vanishes_by_cases(algebra, off_ties, _vanishes)
    return "off ties" if proved else "undecided"


# --- bases ---------------------------------------------------------------------------------------------------


def _vanishes(algebra: Algebra, form: Form, depth: int) -> bool:
    form = _with_factored_roots(algebra, form)
    if not form.terms:
        return True
    if depth > MAX_DEPTH:
        return False
    base = max((s for m in form.terms for s, e in m if _is_open(algebra.atoms[s], e)), default=None)
    if base is None:
        return _vanishes_under_sums(algebra, form, depth)
    groups: dict[Rational, list[tuple[Monomial, Rational, Rational]]] = {}
    for monomial, c in form.terms.items():
        exponent = next((e for s, e in monomial if s == base), 0)
        groups.setdefault(exponent % 1, []).append((monomial, c, exponent))
    for _, group in sorted(groups.items()):
        low = min(e for _, _, e in group)
        terms: Terms = {}
        for monomial, c, e in group:
            rest = tuple(f for f in monomial if f[0] != base)
            power = algebra.power(algebra.atoms[base].forms[0], natural) if (natural := exact(e - low)) else algebra.one
            accumulate(terms, algebra.multiply(algebra.single(rest), power).terms, c)
        if not _vanishes(algebra, Form(algebra, terms), depth + 1):
            return False
    return True


def _with_factored_roots(algebra: Algebra, form: Form) -> Form:
    """(u v)^q = u^q v^q for bases of which u has a root in the form, so that it is not negative."""
    roots = sorted({s for m in form.terms for s, e in m if algebra.atoms[s].kind == "base" and type(e) is Fraction})
    for product, factor in permutations(roots, 2):
        quotient = divided(algebra, algebra.atoms[product].forms[0], algebra.atoms[factor].forms[0])
        if quotient is None:
            continue
        terms = algebra.zero_form
        for monomial, c in form.terms.items():
            term = algebra.single(tuple(f for f in monomial if f[0] != product), c)
            for e in (e for s, e in monomial if s == product):
                term = algebra.multiply(term, algebra.power_of(factor, e))
                term = algebra.multiply(term, algebra.power(quotient, e))
            terms = terms + term
        return _with_factored_roots(algebra, terms)
    return form


def _is_open(atom: Atom, exponent: Rational) -> bool:
    """A base whose power is not natural, so that it has not been multiplied out."""
    return atom.kind == "base" and (exponent < 0 or type(exponent) is Fraction)


def _vanishes_under_sums(algebra: Algebra, form: Form, depth: int) -> bool:
    """Sums over the same dimensions with bases inside become one sum, whose summand must vanish."""
    groups: dict[tuple[str, ...], list[tuple[Atom, Form]]] = {}
    rest: Terms = {}
    sums = [algebra.atoms[s] for m in form.terms for s, e in m if e == 1 and algebra.atoms[s].kind == "sum"]
    wanted = {_dimensions(atom) for atom in sums if _has_base(algebra, atom)}
    for monomial, c in form.terms.items():
        inside = [s for s, e in monomial if e == 1 and algebra.atoms[s] in sums]
        inside.sort(key=lambda s: (not _has_base(algebra, algebra.atoms[s]), s))
        serial = next((s for s in inside if _dimensions(algebra.atoms[s]) in wanted), None)
        if serial is None:
            rest[monomial] = c
            continue
        atom = algebra.atoms[serial]
        outside = algebra.single(tuple(f for f in monomial if f[0] != serial), c)
        groups.setdefault(_dimensions(atom), []).append((atom, outside))
    if not groups:
        return False
    for _, group in sorted(groups.items()):
        if _group_vanishes(algebra, group, algebra.zero_form, depth):
            continue
        if not rest or not _group_vanishes(algebra, group, Form(algebra, rest), depth):
            return False
        rest = {}
    return not rest


def _dimensions(atom: Atom) -> tuple[str, ...]:
    return tuple(sorted(str(d) for d in atom.dims))


def _group_vanishes(algebra: Algebra, group: list[tuple[Atom, Form]], rest: Form, depth: int) -> bool:
    dims = group[0][0].dims
    before = algebra.top
    codes = tuple(range(before + 1, before + 1 + len(dims)))
    algebra.top += len(codes)
    try:
        summand = rest
        for dim in dims:
            summand = algebra.multiply(summand, algebra.power(algebra.dimension(dim), -1))
        reference: set[int] = set()
        for atom, outside in group:
            opened = min(
                _openings(algebra, atom, dims, codes), key=lambda f: (-len(reference.intersection(_serials(f))), f.key)
            )
            reference = reference or set(_serials(opened))
            summand = summand + algebra.multiply(outside, opened)
        if _vanishes(algebra, summand, depth + 1):
            return True
        ordered = _one_sided(algebra, summand)
        return _vanishes(algebra, ordered, depth + 1) or vanishes_by_cases(algebra, ordered, _vanishes, depth + 1)
    finally:
        algebra.top = before


def _openings(algebra: Algebra, atom: Atom, dims: Sequence[object], codes: tuple[int, ...]) -> Iterator[Form]:
    """The summand, for every way to give its bound indices the codes of the dimensions."""
    body = algebra.single(atom.extra)
    for order in permutations(range(len(codes))):
        if all(dims[p] == d for p, d in zip(order, atom.dims, strict=True)):
            yield algebra.rename(body, {label: codes[p] for label, p in zip(atom.labels, order, strict=True)})


def _serials(form: Form) -> list[int]:
    return [s for m in form.terms for s, _ in m]


def _has_base(algebra: Algebra, atom: Atom) -> bool:
    return atom.kind == "sum" and any(
        _is_open(algebra.atoms[s], e) or _is_conditional(algebra.atoms[s]) or _has_base(algebra, algebra.atoms[s])
        for s, e in atom.extra
    )


def _is_conditional(atom: Atom) -> bool:
    return atom.kind in ("positive", "zero")


# --- conditions ----------------------------------------------------------------------------------------------


def _one_sided(algebra: Algebra, form: Form) -> Form:
    """[u < c] becomes 1 - [u > c] - [u = c]: then d [d > 0] + d [d < 0] = d is an identity of the ring."""
    if not any(a.kind == "positive" and a.extra[0] < 0 for a in algebra.atoms):
        return form
    return Rewrite(algebra, conditions=lambda kind, d: _upper(algebra, kind, d)).form(form)


def _upper(algebra: Algebra, kind: str, d: Form) -> Form:
    form = algebra.positive(d) if kind == "positive" else algebra.zero(d)
    terms = algebra.zero_form
    for monomial, c in form.terms.items():
        product = algebra.number(c)
        for serial, e in monomial:
            atom = algebra.atoms[serial]
            if atom.kind == "positive" and atom.extra[0] < 0:
                bound = algebra.condition(atom)
                factor = algebra.one - algebra.positive(-bound) - algebra.zero(bound)
            else:
                factor = algebra.power_of(serial, e)
            product = algebra.multiply(product, factor)
        terms = terms + product
    return terms


def _off_ties(algebra: Algebra, moving: frozenset[str], kind: str, d: Form) -> Form:
    if kind == "positive":
        return algebra.positive(d)
    return algebra.zero_form if changes(algebra, d, moving) else algebra.zero(d)


def changes(algebra: Algebra, form: Form, moving: frozenset[str]) -> bool:
    """Whether a form changes with some moving tensor, so that it is zero on a thin set only.

    It must read the tensor through smooth functions, and still do so when any two of its indices are the same:
    x[i] - x[j] is zero for i = j, whatever x is.
    """
    readers = {s for m in form.terms for s, _ in m if not moving.isdisjoint(algebra.atoms[s].names)}
    if not readers or not all(_is_smooth(algebra, algebra.atoms[s]) for s in readers):
        return False
    for i, j in combinations(sorted(algebra.form_free(form)), 2):
        renamed = algebra.rename(form, {j: i})
        if all(moving.isdisjoint(algebra.atoms[s].names) for m in renamed.terms for s, _ in m):
            return False
    return True


def _is_smooth(algebra: Algebra, atom: Atom) -> bool:
    if atom.kind == "tensor":
        return atom.name not in algebra.one_hot and atom.name not in algebra.index_names
    if atom.kind == "function" and atom.name not in SMOOTH:
        return False
    if atom.kind not in ("size", "prime", "constant", "function", "base", "sum"):
        return False
    inner = [atom.extra] if atom.kind == "sum" else [m for f in atom.forms for m in f.terms]
    return all(_is_smooth(algebra, algebra.atoms[s]) for m in inner for s, _ in m)
