"""Hessian-vector products by Pearlmutter's R operator: the equations of a layer, of a loss, of an activation.

R{Z} is the derivative of Z along given directions of all inputs and parameters. Applied to the forward equations it
gives the R-forward pass, applied to the backward equations the R-backward pass, whose results are blocks of H v.

    layer        r_forward    RY and the tangents of intermediates, from RX, RW, ...
                 r_backward   RDX, RDW, ... from RDY, from what forward and backward compute, and from their tangents
    loss         r_gradient   RDY from RY
    activation   second       f''(x)

Source: Pearlmutter (1994), Fast exact multiplication by the Hessian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.accumulation import DerivationStep
from eqgen.algebra.definitions import Assignment, Module, TypedDefinition, Variable
from eqgen.algebra.derivation import Derivation, Deriver
from eqgen.algebra.derived_text import scalar_notation
from eqgen.algebra.expressions import Apply, Node, Symbol, apply, symbols
from eqgen.algebra.inline import inline
from eqgen.algebra.notation import notation
from eqgen.algebra.questions import Step, Subject, derivative_subject, tangent_subject
from eqgen.algebra.slopes import slope
from eqgen.algebra.tangents import Tangents, tangent_name

FORWARD, BACKWARD, GRADIENT, SECOND = "r_forward", "r_backward", "r_gradient", "second"
BLOCKS: Mapping[str, tuple[str, ...]] = {
    "layer": (FORWARD, BACKWARD),
    "loss": (GRADIENT,),
    "activation": (SECOND,),
}
"""The blocks that hold the equations, by the kind of definition."""
SECOND_DERIVATIVE = "f''"


def derive_curvature(definition: TypedDefinition, module: Module) -> dict[str, Derivation]:
    """The equations of each block, in order, with the steps that led to them.

    Raises ValueError for another kind of definition, where something on the way has no tangent, where a name is taken,
    or an equation would be too long to write.
    """
    match definition.kind:
        case "layer":
            return _layer(definition, module)
        case "loss":
            pass_ = RPass(definition, module, (_input(definition),))
            pass_.run(_lets(definition))
            wanted = [tangent_name(a.target) for a in definition.block("gradient")]
            pass_.run(definition.block("gradient"), wanted)
            return {GRADIENT: pass_.derivation(wanted)}
        case "activation":
            return {SECOND: _activation(definition, module)}
    raise ValueError(f"nothing is derived for {definition.kind} {definition.name}, only for a {', '.join(BLOCKS)}")


def directions(definition: TypedDefinition) -> dict[str, Symbol]:
    """What moves: each real input and parameter, along a matrix of its shape."""
    roles = ("input", "param") if definition.kind == "layer" else ("input",)
    moving = [v for v in definition.with_role(*roles) if v.index_size is None]
    return {v.name: Symbol(v.shape, tangent_name(v.name)) for v in moving}


def output_gradients(definition: TypedDefinition) -> dict[str, Symbol]:
    """The gradients of a layer's outputs, which its backward pass starts from; they move too."""
    return {f"D{v.name}": Symbol(v.shape, f"D{v.name}") for v in definition.with_role("output")}


def _layer(definition: TypedDefinition, module: Module) -> dict[str, Derivation]:
    gradients = output_gradients(definition)
    moving = [v for v in definition.with_role("param", "input") if v.index_size is None]
    outputs = [tangent_name(v.name) for v in definition.with_role("output")]
    wanted = [tangent_name(f"D{v.name}") for v in moving]
    pass_ = RPass(definition, module, (*moving, *gradients.values()))
    pass_.run(definition.block("forward"), outputs)
    forward = len(pass_.equations)
    told = len(pass_.steps)
    pass_.run(definition.block("backward"), wanted)
    backward = pass_.derivation(wanted, forward, told)
    read = {name for _, value in backward.equations for name in symbols(value)}
    needed = [*outputs, *(t for t, _ in pass_.equations[:forward] if t in read and t not in outputs)]
    return {FORWARD: pass_.derivation(needed, 0, 0, forward, told), BACKWARD: backward}


