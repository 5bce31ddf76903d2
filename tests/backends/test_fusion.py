"""Loops of kernels: what becomes one loop, what is stored, and what never is."""

from __future__ import annotations

import itertools
import re

import pytest

from eqgen.algebra.library import library, load_text
from eqgen.backends.cpp import ENTRIES, STATEMENTS
from eqgen.backends.in_place import replaceable, split_statements
from eqgen.backends.kernels import kernel
from eqgen.backends.native import KernelText
from eqgen.optimize.lower import Lowering
from eqgen.optimize.products import product_step
from eqgen.optimize.program import Function


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


def heads(text: KernelText) -> list[str]:
    return [statement.partition("(")[0] for statement in split_statements(text.statements)]


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
    statements = list(split_statements(KERNELS[name].statements))
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
