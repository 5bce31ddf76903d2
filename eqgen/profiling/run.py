"""Training steps of a network on random data: with timed equations, without, and as training makes them, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module
from eqgen.optimize.network_cost import BATCH, NetworkCost, input_size
from eqgen.profiling.machine import Machine
from eqgen.profiling.recorder import Place, Recorder, Timing, measured
from eqgen.profiling.report import Profile, joined

LEARNING_RATE = 0.001
WARM_UP = 2
"""Steps that are not counted: they compile, allocate, and fill the caches."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is run: a network and a loss of a package, and one batch, again and again."""

    M: Any
    loss: Any
    X: Any
    T: Any

    def train_step(self) -> None:
        """One training step, as `stochastic_gradient_descent` makes it; over when everything is computed."""
        self.M.train_step(self.X, self.T, self.loss, LEARNING_RATE, one_hot=True)
        self.M.wait()

    def step(self) -> None:
        """The same by its four parts, whose functions hold the equations as they are written."""
        Y = self.M.feedforward(self.X)
        DY = self.loss.gradient(Y, self.T, one_hot=True) / self.X.shape[0]
        self.M.backpropagate(Y, DY)
        self.M.optimize(LEARNING_RATE)
        self.M.wait()


def load(package: ModuleType, M: Any, loss: Any, network: NetworkCost, batch: int, dtype: str, seed: int) -> Load:
    """A network with one batch of random examples: normal deviates, or indices, and a class for each."""
    generator = np.random.default_rng(seed)
    x = next(network.layers[0].definition.with_role("input"))
    binding = network.bindings[0]
    width = int(binding[input_size(network.layers[0].definition)])
    if x.index_size is None:
        X = package.runtime.from_host(generator.normal(size=(batch, width)), dtype)
    else:
        columns = x.shape[1] if isinstance(x.shape[1], int) else int(binding[x.shape[1]])
        X = package.runtime.from_host(generator.integers(width, size=(batch, columns)))
    outputs = M.feedforward(X).shape[1]
    classes = generator.integers(outputs, size=batch)
    T = package.runtime.from_host(np.eye(outputs)[classes], dtype)
    return Load(M, loss, X, T)


def profile(
    package: ModuleType,
    module: Module,
    network: NetworkCost,
    what: Load,
    machine: Machine,
    repeats: int,
    advance: Callable[[], None] = lambda: None,
    sparse: bool = False,
) -> Profile:
    """Profile a network.

    package   built with pieces from the definitions in `module`
    network   its cost, at any batch size
    repeats   steps of each kind, in turn; medians of them are given
    advance   called after each of `steps(repeats)` steps
    sparse    whether the package has layers over stored entries
    """
    recorder = Recorder(package, measured(module, sparse))
    training: list[float] = []
    whole: list[float] = []
    instrumented: list[float] = []
    timings: dict[Place, list[Timing]] = {}
    for turn in range(WARM_UP + repeats):
        kept = _seconds(what.train_step)
        advance()
        seconds = _seconds(what.step)
        advance()
        start = time.perf_counter()
        found = recorder.record(what.M.layers, what.step)
        own = time.perf_counter() - start
        advance()
        if turn >= WARM_UP:
            training.append(kept)
            whole.append(seconds)
            instrumented.append(own)
            for place, timing in found.items():
                timings.setdefault(place, []).append(timing)
    itemsize = int(np.dtype(machine.dtype).itemsize)
    equations = joined(network.at({BATCH: what.X.shape[0]}), timings, itemsize)
    timing_seconds = recorder.timing_seconds(what.T)
    medians = (median(whole), median(instrumented), median(training))
    return Profile(tuple(equations), *medians, timing_seconds, repeats, machine)


def steps(repeats: int) -> int:
    """How many steps `profile` makes."""
    return 3 * (WARM_UP + repeats)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
