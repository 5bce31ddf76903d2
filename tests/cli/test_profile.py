"""`eqgen profile`: its table, its JSON, its plots, and what it refuses."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eqgen.algebra.library import library
from eqgen.backends.requirements import Framework
from eqgen.packages import find_backend
from eqgen.profiling import machine
from tests.cli.runner import SCALED, WRONG, Outcome, eqgen

NETWORK = ("--layers", "ReLU;BatchNormalization;Softmax", "--layer-sizes", "9;8;4")
COST = (*NETWORK, "--optimizers", "Nesterov(0.9)", "--loss", "SoftmaxCrossEntropy")
BATCH = 6
OPERATIONS, MEMORY, CACHE = 200e9, 20e9, 100e9


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of round numbers, so that nothing is measured."""
    monkeypatch.setattr(
        machine,
        "machine",
        lambda dtype, threads, renew, progress: machine.Machine(
            "round", threads, dtype, OPERATIONS, MEMORY, CACHE, "hand"
        ),
    )


def profile(*arguments: object) -> Outcome:
    return eqgen("profile", *COST, "--batch-size", BATCH, "--repeats", 3, *arguments)


def test_the_object_adds_up() -> None:
    done = profile("--json")
    assert done.code == 0
    report, equations, step = done.json, done.json["equations"], done.json["step"]
    assert (report["backend"], report["dtype"], report["batch_size"]) == ("numpy", "float32", BATCH)
    assert report["machine"]["processor"] == "round" and report["plot"] is None
    assert math.isclose(sum(e["milliseconds"] for e in equations), step["milliseconds_of_equations"])
    assert math.isclose(sum(e["share_of_equations"] for e in equations), 1)
    assert sum(e["calls"] for e in equations) == step["calls"]
    assert step["repeats"] == 3 and step["milliseconds"] > 0
    assert (
        step["milliseconds_of_train_step"] > 0
        and step["milliseconds_with_timed_calls"] > 0
        and step["milliseconds_to_time_a_call"] > 0
    )
    for e in equations:
        seconds = e["milliseconds"] / 1000
        assert math.isclose(e["flops_per_second"] * seconds, e["flops"])
        assert math.isclose(e["share_of_peak"], e["flops_per_second"] / OPERATIONS)
        least = max(e["flops"] / OPERATIONS, e["bytes_moved_at_least"] / MEMORY)
        assert math.isclose(e["share_of_roof"], least / seconds)
        assert e["bound_by"] == ("memory" if e["intensity"] < OPERATIONS / MEMORY else "operations")
        assert 0 < e["bytes_moved_at_least"] <= e["bytes_moved"]


def test_flops_are_those_of_the_cost_model() -> None:
    report = profile("--json").json
    cost = eqgen("cost", *COST, "--dims", f"N={BATCH}", "--json").json
    assert report["step"]["flops"] == cost["totals"]["step"]["rewritten"]["flops"]["value"]
    for name, part in cost["totals"]["parts"].items():
        own = [e for e in report["equations"] if e["part"] == name]
        assert sum(e["flops"] for e in own) == part["rewritten"]["flops"]["value"], name
        assert sum(e["bytes_moved"] for e in own) == part["rewritten"]["bytes_moved"], name
        assert sum(e["bytes_moved_at_least"] for e in own) == part["rewritten"]["bytes_moved_at_least"], name


SPARSE = (
    "--layers", "ReLU;ReLU;Softmax", "--layer-sizes", "30;20;10;4", "--optimizers", "Nesterov(0.9)",
    "--loss", "SoftmaxCrossEntropy", "--densities", "0.1;0.3;1",
)  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_sparse_layers_count_what_they_store(backend: str) -> None:
    if not find_backend(backend).is_available():
        pytest.skip(f"{backend} cannot run here")
    run = ("profile", *SPARSE, "--batch-size", BATCH, "--repeats", 1, "--backend", backend)
    report = eqgen(*run, "--json").json
    cost = eqgen("cost", *SPARSE, "--dims", f"N={BATCH}", "--json").json
    assert report["densities"] == "0.1;0.3;1" and "overall_density" not in report
    assert report["step"]["flops"] == cost["totals"]["step"]["rewritten"]["flops"]["value"]
    for name, part in cost["totals"]["parts"].items():
        own = [e for e in report["equations"] if e["part"] == name]
        for key in ("bytes_moved", "bytes_moved_at_least"):
            assert sum(e[key] for e in own) == part["rewritten"][key], (name, key)
    assert {(e["layer"], e["name"]) for e in report["equations"] if e["part"] == "forward"} == {
        (1, "Sparse ReLU"), (2, "Sparse ReLU"), (3, "Softmax"),
    }  # fmt: skip
    products = [e for e in report["equations"] if e["equation"] == "DW = DZ.T * X"]
    stored = {1: round(0.1 * 20 * 30), 2: round(0.3 * 10 * 20), 3: 4 * 10}
    assert {e["layer"]: e["flops"] for e in products} == {k: 2 * BATCH * nnz for k, nnz in stored.items()}


def test_densities_are_in_the_heading_and_refused_like_those_of_cost() -> None:
    run = ("profile", *SPARSE[:-2], "--batch-size", BATCH, "--repeats", 1)
    assert "30;20;10;4  overall density 0.2  batch 6" in eqgen(*run, "--overall-density", "0.2").out
    done = eqgen(*run, "--densities", "few", "--json")
    assert done.code == 2 and done.json["diagnostics"][0]["code"] == "E606"
    assert "cannot be given beside" in eqgen(*run, "--densities", "0.1", "--overall-density", "0.2").err


