"""A gradient that two equations of an optimizer read, where one will do.

Nesterov's equations read the gradient twice. The second time it follows from the first equation: with
`delta' = mu * delta - eta * Dtheta` the sum `theta + mu * delta' - eta * Dtheta` is
`theta - mu * delta + (1 + mu) * delta'`. Read once, a gradient that is a product is added to the state as it is
computed, and is stored nowhere. What takes the place of an equation is proven to be equal to it, for all sizes; it is
taken where that succeeds only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Node, Symbol, constant, substitute, symbols
from eqgen.algebra.prover import prove_equal
from eqgen.optimize.linear import Term, added, negative, product, terms, total
from eqgen.optimize.program import Step


def read_once(
    steps: Sequence[Step], gradient: str, is_number: Callable[[Node], bool], module: Module
) -> tuple[Step, ...] | None:
    """The steps with every later use of the gradient expressed by the target of the first.

    None where it is read once, or where no such form is found and proven.
    """
    reading = [s for s in steps if gradient in symbols(s.value)]
    if len(reading) < 2:
        return None
    first = reading[0]
    own = terms(first.value, is_number)
    factors = [c for c, x in own if isinstance(x, Symbol) and x.name == gradient]
    rest = [(c, x) for c, x in own if gradient not in symbols(x)]
    if len(factors) != 1 or len(rest) != len(own) - 1:
        return None
    target = Symbol(first.value.shape, first.target)
    result: list[Step] = []
    before: list[Step] = []
    for step in steps:
        if step in reading[1:]:
            found = _without(step, gradient, factors[0], rest, target, is_number)
            if found is None or not _equal(step, found, first, module):
                return None
            early, late = found
            held = Symbol(step.value.shape, f"{step.target}_before")
            before.append(Step(held.name, total(early), origin=step.origin))
            note = "rewritten: the gradient follows from the state"
            step = replace(step, value=total([(constant(1), held), *late]), notes=(*step.notes, note))
        result.append(step)
    position = result.index(first)
    return (*result[:position], *before, *result[position:])


def _without(
    step: Step, gradient: str, factor: Node, rest: Sequence[Term], target: Symbol, is_number: Callable[[Node], bool]
) -> tuple[list[Term], list[Term]] | None:
    """The step's sum without the gradient: terms that are known before the target, and those of the target.

    With target = factor * gradient + rest, the term factor * gradient is target - rest.
    """
    found: list[Term] = []
    for c, x in terms(step.value, is_number):
        if isinstance(x, Symbol) and x.name == gradient:
            if c not in (factor, negative(factor)):
                return None
            sign = constant(1 if c == factor else -1)
            found += [(sign, target), *((product(negative(sign), d), z) for d, z in rest)]
        elif gradient in symbols(x):
            return None
        else:
            found.append((c, x))
    collected: dict[Node, Node] = {}
    for c, x in found:
        collected[x] = added(collected[x], c) if x in collected else c
    early = [(c, x) for x, c in collected.items() if target.name not in symbols(x)]
    late = [(c, x) for x, c in collected.items() if target.name in symbols(x)]
    return (early, late) if early and late else None


def _equal(step: Step, found: tuple[list[Term], list[Term]], first: Step, module: Module) -> bool:
    """Whether the new form is proven to be equal to the equation, where the target is what the first step computes."""
    put_in = {first.target: first.value}
    new = substitute(total([*found[0], *found[1]]), put_in)
    old = substitute(step.value, put_in)
    return prove_equal(replace(old, span=step.value.span), new, module, judge=False).verdict == "proved"
