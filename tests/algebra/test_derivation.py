"""Derived equations: as short as the written ones, the same when they are pasted, proven, and derived within limits."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqgen.algebra.checking import check_definition
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.derivation import derive_layer
from eqgen.algebra.derived_text import DerivedEquations, derive
from eqgen.algebra.expressions import Node, substitute
from eqgen.algebra.library import library, load_text
from eqgen.algebra.prover import prove_definition, prove_equal
from eqgen.language import DiagnosticError

LIBRARY = [d for d in library().of_kind("layer", "activation", "loss")]

PAPER = {"Softmax": 10, "LogSoftmax": 9, "BatchNormalization": 20}
"""Operations in Appendix A of the paper."""


def loaded(text: str) -> tuple[TypedDefinition, Module]:
    module = load_text(text)
    return module.definitions[0], module


def derived(text: str) -> DerivedEquations:
    return derive(*loaded(text))


def unproven(definition: TypedDefinition, module: Module) -> list[str]:
    results = prove_definition(definition, module)
    return [f"{r.target}: {r.verdict}: {r.message}" for r in results if r.verdict != "proved"]


def layer(*forward: str, inputs: str = "input X: N x D", more: tuple[str, ...] = ()) -> str:
    lines = [inputs, *more, "output Y: N x D", "forward", *(f"    {line}" for line in forward)]
    return "\n".join(["layer Example", "    dims N, D", *(f"    {line}" for line in lines), ""])


# --- the library -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", LIBRARY, ids=lambda d: f"{d.kind} {d.name}")
def test_what_is_derived_is_no_longer_than_what_is_written(definition: TypedDefinition) -> None:
    result = derive(definition, library())
    assert result.written_operations is not None
    assert result.operations <= result.written_operations


@pytest.mark.parametrize("definition", LIBRARY, ids=lambda d: f"{d.kind} {d.name}")
def test_what_is_derived_can_be_pasted_and_is_proven(definition: TypedDefinition) -> None:
    result = derive(definition, library())
    pasted, module = loaded(result.definition_text)
    assert (pasted.kind, pasted.name) == (definition.kind, definition.name)
    assert pasted.blocks.keys() == definition.blocks.keys()
    assert unproven(pasted, module) == []
    assert result.text in result.definition_text


@pytest.mark.parametrize("name", PAPER)
def test_not_longer_than_the_paper(name: str) -> None:
    definition = library().find(name, "layer")
    assert definition is not None
    assert derive_layer(definition, library()).operations <= PAPER[name]


def test_results_of_the_forward_pass_are_used_again() -> None:
    softmax = derive(*_library("Softmax")).equations
    assert softmax["DZ"] == "hadamard(Y, DY - column_repeat(rows_sum(hadamard(DY, Y)), K))"
    log_softmax = derive(*_library("LogSoftmax")).equations
    assert log_softmax["DZ"] == "DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))"
    normalization = " ".join(derive(*_library("BatchNormalization")).equations.values())
    assert "Z" in normalization and "inv_sqrt_Sigma" in normalization and "^" not in normalization


def _library(name: str, kind: str = "layer") -> tuple[TypedDefinition, Module]:
    definition = library().find(name, kind)
    assert definition is not None
    return definition, library()


def test_gradients_of_parameters_come_before_those_of_inputs() -> None:
    assert list(derive(*_library("Softmax")).equations) == ["DZ", "DW", "Db", "DX"]


# --- activations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        ("sigmoid(x)", "f(x) * (1 - f(x))"),
        ("tanh(x)", "1 - square(f(x))"),
        ("x * sigmoid(x)", "sigmoid(x) * (1 - f(x)) + f(x)"),
        ("max(0, x)", "where(x < 0, 0, 1)"),
        ("exp(x)", "f(x)"),
        ("x^3 / 3 + 2", "square(x)"),
        ("where(x < 0, exp(min(x, 0)) - 1, x)", "where(x < 0, exp(min(x, 0)), 1)"),
        ("2 * x", "2"),
        ("log(1 + exp(x))", "exp(x) / (1 + exp(x))"),
    ],
)
def test_derivatives_of_activations(function: str, derivative: str) -> None:
    result = derived(f"activation Example\n    f(x) = {function}\n")
    assert result.equations == {"f'": derivative}
    assert unproven(*loaded(result.definition_text)) == []


def test_the_derivative_may_read_the_function() -> None:
    definition, module = loaded("activation Example\n    f(x) = sigmoid(x)\n    f'(x) = f(x) * (1 - f(x))\n")
    assert unproven(definition, module) == []
    wrong, module = loaded("activation Example\n    f(x) = sigmoid(x)\n    f'(x) = f(x) * (1 + f(x))\n")
    assert unproven(wrong, module)


@pytest.mark.parametrize("derivative", ["f(2 * x)", "f(y)"])
def test_the_function_has_a_value_for_its_argument_alone(derivative: str) -> None:
    with pytest.raises(DiagnosticError):
        loaded(f"activation Example\n    f(x) = sigmoid(x)\n    f'(x) = {derivative}\n")


# --- text ------------------------------------------------------------------------------------------------


def test_lines_are_indented_and_broken_like_those_of_a_file() -> None:
    lines = derive(*_library("BatchNormalization")).text.split("\n")
    assert lines[0] == "    backward"
    assert all(line.startswith("        ") and len(line) <= 100 for line in lines[1:])


def test_equations_are_inserted_where_none_are_written() -> None:
    text = derived(layer("Y = 3 * X / 7")).definition_text
    assert text.endswith("    backward\n        DX = 3 * DY / 7\n")


def test_what_stands_around_written_equations_stays() -> None:
    text = derived(
        "loss Example\n    # why\n    dims N, K\n    input Y: N x K\n    target T: N x K\n"
        "    L = elements_sum(Y)  # all\n    DY = ones(N, K)  # own\n    when one_hot(T)\n        DY = ones(N, K)\n"
    ).definition_text
    assert "    # why\n" in text and "# all\n" in text and "own" not in text
    assert text.endswith("    DY = ones(N, K)\n    when one_hot(T)\n        DY = ones(N, K)\n")


def test_a_loss_has_one_equation() -> None:
    result = derived(
        "loss Example\n    dims N, K\n    input Y: N x K\n    target T: N x K\n    let E = Y - T\n"
        "    let S = hadamard(E, E)\n    L = elements_sum(hadamard(S, exp(E))) / N\n"
    )
    assert list(result.equations) == ["DY"]
    assert unproven(*loaded(result.definition_text)) == []


# --- steps -----------------------------------------------------------------------------------------------


def test_steps_name_adjoints_identities_reuse_and_factors() -> None:
    rules = [s.rule for s in derive(*_library("Softmax")).steps]
    assert rules[0] == "definition of softmax"
    assert {"adjoint of hadamard", "adjoint of exp", "adjoint of rows_sum", "adjoint of matmul"} <= set(rules)
    assert "lemma transposes: (A.T * G).T = G.T * A" in rules
    assert sum(r.startswith("known: Y = ") for r in rules) == 3
    assert "common factors taken out" in rules


@pytest.mark.parametrize("definition", LIBRARY, ids=lambda d: f"{d.kind} {d.name}")
def test_steps_end_in_the_equations(definition: TypedDefinition) -> None:
    result = derive(definition, library())
    last = {s.target.removesuffix("(x)"): s.value for s in result.steps}
    for target, value in result.derivation.equations:
        assert last[target] == value


def test_every_step_holds() -> None:
    """The steps from the sum of all adjoints to the equation are equal, one by one."""
    definition, module = _library("BatchNormalization")
    values = {a.target: a.value for a in definition.block("forward")}

    def over_inputs(node: Node) -> Node:
        for _ in values:
            node = substitute(node, values)
        return replace(node, span=definition.source.name.span)

    chain = [s for s in derive(definition, module).steps if s.target == "DR" and "adjoint" not in s.rule]
    assert len(chain) > 4
    for before, after in itertools.pairwise(chain):
        result = prove_equal(over_inputs(before.value), over_inputs(after.value), module, judge=False)
        assert result.verdict == "proved", (before.rule, after.rule)


def test_an_adjoint_that_adds_says_so() -> None:
    steps = derived(layer("Y = hadamard(X, exp(X))")).steps
    assert [(s.target, s.relation) for s in steps if s.target == "DX" and "adjoint" in s.rule] == [
        ("DX", "="),
        ("DX", "+="),
    ]


# --- any layer -------------------------------------------------------------------------------------------

MATRICES = (
    "exp({0})", "tanh({0})", "sigmoid({0})", "square({0})", "hadamard({0}, {1})", "{0} + {1}", "{0} - {1}",
    "2 * {0}", "{0} / N", "{0} * W", "hadamard({0}, row_repeat(a, N))", "row_repeat(columns_mean({0}), N)",
    "column_repeat(rows_sum({0}), D)", "softmax({0})", "hadamard({0}, column_repeat(diag({1} * X.T), D))",
    "elements_sum({0}) * {1}", "c * {0}", "row_repeat(inv_sqrt(columns_sum(square({0})) + ones(1, D)), N)",
    "apply((x, y) -> where(x < 1, y, 2 * y), X, {0})", "apply(x -> max(x, 0), {0})", "{0} * (W + W.T)",
)  # fmt: skip


@st.composite
def forward(draw: st.DrawFn) -> list[str]:
    """Some equations, each over the names above it; the last gives Y."""
    names = ["X"]
    lines = []
    for number in range(draw(st.integers(1, 4))):
        operands = [draw(st.sampled_from(names)), draw(st.sampled_from(names))]
        lines.append(f"V{number} = {draw(st.sampled_from(MATRICES)).format(*operands)}")
        names.append(f"V{number}")
    return [*lines, f"Y = {names[-1]} + {draw(st.sampled_from(names))}"]


@given(forward())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_layer_is_derived_and_proven(lines: list[str]) -> None:
    more = ("param W: D x D", "param a: 1 x D", "param c: 1 x 1")
    definition, module = loaded(layer(*lines, more=more))
    assert {"DX", "DW", "Da", "Dc"} <= {a.target for a in definition.block("backward")}
    assert unproven(definition, module) == []
    result = derive(definition, module)
    assert unproven(*loaded(result.definition_text)) == []


def test_the_same_equations_come_out_every_time() -> None:
    texts = {derive(*_library(name)).text for name in ("LayerNormalization",) * 3}
    assert len(texts) == 1


# --- limits ----------------------------------------------------------------------------------------------


def within(seconds: float, text: str) -> DerivedEquations:
    started = time.process_time()
    result = derived(text)
    assert time.process_time() - started < seconds
    return result


def test_a_long_chain_of_equations() -> None:
    lines = [f"V{k + 1} = hadamard(tanh(V{k}), V{k})" for k in range(60)]
    result = within(20, layer("V0 = 2 * X", *lines, "Y = V60"))
    assert list(result.equations)[-1] == "DX"


def test_a_sum_of_many_products() -> None:
    product = " + ".join(f"{k} * hadamard(exp({k} * X), tanh(X))" for k in range(2, 60))
    within(20, layer(f"Y = {product}"))


def test_powers_of_sums_are_not_multiplied_out() -> None:
    factors = ", ".join(["square(square(exp(X) + tanh(X) + X))"] * 2)
    within(20, layer(f"Y = hadamard({factors})"))


def test_functions_that_double_their_operand() -> None:
    functions = ["function f0(X: N x D)\n    = hadamard(X, X)\n"]
    functions += [f"function f{k}(X: N x D)\n    = hadamard(f{k - 1}(X), exp(f{k - 1}(X)))\n" for k in range(1, 24)]
    with pytest.raises(DiagnosticError) as error:
        load_text(layer("Y = f23(X)") + "\n" + "\n".join(functions))
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E301" and "give parts of the forward equations names" in diagnostic.message


def test_what_has_no_gradient() -> None:
    with pytest.raises(DiagnosticError) as error:
        loaded(layer("Y = act'(X)").replace("layer Example", "layer Example(act)"))
    assert [d.code for d in error.value.diagnostics] == ["E301"]


def test_outputs_that_read_nothing_and_several_outputs() -> None:
    text = layer("Y = exp(X)", "U = rows_sum(Y)", more=("param a: 1 x D", "output U: N x 1"))
    result = derived(text)
    assert result.equations["Da"] == "zeros(1, D)"
    assert unproven(*loaded(result.definition_text)) == []


def test_nothing_is_derived_for_other_kinds() -> None:
    definition = library().find("Momentum", "optimizer")
    assert definition is not None
    with pytest.raises(ValueError, match="nothing is derived for optimizer Momentum"):
        derive(definition, library())


def test_numbers_are_exact() -> None:
    result = derived(layer("Y = (2 / 3) * hadamard(X, X) + X^(1 / 3)", more=("assume X > 0",)))
    assert "1.3333" not in result.text and "4 * X / 3" in result.text
    assert unproven(*loaded(result.definition_text)) == []


def test_checking_what_doubles_its_operand_ends() -> None:
    functions = ["function f0(X: N x D)\n    = hadamard(X, X)\n"]
    functions += [f"function f{k}(X: N x D)\n    = hadamard(f{k - 1}(X), exp(f{k - 1}(X)))\n" for k in range(1, 24)]
    text = layer("Y = f23(X)") + "\n    backward\n        DX = DY\n\n" + "\n".join(functions)
    started = time.process_time()
    definition, module = loaded(text)
    (result,) = check_definition(definition, module)
    assert result.verdict in ("refuted", "unknown")
    assert time.process_time() - started < 60
