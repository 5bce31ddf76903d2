"""Short matrix forms: sums of entrywise products in which known results are used again.

An expression is read as a sum of terms, each a rational number times powers of scalars times powers of factors. A
factor is a matrix of the full shape, or a vector that is repeated over it. Sums over rows and columns give up the
factors that do not change along them, so that equal things meet; then products that are known under a name (`Y`,
`softmax(Z)`) are named, repeated vectors go back into a sum where that makes another name possible, and common factors
are taken out.

Nothing here is trusted: what comes out is proven equal to what went in before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from eqgen.algebra.expressions import (
    SCALAR,
    Apply,
    Constant,
    Node,
    Shape,
    Size,
    apply,
    constant,
    size,
)

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
MAX_TERMS = 60


class TooLong(Exception):
    """Expanding gives more terms than a person would want to read."""


@dataclass
class Term:
    """coefficient * product of scalars * product of factors; `shape` is that of the whole term."""

    shape: Shape
    coefficient: Fraction = ONE
    factors: Powers = field(default_factory=dict)

    def times(self, other: Term, shape: Shape) -> Term:
        factors = dict(self.factors)
        for node, power in other.factors.items():
            multiply(factors, node, power)
        return Term(shape, self.coefficient * other.coefficient, factors)

    def raised(self, power: Fraction) -> Term | None:
        """The term to a power; None where that is not a rational coefficient."""
        if self.coefficient != 1 and power.denominator != 1:
            return None
        if power.denominator != 1 and len(self.factors) != 1:
            return None
        if self.coefficient == 0:
            return None
        return Term(
            self.shape,
            self.coefficient**power.numerator if power.denominator == 1 else ONE,
            {n: e * power for n, e in self.factors.items()},
        )


def multiply(factors: Powers, node: Node, power: Fraction) -> None:
    total = factors.get(node, Fraction(0)) + power
    if total:
        factors[node] = total
    else:
        factors.pop(node, None)


# --- reading ---------------------------------------------------------------------------------------------


def terms(node: Node) -> list[Term]:
    """The expression as a sum of terms, like terms put together. Raises TooLong."""
    collected: dict[frozenset[tuple[Node, Fraction]], Term] = {}
    for term in _terms(node):
        key = frozenset(term.factors.items())
        if key in collected:
            collected[key].coefficient += term.coefficient
        else:
            collected[key] = Term(node.shape, term.coefficient, dict(term.factors))
    return [t for t in collected.values() if t.coefficient]


def _checked(result: list[Term]) -> list[Term]:
    if len(result) > MAX_TERMS:
        raise TooLong
    return result


def _terms(node: Node) -> list[Term]:
    shape = node.shape
    if isinstance(node, Constant):
        return [Term(shape, node.value)] if node.value else []
    if isinstance(node, Apply):
        op, args = node.op, node.args
        if op == "zeros":
            return []
        if op == "ones":
            return [Term(shape)]
        if op in ("add", "subtract"):
            sign = Fraction(1 if op == "add" else -1)
            return _checked(
                [Term(shape, t.coefficient, t.factors) for t in _terms(args[0])]
                + [Term(shape, sign * t.coefficient, t.factors) for t in _terms(args[1])]
            )
        if op == "negate":
            return [Term(shape, -t.coefficient, t.factors) for t in _terms(args[0])]
        if op in ("hadamard", "scale"):
            return _checked([a.times(b, shape) for a in _terms(args[0]) for b in _terms(args[1])])
        if op == "divide":
            divisor = _power(args[1], Fraction(-1))
            return _checked([a.times(b, shape) for a in _terms(args[0]) for b in divisor])
        if op in EXPONENTS:
            return _power(args[0], EXPONENTS[op])
        if op == "power" and isinstance(args[1], Constant):
            return _power(args[0], args[1].value)
        if op in SUMS:
            return [_repeated(op, t, node) for t in _terms(args[0])]
        if op in MEANS:
            total, axis = MEANS[op]
            inverse = Term(shape, ONE, _size_power(args[0].shape, axis, Fraction(-1)))
            return [t.times(inverse, shape) for t in _terms(apply(total, args[0]))]
        if op in REPEATS:
            return [_summed(op, t, node) for t in _terms(args[0])]
    return [Term(shape, ONE, {node: ONE})]


def _size_power(shape: Shape, axis: int, power: Fraction) -> Powers:
    return {size(shape[axis]): power}


def _power(base: Node, exponent: Fraction) -> list[Term]:
    """A power of an expression: of each factor where it is one term, else of the whole as one factor."""
    inner = terms(base)
    raised = inner[0].raised(exponent) if len(inner) == 1 else None
    if raised is not None:
        return [raised]
    if exponent.denominator == 1 and exponent == 2:
        return _checked([a.times(b, base.shape) for a in inner for b in inner])
    return [Term(base.shape, ONE, {base: exponent})]


def _repeated(op: str, term: Term, node: Apply) -> Term:
    factors: Powers = {}
    for factor, power in term.factors.items():
        multiply(factors, factor if factor.is_scalar else apply(op, factor, sizes=node.sizes), power)
    return Term(node.shape, term.coefficient, factors)


def _summed(op: str, term: Term, node: Apply) -> Term:
    """A sum along rows or columns: what does not change along them comes out."""
    constant_along = REPEATS[op]
    outer: Powers = {}
    inner: Powers = {}
    for factor, power in term.factors.items():
        if factor.is_scalar:
            multiply(outer, factor, power)
        elif isinstance(factor, Apply) and factor.op == constant_along:
            multiply(outer, factor.args[0], power)
        else:
            inner[factor] = power
    whole = node.args[0].shape
    if inner:
        multiply(outer, apply(op, product(Term(whole, ONE, inner))), ONE)
    else:
        multiply(outer, size(whole[1 if op == "rows_sum" else 0]), ONE)
    return Term(node.shape, term.coefficient, {n: p for n, p in outer.items() if not _is_one(n)})


def _is_one(node: Node) -> bool:
    return isinstance(node, Constant) and node.value == 1


# --- names -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A product that has a name: factors -> name, both of the same shape."""

    factors: tuple[tuple[Node, Fraction], ...]
    name: Node

    def repeated(self, shape: Shape) -> Known | None:
        """The same for matrices of another shape over which the vector is repeated."""
        if self.name.shape == shape:
            return self
        for op, axis in (("row_repeat", 0), ("column_repeat", 1)):
            if self.name.shape[axis] == 1 and self.name.shape[1 - axis] == shape[1 - axis]:
                sizes = (shape[axis],)
                lifted = tuple((f if f.is_scalar else apply(op, f, sizes=sizes), p) for f, p in self.factors)
                return Known(lifted, apply(op, self.name, sizes=sizes))
        return None


