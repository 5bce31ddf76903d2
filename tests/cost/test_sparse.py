"""Costs of layers over stored entries: against loops that count what they do, and against what packages store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Apply, Dim, Symbol
from eqgen.algebra.library import library
from eqgen.algebra.polynomial import size
from eqgen.optimize.cost_report import DefinitionCost, Reporter
from eqgen.optimize.lower import Lowering
from eqgen.optimize.program_cost import WorkCounter, named_sizes
from eqgen.optimize.storage import INSTRUCTIONS, sparse_layer, sparse_variant
from eqgen.packages import find_backend, import_package
from tests.cli.runner import eqgen
from tests.cost.counting import Run

N, D, K = 3, 4, 5
POSITIONS = ((0, 1), (0, 3), (1, 0), (2, 2), (3, 1), (3, 2), (4, 0))
"""Of the stored entries of a K x D matrix; no row and no column is empty."""
NNZ = len(POSITIONS)
NUMBERS = {"N": N, "D": D, "K": K, "nnz": NNZ, "M": N}
LAYERS = [pytest.param(d, id=d.name) for d in library().of_kind("layer") if sparse_variant(d) is not None]
NETWORK = ("--layers", "ReLU;ReLU;Linear", "--layer-sizes", "3072;1024;512;10")


@cache
def lowering() -> Lowering:
    return Lowering(library())


def chosen(definition: TypedDefinition) -> dict[str, TypedDefinition]:
    activation = library().find("SiLU", "activation")
    assert activation is not None
    return dict.fromkeys(definition.activations, activation)


def report(definition: TypedDefinition, optimizer: str = "Nesterov") -> DefinitionCost:
    found = library().find(optimizer, "optimizer")
    assert found is not None
    return Reporter(lowering()).report(definition, chosen(definition), (found,), sparse=True)


@pytest.mark.parametrize("definition", LAYERS)
def test_operations_are_those_of_loops(definition: TypedDefinition) -> None:
    layer, cost = sparse_layer(lowering(), definition), report(definition)
    numbers = [n.name for n in definition.numbers]
    for name, function in (("forward", layer.forward), ("backward", layer.backward)):
        sizes = NUMBERS | {f"{v}_entries": NNZ for v in layer.sparse}
        patterns = {f"{v}_pattern": POSITIONS for v in layer.sparse}
        run = Run(lowering(), sizes, chosen(definition), rewritten=True, patterns=patterns)
        run.steps(function.steps, {}, numbers)
        assert cost.part(name).rewritten.flops.value(NUMBERS) == run.count, name
        dense = cost.dense
        assert dense is not None
        saved = dense.part(name).rewritten.flops - cost.part(name).rewritten.flops
        # Of 2 N D K operations of each product 2 N nnz are left, and nothing else changes.
        products = sum(n.op in INSTRUCTIONS for s in function.steps for n in _applied(s.value))
        assert products and saved == 2 * products * size("N") * (size("D") * size("K") - size("nnz"))


def _applied(node: Any) -> list[Apply]:
    if not isinstance(node, Apply):
        return []
    return [node, *(inner for a in node.args for inner in _applied(a))]


class Logged:
    """An array that remembers which of its entries were read."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)
        self.read: set[Any] = set()

    def __getitem__(self, position: Any) -> Any:
        self.read.add(position)
        return self.array[position]


