"""The benchmark of training steps: what is measured, what is compared, and where it is written."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import measuring, performance
from benchmarks.contestants import AGAIN, BACKENDS, CONTESTANTS, REFERENCE
from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Unavailable
from benchmarks.measuring import Spread, bursts, growth, memory, rewrites, rotated, steps
from docs import tables

SMALL = Problem((12, 8, 6, 3), batch=5, momentum=0.9, eta=0.1, batches=3)
SCRIPT = Path(performance.__file__).resolve()


def result(*seconds: float, losses: tuple[float, ...] = (1.0, 0.5)) -> bursts.Result:
    found = bursts.Result(2.0, {"framework": "numpy", "version": "1.2", "step": "train_step"})
    found.seconds, found.losses = list(seconds), list(losses)
    return found


def run_of(momentum: float = 0.0, /, **results: bursts.Result) -> bursts.Run:
    found = bursts.Run(Problem(steps.SHAPES["cifar10"], momentum=momentum))
    found.results = {name.replace("_", "-"): r for name, r in results.items()}
    return found


# --- contestants ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["torch", "numpy", "jax", "pytorch-foreach", "pytorch-fused", "jax-autodiff"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_everybody_makes_the_same_steps(name: str, momentum: float) -> None:
    """Those steps are the ones of a reference in double precision."""
    pytest.importorskip(name.split("-")[0].replace("pytorch", "torch"))
    problem = Problem(SMALL.sizes, SMALL.batch, momentum, SMALL.eta, SMALL.batches)
    training = CONTESTANTS[name].make(problem)
    training.steps(2)
    training.steps(3)
    for (W, b), (expected_W, expected_b) in zip(training.weights(), reference_weights(problem, 5), strict=True):
        assert W.dtype == b.dtype == np.float32
        np.testing.assert_allclose(W, expected_W, atol=1e-5)
        np.testing.assert_allclose(b.reshape(1, -1), expected_b, atol=1e-5)


def reference_weights(problem: Problem, count: int) -> list[tuple[Any, Any]]:
    """By hand: Nesterov's method on the mean softmax cross-entropy."""
    parameters: list[Any] = [a.astype(float) for pair in problem.weights for a in pair]
    velocities = [np.zeros_like(p) for p in parameters]
    for k in range(count):
        X, T = problem.data[k % problem.batches]
        inputs, Z = [X.astype(float)], X.astype(float)
        for j in range(0, len(parameters), 2):
            Z = inputs[-1] @ parameters[j].T + parameters[j + 1]
            inputs.append(np.maximum(Z, 0))
        Y = np.exp(Z - Z.max(axis=1, keepdims=True))
        D = (Y / Y.sum(axis=1, keepdims=True) - problem.one_hot(T)) / len(T)
        gradients: list[Any] = []
        for j in reversed(range(0, len(parameters), 2)):
            gradients = [D.T @ inputs[j // 2], D.sum(axis=0, keepdims=True), *gradients]
            D = (D @ parameters[j]) * (inputs[j // 2] > 0)
        for p, v, g in zip(parameters, velocities, gradients, strict=True):
            v *= problem.momentum
            v -= problem.eta * g
            p += problem.momentum * v - problem.eta * g
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def test_the_loss_falls_and_is_that_of_guessing_without_weights() -> None:
    zero = [(0 * W, 0 * b) for W, b in SMALL.weights]
    assert SMALL.loss(zero) == pytest.approx(np.log(3))
    training = CONTESTANTS["numpy"].make(SMALL)
    training.steps(60)
    assert SMALL.loss(training.weights()) < 0.5 * SMALL.loss(SMALL.weights)


def test_a_package_with_train_step_is_measured_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import eqgen_numpy

    calls: list[tuple[float, bool]] = []

    def train_step(M: object, X: object, T: object, loss: object, eta: float, one_hot: bool = False) -> float:
        calls.append((eta, one_hot))
        return 0.0

    monkeypatch.setattr(eqgen_numpy.MultilayerPerceptron, "train_step", train_step, raising=False)
    training = CONTESTANTS["numpy"].make(SMALL)
    training.steps(2)
    assert calls == [(0.1, True)] * 2 and training.info["step"] == "train_step"


def test_a_peer_that_is_not_installed_is_skipped_with_a_reason() -> None:
    try:
        CONTESTANTS["nerva-numpy"].make(SMALL)
    except Unavailable as error:
        assert "pip install --no-deps --target DIR nerva-numpy" in str(error)


# --- bursts --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_runs() -> list[bursts.Run]:
    """Two problems for the same processes, one of which cannot take part."""
    names = ["numpy", "torch", "nerva-numpy"]
    pytest.importorskip("torch")
    with bursts.processes(names, [sys.executable, str(SCRIPT), "--serve"], 2) as processes:
        return [bursts.run(problem, processes, 3, 2) for problem in (SMALL, Problem((7, 5, 3), 4))]


def test_bursts_are_timed_and_losses_agree(two_runs: list[bursts.Run]) -> None:
    for run in two_runs:
        assert list(run.results) == ["numpy", "torch"] and "not installed" in run.skipped["nerva-numpy"]
        for found in run.results.values():
            assert len(found.seconds) == 3 and min(found.seconds) > 0
            assert found.losses[0] > found.losses[1]
        assert 0 < run.difference() < 1e-5
    assert json.loads(json.dumps(two_runs[0].fields()))["problem"]["sizes"] == [12, 8, 6, 3]


def test_who_is_not_asked_is_stopped() -> None:
    with bursts.processes(["numpy", "cpp"], [sys.executable, str(SCRIPT), "--serve"], 2) as processes:
        process = processes["numpy"]
        process.ask(problem=SMALL.fields(), warm_up=1)
        before = process.processor_seconds()
        state = Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(")")[2].split()[0]
        time.sleep(0.1)
        assert state == "T" and process.processor_seconds() == before
    assert process.popen.poll() is not None, "a process is left behind"


def test_a_contestant_that_fails_says_why() -> None:
    serve = [sys.executable, str(SCRIPT), "--serve"]
    with (
        bursts.processes(["numpy"], serve, 1) as processes,
        pytest.raises(bursts.Failed, match="there is no problem yet"),
    ):
        processes["numpy"].ask(steps=1, lead=0)


def test_a_loss_that_differs_is_seen() -> None:
    run = run_of(pytorch=result(1.0), numpy=result(1.0, losses=(1.0, 0.504)))
    assert run.difference() == pytest.approx(0.004)


# --- tables of steps -----------------------------------------------------------------------------------------


def test_the_table_shows_medians_ratios_and_goals() -> None:
    run = run_of(
        pytorch=result(0.010, 0.012, 0.020), numpy=result(0.009), cpp=result(0.0108), jax=result(0.006),
        jax_autodiff=result(0.005), tensorflow=result(0.003),
    )  # fmt: skip
    text = steps.table(run, "cifar10", "GradientDescent")
    assert "12.0 (10.0 to 20.0) | 1.00 (reference) |  | train_step | 2.0 |" in text
    assert "| **eqgen_numpy** | 9.0 (9.0 to 9.0) | 0.75 | <= 0.85: reached |" in text
    assert "| 0.90 | <= 0.58: missed |" in text
    assert "| 0.50 | <= 0.82, faster than jax-autodiff: missed |" in text
    assert "faster than keras: keras was not measured" in text


def test_with_momentum_the_reference_is_the_fastest_of_pytorch() -> None:
    results = {"pytorch": result(3.0), "pytorch_fused": result(2.0), "pytorch_foreach": result(4.0)}
    assert steps.reference(run_of(0.9, **results)) == "pytorch-fused"
    assert steps.reference(run_of(**results)) == REFERENCE
    alone = run_of(numpy=result(1.0))
    assert steps.reference(alone) is None
    assert "| 1000.0 (1000.0 to 1000.0) |  |  | train_step |" in steps.table(alone, "cifar10", "GradientDescent")


def test_noise_is_told() -> None:
    run = run_of(pytorch=result(1.0), pytorch_again=result(1.1), numpy=result(1.0))
    assert AGAIN in run.results
    assert "Two processes that do the same differ by 10%" in steps.section(run, "cifar10", "GradientDescent")
    assert steps.unfinished(run) == [name for name in BACKENDS if name != "numpy"]


def test_shapes_are_those_of_table_2() -> None:
    assert steps.problem("cifar10", "Nesterov(0.9)") == Problem((3072, 1024, 512, 10), 100, 0.9)
    assert {key[0] for key in steps.GOALS} <= steps.SHAPES.keys()
    assert all(goals.keys() == set(BACKENDS) for goals in steps.GOALS.values())


# --- rewrites, memory, growth --------------------------------------------------------------------------------


def test_a_package_without_rewrites_is_measured_beside_the_one_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(rewrites, "LEAST_SECONDS", 0.001)
    name = rewrites.as_written("numpy", tmp_path)
    text = (tmp_path / name / "functional.py").read_text()
    assert "rewritten:" not in text and "np.eye(N" in text
    both = {"rewritten": "eqgen_numpy", "as written": name}
    seconds = rewrites.timed(both, "softmax_backward", rewrites.softmax_arguments(1000))
    assert [len(values) for values in seconds.values()] == [rewrites.ROUNDS] * 2
    assert min(seconds["as written"]) > min(seconds["rewritten"]), "an N x N matrix costs nothing"
    rewrites.timed(both, "batch_normalization_backward", rewrites.batch_normalization(30, 8))


def test_forms_with_different_results_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    import eqgen_numpy.functional

    wrong = types.ModuleType("wrong_numpy")
    monkeypatch.setattr(wrong, "right", eqgen_numpy.functional.softmax_backward, raising=False)
    monkeypatch.setattr(wrong, "softmax_backward", lambda X, W, Y, DY: wrong.right(X, W, Y, 1.1 * DY), raising=False)
    for module, name in ((eqgen_numpy.runtime, "runtime"), (wrong, "functional")):
        monkeypatch.setitem(sys.modules, f"wrong_numpy.{name}", module)
    monkeypatch.setitem(sys.modules, "wrong_numpy", wrong)
    both = {"rewritten": "eqgen_numpy", "as written": "wrong_numpy"}
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        rewrites.timed(both, "softmax_backward", rewrites.softmax_arguments(10))


def test_what_rewrites_save_is_told_with_its_goals() -> None:
    forms = {"rewritten": {"1000": [0.001], "10000": [0.01]}, "as written": {"1000": [0.001], "10000": [0.1]}}
    found = {
        "backend": "numpy", "info": {"framework": "numpy", "version": "2"}, "sizes": [1000, 1024], "softmax": forms,
        "normalization": {"rewritten": [0.002, 0.001, 0.009], "as written": [0.038, 0.001, 0.2]},
    }  # fmt: skip
    text = rewrites.section([found])
    assert "| eqgen_numpy | 38.00 (1.00 to 200.00) | 2.00 (1.00 to 9.00) | 19: missed |" in text
    assert "| eqgen_numpy | 1.00 | 10.00 | 1.00: reached | 2.00 |" in text


def test_the_exponent_is_that_of_the_power() -> None:
    assert rewrites.exponent({str(n): [3e-6 * n**1.5] for n in (100, 1000, 3000)}) == pytest.approx(1.5)


def test_memory_is_compared_with_what_is_kept() -> None:
    found = memory.fresh([sys.executable, str(SCRIPT), "--memory"], "numpy", memory.SMALL, 2)
    total = sum(memory.kept(memory.SMALL).values())
    assert 0.5 * total < found["peak"] < 5 * total
    parameters = 4 * sum(W.size + b.size for W, b in memory.SMALL.weights)
    assert memory.kept(memory.SMALL)["parameter"] == memory.kept(memory.SMALL)["gradient"] == parameters
    found["peak"] = 1.25 * total
    lines = memory.section([found, {"name": "keras", "unavailable": "no"}], memory.SMALL).splitlines()
    assert "| +25% | <= +10%: missed |" in lines[2] and lines[-1] == "Not measured: keras, no."


def growing() -> dict[str, list[bursts.Run]]:
    found: dict[str, list[bursts.Run]] = {}
    for axis in growth.AXES:
        for size in axis.quick:
            run = bursts.Run(axis.problem(size))
            run.results = {REFERENCE: result(1.0, 2.0, 3.0), "numpy": result(3.0)}
            found.setdefault(axis.name, []).append(run)
    return found


def test_growth_is_told_in_ratios() -> None:
    text = growth.section(growing())
    assert "| 128 | 2000.00 |  |  | 1.50 |  |  |" in text and "| 16 | 2000.00 |" in text
    assert "performance_width.svg" in text and "performance_batch.svg" in text


def test_bursts_are_shorter_where_a_step_is_long() -> None:
    small, large = (growth.steps_in_a_burst(Problem((width, width, 10))) for width in (16, 2048))
    assert small == growth.MOST_STEPS and 1 <= large < 10


def test_plots_are_the_same_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    texts = []
    for _ in range(2):
        growth.draw(growing(), tmp_path)
        texts.append([(tmp_path / growth.picture(axis)).read_text() for axis in growth.AXES])
    assert texts[0] == texts[1]
    assert all("eqgen_numpy" in text and "PyTorch" in text and len(text) < 60_000 for text in texts[0])


# --- the script ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--contestants", "nunpy"], "there is no nunpy"),
        (["--sections", "stepps"], "there is no stepps"),
        (["--rounds", "0"], "expected at least 1"),
        (["--write", "--quick"], "only full runs"),
        (["--write", "--contestants", "numpy,pytorch"], "only full runs"),
    ],
)
def test_wrong_options_are_refused(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        performance.parsed(options)
    assert exit.value.code == 2 and message in capsys.readouterr().err


def test_the_script_measures_steps(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    line = [sys.executable, SCRIPT, "--quick", "--sections", "steps", "--contestants", "numpy"]
    line += ["--shapes", "mnist", "--optimizer", "GradientDescent", "--json", out]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "### MNIST shape, plain gradient descent" in done.stdout
    (run,) = json.loads(out.read_text())["steps"]
    assert list(run["results"]) == ["numpy"] and run["problem"]["sizes"] == [784, 1024, 512, 10]
    assert len(run["results"]["numpy"]["seconds"]) == 2


def test_there_is_a_place_for_every_section() -> None:
    text = performance.DOCUMENT.read_text(encoding="utf-8")
    for name in performance.SECTIONS:
        tables.placed(text, name, performance.WRITER, "")


# --- what benchmarks share -----------------------------------------------------------------------------------


def test_spreads_and_orders() -> None:
    assert Spread.of([4.0, 2.0, 3.0]).scaled(1000).text(1) == "3000.0 (2000.0 to 4000.0)"
    assert [rotated("abc", k) for k in (0, 1, 3)] == [["a", "b", "c"], ["b", "c", "a"], ["a", "b", "c"]]


def test_versions_are_named_once() -> None:
    infos = [{"framework": "numpy", "version": "2", "blas": "mkl"}] * 2 + [{"framework": "torch", "version": "3"}]
    assert measuring.versions(infos).startswith("numpy 2 (mkl); torch 3; Python ")
