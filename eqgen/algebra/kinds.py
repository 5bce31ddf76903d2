"""The rules of each kind of definition: which blocks it has, what must be assigned, what may be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from eqgen.algebra.definitions import Assignment, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Shape, Symbol, apply, shape_text
from eqgen.algebra.layers import layer
from eqgen.algebra.notation import notation
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.language.model import Block, Call, Draw, Equation, Expression, Name, Return, Span, Statement

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

LIFTED: Shape = ("M", "N")
"""The shape over which functions of scalars are typed; no other size occurs in them."""


def only(e: DefinitionElaborator, statements: Iterable[Statement], *allowed: type, blocks: tuple[str, ...] = ()) -> None:
    """Report statements that do not belong in this kind of definition."""
    for s in statements:
        if isinstance(s, Block):
            if s.kind not in blocks:
                e.error("E303", f"a `{s.kind}` block in {e.source.kind} `{e.source.name.name}`", s.span,
                        ", ".join(f"`{b}`" for b in blocks) or "equations only")  # fmt: skip
        elif not isinstance(s, allowed):
            e.error("E303", f"this does not belong in {e.source.kind} `{e.source.name.name}`", s.span, "equations")


def single(e: DefinitionElaborator, s: Equation) -> Expression:
    """The value of an equation that must not be a chain."""
    if len(s.steps) != 1:
        e.error("E303", "a chain of equalities assigns a value here", s.steps[1].span, "one `=`", "chains are claims and belong in lemmas")
    return s.value


def lets(e: DefinitionElaborator, statements: Iterable[Statement], scope: Scope, into: list[Assignment]) -> None:
    """`let e = exp(z)` and `Z = ...` before a result: new names with a value."""
    for s in statements:
        if isinstance(s, Block) and s.kind == "let":
            lets(e, s.statements, scope, into)
        elif isinstance(s, Equation):
            e.guarded(lambda s=s: into.append(bind(e, s, scope)), s.target.name if isinstance(s.target, Name) else "")  # type: ignore[misc]


def bind(e: DefinitionElaborator, s: Equation, scope: Scope) -> Assignment:
    """Type `name = value` and make the name known."""
    if not isinstance(s.target, Name):
        raise scope.fail("E306", f"`{s.target.span.text}` cannot be assigned", s.target.span, "a name")
    name = s.target.name
    if name in scope.symbols:
        raise scope.fail("E304", f"`{name}` has a value already", s.target.span, "a new name")
    assignment = e.assign(s.target, scope.typed(single(e, s)), s.span)
    scope.symbols[name] = Symbol(assignment.shape, name, span=s.target.span)
    e.variables.setdefault(name, Variable(name, assignment.shape, "intermediate", s.target.span))
    return assignment


def function_equation(e: DefinitionElaborator, s: Statement, names: tuple[str, ...]) -> tuple[str, Expression] | None:
    """`f(x) = ...`: the function's name and its argument."""
    if isinstance(s, Equation) and isinstance(s.target, Call) and s.target.function in names and len(s.target.arguments) == 1:
        return s.target.function, s.target.arguments[0]
    return None


# --- activation ------------------------------------------------------------------------------------------


def activation(e: DefinitionElaborator) -> TypedDefinition:
    from eqgen.algebra.slopes import slope

    blocks: dict[str, tuple[Assignment, ...]] = {}
    only(e, e.source.statements, Equation, blocks=("let",))
    for s in e.source.statements:
        head = function_equation(e, s, ("f", "f'"))
        if head is None:
            if isinstance(s, Equation):
                e.error("E306", f"`{s.target.span.text}` is not an equation of an activation", s.target.span, "`f(x) = ...` or `f'(x) = ...`")
            continue
        assert isinstance(s, Equation)
        name, argument = head
        if not isinstance(argument, Name):
            e.error("E306", "the argument of `f` is a name", argument.span, "`f(x)`")
            continue
        block = "f" if name == "f" else "derivative"
        if block in blocks:
            e.error("E304", f"`{name}` is defined twice", s.target.span, "one equation")
        scope = replace(e.scope, entrywise=True, symbols={**e.scope.symbols, argument.name: Symbol(LIFTED, "x", span=argument.span)})
        e.guarded(lambda s=s, block=block, scope=scope, name=name: blocks.__setitem__(block, (_lifted(e, s, scope, name),)))  # type: ignore[misc]
    if "f" not in blocks:
        e.error("E302", f"activation `{e.source.name.name}` has no function", e.source.name.span, "an equation `f(x) = ...`")
        raise Abandoned
    if "derivative" not in blocks:
        value = slope(blocks["f"][0].value, "x", e.parent.base)
        blocks["derivative"] = (replace(blocks["f"][0], target="f'", value=value, text=f"f'(x) = {notation(value)}    (derived)"),)
    e.variables["x"] = Variable("x", LIFTED, "input", blocks["f"][0].span)
    return e.build(blocks)


