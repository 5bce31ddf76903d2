"""Coefficients of terms: what they are, and which ones would make an equation right.

At a few points with different sizes the coefficient that a term needs is a number each time. If these numbers are one
rational number times powers of the sizes, that is what the term lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

from eqgen.algebra.edits import number_edit, of_sizes
from eqgen.algebra.expressions import Apply, Constant, Node, Size, apply, constant, size
from eqgen.algebra.mistakes import Edit, Mistake
from eqgen.algebra.positions import LINEAR_OPS, Path, is_term, positions
from eqgen.algebra.screening import Screen

LARGEST_DENOMINATOR = 48
LARGEST_NUMERATOR = 1000
EXPONENTS = (-1, 1, -2, 2)
MOST_FACTORS = 2
PRECISION = 1e-7


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A rational number times powers of sizes."""

    number: Fraction = Fraction(1)
    sizes: tuple[tuple[str, int], ...] = ()

    def times(self, other: Coefficient, sign: int = 1) -> Coefficient:
        powers = dict(self.sizes)
        for name, e in other.sizes:
            powers[name] = powers.get(name, 0) + sign * e
        number = self.number * other.number if sign == 1 else self.number / other.number
        return Coefficient(number, tuple((n, e) for n, e in sorted(powers.items()) if e))

    def __str__(self) -> str:
        above, below = (_product(self, sign) for sign in (1, -1))
        sign = "-" if self.number < 0 else ""
        return f"{sign}{above or '1'}/{f'({below})' if ' ' in below else below}" if below else f"{sign}{above or '1'}"

    def of(self, node: Node) -> Node:
        """The coefficient times an expression that has none, the number first and the divisors last."""
        top, bottom = abs(self.number.numerator), self.number.denominator
        above: list[Node] = [constant(top)] if top != 1 else []
        above += [size(n) for n, e in self.sizes for _ in range(e)]
        below: list[Node] = [constant(bottom)] if bottom != 1 else []
        below += [size(n) for n, e in self.sizes for _ in range(-e)]
        if above:
            node = _scaled(_multiplied(above), node)
        if below:
            node = apply("divide", node, _multiplied(below))
        return apply("negate", node) if self.number < 0 else node

    def alone(self) -> Node:
        """The coefficient as an expression."""
        above: list[Node] = [size(n) for n, e in self.sizes for _ in range(e)]
        below: list[Node] = [size(n) for n, e in self.sizes for _ in range(-e)]
        if self.number != 1 or not above:
            above.insert(0, constant(self.number))
        top = _multiplied(above)
        return apply("divide", top, _multiplied(below)) if below else top


def _scaled(factor: Node, node: Node) -> Node:
    """The factor times an expression, written in front of its first factor."""
    if isinstance(node, Apply) and node.op in ("scale", "matmul") and not isinstance(node.args[0], Constant):
        return apply(node.op, _scaled(factor, node.args[0]), node.args[1])
    return apply("scale", factor, node)


def _product(c: Coefficient, sign: int) -> str:
    number = abs(c.number.numerator) if sign == 1 else c.number.denominator
    parts = [str(number)] if number != 1 else []
    parts += [n if abs(e) == 1 else f"{n}^{abs(e)}" for n, e in c.sizes if e * sign > 0]
    return " ".join(parts)


def _multiplied(factors: list[Node]) -> Node:
    result = factors[0]
    for factor in factors[1:]:
        result = apply("scale", result, factor)
    return result


def coefficient(node: Node) -> Coefficient:
    """The numbers and sizes that multiply everything else in a term."""
    if isinstance(node, Constant):
        return Coefficient(node.value) if node.value else Coefficient()
    if isinstance(node, Size):
        return Coefficient(sizes=((node.name, 1),))
    if isinstance(node, Apply) and (node.op in LINEAR_OPS or node.op == "divide"):
        result = coefficient(node.args[0]) if node.args else Coefficient()
        for argument in node.args[1:]:
            result = result.times(coefficient(argument), -1 if node.op == "divide" else 1)
        return Coefficient(-result.number, result.sizes) if node.op == "negate" else result
    return Coefficient()


