"""The text of Hessian-vector products in a package, for definitions that have their equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.hessian import BLOCKS
from eqgen.backends.package import (
    CallText,
    EntrywiseCurvatureText,
    HessianText,
    LayerCurvatureText,
    NumberArgument,
    SecondDerivativeText,
)
from eqgen.optimize.curvature import LoweredCurvature, layer_curvature, loss_curvature, second_derivative
from eqgen.optimize.lower import Lowering
from eqgen.optimize.names import class_name, snake_case
from eqgen.optimize.program import Function


def curved(module: Module, kind: str) -> Sequence[TypedDefinition]:
    """The definitions of a kind that have these equations, by name."""
    found = [d for d in module.of_kind(kind) if all(name in d.blocks for name in BLOCKS[kind])]
    return sorted(found, key=lambda d: d.name)


def hessian_functions(module: Module, lowering: Lowering) -> list[Function]:
    """All functions that Hessian-vector products need; none for a module without their equations."""
    functions = [second_derivative(lowering, d) for d in curved(module, "activation")]
    for d in curved(module, "layer"):
        lowered = layer_curvature(lowering, d)
        functions += [lowered.forward, lowered.backward]
    return functions + [loss_curvature(lowering, d) for d in curved(module, "loss")]


def hessian_text(
    module: Module, lowering: Lowering, numbers: Callable[[TypedDefinition], tuple[NumberArgument, ...]]
) -> HessianText | None:
    """The module `hessian`; None for a module without these equations."""
    if not any(curved(module, kind) for kind in BLOCKS):
        return None
    return HessianText(
        tuple(_layer(lowering, d) for d in curved(module, "layer")),
        tuple(
            EntrywiseCurvatureText(class_name("activation", d.name), second_derivative(lowering, d).name, numbers(d))
            for d in curved(module, "activation")
        ),
        tuple(
            EntrywiseCurvatureText(class_name("loss", d.name), loss_curvature(lowering, d).name, numbers(d))
            for d in curved(module, "loss")
        ),
    )


def _layer(lowering: Lowering, d: TypedDefinition) -> LayerCurvatureText:
    lowered: LoweredCurvature = layer_curvature(lowering, d)
    place = {v.name: f"value(layer.{v.name})" for v in d.with_role("param", "state")}
    kept = [*(v.name for v in d.with_role("input", "random")), *lowering.layer(d).saved]
    kept += [*d.activations, *(n.name for n in d.numbers)]
    outputs = {v.name for v in d.with_role("output")}
    place |= {name: f"layer.{name}" for name in kept if name not in outputs}

    def call(function: Function) -> CallText:
        arguments = tuple(place.get(a.name, f'v["{a.name}"]') for a in function.arguments)
        return CallText(function.name, arguments, tuple(f'v["{name}"]' for name, _ in function.results))

    seconds = tuple(
        SecondDerivativeText(s.name, s.activation, place.get(s.operand, f'v["{s.operand}"]')) for s in lowered.seconds
    )
    x, y = next(d.with_role("input")), next(d.with_role("output"))
    return LayerCurvatureText(
        snake_case(d.name), class_name("layer", d.name), x.name, y.name, call(lowered.forward), call(lowered.backward),
        seconds,
    )  # fmt: skip
