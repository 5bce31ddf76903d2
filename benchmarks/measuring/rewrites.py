"""What the rewrites save: backward passes as they are generated, beside the same equations without any rewrite."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.measuring import ROOT, Spread, environment, machine, rotated, versions
from benchmarks.measuring.bursts import limited
from docs.tables import markdown

N, D = 1000, 1024
"""Of batch normalization."""
K, WIDTH = 10, 64
"""Of softmax: outputs and inputs."""
BATCHES = (1000, 3162, 10_000, 31_623, 100_000)
LARGEST_AS_WRITTEN = 10_000
"""As it is written, softmax's backward pass makes an N x N matrix: 40 GB at the largest N."""
ROUNDS, LEAST_SECONDS = 9, 0.02
GOAL, EXPONENT_GOAL = 20, 1.1

Arrays = dict[str, Any]
"""Arguments of a function in their order."""


# --- in a process of its own ---------------------------------------------------------------------------------


def measured(backend: str, quick: bool = False) -> dict[str, Any]:
    """Seconds of both forms in every round, and by N those of softmax."""
    sizes = (N // 10, D // 16) if quick else (N, D)
    batches = BATCHES[:2] if quick else BATCHES
    package = importlib.import_module(f"eqgen_{backend}")
    with tempfile.TemporaryDirectory(prefix="eqgen-as-written-") as folder:
        written = as_written(backend, Path(folder))
        both = {"rewritten": f"eqgen_{backend}", "as written": written}
        normalization = timed(both, "batch_normalization_backward", batch_normalization(*sizes))
        softmax: dict[str, dict[int, list[float]]] = {name: {} for name in both}
        for count in batches:
            forms = both if count <= LARGEST_AS_WRITTEN else {"rewritten": both["rewritten"]}
            for name, seconds in timed(forms, "softmax_backward", softmax_arguments(count)).items():
                softmax[name][count] = seconds
    return {
        "backend": backend,
        "info": package.info(),
        "sizes": sizes,
        "normalization": normalization,
        "softmax": softmax,
    }


def as_written(backend: str, folder: Path) -> str:
    """Build a package whose statements are the equations of the library, not rewritten; its name, to be imported."""
    from eqgen.backends.build import Request, build
    from eqgen.optimize.lower import Lowering
    from eqgen.packages import find_backend

    with patch.object(Lowering, "rewritten", lambda self, definition, steps: steps):
        build(Request([], [find_backend(backend)], "as_written", folder, check_equations=False))
    sys.path.append(str(folder))
    return f"as_written_{backend}"


def batch_normalization(rows: int, columns: int) -> Arrays:
    generator = np.random.default_rng(0)
    normal = generator.standard_normal
    return {
        "gamma": normal((1, columns), dtype=np.float32),
        "inv_sqrt_Sigma": np.abs(normal((1, columns), dtype=np.float32)),
        "Z": normal((rows, columns), dtype=np.float32),
        "DY": normal((rows, columns), dtype=np.float32),
    }


def softmax_arguments(rows: int) -> Arrays:
    generator = np.random.default_rng(0)
    scores = np.exp(generator.standard_normal((rows, K), dtype=np.float32))
    return {
        "X": generator.standard_normal((rows, WIDTH), dtype=np.float32),
        "W": generator.standard_normal((K, WIDTH), dtype=np.float32),
        "Y": scores / scores.sum(axis=1, keepdims=True),
        "DY": generator.standard_normal((rows, K), dtype=np.float32),
    }


def timed(packages: dict[str, str], function: str, arguments: Arrays) -> dict[str, list[float]]:
    """Seconds a call of one function of some packages, in interleaved rounds. Raises AssertionError where results
    differ."""
    calls: dict[str, Callable[[], Any]] = {}
    results = {}
    for name, package in packages.items():
        runtime = importlib.import_module(f"{package}.runtime")
        calls[name] = called(runtime, getattr(importlib.import_module(f"{package}.functional"), function), arguments)
        results[name] = [runtime.to_host(array) for array in calls[name]()]
    first, *others = results.values()
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * float(np.abs(a).max()))
    counts = {name: repetitions(call) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS):
        for name in rotated(list(calls), turn):
            started = time.perf_counter()
            for _ in range(counts[name]):
                calls[name]()
            seconds[name].append((time.perf_counter() - started) / counts[name])
    return seconds


def called(runtime: Any, function: Any, arguments: Arrays) -> Callable[[], Any]:
    """A call that returns when all results are there."""
    matrices = [runtime.from_host(array) for array in arguments.values()]

    def call() -> Any:
        results = function(*matrices)
        for array in results:
            runtime.wait(array)
        return results

    return call


def repetitions(call: Callable[[], Any]) -> int:
    """How many calls fill a burst."""
    call()
    started = time.perf_counter()
    call()
    return max(1, round(LEAST_SECONDS / (time.perf_counter() - started)))


# --- the process that tells ----------------------------------------------------------------------------------


def fresh(command: Sequence[str], backend: str, quick: bool, threads: int) -> dict[str, Any]:
    """What `measured` finds in a new process."""
    line = [*command, backend, *(["--quick"] if quick else [])]
    variables = limited(environment(), threads)
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env=variables)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def exponent(seconds: dict[str, list[float]]) -> float:
    """p of the power N^p that fits the medians best."""
    points = [(np.log(float(count)), np.log(Spread.of(values).median)) for count, values in seconds.items()]
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0])


def verdict(value: float, reached: bool, digits: int = 0) -> str:
    return f"{value:.{digits}f}: {'reached' if reached else 'missed'}"


def rows_of_normalization(results: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    for found in results:
        forms = {name: Spread.of(seconds).scaled(1000) for name, seconds in found["normalization"].items()}
        times = forms["as written"].median / forms["rewritten"].median
        cells = [forms["as written"].text(), forms["rewritten"].text()]
        yield [f"eqgen_{found['backend']}", *cells, verdict(times, times >= GOAL)]


def rows_of_softmax(results: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    for found in results:
        form = found["softmax"]["rewritten"]
        medians = [f"{1000 * Spread.of(seconds).median:.2f}" for seconds in form.values()]
        power = exponent(form)
        written = exponent(found["softmax"]["as written"])
        yield [
            f"eqgen_{found['backend']}",
            *medians,
            verdict(power, power <= EXPONENT_GOAL, 2),
            f"{written:.2f}",
        ]


def section(results: Sequence[dict[str, Any]]) -> str:
    """Two tables and the conditions."""
    if not results:
        return "No backend was asked for."
    rows, columns = results[0]["sizes"]
    counts = list(results[0]["softmax"]["rewritten"])
    normalization = markdown(
        ["", "as written, ms", "rewritten, ms", f"times faster (goal >= {GOAL})"], rows_of_normalization(results)
    )
    softmax = markdown(
        [
            "ms for N =",
            *(f"{int(count):,}" for count in counts),
            f"exponent (goal <= {EXPONENT_GOAL})",
            "exponent as written",
        ],
        rows_of_softmax(results),
    )
    return (
        f"### Backward pass of batch normalization, N = {rows:,}, D = {columns:,}\n\n{normalization}\n\n"
        f"### Backward pass of softmax, D = {WIDTH}, K = {K}\n\n{softmax}\n\n"
        f"Medians (min to max) of {ROUNDS} rounds; both forms in turn in one process, results compared. As it is "
        f"written, softmax is measured up to N = {LARGEST_AS_WRITTEN:,}: it makes an N x N matrix. On {machine()}. "
        f"{versions(found['info'] for found in results)}."
    )