def stripped(node: Node) -> tuple[Coefficient, Node]:
    """The numbers and sizes in front of a term and below it, and the term without them."""
    if isinstance(node, Apply):
        if node.op == "negate":
            inner, rest = stripped(node.args[0])
            return Coefficient(-inner.number, inner.sizes), rest
        if node.op == "scale" and of_sizes(node.args[0]):
            inner, rest = stripped(node.args[1])
            return coefficient(node.args[0]).times(inner), rest
        if node.op == "divide" and of_sizes(node.args[1]):
            inner, rest = stripped(node.args[0])
            return inner.times(coefficient(node.args[1]), -1), rest
        if node.op in ("scale", "matmul"):
            inner, rest = stripped(node.args[0])
            return inner, node if rest is node.args[0] else apply(node.op, rest, node.args[1])
    return Coefficient(), node


def solved_coefficients(root: Node, screen: Screen, late: Callable[[], bool]) -> Iterator[Edit]:
    """Terms and numbers whose coefficient alone is wrong, with the right one; as many as there is time for."""
    for path, node in positions(root):
        if late():
            return
        if isinstance(node, Constant):
            found = screen.factor(path, lambda u: constant(u))
            right = None if found is None else recognised(found, [s.sizes for s in screen.scenes])
            if right is not None and right != Coefficient(node.value):
                yield number_edit(node, path, right.alone() if right.sizes else constant(right.number))
        elif is_term(root, path) and not isinstance(node, Size):
            found = screen.factor(path, lambda u, node=node: apply("scale", constant(u), node))  # type: ignore[misc]
            factor = None if found is None else recognised(found, [s.sizes for s in screen.scenes])
            if factor is not None and factor not in (Coefficient(), Coefficient(Fraction(-1))):
                yield _edit(path, node, factor)


def doubled_and_halved(root: Node) -> Iterator[Edit]:
    """Terms inside of functions, whose coefficient cannot be solved for."""
    for path, node in positions(root):
        if path and is_term(root, path) and not of_sizes(node):
            for number in (Fraction(2), Fraction(1, 2)):
                yield _edit(path, node, Coefficient(number))


def _edit(path: Path, node: Node, factor: Coefficient) -> Edit:
    yours = coefficient(node)
    right = yours.times(factor)
    mistake = Mistake.SIZE_FACTOR if factor.sizes else Mistake.COEFFICIENT
    say = f"the coefficient is {yours}, it should be {right}"
    outside, term = stripped(node)
    return Edit(mistake, path, outside.times(factor).of(term), 1.6, say)


def recognised(values: Sequence[float], sizes: Sequence[Mapping[str, int]]) -> Coefficient | None:
    """The coefficient with the given values at the given sizes; None for zero, and where there is none that simple."""
    if not all(abs(v) > PRECISION for v in values):
        return None
    for powers in _powers(list(sizes[0])):
        ratios = [v / _value(powers, s) for v, s in zip(values, sizes, strict=True)]
        if max(ratios) - min(ratios) > PRECISION * abs(ratios[0]):
            continue
        number = Fraction(ratios[0]).limit_denominator(LARGEST_DENOMINATOR)
        if abs(float(number) - ratios[0]) <= PRECISION * abs(ratios[0]) and abs(number.numerator) <= LARGEST_NUMERATOR:
            return Coefficient(number, powers)
    return None


def _powers(names: Sequence[str]) -> Iterator[tuple[tuple[str, int], ...]]:
    """Products of powers of few sizes, the simplest first."""
    for k in range(MOST_FACTORS + 1):
        for chosen in combinations(sorted(names), k):
            for exponents in sorted(product(EXPONENTS, repeat=k), key=lambda e: sum(map(abs, e))):
                yield tuple(zip(chosen, exponents, strict=True))


def _value(powers: Sequence[tuple[str, int]], sizes: Mapping[str, int]) -> float:
    result = 1.0
    for name, e in powers:
        result *= float(sizes[name]) ** e
    return result
