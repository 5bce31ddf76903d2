"""What a training step needs at its peak, beside what it has to keep: parameters, gradients, optimizer, activations."""

from __future__ import annotations

import ctypes
import gc
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contestants import BACKENDS, CONTESTANTS, REFERENCE
from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training, Unavailable
from benchmarks.measuring import ROOT, environment, machine, versions
from benchmarks.measuring.bursts import limited
from docs.tables import markdown

MEASURED = (REFERENCE, *BACKENDS, "jax-autodiff", "keras")
PROBLEM = Problem((3072, 4096, 4096, 10), batch=1000, batches=1)
"""Large, so that what a runtime needs for itself does not count."""
SMALL = Problem((300, 400, 400, 10), batch=100, batches=1)
STEPS = 3
GOAL = 0.10
"""At most this share above what is kept."""
MEGABYTE = 1e6


# --- in a process of its own ---------------------------------------------------------------------------------


def measured(name: str, problem: Problem) -> dict[str, Any]:
    """Bytes by which the resident memory of the process grows up to the peak of a step.

    A small network has come and gone: modules are loaded and thread pools started before. It is small, since some
    runtimes keep the memory of a large one and would give it to the next, which then seems to need none. What compilers
    and matrix libraries keep for the large one is counted.
    """
    try:
        training = prepared(name, SMALL)
    except (Unavailable, ImportError) as error:
        return {"name": name, "unavailable": " ".join(str(error).split())}
    del training
    given_back()
    before = status("VmRSS")
    training = prepared(name, problem)
    given_back()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew: proc(5)
    training.steps(STEPS)
    return {"name": name, "info": training.info, "peak": status("VmHWM") - before}


def prepared(name: str, problem: Problem) -> Training:
    """A training that has made a step; weights and batches are left to it alone."""
    training = CONTESTANTS[name].make(problem)
    for prepared_once in ("weights", "data"):
        vars(problem).pop(prepared_once, None)
    training.steps(1)
    return training


def given_back() -> None:
    """Everything that is free goes back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def status(field: str) -> int:
    """Bytes, from /proc/self/status."""
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise OSError(f"/proc/self/status has no {field}: expected Linux with procfs")
    return 1024 * int(found.group(1))


# --- the process that tells ----------------------------------------------------------------------------------


def fresh(command: Sequence[str], name: str, problem: Problem, threads: int) -> dict[str, Any]:
    """What `measured` finds in a new process. Its large arrays are pages of their own, which come and go."""
    line = [*command, name, *(["--quick"] if problem is SMALL else [])]
    variables = {**limited(environment(), threads), "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env=variables)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def kept(problem: Problem) -> dict[str, int]:
    """Bytes that have to be kept, by role, as `eqgen cost` counts them."""
    from eqgen.algebra.library import load_files
    from eqgen.commands.cost import network
    from eqgen.optimize.cost_report import Reporter
    from eqgen.optimize.lower import Lowering
    from eqgen.optimize.network_cost import ROLES

    module = load_files([])
    layers = ";".join(["ReLU"] * (len(problem.sizes) - 2) + ["Linear"])
    optimizers = f"Nesterov({problem.momentum})" if problem.momentum else None
    sizes = ";".join(map(str, problem.sizes))
    cost = network(module, Reporter(Lowering(module)), layers, sizes, optimizers, None).at({"N": problem.batch})
    totals = cost.totals()
    return {role: 4 * int(str(totals.storage(role))) for role in ROLES}


def section(results: Sequence[dict[str, Any]], problem: Problem) -> str:
    """The table and its conditions."""
    parts = kept(problem)
    total = sum(parts.values())
    rows = []
    for found in results:
        if "unavailable" in found:
            continue
        excess = found["peak"] / total - 1
        goal = f"<= +{GOAL:.0%}: {'reached' if excess <= GOAL else 'missed'}" if found["name"] in BACKENDS else ""
        rows.append([CONTESTANTS[found["name"]].title, f"{found['peak'] / MEGABYTE:.0f}", f"{excess:+.0%}", goal])
    needed = ", ".join(f"{role} {size / MEGABYTE:.0f}" for role, size in parts.items() if size)
    text = (
        f"{markdown(['', 'peak of a step, MB', 'to what is kept', 'goal'], rows)}\n\n"
        f"{problem.name}, batch {problem.batch:,}, plain gradient descent, float32. Kept, as `eqgen cost` counts it: "
        f"{total / MEGABYTE:.0f} MB ({needed}). Growth of the resident memory of a fresh process, in which a small "
        f"network has been trained before; what runtimes and compilers keep for themselves is in it. On {machine()}. "
        f"{versions(found['info'] for found in results if 'info' in found)}."
    )
    skipped = [f"{found['name']}, {found['unavailable']}" for found in results if "unavailable" in found]
    return f"{text}\n\nNot measured: {'; '.join(skipped)}." if skipped else text
