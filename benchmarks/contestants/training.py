"""What a contestant is: something that makes training steps when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.contestants.problem import Problem

Batch = tuple[Any, Any]
Weights = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


class Unavailable(Exception):
    """A contestant that cannot take part here; the text says why."""


@dataclass
class Training:
    """A network in some framework.

    step      makes one training step with a batch
    wait      returns when all that was begun is done
    weights   W and b of every layer as they are now
    data      the batches as the framework takes them, prepared
    info      `framework` and `version`, and what else is known
    """

    step: Callable[[Any, Any], object]
    wait: Callable[[], object]
    weights: Callable[[], Weights]
    data: list[Batch]
    info: dict[str, Any]

    def __post_init__(self) -> None:
        self.turns = cycle(self.data)

    def steps(self, count: int) -> None:
        """Make some steps, each with the next batch, and wait for them."""
        for _ in range(count):
            self.step(*next(self.turns))
        self.wait()

    def loss(self, problem: Problem) -> float:
        """The mean loss of the network as it is now."""
        return problem.loss(self.weights())


@dataclass
class Inference(Training):
    """Forward passes alone.

    output   N x classes on the host, for a batch as the framework takes it
    """

    output: Callable[[Any], npt.NDArray[Any]] = field(kw_only=True)

    @classmethod
    def of(
        cls,
        forward: Callable[[Any], Any],
        wait: Callable[[Any], object],
        to_host: Callable[[Any], Any],
        data: list[Batch],
        info: dict[str, Any],
    ) -> Inference:
        """What `forward` computes is held until it is waited for."""
        held: list[Any] = [None]

        def step(X: Any, T: Any) -> None:
            held[0] = forward(X)

        return cls(step, lambda: wait(held[0]), list, data, info, output=lambda X: np.asarray(to_host(forward(X))))

    def loss(self, problem: Problem) -> float:
        """The mean loss of what is computed."""
        return problem.mean_loss([self.output(X) for X, _ in self.data[:2]])


class Contestant(Protocol):
    """Makes a training from a problem of its kind. Raises Unavailable, or ImportError where something is not
    installed."""

    def __call__(self, problem: Any) -> Training: ...
