"""The rules of each kind of definition: which blocks it has, what must be assigned, what may be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from eqgen.algebra.bindings import LIFTED, function_equation, lets, only, single
from eqgen.algebra.definitions import Assignment, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Symbol, apply, shape_text
from eqgen.algebra.layers import layer
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.algebra.training import initializer, optimizer, scheduler
from eqgen.language.model import Block, Call, Equation, Name, Return, Span, Statement

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

# --- activation ------------------------------------------------------------------------------------------


def activation(e: DefinitionElaborator) -> TypedDefinition:
    from eqgen.algebra.slopes import slope

    blocks: dict[str, tuple[Assignment, ...]] = {}
    only(e, e.source.statements, Equation, blocks=("let",))
    for s in e.source.statements:
        head = function_equation(e, s, ("f", "f'"))
        if head is None:
            if isinstance(s, Equation):
                e.error(
                    "E306",
                    f"`{s.target.span.text}` is not an equation of an activation",
                    s.target.span,
                    "`f(x) = ...` or `f'(x) = ...`",
                )
            continue
        assert isinstance(s, Equation)
        name, argument = head
        if not isinstance(argument, Name):
            e.error("E306", "the argument of `f` is a name", argument.span, "`f(x)`")
            continue
        block = "f" if name == "f" else "derivative"
        if block in blocks:
            e.error("E304", f"`{name}` is defined twice", s.target.span, "one equation")
        scope = replace(
            e.scope, entrywise=True, symbols={**e.scope.symbols, argument.name: Symbol(LIFTED, "x", span=argument.span)}
        )
        if block == "derivative" and "f" in blocks:
            scope = replace(scope, recursion=("f", argument.name), value=blocks["f"][0].value)
        with e.guarded():
            blocks[block] = (_lifted(e, s, scope, name),)
    if "f" not in blocks:
        e.error(
            "E302", f"activation `{e.source.name.name}` has no function", e.source.name.span, "an equation `f(x) = ...`"
        )
        raise Abandoned
    if "derivative" not in blocks:
        from eqgen.algebra.derived_text import scalar_notation

        value = slope(blocks["f"][0].value, "x", e.parent.base)
        blocks["derivative"] = (
            replace(blocks["f"][0], target="f'", value=value, text=f"f'(x) = {scalar_notation(value)}    (derived)"),
        )
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
    blocks = {
        "body": _returning(
            e, [s for s in e.source.statements if not (isinstance(s, Block) and s.kind == "stable")], e.source.name.span
        )
    }
    result = blocks["body"][-1].shape
    for stable in e.source.blocks("stable"):
        blocks["stable"] = _returning(e, stable.statements, stable.span)
        if blocks["stable"][-1].shape != result:
            e.error(
                "E204",
                f"the stable form is {shape_text(blocks['stable'][-1].shape)}",
                blocks["stable"][-1].span,
                shape_text(result),
            )
    if not any(v.role == "input" for v in e.variables.values()):
        e.error(
            "E302",
            f"function `{e.source.name.name}` has no matrix operand",
            e.source.name.span,
            "a header such as `(X: N x K)`",
        )
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
            e.error(
                "E302",
                f"loss `{e.source.name.name}` needs one `{role}`",
                e.source.name.span,
                f"a line such as `{role} {'Y' if role == 'input' else 'T'}: N x K`",
            )
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
            with e.guarded():
                written.append(e.assign(s.target, scope.typed(single(e, s)), s.span, y.shape))
        elif isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name == "L":
            with e.guarded():
                value.append(e.assign(s.target, scope.typed(single(e, s)), s.span, SCALAR))
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


def _when(
    e: DefinitionElaborator,
    block: Block,
    y: Variable,
    gradient: str,
    scope: Scope,
    blocks: dict[str, tuple[Assignment, ...]],
) -> None:
    target = next(v for v in e.variables.values() if v.role == "target")
    condition = block.condition
    if not (
        isinstance(condition, Call)
        and condition.function == "one_hot"
        and [getattr(a, "name", "") for a in condition.arguments] == [target.name]
    ):
        e.error(
            "E303",
            "unknown condition",
            block.span if condition is None else condition.span,
            f"`one_hot({target.name})`",
        )
        return
    for s in block.statements:
        if isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name == gradient:
            with e.guarded():
                blocks["one_hot"] = (e.assign(s.target, scope.typed(single(e, s)), s.span, y.shape),)
        else:
            e.error("E306", "only the gradient is simplified here", s.span, f"`{gradient} = ...`")


KINDS: dict[str, Callable[[DefinitionElaborator], TypedDefinition]] = {
    "layer": layer,
    "activation": activation,
    "function": function,
    "loss": loss,
    "optimizer": optimizer,
    "scheduler": scheduler,
    "initializer": initializer,
}
