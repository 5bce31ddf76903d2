"""Refuted equations teach: the place of the mistake, its name, and equations that were proven before being offered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.elaborate import elaborate
from eqgen.algebra.library import LIBRARY, library
from eqgen.algebra.localisation import explained
from eqgen.algebra.prover import prove_definition
from eqgen.algebra.verdict import EquationResult, Explanation
from eqgen.language import parse
from tests.algebra.mutants import MUTANTS, Mutant


@dataclass(frozen=True)
class Outcome:
    """What is said about a mutant. `start` and `end` are the changed characters of its text."""

    text: str
    start: int
    end: int
    results: tuple[EquationResult, ...]

    @property
    def first(self) -> EquationResult:
        return next(r for r in self.results if r.verdict == "refuted")

    @property
    def explanation(self) -> Explanation:
        assert self.first.explanation is not None
        return self.first.explanation


def typed(text: str, name: str = "<string>") -> tuple[TypedDefinition, Module]:
    module = elaborate([parse(text, name)], library())
    return module.definitions[0], module


def judged(text: str) -> tuple[EquationResult, ...]:
    """The verdicts on the first definition of a text, with explanations."""
    definition, module = typed(text)
    return explained(definition, module, prove_definition(definition, module))


def explanation_of(text: str) -> Explanation:
    """Of the only equation of a definition that is refuted."""
    (refuted,) = [r for r in judged(text) if r.verdict == "refuted"]
    assert refuted.explanation is not None
    return refuted.explanation


@cache
def outcome(mutant: Mutant) -> Outcome:
    text = (LIBRARY / f"{mutant.file}.eq").read_text(encoding="utf-8")
    place = text.rindex(mutant.right)
    changed = text[:place] + mutant.wrong + text[place + len(mutant.right) :]
    start = next(k for k, (x, y) in enumerate(zip(text, changed, strict=False)) if x != y)
    tail = next(k for k, (x, y) in enumerate(zip(reversed(text), reversed(changed), strict=False)) if x != y)
    return Outcome(changed, start, max(start, len(changed) - tail), judged(changed))


every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.id)


@every_mutant
def test_the_first_wrong_line_is_found_and_only_that_one_is_wrong(mutant: Mutant) -> None:
    found = outcome(mutant)
    assert [r.target for r in found.results if r.verdict != "proved"] == [mutant.target]
    span = found.first.span
    assert span.start <= found.start and found.end <= span.end


@every_mutant
def test_the_caret_stands_under_the_mistake(mutant: Mutant) -> None:
    found = outcome(mutant)
    span = found.explanation.span
    assert span.text == mutant.caret
    assert span.start <= found.end and found.start <= span.end, "the caret is beside what was changed"


@every_mutant
def test_the_mistake_has_its_name(mutant: Mutant) -> None:
    assert outcome(mutant).explanation.mistake in mutant.mistakes


@every_mutant
def test_what_is_offered_is_right(mutant: Mutant) -> None:
    """Each suggestion, put into the file, is proved for all sizes: it is what the library has, or equal to it."""
    found = outcome(mutant)
    assert found.explanation.suggestions
    for suggestion in found.explanation.suggestions:
        span = found.first.span
        head = span.text.partition("=")[0]
        assert head.strip() == suggestion.partition(" = ")[0], "the left side is that of the file"
        repaired = found.text[: span.start] + suggestion + found.text[span.end :]
        assert {r.verdict for r in judged(repaired)} == {"proved"}


def test_most_suggestions_are_what_the_library_has_letter_by_letter() -> None:
    """A figure, and a floor for it: the rest is the same up to the order of factors, or another spelling."""
    same = sum(
        any(
            _letters(s) in _letters((LIBRARY / f"{m.file}.eq").read_text(encoding="utf-8"))
            for s in outcome(m).explanation.suggestions
        )
        for m in MUTANTS
    )
    assert same >= 0.7 * len(MUTANTS), f"{same} of {len(MUTANTS)}"


def _letters(text: str) -> str:
    return "".join(text.split())


def test_there_are_enough_mutants_of_every_kind() -> None:
    assert len(MUTANTS) >= 40
    names = {name for m in MUTANTS for name in m.mistakes}
    assert names >= {
        "sign", "coefficient", "size factor", "axis", "operand order", "missing factor", "extra factor", "missing term",
        "extra term", "wrong variable", "wrong operation",
    }  # fmt: skip


# --- what else is said -----------------------------------------------------------------------------------

SUM = """layer Sums
    dims    N, D
    input   X: N x D
    input   U: N x D
    output  Y: N x D

    forward
        Y = {forward}

    backward
        DX = {DX}
        DU = {DU}
