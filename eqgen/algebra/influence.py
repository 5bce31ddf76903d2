"""Which matrices an output depends on: a gradient with respect to another one is zero, and that deserves a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eqgen.algebra.definitions import Assignment, TypedDefinition
from eqgen.algebra.expressions import symbols


def influences(name: str, program: Sequence[Assignment], outputs: Iterable[str]) -> bool:
    """Whether an output of a straight-line program reads a name, directly or through others."""
    reached = {name}
    for assignment in program:
        if not reached.isdisjoint(symbols(assignment.value)):
            reached.add(assignment.target)
    return not reached.isdisjoint(outputs)


def has_idle_matrices(definition: TypedDefinition) -> bool:
    """Whether a layer or a loss has a matrix that no output depends on."""
    if definition.kind == "layer":
        program = definition.block("forward")
        outputs = [v.name for v in definition.with_role("output")]
    elif definition.kind == "loss":
        program, outputs = definition.block("value"), ["L"]
    else:
        return False
    names = [v.name for v in definition.with_role("input", "param")] + [a.target for a in program]
    return not all(influences(name, program, outputs) for name in names)
