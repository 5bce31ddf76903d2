"""Loops of kernels: what becomes one loop, what is stored, and what never is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import pytest

from eqgen.algebra.library import library, load_text
from eqgen.backends.cpp import ENTRIES, STATEMENTS
from eqgen.backends.in_place import replaceable, split_statements
from eqgen.backends.kernels import kernel
from eqgen.backends.native import KernelText
from eqgen.optimize.columns import columns_of_layer
from eqgen.optimize.lower import Lowering
from eqgen.optimize.products import product_step, sampled_step
from eqgen.optimize.program import Function
from eqgen.optimize.storage import sparse_layer


def printed(function: Function) -> KernelText:
    return kernel(function, library(), ENTRIES, STATEMENTS)


def library_kernels() -> dict[str, KernelText]:
    module = library()
    lowering = Lowering(module)
    functions: list[Function | None] = [lowering.matrix_function(d) for d in module.of_kind("function")]
    functions += [f for d in module.of_kind("activation") for f in lowering.activation(d)]
    functions += [f for d in module.of_kind("loss") for f in lowering.loss(d)]
    for d in module.of_kind("layer"):
        layer = lowering.layer(d)
        functions += [layer.forward, layer.evaluate, layer.backward, layer.update]
    for d in module.of_kind("optimizer"):
        step = product_step(lowering, d)
        functions += [lowering.optimizer(d).function, step.function if step else None]
    return {f.name: printed(f) for f in functions if f is not None}


KERNELS = library_kernels()


def function_kernel(text: str) -> KernelText:
    module = load_text(text)
    return kernel(Lowering(module).matrix_function(module.definitions[0]), module, ENTRIES, STATEMENTS)


def opened(lines: Sequence[str]) -> Iterator[str]:
    """The statements, those in loops over ranges of rows one by one."""
    for statement in split_statements(lines):
        if statement.startswith("each_rows<"):
            yield from split_statements(statement.partition("{")[2].rpartition("}")[0].splitlines())
        else:
            yield statement


def heads(text: KernelText) -> list[str]:
    return [statement.partition("(")[0] for statement in opened(text.statements)]


def test_an_update_is_one_loop_without_temporaries_and_in_place() -> None:
    step = KERNELS["adam_step"]
    assert heads(step) == ["elementwise"] and step.temporaries == ()
    assert all({"theta", "m", "v"} <= set(inputs) for inputs in replaceable(step).values())
    comments = [line for line in step.statements if "// " in line]
    assert [line.rpartition("adam.eq:")[2] for line in comments] == ["7", "8", "9", "10", "11"]


def test_an_update_over_a_product_stores_no_gradient() -> None:
    step = KERNELS["nesterov_product_step"]
    assert heads(step) == ["product_epilogue<Scalar>"] and step.temporaries == ()
    assert replaceable(step) == {"theta_new": ("theta", "delta"), "delta_new": ("theta", "delta")}


def test_a_value_that_is_read_elsewhere_is_stored() -> None:
    text = function_kernel(
        "function f(X: M x N)\n    Y = exp(X)\n    Z = Y + X\n    = hadamard(Z, column_repeat(rows_sum(Y), N))\n"
    )
    assert heads(text) == ["elementwise", "rows_sum", "elementwise"]
    assert {t.name for t in text.temporaries} == {"Y", "Z", "t1"}


@pytest.mark.parametrize("moved", ["Y.T", "row_repeat(columns_sum(Y), M)"])
def test_an_entry_of_another_position_ends_the_loop(moved: str) -> None:
    text = function_kernel(f"function f(X: M x M)\n    Y = exp(X)\n    = X + {moved}\n")
    assert heads(text)[0] == "elementwise" and "Y(k) = exp(X(k))" in text.statements[1]
    assert "Y" in {t.name for t in text.temporaries}


def test_a_product_whose_entries_are_used_once_is_not_stored() -> None:
    text = KERNELS["linear_dropout_backward"]
    assert any(s.startswith("product_epilogue") and s.endswith(", R, DW);") for s in split_statements(text.statements))
    assert text.temporaries == () or all((t.rows, t.columns) != ("K", "D") for t in text.temporaries[1:])


@pytest.mark.parametrize("name", KERNELS)
def test_neighbours_over_the_same_entries_are_one_loop(name: str) -> None:
    """Unless the second one reads entries of the first at other positions."""
    statements = list(opened(KERNELS[name].statements))
    for first, second in itertools.pairwise(statements):
        if first.startswith("elementwise(") and first.partition("[&]")[0] == second.partition("[&]")[0]:
            written = re.findall(r"(\w+)\((?:k|i, j)\) =", first)
            assert any(re.search(rf"\b{w}\((?!k\)|i, j\))", second) for w in written), (first, second)


@pytest.mark.parametrize("name", KERNELS)
def test_every_temporary_is_written_and_read(name: str) -> None:
    text = "\n".join(line.partition("//")[0] for line in KERNELS[name].statements)
    for temporary in KERNELS[name].temporaries:
        assert len(re.findall(rf"\b{temporary.name}\b", text)) >= 2, temporary


def test_indices_are_taken_as_they_are() -> None:
    """They are never transposed into a matrix of numbers."""
    text = """layer Transposed
    dims   N, V, D
    input  X: N x 1 index(V)
    param  E: D x V
    output Y: N x D

    forward
        Y = column_gather(E, X.T).T
