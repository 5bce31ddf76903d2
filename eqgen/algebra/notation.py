"""How expressions become text: a column of spellings and a precedence rule. The column here is the language itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

from eqgen.algebra.expressions import Apply, Constant, Derivative, Dim, Invoke, Node, Size, Symbol, walk


class Level(IntEnum):
    """How tightly a text binds. An operand is put in parentheses when it binds less than its place demands."""

    ANY = 0
    COMPARISON = 1
    SUM = 2
    PRODUCT = 3
    UNARY = 4
    POWER = 5
    ATOM = 6


@dataclass(frozen=True, slots=True)
class Spelling:
    """`template` over the operands {0}, {1}, ..., the size operands {s0}, {s1}, and {like}, a matrix from which
    constants take their dtype and device; for operations with size operands also over the result's sizes {m} x {n}."""

    template: str
    level: Level
    operands: tuple[Level, ...]


def call(template: str) -> Spelling:
    """A text that binds tightly and puts its operands between commas or brackets."""
    return Spelling(template, Level.ATOM, (Level.ANY, Level.ANY, Level.ANY))


def infix(symbol: str, level: Level) -> Spelling:
    """A left-associative operator."""
    return Spelling(f"{{0}} {symbol} {{1}}", level, (level, Level(level + 1)))


def prefix(symbol: str) -> Spelling:
    return Spelling(symbol + "{0}", Level.UNARY, (Level.UNARY,))


def member(template: str) -> Spelling:
    """A text in which the first operand is followed by a dot or a bracket."""
    return Spelling(template, Level.ATOM, (Level.ATOM, Level.ANY, Level.ANY))


Column = Mapping[str, Spelling]
"""A spelling for every operation of the table, and for `full`: {0} spread over an m x n matrix."""


def literal(value: Fraction) -> str:
    """A number as text: `2`, `0.5`, `0.1`; the nearest double where it is not exact."""
    return str(value.numerator) if value.denominator == 1 else repr(value.numerator / value.denominator)


def dimension(dim: Dim) -> str:
    return str(dim)


@dataclass(frozen=True)
class Printer:
    """Prints expressions over a column.

    like      name of the matrix from which constants take their dtype and device
    symbol    how a name is spelled
    """

    column: Column
    like: str = ""
    symbol: Callable[[Symbol], str] = lambda s: s.name

    def __call__(self, node: Node) -> str:
        return self.text(node)[0]

    def text(self, node: Node) -> tuple[str, Level]:
        """The text and how tightly it binds."""
        if isinstance(node, Constant):
            return literal(node.value), Level.ATOM if node.value >= 0 else Level.UNARY
        if isinstance(node, Symbol):
            return self.symbol(node), Level.ATOM
        if isinstance(node, Size):
            return dimension(node.name), Level.ATOM
        if isinstance(node, Invoke):
            return self._invoke(node), Level.ATOM
        if isinstance(node, Derivative):
            return f"{node.kind}({self(node.of)}, {self(node.wrt)})", Level.ATOM
        assert isinstance(node, Apply), node
        return self._apply(node)

    def _invoke(self, node: Invoke) -> str:
        return f"{node.function}{chr(39) * node.derivative}({', '.join(self(a) for a in node.args)})"

    def _apply(self, node: Apply) -> tuple[str, Level]:
        return self._spelled(self.column[node.op], node, node.args)

    def _spelled(self, spelling: Spelling, node: Apply, args: tuple[Node, ...]) -> tuple[str, Level]:
        texts = []
        for arg, least in zip(args, (*spelling.operands, *([Level.ANY] * len(args))), strict=False):
            text, level = self.text(arg)
            texts.append(f"({text})" if level < least else text)
        sizes = {f"s{k}": dimension(s) for k, s in enumerate(node.sizes)}
        m, n = (dimension(d) for d in node.shape)
        return spelling.template.format(*texts, m=m, n=n, like=self.like, **sizes), spelling.level


