"""The explicit check: right equations pass, wrong ones are refuted with a counterexample that holds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.draws import unequal_sizes
from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.explicit_check import check_definition
from eqgen.algebra.operations import TABLE
from eqgen.algebra.verdict import EquationResult
from eqgen.language.parser import parse, parse_file

LIBRARY = Path(__file__).parents[2] / "eqgen" / "library"
KINDS = ("activations", "functions", "layers", "losses")


@pytest.fixture(scope="module")
def library() -> Module:
    return elaborate([parse_file(path) for kind in KINDS for path in sorted((LIBRARY / kind).glob("*.eq"))])


def check(text: str, base: Module | None = None, **options: Any) -> list[EquationResult]:
    """The verdicts on the first definition of a text."""
    module = elaborate([parse(text, "test.eq")], base)
    return check_definition(module.definitions[0], module, **options)


def verdicts(results: list[EquationResult]) -> dict[str, str]:
    return {r.target: r.verdict for r in results}


# --- what is right passes --------------------------------------------------------------------------------

FILES = [f"{kind}/{path.name}" for kind in KINDS for path in sorted((LIBRARY / kind).glob("*.eq"))]


@pytest.mark.parametrize("file", FILES)
def test_the_library_passes(library: Module, file: str) -> None:
    (source,) = parse_file(LIBRARY / file).definitions
    definition = next(d for d in library.definitions if (d.kind, d.name) == (source.kind, source.name.name))
    results = check_definition(definition, library)
    assert results
    for r in results:
        assert r.verdict == "checked", (r.target, r.message)
        assert r.sizes.startswith("checked at sizes") and r.sizes.count(";") == 2
        assert r.counterexample is None and r.seconds > 0


def test_sizes_are_pairwise_different() -> None:
    choices = unequal_sizes(["N", "D", "K"])
    assert len(choices) >= 3
    for sizes in choices:
        assert len(set(sizes.values())) == 3 and sizes["N"] >= 3
    assert len({tuple(c.values()) for c in choices}) == len(choices)


def test_many_sizes_stay_different() -> None:
    for sizes in unequal_sizes([f"S{k}" for k in range(12)]):
        assert len(set(sizes.values())) == 12


def test_what_claims_nothing_has_no_verdict() -> None:
    assert check("optimizer Plain\n    theta' = theta - eta * Dtheta\n") == []


def test_the_same_seed_gives_the_same_verdicts(library: Module) -> None:
    text = (LIBRARY / "layers/softmax.eq").read_text().replace("DY - column", "DY + column")
    assert check(text, library) == check(text, library)


# --- what is wrong is refuted ----------------------------------------------------------------------------

MUTANTS = [
    ("layers/linear.eq", "DW = DY.T * X", "DW = 2 * (DY.T * X)", "DW"),
    ("layers/linear.eq", "Db = columns_sum(DY)", "Db = columns_mean(DY)", "Db"),
    ("layers/linear_dropout.eq", "DX = DY * hadamard(W, R)", "DX = DY * W", "DX"),
    ("layers/linear_dropout.eq", "DW = hadamard(DY.T * X, R)", "DW = DY.T * X", "DW"),
    ("layers/softmax.eq", "DY - column_repeat", "DY + column_repeat", "DZ"),
    ("layers/softmax.eq", "DW = DZ.T * X", "DW = DY.T * X", "DW"),
    ("layers/log_softmax.eq", "hadamard(softmax(Z)", "hadamard(exp(Z)", "DZ"),
    ("layers/activation.eq", "act'(Z)", "act(Z)", "DZ"),
    ("layers/activation.eq", "hadamard(DY, act'(Z))", "act'(Z)", "DZ"),
    ("layers/embedding.eq", "row_scatter_add(X, DY, V)", "row_scatter_add(X, 2 * DY, V)", "DE"),
    ("layers/batch_normalization.eq", "inv_sqrt_Sigma / N, N", "inv_sqrt_Sigma, N", "DX"),
    ("layers/batch_normalization.eq", "DZ - hadamard(Z,", "DZ + hadamard(Z,", "DX"),
    ("layers/batch_normalization.eq", "(N * identity(N) - ones(N, N))", "(N * identity(N) + ones(N, N))", "DX"),
    ("layers/batch_normalization.eq", "hadamard(DY, Z))", "hadamard(DZ, Z))", "Dgamma"),
    ("layers/layer_normalization.eq", "D * identity(D)", "N * identity(D)", "DX"),
    ("layers/srelu.eq", "1 - al, 0)", "1, 0)", "Dtl"),
    ("layers/srelu.eq", "0, z - tr)", "0, z)", "Dar"),
    ("activations/elu.eq", "alpha * exp(min(x, 0)), 1", "exp(min(x, 0)), 1", "f'"),
    ("activations/gelu.eq", "exp(-x^2 / 2)", "exp(-x^2)", "f'"),
    ("activations/leaky_relu.eq", "where(x < alpha * x, alpha, 1)", "where(x < 0, alpha, 1)", "f'"),
    ("activations/silu.eq", "1 + x *", "1 - x *", "f'"),
    ("activations/srelu.eq", "where(x < tr, 1, ar)", "where(x < tr, ar, 1)", "f'"),
    ("activations/tanh.eq", "1 - tanh(x)^2", "1 - tanh(x)", "f'"),
    ("activations/trelu.eq", "where(x < epsilon, 0, 1)", "where(x < 0, 0, 1)", "f'"),
    ("functions/softmax.eq", "reciprocal(rows_sum(exp(Z)))", "reciprocal(rows_sum(exp(X)))", "stable"),
    ("functions/log_softmax.eq", "= Z - column", "= X - column", "stable"),
    ("losses/squared_error.eq", "2 * (Y - T)", "(Y - T)", "DY"),
    ("losses/mean_squared_error.eq", "DY = 2 * (Y - T) / (K * N)", "DY = 2 * (Y - T) / N", "DY"),
    ("losses/cross_entropy.eq", "DY = -xdivy", "DY = xdivy", "DY"),
    ("losses/softmax_cross_entropy.eq", "column_repeat(rows_sum(T), K)) - T", "ones(N, K)) - T", "DY"),
    ("losses/softmax_cross_entropy.eq", "DY = softmax(Y) - T", "DY = softmax(Y)", "DY when one_hot(T)"),
    ("losses/negative_log_likelihood.eq", "DY = -hadamard", "DY = hadamard", "DY"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "right", "wrong", "target"), MUTANTS)
def test_a_mutant_is_refuted(library: Module, file: str, right: str, wrong: str, target: str) -> None:
    text = (LIBRARY / file).read_text()
    assert right in text
    results = check(text.replace(right, wrong, 1), library)
    refuted = [r for r in results if r.verdict == "refuted"]
    # Every line is judged on its own, with the right gradients before it: one mistake, one refutation.
    assert [r.target for r in refuted] == [target]
    example = refuted[0].counterexample
    assert example is not None
    assert refuted[0].line == refuted[0].span.line and example.yours != example.derived
    if target != "stable":
        assert float(Fraction(example.finite_difference)) == pytest.approx(float(Fraction(example.derived)), rel=1e-10)
    assert all(size <= 3 for size in example.sizes.values()), "small sizes show it"


def test_a_counterexample_is_what_its_numbers_say(library: Module) -> None:
    """DW = 2 DYᵀ X at one number each, recomputed here."""
    text = (LIBRARY / "layers/linear.eq").read_text().replace("DW = DY.T * X", "DW = 2 * (DY.T * X)")
    example = check(text)[0].counterexample
    assert example is not None
    assert example.sizes == {"N": 1, "D": 1, "K": 1} and example.position == (1, 1)
    x, dy = (int(example.values[name][0][0]) for name in ("X", "DY"))
    assert (int(example.yours), int(example.derived), int(example.finite_difference)) == (2 * dy * x, dy * x, dy * x)
    assert set(example.to_json()) >= {"sizes", "values", "position", "yours", "derived", "finite_difference"}


def test_vanishing_gradients_of_batch_normalisation_are_wrong(library: Module) -> None:
    """Against the sum of the entries of Y, DX and Dgamma are zero; against a free DY they are not."""
    text = (LIBRARY / "layers/batch_normalization.eq").read_text()
    start, end = text.index("        Dgamma ="), text.index("    update")
    zeros = "        Dgamma = zeros(1, D)\n        DX = zeros(N, D)\n\n"
    assert verdicts(check(text[:start] + zeros + text[end:])) == {
        "DZ": "checked", "Dbeta": "checked", "Dgamma": "refuted", "DX": "refuted",
    }  # fmt: skip


def test_a_mistake_that_equal_sizes_hide() -> None:
    """4 A and the sum of A over D agree at D = 4."""
    text = "lemma l\n    A: N x D\n    4 * A = D * A\n"
    (result,) = check(text)
    assert result.verdict == "refuted" and result.target == "4 * A = D * A"


def test_the_derivative_is_not_the_table_s(library: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """With wrong adjoints and partial derivatives in the table, the verdicts stay."""
    for name in ("matmul", "hadamard", "exp", "row_repeat"):
        wrong = replace(
            TABLE[name], adjoint=lambda node, d: (None,) * len(node.args), partials=lambda *args: (None,) * len(args)
        )
        monkeypatch.setitem(TABLE, name, wrong)
    softmax = library.find("Softmax", "layer")
    assert isinstance(softmax, TypedDefinition)
    assert set(verdicts(check_definition(softmax, library)).values()) == {"checked"}


# --- lemmas ----------------------------------------------------------------------------------------------


def test_jacobians_and_gradients() -> None:
    text = """lemma l
    z: 1 x K
    let y = exp(z)
    jacobian(y, z) = {jacobian}
    gradient(elements_sum(hadamard(y, y)), z) = {gradient}
