"""How long numbers become when an expression is evaluated exactly: an evaluation that counts digits only.

Squaring forty times makes a number with a million million digits. So exact arithmetic is used where a count of binary
digits, made first, stays small, and fifty digits are used elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from eqgen.algebra.definitions import Module
from eqgen.algebra.fields import Functions, concrete_shape, evaluate, filled
from eqgen.algebra.questions import Subject

MOST_BITS = 20_000
ENTRY_BITS = 6
"""Of the numerators and denominators that are drawn."""


class TooLong(ArithmeticError):
    """A number with too many digits."""


class Digits:
    """Upper bounds for the binary digits of a numerator and of a denominator; 0 for the denominator 1."""

    __slots__ = ("above", "below")

    def __init__(self, above: int, below: int) -> None:
        if above + below > MOST_BITS:
            raise TooLong(f"numbers with {above + below} binary digits")
        self.above = above
        self.below = below

    def __add__(self, other: Digits) -> Digits:
        return Digits(max(self.above + other.below, other.above + self.below) + 1, self.below + other.below)

    __sub__ = __add__

    def __mul__(self, other: Digits) -> Digits:
        return Digits(self.above + other.above, self.below + other.below)

    def __int__(self) -> int:
        """As an index: a position that every matrix has."""
        return 0


class DigitsField:
    """The field in which that count is made."""

    def number(self, value: Fraction) -> Digits:
        return Digits(value.numerator.bit_length(), value.denominator.bit_length() - 1)

    def size(self, dim: Any) -> Digits:
        return Digits(4, 0)

    def power(self, base: Digits, exponent: Digits) -> Digits:
        """The exponent's value is not known, only that it is below 2^digits; its sign is not known either."""
        most = min(1 << exponent.above, MOST_BITS)
        longest = max(base.above, base.below) * most
        return Digits(longest, longest)

    def function(self, name: str, *arguments: Digits) -> Digits:
        """Those that are rational keep the digits; at one that is irrational exact arithmetic ends anyway."""
        return arguments[0] if arguments else Digits(0, 0)

    def where(self, condition: Digits, yes: Digits, no: Digits) -> Digits:
        return self.maximum((yes, no))

    def compare(self, relation: str, left: Digits, right: Digits) -> Digits:
        return Digits(1, 0)

    def maximum(self, values: Sequence[Digits]) -> Digits:
        return Digits(max(v.above for v in values), max(v.below for v in values))

    minimum = maximum


def is_short(subject: Subject, module: Module, sizes: Mapping[str, int], functions: Functions, integers: bool) -> bool:
    """Whether all numbers of a subject stay short when it is evaluated at these sizes, at fractions or at integers."""
    drawn = Digits(ENTRY_BITS, 0 if integers else ENTRY_BITS)
    values: dict[str, Any] = {}
    for f in subject.free:
        values[f.name] = filled(lambda i, j: drawn, concrete_shape(f.shape, sizes))
    for step in subject.steps:
        for name, derivative in step.derivatives.items():
            values[name] = filled(lambda i, j: drawn, concrete_shape(derivative.shape, sizes))
        if step.gradient_of is not None:
            values[step.target] = filled(lambda i, j: drawn, concrete_shape(step.written.shape, sizes))
    letters = {s.index[1]: 0 for s in subject.steps if s.index is not None}
    places = {**sizes, **letters}
    try:
        for statement in subject.program:
            values[statement.target] = evaluate(statement.value, values, places, DigitsField(), module, functions)
        for step in subject.steps:
            for side in (step.written, step.expected):
                if side is not None:
                    found = evaluate(side, values, places, DigitsField(), module, functions)
                    values.setdefault(step.target, found)
    except TooLong:
        return False
    return True
