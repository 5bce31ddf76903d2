"""Expressions as SymPy matrix expressions over symbolic sizes: the table's `symbolic` cell.

What SymPy has is SymPy's own: MatrixSymbol, Transpose, MatMul, MatAdd, HadamardProduct, OneMatrix, ZeroMatrix,
Identity. Every other operation is an `OperationMatrix`, whose shape, entry and LaTeX are those of its row. So

    e = to_sympy(node)                        # rows_sum(X)
    e.subs({dimension("N"): 2, dimension("D"): 3}).as_explicit()
    sympy.latex(e)

work as for any expression of SymPy. Names never pass through SymPy's parser: `E`, `I`, `N`, `Q`, `S` are just names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sympy
from sympy import HadamardProduct, Identity, MatAdd, MatMul, MatrixExpr, MatrixSymbol, OneMatrix, Transpose, ZeroMatrix
from sympy.core.symbol import Str
from sympy.printing.precedence import PRECEDENCE

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Constant, Derivative, Dim, Invoke, Node, Size, Symbol
from eqgen.algebra.fields import SympyField
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.operations.row import Operand, Operation


def dimension(dim: Dim) -> Any:
    """A size as SymPy sees it: an integer, or a symbol that stands for a positive integer."""
    return sympy.Integer(dim) if isinstance(dim, int) else sympy.Symbol(dim, integer=True, positive=True)


class Largest(sympy.Expr):  # type: ignore[misc]
    """The largest value of a term while an index runs from 0 below a size; SymPy's Sum, with Max instead of +."""

    def __new__(cls, term: Any, index: Any, size: Any) -> Any:
        if size.is_Integer:
            return sympy.Max(*(term.xreplace({index: sympy.Integer(k)}) for k in range(int(size))))
        return super().__new__(cls, term, index, size)

    @property
    def free_symbols(self) -> Any:
        term, index, size = self.args
        return (term.free_symbols - {index}) | size.free_symbols

    def _latex(self, printer: Any, **_: Any) -> str:
        term, index, size = (printer._print(a) for a in self.args)
        return rf"\max_{{0 \le {index} < {size}}} {term}"


class PositionField(SympyField):
    """SymPy expressions at symbolic positions: a sum over a symbolic size is a Sum, over a known one a loop."""

    def size(self, dim: Any) -> Any:
        return sympy.sympify(dim)

    def sum(self, dim: Any, term: Callable[[Any], Any]) -> Any:
        dim = sympy.sympify(dim)
        if dim.is_Integer:
            return sympy.Add(*(term(sympy.Integer(k)) for k in range(int(dim))))
        index = sympy.Dummy("k", integer=True, nonnegative=True)
        return sympy.Sum(term(index), (index, 0, dim - 1))

    def delta(self, i: Any, j: Any) -> Any:
        return sympy.KroneckerDelta(i, j)

    def maximum_over(self, dim: Any, term: Callable[[Any], Any]) -> Any:
        index = sympy.Dummy("k", integer=True, nonnegative=True)
        return Largest(term(index), index, sympy.sympify(dim))

    def selection(self, index: Any, position: Any) -> Any:
        return sympy.KroneckerDelta(index, position)


class ScalarMatrix(MatrixExpr):  # type: ignore[misc]
    """A number as a 1 x 1 matrix."""

    def __new__(cls, value: Any) -> Any:
        return super().__new__(cls, value)

    @property
    def shape(self) -> Any:
        return (sympy.S.One, sympy.S.One)

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        return self.args[0]

    def _sympystr(self, printer: Any) -> str:
        return str(printer.parenthesize(self.args[0], PRECEDENCE["Mul"]))

    def _latex(self, printer: Any, **_: Any) -> str:
        return str(printer._print(self.args[0]))


