"""What normal forms are made of: atoms, and monomials over their numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from eqgen.algebra.expressions import Dim

if TYPE_CHECKING:
    from eqgen.algebra.normal_form import Form

Rational: TypeAlias = int | Fraction
"""Whole numbers are always of type int, so that most arithmetic stays fast."""

Monomial: TypeAlias = tuple[tuple[int, Rational], ...]
Terms: TypeAlias = dict[Monomial, Rational]
Bounds: TypeAlias = tuple[tuple[int, Dim], ...]

UNIT: Monomial = ()
NOTHING: frozenset[int] = frozenset()
NO_NAMES: frozenset[str] = frozenset()

CONDITIONS = ("positive", "zero")
BOOLEANS = ("positive", "zero", "delta", "selection")


def exact(value: Rational) -> Rational:
    """The same number, as an int when it is whole."""
    return value.numerator if type(value) is Fraction and value.denominator == 1 else value


class Atom:
    """One atom. Which attributes mean something depends on `kind`:

    tensor      name, indices (i, j)
    size        name;  prime: extra, the number;  constant: name (pi)
    delta       indices (i, j)
    selection   forms (the integer entry), indices (position,)
    positive    forms (direction u), extra (s, c): s (u - c) > 0
    zero        forms (direction u), extra c: u = c
    function    name, forms
    base        forms: a primitive sum of at least two terms;  lead: its leading monomial, or None
    sum         dims, extra: the monomial that is summed over the labels
    max         dims, forms: the form that is maximised over the label

    free    free indices;  names  tensors inside;  height  number of the highest binder inside
    rank    number of the atom with its indices erased: the order of monomials hardly depends on the names of indices
    sign    2 positive, 1 nonnegative, 0 unknown, where the atom has a value
    """

    __slots__ = (
        "dims",
        "extra",
        "forms",
        "free",
        "height",
        "indices",
        "kind",
        "lead",
        "name",
        "names",
        "rank",
        "serial",
        "sign",
    )

    serial: int
    rank: int
    sign: int
    free: frozenset[int]
    names: frozenset[str]
    height: int
    lead: Monomial | None

    def __init__(
        self, kind: str, name: str, indices: tuple[int, ...], forms: tuple[Form, ...], extra: Any, dims: tuple[Dim, ...]
    ) -> None:
        self.kind = kind
        self.name = name
        self.indices = indices
        self.forms = forms
        self.extra = extra
        self.dims = dims
        self.lead = None

    @property
    def labels(self) -> tuple[int, ...]:
        """The bound indices of a binder, in the order of `dims`."""
        count = len(self.dims)
        return tuple(range(count - self.height - 1, -self.height - 1, -1))