def known(name: Node, value: Node) -> Known | None:
    """The definition `name = value` as a product; None where it is a sum, a copy, or has a coefficient."""
    try:
        parts = terms(value)
    except TooLong:
        return None
    if len(parts) != 1 or parts[0].coefficient != 1 or not parts[0].factors:
        return None
    factors = parts[0].factors
    if len(factors) == 1 and next(iter(factors.values())) == 1:
        return None
    return Known(tuple(factors.items()), name)


def _available(factors: Powers, wanted: tuple[tuple[Node, Fraction], ...]) -> bool:
    return all(f in factors and factors[f] * p > 0 and abs(factors[f]) >= abs(p) for f, p in wanted)


def name_products(term: Term, names: Sequence[Known]) -> None:
    """Use names in a term, then let repeated vectors go into the sums beside them where that allows another name."""
    lifted = [k for n in names if (k := n.repeated(term.shape)) is not None]
    while k := next((k for k in lifted if _available(term.factors, k.factors)), None):
        for factor, power in k.factors:
            multiply(term.factors, factor, -power)
        multiply(term.factors, k.name, ONE)
    for factor in list(term.factors):
        if term.factors.get(factor) == 1 and _sum_of(factor) is not None:
            _push_into_sum(term, factor, names)


def _sum_of(factor: Node) -> Apply | None:
    """The sum that a factor is, or repeats along the direction of the sum."""
    if not isinstance(factor, Apply):
        return None
    if factor.op in REPEATS:
        return factor
    if factor.op in SUMS and isinstance(factor.args[0], Apply) and factor.args[0].op == SUMS[factor.op]:
        return factor.args[0]
    return None


def _push_into_sum(term: Term, factor: Node, names: Sequence[Known]) -> None:
    total = _sum_of(factor)
    assert total is not None and isinstance(factor, Apply)
    whole = total.args[0].shape
    parts = terms(total.args[0])
    if len(parts) != 1:
        return
    inner = parts[0].factors
    repeat = REPEATS[total.op]

    def outside(f: Node) -> Node:
        """The factor of the term that becomes `f` inside of the sum."""
        if factor is total and isinstance(f, Apply) and f.op == repeat:
            return f.args[0]
        return f

    for k in (lifted for n in names if (lifted := n.repeated(whole)) is not None):
        inside = tuple((f, p) for f, p in k.factors if f in inner)
        pushed = tuple((outside(f), p) for f, p in k.factors if f not in inner)
        if (
            not inside
            or not pushed
            or any(not (isinstance(f, Apply) and f.op == repeat) for f, _ in k.factors if f not in inner)
        ):
            continue
        if _available(inner, inside) and _available(term.factors, pushed):
            for f, p in inside:
                multiply(inner, f, -p)
            for f, p in pushed:
                multiply(term.factors, f, -p)
            multiply(inner, k.name, ONE)
    fresh = apply(total.op, product(Term(whole, parts[0].coefficient, inner)))
    multiply(term.factors, factor, -ONE)
    multiply(term.factors, fresh if factor is total else apply(factor.op, fresh, sizes=factor.sizes), ONE)


