"""Spellings in Python: numbers on the host, and calls of the generated package's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eqgen.algebra.expressions import Apply, Invoke, Node
from eqgen.algebra.notation import Column, Level, Printer, Spelling, call, infix, prefix
from eqgen.optimize.names import function_name

HOST: Column = {
    "add": infix("+", Level.SUM),
    "subtract": infix("-", Level.SUM),
    "scale": infix("*", Level.PRODUCT),
    "hadamard": infix("*", Level.PRODUCT),
    "matmul": infix("*", Level.PRODUCT),
    "divide": infix("/", Level.PRODUCT),
    "negate": prefix("-"),
    "power": Spelling("{0} ** {1}", Level.POWER, (Level.ATOM, Level.UNARY)),
    "square": Spelling("{0} ** 2", Level.POWER, (Level.ATOM,)),
    "reciprocal": Spelling("1 / {0}", Level.PRODUCT, (Level.UNARY,)),
    "sqrt": call("math.sqrt({0})"),
    "inv_sqrt": Spelling("1 / math.sqrt({0})", Level.PRODUCT, (Level.ANY,)),
    "exp": call("math.exp({0})"),
    "expm1": call("math.expm1({0})"),
    "log": call("math.log({0})"),
    "log1p": call("math.log1p({0})"),
    "tanh": call("math.tanh({0})"),
    "erf": call("math.erf({0})"),
    "erfc": call("math.erfc({0})"),
    "abs": call("abs({0})"),
    "sign": call("math.copysign(1.0 if {0} != 0 else 0.0, {0})"),
    "floor": call("math.floor({0})"),
    "sigmoid": call("(1 / (1 + math.exp(-({0}))))"),
    "softplus": call("math.log1p(math.exp({0}))"),
    "log_sigmoid": call("(-math.log1p(math.exp(-({0}))))"),
    "max": call("max({0}, {1})"),
    "min": call("min({0}, {1})"),
    "where": Spelling("({1} if {0} else {2})", Level.ATOM, (Level.ANY, Level.ANY, Level.ANY)),
    "less": infix("<", Level.COMPARISON),
    "less_equal": infix("<=", Level.COMPARISON),
    "greater": infix(">", Level.COMPARISON),
    "greater_equal": infix(">=", Level.COMPARISON),
    "equal": infix("==", Level.COMPARISON),
    "pi": call("math.pi"),
    "transpose": call("{0}"),
    "elements_sum": call("{0}"),
    "rows_sum": call("{0}"),
    "columns_sum": call("{0}"),
    "diag": call("{0}"),
    "Diag": call("{0}"),
    "dot": infix("*", Level.PRODUCT),
    "rows_mean": call("{0}"),
    "columns_mean": call("{0}"),
    "rows_max": call("{0}"),
    "columns_max": call("{0}"),
}
"""Arithmetic on Python numbers, for scalars that no matrix takes part in; the same in every Python package."""


@dataclass(frozen=True)
class PythonPrinter(Printer):
    """Calls functions of the generated package by name and activations as objects."""

    host: Callable[[Node], bool] = lambda n: False
    """Whether a scalar is computed on plain numbers: no matrix takes part in it."""
    kinds: Mapping[str, str] | None = None
    """Kind of each callable definition by name; a name that is missing is an activation that is a parameter."""

    def _invoke(self, node: Invoke) -> str:
        args = ", ".join(self(a) for a in node.args)
        kind = (self.kinds or {}).get(node.function)
        if kind is None:
            return f"{node.function}.gradient({args})" if node.derivative else f"{node.function}({args})"
        return f"{function_name(kind, node.function, 'gradient' if node.derivative else '')}({args})"

    def _apply(self, node: Apply) -> tuple[str, Level]:
        if self.host(node):
            return self._spelled(HOST[node.op], node, node.args)
        if (
            node.op == "scale"
            and isinstance(node.args[1], Apply)
            and node.args[1].op == "ones"
            and self.host(node.args[0])
        ):
            return self._spelled(self.column["full"], node, node.args[:1])
        return self._spelled(self.column[node.op], node, node.args)
