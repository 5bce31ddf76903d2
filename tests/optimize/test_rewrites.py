"""Rewrites: every rule is a proven lemma, lowers the cost, and keeps the value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from eqgen.algebra.expressions import Apply, Node, Symbol, apply, constant, size, symbols, walk
from eqgen.algebra.fields import RationalField, evaluate
from eqgen.algebra.library import library, load_text
from eqgen.algebra.notation import notation
from eqgen.algebra.rewrites import Rule, cost, library_rules, optimized, rules_of

A, B = Symbol(("M", "N"), "A"), Symbol(("M", "N"), "B")
SIZES = {"M": 3, "N": 4, "P": 2}


def values(node: Node, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    result: dict[str, Any] = {}
    for n in walk(node):
        if isinstance(n, Symbol) and n.name not in result:
            shape = tuple(d if isinstance(d, int) else SIZES[d] for d in n.shape)
            numbers = generator.integers(-9, 10, shape)
            result[n.name] = np.array([Fraction(int(v)) for v in numbers.flat], dtype=object).reshape(shape)
    return result


def rewritten(node: Node) -> str:
    return notation(optimized(node, library_rules()).value)


def test_rules_come_from_proven_lemmas_and_lower_the_cost() -> None:
    rules = library_rules()
    assert len(rules) > 40
    for rule in rules:
        assert rule.stable or cost(rule.right) < cost(rule.left), rule.text


def test_names_of_a_rule_cannot_meet_names_of_a_program() -> None:
    for rule in library_rules():
        assert all(name.endswith("\0") for name in symbols(rule.left) | symbols(rule.right))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (apply("diag", apply("matmul", A, apply("transpose", B))), "rows_sum(hadamard(A, B))"),
        (apply("transpose", apply("transpose", A)), "A"),
        (apply("matmul", apply("ones", sizes=(1, "M")), A), "columns_sum(A)"),
        (apply("matmul", apply("identity", sizes=("M",)), A), "A"),
        (apply("divide", apply("columns_sum", A), size("M")), "columns_mean(A)"),
        (
            apply(
                "matmul",
                apply(
                    "subtract",
                    apply("scale", size("M"), apply("identity", sizes=("M",))),
                    apply("ones", sizes=("M", "M")),
                ),
                A,
            ),
            "M * A - row_repeat(columns_sum(A), M)",
        ),
    ],
)
def test_costly_forms_become_cheap_ones(before: Node, after: str) -> None:
    assert rewritten(before) == after


def test_sums_are_not_divided_by_the_wrong_size() -> None:
    assert rewritten(apply("divide", apply("columns_sum", A), size("N"))) == "columns_sum(A) / N"


def test_the_value_stays_the_same() -> None:
    node = apply(
        "hadamard",
        apply("matmul", apply("matmul", A, apply("transpose", B)), apply("ones", sizes=("M", "P"))),
        apply("column_repeat", apply("diag", apply("matmul", A, apply("transpose", A))), sizes=("P",)),
    )
    better = optimized(node, library_rules())
    assert better.rules
    for seed in range(5):
        given = values(node, seed)
        field = RationalField(SIZES)
        old = evaluate(node, given, SIZES, field, library())
        new = evaluate(better.value, given, SIZES, field, library())
        assert (old == new).all()


def test_commuted_operands_match() -> None:
    rule = next(rules_of(load_text("lemma r\n    A, B: M x N\n    hadamard(A, exp(B)) = A\n").of_kind("lemma")[:1]))
    node = apply("hadamard", apply("exp", A), B)
    assert optimized(node, (rule,)).value == B


def test_conditional_lemmas_are_no_rules() -> None:
    module = load_text("lemma r\n    Y: M x N positive\n    exp(log(Y)) = Y\n")
    assert list(rules_of(module.of_kind("lemma")[:1])) == []


def test_a_false_lemma_is_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the prover does not prove is dropped with the whole lemma."""
    from eqgen.algebra import prover, rewrites

    library_rules.cache_clear()
    real = prover.prove_definition

    def doubts(definition: Any, *args: Any, **options: Any) -> Any:
        results = real(definition, *args, **options)
        if definition.name != "transposes":
            return results
        from dataclasses import replace

        return [replace(r, verdict="unknown") for r in results]

    monkeypatch.setattr(prover, "prove_definition", doubts)
    try:
        assert not any(rule.text == "A.T.T = A" for rule in rewrites.library_rules())
    finally:
        library_rules.cache_clear()


def test_rewriting_ends() -> None:
    """Two rules that undo each other cannot both lower the cost."""
    there = Rule(apply("exp", A), apply("log", A), "there")
    back = Rule(apply("log", A), apply("exp", A), "back")
    node: Node = A
    for _ in range(20):
        node = apply("exp", node)
    assert isinstance(optimized(node, (there, back)).value, Apply)


def test_constants_in_patterns_match_only_themselves() -> None:
    rule = Rule(apply("scale", constant(2), A), A, "2 * A = A")
    assert optimized(apply("scale", constant(3), A), (rule,)).value == apply("scale", constant(3), A)
