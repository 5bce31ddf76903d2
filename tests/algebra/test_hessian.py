"""Equations of Hessian-vector products: derived, tidied, proven; wrong ones are refuted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.evaluated_check import with_checks
from eqgen.algebra.expressions import Apply, Constant, Node, Symbol, apply, constant, distinct, operation_count, rewrite
from eqgen.algebra.hessian import BLOCKS, curvature_subject, derive_curvature, with_curvature
from eqgen.algebra.hessian_module import with_hessian_products
from eqgen.algebra.hessian_text import CurvatureEquations, derive_hvp
from eqgen.algebra.library import library, load_text
from eqgen.algebra.prover import Limits, prove_subject
from eqgen.algebra.questions import Subject
from eqgen.algebra.tangents import Tangents
from eqgen.language.diagnostics import DiagnosticError
from tests.algebra.test_derivation import forward, layer, loaded

LIBRARY = [d for d in library().definitions if d.kind in BLOCKS]


def derived(name: str, kind: str = "layer") -> CurvatureEquations:
    definition = library().find(name, kind)
    assert definition is not None
    return derive_hvp(definition, library())


def unproven(definition: TypedDefinition, module: Module) -> list[tuple[str, str, str]]:
    subject = curvature_subject(with_curvature(definition, derive_curvature(definition, module)))
    return [(r.target, r.verdict, r.message) for r in prove_subject(subject, module) if r.verdict != "proved"]


@pytest.mark.parametrize("definition", LIBRARY, ids=lambda d: f"{d.kind} {d.name}")
def test_the_library_is_derived_and_proven(definition: TypedDefinition) -> None:
    result = derive_hvp(definition, library())
    verdicts = result.check()
    assert [v.target for v in verdicts] == list(result.equations)
    assert [(v.target, v.message) for v in verdicts if v.verdict != "proved"] == []


def test_softmax() -> None:
    assert derived("Softmax").blocks == {
        "r_forward": {
            "RZ": "RX * W.T + X * RW.T + row_repeat(Rb, N)",
            "RY": "hadamard(Y, RZ - column_repeat(rows_sum(hadamard(RZ, Y)), K))",
        },
        "r_backward": {
            "RDZ": "hadamard(RY, DY - column_repeat(rows_sum(hadamard(DY, Y)), K)) + "
            "hadamard(RDY - column_repeat(rows_sum(hadamard(RDY, Y) + hadamard(RY, DY)), K), Y)",
            "RDW": "RDZ.T * X + DZ.T * RX",
            "RDb": "columns_sum(RDZ)",
            "RDX": "RDZ * W + DZ * RW",
        },
    }


def test_an_opaque_activation_gets_a_second_derivative() -> None:
    assert derived("Activation").equations["RDZ"] == "hadamard(RDY, act'(Z)) + hadamard(hadamard(RZ, act''(Z)), DY)"


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("ReLU", "0"),
        ("Tanh", "2 * tanh(x) * (square(tanh(x)) - 1)"),
        ("ELU", "where(x < 0, alpha * exp(min(x, 0)), 0)"),
        ("Softplus", "sigmoid(x) * (1 - sigmoid(x))"),
    ],
)
def test_second_derivatives(name: str, second: str) -> None:
    assert derived(name, "activation").equations == {"f''": second}


def test_losses() -> None:
    assert derived("SquaredError", "loss").equations == {"RDY": "2 * RY"}
    softmax = derived("SoftmaxCrossEntropy", "loss").equations["RDY"]
    assert "RY - column_repeat(rows_sum(hadamard(RY, softmax(Y))), K)" in softmax


def test_equations_are_tidied() -> None:
    """They are no longer than what the tangents of all operations add up to."""
    definition, module = derived("BatchNormalization").definition, library()
    directions = {n: Symbol(definition.variables[n].shape, f"R{n}") for n in ("X", "gamma", "beta")}
    raw = 0
    for a in definition.block("forward"):
        tangent = Tangents(module, directions, lambda n: n).of(a.target, a.value)
        assert tangent is not None
        directions[a.target] = Symbol(a.shape, f"R{a.target}")
        raw += operation_count(tangent)
    tidied = derived("BatchNormalization").derivations["r_forward"].operations
    assert tidied < raw
    assert derived("BatchNormalization").equations["Rinv_sqrt_Sigma"] == "-hadamard(RSigma, inv_sqrt_Sigma^3) / 2"


# --- wrong equations -------------------------------------------------------------------------------------


def slips(node: Node) -> Iterator[Node]:
    """The expression with one thing changed that keeps its shape: a sign, a factor, a term, a name."""

    def changed(old: Node, new: Node) -> Node:
        return rewrite(node, lambda n: new if n == old else n)

    yield apply("scale", constant(2), node)
    for n in distinct(node):
        match n:
            case Apply(op="add"):
                yield changed(n, apply("subtract", *n.args))
                if n.args[0].shape == n.shape:
                    yield changed(n, n.args[0])
            case Apply(op="subtract"):
                yield changed(n, apply("add", *n.args))
            case Symbol(name=name) if name.startswith("R"):
                yield changed(n, apply("negate", n))
            case Constant():
                yield changed(n, constant(n.value + 1))


def with_step(subject: Subject, position: int, written: Node) -> Subject:
    steps = list(subject.steps)
    steps[position] = replace(steps[position], written=written)
    return replace(subject, steps=tuple(steps))


MUTATED = [
    *(("layer", name) for name in ("Linear", "Softmax", "LogSoftmax", "Activation", "LayerNormalization")),
    *(("loss", name) for name in ("SoftmaxCrossEntropy", "NegativeLogLikelihood")),
    ("activation", "GELU"),
]


@pytest.mark.parametrize(("kind", "name"), MUTATED)
def test_wrong_equations_are_refuted(kind: str, name: str) -> None:
    subject = curvature_subject(derived(name, kind).typed)
    tried = 0
    for position, step in enumerate(subject.steps):
        for wrong in list(slips(step.written))[::3]:
            results = prove_subject(with_step(subject, position, wrong), library())
            tried += 1
            assert results[position].verdict == "refuted", (step.target, wrong)
            assert results[position].counterexample is not None
            # The lines below read the true tangent: a wrong line does not make them wrong.
            others = results[:position] + results[position + 1 :]
            assert {r.verdict for r in others} <= {"proved"}
    assert tried >= len(subject.steps)


def test_a_tangent_that_forgets_what_moves_is_refuted() -> None:
    subject = curvature_subject(derived("Linear").typed)
    (position,) = (k for k, s in enumerate(subject.steps) if s.target == "RDW")
    step = subject.steps[position]
    assert isinstance(step.written, Apply)
    (result,) = (
        r for r in prove_subject(with_step(subject, position, step.written.args[0]), library()) if r.target == "RDW"
    )
    assert result.verdict == "refuted" and "as written" in result.message


def test_what_is_not_proved_is_checked() -> None:
    """Where the prover may take no step, the equations are evaluated; a wrong one does not pass."""
    equations = derived("Softmax")
    results = equations.check(Limits(steps=0))
    assert {r.verdict for r in results} == {"checked"}
    assert all(r.sizes.startswith("checked at sizes N=") for r in results)
    subject = curvature_subject(equations.typed)
    wrong = with_step(subject, 1, apply("scale", constant(2), subject.steps[1].written))
    unknown = [replace(r, verdict="unknown") for r in results]
    assert [r.verdict for r in with_checks(wrong, library(), unknown)][:3] == ["checked", "unknown", "checked"]


def test_the_backward_equations_are_what_is_differentiated() -> None:
    """A subject without the written backward pass asks for a tangent of nothing."""
    subject = curvature_subject(derived("Linear").typed)
    assert {a.target for a in subject.program} == {"Y", "DW", "Db", "DX"}
    assert subject.moving == {"X": "RX", "W": "RW", "b": "Rb", "DY": "RDY"}
    assert all(s.tangent_of == s.target[1:] for s in subject.steps)


# --- any layer -------------------------------------------------------------------------------------------


@given(forward())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_any_layer(lines: list[str]) -> None:
    more = ("param W: D x D", "param a: 1 x D", "param c: 1 x 1")
    assert unproven(*loaded(layer(*lines, more=more))) == []


def test_maxima_and_indices() -> None:
    definition, module = loaded(layer("M = rows_max(X)", "Y = hadamard(X - column_repeat(M, D), column_repeat(M, D))"))
    assert unproven(definition, module) == []
    result = derive_hvp(definition, module)
    assert "where(" in result.equations["RM"]
    assert "no maximum is attained twice" in result.check()[0].message


def test_what_does_not_move_is_left_out() -> None:
    definition, module = loaded(layer("C = ones(N, D)", "U = 2 * C", "Y = hadamard(X, U)"))
    assert list(derive_hvp(definition, module).blocks["r_forward"]) == ["RY"]
    constant_output, module = loaded(layer("Y = ones(N, D)", more=("param c: 1 x 1",)))
    assert derive_hvp(constant_output, module).blocks["r_forward"] == {"RY": "zeros(N, D)"}
    assert unproven(constant_output, module) == []


# --- what cannot be derived ------------------------------------------------------------------------------


def test_a_name_that_is_taken() -> None:
    definition, module = loaded(layer("RX = 2 * X", "Y = square(RX)"))
    with pytest.raises(ValueError, match="the tangent of `X` would be called `RX`, which is taken"):
        derive_hvp(definition, module)


def test_nothing_is_derived_for_other_kinds() -> None:
    definition = library().find("Momentum", "optimizer")
    assert definition is not None
    with pytest.raises(
        ValueError, match="nothing is derived for optimizer Momentum, only for a layer, loss, activation"
    ):
        derive_hvp(definition, library())


def test_a_module_with_these_equations() -> None:
    module = with_hessian_products(library())
    assert all(name in d.blocks for d in module.of_kind(*BLOCKS) for name in BLOCKS[d.kind])
    assert all(d.blocks.keys().isdisjoint(("r_forward", "r_backward")) for d in library().definitions)


def test_a_definition_that_has_none_says_why() -> None:
    module = load_text(layer("RX = 2 * X", "Y = square(RX)"))
    with pytest.warns(UserWarning, match="layer Example has no Hessian-vector products: the tangent of `X`"):
        found = with_hessian_products(module).find("Example", "layer")
    assert found is not None and "r_forward" not in found.blocks


def test_a_refuted_equation_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(definition: TypedDefinition, module: Module) -> object:
        found = derive_curvature(definition, module)
        last = found[BLOCKS[definition.kind][-1]]
        target, value = last.equations[-1]
        equations = (*last.equations[:-1], (target, apply("scale", constant(3), value)))
        return {**found, BLOCKS[definition.kind][-1]: replace(last, equations=equations)}

    monkeypatch.setattr("eqgen.algebra.hessian_module.derive_curvature", wrong)
    module = Module(tuple(d for d in library().definitions if d.name in ("Linear", "SquaredError")))
    with pytest.raises(DiagnosticError) as error:
        with_hessian_products(module)
    assert [d.code for d in error.value.diagnostics] == ["E401", "E401"]