def skeleton(equation: str) -> str:
    """Without the names of matrices."""
    return re.sub(r"\bD?[A-Z]\b|\bDb\b", "_", equation)


def test_equations_stand_where_they_are_said_to_stand() -> None:
    texts = {d.span.source.name.rsplit("/", 1)[-1]: d.span.source.text for d in library().definitions}
    equations = profile("--json").json["equations"]
    for e in equations:
        file, _, line = e["place"].partition(":")
        rest = " ".join(" ".join(texts[file].splitlines()[int(line) - 1 :]).split())
        # What another layer uses has the names that this layer gives it.
        own = "".join((rest if not file.startswith("linear.") else skeleton(rest)).split())
        said = e["equation"] if not file.startswith("linear.") else skeleton(e["equation"])
        assert own.startswith("".join(said.split())), e
    softmax = [(e["part"], e["place"]) for e in equations if e["layer"] == 3 and e["part"] != "optimizer"]
    assert softmax == [
        (part, f"softmax.eq:{line}")
        for part, line in (("forward", 12), ("forward", 13), *(("backward", k) for k in range(16, 20)))
    ]
    order = list(dict.fromkeys((e["layer"], e["part"]) for e in equations))
    assert order == [
        (1, "forward"), (2, "forward"), (2, "update"), (3, "forward"), (None, "loss"), (3, "backward"), (2, "backward"),
        (1, "backward"), (1, "optimizer"), (2, "optimizer"), (3, "optimizer"),
    ]  # fmt: skip
    assert {e["calls"] for e in equations if e["part"] == "optimizer"} == {2}  # for each of two parameters


def test_the_table() -> None:
    done = profile()
    assert done.code == 0
    assert "softmax.eq:16  DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))" in done.out
    assert "layer 2 BatchNormalization, update" in done.out and "SoftmaxCrossEntropy, loss" in done.out
    assert "200 GFLOP/s, memory 20.0 GB/s, cache 100 GB/s, measured by hand" in done.out
    for text in (
        "equations, one by one",
        "step with timed calls",
        "step by its four parts",
        "train_step",
        "equations / four parts",
    ):
        assert text in done.out


def test_definitions_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "scaled.eq"
    file.write_text(SCALED)
    run = ("profile", file, "--layers", "Scaled;Linear", "--layer-sizes", "5;4", "--repeats", 1, "--json")
    done = eqgen(*run)
    assert done.code == 0
    own = [e for e in done.json["equations"] if e["place"].startswith("scaled.eq:")]
    assert [(e["name"], e["part"], e["place"]) for e in own] == [
        ("Scaled", "forward", "scaled.eq:8"),
        ("Scaled", "backward", "scaled.eq:11"),
        ("Scaled", "backward", "scaled.eq:12"),
    ]
    file.write_text(WRONG)
    refused = eqgen(*run)
    assert refused.code == 1 and refused.json["diagnostics"][0]["code"] == "E401"


def test_indices_and_no_optimizer_state() -> None:
    done = eqgen(
        "profile", "--layers", "Embedding;Linear", "--layer-sizes", "11;4;3", "--optimizers", "GradientDescent",
        "--dtype", "float64", "--repeats", 1, "--json",
    )  # fmt: skip
    assert done.code == 0
    assert {e["name"] for e in done.json["equations"]} == {"Embedding", "Linear", "SoftmaxCrossEntropy"}


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_plots(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"roof{ending}"
    done = profile("--plot", path, "--json")
    assert done.code == 0 and done.json["plot"] == str(path)
    content = path.read_bytes()
    if ending == ".png":
        assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
        return
    texts = [
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(content).iter()
        if element.tag.endswith("}text")
    ]
    numbered = [str(k) for k, e in enumerate(done.json["equations"], 1) if e["flops"]]
    assert set(numbered) <= set(texts)
    assert {"FLOPs a byte", "GFLOP/s", "forward", "update", "loss", "backward", "optimizer"} <= set(texts)
    assert {"memory 20 GB/s", "cache 100 GB/s", "peak 200 GFLOP/s"} <= set(texts)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--layers", "ReLUU;Linear"), "E606"),
        (("--layers", "ReLU;ReLU;ReLU"), "E607"),
        (("--layer-sizes", "9;x;4"), "E607"),
        (("--optimizers", "Nesterof"), "E606"),
        (("--loss", "Cross"), "E606"),
        (("--backend", "numpi"), "E509"),
        (("--plot", "no/such/folder/x.svg"), "E505"),
        (("missing.eq",), ""),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], code: str) -> None:
    done = profile(*arguments, "--json")
    assert done.code == 2
    found = done.json["diagnostics"][0]["code"]
    assert found == code or (not code and found.startswith("E"))


@pytest.mark.parametrize(
    "arguments", [("--plot", "x.pdf"), ("--repeats", "0"), ("--batch-size", "0"), ("--dtype", "int8")]
)
def test_options_that_cannot_be_read(arguments: tuple[str, ...]) -> None:
    done = profile(*arguments)
    assert done.code == 2 and arguments[0] in done.err


def test_a_framework_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Framework, "found", False)
    done = profile("--backend", "torch", "--json")
    assert done.code == 2
    (diagnostic,) = done.json["diagnostics"]
    assert diagnostic["code"] == "E507" and "eqgen[torch]" in diagnostic["message"]
    done = profile("--plot", "x.svg", "--json")
    (diagnostic,) = done.json["diagnostics"]
    assert done.code == 2 and diagnostic["code"] == "E507" and "eqgen[plot]" in diagnostic["hint"]
    assert not Path("x.svg").exists()