def language() -> Column:
    """The canonical spelling of `eqgen fmt`: operators, and the API names of the table."""
    from eqgen.algebra.operations import TABLE

    column = {
        "add": infix("+", Level.SUM),
        "subtract": infix("-", Level.SUM),
        "scale": infix("*", Level.PRODUCT),
        "matmul": infix("*", Level.PRODUCT),
        "divide": infix("/", Level.PRODUCT),
        "negate": prefix("-"),
        "transpose": Spelling("{0}.T", Level.ATOM, (Level.ATOM,)),
        "power": Spelling("{0}^{1}", Level.POWER, (Level.ATOM, Level.ATOM)),
        "less": infix("<", Level.COMPARISON),
        "less_equal": infix("<=", Level.COMPARISON),
        "greater": infix(">", Level.COMPARISON),
        "greater_equal": infix(">=", Level.COMPARISON),
        "equal": infix("==", Level.COMPARISON),
    }
    for name, row in TABLE.items():
        operands = [f"{{{k}}}" for k in range(row.arity)] + [f"{{s{k}}}" for k in range(max(row.size_counts))]
        column.setdefault(name, call(f"{name}({', '.join(operands)})"))
    return column


ENTRYWISE = {"hadamard": infix("*", Level.PRODUCT)}
"""Spellings inside of a function of scalars that differ from those between matrices."""


class NotationPrinter(Printer):
    """The language's own notation; `zeros` and `ones` show as many sizes as they have.

    Where scalars and matrices meet entry by entry, the expression is a function of scalars that is applied:
    `apply((x, y) -> where(x < 0, y, 0), Z, DY)`. Numbers are exact: a third is `1 / 3`.
    """

    def text(self, node: Node) -> tuple[str, Level]:
        if isinstance(node, Constant) and Fraction(literal(node.value)) != node.value:
            return f"{node.value.numerator} / {node.value.denominator}", Level.PRODUCT
        return super().text(node)

    def _apply(self, node: Apply) -> tuple[str, Level]:
        if node.op in ("zeros", "ones"):
            return f"{node.op}({', '.join(dimension(s) for s in node.sizes)})", Level.ATOM
        if mixes_scalars(node):
            operands: dict[Node, str] = {}
            body = _ScalarPrinter({**self.column, **ENTRYWISE}, node.shape, operands)(node)
            names = tuple(operands.values())
            head = names[0] if len(names) == 1 else f"({', '.join(names)})"
            return f"apply({head} -> {body}, {', '.join(self(o) for o in operands)})", Level.ATOM
        return super()._apply(node)


def mixes_scalars(node: Node) -> bool:
    """Whether an entrywise operation has both scalars and matrices as operands, other than a factor or divisor."""
    if not isinstance(node, Apply) or node.is_scalar or not is_entrywise(node) or node.op in ("scale", "power"):
        return False
    operands = node.args[:1] if node.op == "divide" else node.args
    return any(a.is_scalar for a in operands)


def is_entrywise(node: Node) -> bool:
    """Whether this applies an operation of the table that acts entry by entry."""
    from eqgen.algebra.operations import TABLE

    return isinstance(node, Apply) and node.op in TABLE and TABLE[node.op].entrywise


class _ScalarPrinter(NotationPrinter):
    """Prints the body of a function of scalars; matrices become its parameters, collected in `operands`."""

    def __init__(self, column: Column, shape: tuple[Dim, Dim], operands: dict[Node, str]) -> None:
        super().__init__(column)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "operands", operands)

    def text(self, node: Node) -> tuple[str, Level]:
        if node.shape != self.shape or is_entrywise(node):  # type: ignore[attr-defined]
            return super().text(node)
        taken = {n.name for n in walk(node) if isinstance(n, Symbol)}
        letters = (
            letter
            for letter in ("x", "y", "z", "u", "v", "w", *(f"x{k}" for k in range(1, 100)))
            if letter not in taken
        )
        name: str = self.operands.setdefault(node, "")  # type: ignore[attr-defined]
        if not name:
            used = set(self.operands.values())  # type: ignore[attr-defined]
            name = self.operands[node] = next(x for x in letters if x not in used)  # type: ignore[attr-defined]
        return name, Level.ATOM

    def _apply(self, node: Apply) -> tuple[str, Level]:
        return Printer._apply(self, node)


def notation(node: Node, further: Iterable[str] = ()) -> str:
    """The expression in the language's canonical spelling; `further` are instructions beside those of the table."""
    calls = {name: call(f"{name}({{0}}, {{1}}, {{2}})") for name in further}
    return NotationPrinter({**language(), **calls})(node)
