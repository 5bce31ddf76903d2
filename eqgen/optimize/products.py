"""Updates of a parameter whose gradient is a product of two matrices: the gradient itself need not exist.

The gradient of a weight in a linear map is `Dtheta = A.T * B`, with a row of A and of B for each member of the batch.
Where an optimizer only looks at single entries of `Dtheta`, each entry can be used up when the product has it: the
parameter and the optimizer's states are then read and written once, and no matrix holds the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Dim, Node, Symbol, apply, children, symbols
from eqgen.algebra.operations import TABLE
from eqgen.optimize.lower import Lowering
from eqgen.optimize.program import Argument, Function, LoweredFunction, Step


def product_step(lowering: Lowering, definition: TypedDefinition) -> LoweredFunction | None:
    """The step of an optimizer over the factors of its gradient; None where it reads more than single entries of it.

    The arguments are those of the step, with the gradient (M x N) replaced by its factors A (P x M) and B (P x N);
    results and scalars are the same, and so are their values at `Dtheta = A.T * B`.
    """
    lowered = lowering.optimizer(definition)
    gradient = next((v.name for v in definition.with_role("gradient")), None)
    function = lowered.function
    position = next((n for n, a in enumerate(function.arguments) if a.name == gradient), None)
    if gradient is None or position is None or not all(_is_entrywise(s.value) for s in function.steps):
        return None
    m, n = function.arguments[position].shape
    taken = _names(function)
    first, second, batch = (next(c for c in _candidates(name) if c not in taken) for name in ("A", "B", "P"))
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


def transposed_product() -> Function:
    """C = A' B: a gradient that is a product, where it is needed as a matrix."""
    A, B = Argument("A", ("P", "M")), Argument("B", ("P", "N"))
    value = apply("matmul", apply("transpose", Symbol(A.shape, A.name)), Symbol(B.shape, B.name))
    title = "A gradient that is a product, from its factors."
    return Function("transposed_product", (A, B), (("C", value.shape),), (Step("C", value, "C = A.T * B"),), title, "")


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
