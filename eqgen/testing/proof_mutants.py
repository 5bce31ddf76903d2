"""Single slips in equations that are proven: each must be refuted, or be shown equal by the other judge.

Of a layer, an activation, a loss or a function with a stable form every equation is changed that its proof rests on,
the forward ones too; of a lemma both sides of every claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import Node, apply, children, constant, with_children
from eqgen.algebra.notation import notation
from eqgen.algebra.prover import prove_definition
from eqgen.testing.mutation import Edit, edits, known_symbols

PROVEN = {
    "layer": ("forward", "backward"),
    "activation": ("f", "derivative"),
    "loss": ("value", "gradient", "one_hot"),
    "function": ("body", "stable"),
}
"""The blocks on which the proof of a definition rests."""

Outcome: TypeAlias = Literal["refuted", "equal", "undefined", "missed", "undecided"]


@dataclass(frozen=True, slots=True)
class ProofMutant:
    """A definition in which one equation, or one side of a claim, is changed in one place."""

    name: str
    operator: str
    definition: TypedDefinition


def proof_mutants(definition: TypedDefinition) -> Iterator[ProofMutant]:
    """Every mutant of a definition; none of one that nothing is proven of."""
    if definition.kind == "lemma":
        yield from _of_claims(definition)
    elif definition.kind != "function" or definition.block("stable"):
        for block in PROVEN.get(definition.kind, ()):
            yield from _of_block(definition, block)


def _of_block(definition: TypedDefinition, block: str) -> Iterator[ProofMutant]:
    assignments = definition.block(block)
    for position, a in enumerate(assignments):
        known = known_symbols(definition, assignments[:position], block)
        for operator, node in (*edits(a.value, definition, known), *transpositions(a.value), *of_the_whole(a.value)):
            changed = (*assignments[:position], replace(a, value=node), *assignments[position + 1 :])
            name = f"{definition.kind} {definition.name}, {block}: {a.target} = {notation(node)} ({operator})"
            yield ProofMutant(name, operator, replace(definition, blocks={**definition.blocks, block: changed}))


def _of_claims(definition: TypedDefinition) -> Iterator[ProofMutant]:
    for claim in definition.claims:
        for node, other in ((claim.left, claim.right), (claim.right, claim.left)):
            for operator, changed in (*edits(node, definition, {}), *transpositions(node), *of_the_whole(node)):
                left, right = (changed, other) if node is claim.left else (other, changed)
                mutated = replace(claim, left=left, right=right)
                text = f"{notation(mutated.left)} = {notation(mutated.right)}"
                name = f"lemma {definition.name}: {text} ({operator})"
                yield ProofMutant(name, operator, replace(definition, claims=(mutated,), misprints=()))


def transpositions(node: Node) -> Iterator[Edit]:
    """Every square part transposed."""
    if node.shape[0] == node.shape[1] != 1:
        yield "transposed", apply("transpose", node)
    for position, child in enumerate(children(node)):
        for operator, changed in transpositions(child):
            args = (*children(node)[:position], changed, *children(node)[position + 1 :])
            yield operator, with_children(node, args)


def of_the_whole(node: Node) -> Iterator[Edit]:
    """The other sign, and twice as much."""
    yield "sign flipped", apply("negate", node)
    yield "wrong constant", apply("scale", constant(2), node)


def outcome(mutant: ProofMutant, module: Module) -> Outcome:
    """What becomes of a mutant.

    refuted    by the prover, with a counterexample
    equal      not refuted, and the explicit check, asked on its own, agrees: the change changes nothing
    undefined  a side has a value nowhere, such as the logarithm of a negative number
    missed     proved, but the explicit check does not agree; must not happen
    undecided  neither judge says anything; must not happen
    """
    verdicts = {r.verdict for r in prove_definition(mutant.definition, module)}
    if "refuted" in verdicts:
        return "refuted"
    from eqgen.algebra.explicit_check import check_definition

    results = check_definition(mutant.definition, module)
    if all(r.verdict == "checked" for r in results):
        return "equal"
    if any(r.message.startswith("no point was found") for r in results):
        return "undefined"
    return "missed" if verdicts == {"proved"} else "undecided"
