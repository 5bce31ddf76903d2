"""Lemmas: statements about expressions, each step of a chain a claim of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from eqgen.algebra.bindings import lets as bind_lets
from eqgen.algebra.definitions import Assignment, Claim, TypedDefinition
from eqgen.algebra.expressions import Apply, Derivative, Dim, Node, Symbol, apply, shape_text, substitute, walk
from eqgen.algebra.printed import BLOCKS, misprints
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.language.model import Block, Equation, Expression, Name, Span, Statement

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

LINES = {"for each row": "row", "for each column": "column"}


def lemma(e: DefinitionElaborator) -> TypedDefinition:
    scope = replace(e.scope, symbols=dict(e.scope.symbols))
    lets: list[Assignment] = []
    claims: list[Claim] = []
    hypotheses: dict[str, tuple[Node, tuple[str, str, Dim]]] = {}
    for s in e.source.statements:
        if isinstance(s, Block) and s.kind in LINES:
            claims.extend(_hypotheses(e, s, scope, hypotheses))
        elif isinstance(s, Block) and s.kind == "then":
            for inner in s.statements:
                with e.guarded():
                    claims.extend(_conclusion(e, inner, scope, hypotheses))
        elif isinstance(s, Block) and s.kind == "let":
            bind_lets(e, [s], scope, lets)
        elif isinstance(s, Block) and s.kind in BLOCKS:
            continue  # below, when all sizes are known
        elif isinstance(s, Equation):
            with e.guarded():
                claims.extend(_chain(e, s, scope))
        else:
            e.error(
                "E303",
                f"this does not belong in lemma `{e.source.name.name}`",
                s.span,
                "`let`, equations, `for each row i`, `then` and `printed ...`",
            )
    if not claims and not e.parent.diagnostics:
        e.error("E302", f"lemma `{e.source.name.name}` claims nothing", e.source.name.span, "an equation")
    e.scope.sizes.update(scope.sizes)
    sides = [side for claim in claims for side in (claim.left, claim.right)]
    _reject_derivatives_by_values(e, [*(a.value for a in lets), *sides], {a.target for a in lets})
    values: dict[str, Node] = {}
    for a in lets:
        values[a.target] = substitute(a.value, values)
    typed = e.build({"let": tuple(lets)})
    recorded = tuple(misprints(e, e.scope.sizes))
    return replace(typed, claims=tuple(_with_values(c, values) for c in claims), misprints=recorded)


def _with_values(claim: Claim, values: dict[str, Node]) -> Claim:
    return replace(claim, left=substitute(claim.left, values), right=substitute(claim.right, values))


def _text(span: Span) -> str:
    from eqgen.algebra.elaborate import canonical_text

    return canonical_text(span)


def _equal(e: DefinitionElaborator, scope: Scope, left: Node, right: Node, at: Expression) -> None:
    if left.shape != right.shape:
        raise scope.fail(
            "E204",
            f"the sides of the equation are {shape_text(left.shape)} and {shape_text(right.shape)}",
            at.span,
            shape_text(left.shape),
        )


def _chain(e: DefinitionElaborator, s: Equation, scope: Scope) -> Iterable[Claim]:
    """`a = b = c`: the claims a = b and b = c."""
    left, right = scope.typed(s.target), scope.typed(s.steps[0])
    _equal(e, scope, left, right, s.steps[0])
    yield Claim(left, right, f"{_text(s.target.span)} = {_text(s.steps[0].span)}", s.steps[0].span)
    yield from _steps(e, scope, right, s)


def _reject_derivatives_by_values(e: DefinitionElaborator, expressions: Iterable[Node], names: set[str]) -> None:
    """A derivative is taken by a declared variable; a name bound by `let` stands for its value."""
    for node in (n for x in expressions for n in walk(x)):
        if isinstance(node, Derivative) and node.wrt.name in names:
            assert node.wrt.span is not None
            e.error(
                "E203",
                f"`{node.wrt.name}` has a value, nothing is derived by it",
                node.wrt.span,
                "a declared variable",
                f"declare `{node.wrt.name}: {shape_text(node.wrt.shape)}` instead of the `let`",
            )
            raise Abandoned


def _hypotheses(
    e: DefinitionElaborator, block: Block, scope: Scope, into: dict[str, tuple[Node, tuple[str, str, Dim]]]
) -> list[Claim]:
    """`for each row i: z_i = ...`: what row i of Z is. Further steps of the chain are claims about every row."""
    if not isinstance(block.condition, Name):
        e.error("E303", "the index of the rows is missing", block.span, "`for each row i`")
        return []
    letter, kind = block.condition.name, LINES[block.kind]
    inner = replace(scope, index=(kind, letter))
    claims: list[Claim] = []
    for s in block.statements:

        def hypothesis(s: Statement = s) -> None:
            if not isinstance(s, Equation) or not isinstance(s.target, Name):
                raise scope.fail("E303", "this does not belong here", s.span, f"an equation such as `z_{letter} = ...`")
            target, value = inner.typed(s.target), inner.typed(s.value)
            _equal(e, scope, target, value, s.value)
            if not (isinstance(target, Apply) and isinstance(target.args[0], Symbol)):
                raise scope.fail(
                    "E306", f"`{s.target.span.text}` is not a {kind}", s.target.span, f"a name such as `z_{letter}`"
                )
            whole = target.args[0]
            index = (kind, letter, whole.shape[0] if kind == "row" else whole.shape[1])
            into[whole.name] = (value, index)
            claims.extend(_steps(e, inner, value, s, index))

        with e.guarded():
            hypothesis()
    return claims


def _steps(
    e: DefinitionElaborator, scope: Scope, first: Node, s: Equation, index: tuple[str, str, Dim] | None = None
) -> Iterable[Claim]:
    """`... = a = b = c`: the claims a = b and b = c, where `first` is the typed a."""
    previous, previous_expression = first, s.steps[0]
    for step in s.steps[1:]:
        node = scope.typed(step)
        _equal(e, scope, previous, node, step)
        yield Claim(previous, node, f"{_text(previous_expression.span)} = {_text(step.span)}", step.span, index)
        previous, previous_expression = node, step


def _conclusion(
    e: DefinitionElaborator, s: Statement, scope: Scope, hypotheses: dict[str, tuple[Node, tuple[str, str, Dim]]]
) -> Iterable[Claim]:
    """`then Z = ...`: every row i of the right side is what was assumed of row i of Z; further steps are claims."""
    if not isinstance(s, Equation) or not isinstance(s.target, Name) or s.target.name not in hypotheses:
        names = ", ".join(f"`{n} = ...`" for n in hypotheses)
        raise scope.fail("E306", "this is not a conclusion", s.span, names or "a `for each row i` block above")
    row, index = hypotheses[s.target.name]
    target, first = scope.typed(s.target), scope.typed(s.steps[0])
    _equal(e, scope, target, first, s.steps[0])
    yield Claim(apply(index[0], first, sizes=(index[1],)), row, _text(s.span), s.span, index)
    yield from _steps(e, scope, first, s)
