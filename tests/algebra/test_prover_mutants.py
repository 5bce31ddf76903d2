"""Every single edit of a right equation is refuted, or it is right as well, and exact evaluation agrees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.expressions import Node
from eqgen.algebra.library import library, load_files
from eqgen.algebra.prover import prove_subject
from eqgen.algebra.questions import Subject, subjects
from eqgen.algebra.refutation import NOWHERE
from eqgen.algebra.witness import witnesses
from tests.algebra.single_edits import mutants

OUTSIDE = [p for p in sorted((Path(__file__).parent / "prover").glob("*.eq")) if p.name != "claims.eq"]
KINDS = ("layer", "activation", "function", "loss")
EVERY_OTHER = 5
"""Of definitions outside of these kinds and of this library every fifth mutant."""
MOST = 25
"""About so many mutants of one equation."""


def cases() -> Iterator[tuple[TypedDefinition, Module, int]]:
    outside = load_files(OUTSIDE)
    names = {str(p) for p in OUTSIDE}
    for d in library().definitions:
        yield d, library(), 1 if d.kind in KINDS else EVERY_OTHER
    for d in outside.definitions:
        if d.source.span.source.name in names:
            yield d, outside, EVERY_OTHER


CASES = [c for c in cases() if any(step.is_question for s in subjects(c[0]) for step in s.steps)]


def agrees(subject: Subject, module: Module) -> bool:
    """Whether the last step holds at several exact points; where a derivative does not exist nothing is said."""
    step = subject.steps[-1]
    evaluated = 0
    for k, sizes in enumerate(unequal_sizes(subject.sizes)[:2]):
        for witness in witnesses(subject, module, sizes, 500 + k, draws=2):
            try:
                for earlier in subject.steps[:-1]:
                    witness.learn(earlier, True)
                if witness.difference(step) is not None:
                    return False
                evaluated += 1
            except NOWHERE:
                continue
    return evaluated > 0


def edited(subject: Subject, position: int, written: Node) -> Subject:
    step = replace(subject.steps[position], written=written)
    return replace(subject, steps=(*subject.steps[:position], step))


@pytest.mark.parametrize(("definition", "module", "stride"), CASES, ids=[f"{d.kind} {d.name}" for d, _, _ in CASES])
def test_single_edits(definition: TypedDefinition, module: Module, stride: int) -> None:
    survivors = []
    for subject in subjects(definition):
        for position, step in enumerate(subject.steps):
            if not step.is_question:
                continue
            edits = list(mutants(step.written))
            for written in edits[:: max(stride, len(edits) // MOST)]:
                mutant = edited(subject, position, written)
                result = prove_subject(mutant, module)[-1]
                if result.verdict == "refuted":
                    assert result.counterexample is not None
                elif result.verdict != "proved" or not agrees(mutant, module):
                    survivors.append((step.target, result.verdict, result.message, written))
    assert survivors == []
