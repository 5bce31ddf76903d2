"""`eqgen cost`: what it prints, its JSON, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import SCALED, eqgen

NETWORK = ("cost", "--layers", "ReLU;ReLU;Linear", "--layer-sizes", "3072;1024;512;10")
WORK_KEYS = {
    "flops",
    "flops_in_products",
    "entries_written",
    "entries_moved",
    "entries_moved_at_least",
    "indices_moved",
    "indices_moved_at_least",
    "largest_temporaries",
    "bytes_moved",
    "bytes_moved_at_least",
    "intensity",
    "intensity_at_most",
}


def test_formulas() -> None:
    done = eqgen("cost", "Softmax", "--json")
    assert done.code == 0
    report = done.json
    assert (report["kind"], report["name"], report["sizes"]) == ("layer", "Softmax", ["N", "D", "K"])
    assert report["dims"] == {} and report["dtype"] == "float32"
    parts = {part["name"]: part for part in report["parts"]}
    assert list(parts) == ["forward", "backward", "optimizer"]
    assert set(parts["backward"]["written"]) == WORK_KEYS
    dz = parts["backward"]["statements"][0]
    assert dz["target"] == "DZ" and dz["place"].startswith("softmax.eq:")
    assert dz["written"]["flops"] == {"text": "2 N^2 K + 2 N K", "latex": "2 N^{2} K + 2 N K", "value": None}
    assert dz["rewritten"]["flops"]["text"] == "4 N K"
    assert [a["text"] for a in dz["written"]["largest_temporaries"]] == ["N^2", "N K"]
    assert [a["text"] for a in dz["rewritten"]["largest_temporaries"]] == ["N K"]
    assert dz["rewrites"] == ["diag(A * B.T) = rows_sum(hadamard(A, B))"]
    assert report["totals"]["backward_by_forward"] == "2 for large sizes"
    assert report["totals"]["storage"]["activation"]["entries"]["text"] == "N D + N K"


def test_numbers() -> None:
    dims = {"N": 100, "D": 3072, "K": 1024}
    text = ",".join(f"{name}={value}" for name, value in dims.items())
    double, half = (
        eqgen("cost", "Linear", "--dims", text, "--dtype", t, "--json").json for t in ("float64", "bfloat16")
    )
    assert double["dims"] == dims
    for report, itemsize in ((double, 8), (half, 2)):
        parts = report["totals"]["parts"]
        forward = parts["forward"]["rewritten"]
        assert forward["flops"]["value"] == 2 * 100 * 3072 * 1024 + 100 * 1024
        moved = 100 * 3072 + 1024 * 3072 + 1024 + 3 * 100 * 1024
        assert forward["bytes_moved"] == itemsize * moved
        assert forward["intensity"] == forward["flops"]["value"] / forward["bytes_moved"]
        assert forward["intensity"] <= forward["intensity_at_most"]
        storage = report["totals"]["storage"]
        assert storage["parameter"]["bytes"] == storage["gradient"]["bytes"] == itemsize * (1024 * 3072 + 1024)
        assert storage["activation"]["bytes"] == itemsize * 100 * 3072
        assert storage["optimizer"]["bytes"] == 0
    step = sum(p["rewritten"]["flops"]["value"] for p in double["totals"]["parts"].values())
    assert double["totals"]["step"]["rewritten"]["flops"]["value"] == step


def test_indices_take_eight_bytes() -> None:
    stored = eqgen("cost", "Embedding", "--dims", "N=10,V=7,D=3", "--dtype", "float16", "--json").json["totals"][
        "stored"
    ]
    assert {s["name"]: s["bytes"] for s in stored} == {"E": 42, "DE": 42, "X": 80}


def test_optimizers_have_states() -> None:
    report = eqgen("cost", "Linear", "--optimizers", "WeightDecay(0.1) | Adam", "--json").json
    (part,) = (p for p in report["parts"] if p["name"] == "optimizer")
    assert part["rewritten"]["flops"]["text"] == "16 D K + 16 K"
    assert report["totals"]["storage"]["optimizer"]["entries"]["text"] == "2 D K + 2 K"


def test_a_chosen_activation_counts_what_it_does() -> None:
    open_, chosen = (eqgen("cost", name, "--json").json for name in ("Activation", "Activation(SiLU)"))
    flops = [r["totals"]["parts"]["backward"]["rewritten"]["flops"]["text"] for r in (open_, chosen)]
    assert flops == ["4 N D K + 3 N K", "4 N D K + 8 N K"]
    assert any("not chosen" in note for note in open_["notes"])
    assert not any("not chosen" in note for note in chosen["notes"])


def test_a_network() -> None:
    report = eqgen(*NETWORK, "--loss", "SoftmaxCrossEntropy", "--dims", "N=100", "--json").json
    assert report["kind"] == "network"
    assert [layer["bindings"] for layer in report["layers"]] == [
        {"N": "N", "D": d, "K": k} for d, k in ((3072, 1024), (1024, 512), (512, 10))
    ]
    totals = report["totals"]
    assert list(totals["parts"]) == ["forward", "loss", "backward", "optimizer"]
    products = totals["step"]["rewritten"]["flops_in_products"]["value"]
    unread = totals["flops_for_the_gradient_of_the_input"]["value"]
    assert products - unread == 1_575_936_000 and unread == 2 * 100 * 3072 * 1024
    weights = 3072 * 1024 + 1024 * 512 + 512 * 10
    assert totals["storage"]["parameter"]["entries"]["value"] == weights + 1024 + 512 + 10
    # The output of a layer and the input of the next are one matrix.
    kept = {s["name"] for s in totals["stored"] if s["role"] == "activation"}
    assert kept == {"1.X", "1.Z", "2.X", "2.Z", "3.X"}


def test_a_network_without_numbers_is_a_formula_in_the_batch_size() -> None:
    report = eqgen(*NETWORK, "--json").json
    expected = f"{2 * (3072 * 1024 + 1024 * 512 + 512 * 10)} N"
    assert report["totals"]["parts"]["forward"]["rewritten"]["flops_in_products"]["text"] == expected
    assert report["loss"] is None


def test_definitions_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "scaled.eq"
    file.write_text(SCALED)
    report = eqgen("cost", "Scaled", file, "--json").json
    assert report["totals"]["parts"]["forward"]["rewritten"]["flops"]["text"] == "N D"
    network = eqgen("cost", file, "--layers", "Scaled;Linear", "--layer-sizes", "8;3", "--json").json
    assert [layer["bindings"] for layer in network["layers"]] == [{"N": "N", "D": 8}, {"N": "N", "D": 8, "K": 3}]


@pytest.mark.parametrize("name", ["softmax", "CrossEntropy", "Adam", "activation SReLU", "SReLU", "Tanh"])
def test_people_see_tables(name: str) -> None:
    done = eqgen("cost", name)
    assert done.code == 0
    assert "FLOPs as written" in done.out and "* A product of m x n" in done.out


def test_people_see_numbers_beside_formulas() -> None:
    done = eqgen("cost", "Softmax", "--dims", "N=100,D=3072,K=1024")
    assert "2 N^2 K + 2 N K" in done.out and "20.68 M" in done.out
    assert "Backward / forward is 1.999, in the products alone 2." in done.out
    assert "629,145,600 FLOPs. Without it backward / forward is 0.9998." in done.out


def test_latex() -> None:
    done = eqgen("cost", "Softmax", "--latex")
    assert r"\texttt{Db = columns\_sum(DZ)} & $N K$ & $N K$ \\" in done.out
    assert "$2 N^{2} K + 2 N K$" in done.out
    assert done.out.count(r"\begin{tabular}") == done.out.count(r"\end{tabular}") == 1
    assert eqgen(*NETWORK, "--latex").out.count(r"\begin{tabular}") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Sofmax",), "did you mean Softmax?"),
        (("Xavier",), "there is no layer, activation, function, loss or optimizer 'Xavier'"),
        (("Activation(Tan)",), "did you mean Tanh?"),
        (("Activation(0.5)",), "act is 0.5, expected an activation"),
        (("Linear(1)",), "write Linear without arguments"),
        (("LinearDropout(q=1)",), "write LinearDropout(p)"),
        (("Softmax(",), "expected"),
        (("Linear", "--optimizers", "WeightDecay(0.1)"), "must update the parameter"),
        (("Linear", "--optimizers", "Adam | Adam"), "must update the parameter"),
        (("--layers", "ReLU;Linear", "--layer-sizes", "3;4"), "expected 3 sizes, found 2"),
        (("--layers", "ReLU", "--layer-sizes", "3;x"), "whole numbers"),
        (("--layers", "ReLU;Linear", "--layer-sizes", "3;4;5", "--optimizers", "Adam;Adam;Adam"), "expected 1 or 2"),
        (("Tanh", "--optimizers", "Adam"), "activation Tanh has no parameters to update"),
        (("--layers", "Foo", "--layer-sizes", "3;4"), "there is no layer or activation 'Foo'"),
    ],
)
def test_refusals(arguments: tuple[str, ...], message: str) -> None:
    done = eqgen("cost", *arguments)
    assert done.code == 2 and message in done.err
    assert message in eqgen("cost", *arguments, "--json").err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected one NAME"),
        (("Linear", "Softmax"), "expected one NAME"),
        (("Linear", "--dims", "N=1"), "missing D, K"),
        (("Linear", "--dims", "N=1,D=2,K=3,Q=4"), "there is no size Q"),
        (("Linear", "--dims", "N=0,D=2,K=3"), "found 'N=0'"),
        (("Linear", "--dims", "N=1,N=2"), "found 'N=2'"),
        (("Linear", "--layers", "Linear", "--layer-sizes", "2;3"), "expected one NAME"),
        (("--layers", "Linear"), "belong together"),
        (("Linear", "--loss", "SquaredError"), "a layer has no loss"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], message: str) -> None:
    done = eqgen("cost", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())
