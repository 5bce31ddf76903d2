"""THE table of tolerances: by how much a computed operation may differ from the exact one, and why.

Every tolerance of the differential tests follows from these rows. A row gives the relative error of one operation on
exact operands, in units of the unit roundoff u = 2^-p (half a unit in the last place: 2^-24 in float32, 2^-53 in
float64). How errors of operands grow from there is not a matter of a table; see `eqgen.testing.bounded`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precision:
    """A floating-point format: digits of the significand, exponents of the smallest normal and the largest number."""

    name: str
    digits: int
    least: int
    most: int

    @property
    def unit(self) -> float:
        """The unit roundoff: the largest relative error of one rounding."""
        return 2.0**-self.digits

    @property
    def tiny(self) -> float:
        """The smallest normal number. Frameworks flush what is smaller to zero: every rounding may cost this."""
        return 2.0**self.least

    @property
    def largest(self) -> float:
        return (2.0 - 2.0 * self.unit) * 2.0**self.most


SINGLE = Precision("float32", 24, -126, 127)
DOUBLE = Precision("float64", 53, -1022, 1023)
PRECISIONS = {p.name: p for p in (SINGLE, DOUBLE)}


@dataclass(frozen=True, slots=True)
class Rounding:
    """A row of the table: the relative error of one operation in units of u, and where that number comes from."""

    units: int
    why: str
    argument: float = 0.0
    """By how much the argument may be moved before, relative to it and in units of u."""
    smallest: int = 1
    """The largest result that may be flushed to zero on the way to it, in smallest normal numbers."""


_ROWS: tuple[tuple[str, Rounding], ...] = (
    ("zeros ones identity transpose diag Diag column_repeat row_repeat row column row_gather column_gather", Rounding(0,
     "no rounding: entries are placed or moved")),
    ("rows_max columns_max max min where less less_equal greater greater_equal equal negate abs sign floor", Rounding(0,
     "no rounding: entries are compared, chosen, or change sign")),
    ("add subtract scale hadamard square", Rounding(1,
     "correctly rounded, IEEE 754")),
    ("elements_sum rows_sum columns_sum row_scatter_add column_scatter_add", Rounding(1,
     "each addition correctly rounded, in any order: (n - 1) u times the sum of the absolute values")),
    ("matmul dot", Rounding(1,
     "n products and n - 1 additions in any order: n u times the product of the absolute values")),
    ("rows_mean columns_mean", Rounding(1,
     "a sum in any order, then a product with the reciprocal of the count")),
    ("divide", Rounding(3,
     "one rounding, or a product with a rounded reciprocal")),
    ("reciprocal", Rounding(2,
     "one rounding, or a Newton step")),
    ("sqrt", Rounding(2,
     "one rounding, or the argument times its rounded inverse root")),
    ("inv_sqrt", Rounding(4,
     "a root and a division, or a Newton step")),
    ("pi", Rounding(1,
     "the constant is rounded")),
    ("exp log", Rounding(8,
     "4 units in the last place, the documented bound of vector math libraries at their usual accuracy")),
    ("expm1 log1p tanh erf", Rounding(16,
     "8 units in the last place: a quotient of polynomials, or exp or log of a rounded argument")),
    ("erfc", Rounding(16,
     "exp (8) of a square that has been rounded, as if x had moved by u / 2; 8 more: a quotient of polynomials, "
     "products", argument=0.5)),
    ("power", Rounding(16,
     "8 units in the last place: exp of a product with a logarithm that has more digits")),
    ("sigmoid", Rounding(12,
     "exp (8), an addition (1), a division (3); half of it may be flushed to zero on the way", smallest=2)),
    ("log_sigmoid softplus", Rounding(26,
     "exp (8) in log1p (16), which increases no relative error; an addition (1) to a number of the same sign; 1 more "
     "for another order of these")),
)  # fmt: skip

ROUNDING: dict[str, Rounding] = {name: row for names, row in _ROWS for name in names.split()}
"""A row for every operation of the operation table; a test fails when one is missing, here or in docs/testing.md."""

ADJOINT_FACTOR = 4
"""What a framework's own derivative of an operation may cost over the operation table's adjoint: the frameworks write
some of them with the result (s (1 - s), 1 - y²), with a few roundings more."""

GAMMA = 1.01
"""n u / (1 - n u) over n u for every n that occurs here: n u is below 0.01."""
