"""The benchmark of sparse weights: what is measured, what is compared, and where it is written."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import sparse
from benchmarks.contestants.sparse import CONTESTANTS, FUSED, REFERENCE
from benchmarks.contestants.sparse.problem import SparseProblem, compressed, transposed, with_values
from benchmarks.contestants.training import Training, Unavailable
from benchmarks.measuring import bursts
from benchmarks.measuring.sparse import growth, memory, paced, steps, trajectory
from docs import tables

pytest.importorskip("scipy")

SIZES = (40, 24, 16, 5)
SCRIPT = Path(sparse.__file__).resolve()


def small(momentum: float = 0.0, **fields: Any) -> SparseProblem:
    return SparseProblem(SIZES, batch=16, momentum=momentum, eta=0.1, batches=3, density=0.3, **fields)


def made(name: str, problem: SparseProblem) -> Training:
    """A contestant; the test is skipped, with the reason, where it is not available."""
    try:
        return CONTESTANTS[name].make(problem)
    except (Unavailable, ImportError) as error:
        pytest.skip(f"{name}: {error}")


def result(*seconds: float, losses: tuple[float, ...] = (1.0, 0.5)) -> paced.Paced:
    found = paced.Paced(2.0, {"framework": "numpy", "version": "1.2", "step": "train_step"}, 0.01, 0.1)
    found.seconds, found.losses = list(seconds), list(losses)
    return found


def run_of(problem: SparseProblem, /, **results: paced.Paced) -> bursts.Run:
    found = bursts.Run(problem)
    found.results = {name.replace("_", "-"): each for name, each in results.items()}
    return found


# --- the problem ---------------------------------------------------------------------------------------------


def test_weights_have_the_density_and_are_the_same_everywhere() -> None:
    problem = SparseProblem((300, 200, 10), density=0.05)
    for (W, b), (again, _) in zip(problem.weights, SparseProblem((300, 200, 10), density=0.05).weights, strict=True):
        assert W.nnz == round(0.05 * W.shape[0] * W.shape[1]) and W.dtype == np.float32 and W.indices.dtype == np.int32
        assert (W.data != 0).all() and (b != 0).all()
        np.testing.assert_array_equal(W.toarray(), again.toarray())
    assert problem.entries == sum(W.nnz for W, _ in problem.weights)
    assert SparseProblem.read(json.loads(json.dumps(problem.fields()))) == problem


def test_entries_outside_of_the_pattern_are_seen() -> None:
    (W, _), *_ = small().weights
    dense = W.toarray()
    np.testing.assert_array_equal(compressed(2 * dense, W).toarray(), 2 * dense)
    dense[dense == 0] = 1e-6
    with pytest.raises(ValueError, match="entries outside of the pattern are not zero"):
        compressed(dense, W)


def test_a_matrix_is_transposed_with_the_places_of_its_values() -> None:
    (W, _), *_ = small().weights
    turned, numbers = transposed(W)
    np.testing.assert_array_equal(turned.toarray(), W.toarray().T)
    other = with_values(np.arange(W.nnz), W)
    np.testing.assert_array_equal(with_values(other.data[numbers], turned).toarray(), other.toarray().T)


# --- contestants ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_everybody_makes_the_same_steps(name: str, momentum: float) -> None:
    """Those steps are the ones of dense matrices and masks in double precision."""
    problem = small(momentum)
    training = made(name, problem)
    training.steps(2)
    training.steps(3)
    found: list[tuple[Any, Any]] = [*training.weights()]
    for (W, b), (expected_W, expected_b) in zip(found, reference_weights(problem, 5), strict=True):
        assert W.dtype == b.dtype == np.float32
        np.testing.assert_allclose(W.toarray(), expected_W, atol=1e-5)
        np.testing.assert_allclose(b.reshape(1, -1), expected_b, atol=1e-5)


def reference_weights(problem: SparseProblem, count: int) -> list[tuple[Any, Any]]:
    """By hand: Nesterov's method on the mean softmax cross-entropy, with the gradients masked."""
    masks = [mask for W, _ in problem.weights for mask in (W.toarray() != 0, True)]
    parameters: list[Any] = [a for W, b in problem.weights for a in (W.toarray().astype(float), b.astype(float))]
    velocities = [np.zeros_like(p) for p in parameters]
    for k in range(count):
        X, T = problem.pairs[k % problem.batches]
        inputs, Z = [X.astype(float)], X.astype(float)
        for j in range(0, len(parameters), 2):
            Z = inputs[-1] @ parameters[j].T + parameters[j + 1]
            inputs.append(np.maximum(Z, 0))
        Y = np.exp(Z - Z.max(axis=1, keepdims=True))
        D = (Y / Y.sum(axis=1, keepdims=True) - T) / len(T)
        gradients: list[Any] = []
        for j in reversed(range(0, len(parameters), 2)):
            gradients = [D.T @ inputs[j // 2], D.sum(axis=0, keepdims=True), *gradients]
            D = (D @ parameters[j]) * (inputs[j // 2] > 0)
        for p, v, g, mask in zip(parameters, velocities, gradients, masks, strict=True):
            v *= problem.momentum
            v -= problem.eta * g * mask
            p += problem.momentum * v - problem.eta * g * mask
    return list(zip(parameters[::2], parameters[1::2], strict=True))


@pytest.mark.parametrize("name", steps.INFERRING)
@pytest.mark.parametrize("batch", steps.INFERENCE_BATCHES)
def test_everybody_computes_the_same_outputs(name: str, batch: int) -> None:
    problem = SparseProblem(SIZES, batch=batch, batches=3, density=0.3, inference=True)
    training = made(name, problem)
    training.steps(2)
    assert training.loss(problem) == pytest.approx(problem.loss(problem.weights), abs=1e-5)


def test_a_library_that_is_not_installed_is_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"--target DIR sparseprop==0\.1\.14"):
        CONTESTANTS["sparseprop"].make(small())
    with pytest.raises(Unavailable, match="single precision only"):
        CONTESTANTS["mkl"].make(small(dtype="float64"))


# --- runs ----------------------------------------------------------------------------------------------------

SERVER = """
import json, sys, time
for line in sys.stdin:
    command = json.loads(line)
    if "steps" in command and sys.argv[1] == "dies":
        sys.exit("out of luck")
    if "steps" in command and sys.argv[1] == "hangs":
        time.sleep(60)
    if "problem" in command and sys.argv[1] == "absent":
        print(json.dumps({"unavailable": "it is not there"}), flush=True)
    elif "problem" in command:
        print(json.dumps({"seconds": 1.0, "info": {}}), flush=True)
    else:
        print(json.dumps({"loss": 2.0, "seconds": {"slow": 5.0}.get(sys.argv[1], 0.01)}), flush=True)
"""


def test_who_fails_or_does_not_answer_holds_up_nobody() -> None:
    names = ["dies", "quick", "hangs", "absent", "slow"]
    began = time.monotonic()
    with bursts.processes(names, [sys.executable, "-c", SERVER], 1, patience=5.0) as processes:
        runs = [paced.run(small(), processes, 4, 0.1) for _ in range(2)]  # they start anew
    assert time.monotonic() - began < 40
    for run in runs:
        assert {name: len(found.seconds) for name, found in run.results.items()} == {"quick": 4, "slow": 2}
        assert run.skipped == {
            "dies": "dies ended with code 1: out of luck",
            "hangs": "hangs gave no answer in 5 s",
            "absent": "it is not there",
        }
        pace = {name: found.fields()["steps"] for name, found in run.results.items()}
        assert pace == {"quick": 10, "slow": 1}
    assert all(process.popen.poll() is not None for process in processes.values()), "a process is left behind"


def test_who_was_there_in_no_burst_is_not_in_the_tables() -> None:
    run = run_of(small(), masked=result(0.02), cpp=result())
    assert steps.medians(run) == {REFERENCE: 0.02} and steps.factor(run, "cpp") is None
    assert "not measured" in steps.goals([run])


# --- tables --------------------------------------------------------------------------------------------------


def problems() -> list[SparseProblem]:
    return [steps.problem(sparsity.density, 0.9, True) for sparsity in steps.SPARSITIES]


def test_goals_are_factors_to_the_fastest_form_of_masking() -> None:
    first, second, *_ = problems()
    runs = [
        run_of(first, masked=result(0.032, 0.030, 0.040), masked_fused=result(0.016), cpp=result(0.010)),
        run_of(second, masked=result(0.030), masked_again=result(0.033), cpp=result(0.0101), torch_csr=result(0.060)),
    ]
    text = steps.section(runs, 0.9)
    assert "| 50 % | 16.00 | 10.00 (10.00 to 10.00) | 1.6 x | >= 1.6 x: reached | 0.39 x | 0.15 x |" in text
    assert "| 80 % | 30.00 | 10.10 (10.10 to 10.10) | 3.0 x | >= 3 x: missed | 0.96 x | 0.37 x |" in text
    assert "| PyTorch, dense with masks | 32.00 (30.00 to 40.00), 0.5 x | 30.00 (30.00 to 30.00), 1.0 x |" in text
    assert "| PyTorch, compressed rows by hand | not measured | 60.00 (60.00 to 60.00), 0.5 x |" in text
    assert "Two processes that do the same differ by up to 10%" in text
    assert FUSED in runs[0].results


def test_who_is_left_out_is_told_with_the_densities() -> None:
    runs = [run_of(problem, masked=result(1.0)) for problem in problems()[:2]]
    for run in runs:
        run.skipped["jax"] = "no module"
    assert "Not measured: jax at density 50 %, 20 %: no module." in steps.section(runs, 0.0)


def test_losses_that_differ_are_seen() -> None:
    run = run_of(small(), masked=result(1.0), cpp=result(1.0, losses=(1.0, 0.502)))
    assert not steps.agree([run]) and "at most 2e-03" in steps.agreement([run])


def test_forward_passes_are_told_batch_by_batch() -> None:
    runs = []
    for batch in steps.INFERENCE_BATCHES:
        for percent in steps.INFERENCE_SPARSITIES:
            problem = steps.inference_problem(round(1 - percent / 100, 6), batch, False)
            runs.append(run_of(problem, masked=result(0.004), cpp=result(0.002)))
    text = steps.inference_section(runs)
    assert "#### Batch 1\n" in text and "#### Batch 100\n" in text
    assert text.count("| **eqgen_cpp** | 2.00 (2.00 to 2.00), 2.0 x |") == 2


# --- growth --------------------------------------------------------------------------------------------------


def growing(axis: growth.Axis, power: float) -> list[bursts.Run]:
    """Runs whose time is a power of the stored entries."""
    found = []
    for size in axis.sizes:
        problem = axis.problem(size, False)
        seconds = 1e-8 * problem.entries**power
        found.append(run_of(problem, masked=result(1.0), cpp=result(seconds, 0.9 * seconds, 1.1 * seconds)))
    return found


@pytest.mark.parametrize("axis", growth.AXES, ids=lambda axis: axis.name)
def test_the_exponent_is_that_of_the_power(axis: growth.Axis) -> None:
    runs = growing(axis, 1.25)
    assert growth.exponent(axis, runs, "cpp") == pytest.approx(1.25)
    assert growth.exponent(axis, runs[:1], "cpp") is None
    text = growth.section(axis, runs)
    assert "| 1.25 |" in text.splitlines()[len(runs) + 2] and f"![Time of a step against the {axis.title}]" in text


def test_wide_layers_are_left_to_those_that_store_entries_only() -> None:
    assert REFERENCE in growth.WIDTH.contestants(8192) and REFERENCE not in growth.WIDTH.contestants(16384)
    assert growth.WIDTH.contestants(32768) == ["cpp"]
    assert growth.WIDTH.problem(32768, False).entries == 21_478_113
    assert growth.DENSITY.contestants(1.0) == list(growth.GROWING)


def test_plots_are_the_same_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    texts = []
    for _ in range(2):
        for axis in growth.AXES:
            growth.draw(axis, growing(axis, 1.0), tmp_path)
        texts.append([(tmp_path / axis.picture).read_text() for axis in growth.AXES])
    assert texts[0] == texts[1]
    assert all("eqgen_cpp" in text and "dense with masks" in text and len(text) < 60_000 for text in texts[0])


# --- memory and trajectory -----------------------------------------------------------------------------------


def test_bytes_of_an_entry_are_counted() -> None:
    found = memory.fresh([sys.executable, str(SCRIPT), "--memory", "per-entry"], 2, True)
    assert found["values"] == 12
    assert 15.5 < found["held"] < 16.5 and found["peak"] > found["held"] - 1  # Python itself varies
    text = memory.section({**found, "held": 16.02}, {"failed": "no room"}, True)
    assert "| 16.0 | <= 16: reached |" in text and text.endswith("Not measured: no room.")
    assert "| 16.1 | <= 16: missed |" in memory.section({**found, "held": 16.1}, {"failed": ""}, True)


def test_a_wide_network_learns_in_a_process_of_its_own() -> None:
    found = memory.fresh([sys.executable, str(SCRIPT), "--memory", "wide"], 2, True)
    assert found["losses"][1] < found["losses"][0] and len(found["seconds"]) == 11
    assert found["entries"] == memory.QUICK_WIDE.entries and found["resident"] > 2**20
    assert memory.dense_bytes(memory.WIDE) > 30 * memory.GIB
    assert "<= 4 GiB: missed" in memory.section({"failed": ""}, {**found, "resident": 4 * memory.GIB}, True)


def test_a_process_that_fails_says_why() -> None:
    found = memory.fresh([sys.executable, "-c", "raise OSError('no room')"], 1, False)
    assert found == {"failed": "OSError: no room"}


def test_trajectories_are_those_of_masking() -> None:
    found = {name: trajectory.losses(name, True) for name in (REFERENCE, "cpp")}
    reference = found[REFERENCE]["losses"]
    assert len(reference[0]) == trajectory.STEPS + 1 and reference[0][-1] < reference[0][0]
    text = trajectory.section(found, True)
    assert "| **eqgen_cpp** |" in text and "<= 1e-10: reached" in text
    off = [[loss * (1 + 1e-9) for loss in own] for own in reference]
    assert "<= 1e-10: missed" in trajectory.section({**found, "cpp": {"losses": off}}, True)
    assert "failed" in trajectory.losses("mkl", True)


# --- the script ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--contestants", "nunpy"], "there is no nunpy"),
        (["--sections", "stepps"], "there is no stepps"),
        (["--rounds", "0"], "expected at least 1"),
        (["--seconds", "0"], "expected more than 0"),
        (["--write", "--quick"], "only full runs"),
        (["--write", "--contestants", "numpy,masked"], "only full runs"),
    ],
)
def test_wrong_options_are_refused(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        sparse.parsed(options)
    assert exit.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("section", ["steps", "inference", "density", "width"])
def test_the_script_measures_a_section(section: str, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    line = [sys.executable, SCRIPT, "--quick", "--sections", section, "--contestants", "numpy,cpp", "--json", out]
    line += ["--optimizer", "Nesterov(0.9)"]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "**eqgen_numpy**" in done.stdout and "**eqgen_cpp**" in done.stdout
    for run in json.loads(out.read_text())[section]:
        assert set(run["results"]) == {"numpy", "cpp"} and run["skipped"] == {}
        assert all(len(found["seconds"]) >= 1 for found in run["results"].values())


def test_what_was_measured_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: Any, figures: list[Any]) -> sparse.Measured:
        figures.append("a run")
        raise KeyboardInterrupt

    monkeypatch.setitem(sparse.SECTIONS, "inference", lambda options, figures: ("text", True))
    monkeypatch.setitem(sparse.SECTIONS, "steps", interrupted)
    out = tmp_path / "figures.json"
    with pytest.raises(KeyboardInterrupt):
        sparse.main(["--sections", "inference,steps", "--json", str(out)])
    assert json.loads(out.read_text()) == {"inference": [], "steps": ["a run"]}


def test_there_is_a_place_for_every_section() -> None:
    text = sparse.DOCUMENT.read_text(encoding="utf-8")
    for name in sparse.SECTIONS:
        tables.placed(text, name, sparse.WRITER, "")