@pytest.mark.parametrize("op", INSTRUCTIONS)
def test_what_a_product_reads_and_writes(op: str) -> None:
    """Compressed rows, gone through entry by entry; the result is that of dense matrices."""
    rng = np.random.default_rng(1)
    counts = np.bincount([k for k, _ in POSITIONS], minlength=K)
    pointers, columns = Logged([0, *np.cumsum(counts)]), Logged([d for _, d in POSITIONS])
    values = Logged(rng.normal(size=NNZ))
    left, right = Logged(rng.normal(size=(K, N))), Logged(rng.normal(size=(D, N)))
    S = np.zeros((K, D))
    S[tuple(zip(*POSITIONS, strict=True))] = values.array
    result = np.zeros({"sparse_product": (K, N), "sparse_transposed_product": (D, N), "sampled_product": (1, NNZ)}[op])
    operations = 0
    for k in range(K):
        for e in range(pointers[k], pointers[k + 1]):
            for n in range(N):
                match op:
                    case "sparse_product":
                        result[k, n] += values[e] * right[columns[e], n]
                    case "sparse_transposed_product":
                        result[columns[e], n] += values[e] * left[k, n]
                    case _:
                        result[0, e] += left[k, n] * right[columns[e], n]
                operations += 2
    full = {
        "sparse_product": S @ right.array,
        "sparse_transposed_product": S.T @ left.array,
        "sampled_product": (left.array @ right.array.T)[tuple(zip(*POSITIONS, strict=True))][None],
    }[op]
    np.testing.assert_allclose(result, full, rtol=1e-12)

    pattern, stored = Symbol(("K", "D"), "W_pattern"), Symbol((1, "nnz"), "W")
    A, B = Symbol(("K", "N"), "A"), Symbol(("D", "N"), "B")
    shapes: dict[str, tuple[tuple[Dim, Dim], tuple[Symbol, ...]]] = {
        "sparse_product": (("K", "N"), (stored, pattern, B)),
        "sparse_transposed_product": (("D", "N"), (stored, pattern, A)),
        "sampled_product": ((1, "nnz"), (A, B, pattern)),
    }
    node = Apply(shapes[op][0], op, shapes[op][1])
    work = WorkCounter(lowering(), {}, rewritten=True).expression(node, named_sizes, ())
    assert work.flops == work.products and work.flops.value(NUMBERS) == operations
    read = sum(len(x.read) for x in (values, left, right))
    assert work.traffic.value(NUMBERS) == read + result.size
    assert work.indices.value(NUMBERS) == len(pointers.read) + len(columns.read)


def test_formulas_of_a_linear_layer() -> None:
    linear = library().find("Linear", "layer")
    assert linear is not None
    cost = report(linear)
    forward, backward = cost.part("forward").rewritten, cost.part("backward").rewritten
    assert cost.sizes == ("N", "nnz", "D", "K")
    assert forward.flops.text(cost.sizes) == "2 N nnz + N K" and backward.products.text(cost.sizes) == "4 N nnz"
    assert forward.indices.text(cost.sizes) == forward.least_indices.text(cost.sizes) == "nnz + K + 1"
    assert forward.least.text(cost.sizes) == "N D + N K + nnz + K"
    stored = {(s.role, s.name): s.entries.text(cost.sizes) for s in cost.stored}
    assert stored["parameter", "W"] == stored["gradient", "DW"] == stored["optimizer", "delta of W"] == "nnz"
    assert stored["pattern", "pattern of W"] == "nnz + K + 1" and stored["parameter", "b"] == "K"
    code = [c for s in cost.part("backward").statements for c in s.code]
    assert "DW = sampled_product(DY.T, X.T, W_pattern)" in code


# --- beside packages ---------------------------------------------------------------------------------------


def perceptron(p: Any, layers: str, sizes: Sequence[int], dtype: str, **keywords: Any) -> Any:
    text = ";".join(map(str, sizes))
    return p.sparse_multilayer_perceptron(layers, text, "Xavier", "Nesterov(0.9)", dtype=dtype, seed=1, **keywords)


