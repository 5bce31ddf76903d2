"""Equations that a source prints and that do not hold, recorded beside the ones that do.

    printed refuted at M = 1, N = 2       wrong at these sizes, for some matrices
    printed ill-shaped unless N = K       without a meaning, unless the sizes that are named coincide

Each is typed as a lemma of its own. Nothing is believed: an equation that is not as recorded is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from eqgen.algebra.definitions import Misprint, TypedDefinition
from eqgen.algebra.questions import Subject, subjects
from eqgen.algebra.scope import Abandoned
from eqgen.algebra.verdict import EquationResult
from eqgen.language.diagnostics import Diagnostic
from eqgen.language.model import (
    Block,
    Call,
    Declaration,
    Equation,
    Expression,
    Lambda,
    Name,
    Number,
    Statement,
)

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

BLOCKS = ("printed refuted", "printed ill-shaped")
WITHOUT_A_MEANING = ("E201", "E202", "E203", "E204", "E205", "E206")
"""What an ill-shaped equation is reported as."""

PRINTED: Final = "refuted as printed"
ILL_SHAPED: Final = "ill-shaped"
"""The verdict on a misprint, and how its message begins where the shapes do not fit."""

Sizes = Mapping[str, Expression]


# --- meaning ---------------------------------------------------------------------------------------------


def misprints(e: DefinitionElaborator, known: Iterable[str]) -> Iterator[Misprint]:
    """The recorded misprints of a lemma whose sizes are `known`. What is not as recorded is reported (E308)."""
    sizes = frozenset(known)
    for block in e.source.statements:
        if not isinstance(block, Block) or block.kind not in BLOCKS:
            continue
        with e.guarded():
            given = _given(e, block, sizes)
            for s in block.statements:
                with e.guarded():
                    yield _refuted(e, s, given) if block.kind == BLOCKS[0] else _ill_shaped(e, s, given)


def _given(e: DefinitionElaborator, block: Block, known: frozenset[str]) -> dict[str, Expression]:
    """The sizes after `at`, which are numbers, or after `unless`, which are numbers or other sizes."""
    given: dict[str, Expression] = {}
    numbers = block.kind == BLOCKS[0]
    for equation in block.sizes:
        target, value = equation.target, equation.value
        if not isinstance(target, Name) or target.name not in known or target.name in given:
            raise e.scope.fail("E308", f"`{target.span.text}` is no size here", target.span, _listed(known))
        number = isinstance(value, Number) and value.value.denominator == 1 and value.value > 0
        if not number and (numbers or not isinstance(value, Name) or value.name not in known):
            expected = "a positive integer" if numbers else f"a positive integer, or {_listed(known)}"
            raise e.scope.fail("E308", f"`{value.span.text}` is no size here", value.span, expected)
        given[target.name] = value
    missing = sorted(known - set(given))
    if numbers and missing:
        hint = f"write `printed refuted at {', '.join(f'{name} = 2' for name in sorted(known))}`"
        raise e.scope.fail("E308", "the sizes at which it is wrong are missing", block.span, _listed(missing), hint)
    return given


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "no size"


def _refuted(e: DefinitionElaborator, s: Statement, given: Sizes) -> Misprint:
    statement, found = _typed(e, s, {})
    if statement is None:
        for diagnostic in found:
            e.parent.report(diagnostic)
        raise Abandoned
    at = tuple((name, int(value.value)) for name, value in given.items() if isinstance(value, Number))
    return Misprint(_text(s), s.span, statement, at)


def _ill_shaped(e: DefinitionElaborator, s: Statement, given: Sizes) -> Misprint:
    statement, found = _typed(e, s, {})
    if statement is not None:
        hint = "write it with the other equations, or under `printed refuted at ...`"
        raise e.scope.fail("E308", "the shapes of this equation fit", s.span, "an equation without a meaning", hint)
    where, others = _typed(e, s, given) if given else (None, [])
    problems = [d for d in found if d.code not in WITHOUT_A_MEANING] or others
    for diagnostic in problems:
        e.parent.report(diagnostic)
    if problems:
        raise Abandoned
    condition = ", ".join(f"{name} = {value.span.text}" for name, value in given.items())
    return Misprint(_text(s), s.span, where, problem=found[0].message, condition=condition)


def _text(s: Statement) -> str:
    from eqgen.algebra.elaborate import canonical_text

    return canonical_text(s.span)


def _typed(
    e: DefinitionElaborator, statement: Statement, sizes: Sizes
) -> tuple[TypedDefinition | None, list[Diagnostic]]:
    """The lemma with this statement alone, at special sizes; or None and what is wrong with it."""
    lets = tuple(s for s in e.source.statements if isinstance(s, Block) and s.kind == "let")
    source = replace(
        e.source,
        dims=tuple(name for name in e.source.dims if name.name not in sizes),
        declarations=tuple(_declaration(d, sizes) for d in e.source.declarations),
        assumptions=tuple(at_sizes(a, sizes) for a in e.source.assumptions),
        statements=tuple(_statement(s, sizes) for s in (*lets, statement)),
    )
    parent = replace(e.parent, diagnostics=[])
    try:
        return type(e)(parent, source).run(), []
    except Abandoned:
        return None, parent.diagnostics


def _declaration(d: Declaration, sizes: Sizes) -> Declaration:
    if d.shape is None:
        return d
    return replace(d, shape=(at_sizes(d.shape[0], sizes), at_sizes(d.shape[1], sizes)))


def _statement(s: Statement, sizes: Sizes) -> Statement:
    if isinstance(s, Equation):
        return replace(s, target=at_sizes(s.target, sizes), steps=tuple(at_sizes(x, sizes) for x in s.steps))
    if isinstance(s, Block):
        return replace(s, statements=tuple(_statement(inner, sizes) for inner in s.statements))
    return s


def at_sizes(expression: Expression, sizes: Sizes) -> Expression:
    """The expression with sizes replaced by other ones."""
    if isinstance(expression, Name) and expression.name in sizes:
        return replace(sizes[expression.name], span=expression.span)
    if isinstance(expression, Call):
        return replace(expression, arguments=tuple(at_sizes(a, sizes) for a in expression.arguments))
    if isinstance(expression, Lambda):
        free = {name: value for name, value in sizes.items() if name not in expression.parameters}
        return replace(expression, body=at_sizes(expression.body, free))
    return expression


# --- verdicts --------------------------------------------------------------------------------------------


def judged(definition: TypedDefinition, judge: Callable[[Subject], list[EquationResult]]) -> list[EquationResult]:
    """The verdicts on the misprints of a definition: `refuted as printed`, or `refuted` for a record that is wrong."""
    return [_judged(misprint, judge) for misprint in definition.misprints]


def _judged(misprint: Misprint, judge: Callable[[Subject], list[EquationResult]]) -> EquationResult:
    line = misprint.span.line
    results: list[EquationResult] = []
    if misprint.statement is not None:
        for subject in subjects(misprint.statement):
            results += judge(replace(subject, at=misprint.at))
    seconds = sum(r.seconds for r in results)
    verdict = EquationResult(misprint.text, line, misprint.span, PRINTED, seconds=seconds)
    wrong = next((r for r in results if r.verdict == "refuted"), None)
    undecided = next((r for r in results if r.verdict == "unknown"), None)
    if misprint.problem:
        message = f"{ILL_SHAPED}: {misprint.problem}"
        if misprint.condition:
            outcome = "is refuted" if wrong else "is undecided" if undecided else "holds"
            message += f"; where {misprint.condition} it fits, and {outcome}"
        return replace(verdict, message=message, counterexample=None if wrong is None else wrong.counterexample)
    if wrong is None:
        if undecided is not None:
            return replace(verdict, verdict="unknown", message=undecided.message)
        return replace(verdict, verdict="refuted", message="recorded as refuted, but it holds")
    example = wrong.counterexample
    assert example is not None
    if not set(example.sizes.items()) <= set(misprint.at):
        found = ", ".join(f"{name} = {size}" for name, size in example.sizes.items())
        return replace(verdict, verdict="refuted", message=f"recorded as refuted at other sizes than {found}")
    return replace(verdict, message=wrong.message, counterexample=example)