"""


def sums(forward: str, DX: str, DU: str) -> str:
    return SUM.format(forward=forward, DX=DX, DU=DU)


def test_a_zero_gradient_says_why() -> None:
    """Where nothing depends on an input its gradient is zero: that is said of a wrong one and of a right one."""
    wrong = explanation_of(sums("2 * X", "2 * DY", "DY"))
    assert (wrong.mistake, wrong.message) == ("independent", "no output depends on `U`, so its gradient is zero")
    assert wrong.derived == "DU = zeros(N, D)" and wrong.suggestions == ("DU = zeros(N, D)",)
    _, du = judged(sums("2 * X", "2 * DY", "zeros(N, D)"))
    assert du.verdict == "proved" and du.message.endswith("no output depends on `U`")


def test_contributions_that_cancel_are_not_called_independent() -> None:
    found = explanation_of(sums("X + U - U", "DY", "DY"))
    assert found.mistake == "independent"
    assert found.message == "all contributions to this gradient cancel: it is zero"


def test_a_gradient_that_is_written_as_zero_is_not_taken_for_one() -> None:
    found = explanation_of(sums("X + U", "zeros(N, D)", "DY"))
    assert (found.mistake, found.message) == ("vanishes", "this is zero everywhere, but `Y` depends on `X`")
    assert found.suggestions == ("DX = DY",)


def test_nothing_is_proved_by_a_loss_that_vanishes() -> None:
    """The sum of the outputs of this layer is zero for every X, so against that loss any gradient would do."""
    found = explanation_of(
        """layer Centred
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        Y = X - column_repeat(rows_mean(X), D)
    backward
        DX = DY
"""
    )
    assert found.mistake == "missing term"
    assert found.suggestions == ("DX = DY - column_repeat(rows_mean(DY), D)",)


NAMES = """layer Clash
    dims    N, D, K, M, Q
    input   X: N x D
    param   S: M x D
    param   I: K x M
    param   E: 1 x K
    param   pi: Q x K
    output  Y: N x Q

    forward
        beta = X * S.T
        gamma = beta * I.T
        zeta = hadamard(gamma, gamma) / M
        lambda = tanh(zeta + row_repeat(E, N))
        Y = lambda * pi.T

    backward
        Dpi = DY.T * lambda
        Dlambda = {Dlambda}
        Dzeta = {Dzeta}
        DE = columns_sum(Dzeta)
        Dgamma = {Dgamma}
        DI = Dgamma.T * beta
        Dbeta = Dgamma * I
        DS = {DS}
        DX = Dbeta * S
"""
CLASH = {
    "Dlambda": "DY * pi",
    "Dzeta": "hadamard(Dlambda, ones(N, K) - square(lambda))",
    "Dgamma": "2 * hadamard(Dzeta, gamma) / M",
    "DS": "Dbeta.T * X",
}


@pytest.mark.parametrize(
    ("target", "wrong", "mistake", "caret"),
    [
        ("Dlambda", "-DY * pi", "sign", "-DY"),
        ("Dzeta", "hadamard(Dlambda, ones(N, K) - lambda)", "missing factor", "lambda"),
        ("Dzeta", "hadamard(Dlambda, ones(N, K) - square(zeta))", "wrong variable", "zeta"),
        ("Dgamma", "hadamard(Dzeta, gamma) / M", "coefficient", "hadamard(Dzeta, gamma) / M"),
        ("Dgamma", "2 * hadamard(Dzeta, gamma) / K", "size factor", "K"),
        ("Dgamma", "2 * hadamard(Dzeta, gamma)", "size factor", "2 * hadamard(Dzeta, gamma)"),
        ("DS", "Dbeta.T * X / Q", "size factor", "/ Q"),
    ],
)
def test_names_of_sympy_and_many_sizes_and_long_chains(target: str, wrong: str, mistake: str, caret: str) -> None:
    text = NAMES.format(**CLASH | {target: wrong})
    found = explanation_of(text)
    assert (found.mistake, found.span.text) == (mistake, caret)
    assert found.span.line == 1 + text[: text.index(f"{target} =")].count("\n")
    assert found.suggestions[0].startswith(f"{target} = ")
    whole = NAMES.format(**CLASH)
    assert any(_letters(suggestion) in _letters(whole) for suggestion in found.suggestions)


def test_a_result_of_one_entry() -> None:
    found = explanation_of(
        """layer Norm
    dims    N, D
    input   X: N x D
    output  Y: 1 x 1
    forward
        Y = elements_sum(hadamard(X, X)) / N
    backward
        DX = DY * X / N
