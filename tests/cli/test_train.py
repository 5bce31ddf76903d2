"""`eqgen train` and `eqgen demo`: one JSON object, the same curve from one seed, weights that come back."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqgen.backends.protocol import backends
from eqgen.commands.train import limit_threads
from tests.cli.runner import SCALED, eqgen, process

DIGITS = Path(__file__).parents[2] / "eqgen" / "data" / "digits.npz"
RECORD_KEYS = {"epoch", "loss", "train_accuracy", "test_accuracy", "seconds"}


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def test_json_is_one_object_with_a_record_for_each_epoch() -> None:
    done = eqgen("train", "--epochs", "3", "--json")
    assert done.code == 0
    assert set(done.json) == {"backend", "epochs"} and done.json["backend"] == "numpy"
    epochs = done.json["epochs"]
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    assert all(set(e) == RECORD_KEYS and e["seconds"] > 0 for e in epochs)
    assert epochs[0]["loss"] > epochs[1]["loss"] > epochs[2]["loss"] > 0
    assert epochs[2]["train_accuracy"] > 0.6


def test_people_see_a_line_for_each_epoch() -> None:
    done = eqgen("train", "--epochs", "2")
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [["epoch", "1"], ["epoch", "2"]]
    assert "\r" not in done.err, "no progress bar where there is no terminal"


@pytest.mark.parametrize("more", [(), ("--shuffle",)])
def test_one_seed_gives_all_backends_the_same_curve(more: tuple[str, ...]) -> None:
    """Dropout masks, weights and batches are the same, so what differs is rounding."""
    line = ["train", "--json", "--epochs", "2", "--seed", "3", "--batch-size", "100", "--dtype", "float64", *more]
    line += ["--layers", "ReLU;LinearDropout(0.5);Linear", "--layer-sizes", "64;32;16;10", "--optimizers", "Adam"]
    curves = {}
    for name in ("numpy", "torch"):
        if not backends()[name].is_available():
            pytest.skip(f"{name} is not installed")
        done = eqgen(*line, "--backend", name)
        assert done.code == 0, done.err
        curves[name] = [(e["loss"], e["train_accuracy"], e["test_accuracy"]) for e in done.json["epochs"]]
    np.testing.assert_allclose(curves["numpy"], curves["torch"], rtol=1e-9)
    other = eqgen(*line, "--seed", "4").json["epochs"]
    assert abs(other[0]["loss"] - curves["numpy"][0][0]) > 1e-3


def test_shuffling_changes_the_batches() -> None:
    line = ("train", "--json", "--epochs", "1")
    assert eqgen(*line).json["epochs"][0]["loss"] != eqgen(*line, "--shuffle").json["epochs"][0]["loss"]


def test_loss_is_the_mean_over_the_training_set_after_the_epoch(tmp_path: Path) -> None:
    """Computed here from the saved weights alone."""
    weights = tmp_path / "weights.npz"
    done = eqgen("train", "--json", "--layers", "Linear", "--layer-sizes", "64;10", "--save-weights", weights)
    record = done.json["epochs"][-1]
    stored = arrays(weights)
    W, b = (stored[next(k for k in stored if k.endswith(f".{n}"))].astype("float64") for n in "Wb")
    digits = arrays(DIGITS)
    Z, T = digits["Xtrain"] @ W.T + b, digits["Ttrain"]
    loss = np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(len(T)), T]
    assert record["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    assert record["train_accuracy"] == pytest.approx((Z.argmax(axis=1) == T).mean())


def test_saved_weights_come_back(tmp_path: Path) -> None:
    weights = tmp_path / "weights.npz"
    first = eqgen("train", "--epochs", "2", "--json", "--save-weights", weights).json["epochs"][-1]
    again = eqgen("train", "--epochs", "1", "--learning-rate", "0", "--json", "--load-weights", weights).json
    assert again["epochs"][0]["loss"] == first["loss"]


def test_learning_rates_are_numbers_or_schedulers() -> None:
    line = ("train", "--json", "--epochs", "2", "--learning-rate")
    constant = eqgen(*line, "0.01").json["epochs"]
    decaying = eqgen(*line, "Exponential(0.01, 3)").json["epochs"]
    assert constant[0]["loss"] == decaying[0]["loss"], "the first epoch has step 0"
    assert constant[1]["loss"] < decaying[1]["loss"]


def test_one_hot_targets_and_bytes(tmp_path: Path) -> None:
    """One-hot rows are the classes that they stand for, and uint8 inputs are scaled to [0, 1]."""
    digits = arrays(DIGITS)
    as_bytes = {n: np.rint(255 * digits[n]).astype(np.uint8) for n in ("Xtrain", "Xtest")}
    np.savez(tmp_path / "numbers.npz", **as_bytes, Ttrain=digits["Ttrain"], Ttest=digits["Ttest"])
    one_hot = {n: np.eye(10, dtype="float32")[digits[n]] for n in ("Ttrain", "Ttest")}
    scaled = {n: x.astype("float32") / 255 for n, x in as_bytes.items()}
    np.savez(tmp_path / "rows.npz", **scaled, **one_hot)
    results = [
        eqgen("train", "--json", "--dataset", tmp_path / name).json["epochs"][0] for name in ("numbers.npz", "rows.npz")
    ]
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=1e-4)


def test_own_definitions_train(tmp_path: Path) -> None:
    (tmp_path / "scaled.eq").write_text(SCALED)
    line = ("train", tmp_path / "scaled.eq", "--json", "--layers", "Scaled;ReLU;Linear", "--layer-sizes", "64;32;10")
    done = eqgen(*line)
    assert done.code == 0, done.err
    assert done.json["epochs"][0]["train_accuracy"] > 0.1


def test_a_loss_that_is_no_number_is_null_in_json_and_said(tmp_path: Path) -> None:
    line = ("train", "--json", "--layers", "Linear", "--layer-sizes", "64;10", "--loss", "SquaredError")
    with np.errstate(all="ignore"):
        done = eqgen(*line, "--learning-rate", "1e30", "--epochs", "2")
    assert done.code == 0 and done.json["epochs"][-1]["loss"] is None
    assert "training diverged" in done.err


def test_what_a_build_does_without_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eqgen.backends.numpy import BACKEND

    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(type(BACKEND), "compile", lambda *_: ("a library is not here",))
    (tmp_path / "scaled.eq").write_text(SCALED.replace("Scaled", "BuiltWithout"))
    line = ("train", tmp_path / "scaled.eq", "--epochs", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert eqgen(*line).err.splitlines()[-1] == "eqgen_numpy: a library is not here"


def test_sorted_examples_are_noticed(tmp_path: Path) -> None:
    digits = arrays(DIGITS)
    order = np.argsort(digits["Ttrain"], kind="stable")
    in_classes = {**digits, "Xtrain": digits["Xtrain"][order], "Ttrain": digits["Ttrain"][order]}
    np.savez(tmp_path / "sorted.npz", **in_classes)
    assert "sorted by class" in eqgen("train", "--dataset", tmp_path / "sorted.npz").err
    assert "sorted by class" not in eqgen("train", "--dataset", tmp_path / "sorted.npz", "--shuffle").err


def test_threads_are_limited_before_anything_is_loaded() -> None:
    done = process("train", "--threads", "1", "--json")
    assert done.code == 0 and len(json.loads(done.out)["epochs"]) == 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no processor affinity")
def test_processors_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getaffinity(0)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "7")
    try:
        limit_threads(1)
        assert len(os.sched_getaffinity(0)) == 1
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    finally:
        os.sched_setaffinity(0, before)


def test_demo_trains_what_is_installed_and_prints_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from eqgen.backends.requirements import Framework
    from eqgen.commands import demo

    monkeypatch.setattr(Framework, "found", property(lambda self: self.module == "numpy"))
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = eqgen("demo")
    assert done.code == 0, done.err
    (row,) = [line for line in done.out.splitlines() if "NumPy" in line]
    loss, train, test, seconds = (float(cell) for cell in row.strip("│ ").split("│")[1:])
    assert loss < 0.2 and train > 0.95 and test > 0.85 and seconds > 0
    assert "JAX: skipped, jax is not installed" in done.err and "C++: skipped" in done.err
    monkeypatch.setitem(demo.SETTINGS, "--loss", "NoSuchLoss")
    done = eqgen("demo")
    assert done.code == 1 and "failed: numpy" in done.err


def test_sparse_training_from_the_command_line(tmp_path: Path) -> None:
    weights = tmp_path / "weights.npz"
    line = [
        "train",
        "--json",
        "--epochs",
        "3",
        "--overall-density",
        "0.2",
        "--prune",
        "SET(0.2)",
        "--learning-rate",
        "0.05",
    ]
    done = eqgen(*line, "--save-weights", weights)
    assert done.code == 0, done.err
    assert done.json["epochs"][2]["loss"] < done.json["epochs"][0]["loss"]
    stored = arrays(weights)
    count = sum(stored[name].size for name in stored if name.endswith(".W"))
    assert count == pytest.approx(0.2 * (64 * 128 + 128 * 10), abs=2)
    assert any(name.endswith(".W.column_numbers") for name in stored)
    other = eqgen(*line, "--grow", "Gradient").json["epochs"]
    assert other[0]["loss"] == done.json["epochs"][0]["loss"]
    assert other[2]["loss"] != done.json["epochs"][2]["loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prune", "SET(0.2)"), "needs --densities or --overall-density"),
        (("--densities", "0.1", "--overall-density", "0.1"), "cannot be given beside --densities"),
        (("--densities", "0.1;0.2;0.3"), "found 3 parts, expected 1 or 2, one for each layer"),
        (("--densities", "0.1", "--prune", "Set(0.2)"), "unknown pruner 'Set'"),
    ],
)
def test_wrong_sparse_settings_are_explained(arguments: tuple[str, ...], message: str) -> None:
    done = eqgen("train", *arguments)
    assert done.code != 0
    assert message in " ".join(done.err.replace("│", " ").split())