@dataclass
class RPass:
    """The tangents of a program's values, one after the other, each tidied over the results that are known."""

    definition: TypedDefinition
    module: Module
    moving: tuple[Variable | Symbol, ...]
    program: tuple[Assignment, ...] = ()
    equations: list[tuple[str, Node]] = field(default_factory=list)
    steps: list[DerivationStep] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tangents: dict[str, Node] = {v.name: Symbol(v.shape, self._free(v.name)) for v in self.moving}

    def _free(self, name: str) -> str:
        """The tangent's name, when nothing else is called so."""
        d = self.definition
        taken = {*d.variables, *d.dims, *d.activations, *(n.name for n in d.numbers)}
        taken |= {a.target for assignments in d.blocks.values() for a in assignments}
        tangent = tangent_name(name)
        if tangent in taken:
            raise ValueError(f"the tangent of `{name}` would be called `{tangent}`, which is taken: rename it")
        return tangent

    def run(self, assignments: Sequence[Assignment], wanted: Sequence[str] = ()) -> None:
        """The tangents of these values too. A wanted one that does not move is written as zeros."""
        self.program = (*self.program, *assignments)
        deriver = Deriver(self.module, self.program, {}, wanted, {})
        tangents = Tangents(self.module, self.tangents, deriver.accumulation.unfolded, self.steps)
        for a in assignments:
            target = self._free(a.target)
            raw = tangents.of(a.target, a.value)
            if raw is not None:
                raw = deriver.simplified(raw)
                deriver.require_short(raw)
            value = None if raw is None else deriver.tidy(raw)
            if value is None or _vanishes(value):
                if target not in wanted:
                    continue
                value = apply("zeros", sizes=a.shape)
            self.equations.append((target, value))
            if raw is not None:
                self.steps.extend(deriver.rearranged(target, raw, value))
            if not _vanishes(value):
                self.tangents[a.target] = Symbol(a.shape, target)

    def derivation(
        self,
        wanted: Iterable[str],
        first: int = 0,
        told: int = 0,
        end: int | None = None,
        until: int | None = None,
    ) -> Derivation:
        """Those of the equations that lead to the wanted ones."""
        read = set(wanted)
        kept = []
        for target, value in reversed(self.equations[first:end]):
            if target in read:
                read |= symbols(value)
                kept.append((target, value))
        return Derivation(tuple(kept[::-1]), tuple(self.steps[told:until]))


def _vanishes(value: Node) -> bool:
    return isinstance(value, Apply) and value.op == "zeros"


def _activation(definition: TypedDefinition, module: Module) -> Derivation:
    """f'' from f' as it is written."""
    steps: list[DerivationStep] = []

    def told(node: Node, derivative: Node) -> None:
        assert isinstance(node, Apply)
        steps.append(DerivationStep(f"({scalar_notation(node)})'", derivative, f"derivative of {node.op}"))

    value = slope(inline(definition.block("derivative")[-1].value, module), "x", module, told)
    steps.append(DerivationStep(SECOND_DERIVATIVE, value, "put together"))
    return Derivation(((SECOND_DERIVATIVE, value),), tuple(steps))


def _input(definition: TypedDefinition) -> Variable:
    return next(definition.with_role("input"))


def _lets(definition: TypedDefinition) -> tuple[Assignment, ...]:
    """What a loss names before its value, and its gradient may read."""
    return definition.block("value")[:-1]


# --- definitions with these blocks -----------------------------------------------------------------------


def with_curvature(definition: TypedDefinition, derivations: Mapping[str, Derivation]) -> TypedDefinition:
    """The definition with these equations as further blocks."""
    place = definition.source.name.span
    blocks = {
        name: tuple(Assignment(t, v, f"{t} = {notation(v)}", place, place) for t, v in derivation.equations)
        for name, derivation in derivations.items()
    }
    return replace(definition, blocks={**definition.blocks, **blocks})


def curvature_subject(definition: TypedDefinition) -> Subject:
    """The questions that these blocks raise, see `with_curvature`: is each equation the directional derivative of the
    one that it was derived from?"""
    blocks = [a for name in BLOCKS[definition.kind] for a in definition.block(name)]
    if definition.kind == "activation":
        (second,) = blocks
        step = Step(second.target, second.span, second.value, gradient_of="x")
        return derivative_subject(definition, definition.block("derivative"), step)
    gradients: tuple[Symbol, ...] = ()
    if definition.kind == "layer":
        program = (*definition.block("forward"), *definition.block("backward"))
        gradients = tuple(output_gradients(definition).values())
    else:
        program = (*_lets(definition), *definition.block("gradient"))
    moving = directions(definition) | {g.name: Symbol(g.shape, tangent_name(g.name)) for g in gradients}
    steps = tuple(Step(a.target, a.span, a.value, tangent_of=a.target[len(tangent_name("")) :]) for a in blocks)
    return tangent_subject(definition, program, moving, steps, gradients)