"""
    module = load_text(text)
    layer = Lowering(module).layer(module.definitions[0])
    forward, backward = (
        "\n".join(kernel(f, module, ENTRIES, STATEMENTS).statements) for f in (layer.forward, layer.backward)
    )
    assert "column_gather(E, X, " in forward and "column_scatter_add(X, " in backward


# --- statements of rows ----------------------------------------------------------------------------------


def groups(text: KernelText) -> list[list[str]]:
    """The heads of the statements in each loop over ranges of rows."""
    found = [s for s in split_statements(text.statements) if s.startswith("each_rows<")]
    return [[s.partition("(")[0] for s in opened([statement])] for statement in found]


def test_statements_that_need_their_own_rows_only_run_together() -> None:
    assert groups(KERNELS["softmax"]) == [["rows_max", "elementwise", "rows_sum", "elementwise"]]


@pytest.mark.parametrize("ends", ["X + row_repeat(columns_sum(S), M)", "X + S.T", "X + column_repeat(diag(S * S), M)"])
def test_what_reads_other_rows_does_not(ends: str) -> None:
    head = "function f(X: M x M)\n    R = rows_sum(X)\n    S = X - column_repeat(R, M)\n"
    text = function_kernel(f"{head}    = {ends}\n")
    assert groups(text) == [["rows_sum", "elementwise"]]


def columns_kernels(name: str) -> tuple[KernelText, KernelText]:
    """Forward and gradients of a sparse layer whose examples are columns."""
    module = library()
    found = columns_of_layer(sparse_layer(Lowering(module), module.find(name, "layer")), module)  # type: ignore[arg-type]
    assert found is not None and found[1].gradients is not None
    return printed(found[0]), printed(found[1].gradients)


def test_a_sparse_product_is_followed_by_what_uses_its_rows() -> None:
    forward, gradients = columns_kernels("Activation")
    assert groups(forward) == [["sparse_product", "elementwise", "apply"]]
    assert groups(gradients) == [["apply_gradient", "elementwise", "rows_sum"]]
    assert forward.statements[1].startswith("each_rows<Scalar>(W_pattern, N, ")


def test_an_update_of_stored_entries_stands_beside_the_product_and_in_place() -> None:
    module = library()
    step = sampled_step(Lowering(module), module.find("Nesterov", "optimizer"))  # type: ignore[arg-type]
    assert step is not None
    text = printed(step.function)
    assert groups(text) == [["sampled_product", "elementwise"]]
    assert {n: set(i) for n, i in replaceable(text).items()} == {
        "theta_new": {"theta", "delta"},
        "delta_new": {"theta", "delta"},
    }


def test_examples_that_depend_on_each_other_are_no_columns() -> None:
    """A batch in columns is filled up with examples, which must not change what the others are."""
    text = """layer Centred
    dims   N, D, K
    input  X: N x D
    param  W: K x D sparse
    output Y: N x K

    forward
        Z = X * W.T
        Y = Z - row_repeat(columns_mean(Z), N)

    backward
        DZ = DY - row_repeat(columns_mean(DY), N)
        DW = DZ.T * X
        DX = DZ * W
"""
    module = load_text(text)
    layer = sparse_layer(Lowering(module), module.definitions[0])
    assert columns_of_layer(layer, module) is None
    apart = text.replace(" - row_repeat(columns_mean(Z), N)", "").replace(" - row_repeat(columns_mean(DY), N)", "")
    module = load_text(apart)
    assert columns_of_layer(sparse_layer(Lowering(module), module.definitions[0]), module) is not None
