"""Normal forms of matrix entries: finite sums of rational numbers times products of powers of atoms.

    form      = sum of  rational x monomial
    monomial  = product of  atom ^ rational
    atom      = tensor entry T[i,j] | size | prime | pi | Kronecker delta | condition | selection
              | function of a form | sum of several terms | sum over indices of a monomial | maximum over an index

Atoms are interned: an atom is its serial number, and equal atoms have equal numbers. A monomial is a sorted tuple of
(serial, exponent), a form a dictionary from monomials to coefficients, so equal forms are equal dictionaries.

An index is a whole number: 0 the only position of a dimension of size 1, positive codes free indices, negative codes
indices bound by a sum or a maximum. Every binder is numbered above the binders inside it, so that no renaming of free
indices can be caught by a binder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from eqgen.algebra.atoms import NO_NAMES, NOTHING, UNIT, Atom, Bounds, Monomial, Rational, Terms, exact
from eqgen.algebra.budget import Budget
from eqgen.algebra.expressions import Dim


class Form:
    """A finite sum of terms. Immutable; `+ - *` are those of a commutative ring."""

    __slots__ = ("_key", "algebra", "terms")

    def __init__(self, algebra: Core, terms: Terms) -> None:
        self.algebra = algebra
        self.terms = terms
        self._key = -1

    @property
    def key(self) -> int:
        """Equal forms of one algebra have equal keys."""
        if self._key < 0:
            self._key = self.algebra.form_key(self.terms)
        return self._key

    def __add__(self, other: Form) -> Form:
        if not other.terms:
            return self
        if not self.terms:
            return other
        terms = dict(self.terms)
        accumulate(terms, other.terms, 1)
        return Form(self.algebra, terms)

    def __sub__(self, other: Form) -> Form:
        if not other.terms:
            return self
        terms = dict(self.terms)
        accumulate(terms, other.terms, -1)
        return Form(self.algebra, terms)

    def __mul__(self, other: Form) -> Form:
        return self.algebra.multiply(self, other)

    def __neg__(self) -> Form:
        return self.scaled(-1)

    def scaled(self, factor: Rational) -> Form:
        if factor == 1:
            return self
        if factor == 0:
            return self.algebra.zero_form
        return Form(self.algebra, {m: exact(c * factor) for m, c in self.terms.items()})

    def constant(self) -> Rational | None:
        """Its value, when it is a rational number."""
        if not self.terms:
            return 0
        return self.terms.get(UNIT) if len(self.terms) == 1 else None


def accumulate(into: Terms, terms: Terms, factor: Rational) -> None:
    """into += factor * terms"""
    for monomial, c in terms.items():
        old = into.get(monomial)
        new = c * factor if old is None else old + c * factor
        if new == 0:
            del into[monomial]
        else:
            into[monomial] = new if type(new) is int else exact(new)


class Core:
    """Interning and products. The rules for special atoms are the business of the subclasses."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.atoms: list[Atom] = []
        self.top = 0
        """The highest free index in use. Whoever needs a new one takes top + 1 and gives it back."""
        self.special: set[int] = set()
        """Atoms in whose products rules apply; only ever asked for membership."""
        self.zero_form = Form(self, {})
        self.one = Form(self, {UNIT: 1})
        self._serials: dict[tuple[Any, ...], int] = {}
        self._ranks: dict[tuple[Any, ...], int] = {}
        self._forms: dict[tuple[tuple[Monomial, Rational], ...], int] = {}
        self.memos: list[dict[Any, Any]] = []
        """Results that are remembered, and that a new assumption would change."""
        self._products: dict[tuple[Monomial, Monomial], Terms] = self.memo()
        self._free: dict[Monomial, frozenset[int]] = {}
        self.reducing: bool = True
        """Whether lead * base^q is rewritten by dividing with remainder (see `Reduction`)."""
        self.one_hot: frozenset[str] = frozenset()
        """Tensors whose rows are one-hot: entries 0 or 1, every row has sum 1."""
        self.positive_names: frozenset[str] = frozenset()
        """Tensors whose entries are all positive."""
        self.known_positive: list[Form] = []
        """Forms that an assumption makes positive."""
        self.index_names: frozenset[str] = frozenset()
        """Tensors of whole numbers, the positions that a gather selects."""
        self.ties_excluded = False
        """Whether a maximum is attained at one place only, as gradients of maxima need."""

    def memo(self) -> dict[Any, Any]:
        """A new dictionary for results."""
        self.memos.append({})
        return self.memos[-1]

    def forget(self) -> None:
        """Forget all results, because there is a new assumption."""
        for memo in self.memos:
            memo.clear()

    # --- interning -----------------------------------------------------------------------------------

    def form_key(self, terms: Terms) -> int:
        frozen = tuple(sorted(terms.items()))
        return self._forms.setdefault(frozen, len(self._forms))

    def intern(
        self,
        kind: str,
        name: str = "",
        indices: tuple[int, ...] = (),
        forms: tuple[Form, ...] = (),
        extra: Any = None,
        dims: tuple[Dim, ...] = (),
    ) -> int:
        """The serial number of an atom, new or old."""
        key = (kind, name, indices, tuple(f.key for f in forms), extra, dims)
        serial = self._serials.get(key)
        if serial is not None:
            return serial
        self.budget.spend()
        atom = Atom(kind, name, indices, forms, extra, dims)
        # Its sign may make new atoms, so its number comes last.
        self._describe(atom)
        serial = atom.serial = len(self.atoms)
        self.atoms.append(atom)
        self._serials[key] = serial
        if self.is_special(atom):
            self.special.add(serial)
        return serial

    def _describe(self, atom: Atom) -> None:
        monomials: list[Monomial] = [m for f in atom.forms for m in f.terms]
        if atom.kind == "sum":
            monomials.append(atom.extra)
        inner = [self.atoms[s] for m in monomials for s, _ in m]
        atom.height = max((a.height for a in inner), default=0) + len(atom.dims)
        free: set[int] = {i for i in atom.indices if i}
        free.update(*(a.free for a in inner))
        free.difference_update(atom.labels)
        atom.free = frozenset(free) if free else NOTHING
        atom.names = frozenset((atom.name,)) if atom.kind == "tensor" else NO_NAMES.union(*(a.names for a in inner))
        shape = (
            atom.kind, atom.name, tuple(i == 0 for i in atom.indices), atom.dims,
            self.monomial_rank(atom.extra) if atom.kind == "sum" else atom.extra,
            tuple(tuple(sorted((self.monomial_rank(m), c) for m, c in f.terms.items())) for f in atom.forms),
        )  # fmt: skip
        atom.rank = self._ranks.setdefault(shape, len(self._ranks))
        atom.sign = self.atom_sign(atom)

    def monomial_rank(self, monomial: Monomial) -> tuple[tuple[int, Rational], ...]:
        return tuple(sorted((self.atoms[s].rank, e) for s, e in monomial))

    def order(self, monomial: Monomial) -> tuple[Any, ...]:
        """Sorts monomials: by degree, then by what they are made of, then by their indices."""
        return (sum(e for _, e in monomial), self.monomial_rank(monomial), monomial)

    def free(self, monomial: Monomial) -> frozenset[int]:
        found = self._free.get(monomial)
        if found is None:
            found = self._free[monomial] = NOTHING.union(*(self.atoms[s].free for s, _ in monomial))
        return found

    def form_free(self, form: Form) -> frozenset[int]:
        return NOTHING.union(*(self.free(m) for m in form.terms))

    # --- construction --------------------------------------------------------------------------------

    def number(self, value: Rational) -> Form:
        value = exact(value)
        return Form(self, {UNIT: value}) if value else self.zero_form

    def power_of(self, serial: int, exponent: Rational = 1) -> Form:
        """An atom to a power, through the rules for special atoms."""
        if not exponent:
            return self.one
        if serial in self.special:
            return Form(self, self.reduce({serial: exponent}))
        return Form(self, {((serial, exponent),): 1})

    def tensor(self, name: str, i: int, j: int) -> Form:
        return Form(self, {((self.intern("tensor", name, (i, j)), 1),): 1})

    def dimension(self, dim: Dim) -> Form:
        if isinstance(dim, int):
            return self.number(dim)
        return Form(self, {((self.intern("size", dim), 1),): 1})

    def single(self, monomial: Monomial, coefficient: Rational = 1) -> Form:
        return Form(self, {monomial: coefficient})

    # --- products ------------------------------------------------------------------------------------

    def multiply(self, left: Form, right: Form) -> Form:
        if not left.terms or not right.terms:
            return self.zero_form
        if len(left.terms) == 1 and (c := left.terms.get(UNIT)) is not None:
            return right.scaled(c)
        if len(right.terms) == 1 and (c := right.terms.get(UNIT)) is not None:
            return left.scaled(c)
        terms: Terms = {}
        for m, c in left.terms.items():
            for n, d in right.terms.items():
                accumulate(terms, self.product(m, n), c * d)
        return Form(self, terms)

    def product(self, left: Monomial, right: Monomial) -> Terms:
        if not left or not right:
            return {left or right: 1}
        key = (left, right)
        found = self._products.get(key)
        if found is None:
            self.budget.spend()
            factors = dict(left)
            for serial, exponent in right:
                old = factors.get(serial)
                if old is None:
                    factors[serial] = exponent
                elif new := exact(old + exponent):
                    factors[serial] = new
                else:
                    del factors[serial]
            found = self._products[key] = self.reduce(factors)
        return found

    def product_of(self, forms: Iterable[Form]) -> Form:
        result = self.one
        for form in forms:
            result = self.multiply(result, form)
        return result

    def reduce(self, factors: dict[int, Rational]) -> Terms:
        """The terms of a product of powers. Subclasses apply the rules for special atoms."""
        return {tuple(sorted(factors.items())): 1}

    # --- what subclasses provide ---------------------------------------------------------------------

    def is_special(self, atom: Atom) -> bool:
        raise NotImplementedError

    def atom_sign(self, atom: Atom) -> int:
        raise NotImplementedError

    def sign(self, form: Form) -> int:
        raise NotImplementedError

    def power(self, form: Form, exponent: Rational) -> Form:
        raise NotImplementedError

    def exp(self, form: Form) -> Form:
        raise NotImplementedError

    def log(self, form: Form) -> Form:
        raise NotImplementedError

    def function(self, name: str, *arguments: Form) -> Form:
        raise NotImplementedError

    def delta(self, i: int, j: int) -> Form:
        raise NotImplementedError

    def selection(self, index: Form, position: int) -> Form:
        raise NotImplementedError

    def positive(self, form: Form) -> Form:
        raise NotImplementedError

    def zero(self, form: Form) -> Form:
        raise NotImplementedError

    def condition(self, atom: Atom) -> Form:
        """What a condition says of a form d: d > 0 or d = 0."""
        raise NotImplementedError

    def lift(self, form: Form, function: Callable[[Form], Form]) -> Form:
        raise NotImplementedError

    def close(self, bounds: Bounds, form: Form) -> Form:
        raise NotImplementedError

    def maximise(self, bound: tuple[int, Dim], form: Form) -> Form:
        raise NotImplementedError

    def rename(self, form: Form, mapping: dict[int, int]) -> Form:
        raise NotImplementedError

    def renamed_factor(self, serial: int, exponent: Rational, mapping: dict[int, int]) -> Form:
        raise NotImplementedError

    def content(self, form: Form, whole: bool, defined: bool = False) -> tuple[Form, Form]:
        raise NotImplementedError

    def common_factor(self, form: Form, code: int) -> tuple[Form, Form]:
        raise NotImplementedError

    def open(self, atom: Atom, codes: Sequence[int]) -> Form:
        """What a binder binds, its labels replaced by free indices."""
        raise NotImplementedError