def _lifted(e: DefinitionElaborator, s: Equation, scope: Scope, target: str) -> Assignment:
    value = scope.typed(single(e, s))
    if value.shape != LIFTED:
        value = apply("scale", value, apply("ones", sizes=LIFTED), span=s.value.span)
    from eqgen.algebra.elaborate import canonical_text

    return Assignment(target, value, canonical_text(s.span), s.span, s.target.span)


# --- function --------------------------------------------------------------------------------------------


def function(e: DefinitionElaborator) -> TypedDefinition:
    only(e, e.source.statements, Equation, Return, blocks=("stable", "let"))
    blocks = {"body": _returning(e, [s for s in e.source.statements if not (isinstance(s, Block) and s.kind == "stable")], e.source.name.span)}
    result = blocks["body"][-1].shape
    for stable in e.source.blocks("stable"):
        blocks["stable"] = _returning(e, stable.statements, stable.span)
        if blocks["stable"][-1].shape != result:
            e.error("E204", f"the stable form is {shape_text(blocks['stable'][-1].shape)}", blocks["stable"][-1].span, shape_text(result))
    if not any(v.role == "input" for v in e.variables.values()):
        e.error("E302", f"function `{e.source.name.name}` has no matrix operand", e.source.name.span, "a header such as `(X: N x K)`")
    return e.build(blocks)


def _returning(e: DefinitionElaborator, statements: Iterable[Statement], span: Span) -> tuple[Assignment, ...]:
    """Lets followed by `= value`; the value is assigned to the function's name."""
    scope = replace(e.scope, symbols=dict(e.scope.symbols))
    result: list[Assignment] = []
    returned = False
    for s in statements:
        if returned:
            e.error("E303", "this stands after the function's value", s.span, "nothing")
        elif isinstance(s, Return):
            value = scope.typed(s.steps[0])
            result.append(e.assign(Name(s.span, e.source.name.name), value, s.span))
            returned = True
        else:
            lets(e, [s], scope, result)
    if not returned:
        e.error("E302", f"function `{e.source.name.name}` has no value", span, "a line `= expression`")
        raise Abandoned
    return tuple(result)


# --- loss ------------------------------------------------------------------------------------------------


def loss(e: DefinitionElaborator) -> TypedDefinition:
    only(e, e.source.statements, Equation, blocks=("when", "let"))
    for role in ("input", "target"):
        if sum(1 for v in e.variables.values() if v.role == role) != 1:
            e.error("E302", f"loss `{e.source.name.name}` needs one `{role}`", e.source.name.span, f"a line such as `{role} {'Y' if role == 'input' else 'T'}: N x K`")
    if any(v.role not in ("input", "target", "intermediate") for v in e.variables.values()) or len(e.variables) < 2:
        raise Abandoned
    y = next(v for v in e.variables.values() if v.role == "input")
    gradient = f"D{y.name}"
    value: list[Assignment] = []
    blocks: dict[str, tuple[Assignment, ...]] = {}
    scope = replace(e.scope, symbols=dict(e.scope.symbols))
    written: list[Assignment] = []
    for s in e.source.statements:
        if isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name == gradient:
            e.guarded(lambda s=s: written.append(e.assign(s.target, scope.typed(single(e, s)), s.span, y.shape)))  # type: ignore[misc]
        elif isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name == "L":
            e.guarded(lambda s=s: value.append(e.assign(s.target, scope.typed(single(e, s)), s.span, SCALAR)))  # type: ignore[misc]
        elif isinstance(s, Block) and s.kind == "when":
            _when(e, s, y, gradient, scope, blocks)
        else:
            lets(e, [s], scope, value)
    if not any(a.target == "L" for a in value):
        e.error("E302", f"loss `{e.source.name.name}` has no value", e.source.name.span, "an equation `L = ...`")
        raise Abandoned
    if len(written) > 1:
        e.error("E304", f"`{gradient}` is defined twice", written[1].target_span, "one equation")
    if written:
        blocks["gradient"] = tuple(written)
    blocks["value"] = tuple(value)
    return e.build(blocks)


