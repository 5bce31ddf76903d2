"""What the prover leaves undecided, evaluated at several unequal sizes: `checked` where both sides agree everywhere.

For subjects whose steps are tangents; derivatives are those that dual numbers carry, with 50 digits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from eqgen.algebra.definitions import Module
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.fields import MpmathField
from eqgen.algebra.questions import Step, Subject
from eqgen.algebra.refutation import NOWHERE
from eqgen.algebra.verdict import EquationResult
from eqgen.algebra.witness import TooLarge, Witness, witnesses

DRAWS = 3
SECONDS = 10.0
"""For one subject; what is not evaluated by then stays unknown."""


def with_checks(subject: Subject, module: Module, results: Sequence[EquationResult]) -> list[EquationResult]:
    """The results on all steps of a subject, in their order, with `checked` for each unknown one that holds at all
    points. One that does not hold at a point stays unknown: only the prover's judge refutes."""
    pairs = list(zip(subject.steps, results, strict=True))
    if all(result.verdict != "unknown" for _, result in pairs):
        return list(results)
    until = time.monotonic() + SECONDS
    open_ = {step.target for step, result in pairs if result.verdict == "unknown"}
    sizes = unequal_sizes(subject.sizes)
    for at in sizes:
        open_ &= _holding(subject, module, at, pairs, until)
    places = "; ".join(", ".join(f"{name}={size}" for name, size in at.items()) for at in sizes)
    text = f"checked at sizes {places}" if any(sizes) else "checked; no sizes occur"
    message = f"{DRAWS} random points at each, 50 digits"
    return [
        replace(result, verdict="checked", sizes=text, message=message) if step.target in open_ else result
        for step, result in pairs
    ]


def _holding(
    subject: Subject, module: Module, sizes: dict[str, int], pairs: Sequence[tuple[Step, EquationResult]], until: float
) -> set[str]:
    """The targets whose two sides agree at all points that are drawn; none where too few are found."""
    holding = {step.target for step, _ in pairs}
    points = 0
    try:
        for drawn in witnesses(subject, module, sizes, seed=41, draws=DRAWS, until=until):
            try:
                witness = Witness(subject, module, sizes, drawn.free, MpmathField(sizes), drawn.functions)
                for step, result in pairs:
                    if result.verdict == "unknown" and witness.difference(step) is not None:
                        holding.discard(step.target)
                    witness.learn(step, result.verdict == "proved")
            except NOWHERE:
                continue
            points += 1
    except TooLarge:
        return set()
    return holding if points == DRAWS and time.monotonic() < until else set()
