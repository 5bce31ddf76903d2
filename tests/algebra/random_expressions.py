"""Random well-shaped expressions over the operation table, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from eqgen.algebra.expressions import SCALAR, Dim, Invoke, Node, Shape, Symbol, apply, constant, size

SIZES = ("N", "D", "K")
SHAPES: tuple[Shape, ...] = (
    ("N", "D"),
    ("D", "K"),
    ("N", "K"),
    ("K", "D"),
    ("N", 1),
    (1, "D"),
    (1, "K"),
    ("N", "N"),
    ("D", "D"),
    SCALAR,
)
LEAVES = {shape: tuple(f"{letter}{k}" for letter in "AB") for k, shape in enumerate(SHAPES)}

Choose = Callable[[int], int]
"""choose(n) is a number below n."""


class Expressions:
    """Builds expressions of a wanted shape. `rational` leaves out what has irrational values."""

    def __init__(self, choose: Choose, rational: bool, smooth: bool = False) -> None:
        self.choose = choose
        self.rational = rational
        self.smooth = smooth

    def pick(self, options: list[Callable[[], Node]]) -> Node:
        return options[self.choose(len(options))]()

    def dim(self) -> Dim:
        return ("N", "D", "K", 2)[self.choose(4)]

    def leaf(self, shape: Shape) -> Node:
        if shape == SCALAR and self.choose(3) == 0:
            return (
                size(SIZES[self.choose(3)])
                if self.choose(2)
                else constant(Fraction(self.choose(7) - 3, self.choose(3) + 1))
            )
        names = LEAVES.get(shape)
        if names is not None:
            return Symbol(shape, names[self.choose(2)])
        reverse = shape[::-1]
        if reverse in LEAVES:
            return apply("transpose", Symbol(reverse, LEAVES[reverse][self.choose(2)]))
        return apply("ones", sizes=shape)

    def node(self, shape: Shape, depth: int) -> Node:
        if depth <= 0:
            return self.leaf(shape)
        d = depth - 1
        options: list[Callable[[], Node]] = [
            lambda: apply("add", self.node(shape, d), self.node(shape, d)),
            lambda: apply("subtract", self.node(shape, d), self.node(shape, d)),
            lambda: apply("hadamard", self.node(shape, d), self.node(shape, d)),
            lambda: apply("scale", self.node(SCALAR, d), self.node(shape, d)),
            lambda: apply("square", self.node(shape, d)),
            lambda: apply("transpose", self.node(shape[::-1], d)),
            lambda: self.product(shape, d),
            lambda: self.product(shape, d),
            lambda: apply("divide", self.node(shape, d), size(SIZES[self.choose(3)])),
            lambda: self.quotient(shape, d),
            lambda: self.leaf(shape),
        ]
        if not self.smooth:
            options += [
                lambda: apply(("max", "min")[self.choose(2)], self.node(shape, d), self.node(shape, d)),
                lambda: apply(("abs", "sign")[self.choose(2)], self.node(shape, d)),
                lambda: self.where(shape, d),
            ]
        if shape[0] == 1:
            options += [
                lambda: apply(("columns_sum", "columns_mean")[self.choose(2)], self.node((self.dim(), shape[1]), d))
            ] * 2
            if not self.smooth:
                options.append(lambda: apply("columns_max", self.node((self.dim(), shape[1]), d)))
        else:
            options.append(lambda: apply("row_repeat", self.node((1, shape[1]), d), sizes=(shape[0],)))
        if shape[1] == 1:
            options += [
                lambda: apply(("rows_sum", "rows_mean")[self.choose(2)], self.node((shape[0], self.dim()), d))
            ] * 2
            options.append(lambda: apply("diag", self.node((shape[0], shape[0]), d)))
            if not self.smooth:
                options.append(lambda: apply("rows_max", self.node((shape[0], self.dim()), d)))
        else:
            options.append(lambda: apply("column_repeat", self.node((shape[0], 1), d), sizes=(shape[1],)))
        if shape[0] == shape[1] and shape != SCALAR:
            options += [
                lambda: apply("identity", sizes=(shape[0],)),
                lambda: apply("Diag", self.node((shape[0], 1), d)),
                lambda: apply("Diag", self.node((1, shape[0]), d)),
            ]
        if shape == SCALAR:
            options += [lambda: apply("elements_sum", self.node((self.dim(), self.dim()), d)), lambda: self.dot(d)]
        if not self.rational:
            options += [lambda: self.function(shape, d)] * 3
        return self.pick(options)

    def product(self, shape: Shape, d: int) -> Node:
        inner = self.dim()
        return apply("matmul", self.node((shape[0], inner), d), self.node((inner, shape[1]), d))

    def dot(self, d: int) -> Node:
        n = self.dim()
        return apply("dot", self.node((1, n), d), self.node((1, n), d))

    def quotient(self, shape: Shape, d: int) -> Node:
        """A divisor that is positive: 1 + x^2, or a sum of such."""
        return apply("hadamard", self.node(shape, d), apply("reciprocal", self.positive(shape, d)))

    def positive(self, shape: Shape, d: int) -> Node:
        return apply(
            "add",
            apply("scale", constant(1 + self.choose(2)), apply("ones", sizes=shape)),
            apply("square", self.node(shape, d - 1)),
        )

    def where(self, shape: Shape, d: int) -> Node:
        relation = ("less", "less_equal", "greater", "greater_equal", "equal")[self.choose(5)]
        condition = apply(relation, self.node(shape, d - 1), self.node(shape, d - 1))
        return apply("where", condition, self.node(shape, d), self.node(shape, d))

    def function(self, shape: Shape, d: int) -> Node:
        x = self.node(shape, d - 1)
        bounded = apply("tanh", x)
        return self.pick([
            lambda: apply(("tanh", "sigmoid", "erf", "erfc")[self.choose(4)], x),
            lambda: apply(("exp", "expm1", "softplus", "log_sigmoid")[self.choose(4)], bounded),
            lambda: apply(("log", "sqrt", "inv_sqrt", "log1p")[self.choose(4)], self.positive(shape, d)),
            lambda: apply("power", self.positive(shape, d), constant(Fraction(self.choose(7) - 3, 2))),
            lambda: Invoke(shape, "act", (x,), bool(self.choose(2))),
        ])  # fmt: skip
