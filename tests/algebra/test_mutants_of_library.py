"""Trust: single slips in the library's equations are refuted, or change nothing; and no verdict depends on hash order.

Every fifth mutant is tried here, `benchmarks/mutants.py` tries all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.library import library, load_text
from eqgen.testing.proof_mutants import ProofMutant, outcome, proof_mutants

EVERY = 5
OPERATORS = {
    "transposed", "term dropped", "factor dropped", "sign flipped", "wrong axis", "wrong size", "wrong constant",
    "prime dropped", "wrong name", "operands swapped", "wrong operation",
}  # fmt: skip
MUTATED = [d for d in library().definitions if next(proof_mutants(d), None) is not None]


def chosen(definition: TypedDefinition) -> list[ProofMutant]:
    """Every fifth mutant; which one is the first differs from definition to definition."""
    mutants = list(proof_mutants(definition))
    return mutants[MUTATED.index(definition) % min(EVERY, len(mutants)) :: EVERY]


def test_there_are_mutants_of_everything_that_is_proven() -> None:
    claiming = {d.name for d in library().definitions if d.kind in ("layer", "activation", "loss", "lemma")}
    assert claiming <= {d.name for d in MUTATED}
    mutants = [m for d in MUTATED for m in proof_mutants(d)]
    assert len(mutants) > 4000
    assert {m.operator for m in mutants} >= OPERATORS


@pytest.mark.parametrize("definition", MUTATED, ids=lambda d: f"{d.kind} {d.name}")
def test_a_slip_is_refuted_or_changes_nothing(definition: TypedDefinition) -> None:
    outcomes = {m.name: outcome(m, library()) for m in chosen(definition)}
    assert {name: o for name, o in outcomes.items() if o not in ("refuted", "equal", "undefined")} == {}


def test_a_slip_that_changes_nothing_is_told_from_one_that_does() -> None:
    text = "lemma l\n    A: N x N\n    trace(A) = trace(A)\n".replace("trace", "columns_sum")
    module = load_text(text)
    outcomes = {m.operator: outcome(m, module) for m in proof_mutants(module.definitions[0])}
    assert set(outcomes.values()) == {"refuted"}
    module = load_text("lemma l\n    A: N x N\n    elements_sum(A + A.T) = 2 * elements_sum(A)\n")
    outcomes = {m.name: outcome(m, module) for m in proof_mutants(module.definitions[0])}
    equal = [name for name, o in outcomes.items() if o == "equal"]
    assert equal and all("(transposed)" in name for name in equal)
    assert set(outcomes.values()) == {"equal", "refuted"}


def test_a_side_without_a_value_is_undefined() -> None:
    module = load_text("lemma l\n    X: M x N\n    gradient(elements_sum(log(-exp(X))), X) = zeros(M, N)\n")
    assert outcome(ProofMutant("", "", module.definitions[0]), module) == "undefined"


# --- hash order ------------------------------------------------------------------------------------------

SCRIPT = """
import json
from eqgen.algebra.derived_text import DERIVABLE, derive
from eqgen.algebra.library import library, load_text
from eqgen.algebra.prover import prove_definition
from eqgen.testing.proof_mutants import proof_mutants

module = library()
told = []
for d in module.definitions:
    told += [(r.target, r.verdict, r.message, r.counterexample and r.counterexample.to_json())
             for r in prove_definition(d, module)]
    if d.kind in DERIVABLE:
        told.append(derive(d, module).to_json())
        for m in list(proof_mutants(d))[:: 16]:
            told += [(m.name, r.verdict, r.message, r.counterexample and r.counterexample.to_json())
                     for r in prove_definition(m.definition, module)]
print(json.dumps(told))
"""


def test_nothing_depends_on_hash_order() -> None:
    told = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
    first, second = told
    assert len(first) > 300
    for one, other in zip(first, second, strict=True):
        assert one == other