@pytest.mark.parametrize(
    ("layers", "sizes", "option", "value"),
    [
        ("ReLU;ReLU;Linear", (37, 29, 17, 5), "densities", "0.1;0.25;1"),
        ("ReLU;SReLU;Softmax", (37, 29, 17, 5), "densities", "0.013"),
        ("ReLU;ReLU;Linear", (3072, 256, 64, 10), "overall_density", 0.01),
        ("Tanh;BatchNormalization;Linear", (40, 30, 7), "overall_density", 0.2),
        ("Linear;Linear", (40, 3, 2), "overall_density", 0.9),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_storage_is_what_a_package_stores(
    layers: str, sizes: tuple[int, ...], option: str, value: Any, dtype: str
) -> None:
    p = import_package([], find_backend("numpy"))
    M = perceptron(p, layers, sizes, dtype, **{option: value})
    done = eqgen(
        "cost", "--layers", layers, "--layer-sizes", ";".join(map(str, sizes)), "--optimizers", "Nesterov(0.9)",
        f"--{option.replace('_', '-')}", value, "--dtype", dtype, "--json",
    )  # fmt: skip
    assert done.code == 0
    stored = {s["name"]: s["bytes"] for s in done.json["totals"]["stored"] if s["role"] != "activation"}
    expected: dict[str, int] = {}
    for k, layer in enumerate(M.layers, 1):
        for name in layer.PARAMETERS:
            W, DW = getattr(layer, name), getattr(layer, f"D{name}")
            if isinstance(W, p.SparseMatrix):
                pattern = W.pattern
                expected[f"{k}.pattern of {name}"] = pattern.row_pointers.nbytes + pattern.column_numbers.nbytes
                W, DW = W.values, DW.values
            expected[f"{k}.{name}"], expected[f"{k}.D{name}"] = W.nbytes, DW.nbytes
            expected[f"{k}.delta of {name}"] = W.nbytes
        expected |= {f"{k}.{name}": getattr(layer, name).nbytes for name in layer.STATES}
    assert stored == expected
    assert ("share_of_dense" in done.json["totals"]) == any("pattern" in name for name in expected)


def test_a_network_beside_the_dense_one() -> None:
    report = eqgen("cost", *NETWORK, "--densities", "0.01;0.05;1", "--dims", "N=100", "--json").json
    dense = eqgen("cost", *NETWORK, "--dims", "N=100", "--json").json
    assert [layer["name"] for layer in report["layers"]] == ["Sparse ReLU", "Sparse ReLU", "Linear"]
    entries = [layer["bindings"].get("nnz") for layer in report["layers"]]
    assert entries == [round(0.01 * 3072 * 1024), round(0.05 * 1024 * 512), None]
    totals, full = report["totals"], dense["totals"]
    assert totals["dense"] == full and "dense" not in full
    assert report["layers"][2] == dense["layers"][2]
    parts = [(own, other) for own, other in zip(report["layers"][0]["parts"], dense["layers"][0]["parts"], strict=True)]
    for own, other in parts:
        assert own["dense"] == other["rewritten"]
        assert own["name"] == "optimizer" or own["written"] == other["written"]
    products = totals["step"]["rewritten"]["flops_in_products"]["value"]
    assert products == 3 * 2 * 100 * (entries[0] + entries[1] + 512 * 10)
    step, whole = (t["step"]["rewritten"] for t in (totals, full))
    assert totals["share_of_dense"]["flops"] == step["flops"]["value"] / whole["flops"]["value"]
    assert totals["share_of_dense"]["bytes_moved"] == step["bytes_moved"] / whole["bytes_moved"]
    assert any("of one over dense weights" in note for note in report["notes"])


def test_bytes_of_entries_and_of_indices() -> None:
    dims = "N=3,D=4,K=5,nnz=7"
    for dtype, itemsize in (("float64", 8), ("bfloat16", 2)):
        report = eqgen("cost", "SparseLinear", "--dims", dims, "--dtype", dtype, "--json").json
        forward = report["totals"]["parts"]["forward"]["rewritten"]
        assert forward["indices_moved"]["value"] == 7 + 5 + 1
        assert forward["bytes_moved"] == itemsize * forward["entries_moved"]["value"] + 4 * 13
        assert report["totals"]["storage"]["pattern"]["bytes"] == 4 * 13
    wide = eqgen("cost", "SparseLinear", "--dims", "N=1,D=100000,K=100000,nnz=2147483648", "--json").json
    assert wide["totals"]["storage"]["pattern"]["bytes"] == 8 * (2147483648 + 100000 + 1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SparseLinear", ("--densities", "0.25")),
        ("Linear", ("--densities", "0.25")),
        ("Linear", ("--overall-density", "0.25")),
        ("SparseLinear(density=0.25)", ()),
        ("layer SparseLinear", ("--overall-density", "0.25")),
    ],
)
def test_ways_to_say_it(name: str, options: tuple[str, ...]) -> None:
    report = eqgen("cost", name, *options, "--dims", "N=3,D=40,K=50", "--json").json
    assert report["dims"] == {"N": 3, "D": 40, "K": 50, "nnz": 500}
    assert report["totals"]["parts"]["forward"]["rewritten"]["flops_in_products"]["value"] == 2 * 3 * 500


def test_all_entries_are_still_sparse_where_the_name_says_so() -> None:
    report = eqgen("cost", "SparseLinear", "--densities", 1, "--dims", "N=3,D=4,K=5", "--json").json
    assert report["dims"]["nnz"] == 20 and report["totals"]["storage"]["pattern"]["entries"]["value"] == 26
    dense = eqgen("cost", "Linear", "--densities", 1, "--dims", "N=3,D=4,K=5", "--json").json
    assert dense == eqgen("cost", "Linear", "--dims", "N=3,D=4,K=5", "--json").json


def test_people_see_both() -> None:
    done = eqgen("cost", "SparseActivation(ReLU)", "--densities", "0.01", "--dims", "N=100,D=3072,K=1024")
    assert done.code == 0
    assert "FLOPs dense" in done.out and "2 N nnz + N K" in done.out and "nnz = 31457" in done.out
    assert "N D + 3 N K + nnz + K, nnz + K + 1 indices" in done.out and "pattern of W" in done.out
    assert "2 N nnz + N K" in eqgen("cost", *NETWORK, "--overall-density", "0.1").out
    latex = eqgen("cost", "SparseLinear", "--latex").out
    assert "FLOPs dense & FLOPs sparse" in latex and r"$2 N \mathit{nnz}$" in latex


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("BatchNormalization", "--densities", "0.5"), "BatchNormalization has no sparse form"),
        (("SparseBatchNormalization",), "there is no layer"),
        (("SparseLinear(density=2)",), "density is 2.0, expected a number from 0 to 1"),
        (("SparseLinear(density=ReLU)",), "density is ReLU, expected a number"),
        (("SparseLinear(density=0.1)", "--densities", "0.1"), "has no sparse form"),
        (("Tanh", "--densities", "0.5"), "Tanh has no weights"),
        (("Linear", "--densities", "few"), "expected numbers such as"),
        (("Linear", "--densities", "1.5"), "density is 1.5"),
        ((*NETWORK, "--densities", "0.1;0.2"), "expected 1 or 3"),
    ],
)
def test_refusals(arguments: tuple[str, ...], message: str) -> None:
    done = eqgen("cost", *arguments)
    assert done.code == 2 and message in done.err and "E606" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SparseLinear", "--dims", "N=1,D=2,K=3"), "missing nnz"),
        (("Linear", "--dims", "N=1,D=2,K=3,nnz=4"), "there is no size nnz"),
        (("Linear", "--densities", "0.1", "--dims", "N=1,D=20,K=3,nnz=4"), "nnz follows from the density"),
        (("Linear", "--densities", "0.1", "--overall-density", "0.1"), "cannot be given beside --densities"),
        (("Linear", "--overall-density", "1.5"), "less than or equal to 1"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], message: str) -> None:
    done = eqgen("cost", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())