# --- writing ---------------------------------------------------------------------------------------------


def tidied(node: Node, names: Iterable[Known]) -> Node:
    """The expression with known products under their names and common factors taken out. Raises TooLong."""
    parts = terms(node)
    ordered = sorted(names, key=lambda k: -len(k.factors))
    for term in parts:
        name_products(term, ordered)
    merged: dict[frozenset[tuple[Node, Fraction]], Term] = {}
    for term in parts:
        key = frozenset(term.factors.items())
        if key in merged:
            merged[key].coefficient += term.coefficient
        else:
            merged[key] = term
    return written([t for t in merged.values() if t.coefficient], node.shape)


def written(parts: list[Term], shape: Shape) -> Node:
    """A sum of terms as an expression: positive terms first, common factors outside."""
    if not parts:
        return constant(0) if shape == SCALAR else apply("zeros", sizes=shape)
    if len(parts) > 1:
        common = _common(parts)
        if common.factors or common.coefficient != 1:
            inverse = common.raised(Fraction(-1))
            assert inverse is not None
            rest = written([t.times(inverse, shape) for t in parts], shape)
            return _joined(product(common, alone=False), rest)
    parts = sorted(parts, key=lambda t: t.coefficient < 0)
    total = product(parts[0])
    for term in parts[1:]:
        if term.coefficient < 0:
            total = apply("subtract", total, product(Term(shape, -term.coefficient, term.factors)))
        else:
            total = apply("add", total, product(term))
    return total


def _joined(factor: Node, rest: Node) -> Node:
    if isinstance(factor, Constant) and factor.value == -1:
        return apply("negate", rest)
    return apply("scale" if factor.is_scalar else "hadamard", factor, rest)


def _common(parts: list[Term]) -> Term:
    """The factors and the sign that all terms share."""
    shared: Powers = {}
    for node, power in parts[0].factors.items():
        powers = [t.factors.get(node, Fraction(0)) for t in parts]
        if all(p * power > 0 for p in powers):
            shared[node] = min(powers, key=abs)
    coefficients = {t.coefficient for t in parts}
    same = {abs(c) for c in coefficients}
    coefficient = same.pop() if len(same) == 1 else ONE
    if all(c < 0 for c in coefficients):
        coefficient = -coefficient
    return Term(parts[0].shape, coefficient, shared)


def product(term: Term, alone: bool = True) -> Node:
    """A term as an expression of its shape (with `alone` false a common factor may stay a scalar)."""
    shape = term.shape
    groups: dict[str, list[tuple[Node, Fraction]]] = {"scalar": [], "full": [], "row_repeat": [], "column_repeat": []}
    for node, power in term.factors.items():
        if node.is_scalar and shape != SCALAR:
            groups["scalar"].append((node, power))
        elif isinstance(node, Apply) and node.op in SUMS:
            groups[node.op].append((node.args[0], power))
        else:
            groups["full"].append((node, power))
    divisors = [(node, -power) for node, power in groups["scalar"] if power < 0 and isinstance(node, Size)]
    whole: Node | None = None
    for node, power in groups["full"]:
        whole = _times(whole, _raised(node, power))
    for op, axis in (("row_repeat", 0), ("column_repeat", 1)):
        vector: Node | None = None
        for node, power in groups[op]:
            vector = _times(vector, _raised(node, power))
        if vector is not None:
            while divisors:
                # A vector is divided rather than the matrix that it is repeated to.
                node, power = divisors.pop()
                vector = apply("divide", vector, _raised(node, power))
            whole = _times(whole, apply(op, vector, sizes=(shape[axis],)))
    scalar: Node | None = None if term.coefficient == 1 else constant(term.coefficient)
    for node, power in groups["scalar"]:
        if power < 0 and isinstance(node, Size):
            continue
        scalar = _times(scalar, _raised(node, power))
    if whole is None:
        if not alone and shape != SCALAR:
            whole = None
        elif shape != SCALAR:
            whole = apply("ones", sizes=shape)
    result = _scaled(scalar, whole)
    for node, power in divisors:
        result = apply("divide", result, _raised(node, power))
    return result


def _scaled(scalar: Node | None, whole: Node | None) -> Node:
    if whole is None:
        return constant(1) if scalar is None else scalar
    if scalar is None:
        return whole
    if isinstance(scalar, Constant) and scalar.value == -1:
        return apply("negate", whole)
    return apply("scale", scalar, whole)


def _times(left: Node | None, right: Node) -> Node:
    if left is None:
        return right
    if left.is_scalar and not right.is_scalar:
        return apply("scale", left, right)
    return apply("scale", right, left) if right.is_scalar and not left.is_scalar else apply("hadamard", left, right)


def _raised(node: Node, power: Fraction) -> Node:
    if power == 1:
        return node
    if power in NAMED_POWERS:
        return apply(NAMED_POWERS[power], node)
    return apply("power", node, constant(power))