"""
    right = text.format(jacobian="Diag(y)", gradient="2 * hadamard(y, y)")
    assert [r.verdict for r in check(right)] == ["checked", "checked"]
    wrong = check(text.format(jacobian="y.T * y", gradient="2 * y"))
    assert [r.verdict for r in wrong] == ["refuted", "refuted"]
    for r in wrong:
        example = r.counterexample
        assert example is not None
        assert float(example.finite_difference) == pytest.approx(float(example.derived))


def test_a_property_of_every_row() -> None:
    text = """lemma l
    X, Y, Z: M x N
    for each row i
        z_i = x_i * y_i.T * y_i
    then
        Z = hadamard(column_repeat(diag(X * Y.T), N), {})
"""
    assert [r.verdict for r in check(text.format("Y"))] == ["checked"]
    (wrong,) = check(text.format("X"))
    assert wrong.verdict == "refuted"


def test_assumptions_are_respected() -> None:
    text = "lemma l\n    T: N x K\n{}    hadamard(T, column_repeat(rows_sum(T), K)) = T\n"
    assert [r.verdict for r in check(text.format(""))] == ["refuted"]
    assert [r.verdict for r in check(text.format("    assume rows_sum(T) == ones(N, 1)\n"))] == ["checked"]
    assert [r.verdict for r in check(text.format("    assume one_hot(T)\n"))] == ["checked"]
    signs = "lemma l\n    x: 1 x K{}\n{}    abs(x) = x\n"
    assert [r.verdict for r in check(signs.format("", ""))] == ["refuted"]
    assert [r.verdict for r in check(signs.format(" positive", ""))] == ["checked"]
    assert [r.verdict for r in check(signs.format("", "    assume x > 0\n"))] == ["checked"]


def test_functions_are_only_called_in_their_domain() -> None:
    text = "lemma l\n    x: 1 x K\n    exp(log(x) + log(ones(1, K) - x)) = hadamard(x, ones(1, K) - x)\n"
    assert [r.verdict for r in check(text)] == ["checked"]


# --- limits ----------------------------------------------------------------------------------------------


def test_unknown_where_no_point_is_admissible() -> None:
    (result,) = check("lemma l\n    x: 1 x K\n    assume x > 1000\n    x + x = 2 * x\n")
    assert result.verdict == "unknown" and "no point" in result.message


def test_unknown_where_time_is_up(library: Module) -> None:
    results = check((LIBRARY / "layers/softmax.eq").read_text(), library, seconds=0)
    assert set(verdicts(results).values()) == {"unknown"} and "time" in results[0].message


def test_unknown_where_matrices_are_too_large() -> None:
    text = """layer L
    dims N
    input X: N x 100000
    output Y: N x 100000
    forward
        Y = X
    backward
        DX = DY
"""
    (result,) = check(text)
    assert result.verdict == "unknown" and "4 x 100000" in result.message


def test_numbers_do_not_grow_without_bound() -> None:
    power = "x"
    for _ in range(40):
        power = f"({power})^2"
    (result,) = check(f"activation A\n    f(x) = {power}\n    f'(x) = 1\n")
    assert result.verdict in ("refuted", "unknown")
    (result,) = check("activation A\n    f(x) = exp(exp(exp(exp(exp(exp(x))))))\n    f'(x) = 1\n")
    assert result.verdict == "unknown"


def test_at_a_kink_the_second_operand_of_max_counts() -> None:
    """max(0, max(0, x)) has a tie wherever x is negative; the convention makes its derivative that of max(0, x)."""
    (result,) = check("activation A\n    f(x) = max(0, max(0, x))\n    f'(x) = where(x < 0, 0, 1)\n")
    assert result.verdict == "checked", result.message
