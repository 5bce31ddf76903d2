"""The tables of training steps: everybody beside PyTorch, with the goals."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.contestants import AGAIN, BACKENDS, CONTESTANTS, REFERENCE
from benchmarks.contestants.problem import Problem
from benchmarks.measuring import Spread, machine, versions
from benchmarks.measuring.bursts import Run
from docs.tables import markdown

SHAPES = {"mnist": (784, 1024, 512, 10), "cifar10": (3072, 1024, 512, 10)}
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
OPTIMIZERS = {"GradientDescent": 0.0, "Nesterov(0.9)": 0.9}
"""Momentum of each."""
METHODS = {0.0: "plain gradient descent", 0.9: "Nesterov momentum 0.9"}
MAX_DIFFERENCE = 1e-3

GOALS: dict[tuple[str, str], dict[str, float]] = {
    ("cifar10", "GradientDescent"): {"cpp": 0.58, "torch": 0.85, "numpy": 0.85, "jax": 0.82, "tensorflow": 0.82},
    ("cifar10", "Nesterov(0.9)"): {"cpp": 0.68, "torch": 0.90, "numpy": 0.90, "jax": 0.90, "tensorflow": 0.90},
}
"""At most this ratio to PyTorch."""
BEATEN: dict[tuple[str, str], dict[str, str]] = {
    ("cifar10", "GradientDescent"): {"jax": "jax-autodiff", "tensorflow": "keras"},
}
"""Whose step is to take longer."""


def problem(shape: str, optimizer: str) -> Problem:
    """Batches of 100, as in the paper's Table 2."""
    return Problem(SHAPES[shape], momentum=OPTIMIZERS[optimizer])


def reference(run: Run) -> str | None:
    """Whom the others are compared with: PyTorch as it is by default; with momentum the fastest of its
    implementations of SGD. None when it was not measured."""
    candidates = (REFERENCE, "pytorch-foreach", "pytorch-fused") if run.problem.momentum else (REFERENCE,)
    found = [name for name in candidates if name in run.results]
    return min(found, key=lambda name: Spread.of(run.results[name].seconds).median, default=None)


def goal(key: tuple[str, str], name: str, medians: dict[str, float], base: str | None) -> str:
    """What was aimed at, and whether it is reached."""
    limit, other = GOALS.get(key, {}).get(name), BEATEN.get(key, {}).get(name)
    if limit is None or base is None:
        return ""
    text, reached = f"<= {limit:.2f}", medians[name] <= limit * medians[base]
    if other is not None:
        text += f", faster than {other}"
        if other not in medians:
            return f"{text}: {other} was not measured"
        reached = reached and medians[name] < medians[other]
    return f"{text}: {'reached' if reached else 'missed'}"


def table(run: Run, shape: str, optimizer: str) -> str:
    """Markdown: milliseconds a step, ratios of medians, goals."""
    medians = {name: Spread.of(result.seconds).median for name, result in run.results.items()}
    base = reference(run)
    rows = []
    for name, result in run.results.items():
        milliseconds = Spread.of(result.seconds).scaled(1000)
        rows.append(
            [
                CONTESTANTS[name].title,
                milliseconds.text(1),
                "" if base is None else f"{medians[name] / medians[base]:.2f}" + " (reference)" * (name == base),
                goal((shape, optimizer), name, medians, base),
                str(result.info.get("step", "")),
                f"{result.warm_up:.1f}",
            ]
        )
    return markdown(["", "ms a step, median (min to max)", "to PyTorch", "goal", "a step is", "first steps, s"], rows)


def noise(run: Run) -> str:
    """How far two processes that do the same are apart."""
    found = noise_between(run, REFERENCE, AGAIN)
    return "" if found is None else f"Two processes that do the same differ by {found:.0%}. "


def noise_between(run: Run, one: str, other: str) -> float | None:
    """By which share the medians of two contestants differ; None where one of them was not measured."""
    if not all(name in run.results and run.results[name].seconds for name in (one, other)):
        return None
    first, second = (Spread.of(run.results[name].seconds).median for name in (one, other))
    return abs(second / first - 1)


def section(run: Run, shape: str, optimizer: str) -> str:
    """A heading, the table, and what is to be known of this run."""
    text = (
        f"### {TITLES[shape]} shape, {METHODS[run.problem.momentum]}\n\n{table(run, shape, optimizer)}\n\n"
        f"{run.problem.name}. {noise(run)}Losses after the same steps differ by at most {run.difference():.0e}; "
        f"who was asleep used at most {run.idle_share:.1%} of a processor."
    )
    if run.skipped:
        text += "\n\nNot measured: " + "; ".join(f"{name}, {reason}" for name, reason in run.skipped.items()) + "."
    return text


def conditions(runs: Iterable[Run], rounds: int, steps: int, threads: int) -> str:
    """Under which circumstances all of these tables were measured."""
    infos = [result.info for run in runs for result in run.results.values()]
    return (
        f"{rounds} rounds with a burst of {steps} steps of each contestant, batches of 100 random examples, float32, "
        f"{threads} threads, on {machine()}. {versions(infos)}."
    )


def unfinished(run: Run) -> list[str]:
    """Which of the generated packages a run lacks."""
    return [name for name in (REFERENCE, *BACKENDS) if name not in run.results]
