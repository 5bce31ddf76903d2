"""Counting by doing: programs run at small sizes over entries that count every operation on them.

The operation table's explicit cells are loops over entries, written without a thought of costs, so what they do is an
independent count of what the table's `flops` cells say. Entries have no values, but for indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Constant, Dim, Invoke, Node, Size, Symbol
from eqgen.algebra.fields import concrete_shape, filled
from eqgen.algebra.operations import TABLE
from eqgen.optimize.lower import Lowering, is_host
from eqgen.optimize.program import Step
from eqgen.optimize.program_cost import is_fill
from eqgen.optimize.storage import INSTRUCTIONS

COMPOSED = {"erfc": 2, "expm1": 2, "log1p": 2, "log_sigmoid": 2, "softplus": 3}
"""Elementary functions that the table defines by simpler ones: how many operations that takes. They count 1."""


@dataclass(frozen=True)
class Entry:
    """A number without a value. is_literal: the table has written it down, as the zero with which a sum starts.

    is_inverse: the result of a power -1 in the same operation; a product with it is a division.
    """

    counter: CountingField = field(repr=False)
    index: int = 0
    is_literal: bool = False
    is_zero: bool = False
    is_inverse: bool = False

    def _with(self, other: Entry, is_free: bool = False) -> Entry:
        if self.is_literal and other.is_literal:
            return Entry(self.counter, is_literal=True)
        self.counter.operations += not is_free
        return Entry(self.counter)

    def __add__(self, other: Entry) -> Entry:
        if self.is_zero:
            self.counter.starts += 1
            return other if other.is_literal else Entry(self.counter)
        return self._with(other)

    def __sub__(self, other: Entry) -> Entry:
        return self._with(other)

    def __mul__(self, other: Entry) -> Entry:
        return self._with(other, is_free=self.is_inverse or other.is_inverse)

    def __int__(self) -> int:
        return self.index


@dataclass
class CountingField:
    """A field whose entries count. `starts`: additions to a literal zero and first elements of a maximum."""

    sizes: Mapping[str, int]
    operations: int = 0
    starts: int = 0

    def number(self, value: Fraction) -> Entry:
        return Entry(self, is_literal=True, is_zero=value == 0)

    def size(self, dim: Dim) -> Entry:
        return Entry(self, is_literal=True)

    def power(self, base: Entry, exponent: Entry) -> Entry:
        if base.is_literal:
            return Entry(self, is_literal=True)
        self.operations += 1
        return Entry(self, is_inverse=True)

    def function(self, name: str, *arguments: Entry) -> Entry:
        self.operations += bool(arguments)
        return Entry(self)

    def where(self, condition: Entry, yes: Entry, no: Entry) -> Entry:
        self.operations += 1
        return Entry(self)

    def compare(self, relation: str, left: Entry, right: Entry) -> Entry:
        self.operations += 1
        return Entry(self)

    def maximum(self, values: Sequence[Entry]) -> Entry:
        self.operations += len(values) - 1
        self.starts += 1
        return Entry(self)

    minimum = maximum


@dataclass
class Run:
    """Runs statements and counts. The number of operations is `count`.

    rewritten    whether functions that are called run as rewritten, or as they are written
    patterns     positions (row, column) of the stored entries of sparse matrices
    """

    lowering: Lowering
    sizes: Mapping[str, int]
    activations: Mapping[str, TypedDefinition]
    rewritten: bool
    count: int = 0
    patterns: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def steps(self, steps: Iterable[Step], values: Mapping[str, Any], numbers: Sequence[str]) -> Any:
        """The value of the last statement. Symbols without a value are matrices of some numbers."""
        known, result = dict(values), None
        for step in steps:
            result = known[step.target] = self.value(step.value, known, numbers)
        return result

    def value(self, node: Node, known: Mapping[str, Any], numbers: Sequence[str]) -> Any:
        shape = concrete_shape(node.shape, self.sizes)
        if isinstance(node, Symbol) and node.name in known:
            return known[node.name]
        if isinstance(node, (Symbol, Constant, Size)) or is_host(node, numbers):
            return some(shape)
        if self.rewritten and is_fill(node, numbers):
            return some(shape)
        if isinstance(node, Apply) and node.op in INSTRUCTIONS:
            return self.sparse(node, known, numbers)
        args = [self.value(a, known, numbers) for a in node.args]  # type: ignore[attr-defined]
        if isinstance(node, Invoke):
            return self.call(node, args)
        assert isinstance(node, Apply)
        counter = CountingField(self.sizes)
        operands = [owned(a, counter) for a in args]
        sizes = tuple(d if isinstance(d, int) else self.sizes[d] for d in node.sizes)
        result = TABLE[node.op].explicit(counter, operands, sizes)
        assert result.shape == shape, node.op
        self.count += counted(node, counter, args, result)
        return some(shape)

    def sparse(self, node: Apply, known: Mapping[str, Any], numbers: Sequence[str]) -> Any:
        """Loops over the stored entries of the pattern in `patterns`: one product and one addition a term."""
        *rest, last = node.args
        sampled = node.op == "sampled_product"
        pattern = last if sampled else rest.pop()
        assert isinstance(pattern, Symbol)
        positions = self.patterns[pattern.name]
        first, second = (self.value(a, known, numbers) for a in (rest if sampled else (*rest, last)))
        for number, (k, d) in enumerate(positions):
            if sampled:
                pairs = [(first[k, n], second[d, n]) for n in range(first.shape[1])]
            else:
                row = k if node.op == "sparse_transposed_product" else d
                pairs = [(first[0, number], second[row, n]) for n in range(second.shape[1])]
            counter = CountingField(self.sizes)
            for a, b in pairs:
                Entry(counter) + Entry(counter, a.index) * Entry(counter, b.index)
            self.count += counter.operations
        return some(concrete_shape(node.shape, self.sizes))

    def call(self, node: Invoke, args: Sequence[Any]) -> Any:
        definition = self.activations.get(node.function) or self.lowering.module.find(
            node.function, "function", "activation"
        )
        assert definition is not None
        inputs = list(definition.with_role("input"))
        sizes = dict(self.sizes)
        for v, a in zip(inputs, args, strict=False):
            sizes |= {s: k for s, k in zip(v.shape, a.shape, strict=True) if isinstance(s, str)}
        inner = Run(self.lowering, sizes, {}, self.rewritten)
        numbers = [n.name for n in definition.numbers]
        values = {v.name: a for v, a in zip(inputs, args, strict=False)}
        if self.rewritten:
            function = (
                self.lowering.matrix_function(definition)
                if definition.kind == "function"
                else self.lowering.activation(definition)[node.derivative]
            )
            steps = function.steps
        else:
            block = "derivative" if node.derivative else "f"
            if definition.kind == "function":
                block = "stable" if definition.block("stable") else "body"
            steps = self.lowering.steps(definition.block(block), numbers)
        result = inner.steps(steps, values, numbers)
        self.count += inner.count
        return result


def counted(node: Apply, counter: CountingField, args: Sequence[Any], result: Any) -> int:
    """The operations of one operation of the table, by the conventions of the cost model.

    A sum of n entries counts n, as if it started from a number, unless it is the one term of an outer product.
    """
    if node.op in COMPOSED:
        assert counter.operations == COMPOSED[node.op] * result.size
        return int(result.size)
    if TABLE[node.op].entrywise:
        return counter.operations
    is_outer = node.op == "matmul" and node.args[0].shape[1] == 1
    return counter.operations + (0 if is_outer else counter.starts)


def owned(array: Any, counter: CountingField) -> Any:
    """The same indices, as entries that count elsewhere."""
    return filled(lambda i, j: Entry(counter, array[i, j].index), array.shape)


def some(shape: tuple[int, int]) -> Any:
    """A matrix of entries; as indices they are all 0."""
    counter = CountingField({})
    return filled(lambda i, j: Entry(counter), shape)
