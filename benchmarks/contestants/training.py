"""What a contestant is: something that makes training steps when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


class Contestant(Protocol):
    """Makes a training from a problem. Raises Unavailable, or ImportError where something is not installed."""

    def __call__(self, problem: Problem) -> Training: ...
