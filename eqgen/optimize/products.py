"""Updates of a parameter whose gradient is a product of two matrices: the gradient itself need not exist.

The gradient of a weight in a linear map is `Dtheta = A.T * B`, with a row of A and of B for each member of the batch.
Where an optimizer only looks at single entries of `Dtheta`, each entry can be used up when the product has it: the
parameter and the optimizer's states are then read and written once, and no matrix holds the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Dim, Node, Symbol, apply, children, rewrite, symbols
from eqgen.algebra.operations import TABLE
from eqgen.optimize.lower import Lowering, function_of_steps
from eqgen.optimize.program import Argument, Function, LoweredFunction, Step
from eqgen.optimize.storage import SAMPLED_PRODUCT, pattern_name, values_shape


def product_step(lowering: Lowering, definition: TypedDefinition) -> LoweredFunction | None:
    """The step of an optimizer over the factors of its gradient; None where it reads more than single entries of it.

    The arguments are those of the step, with the gradient (M x N) replaced by its factors A (P x M) and B (P x N);
    results and scalars are the same, and so are their values at `Dtheta = A.T * B`.
    """
    lowered = lowering.optimizer(definition)
    function = lowered.function
    argument = _entrywise_gradient(definition, function)
    if argument is None:
        return None
    gradient, (m, n) = argument.name, argument.shape
    position = function.arguments.index(argument)
    first, second, batch = _factor_names(function)
    factors = (Argument(first, (batch, m)), Argument(second, (batch, n)))
    product = apply("matmul", apply("transpose", Symbol((batch, m), first)), Symbol((batch, n), second))
    arguments = (*function.arguments[:position], *factors, *function.arguments[position + 1 :])
    places = {a.name: a.shape for a in arguments}
    sizes = tuple(
        (size, *((name, axis) if name in places else _place(size, factors))) for size, name, axis in function.sizes
    )
    step = Step(gradient, product, f"{gradient} = {first}.T * {second}")
    stem = function.name.removesuffix("_step")
    return replace(
        lowered,
        function=replace(
            function,
            name=f"{stem}_product_step",
            arguments=arguments,
            steps=(step, *function.steps),
            title=f"{function.title.rstrip('.')}; the gradient is {first}.T * {second} and is not stored",
            sizes=sizes,
        ),
    )


def sampled_step(lowering: Lowering, definition: TypedDefinition) -> LoweredFunction | None:
    """The step of an optimizer over the stored entries of a sparse parameter and the factors of its gradient.

    The parameter, M x N, and the states are given by the entries of a pattern, in one row; the gradient has the entries
    of A * B.T there, for A (M x P) and B (N x P). None where the optimizer reads more than single entries of it.
    """
    lowered = lowering.optimizer(definition)
    function = lowered.function
    dense = _entrywise_gradient(definition, function)
    if dense is None:
        return None
    gradient = dense.name
    owner = gradient.removeprefix("D")
    stored = values_shape(owner)
    pattern = Argument(pattern_name(owner), dense.shape, "pattern")
    first, second, batch = _factor_names(function)
    rows, columns = dense.shape
    factors = (Argument(first, (rows, batch)), Argument(second, (columns, batch)))

    def entries(node: Node) -> Node:
        if node.shape != dense.shape:
            return node
        sizes = stored if isinstance(node, Apply) and node.sizes else ()
        return replace(node, shape=stored, sizes=sizes) if isinstance(node, Apply) else replace(node, shape=stored)

    arguments: list[Argument] = []
    for a in function.arguments:
        arguments += [*factors, pattern] if a is dense else [replace(a, shape=stored) if a.shape == dense.shape else a]
    operands = (*(Symbol(f.shape, f.name) for f in factors), Symbol(pattern.shape, pattern.name))
    product = Step(gradient, Apply(stored, SAMPLED_PRODUCT, operands), f"{gradient} = {first} * {second}.T")
    steps = (product, *(replace(s, value=rewrite(s.value, entries)) for s in function.steps))
    results = [(name, stored if shape == dense.shape else shape) for name, shape in function.results]
    title = f"{function.title.rstrip('.')}; of stored entries, the gradient is {first} * {second}.T and is not stored"
    name = f"{function.name.removesuffix('_step')}_sampled_step"
    keep = [a.name for a in arguments]
    return replace(lowered, function=function_of_steps(name, arguments, steps, results, title, function.origin, keep))


def sampled_product() -> Function:
    """C, the entries of A B' where S has some: a gradient that is such a product, where it is needed as a matrix."""
    A, B, S = Argument("A", ("M", "P")), Argument("B", ("N", "P")), Argument("S", values_shape("S"))
    pattern = Argument(pattern_name("S"), ("M", "N"), "pattern")
    operands = tuple(Symbol(a.shape, a.name) for a in (A, B, pattern))
    step = Step("C", Apply(S.shape, SAMPLED_PRODUCT, operands), "C = A * B.T")
    title = "A gradient on a pattern, from its factors."
    return Function("sampled_product", (A, B, S, pattern), (("C", S.shape),), (step,), title, "")


def transposed_product() -> Function:
    """C = A' B: a gradient that is a product, where it is needed as a matrix."""
    A, B = Argument("A", ("P", "M")), Argument("B", ("P", "N"))
    value = apply("matmul", apply("transpose", Symbol(A.shape, A.name)), Symbol(B.shape, B.name))
    title = "A gradient that is a product, from its factors."
    return Function("transposed_product", (A, B), (("C", value.shape),), (Step("C", value, "C = A.T * B"),), title, "")


def _entrywise_gradient(definition: TypedDefinition, function: Function) -> Argument | None:
    """The gradient among the arguments of an optimizer's step; None where the step reads more than single entries."""
    names = {v.name for v in definition.with_role("gradient")}
    found = next((a for a in function.arguments if a.name in names), None)
    return found if all(_is_entrywise(s.value) for s in function.steps) else None


def _factor_names(function: Function) -> tuple[str, str, str]:
    """Names for the factors of a gradient, and for what they have in common, that the function does not use."""
    taken = _names(function)
    first, second, batch = (next(c for c in _candidates(name) if c not in taken) for name in ("A", "B", "P"))
    return first, second, batch


def _is_entrywise(node: Node) -> bool:
    """Whether an entry depends on entries at its own position and on numbers only."""
    if isinstance(node, Apply):
        return (TABLE[node.op].entrywise or node.op in ("zeros", "ones")) and all(
            _is_entrywise(child) for child in children(node)
        )
    return not children(node)


def _names(function: Function) -> set[str]:
    names = {a.name for a in function.arguments} | {name for name, _ in function.results}
    names |= {str(d) for a in function.arguments for d in a.shape}
    return names | {name for step in function.steps for name in (step.target, *symbols(step.value))}


def _candidates(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}{k}" for k in range(1, 1000))


def _place(size: Dim, arguments: tuple[Argument, ...]) -> tuple[str, int]:
    return next((a.name, a.shape.index(size)) for a in arguments if size in a.shape)