"""
    )
    assert (found.mistake, found.message) == ("coefficient", "the coefficient is 1/N, it should be 2/N")
    assert found.suggestions == ("DX = 2 * DY * X / N",)


def test_a_transpose_that_the_shapes_allow() -> None:
    text = """layer Square
    dims    N, D
    input   X: N x D
    param   A: D x D
    output  Y: N x D
    forward
        Y = X * A
    backward
        DA = X.T * DY
        DX = DY * A
"""
    found = explanation_of(text)
    assert (found.mistake, found.message, found.span.text) == ("transpose", "`A` should be transposed", "A")
    assert found.suggestions == ("DX = DY * A.T",)
    product = explanation_of(text.replace("DX = DY * A", "DX = DY * A.T").replace("X.T * DY", "DY.T * X"))
    assert (product.message, product.suggestions) == ("`DY.T * X` should be transposed", ("DA = X.T * DY",))


def test_irrational_values_do_not_hide_a_mistake() -> None:
    """The forward pass is rational, the written gradient is not: no exact fractions, but a verdict all the same."""
    text = (LIBRARY / "layers" / "linear.eq").read_text(encoding="utf-8").replace("DX = DY * W", "DX = exp(DY * W)")
    found = explanation_of(text)
    assert (found.mistake, found.message) == ("wrong operation", "`exp` is too much")


def test_two_slips_get_the_derived_equation() -> None:
    text = (LIBRARY / "layers" / "softmax.eq").read_text(encoding="utf-8")
    wrong = text.replace("hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))", "hadamard(Z, DY + DY) - 3 * Y")
    found = explanation_of(wrong)
    assert found.span.text == "hadamard(Z, DY + DY) - 3 * Y"
    assert found.suggestions == ("DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))",)
    assert found.derived == found.suggestions[0]


def test_the_caret_stands_under_the_one_term_that_holds_two_slips() -> None:
    text = (LIBRARY / "layers" / "log_softmax.eq").read_text(encoding="utf-8")
    wrong = text.replace(
        "DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))",
        "DY - 3 * hadamard(Z, row_repeat(columns_sum(DY), N))",
    )
    found = explanation_of(wrong)
    assert found.span.text == "3 * hadamard(Z, row_repeat(columns_sum(DY), N))"
    assert found.suggestions == ("DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))",)


def test_two_wrong_lines_are_two_mistakes() -> None:
    text = (LIBRARY / "layers" / "softmax.eq").read_text(encoding="utf-8")
    wrong = text.replace("hadamard(Y, DY -", "hadamard(Z, DY -").replace("columns_sum(DZ)", "columns_sum(DZ) / N")
    refuted = [r for r in judged(wrong) if r.verdict == "refuted"]
    assert [r.target for r in refuted] == ["DZ", "Db"]
    assert [r.explanation.mistake for r in refuted if r.explanation] == ["wrong variable", "size factor"]


# --- claims ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mistake", "caret", "suggestion"),
    [
        ("    x: 1 x 1\n    y: 1 x 1\n    (x + y)^2 = x^2 + x * y + y^2\n",
         "coefficient", "x * y", "(x + y)^2 = x^2 + 2 * x * y + y^2"),
        ("    z: 1 x K\n    jacobian(softmax(z), z) = Diag(softmax(z)) + softmax(z).T * softmax(z)\n",
         "sign", "+ softmax(z).T * softmax(z)",
         "jacobian(softmax(z), z) = Diag(softmax(z)) - softmax(z).T * softmax(z)"),
        ("    Z: N x K\n    Y: N x K\n    for each row i\n        y_i = z_i / rows_sum(z_i)\n"
         "    then\n        Y = hadamard(Z, column_repeat(rows_sum(Z), K))\n",
         "wrong operation", "rows_sum(Z)", "Y = hadamard(Z, column_repeat(reciprocal(rows_sum(Z)), K))"),
        ("    X: N x D\n    let C = X - row_repeat(columns_mean(X), N)\n"
         "    columns_sum(C + C) = columns_sum(C) + ones(1, D)\n",
         "extra term", "+ ones(1, D)", "columns_sum(C + C) = columns_sum(C)"),
    ],
)  # fmt: skip
def test_claims_of_lemmas(text: str, mistake: str, caret: str, suggestion: str) -> None:
    found = explanation_of(f"lemma wrong\n{text}")
    assert (found.mistake, found.span.text) == (mistake, caret)
    assert suggestion in found.suggestions and found.derived == ""


def test_a_stable_form() -> None:
    found = explanation_of(
        """function logsumexp(X: N x K)
    = log(rows_sum(exp(X)))
    stable with M = rows_max(X)
        = M + log(rows_sum(exp(X + column_repeat(M, K))))
"""
    )
    assert (found.mistake, found.span.text) == ("sign", "+ column_repeat(M, K)")
    assert found.suggestions == ("stable form = M + log(rows_sum(exp(X - column_repeat(M, K))))",)