def _when(e: DefinitionElaborator, block: Block, y: Variable, gradient: str, scope: Scope, blocks: dict[str, tuple[Assignment, ...]]) -> None:
    target = next(v for v in e.variables.values() if v.role == "target")
    condition = block.condition
    if not (isinstance(condition, Call) and condition.function == "one_hot" and [getattr(a, "name", "") for a in condition.arguments] == [target.name]):
        e.error("E303", "unknown condition", block.span if condition is None else condition.span, f"`one_hot({target.name})`")
        return
    for s in block.statements:
        if isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name == gradient:
            e.guarded(lambda s=s: blocks.__setitem__("one_hot", (e.assign(s.target, scope.typed(single(e, s)), s.span, y.shape),)))  # type: ignore[misc]
        else:
            e.error("E306", "only the gradient is simplified here", s.span, f"`{gradient} = ...`")


# --- optimizer -------------------------------------------------------------------------------------------


def optimizer(e: DefinitionElaborator) -> TypedDefinition:
    only(e, e.source.statements, Equation, blocks=("let",))
    scope = replace(e.scope, entrywise=True, symbols=dict(e.scope.symbols))
    place = e.source.name.span
    for name, shape in (("theta", LIFTED), ("Dtheta", LIFTED), ("eta", SCALAR), ("t", SCALAR)):
        if name in scope.symbols:
            e.error("E102", f"`{name}` has a meaning in every optimizer", place, "another name for the header or state")
        scope.symbols[name] = Symbol(shape, name)
    updatable = {"theta'": LIFTED, "Dtheta'": LIFTED} | {f"{v.name}'": v.shape for v in e.variables.values() if v.role == "state"}
    step: list[Assignment] = []
    for s in e.source.statements:
        if isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name.endswith("'"):
            e.guarded(lambda s=s: step.append(_updated(e, s, scope, updatable, step)), s.target.name)  # type: ignore[misc]
        else:
            lets(e, [s], scope, step)
    assigned = {a.target for a in step}
    if not assigned & {"theta'", "Dtheta'"}:
        e.error("E302", f"optimizer `{e.source.name.name}` updates nothing", place, "an equation `theta' = ...` (or `Dtheta' = ...` for a transformation of the gradient)")
    for v in list(e.variables.values()):
        if v.role == "state" and f"{v.name}'" not in assigned:
            e.error("E302", f"state `{v.name}` is never updated", v.span, f"an equation `{v.name}' = ...`")
    e.variables = {
        "theta": Variable("theta", LIFTED, "param", place), "Dtheta": Variable("Dtheta", LIFTED, "gradient", place),
        **{n: v for n, v in e.variables.items()},
    }  # fmt: skip
    return e.build({"step": tuple(step)})


def _updated(e: DefinitionElaborator, s: Equation, scope: Scope, updatable: dict[str, Shape], step: list[Assignment]) -> Assignment:
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
        target = s.target if isinstance(s, Equation) and isinstance(s.target, Call) and s.target.function == "eta" else None
        if target is None or not isinstance(s, Equation) or len(target.arguments) != 1:
            lets(e, [s], scope, before)
            continue
        argument = target.arguments[0]
        block, letter = _step_name(argument)
        if block is None:
            e.error("E306", f"`{target.span.text}` is not a step", target.span, "`eta(i)`, or `eta(0)` and `eta(i + 1)`")
            continue
        inner = replace(scope, symbols={**scope.symbols, **({letter: Symbol(SCALAR, "i")} if letter else {})},
                        recursion=("eta", letter) if block == "next" else None)  # fmt: skip
        e.guarded(lambda s=s, block=block, inner=inner: blocks.__setitem__(  # type: ignore[misc]
            block, (*before, e.assign(Name(s.target.span, "eta"), inner.scalar(single(e, s)), s.span))))  # fmt: skip
    if not ("value" in blocks or {"first", "next"} <= set(blocks)):
        e.error("E302", f"scheduler `{e.source.name.name}` has no value", e.source.name.span, "`eta(i) = ...`, or `eta(0) = ...` and `eta(i + 1) = ...`")
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
        e.error("E302", f"initializer `{e.source.name.name}` has {len(draws)} draws", e.source.name.span, f"one line such as `{weight.name} ~ uniform(0, 1)`")
        raise Abandoned
    if draws[0].target.name != weight.name:
        e.error("E306", f"`{draws[0].target.name}` is drawn", draws[0].target.span, f"`{weight.name}`")
    typed = e.build({})
    return replace(typed, draws=((weight.name, e.draw(draws[0].distribution)),))


KINDS: dict[str, Callable[[DefinitionElaborator], TypedDefinition]] = {
    "layer": layer, "activation": activation, "function": function, "loss": loss, "optimizer": optimizer,
    "scheduler": scheduler, "initializer": initializer,
}  # fmt: skip

