"""What statements cost, as polynomials in the sizes: a fold over the cost cells of the operation table.

Everything that stands in a statement is counted as often as it stands there, so the same fold counts equations as they
are written and programs after rewriting. Calls of functions and activations cost what their definitions cost. Numbers
that are computed without a matrix (`1 - beta`, `K * N`) cost nothing: they are computed once, outside.

Products over the nnz stored entries of a sparse matrix cost 2 nnz operations for each column of the dense factor, or
term of a sampled entry. They read a pattern in compressed rows: a column for each entry, and a pointer for each row and
the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeGuard

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Dim, Invoke, Node, Shape, Symbol, children, distinct
from eqgen.algebra.operations import TABLE, structural
from eqgen.algebra.polynomial import ZERO, Polynomial, polynomial, size
from eqgen.optimize.lower import Lowering, is_host
from eqgen.optimize.parts import body_block
from eqgen.optimize.program import Step
from eqgen.optimize.storage import (
    INSTRUCTIONS,
    PRODUCT,
    SAMPLED_PRODUCT,
    TRANSPOSED_PRODUCT,
    factors,
    pattern_of_product,
)

PRODUCTS = frozenset(row.name for row in structural.PRODUCTS)

Amount: TypeAlias = Polynomial | int
"""A size; numbers stay numbers, since a size that is always 1 makes a product cheaper."""
Sizes: TypeAlias = Callable[[Dim], Amount]
Activations: TypeAlias = Mapping[str, TypedDefinition]
"""What the activations in a layer's header stand for: `act` -> the definition."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is done; amounts in operations and in matrix entries.

    flops      floating-point operations
    products   those of them in matrix products
    written    entries written, intermediate results included
    traffic    entries read and written when the operations are done one by one
    least      entries read and written when an equation reads its operands once and writes its result
    results    entries of intermediate results, each number once
    indices, least_indices
               positions of entries of sparse matrices that are read beside `traffic` and `least`
    """

    flops: Polynomial = ZERO
    products: Polynomial = ZERO
    written: Polynomial = ZERO
    traffic: Polynomial = ZERO
    least: Polynomial = ZERO
    results: tuple[Polynomial, ...] = ()
    indices: Polynomial = ZERO
    least_indices: Polynomial = ZERO

    def __add__(self, other: Work) -> Work:
        return Work(
            self.flops + other.flops,
            self.products + other.products,
            self.written + other.written,
            self.traffic + other.traffic,
            self.least + other.least,
            tuple(dict.fromkeys(self.results + other.results)),
            self.indices + other.indices,
            self.least_indices + other.least_indices,
        )

    def at(self, sizes: Mapping[str, int | str]) -> Work:
        """With numbers or other names for some sizes."""
        return Work(
            self.flops.at(sizes),
            self.products.at(sizes),
            self.written.at(sizes),
            self.traffic.at(sizes),
            self.least.at(sizes),
            tuple(r.at(sizes) for r in self.results),
            self.indices.at(sizes),
            self.least_indices.at(sizes),
        )


NO_WORK = Work()


def total(works: Iterable[Work]) -> Work:
    result = NO_WORK
    for work in works:
        result = result + work
    return result


def named_sizes(dim: Dim) -> Amount:
    """Sizes as themselves."""
    return dim if isinstance(dim, int) else size(dim)


@dataclass(frozen=True)
class WorkCounter:
    """Counts statements and expressions.

    rewritten    whether called functions are counted as rewritten, or as they are written
    """

    lowering: Lowering
    activations: Activations
    rewritten: bool

    def statement(self, steps: Sequence[Step], sizes: Sizes, numbers: Sequence[str]) -> Work:
        """An equation: the statement that computes it, last, and those before it that it alone needs.

        `numbers` are names that stand for numbers. The result itself is none of the intermediate `results`.
        """
        if not steps:
            return NO_WORK
        assigned = {s.target for s in steps}
        read: dict[Node, Polynomial] = {}
        patterns: dict[Node, Polynomial] = {}
        for step in steps:
            read |= self._operands(step.value, sizes, numbers)
            patterns |= {
                pattern_of_product(n): _indices(n, sizes) for n in distinct(step.value) if _is_sparse_product(n)
            }
        outside = (n for node, n in read.items() if not (isinstance(node, Symbol) and node.name in assigned))
        least = sum(outside, entries(steps[-1].value.shape, sizes))
        work = self._steps(steps, sizes, numbers, keeps_result=False)
        return replace(work, least=least, least_indices=sum(patterns.values(), ZERO))

    def _steps(self, steps: Sequence[Step], sizes: Sizes, numbers: Sequence[str], keeps_result: bool) -> Work:
        """`keeps_result`: whether the result of the last statement is an intermediate one."""
        return total(
            self.expression(step.value, sizes, numbers, keeps_result or step is not steps[-1]) for step in steps
        )

    def expression(self, node: Node, sizes: Sizes, numbers: Sequence[str], keeps_result: bool = True) -> Work:
        """An expression as often as its parts stand in it; what is shared in memory is visited once."""
        known: dict[tuple[int, bool], Work] = {}

        def visit(n: Node, keeps: bool) -> Work:
            if not isinstance(n, (Apply, Invoke)) or is_host(n, numbers):
                return NO_WORK
            key = (id(n), keeps)
            if self.rewritten and is_fill(n, numbers):
                filled = entries(n.shape, sizes)
                known[key] = Work(ZERO, ZERO, filled, filled, results=(filled,) * keeps)
            if key not in known:
                own = self._call(n, sizes, keeps) if isinstance(n, Invoke) else self._operation(n, sizes, numbers)
                is_view = not own.written
                if not keeps:
                    own = own if isinstance(n, Invoke) else replace(own, results=())
                operands = [visit(a, keeps or not (is_view and k == 0)) for k, a in enumerate(n.args)]
                known[key] = total([*operands, own])
            return known[key]

        return visit(node, keeps_result)

    def _operation(self, node: Apply, sizes: Sizes, numbers: Sequence[str]) -> Work:
        if _is_sparse_product(node):
            return _sparse_product(node, sizes, numbers)
        row = TABLE[node.op]
        out, shapes = _amounts(node.shape, sizes), tuple(_amounts(a.shape, sizes) for a in node.args)
        flops = polynomial(row.flops(out, shapes))
        products = flops if node.op in PRODUCTS else ZERO
        written = polynomial(row.memory(out, shapes))
        if not written:  # a view
            return Work(flops, products)
        read = row.reads(out, tuple(_stored(a, sizes, numbers) for a in node.args))
        return Work(flops, products, written, written + read, results=(written,))

    def _operands(self, node: Node, sizes: Sizes, numbers: Sequence[str]) -> dict[Node, Polynomial]:
        """What an expression must read, each matrix once: the entries of its matrices, or those that are selected."""
        if is_host(node, numbers):
            return {}
        if isinstance(node, Symbol):
            return {node: entries(node.shape, sizes)}
        if _is_sparse_product(node):
            return {k: n for a in factors(node) for k, n in self._operands(a, sizes, numbers).items()}
        if isinstance(node, Apply) and all(isinstance(a, Symbol) for a in node.args):
            stored = tuple(_amounts(a.shape, sizes) for a in node.args)
            some = polynomial(TABLE[node.op].reads(_amounts(node.shape, sizes), stored))
            if some != sum((entries(a.shape, sizes) for a in node.args), ZERO):
                return {node: some}
        return {key: n for a in children(node) for key, n in self._operands(a, sizes, numbers).items()}

    def _call(self, node: Invoke, sizes: Sizes, keeps_result: bool) -> Work:
        definition = self.activations.get(node.function) or self.lowering.module.find(
            node.function, "function", "activation"
        )
        if definition is None:  # an activation that nobody has chosen: one operation an entry
            each = entries(node.shape, sizes)
            return Work(each, ZERO, each, 2 * each, results=(each,) * keeps_result)
        inner: dict[str, Amount] = {}
        for formal, actual in zip(definition.with_role("input"), node.args, strict=False):
            inner |= {s: sizes(d) for s, d in zip(formal.shape, actual.shape, strict=True) if isinstance(s, str)}
        steps = self.body(definition, node.derivative)
        numbers = [n.name for n in definition.numbers]
        return self._steps(steps, lambda d: d if isinstance(d, int) else inner[d], numbers, keeps_result)

    def body(self, definition: TypedDefinition, derivative: int) -> tuple[Step, ...]:
        """The statements of a function or activation."""
        if self.rewritten:
            if definition.kind == "function":
                return self.lowering.matrix_function(definition).steps
            return self.lowering.activation(definition)[derivative].steps
        return self.lowering.steps(body_block(definition, derivative), [n.name for n in definition.numbers])


def _is_sparse_product(node: Node) -> TypeGuard[Apply]:
    return isinstance(node, Apply) and node.op in INSTRUCTIONS


def _sparse_product(node: Apply, sizes: Sizes, numbers: Sequence[str]) -> Work:
    """One of the three products with the stored entries of a matrix."""
    rows, columns = pattern_of_product(node).shape
    stored, result = _number_of_entries(node, sizes), entries(node.shape, sizes)
    dense = node.args[0 if node.op == SAMPLED_PRODUCT else 2]
    terms = {PRODUCT: columns, TRANSPOSED_PRODUCT: rows, SAMPLED_PRODUCT: dense.shape[1]}[node.op]
    # As for dense products: where a sum has one term there is nothing to add.
    flops = polynomial((1 if terms == 1 else 2) * stored * sizes(dense.shape[1]))
    read = ZERO
    for factor in factors(node):
        m, n = _stored(factor, sizes, numbers)
        read = read + polynomial(m * n)
    return Work(flops, flops, result, result + read, results=(result,), indices=_indices(node, sizes))


def _number_of_entries(node: Apply, sizes: Sizes) -> Polynomial:
    return entries(node.shape if node.op == SAMPLED_PRODUCT else node.args[0].shape, sizes)


def _indices(node: Apply, sizes: Sizes) -> Polynomial:
    """The indices of the pattern that a product reads."""
    return pattern_indices(sizes(pattern_of_product(node).shape[0]), _number_of_entries(node, sizes))


def pattern_indices(rows: Amount, stored: Amount) -> Polynomial:
    """The integers that a pattern in compressed rows consists of."""
    return polynomial(stored) + polynomial(rows) + 1


def is_fill(node: Node, numbers: Sequence[str]) -> bool:
    """`c * ones(M, N)` for a number c. Every backend spells it as one creation of a matrix."""
    return (
        isinstance(node, Apply)
        and node.op == "scale"
        and is_host(node.args[0], numbers)
        and isinstance(node.args[1], Apply)
        and node.args[1].op == "ones"
    )


def largest(results: Iterable[Polynomial], sizes: Mapping[str, int] | None = None) -> tuple[Polynomial, ...]:
    """The largest of amounts: one where all sizes are given, else all that may be the largest at some sizes."""
    different = tuple(dict.fromkeys(results))
    known = sizes or {}
    if different and all(r.names <= known.keys() for r in different):
        return (max(different, key=lambda r: r.value(known)),)
    return tuple(r for r in different if not any(r != other and _is_below(r, other) for other in different))


def _is_below(small: Polynomial, large: Polynomial) -> bool:
    """Whether one amount is at most the other at all sizes, for amounts of one term."""
    if len(small.terms) != 1 or len(large.terms) != 1:
        return False
    (monomial, coefficient), (other, bound) = small.terms[0], large.terms[0]
    return coefficient <= bound and not Counter(monomial) - Counter(other)


def _amounts(shape: Shape, sizes: Sizes) -> tuple[Amount, Amount]:
    return (sizes(shape[0]), sizes(shape[1]))


def entries(shape: Shape, sizes: Sizes) -> Polynomial:
    """Entries of a matrix."""
    rows, columns = _amounts(shape, sizes)
    return polynomial(rows * columns)


def _stored(node: Node, sizes: Sizes, numbers: Sequence[str]) -> tuple[Amount, Amount]:
    """The shape in which an operand lies in memory: a repeated row is one row, a number is nothing."""
    if is_host(node, numbers):
        return (0, 0)
    if isinstance(node, Apply) and node.op in TABLE:
        out, shapes = _amounts(node.shape, sizes), tuple(_amounts(a.shape, sizes) for a in node.args)
        if not polynomial(TABLE[node.op].memory(out, shapes)):
            return _stored(node.args[0], sizes, numbers)
    return _amounts(node.shape, sizes)
