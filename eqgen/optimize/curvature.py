"""Lowering of Hessian-vector products: the functions of the R-forward and the R-backward pass, of R{DY} and of f''.

Each is a pure function like those of forward and backward. What these passes read and no object keeps, they compute
again; R-forward returns the tangents that R-backward needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import SCALAR, Invoke, Node, Symbol, rewrite, symbols
from eqgen.algebra.hessian import BACKWARD, FORWARD, GRADIENT, SECOND, directions, output_gradients
from eqgen.algebra.tangents import tangent_name
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.optimize.lower import Lowering, matrix
from eqgen.optimize.names import function_name
from eqgen.optimize.program import Argument, Function, Step


@dataclass(frozen=True)
class SecondDerivative:
    """act''(Z) for an activation that is a parameter: a matrix that the caller computes.

    name  of the matrix; `operand` is what the second derivative is taken at, a matrix that the layer keeps
    """

    name: str
    activation: str
    operand: str


@dataclass(frozen=True)
class LoweredCurvature:
    """The R passes of a layer. `seconds` are arguments of either that are second derivatives of its activations."""

    forward: Function
    backward: Function
    seconds: tuple[SecondDerivative, ...]


def layer_curvature(lowering: Lowering, d: TypedDefinition) -> LoweredCurvature:
    """The functions of a definition that has the blocks of Hessian-vector products.

    r_forward returns the tangents of the outputs, then those that r_backward reads; r_backward returns the gradients of
    inputs, then the tangents of all gradients.

    Raises DiagnosticError (E301) where a second derivative is needed at a value that the layer does not keep.
    """
    numbers = [n.name for n in d.numbers]
    header = [Argument(a, SCALAR, "activation") for a in d.activations]
    header += [Argument(n.name, n.shape, "number") for n in d.numbers]
    lowered = lowering.layer(d)
    outputs = [matrix(v) for v in d.with_role("output")]
    shapes = {a.target: a.shape for name in ("forward", "backward", FORWARD, BACKWARD) for a in d.block(name)}
    declared = [matrix(v) for role in ("input", "param", "state", "random") for v in d.with_role(role)]
    saved = [Argument(n, shapes[n]) for n in lowered.saved if n not in {o.name for o in outputs}]
    kept = [*declared, *saved, *outputs]
    moving = [Argument(s.name, s.shape) for s in directions(d).values()]
    seeds = [Argument(s.name, s.shape) for s in output_gradients(d).values()]
    seed_tangents = [Argument(tangent_name(s.name), s.shape) for s in seeds]
    seconds = _Seconds(d, {a.name for a in kept})

    def steps(block: str) -> tuple[Step, ...]:
        return seconds.replaced(lowering.steps(d.block(block), numbers))

    forward, backward, r_forward, r_backward = map(steps, ("forward", "backward", FORWARD, BACKWARD))
    known = {a.name for a in (*kept, *moving)}
    real = [v for v in d.with_role("param", "input") if v.index_size is None]
    inputs = [f"D{v.name}" for v in d.with_role("input") if v.index_size is None]
    wanted = [*inputs, *(tangent_name(f"D{v.name}") for v in real)]
    back = needed((*forward, *backward, *r_backward), wanted, known)
    read = {name for s in back for name in symbols(s.value)}
    results = [tangent_name(o.name) for o in outputs]
    results += [s.target for s in r_forward if s.target in read and s.target not in results]
    there = needed((*forward, *r_forward), results, known)
    tangents = [Argument(n, shapes[n]) for n in results]

    def function(name: str, candidates: Sequence[Argument], body: tuple[Step, ...], out: Sequence[str]) -> Function:
        more = [Argument(s.name, shape) for s, shape in seconds.found.items()]
        arguments = [*kept, *candidates, *more, *header]
        return lowering.function(
            d, function_name("layer", d.name, name), arguments, body, [(n, shapes[n]) for n in out]
        )

    return LoweredCurvature(
        _titled(function(FORWARD, moving, there, results), "R-forward"),
        _titled(function(BACKWARD, [*seeds, *moving, *tangents, *seed_tangents], back, wanted), "R-backward"),
        tuple(seconds.found),
    )


def loss_curvature(lowering: Lowering, d: TypedDefinition) -> Function:
    """RDY of a loss, from Y, T and RY."""
    numbers = [n.name for n in d.numbers]
    moving = [Argument(s.name, s.shape) for s in directions(d).values()]
    arguments = [*(matrix(v) for v in d.with_role("input", "target")), *moving]
    arguments += [Argument(n.name, n.shape, "number") for n in d.numbers]
    steps = lowering.steps((*d.block("value")[:-1], *d.block("gradient"), *d.block(GRADIENT)), numbers)
    result = steps[-1]
    body = needed(steps, [result.target], {a.name for a in arguments})
    name = function_name("loss", d.name, GRADIENT)
    return lowering.function(
        d, name, arguments, body, [(result.target, result.value.shape)], [a.name for a in arguments]
    )


def second_derivative(lowering: Lowering, d: TypedDefinition) -> Function:
    """f''(x) of an activation, entry by entry."""
    numbers = [n.name for n in d.numbers]
    arguments = [Argument("x", ("M", "N")), *(Argument(n.name, n.shape, "number") for n in d.numbers)]
    steps = tuple(replace(s, target="ddy") for s in lowering.steps(d.block(SECOND), numbers))
    name = function_name("activation", d.name, "second_derivative")
    results = [("ddy", steps[-1].value.shape)]
    function = lowering.function(d, name, arguments, steps, results, [a.name for a in arguments])
    return _titled(function, "second derivative")


def _titled(function: Function, what: str) -> Function:
    """The function, with a title that says what it computes of its definition."""
    return replace(function, title=f"{function.title.rstrip('.') or function.name}: {what}")


def needed(steps: Iterable[Step], wanted: Iterable[str], known: Iterable[str]) -> tuple[Step, ...]:
    """The steps that the wanted names depend on; what is known is not computed."""
    given, missing = set(known), set(wanted)
    kept: list[Step] = []
    for step in reversed(tuple(steps)):
        if step.target in missing and step.target not in given:
            kept.append(step)
            missing |= symbols(step.value)
    return tuple(kept[::-1])


class _Seconds:
    """Second derivatives of a layer's own activations become matrices."""

    def __init__(self, definition: TypedDefinition, kept: set[str]) -> None:
        self.definition = definition
        self.kept = kept
        self.found: dict[SecondDerivative, tuple[int | str, int | str]] = {}

    def replaced(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(replace(s, value=rewrite(s.value, self._matrix)) for s in steps)

    def _matrix(self, node: Node) -> Node:
        if not isinstance(node, Invoke) or node.derivative < 2 or node.function not in self.definition.activations:
            return node
        (operand,) = node.args
        if node.derivative > 2 or not isinstance(operand, Symbol) or operand.name not in self.kept:
            d = self.definition
            message = f"`{d.name}` has no Hessian-vector products: it does not keep what {node.function}'' is taken at"
            hint = f"give the operand of {node.function} a name in `forward` that `backward` reads"
            raise DiagnosticError([Diagnostic("E301", message, d.source.name.span, hint=hint)])
        second = SecondDerivative(f"{node.function}_second_{operand.name}", node.function, operand.name)
        self.found[second] = node.shape
        return Symbol(node.shape, second.name, span=node.span)
