"""What the rules of all kinds of definitions share: lets, single equations, statements out of place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eqgen.algebra.definitions import Assignment, Variable
from eqgen.algebra.expressions import Shape, Symbol
from eqgen.algebra.scope import Scope
from eqgen.language.model import Block, Call, Equation, Expression, Name, Statement

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

LIFTED: Shape = ("M", "N")
"""The shape over which functions of scalars are typed; no other size occurs in them."""


def only(
    e: DefinitionElaborator, statements: Iterable[Statement], *allowed: type, blocks: tuple[str, ...] = ()
) -> None:
    """Report statements that do not belong in this kind of definition."""
    for s in statements:
        if isinstance(s, Block):
            if s.kind not in blocks:
                e.error(
                    "E303",
                    f"a `{s.kind}` block in {e.source.kind} `{e.source.name.name}`",
                    s.span,
                    ", ".join(f"`{b}`" for b in blocks) or "equations only",
                )
        elif not isinstance(s, allowed):
            e.error("E303", f"this does not belong in {e.source.kind} `{e.source.name.name}`", s.span, "equations")


def single(e: DefinitionElaborator, s: Equation) -> Expression:
    """The value of an equation that must not be a chain."""
    if len(s.steps) != 1:
        e.error(
            "E303",
            "a chain of equalities assigns a value here",
            s.steps[1].span,
            "one `=`",
            "chains are claims and belong in lemmas",
        )
    return s.value


def lets(e: DefinitionElaborator, statements: Iterable[Statement], scope: Scope, into: list[Assignment]) -> None:
    """`let e = exp(z)` and `Z = ...` before a result: new names with a value."""
    for s in statements:
        if isinstance(s, Block) and s.kind == "let":
            lets(e, s.statements, scope, into)
        elif isinstance(s, Equation):
            with e.guarded(s.target.name if isinstance(s.target, Name) else ""):
                into.append(bind(e, s, scope))


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
    if (
        isinstance(s, Equation)
        and isinstance(s.target, Call)
        and s.target.function in names
        and len(s.target.arguments) == 1
    ):
        return s.target.function, s.target.arguments[0]
    return None
