"""How fast the generated packages are: training steps beside PyTorch, JAX, Keras and the paper's own packages, what the
rewrites save, memory, and how the cost of a step grows.

    python benchmarks/performance.py [--peers DIR] [--sections steps,rewrites,memory,growth] [--write]

Every contestant is a process of its own, which warms up and then makes bursts of steps on command: A B A B, each round
in another order, everybody else stopped meanwhile. The data are random, in the shapes of MNIST and CIFAR-10; initial
weights and batches are the same for all, and so must be the losses (exit code 1 when they differ by more than 0.001).

`--peers` is a folder in which nerva-numpy, nerva-torch, nerva-jax and nerva-tensorflow are installed
(`pip install --no-deps --target DIR nerva-numpy nerva-torch nerva-jax nerva-tensorflow`): without it they are skipped.
`--write` puts what was measured into docs/performance.md, between the marks that stand there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.contestants import BACKENDS, CONTESTANTS
from benchmarks.measuring import ROOT, bursts, growth, memory, rewrites, steps
from benchmarks.measuring.options import add_common, say, split_names

DOCUMENT = ROOT / "docs" / "performance.md"
WRITER = "benchmarks/performance.py"
SCRIPT = [sys.executable, str(Path(__file__).resolve())]

Measured = tuple[str, Any, bool]
"""The text for the document, the figures behind it, and whether losses agree."""


def measure_steps(options: argparse.Namespace) -> Measured:
    texts, runs = [], []
    with bursts.processes(options.contestants, [*SCRIPT, "--serve"], options.threads, options.peers) as processes:
        for optimizer in options.optimizer:
            for shape in options.shapes:
                say(f"steps: {shape}, {optimizer}")
                runs.append(bursts.run(steps.problem(shape, optimizer), processes, options.rounds, options.steps))
                texts.append(steps.section(runs[-1], shape, optimizer))
                if options.write and (lacking := steps.unfinished(runs[-1])):
                    raise SystemExit(f"performance: nothing is written, since {', '.join(lacking)} did not take part")
    texts.append(steps.conditions(runs, options.rounds, options.steps, options.threads))
    agree = all(run.difference() <= steps.MAX_DIFFERENCE for run in runs)
    return "\n\n".join(texts), [run.fields() for run in runs], agree


def measure_rewrites(options: argparse.Namespace) -> Measured:
    results = []
    for backend in generated(options):
        say(f"rewrites: {backend}")
        results.append(rewrites.fresh([*SCRIPT, "--rewrites"], backend, options.quick, options.threads))
    return rewrites.section(results), results, True


def measure_memory(options: argparse.Namespace) -> Measured:
    problem = memory.SMALL if options.quick else memory.PROBLEM
    results = []
    for name in (name for name in memory.MEASURED if name in options.contestants):
        say(f"memory: {name}")
        results.append(memory.fresh([*SCRIPT, "--memory"], name, problem, options.threads))
    return memory.section(results, problem), results, True


def measure_growth(options: argparse.Namespace) -> Measured:
    names = [name for name in growth.CONTESTANTS if name in options.contestants]
    if not names:
        return "Nobody was asked for.", [], True
    if options.write:
        importlib.import_module("matplotlib")  # before minutes are spent
    found: dict[str, list[bursts.Run]] = {}
    with bursts.processes(names, [*SCRIPT, "--serve"], options.threads) as processes:
        for axis in growth.AXES:
            for size in axis.quick if options.quick else axis.sizes:
                say(f"growth: {axis.title} {size}")
                problem = axis.problem(size)
                run = bursts.run(problem, processes, growth.ROUNDS, growth.steps_in_a_burst(problem))
                found.setdefault(axis.name, []).append(run)
    if options.write:
        growth.draw(found, DOCUMENT.parent)
    runs = [run for axis in found.values() for run in axis]
    agree = all(run.difference() <= steps.MAX_DIFFERENCE for run in runs)
    return growth.section(found), {name: [r.fields() for r in of] for name, of in found.items()}, agree


SECTIONS: dict[str, Callable[[argparse.Namespace], Measured]] = {
    "steps": measure_steps,
    "rewrites": measure_rewrites,
    "memory": measure_memory,
    "growth": measure_growth,
}
"""What stands in the document between marks of this name."""


def generated(options: argparse.Namespace) -> list[str]:
    """The backends among the contestants."""
    return [name for name in BACKENDS if name in options.contestants]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; exit code 2 where they make no sense."""
    parser = argparse.ArgumentParser(description="Training steps beside PyTorch, what rewrites save, memory, growth.")
    several: dict[str, dict[str, Any]] = {
        "sections": SECTIONS,
        "shapes": steps.SHAPES,
        "optimizer": steps.OPTIMIZERS,
        "contestants": CONTESTANTS,
    }
    add_common(parser, several, "nerva-numpy, nerva-torch, ...")
    parser.add_argument("--rounds", type=int, default=12, help="bursts of each contestant (default: 12)")
    parser.add_argument("--steps", type=int, default=10, help="steps in a burst (default: 10)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--serve", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--rewrites", choices=BACKENDS, help=argparse.SUPPRESS)
    parser.add_argument("--memory", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    split_names(parser, options, several)
    if min(options.rounds, options.steps, options.threads) < 1:
        parser.error("--rounds, --steps, --threads: expected at least 1")
    if options.quick:
        options.rounds, options.steps = min(options.rounds, 2), min(options.steps, 2)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    if options.serve:
        return bursts.serve(CONTESTANTS[options.serve])
    if options.rewrites:
        print(json.dumps(rewrites.measured(options.rewrites, options.quick)))
        return 0
    if options.memory:
        print(json.dumps(memory.measured(options.memory, memory.SMALL if options.quick else memory.PROBLEM)))
        return 0
    figures, agreed = {}, True
    for name in options.sections:
        text, figures[name], agree = SECTIONS[name](options)
        agreed = agreed and agree
        print(f"{text}\n", flush=True)
        if options.write and agree:
            measuring.write(text, name, WRITER, [DOCUMENT])
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    if not agreed:
        say(f"performance: losses differ by more than {steps.MAX_DIFFERENCE}")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
