"""How fast training over sparse weights is, beside PyTorch with masked dense weights and other sparse libraries, how
it grows with density and width, what it takes of memory, and that it goes the way of masked training.

    python benchmarks/sparse.py [--peers DIR] [--sections steps,inference,density,width,memory,trajectory] [--write]

Every contestant is a process of its own, which makes bursts of steps on command: A B A B, each round in another order,
everybody else stopped meanwhile. Patterns, initial weights and batches are the same for all, and so must be the losses
(exit code 1 when they differ by more than 0.001). Who fails or does not answer is left out, with the reason.

`--peers` is a folder in which sparseprop is installed; without it, it is skipped. `--write` puts what was measured into
docs/sparse.md, section by section as they end, between the marks that stand there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.contestants.sparse import CONTESTANTS, REFERENCE
from benchmarks.contestants.sparse.problem import SparseProblem
from benchmarks.measuring import ROOT, bursts
from benchmarks.measuring.options import add_common, say, split_names
from benchmarks.measuring.sparse import growth, memory, paced, steps, trajectory
from benchmarks.measuring.steps import OPTIMIZERS

DOCUMENT = ROOT / "docs" / "sparse.md"
WRITER = "benchmarks/sparse.py"
SCRIPT = [sys.executable, str(Path(__file__).resolve())]

Measured = tuple[str, bool]
"""The text for the document, and whether losses agree."""
Figures = list[Any]
"""Where a section leaves what it has measured, as it goes."""


def measure_steps(options: argparse.Namespace, figures: Figures) -> Measured:
    texts, runs = [], []
    sparsities = steps.SPARSITIES[:2] if options.quick else steps.SPARSITIES
    with started(options, list(CONTESTANTS)) as processes:
        for optimizer in options.optimizer:
            own = []
            for sparsity in sparsities:
                say(f"steps: {sparsity.percent:g} %, {optimizer}")
                problem = steps.problem(sparsity.density, OPTIMIZERS[optimizer], options.quick)
                own.append(measure(problem, processes, options, figures))
            texts.append(steps.section(own, OPTIMIZERS[optimizer]))
            runs += own
    texts.append(steps.conditions(runs, options.rounds, options.seconds, options.threads))
    return "\n\n".join(texts), steps.agree(runs)


def measure_inference(options: argparse.Namespace, figures: Figures) -> Measured:
    runs = []
    percents = steps.INFERENCE_SPARSITIES[:1] if options.quick else steps.INFERENCE_SPARSITIES
    with started(options, steps.INFERRING) as processes:
        for batch in steps.INFERENCE_BATCHES:
            for percent in percents:
                say(f"inference: {percent:g} %, batch {batch}")
                problem = steps.inference_problem(round(1 - percent / 100, 6), batch, options.quick)
                runs.append(measure(problem, processes, options, figures))
    text = steps.inference_section(runs)
    return f"{text}\n\n{steps.conditions(runs, options.rounds, options.seconds, options.threads)}", steps.agree(runs)


def measure_growth(axis: growth.Axis, options: argparse.Namespace, figures: Figures) -> Measured:
    if options.write:
        importlib.import_module("matplotlib")  # before minutes are spent
    runs = []
    with started(options, growth.GROWING) as processes:
        for size in axis.quick if options.quick else axis.sizes:
            say(f"{axis.title}: {axis.label(size)}")
            problem = axis.problem(size, options.quick)
            taking_part = {name: processes[name] for name in axis.contestants(size) if name in processes}
            runs.append(measure(problem, taking_part, options, figures, growth.ROUNDS, growth.COMPARED))
    if options.write:
        growth.draw(axis, runs, DOCUMENT.parent)
    text = growth.section(axis, runs)
    rounds = min(options.rounds, growth.ROUNDS)
    return f"{text}\n\n{steps.conditions(runs, rounds, options.seconds, options.threads)}", steps.agree(runs)


def measure_memory(options: argparse.Namespace, figures: Figures) -> Measured:
    for what in ("per-entry", "wide"):
        say(f"memory: {what}")
        figures.append(memory.fresh([*SCRIPT, "--memory", what], options.threads, options.quick))
    return memory.section(figures[0], figures[1], options.quick), True


def measure_trajectory(options: argparse.Namespace, figures: Figures) -> Measured:
    found = {}
    for name in (REFERENCE, *trajectory.FOLLOWING):
        if name in options.contestants:
            say(f"trajectory: {name}")
            found[name] = memory.fresh([*SCRIPT, "--trajectory", name], options.threads, options.quick)
            figures.append({"name": name, **found[name]})
    return trajectory.section(found, options.quick), True


SECTIONS: dict[str, Callable[[argparse.Namespace, Figures], Measured]] = {
    "steps": measure_steps,
    "inference": measure_inference,
    **{axis.name: lambda options, figures, axis=axis: measure_growth(axis, options, figures) for axis in growth.AXES},
    "memory": measure_memory,
    "trajectory": measure_trajectory,
}
"""What stands in the document between marks of this name."""

OWN_PROCESS: dict[str, Callable[[bool], dict[str, Any]]] = {"per-entry": memory.per_entry, "wide": memory.wide}


def started(options: argparse.Namespace, names: Sequence[str]) -> Any:
    """The processes of those among them that are asked for."""
    asked = [name for name in names if name in options.contestants]
    return bursts.processes(asked, [*SCRIPT, "--serve"], options.threads, options.peers, paced.PATIENCE)


def measure(
    problem: SparseProblem,
    processes: dict[str, bursts.Process],
    options: argparse.Namespace,
    figures: Figures,
    most_rounds: int | None = None,
    compared: int = paced.COMPARED,
) -> bursts.Run:
    rounds = options.rounds if most_rounds is None else min(most_rounds, options.rounds)
    found = paced.run(problem, processes, rounds, options.seconds, compared)
    figures.append(found.fields())
    return found


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; exit code 2 where they make no sense."""
    parser = argparse.ArgumentParser(description="Training over sparse weights: steps, growth, memory.")
    several: dict[str, dict[str, Any]] = {"sections": SECTIONS, "optimizer": OPTIMIZERS, "contestants": CONTESTANTS}
    add_common(parser, several, "sparseprop")
    parser.add_argument("--rounds", type=int, default=8, help="bursts of each contestant (default: 8)")
    parser.add_argument("--seconds", type=float, default=0.08, help="that a burst takes, about (default: 0.08)")
    parser.add_argument("--write", action="store_true", help="put the tables and plots into docs/")
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--memory", choices=OWN_PROCESS, help=argparse.SUPPRESS)
    parser.add_argument("--trajectory", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    split_names(parser, options, several)
    if min(options.rounds, options.threads) < 1 or options.seconds <= 0:
        parser.error("--rounds, --threads: expected at least 1; --seconds: expected more than 0")
    if options.quick:
        options.rounds, options.seconds = min(options.rounds, 2), min(options.seconds, 0.002)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    if options.serve:
        return bursts.serve(CONTESTANTS[options.serve], SparseProblem)
    if options.memory:
        print(json.dumps(OWN_PROCESS[options.memory](options.quick)))
        return 0
    if options.trajectory:
        print(json.dumps(trajectory.losses(options.trajectory, options.quick)))
        return 0
    figures: dict[str, Figures] = {}
    agreed = True
    for name in options.sections:
        figures[name] = []
        began = time.perf_counter()
        try:
            text, agree = SECTIONS[name](options, figures[name])
        finally:  # whatever stops a section: what was measured is not lost
            if options.json:
                options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
        agreed = agreed and agree
        say(f"{name}: {time.perf_counter() - began:.0f} s")
        print(f"{text}\n", flush=True)
        if options.write and agree:
            measuring.write(text, name, WRITER, [DOCUMENT])
    if not agreed:
        say(f"sparse: losses differ by more than {steps.MAX_DIFFERENCE}")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