class OperationMatrix(MatrixExpr):  # type: ignore[misc]
    """A row of the operation table applied to matrices; its arguments are the name, the operands and the sizes."""

    def __new__(cls, name: Any, *arguments: Any) -> Any:
        return super().__new__(cls, name if isinstance(name, Str) else Str(name), *map(sympy.sympify, arguments))

    @property
    def operation(self) -> Operation:
        return TABLE[self.args[0].name]

    @property
    def operands(self) -> tuple[Any, ...]:
        return tuple(self.args[1 : 1 + self.operation.arity])

    @property
    def sizes(self) -> tuple[Any, ...]:
        return tuple(self.args[1 + self.operation.arity :])

    @property
    def shape(self) -> Any:
        return tuple(map(sympy.sympify, self.operation.shape(tuple(x.shape for x in self.operands), self.sizes)))

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        operands = [Operand(lambda a, b, x=x: x[a, b], x.shape) for x in self.operands]  # type: ignore[misc]
        return sympy.sympify(self.operation.entry(PositionField(), operands, self.sizes, i, j))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.operation.name}({', '.join(printer._print(a) for a in self.args[1:])})"

    def _latex(self, printer: Any, **_: Any) -> str:
        text = self.notation(printer)
        # SymPy asks an operand for its precedence before it is printed, and the answer would hold for its text form
        # too; so an infix notation brings its own parentheses, except at the root.
        return rf"\left({text}\right)" if printer._print_level > 1 and _is_infix(text) else text

    def notation(self, printer: Any) -> str:
        """The row's LaTeX over the operands' LaTeX."""
        template = self.operation.latex
        operands = [
            _operand(printer, x, enclosed=_encloses(template, position)) for position, x in enumerate(self.operands)
        ]
        first = self.operands[0].shape if operands else ("", "")
        sizes = {"m": first[0], "n": first[1]} | {f"s{k}": s for k, s in enumerate(self.sizes)}
        return template.format(*operands, **{name: printer._print(s) for name, s in sizes.items()})


def _operand(printer: Any, x: Any, enclosed: bool) -> str:
    if not enclosed:
        return str(printer.parenthesize(x, PRECEDENCE["Pow"], strict=True))
    return x.notation(printer) if isinstance(x, OperationMatrix) else str(printer._print(x))


def _encloses(template: str, position: int) -> bool:
    """Whether the notation itself puts brackets or braces around an operand."""
    before, _, after = template.partition(f"{{{position}}}")
    closers = (")", "}}", "|", "]", r" \rfloor", ",", r" \rangle")
    return before.rstrip().endswith(("(", "{{", "|", "[", r"\lfloor", ",", r"\langle")) and after.startswith(closers)


def _is_infix(text: str) -> bool:
    """Whether an operator stands outside all brackets of a LaTeX text."""
    inner = re.compile(r"\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]")
    while inner.search(text):
        text = inner.sub("", text)
    return re.search(r"[-+/<>=]|\\cdot|\\odot|\\le\b|\\ge\b", text) is not None


class ActivationMatrix(MatrixExpr):  # type: ignore[misc]
    """An activation that is a parameter of a layer, `act(Z)`, or its derivative `act'(Z)`, entry by entry."""

    def __new__(cls, name: Any, operand: Any) -> Any:
        return super().__new__(cls, name if isinstance(name, Str) else Str(name), operand)

    @property
    def shape(self) -> Any:
        return self.args[1].shape

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        return sympy.Function(self.args[0].name)(self.args[1][i, j])

    def _sympystr(self, printer: Any) -> str:
        return f"{self.args[0].name}({printer._print(self.args[1])})"

    def _latex(self, printer: Any, **_: Any) -> str:
        return rf"\mathrm{{{self.args[0].name}}}({_operand(printer, self.args[1], enclosed=True)})"


