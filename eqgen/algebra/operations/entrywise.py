"""Rows that act entry by entry: arithmetic, powers, elementary functions, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.expressions import Apply, Constant, Node, apply
from eqgen.algebra.operations.row import (
    Field,
    Operation,
    elements,
    free,
    number,
    reduced_to,
    same_shape,
    spread,
    times,
)

ONE = Fraction(1)


def _lift(scalar: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The entry rule and the explicit rule of a function of scalars."""

    def entry(field: Any, operands: Any, sizes: Any, i: Any, j: Any) -> Any:
        return scalar(field, *(x.at(0, 0) if x.shape == (1, 1) else x.at(i, j) for x in operands))

    def explicit(field: Field, arrays: Any, sizes: Any) -> Any:
        wide = np.broadcast_shapes((1, 1), *(a.shape for a in arrays))
        result = np.empty(wide, dtype=object)
        spread = [np.broadcast_to(a, wide) for a in arrays]
        for position in np.ndindex(*wide):
            result[position] = scalar(field, *(a[position] for a in spread))
        return result

    return entry, explicit


def _symbolic(name: str) -> Callable[..., Any]:
    def build(*operands: Any) -> Any:
        from eqgen.algebra.symbolic import entrywise

        return entrywise(name, *operands)

    return build


def _row(
    name: str,
    notation: str,
    latex: str,
    scalar: Callable[..., Any],
    partials: Callable[..., tuple[Node | None, ...]],
    *,
    arity: int = 1,
    cost: Callable[..., Any] = elements,
    domain: str = "",
    note: str = "",
    symbolic: Callable[..., Any] | None = None,
) -> Operation:
    entry, explicit = _lift(scalar)

    def adjoint(node: Apply, gradient: Node) -> tuple[Node | None, ...]:
        return tuple(
            None if partial is None else reduced_to(arg.shape, times(gradient, partial))
            for arg, partial in zip(node.args, partials(*node.args), strict=True)
        )

    def tangent(node: Apply, tangents: Sequence[Node | None]) -> Node | None:
        total: Node | None = None
        for moved, partial in zip(tangents, partials(*node.args), strict=True):
            if moved is None or partial is None or _is_zero(partial):
                continue
            total = _added(total, times(moved, partial))
        return None if total is None else spread(total, node.shape)

    return Operation(
        name=name, notation=notation, latex=latex, arity=arity, shape=same_shape, entry=entry, explicit=explicit,
        symbolic=symbolic or _symbolic(name), adjoint=adjoint, tangent=tangent, flops=cost, domain=domain, note=note,
        entrywise=True, scalar=scalar, partials=partials,
    )  # fmt: skip


def _is_zero(x: Node) -> bool:
    return isinstance(x, Constant) and x.value == 0


def _added(total: Node | None, part: Node) -> Node:
    """A sum. Two choices by one condition, of which one is 0 wherever the other is not, are one choice."""
    if total is None:
        return part
    choices = [n for n in (total, part) if isinstance(n, Apply) and n.op == "where"]
    if len(choices) == 2 and choices[0].args[0] == choices[1].args[0]:
        (condition, yes, no), (_, also, other) = choices[0].args, choices[1].args
        if _is_zero(no) and _is_zero(also):
            return apply("where", condition, yes, other)
    if isinstance(part, Apply) and part.op == "negate":
        return apply("subtract", total, part.args[0])
    return apply("add", total, part)


def _step(condition: Node, yes: Node, no: Node) -> Node:
    return apply("where", condition, yes, no)


def _power_partials(x: Node, p: Node) -> tuple[Node | None, ...]:
    if not isinstance(p, Constant):
        return times(p, apply("power", x, apply("subtract", p, number(1)))), times(
            apply("power", x, p), apply("log", x)
        )
    if p.value == 2:
        return times(number(2), x), None
    return times(p, apply("power", x, number(p.value - 1))), None


def _zero(*operands: Node) -> tuple[Node | None, ...]:
    """The derivative of a piecewise constant function, zero wherever it exists."""
    return tuple(number(0) for _ in operands)


def _boolean(name: str, notation: str, latex: str, relation: str) -> Operation:
    return _row(
        name, notation, latex, lambda f, x, y: f.compare(relation, x, y), lambda x, y: (None, None), arity=2,
        note="A condition: 1 where it holds, else 0. It has no gradient.",
    )  # fmt: skip


