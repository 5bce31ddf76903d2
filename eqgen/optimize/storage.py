"""Sparse storage: the functions of a layer over the stored entries of a parameter that is declared `sparse`.

A sparse parameter W: K x D has a pattern, the positions of its stored entries; all other entries are zero and stay so.
Its values are a matrix of one row, one column an entry in the order of compressed rows; so are its gradient, which is
kept on the same pattern, and the states of its optimizer. Three products are all that equations do with it:

    S B       sparse_product
    S' B      sparse_transposed_product
    A B'      sampled_product: its entries at the positions of a pattern only; the product itself is never formed

The examples of a batch are the columns of B and A, so that a stored entry acts on contiguous memory; the transpositions
around a product whose batch is in the rows stand in the program.

What equations say is found by its structure. Where it has no such form, DiagnosticError (E207) tells what was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import Module, TypedDefinition, Variable
from eqgen.algebra.expressions import Apply, Invoke, Node, Shape, Symbol, apply, children, symbols, with_children
from eqgen.algebra.operations import TABLE
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.model import Span
from eqgen.optimize.lower import LoweredLayer, Lowering, function_of_steps
from eqgen.optimize.program import Argument, Function

PRODUCT, TRANSPOSED_PRODUCT, SAMPLED_PRODUCT = "sparse_product", "sparse_transposed_product", "sampled_product"
"""Instructions beyond the table: S B and S' B over (values, pattern, B); A B' on a pattern over (A, B, pattern)."""

INSTRUCTIONS = (PRODUCT, TRANSPOSED_PRODUCT, SAMPLED_PRODUCT)

PREFIX = "Sparse"
"""What stands before the name of a layer whose parameters are stored sparsely."""


def sparse_variant(definition: TypedDefinition) -> TypedDefinition | None:
    """The definition under the name of its sparse form; None where no parameter is declared `sparse`."""
    if not any(v.sparse for v in definition.with_role("param")):
        return None
    return replace(definition, name=f"{PREFIX}{definition.name}")


def dense_name(variant: TypedDefinition) -> str:
    """The name of the definition of which this is the sparse form."""
    return variant.name.removeprefix(PREFIX)


def sparse_layer(lowering: Lowering, definition: TypedDefinition) -> LoweredLayer:
    """The functions of a layer over the stored entries of its sparse parameters, W, and their pattern, W_pattern.

    Raises DiagnosticError (E207) where an equation has no sparse form.
    """
    variant = sparse_variant(definition)
    assert variant is not None
    lowered = replace(lowering.layer(definition), definition=variant)
    sparse = {v.name: v for v in definition.with_role("param") if v.sparse}

    def stored(function: Function | None) -> Function | None:
        return None if function is None else _Storage(definition, sparse).function(function)

    forward, backward = stored(lowered.forward), stored(lowered.backward)
    assert forward is not None
    assert backward is not None
    return replace(
        lowered,
        forward=forward,
        backward=backward,
        evaluate=stored(lowered.evaluate),
        update=stored(lowered.update),
        sparse=tuple(sparse),
    )


def lowered_layers(lowering: Lowering, module: Module, sparse: bool) -> tuple[LoweredLayer, ...]:
    """All layers of a module in the order of their names; with `sparse`, their sparse forms behind them."""
    definitions = sorted(module.of_kind("layer"), key=lambda d: d.name)
    stored = [d for d in definitions if sparse and sparse_variant(d) is not None]
    return (*map(lowering.layer, definitions), *(sparse_layer(lowering, d) for d in stored))


def check_storage(definitions: Iterable[TypedDefinition], module: Module) -> None:
    """Raises DiagnosticError (E207) with those layers among the definitions that declare a parameter `sparse`, but have
    an equation without a sparse form.
    """
    found: list[Diagnostic] = []
    for definition in definitions:
        if definition.kind == "layer" and sparse_variant(definition) is not None:
            try:
                sparse_layer(Lowering(module), definition)
            except DiagnosticError as error:
                found += error.diagnostics
    if found:
        raise DiagnosticError(found)


def pattern_name(name: str) -> str:
    return f"{name}_pattern"


def values_shape(name: str) -> Shape:
    """The shape of the stored entries of a parameter."""
    return (1, entries_size(name))


def entries_size(name: str) -> str:
    """The size that is the number of stored entries of a parameter."""
    return f"{name}_entries"


def pattern_of_product(node: Apply) -> Symbol:
    """The pattern among the operands of one of these instructions."""
    found = node.args[2 if node.op == SAMPLED_PRODUCT else 1]
    assert isinstance(found, Symbol)
    return found


def factors(node: Apply) -> tuple[Node, ...]:
    """The operands that are matrices, without the pattern."""
    return tuple(a for a in node.args if a is not pattern_of_product(node))


@dataclass(frozen=True)
class _Storage:
    """One definition with its sparse parameters by name."""

    definition: TypedDefinition
    sparse: Mapping[str, Variable]

    def function(self, function: Function) -> Function:
        gradients = {f"D{name}": name for name in self.sparse}
        steps = []
        for step in function.steps:
            owner = gradients.get(step.target)
            value = self.dense(step.value) if owner is None else self.sampled(step.value, owner)
            steps.append(replace(step, value=value))
        for step in steps:
            if read := symbols(step.value) & gradients.keys():
                raise self.refusal(step.value, f"`{min(read)}`, which is kept on a pattern, is read again")
        arguments = [b for a in function.arguments for b in self.arguments(a)]
        owners = [b for v in self.sparse.values() for b in self.arguments(Argument(v.name, v.shape))]
        candidates = list({a.name: a for a in (*arguments, *owners)}.values())
        results = [(n, values_shape(gradients[n]) if n in gradients else s) for n, s in function.results]
        keep = [a.name for a in function.arguments if a.name not in self.sparse]
        name = f"{PREFIX.lower()}_{function.name}"
        return function_of_steps(name, candidates, tuple(steps), results, function.title, function.origin, keep)

    def arguments(self, argument: Argument) -> Iterator[Argument]:
        if argument.name in self.sparse:
            yield Argument(argument.name, values_shape(argument.name))
            yield Argument(pattern_name(argument.name), argument.shape, "pattern")
        else:
            yield argument

    # --- expressions ---------------------------------------------------------------------------------

    def is_sparse(self, node: Node) -> bool:
        """Whether the value is zero wherever a sparse parameter has no entry: the parameter, or a multiple of it."""
        return self.pattern_of(node) is not None

    def pattern_of(self, node: Node) -> str | None:
        if isinstance(node, Symbol):
            return node.name if node.name in self.sparse else None
        if isinstance(node, Apply) and node.op == "negate":
            return self.pattern_of(node.args[0])
        if isinstance(node, Apply) and node.op == "scale" and node.args[0].is_scalar and not self.reads(node.args[0]):
            return self.pattern_of(node.args[1])
        return None

    def reads(self, node: Node) -> bool:
        return bool(symbols(node) & self.sparse.keys())

    def values(self, node: Node) -> Node:
        """The stored entries of a sparse value, in one row."""
        name = self.pattern_of(node)
        assert name is not None
        if isinstance(node, Symbol):
            return replace(node, shape=values_shape(name))
        assert isinstance(node, Apply)
        return replace(node, shape=values_shape(name), args=(*node.args[:-1], self.values(node.args[-1])))

    def dense(self, node: Node) -> Node:
        """The same dense value, computed from stored entries."""
        if not self.reads(node):
            return node
        if isinstance(node, Apply) and node.op == "matmul":
            left, right = node.args
            if (factor := self.factor(right)) is not None and not self.reads(left):
                # A S = (S' A')'
                return _transpose(self.product(factor[0], not factor[1], _transpose(left)))
            if (factor := self.factor(left)) is not None and not self.reads(right):
                return self.product(*factor, right)
        if isinstance(node, Symbol) or self.is_sparse(node):
            raise self.refusal(node, "a sparse matrix stands where a dense one is needed")
        if isinstance(node, Apply) and self.is_sparse_operand(node):
            raise self.refusal(node, f"`{node.op}` has no form for the sparse matrix among its operands")
        if isinstance(node, (Apply, Invoke)):
            return with_children(node, tuple(self.dense(a) for a in children(node)))
        raise self.refusal(node, "this has no form for the sparse matrix in it")

    def is_sparse_operand(self, node: Apply) -> bool:
        return any(self.factor(a) is not None for a in node.args)

    def factor(self, node: Node) -> tuple[Node, bool] | None:
        """A sparse factor of a product, and whether it is transposed."""
        if isinstance(node, Apply) and node.op == "transpose":
            inner = self.factor(node.args[0])
            return None if inner is None else (inner[0], not inner[1])
        return (node, False) if self.is_sparse(node) else None

    def product(self, factor: Node, transposed: bool, other: Node) -> Node:
        """S B, or S' B."""
        name = self.pattern_of(factor)
        assert name is not None
        rows, columns = self.sparse[name].shape
        shape = (columns if transposed else rows, other.shape[1])
        op = TRANSPOSED_PRODUCT if transposed else PRODUCT
        return Apply(shape, op, (self.values(factor), self.pattern(name), other), span=factor.span)

    def pattern(self, name: str) -> Symbol:
        return Symbol(self.sparse[name].shape, pattern_name(name))

    def sampled(self, node: Node, owner: str) -> Node:
        """The entries of a gradient at the positions of its parameter's pattern, in one row."""
        shape = values_shape(owner)
        if self.pattern_of(node) == owner:
            return self.values(node)
        if isinstance(node, Apply) and node.op == "matmul" and not self.reads(node):
            left, right = node.args
            factors = (left, _transpose(right), self.pattern(owner))
            return Apply(shape, SAMPLED_PRODUCT, factors, span=node.span)
        if isinstance(node, Apply) and node.op == "transpose":
            inner = node.args[0]
            if isinstance(inner, Apply) and inner.op == "transpose":
                return self.sampled(inner.args[0], owner)
            if isinstance(inner, Apply) and inner.op == "matmul":
                left, right = inner.args
                return self.sampled(apply("matmul", _transpose(right), _transpose(left), span=node.span), owner)
        if isinstance(node, Apply) and TABLE[node.op].entrywise and node.shape == self.sparse[owner].shape:
            args = tuple(self.dense(a) if a.is_scalar else self.sampled(a, owner) for a in node.args)
            return replace(node, shape=shape, args=args)
        raise self.refusal(node, f"this has no form whose entries are those of the pattern of `{owner}` only")

    def refusal(self, node: Node, problem: str) -> DiagnosticError:
        name = min(self.sparse)
        hint = (
            f"a sparse `{name}` can be a factor of a product with a dense matrix, and its gradient a sum of products; "
            f"declare `{name}` without `sparse`, or write the equation so"
        )
        message = f"no sparse kernels for layer `{self.definition.name}`: {problem}"
        return DiagnosticError([Diagnostic("E207", message, self.place(node), hint)])

    def place(self, node: Node) -> Span:
        """Where the value stands, else where a sparse parameter in it is declared."""
        return node.span or next(iter(self.sparse.values())).span


def _transpose(node: Node) -> Node:
    if isinstance(node, Apply) and node.op == "transpose":
        return node.args[0]
    return apply("transpose", node)