class DerivativeMatrix(MatrixExpr):  # type: ignore[misc]
    """`jacobian(y, z)`, m x n for vectors of m and n entries, or `gradient(L, X)`, of the shape of X."""

    def __new__(cls, kind: Any, of: Any, wrt: Any) -> Any:
        return super().__new__(cls, kind if isinstance(kind, Str) else Str(kind), of, wrt)

    @property
    def shape(self) -> Any:
        kind, of, wrt = self.args
        return wrt.shape if kind.name == "gradient" else (of.rows * of.cols, wrt.rows * wrt.cols)

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        kind, of, wrt = self.args
        if kind.name == "gradient":
            return sympy.diff(of[0, 0], wrt[i, j])
        return sympy.diff(of[0, i] if of.rows == 1 else of[i, 0], wrt[0, j] if wrt.rows == 1 else wrt[j, 0])

    def _sympystr(self, printer: Any) -> str:
        return f"{self.args[0].name}({', '.join(printer._print(a) for a in self.args[1:])})"

    def _latex(self, printer: Any, **_: Any) -> str:
        of, wrt = (printer._print(a) for a in self.args[1:])
        return rf"\frac{{\partial {of}}}{{\partial {wrt}}}"


def entrywise(name: str, *operands: Any) -> Any:
    """An operation that acts entry by entry, on matrix expressions."""
    if name == "scale" and (factor := _factor(operands[0])) is not None:
        return MatMul(factor, *_parts(MatMul, operands[1]))
    if len({x.shape for x in operands}) == 1:
        match name:
            case "add":
                return MatAdd(*_parts(MatAdd, operands[0]), operands[1])
            case "subtract":
                negated = MatMul(sympy.S.NegativeOne, *_parts(MatMul, operands[1]))
                return MatAdd(*_parts(MatAdd, operands[0]), negated)
            case "negate":
                return MatMul(sympy.S.NegativeOne, *_parts(MatMul, operands[0]))
            case "hadamard":
                return HadamardProduct(*operands)
    return OperationMatrix(name, *operands)


def _parts(kind: Any, x: Any) -> tuple[Any, ...]:
    """The operands of a sum or product that opens a longer one, so that it needs no brackets."""
    return tuple(x.args) if isinstance(x, kind) else (x,)


def _factor(x: Any) -> Any:
    """A 1 x 1 matrix as a factor of a product, where it is a number or a name."""
    return x[0, 0] if isinstance(x, (ScalarMatrix, MatrixSymbol)) and x.shape == (1, 1) else None


def structural(name: str, *operands: Any) -> Any:
    """An operation that creates, moves, multiplies or reduces: matrix expressions, then sizes as SymPy expressions."""
    match name:
        case "zeros" | "ones":
            rows, columns = operands if len(operands) == 2 else (*operands, sympy.S.One)
            return (ZeroMatrix if name == "zeros" else OneMatrix)(rows, columns)
        case "identity":
            return Identity(*operands)
        case "transpose":
            return Transpose(*operands)
        case "matmul":
            return MatMul(*_parts(MatMul, operands[0]), operands[1])
    return OperationMatrix(name, *operands)


def to_sympy(node: Node, module: Module | None = None) -> Any:
    """The expression as a MatrixExpr over symbolic sizes.

    Calls of functions and activations are replaced by their definitions in `module`; without it they stay calls.
    """
    known: dict[int, Any] = {}
    root = node if module is None else inline(node, module)

    def matrix(n: Node) -> Any:
        found = known.get(id(n))
        if found is None:
            found = known[id(n)] = build(n)
        return found

    def build(n: Node) -> Any:
        match n:
            case Symbol():
                return MatrixSymbol(n.name, *map(dimension, n.shape))
            case Constant():
                return ScalarMatrix(sympy.Rational(n.value.numerator, n.value.denominator))
            case Size():
                return ScalarMatrix(dimension(n.name))
            case Apply():
                return TABLE[n.op].symbolic(*(matrix(a) for a in n.args), *map(dimension, n.sizes))
            case Invoke(args=(operand,)):
                return ActivationMatrix(n.function + "'" * n.derivative, matrix(operand))
            case Derivative():
                return DerivativeMatrix(n.kind, matrix(n.of), matrix(n.wrt))
        raise TypeError(f"{n} needs the module in which its function is defined")

    return matrix(root)
