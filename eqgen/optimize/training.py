"""What a training step needs beyond forward and backward: gradients that are products stay products.

`DW = DZ' X` need not be computed where only the optimizer reads it: its factors are handed on, and the optimizer's
equations are lowered over them, so that plain gradient descent becomes `W - eta DZ' X`, one product that accumulates.
The gradient DX of the input is a function of its own: the first layer does not need it, and the others need it before
their parameters change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Node, Shape, Symbol, rewrite, symbols
from eqgen.algebra.operations.row import times
from eqgen.optimize.lower import LoweredLayer, Lowering, needed_arguments, numeric_conditions
from eqgen.optimize.names import function_name
from eqgen.optimize.program import Argument, Function, Step
from eqgen.optimize.storage import SAMPLED_PRODUCT

GRADIENT = "gradient"
"""What follows the name of a value in a gradient that stands beside another value of that name."""
FACTOR = "D"
"""What a slope is multiplied by."""


@dataclass(frozen=True)
class BackwardParts:
    """A backward pass in parts.

    gradients       parameter gradients that are no products, and what the other parts read; None where that is nothing
    input_gradient  DX; None where the input has no gradient, or nothing is left to compute
    products        parameter -> (A, B) where its gradient is A' B: names of results of `gradients`, or of arguments;
                    of a sparse parameter, whose gradient is kept on a pattern, A B' for transposed A and B
    """

    gradients: Function | None
    input_gradient: Function | None
    products: Mapping[str, tuple[str, str]]


def backward_parts(layer: LoweredLayer, sampled: bool = False) -> BackwardParts:
    """The backward pass of a layer in parts.

    sampled   whether gradients on a pattern are left as products, too
    """
    d, backward = layer.definition, layer.backward
    inputs = {f"D{v.name}" for v in d.with_role("input")}
    steps = backward.steps
    products: dict[str, tuple[str, str]] = {}
    for v in d.with_role("param"):
        factors = _factors(steps, f"D{v.name}", sampled)
        if factors is not None:
            products[v.name] = factors
    dropped = {f"D{name}" for name in products}
    wanted = [(n, s) for n, s in backward.results if n not in dropped | inputs]
    factors_needed = {f for pair in products.values() for f in pair}
    main = _closure(steps, {n for n, _ in wanted} | factors_needed)
    rest = [s for s in _closure(steps, {n for n, _ in backward.results if n in inputs}) if s not in main]
    shapes = {s.target: s.value.shape for s in main}
    read_later = factors_needed | {name for s in rest for name in symbols(s.value)}
    handed_on = [(n, shape) for n, shape in shapes.items() if n in read_later and n not in dict(wanted)]

    def part(
        suffix: str, own: Sequence[Step], results: Sequence[tuple[str, Shape]], more: Iterable[Argument]
    ) -> Function:
        arguments = needed_arguments(own, [*backward.arguments, *more])
        return replace(
            backward,
            name=f"{backward.name.removesuffix('backward')}{suffix}",
            arguments=arguments,
            results=tuple(results),
            steps=tuple(own),
        )

    made = [Argument(n, shape) for n, shape in handed_on]
    return BackwardParts(
        part("gradients", main, [*wanted, *handed_on], ()) if main else None,
        part("input_gradient", rest, [(n, s) for n, s in backward.results if n in inputs], made) if rest else None,
        products,
    )


def activation_product(lowering: Lowering, definition: TypedDefinition) -> Function:
    """D f'(x) entry by entry: what backpropagation does with an activation's derivative. A slope of 0 or 1 chooses."""
    slope = lowering.activation(definition)[1]
    last = slope.steps[-1]
    factor = Symbol(last.value.shape, FACTOR)
    value = numeric_conditions(times(factor, last.value))
    return replace(
        slope,
        name=function_name("activation", definition.name, "product"),
        arguments=(slope.arguments[0], Argument(FACTOR, factor.shape), *slope.arguments[1:]),
        results=(("product", last.value.shape),),
        steps=(*slope.steps[:-1], replace(last, target="product", value=value, notes=(*last.notes, f"times {FACTOR}"))),
    )


def losses_with_gradients(lowering: Lowering, definition: TypedDefinition) -> tuple[Function, ...]:
    """A loss with its gradient, which share what both compute; the same for one-hot targets where that is simpler."""
    value, gradient, simplified = lowering.loss(definition)

    def both(slope: Function) -> Function:
        own = {s.target: s for s in value.steps}
        clash = {s.target for s in slope.steps if s.target in own and own[s.target].value != s.value}
        renamed = {name: f"{name}_{GRADIENT}" for name in clash}
        steps = [_renamed(s, renamed) for s in slope.steps if s.target not in own or s.target in clash]
        return replace(
            value,
            name=f"{slope.name}_and_value",
            results=(*value.results, *slope.results),
            steps=(*value.steps, *steps),
            sizes=tuple(dict.fromkeys((*value.sizes, *slope.sizes))),
        )

    return tuple(both(slope) for slope in (gradient, simplified) if slope is not None)


def _renamed(step: Step, names: Mapping[str, str]) -> Step:
    """The step with other names of what it assigns and reads."""

    def rule(n: Node) -> Node:
        return replace(n, name=names[n.name]) if isinstance(n, Symbol) and n.name in names else n

    return replace(step, target=names.get(step.target, step.target), value=rewrite(step.value, rule))


def _factors(steps: Sequence[Step], gradient: str, sampled: bool) -> tuple[str, str] | None:
    """(A, B) where the gradient is A' B for named matrices and nothing else reads it."""
    own = [s for s in steps if s.target == gradient]
    if len(own) != 1 or any(gradient in symbols(s.value) for s in steps):
        return None
    value = own[0].value
    if isinstance(value, Apply) and value.op == SAMPLED_PRODUCT and sampled:
        A, B = (a.args[0] if isinstance(a, Apply) and a.op == "transpose" else None for a in value.args[:2])
        return (A.name, B.name) if isinstance(A, Symbol) and isinstance(B, Symbol) else None
    if not (isinstance(value, Apply) and value.op == "matmul"):
        return None
    left, right = value.args
    if (
        isinstance(left, Apply)
        and left.op == "transpose"
        and isinstance(left.args[0], Symbol)
        and isinstance(right, Symbol)
    ):
        return left.args[0].name, right.name
    return None


def _closure(steps: Sequence[Step], names: set[str]) -> list[Step]:
    """The steps that these names depend on, in order."""
    wanted = set(names)
    found: list[Step] = []
    for step in reversed(steps):
        if step.target in wanted:
            found.append(step)
            wanted |= symbols(step.value)
    return found[::-1]
