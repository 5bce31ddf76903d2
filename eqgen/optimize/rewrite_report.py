"""How each equation of a definition was rewritten: the identities in their order, and what each of them saves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Node
from eqgen.algebra.notation import notation
from eqgen.algebra.rewrites import Rule, rewriting_steps, rules_for
from eqgen.optimize.lower import Lowering
from eqgen.optimize.parts import Part, parts_of
from eqgen.optimize.program import Step
from eqgen.optimize.program_cost import Work, WorkCounter, named_sizes

SHARED = "what occurs more than once is computed once"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """One step: the reason, which is an identity and the lemma that states it, and what the equation becomes.

    code    the statements that the equation is now
    work    what they cost
    stable  whether the identity is used for accuracy, whatever it costs
    """

    reason: str
    lemma: str
    code: tuple[str, ...]
    work: Work
    stable: bool = False


@dataclass(frozen=True, slots=True)
class RewrittenEquation:
    """An equation that does not run as it is written. `before` is what it would cost."""

    part: str
    equation: str
    origin: str
    before: Work
    steps: tuple[Rewriting, ...]


def rewritten_equations(lowering: Lowering, definition: TypedDefinition) -> Iterator[RewrittenEquation]:
    """The equations of a definition that were rewritten. What they call costs the same before and after.

    Raises ValueError for a kind that does not compute with matrices.
    """
    counter = WorkCounter(lowering, {}, rewritten=True)
    rules = rules_for(definition)
    for part in parts_of(lowering, definition):
        for step, group in part.pairs():
            steps = tuple(_steps(counter, part, step, group, rules))
            if steps:
                before = counter.statement([step], named_sizes, part.numbers)
                yield RewrittenEquation(part.name, step.equation, step.origin, before, steps)


def _steps(
    counter: WorkCounter, part: Part, step: Step, group: tuple[Step, ...], rules: tuple[Rule, ...]
) -> Iterator[Rewriting]:
    target = group[-1].target if group else step.target
    last = step.value
    for rule, value in rewriting_steps(step.value, rules):
        work = counter.statement([Step(target, value)], named_sizes, part.numbers)
        yield Rewriting(rule.text, rule.lemma, (_code(target, value),), work, rule.stable)
        last = value
    code = tuple(_code(s.target, s.value) for s in group)
    if len(group) > 1 and code != (_code(target, last),):
        yield Rewriting(SHARED, "", code, counter.statement(group, named_sizes, part.passed_numbers))


def _code(target: str, value: Node) -> str:
    return f"{target} = {notation(value)}"
