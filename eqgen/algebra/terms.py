"""Expressions as sums of terms, each a rational number times powers of scalars times powers of factors.

A factor is a matrix of the full shape, or a vector that is repeated over it. Sums over rows and columns give up the
factors that do not change along them, so that equal things meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from eqgen.algebra.expressions import SCALAR, Apply, Constant, Node, Shape, apply, constant, size, tree_size

Powers = dict[Node, Fraction]

ONE = Fraction(1)
EXPONENTS = {
    "square": Fraction(2),
    "reciprocal": Fraction(-1),
    "sqrt": Fraction(1, 2),
    "inv_sqrt": Fraction(-1, 2),
}
NAMED_POWERS = {exponent: op for op, exponent in EXPONENTS.items()}
REPEATS = {"rows_sum": "column_repeat", "columns_sum": "row_repeat"}
SUMS = {repeat: total for total, repeat in REPEATS.items()}
MEANS = {"rows_mean": ("rows_sum", 1), "columns_mean": ("columns_sum", 0)}
MIRRORED = ("sigmoid",)
"""Functions with f(-x) = 1 - f(x)."""

MAX_TERMS = 60
MAX_SIZE = 3_000
"""Operations in an expression that is read as terms."""


class TooLong(Exception):
    """Expanding gives more terms than a person would want to read."""


@dataclass
class Term:
    """coefficient * product of scalars * product of factors; `shape` is that of the whole term."""

    shape: Shape
    coefficient: Fraction = ONE
    factors: Powers = field(default_factory=dict)

    @property
    def key(self) -> frozenset[tuple[Node, Fraction]]:
        return frozenset(self.factors.items())

    def times(self, other: Term, shape: Shape) -> Term:
        result = Term(shape, self.coefficient * other.coefficient, dict(self.factors))
        for node, power in other.factors.items():
            result.multiply(node, power)
        return result

    def multiply(self, node: Node, power: Fraction) -> None:
        """Take a factor in. Whole powers of numbers go into the coefficient."""
        total = self.factors.get(node, Fraction(0)) + power
        if isinstance(node, Constant) and node.value and (node.value == 1 or total.denominator == 1):
            self.factors.pop(node, None)
            self.coefficient *= node.value ** int(total) if total.denominator == 1 else ONE
        elif total:
            self.factors[node] = total
        else:
            self.factors.pop(node, None)

    def raised(self, power: Fraction) -> Term | None:
        """The term to a power; None where that is not a rational coefficient."""
        if self.coefficient == 0:
            return None
        if power.denominator != 1 and (self.coefficient != 1 or len(self.factors) != 1):
            return None
        coefficient = self.coefficient**power.numerator if power.denominator == 1 else ONE
        result = Term(self.shape, coefficient)
        for node, exponent in self.factors.items():
            result.multiply(node, exponent * power)
        return result


# --- reading ---------------------------------------------------------------------------------------------


def terms(node: Node) -> list[Term]:
    """The expression as a sum of terms, like terms put together. Raises TooLong."""
    if tree_size(node) > MAX_SIZE:
        raise TooLong
    return like_terms(_terms(node), node.shape)


def like_terms(parts: Iterable[Term], shape: Shape) -> list[Term]:
    """The terms with those of equal factors put together."""
    collected: dict[frozenset[tuple[Node, Fraction]], Term] = {}
    for term in parts:
        found = collected.setdefault(term.key, Term(shape, Fraction(0), dict(term.factors)))
        found.coefficient += term.coefficient
    return [t for t in collected.values() if t.coefficient]


def _checked(result: list[Term]) -> list[Term]:
    if len(result) > MAX_TERMS:
        raise TooLong
    return result


def _terms(node: Node) -> list[Term]:
    shape = node.shape
    if isinstance(node, Constant):
        return [Term(shape, node.value)] if node.value else []
    if not isinstance(node, Apply):
        return [Term(shape, ONE, {node: ONE})]
    op, args = node.op, node.args
    if op == "zeros":
        return []
    if op == "ones":
        return [Term(shape)]
    if op in ("add", "subtract"):
        sign = Fraction(1 if op == "add" else -1)
        left = [Term(shape, t.coefficient, t.factors) for t in _terms(args[0])]
        return _checked(left + [Term(shape, sign * t.coefficient, t.factors) for t in _terms(args[1])])
    if op == "negate":
        return [Term(shape, -t.coefficient, t.factors) for t in _terms(args[0])]
    if op in ("hadamard", "scale"):
        return _checked([a.times(b, shape) for a in _terms(args[0]) for b in _terms(args[1])])
    if op == "divide":
        return _checked([a.times(b, shape) for a in _terms(args[0]) for b in _power(args[1], Fraction(-1))])
    if op in EXPONENTS:
        return _power(args[0], EXPONENTS[op])
    if op == "power" and isinstance(args[1], Constant):
        return _power(args[0], args[1].value)
    if op in SUMS:
        return [_repeated(op, t, node) for t in _terms(args[0])]
    if op in MEANS:
        total, axis = MEANS[op]
        inverse = Term(shape, ONE, {size(args[0].shape[axis]): Fraction(-1)})
        return [t.times(inverse, shape) for t in _terms(apply(total, args[0]))]
    if op in REPEATS:
        return [_summed(op, t, node) for t in _terms(args[0])]
    if op in MIRRORED and isinstance(args[0], Apply) and args[0].op == "negate":
        return [Term(shape), Term(shape, -ONE, {apply(op, *args[0].args): ONE})]
    return [Term(shape, ONE, {node: ONE})]


def _power(base: Node, exponent: Fraction) -> list[Term]:
    """A power of an expression: of each factor where it is one term, else of the whole as one factor."""
    inner = like_terms(_terms(base), base.shape)
    raised = inner[0].raised(exponent) if len(inner) == 1 else None
    if raised is not None:
        return [raised]
    if exponent == 2:
        return _checked([a.times(b, base.shape) for a in inner for b in inner])
    return [Term(base.shape, ONE, {base: exponent})]


def _repeated(op: str, term: Term, node: Apply) -> Term:
    result = Term(node.shape, term.coefficient)
    for factor, power in term.factors.items():
        result.multiply(factor if factor.is_scalar else apply(op, factor, sizes=node.sizes), power)
    return result


def _summed(op: str, term: Term, node: Apply) -> Term:
    """A sum along rows or columns: what does not change along them comes out."""
    result = Term(node.shape, term.coefficient)
    inner: Powers = {}
    for factor, power in term.factors.items():
        if factor.is_scalar:
            result.multiply(factor, power)
        elif isinstance(factor, Apply) and factor.op == REPEATS[op]:
            result.multiply(factor.args[0], power)
        else:
            inner[factor] = power
    whole = node.args[0].shape
    if inner:
        result.multiply(apply(op, product(Term(whole, ONE, inner))), ONE)
    else:
        result.multiply(size(whole[1 if op == "rows_sum" else 0]), ONE)
    return result


# --- writing ---------------------------------------------------------------------------------------------


def product(term: Term, entrywise: bool = False, rest: Node | None = None) -> Node:
    """A term as an expression of its shape.

    entrywise  a number stands for the matrix that is full of it, as in functions of scalars
    rest       a further factor, written behind the others
    """
    full: list[Node] = []
    vectors: dict[str, list[Node]] = {op: [] for op in SUMS}
    above: list[Node] = []
    below: dict[Fraction, list[Node]] = {}
    c = term.coefficient
    if not term.factors and rest is None and (term.shape == SCALAR or entrywise):
        return constant(c)
    if c.denominator != 1 and (abs(c.numerator) == 1 or not _is_decimal(c)):
        below[ONE] = [constant(c.denominator)]
        c *= c.denominator
    for node, power in term.factors.items():
        if node.is_scalar or entrywise:
            if power < 0:
                below.setdefault(-power, []).append(node)
            else:
                above.append(raised(node, power))
        elif isinstance(node, Apply) and node.op in SUMS:
            vectors[node.op].append(raised(node.args[0], power))
        else:
            full.append(raised(node, power))
    divisor = multiplied(raised(_product(nodes), power) for power, nodes in below.items())
    for op, axis in (("row_repeat", 0), ("column_repeat", 1)):
        vector = multiplied(vectors[op])
        if vector is not None:
            if divisor is not None:  # a vector is divided rather than the matrix that it is repeated to
                vector, divisor = apply("divide", vector, divisor), None
            full.append(apply(op, vector, sizes=(term.shape[axis],)))
    if rest is not None:
        full.append(rest)
    whole = multiplied(full)
    number = multiplied([*([constant(abs(c))] if abs(c) != 1 else []), *above])
    if whole is None and term.shape != SCALAR and not entrywise:
        whole = apply("ones", sizes=term.shape)
    result = multiplied(n for n in (number, whole) if n is not None) or constant(1)
    if c < 0:
        result = constant(-result.value) if isinstance(result, Constant) else apply("negate", result)
    return result if divisor is None else apply("divide", result, divisor)


def _is_decimal(value: Fraction) -> bool:
    """Whether a number can be written exactly with a decimal point."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def multiplied(factors: Iterable[Node]) -> Node | None:
    """Scalars scale, matrices are multiplied entry by entry; None for no factors."""
    result: Node | None = None
    for factor in factors:
        result = factor if result is None else times(result, factor)
    return result


def _product(factors: Iterable[Node]) -> Node:
    result = multiplied(factors)
    assert result is not None
    return result


def times(left: Node, right: Node) -> Node:
    if left.is_scalar or right.is_scalar:
        return apply("scale", left, right) if left.is_scalar else apply("scale", right, left)
    return apply("hadamard", left, right)


def raised(node: Node, power: Fraction) -> Node:
    if power == 1:
        return node
    return apply(NAMED_POWERS[power], node) if power in NAMED_POWERS else apply("power", node, constant(power))
