"""The rules of what trains a layer: optimizers, learning rate schedulers and initializers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eqgen.algebra.bindings import LIFTED, lets, only, single
from eqgen.algebra.definitions import Assignment, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Shape, Symbol, apply
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.language.model import Call, Draw, Equation, Expression, Name

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

# --- optimizer -------------------------------------------------------------------------------------------


def optimizer(e: DefinitionElaborator) -> TypedDefinition:
    only(e, e.source.statements, Equation, blocks=("let",))
    scope = replace(e.scope, entrywise=True, symbols=dict(e.scope.symbols))
    place = e.source.name.span
    for name, shape in (("theta", LIFTED), ("Dtheta", LIFTED), ("eta", SCALAR), ("t", SCALAR)):
        if name in scope.symbols:
            e.error("E102", f"`{name}` has a meaning in every optimizer", place, "another name for the header or state")
        scope.symbols[name] = Symbol(shape, name)
    updatable = {"theta'": LIFTED, "Dtheta'": LIFTED} | {
        f"{v.name}'": v.shape for v in e.variables.values() if v.role == "state"
    }
    step: list[Assignment] = []
    for s in e.source.statements:
        if isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name.endswith("'"):
            with e.guarded(s.target.name):
                step.append(_updated(e, s, scope, updatable, step))
        else:
            lets(e, [s], scope, step)
    assigned = {a.target for a in step}
    if not assigned & {"theta'", "Dtheta'"}:
        e.error(
            "E302",
            f"optimizer `{e.source.name.name}` updates nothing",
            place,
            "an equation `theta' = ...` (or `Dtheta' = ...` for a transformation of the gradient)",
        )
    for v in list(e.variables.values()):
        if v.role == "state" and f"{v.name}'" not in assigned:
            e.error("E302", f"state `{v.name}` is never updated", v.span, f"an equation `{v.name}' = ...`")
    e.variables = {
        "theta": Variable("theta", LIFTED, "param", place),
        "Dtheta": Variable("Dtheta", LIFTED, "gradient", place),
        **{n: v for n, v in e.variables.items()},
    }
    return e.build({"step": tuple(step)})


def _updated(
    e: DefinitionElaborator, s: Equation, scope: Scope, updatable: dict[str, Shape], step: list[Assignment]
) -> Assignment:
    assert isinstance(s.target, Name)
    name = s.target.name
    if name not in updatable:
        raise scope.fail("E306", f"`{name}` is not a state", s.target.span, ", ".join(f"`{n}`" for n in updatable))
    if any(a.target == name for a in step):
        raise scope.fail("E304", f"`{name}` has a value already", s.target.span, "one equation")
    value = scope.typed(single(e, s))
    if value.is_scalar and updatable[name] != SCALAR:
        value = apply("scale", value, apply("ones", sizes=updatable[name]), span=s.value.span)
    assignment = e.assign(s.target, value, s.span, updatable[name])
    scope.symbols[name] = Symbol(updatable[name], name, span=s.target.span)
    return assignment


# --- scheduler -------------------------------------------------------------------------------------------


def scheduler(e: DefinitionElaborator) -> TypedDefinition:
    """`eta(i) = ...`, or the recursion `eta(0) = ...` and `eta(i + 1) = ...`."""
    only(e, e.source.statements, Equation, blocks=("let",))
    scope = replace(e.scope, entrywise=False, symbols=dict(e.scope.symbols))
    blocks: dict[str, tuple[Assignment, ...]] = {}
    before: list[Assignment] = []
    for s in e.source.statements:
        target = (
            s.target if isinstance(s, Equation) and isinstance(s.target, Call) and s.target.function == "eta" else None
        )
        if target is None or not isinstance(s, Equation) or len(target.arguments) != 1:
            lets(e, [s], scope, before)
            continue
        argument = target.arguments[0]
        block, letter = _step_name(argument)
        if block is None:
            e.error(
                "E306", f"`{target.span.text}` is not a step", target.span, "`eta(i)`, or `eta(0)` and `eta(i + 1)`"
            )
            continue
        inner = replace(
            scope,
            symbols={**scope.symbols, **({letter: Symbol(SCALAR, "i")} if letter else {})},
            recursion=("eta", letter) if block == "next" else None,
        )
        with e.guarded():
            blocks[block] = (*before, e.assign(Name(s.target.span, "eta"), inner.scalar(single(e, s)), s.span))
    if not ("value" in blocks or {"first", "next"} <= set(blocks)):
        e.error(
            "E302",
            f"scheduler `{e.source.name.name}` has no value",
            e.source.name.span,
            "`eta(i) = ...`, or `eta(0) = ...` and `eta(i + 1) = ...`",
        )
    return e.build(blocks)


def _step_name(argument: Expression) -> tuple[str | None, str]:
    from eqgen.language.model import Number

    if isinstance(argument, Name):
        return "value", argument.name
    if isinstance(argument, Number) and argument.value == 0:
        return "first", ""
    if isinstance(argument, Call) and argument.function == "+" and isinstance(argument.arguments[0], Name):
        one = argument.arguments[1]
        if isinstance(one, Number) and one.value == 1:
            return "next", argument.arguments[0].name
    return None, ""


# --- initializer -----------------------------------------------------------------------------------------


def initializer(e: DefinitionElaborator) -> TypedDefinition:
    """`W ~ distribution(...)`; W is K x D (outputs x inputs) unless `param` declares it."""
    only(e, e.source.statements, Draw)
    if not any(v.role == "param" for v in e.variables.values()):
        for name in ("K", "D"):
            e.scope.sizes.setdefault(name, None)
        e.add(Variable("W", ("K", "D"), "param", e.source.name.span))
    weight = next(v for v in e.variables.values() if v.role == "param")
    draws = [s for s in e.source.statements if isinstance(s, Draw)]
    if len(draws) != 1:
        e.error(
            "E302",
            f"initializer `{e.source.name.name}` has {len(draws)} draws",
            e.source.name.span,
            f"one line such as `{weight.name} ~ uniform(0, 1)`",
        )
        raise Abandoned
    if draws[0].target.name != weight.name:
        e.error("E306", f"`{draws[0].target.name}` is drawn", draws[0].target.span, f"`{weight.name}`")
    typed = e.build({})
    return replace(typed, draws=((weight.name, e.draw(draws[0].distribution)),))
