"""What sparse weights take: bytes that are held for each stored entry, and the peak of a network of wide layers."""

from __future__ import annotations

import gc
import importlib
import json
import subprocess
import time
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.contestants.sparse.problem import SparseProblem
from benchmarks.measuring import ROOT, Spread, environment, machine
from benchmarks.measuring.bursts import limited
from benchmarks.measuring.memory import status
from docs.tables import markdown

PACKAGE = "eqgen_cpp"
MOMENTUM = 0.9
DENSITIES = (0.02, 0.04)
"""The bytes for an entry are the difference of two networks that differ in their density alone."""
LAYERS, QUICK_LAYERS = (3072, 4096, 2048, 10), (512, 1024, 512, 10)
GOAL_BYTES = 4 + 3 * 4
"""An index; weight, gradient and momentum. Row pointers do not grow with the entries."""
WIDE = SparseProblem((3072, 32768, 32768, 32768, 10), momentum=MOMENTUM, density=0.01, batches=4)
QUICK_WIDE = SparseProblem((48, 512, 512, 512, 10), momentum=MOMENTUM, density=0.01, batches=4, eta=0.1)
PASSES = 3
GOAL_GIB = 4.0
GIB = 2**30
PATIENCE = 600.0


# --- in a process of its own ---------------------------------------------------------------------------------


def network(problem: SparseProblem) -> Any:
    """The network as a user of the package makes it, with patterns and weights that the package draws."""
    package = importlib.import_module(PACKAGE)
    layers = ";".join(["ReLU"] * (len(problem.sizes) - 2) + ["Linear"])
    M = package.sparse_multilayer_perceptron(
        layers, list(problem.sizes), "Xavier", f"Nesterov({MOMENTUM})", densities=f"{problem.density}", seed=1
    )
    for layer in M.layers:  # Xavier counts all inputs of a neuron, of which it has this share
        layer.W.values /= np.sqrt(np.float32(problem.density))
    return M


def per_entry(quick: bool) -> dict[str, Any]:
    """Bytes for each stored entry that NumPy and Python have handed out: after steps, and at the peak of a step.

    What kernels allocate by themselves is not in it, and would be seen in the resident memory of `wide`.
    """
    loss = importlib.import_module(PACKAGE).parse_loss_function("SoftmaxCrossEntropy")
    entries, held, peaks, floats = [], [], [], []
    ((X, T),) = SparseProblem(QUICK_LAYERS if quick else LAYERS, batches=1).pairs
    for density in (DENSITIES[0], *DENSITIES):  # what the first one needs in addition, modules need
        problem = SparseProblem(QUICK_LAYERS if quick else LAYERS, momentum=MOMENTUM, density=density)
        tracemalloc.start()
        M = network(problem)
        for step in range(3):
            if step == 2:
                tracemalloc.reset_peak()
            M.train_step(X, T, loss, 0.01, True)
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        entries.append(sum(layer.W.nnz for layer in M.layers))
        held.append(now)
        peaks.append(peak)
        floats.append(sum(array.nbytes for layer in M.layers for array in values_of(layer)))
        del M
    _, fewer, more = entries
    return {
        "entries": [fewer, more],
        **{
            name: (found[2] - found[1]) / (more - fewer)
            for name, found in (("held", held), ("peak", peaks), ("values", floats))
        },
    }


def values_of(layer: Any) -> list[Any]:
    """Weight, gradient and momentum of the entries."""
    own = next(each for each in layer.optimizer.optimizers if each.x is layer.W.values)
    return [layer.W.values, layer.DW.values, own.delta]


def wide(quick: bool) -> dict[str, Any]:
    """Train the wide network: mean losses of the first and the last pass, seconds a step, the peak of the process."""
    problem = QUICK_WIDE if quick else WIDE
    loss = importlib.import_module(PACKAGE).parse_loss_function("SoftmaxCrossEntropy")
    began = time.perf_counter()
    M = network(problem)
    made = time.perf_counter() - began
    losses, seconds = [], []
    pairs = problem.pairs
    for _ in range(PASSES):
        for X, T in pairs:
            began = time.perf_counter()
            losses.append(float(M.train_step(X, T, loss, problem.eta, True)))
            seconds.append(time.perf_counter() - began)
    count = len(pairs)
    return {
        "entries": sum(layer.W.nnz for layer in M.layers),
        "made": made,
        "seconds": seconds[1:],
        "losses": [sum(losses[:count]) / count, sum(losses[-count:]) / count],
        "resident": status("VmHWM"),
    }


# --- the process that tells ----------------------------------------------------------------------------------


def fresh(command: Sequence[str], threads: int, quick: bool) -> dict[str, Any]:
    """What a new process prints, or why it has not succeeded: `failed`."""
    line = [*command, *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, cwd=ROOT, env=limited(environment(), threads), timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer in {PATIENCE:g} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def dense_bytes(problem: SparseProblem) -> int:
    """Of weights, gradients, momenta and masks of dense float32 matrices."""
    return 4 * 4 * sum(K * D for D, K in pairwise(problem.sizes))


def section(entry: dict[str, Any], run: dict[str, Any], quick: bool) -> str:
    """Two tables with their goals."""
    problem = QUICK_WIDE if quick else WIDE
    failed = [f"Not measured: {found['failed']}." for found in (entry, run) if "failed" in found]
    parts = []
    if "failed" not in entry:
        rows = [
            ["weight, gradient, momentum", f"{entry['values']:.1f}", ""],
            ["the pattern, and all else that is held", f"{entry['held'] - entry['values']:.1f}", ""],
            ["held between steps", f"{entry['held']:.1f}", reached(entry["held"] < GOAL_BYTES + 0.05, GOAL_BYTES, "")],
            ["at the peak of a step", f"{entry['peak']:.1f}", ""],
        ]
        parts.append(
            f"{markdown([f'{PACKAGE}, Nesterov momentum, float32', 'bytes for a stored entry', 'goal'], rows)}\n\n"
            f"What NumPy and Python have handed out (`tracemalloc`), as the difference of two networks with "
            f"{entry['entries'][0]:,} and {entry['entries'][1]:,} entries and the same layers; row pointers and "
            "activations, which do not grow with the entries, are not in it."
        )
    if "failed" not in run:
        gib = run["resident"] / GIB
        first, last = run["losses"]
        rows = [
            ["stored entries", f"{run['entries']:,}", ""],
            ["peak resident memory of the process, GiB", f"{gib:.2f}", reached(gib < GOAL_GIB, GOAL_GIB, " GiB")],
            ["weights, gradients, momenta and masks if dense, GiB", f"{dense_bytes(problem) / GIB:.1f} (computed)", ""],
            ["ms a step", Spread.of(run["seconds"]).scaled(1000).text(0), ""],
            ["to make the network, s", f"{run['made']:.1f}", ""],
            [
                f"mean loss, first and last of {PASSES} passes",
                f"{first:.3f}, {last:.3f}",
                f"falls: {'reached' if last < first else 'missed'}",
            ],
        ]
        steps = len(run["seconds"]) + 1
        parts.append(
            f"{markdown([f'{problem.name} at sparsity 99 %', PACKAGE, 'goal'], rows)}\n\n{steps} steps with Nesterov "
            f"momentum {MOMENTUM}, batch {problem.batch}, float32, in a process of its own, whose peak (VmHWM) "
            f"includes Python, the batches, and the drawing of patterns. On {machine()}."
        )
    return "\n\n".join([*parts, *failed])


def reached(is_reached: bool, limit: float, unit: str) -> str:
    return f"<= {limit:g}{unit}: {'reached' if is_reached else 'missed'}"
