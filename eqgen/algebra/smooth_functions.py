"""Concrete functions that stand for opaque activations where an equation is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any


class SmoothFunctions(Mapping[str, Callable[..., Any]]):
    """Concrete functions in place of opaque activations, with all their derivatives.

    In turn x^3 + 2x, which keeps rational numbers rational, and exp; a second activation gets another multiple.
    """

    def __init__(self, names: tuple[str, ...], draw: int) -> None:
        self.names = names
        self.draw = draw

    def __getitem__(self, name: str) -> Callable[..., Any]:
        stem = name.rstrip("'")
        which = self.names.index(stem)
        order = len(name) - len(stem)
        factor = Fraction(which + 1)
        if (self.draw + which) % 2:
            return lambda field, x: field.number(factor) * field.function("exp", x)
        # Coefficients of the constant, x, x^2, x^3.
        coefficients = [Fraction(0), Fraction(2), Fraction(0), Fraction(1)]
        for _ in range(order):
            coefficients = [k * c for k, c in enumerate(coefficients)][1:] or [Fraction(0)]

        def polynomial(field: Any, x: Any) -> Any:
            total = field.number(Fraction(0))
            for c in reversed(coefficients):
                total = total * x + field.number(factor * c)
            return total

        return polynomial

    def __str__(self) -> str:
        return ", ".join(f"{name}(x) = {self._text(which)}" for which, name in enumerate(self.names))

    def _text(self, which: int) -> str:
        text = "exp(x)" if (self.draw + which) % 2 else "x^3 + 2 x"
        return text if which == 0 else f"{which + 1} ({text})"

    def __iter__(self) -> Any:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
