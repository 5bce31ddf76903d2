"""`eqgen test --accuracy`: what it prints, its exit codes, what it refuses; and that it finds what loses digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import eqgen

MEASURES = {"ulp_of_value", "value_case", "ulp_of_scale", "scale_case", "of_bound", "bound_case"}
COMMAND = ("test", "--accuracy", "--backend", "numpy", "--dtype", "float32")
NAIVE = """activation NaiveSoftplus
    f(x)  = log(1 + exp(x))
    f'(x) = sigmoid(x)
"""


def test_json() -> None:
    """One object for every quantity of what is chosen; values that follow from the activations' definitions."""
    done = eqgen(*COMMAND, "--definition", "GELU,activation Tanh", "--json")
    assert done.code == 0 and done.json["passed"] is True
    measurements = done.json["measurements"]
    assert {m["definition"] for m in measurements} == {"GELU", "Tanh"}
    for m in measurements:
        assert m.keys() >= MEASURES | {"kind", "quantity", "entries", "message"}
        assert (m["kind"], m["backend"], m["dtype"]) == ("activation", "numpy", "float32")
        assert m["passed"] and m["entries"] > 100 and 0 < m["of_bound"] <= 1
        assert 0 < m["ulp_of_scale"] < 10, "no digits are lost, neither in GELU's tail nor in that of tanh'"
        assert m["ulp_of_value"] >= m["ulp_of_scale"]


def test_a_table() -> None:
    done = eqgen(*COMMAND, "--definition", "Softplus", "--seed", "3")
    assert done.code == 0
    assert all(part in done.out for part in ("worst error in u.l.p.", "float32", "activation Softplus", "passed"))
    assert ", 0 quantities above their bound" in done.out and "float64" not in done.out


def test_what_loses_digits_ends_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built as it is written: log(1 + exp(x)) overflows. The bound stays that of the stable form."""
    path = tmp_path / "naive.eq"
    path.write_text(NAIVE, encoding="utf-8")
    assert eqgen(*COMMAND, path).code == 0
    monkeypatch.setattr("eqgen.optimize.lower.rules_for", lambda definition: ())
    done = eqgen(*COMMAND, path)
    assert done.code == 1 and "FAILED" in done.out
    assert "activation NaiveSoftplus" in done.err + done.out and "is inf, expected" in done.err + done.out
    (failed,) = [m for m in eqgen(*COMMAND, path, "--json").json["measurements"] if not m["passed"]]
    assert failed["of_bound"] is None and failed["quantity"] == "f", "infinity is null"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--definition", "Nonsense"), "there is no definition `Nonsense`"),
        (("--dtype", "float16"), "there is no dtype float16; there are float32, float64"),
        (("--backend", "fortran"), "fortran"),
    ],
)
def test_unknown_names(arguments: tuple[str, str], message: str) -> None:
    done = eqgen("test", "--accuracy", *(() if arguments[0] == "--backend" else ("--backend", "numpy")), *arguments)
    assert done.code == 2 and message in " ".join(done.err.replace("│", " ").split()) and not done.out
