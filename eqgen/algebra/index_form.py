"""The index form of expressions: a fold over the `entry` cells of the operation table.

`Algebra` is the ring in which entries live, `IndexForms` the `IndexField` that the table's cells compute in, and
`Reader` the fold: entry(X, i, j) is the normal form of X[i,j] for symbolic sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from eqgen.algebra.budget import Budget, LimitReached
from eqgen.algebra.conditions import Conditions
from eqgen.algebra.derivative import Derivatives
from eqgen.algebra.expressions import Apply, Constant, Derivative, Dim, Invoke, Node, Shape, Size, Symbol
from eqgen.algebra.normal_form import Form
from eqgen.algebra.operations import TABLE
from eqgen.algebra.operations.row import Operand
from eqgen.algebra.powers import Powers
from eqgen.algebra.reduction import Reduction
from eqgen.algebra.rewriting import Rewriting
from eqgen.algebra.sums import Sums


class Algebra(Reduction, Derivatives, Sums, Powers, Conditions, Rewriting):
    """The ring of index forms."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)


class IndexForms:
    """The field in which the table's `entry` cells compute: an `IndexField` over an `Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def number(self, value: Fraction) -> Form:
        return self.algebra.number(value)

    def size(self, dim: Dim) -> Form:
        return self.algebra.dimension(dim)

    def power(self, base: Form, exponent: Form) -> Form:
        """u^p; for an exponent that is no number, exp(p log(u))."""
        value = exponent.constant()
        if value is not None:
            return self.algebra.power(base, value)
        return self.algebra.exp(exponent * self.algebra.log(base))

    def function(self, name: str, *arguments: Form) -> Form:
        return self.algebra.function(name, *arguments)

    def where(self, condition: Form, yes: Form, no: Form) -> Form:
        return self.algebra.where(condition, yes, no)

    def compare(self, relation: str, left: Form, right: Form) -> Form:
        return self.algebra.compare(relation, left, right)

    def maximum(self, values: Sequence[Form]) -> Form:
        return self._fold(self.algebra.larger, values)

    def minimum(self, values: Sequence[Form]) -> Form:
        return self._fold(self.algebra.smaller, values)

    @staticmethod
    def _fold(combine: Callable[[Form, Form], Form], values: Sequence[Form]) -> Form:
        result = values[0]
        for value in values[1:]:
            result = combine(result, value)
        return result

    def sum(self, dim: Dim, term: Callable[[int], Form]) -> Form:
        return self.algebra.total(dim, term)

    def delta(self, i: int, j: int) -> Form:
        return self.algebra.delta(i, j)

    def maximum_over(self, dim: Dim, term: Callable[[int], Form]) -> Form:
        return self.algebra.bind(dim, term, lambda code, form: self.algebra.maximise((code, dim), form))

    def selection(self, index: Form, position: int) -> Form:
        return self.algebra.selection(index, position)


Definition = Callable[[int, int], Form]
"""The entry of a matrix at two indices."""


class Reader:
    """Reads expressions entry by entry.

    definitions  symbols that stand for something else: a node, or a function of two indices
    letters      free indices by name, for `row` and `column` in claims "for each row i"
    """

    def __init__(
        self,
        algebra: Algebra,
        definitions: Mapping[str, Node | Definition] | None = None,
        letters: Mapping[str, int] | None = None,
    ) -> None:
        self.algebra = algebra
        self.field = IndexForms(algebra)
        self.definitions = dict(definitions or {})
        self.letters = dict(letters or {})
        self._known: dict[tuple[int, int, int], Form] = {}
        self._alive: list[Node] = []
        """Nodes are remembered by identity, so they must live as long as this."""

    def entry(self, node: Node, i: int, j: int) -> Form:
        """The normal form of entry (i, j)."""
        if node.shape[0] == 1:
            i = 0
        if node.shape[1] == 1:
            j = 0
        key = (id(node), i, j)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._entry(node, i, j)
            self._alive.append(node)
        return found

    def _entry(self, node: Node, i: int, j: int) -> Form:
        match node:
            case Apply():
                sizes = (
                    tuple(self.letters.get(d, d) if isinstance(d, str) else d for d in node.sizes)
                    if node.op in ("row", "column")
                    else node.sizes
                )
                result: Form = TABLE[node.op].entry(self.field, tuple(self._operand(a) for a in node.args), sizes, i, j)
                return result
            case Symbol():
                return self.symbol(node, i, j)
            case Constant():
                return self.algebra.number(node.value)
            case Size():
                return self.algebra.dimension(node.name)
            case Derivative():
                return self._derivative(node, i, j)
            case Invoke():
                return self._opaque(node, i, j)
        raise TypeError(f"{type(node).__name__} has no index form")

    def symbol(self, node: Symbol, i: int, j: int) -> Form:
        definition = self.definitions.get(node.name)
        if definition is None:
            return self.algebra.tensor(node.name, i, j)
        return self.entry(definition, i, j) if isinstance(definition, Node) else definition(i, j)

    def _operand(self, node: Node) -> Operand:
        return Operand(lambda i, j: self.entry(node, i, j), node.shape)

    def _opaque(self, node: Invoke, i: int, j: int) -> Form:
        """An activation that is a parameter: a function of which only the name is known."""
        if len(node.args) != 1 or node.args[0].shape != node.shape:
            raise LimitReached(f"`{node.function}` is not known to the proof")
        return self.algebra.function(f"{node.function}()" + "'" * node.derivative, self.entry(node.args[0], i, j))

    def _derivative(self, node: Derivative, i: int, j: int) -> Form:
        """jacobian(y, z)[i,j] = d y_i / d z_j; gradient(L, X)[i,j] = d L / d X[i,j]."""
        leaf = Reader(self.algebra, {k: v for k, v in self.definitions.items() if k != node.wrt.name}, self.letters)
        if node.kind == "gradient":
            of = leaf.entry(node.of, 0, 0)
            variable = (node.wrt.name, i, j)
        else:
            of = leaf.entry(node.of, 0, i) if node.of.shape[0] == 1 else leaf.entry(node.of, i, 0)
            variable = (node.wrt.name, 0, j) if node.wrt.shape[0] == 1 else (node.wrt.name, j, 0)
        result = self.algebra.derivative(of, variable)
        definition = self.definitions.get(node.wrt.name)
        if definition is None:
            return result
        value = (lambda p, q: self.entry(definition, p, q)) if isinstance(definition, Node) else definition
        return self.algebra.replace(result, {node.wrt.name: value})


def fits(shape: Shape, i: int, j: int) -> tuple[int, int]:
    """Indices of an entry, 0 for dimensions of size 1."""
    return (0 if shape[0] == 1 else i, 0 if shape[1] == 1 else j)