ROWS: tuple[Operation, ...] = (
    _row("scale", "c X", "{0} {1}", lambda f, c, x: c * x, lambda c, x: (x, c), arity=2),
    _row("add", "X + Y", "{0} + {1}", lambda f, x, y: x + y, lambda x, y: (number(1), number(1)), arity=2),
    _row("subtract", "X - Y", "{0} - {1}", lambda f, x, y: x - y, lambda x, y: (number(1), number(-1)), arity=2),
    _row("negate", "-X", "-{0}", lambda f, x: f.number(-ONE) * x, lambda x: (number(-1),)),
    _row("hadamard", "X ⊙ Y", r"{0} \odot {1}", lambda f, x, y: x * y, lambda x, y: (y, x), arity=2),
    _row(
        "divide", "X / Y", r"{0} / {1}", lambda f, x, y: x * f.power(y, f.number(-ONE)),
        lambda x, y: (apply("reciprocal", y), apply("negate", apply("divide", x, apply("square", y)))), arity=2,
        domain="divisor nonzero", note="A matrix is divided by a scalar or a size; entrywise in scalar functions.",
    ),
    _row("exp", "e^X", r"e^{{{0}}}", lambda f, x: f.function("exp", x), lambda x: (apply("exp", x),)),
    _row("expm1", "e^X - 1", r"\mathrm{{expm1}}({0})", lambda f, x: f.function("exp", x) - f.number(ONE),
         lambda x: (apply("exp", x),), note="Accurate near 0."),
    _row("log", "log(X)", r"\log({0})", lambda f, x: f.function("log", x), lambda x: (apply("reciprocal", x),),
         domain="positive"),
    _row("log1p", "log(1 + X)", r"\mathrm{{log1p}}({0})", lambda f, x: f.function("log", f.number(ONE) + x),
         lambda x: (apply("reciprocal", apply("add", number(1), x)),), domain="greater than -1",
         note="Accurate near 0."),
    _row("reciprocal", "1/X", r"\frac{{1}}{{{0}}}", lambda f, x: f.power(x, f.number(-ONE)),
         lambda x: (apply("negate", apply("reciprocal", apply("square", x))),), domain="nonzero"),
    _row("square", "X²", r"{0}^{{\odot 2}}", lambda f, x: x * x, lambda x: (times(number(2), x),)),
    _row("sqrt", "√X", r"\sqrt{{{0}}}", lambda f, x: f.power(x, f.number(Fraction(1, 2))),
         lambda x: (times(number(Fraction(1, 2)), apply("inv_sqrt", x)),), domain="nonnegative"),
    _row("inv_sqrt", "X^(-1/2)", r"{0}^{{-\frac{{1}}{{2}}}}", lambda f, x: f.power(x, f.number(Fraction(-1, 2))),
         lambda x: (times(number(Fraction(-1, 2)), apply("power", x, number(Fraction(-3, 2)))),), domain="positive",
         note="Table 3 of the paper hides a constant in it, (X + e)^(-1/2). Here the operation is what its name says. "
              "An equation that needs the constant writes it, and the gradient is proven for what is computed."),
    _row("power", "X^p", r"{0}^{{{1}}}", lambda f, x, p: f.power(x, p), _power_partials, arity=2,
         domain="positive where the exponent is not an integer"),
    _row("abs", "|X|", r"|{0}|", lambda f, x: f.function("abs", x), lambda x: (apply("sign", x),)),
    _row("sign", "sign(X)", r"\mathrm{{sign}}({0})", lambda f, x: f.function("sign", x), _zero),
    _row("floor", "⌊X⌋", r"\lfloor {0} \rfloor", lambda f, x: f.function("floor", x), _zero),
    _row("tanh", "tanh(X)", r"\tanh({0})", lambda f, x: f.function("tanh", x),
         lambda x: (apply("subtract", number(1), apply("square", apply("tanh", x))),)),
    _row("sigmoid", "σ(X)", r"\sigma({0})", lambda f, x: f.function("sigmoid", x),
         lambda x: (times(apply("sigmoid", x), apply("subtract", number(1), apply("sigmoid", x))),)),
    _row("log_sigmoid", "log(σ(X))", r"\log(\sigma({0}))", lambda f, x: f.function("log", f.function("sigmoid", x)),
         lambda x: (apply("subtract", number(1), apply("sigmoid", x)),),
         note="The Eigen spelling of Table 3, -log1p(exp(-X)), overflows for X below -88 in single precision: "
              "all columns use min(X, 0) - log1p(exp(-|X|))."),
    _row("softplus", "log(1 + e^X)", r"\mathrm{{softplus}}({0})",
         lambda f, x: f.function("log", f.number(ONE) + f.function("exp", x)), lambda x: (apply("sigmoid", x),),
         note="Computed as max(X, 0) + log1p(exp(-|X|)), which does not overflow."),
    _row("erf", "erf(X)", r"\mathrm{{erf}}({0})", lambda f, x: f.function("erf", x),
         lambda x: (times(apply("divide", number(2), apply("sqrt", apply("pi"))),
                          apply("exp", apply("negate", apply("square", x)))),)),
    _row("erfc", "erfc(X)", r"\mathrm{{erfc}}({0})", lambda f, x: f.number(ONE) - f.function("erf", x),
         lambda x: (apply("negate", times(apply("divide", number(2), apply("sqrt", apply("pi"))),
                                          apply("exp", apply("negate", apply("square", x))))),),
         note="1 - erf(X), accurate where erf(X) is near 1."),
    _row("max", "max(X, Y)", r"\max({0}, {1})", lambda f, x, y: f.maximum([x, y]),
         lambda x, y: (_step(apply("less", y, x), number(1), number(0)),
                       _step(apply("less", y, x), number(0), number(1))), arity=2,
         note="Where both are equal the derivative is that of the second operand, so relu'(0) = 1 for max(0, x)."),
    _row("min", "min(X, Y)", r"\min({0}, {1})", lambda f, x, y: f.minimum([x, y]),
         lambda x, y: (_step(apply("less", x, y), number(1), number(0)),
                       _step(apply("less", x, y), number(0), number(1))), arity=2,
         note="Where both are equal the derivative is that of the second operand."),
    _boolean("less", "X < Y", "{0} < {1}", "<"),
    _boolean("less_equal", "X <= Y", r"{0} \le {1}", "<="),
    _boolean("greater", "X > Y", "{0} > {1}", ">"),
    _boolean("greater_equal", "X >= Y", r"{0} \ge {1}", ">="),
    _boolean("equal", "X == Y", "{0} = {1}", "=="),
    _row("where", "where(C, X, Y)", r"[{0} \,?\, {1} : {2}]", lambda f, c, x, y: f.where(c, x, y),
         lambda c, x, y: (None, _step(c, number(1), number(0)), _step(c, number(0), number(1))), arity=3,
         note="Both branches are computed: neither may overflow where the other is chosen."),
    _row("pi", "π", r"\pi", lambda f: f.function("pi"), lambda: (), arity=0, cost=free),
)  # fmt: skip
