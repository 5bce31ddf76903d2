"""`eqgen derive`: equations to paste, from files and from the library."""

from __future__ import annotations

from pathlib import Path

import pytest

import eqgen as api
from eqgen.algebra.prover import prove_definition
from tests.cli.runner import eqgen

LAYER = """\
layer Scaled
    dims   N, D
    input  X: N x D
    param  s: 1 x D = 1
    output Y: N x D

    forward
        Y = hadamard(X, row_repeat(s, N))
"""
BLOCK = """\
    backward
        Ds = columns_sum(hadamard(DY, X))
        DX = hadamard(DY, row_repeat(s, N))
"""
OTHERS = """
activation Swish
    f(x) = x * sigmoid(x)

loss Half
    dims   N, K
    input  Y: N x K
    target T: N x K
    L = elements_sum(square(Y - T)) / 2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scaled.eq"
    path.write_text(LAYER + OTHERS)
    return path


def test_what_is_printed_can_be_pasted(file: Path) -> None:
    done = eqgen("derive", file, "Scaled")
    assert done.code == 0 and done.err == ""
    assert done.out == f"# layer Scaled (scaled.eq:1): 4 operations\n# proved (all sizes)\n{BLOCK}"
    pasted = api.loads(f"{LAYER}\n{done.out}")["Scaled"]
    assert [r.verdict for r in prove_definition(pasted.typed, pasted.module)] == ["proved"] * 2


def test_all_of_a_file(file: Path) -> None:
    done = eqgen("derive", file)
    assert [line for line in done.out.splitlines() if line.startswith("    ") and "=" in line][2:] == [
        "    f'(x) = sigmoid(x) * (1 - f(x)) + f(x)",
        "    DY = Y - T",
    ]


def test_names_of_the_library() -> None:
    done = eqgen("derive", "Linear", "SReLU")
    heads = [line for line in done.out.splitlines() if line.startswith("# ") and "operation" in line]
    assert heads == [
        "# layer Linear (linear.eq:1): 4 operations, as written 4",
        "# activation SReLU (srelu.eq:1): 4 operations, as written 4",
        "# layer SReLU (srelu.eq:1): 30 operations, as written 30",
    ]


def test_steps_are_comments(file: Path) -> None:
    done = eqgen("derive", file, "Scaled", "--steps")
    assert "# adjoint of row_repeat\n#     Ds = columns_sum(D(row_repeat(s, N)))\n" in done.out
    assert api.loads(f"{LAYER}\n{done.out}")["Scaled"].check("proof").verdict == "proved"


def test_json(file: Path) -> None:
    done = eqgen("derive", file, "--json")
    layer, activation, loss = done.json["definitions"]
    assert (layer["kind"], layer["operations"], layer["written_operations"]) == ("layer", 4, None)
    assert layer["text"] + "\n" == BLOCK
    assert [e["target"] for e in layer["equations"]] == ["Ds", "DX"]
    assert layer["verdicts"] == {"Ds": "proved", "DX": "proved"}
    assert {"target", "relation", "value", "rule"} == set(layer["steps"][0])
    assert activation["equations"] == [{"target": "f'", "value": "sigmoid(x) * (1 - f(x)) + f(x)"}]
    assert loss["verdicts"] == {"DY": "proved"}


def test_unknown_names() -> None:
    done = eqgen("derive", "Softmx")
    assert done.code == 2 and "did you mean" in done.err
    assert eqgen("derive", "Momentum").code == 2


def test_what_has_no_gradient(tmp_path: Path) -> None:
    path = tmp_path / "bad.eq"
    path.write_text(LAYER.replace("layer Scaled", "layer Scaled(act)").replace("Y = ", "Y = act'(X) + "))
    done = eqgen("derive", path)
    assert done.code == 2 and "E301" in done.err and "act' has no derivative" in done.err
    assert eqgen("derive", path, "--json").json["diagnostics"][0]["code"] == "E301"


def test_from_python(file: Path) -> None:
    derived = api.load(file)["Scaled"].derive()
    assert f"{derived}\n" == BLOCK
    assert derived.equations == {"Ds": "columns_sum(hadamard(DY, X))", "DX": "hadamard(DY, row_repeat(s, N))"}
    assert derived.steps and derived.operations == 4
    assert [r.verdict for r in derived.check()] == ["proved"] * 2
    assert r"\begin{aligned}" in derived.latex() and "DX" in derived.latex()
    with pytest.raises(ValueError, match="nothing is derived"):
        api.library()["Momentum"].derive()


def test_a_derivative_from_python(file: Path) -> None:
    derived = api.load(file)["Swish"].derive()
    assert [r.verdict for r in derived.check()] == ["proved"]


def test_hessian_vector_products(file: Path) -> None:
    done = eqgen("derive", file, "--hvp")
    assert done.code == 0 and done.err == ""
    assert "# proved (all sizes)\n    r_forward\n        RY = " in done.out
    assert "\n    r_backward\n        RDs = " in done.out
    assert done.out.endswith("# loss Half (scaled.eq:13): 0 operations\n# proved (all sizes)\n    RDY = RY\n")
    assert "\n    f''(x) = " in done.out


def test_steps_and_json_of_hessian_vector_products() -> None:
    done = eqgen("derive", "Linear", "--hvp", "--steps")
    assert "# tangent of matmul\n#     R(X * W.T) = RX * W.T + X * R(W.T)\n" in done.out
    (linear,) = eqgen("derive", "Linear", "--hvp", "--json").json["definitions"]
    assert linear["equations"][0] == {
        "block": "r_forward",
        "target": "RY",
        "value": "RX * W.T + X * RW.T + row_repeat(Rb, N)",
    }
    assert set(linear["verdicts"].values()) == {"proved"} and set(linear["verdicts"]) == {"RY", "RDW", "RDb", "RDX"}


def test_a_layer_without_hessian_vector_products_says_why(tmp_path: Path) -> None:
    path = tmp_path / "taken.eq"
    path.write_text(LAYER.replace("Y = hadamard(X,", "RX = square(X)\n        Y = hadamard(RX,"))
    done = eqgen("derive", path, "--hvp")
    assert done.code == 2 and "E301" in done.err and "would be called `RX`, which is taken: rename it" in done.err


def test_hessian_vector_products_from_python() -> None:
    derived = api.library()["Softmax"].derive(hvp=True)
    assert derived.blocks["r_backward"]["RDb"] == "columns_sum(RDZ)"
    assert f"{derived}\n" in eqgen("derive", "Softmax", "--hvp").out
    assert {r.verdict for r in derived.check()} == {"proved"}
    assert r"\begin{aligned}" in derived.latex() and "RDZ" in derived.latex()
