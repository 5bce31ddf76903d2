"""What `eqgen explain` says about how a definition is rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module, TypedDefinition
    from eqgen.optimize.program_cost import Work

FLOAT_BYTES = 4
INDENT = "    "


def rewriting_lines(definition: TypedDefinition, module: Module) -> Iterator[str]:
    """Every equation that does not run as it is written, each identity that was applied, and the costs around it.

    Bytes are those that the operations move when they are done one by one in single precision. Nothing for a
    definition that does not compute with matrices, or runs as it is written.
    """
    from eqgen.optimize.cost_report import sizes_of
    from eqgen.optimize.lower import Lowering
    from eqgen.optimize.parts import KINDS
    from eqgen.optimize.rewrite_report import rewritten_equations

    if definition.kind not in KINDS:
        return
    sizes = sizes_of(definition)
    equations = list(rewritten_equations(Lowering(module), definition))
    if equations:
        yield ""
        yield "Rewritten by identities that are proven for all sizes (`eqgen cost` shows all equations):"
    for each in equations:
        yield ""
        yield f"{each.origin}  {' '.join(each.equation.split())}"
        yield f"{INDENT}{costs(each.before, sizes)}"
        for step in each.steps:
            lemma = f"  ({step.lemma}{', for accuracy' if step.stable else ''})" if step.lemma else ""
            yield f"{INDENT}{step.reason}{lemma}"
            yield from (f"{INDENT * 2}{line}" for line in step.code)
            yield f"{INDENT * 2}{costs(step.work, sizes)}"


def costs(work: Work, sizes: Iterable[str]) -> str:
    """`FLOPs 4 N K, bytes 36 N K + 8 N`."""
    order = tuple(sizes)
    return f"FLOPs {work.flops.text(order)}, bytes {(FLOAT_BYTES * work.traffic).text(order)}"
