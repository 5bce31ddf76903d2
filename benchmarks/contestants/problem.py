"""What everybody trains: a multilayer perceptron, its initial weights and its batches, the same in every process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """Softmax cross-entropy of a multilayer perceptron with ReLU between its linear layers, in single precision.

    sizes      of the input, the hidden layers and the output
    batch      examples in a batch
    momentum   of Nesterov's method; 0 stands for plain gradient descent
    eta        the learning rate
    batches    how many there are; steps go round
    """

    sizes: tuple[int, ...]
    batch: int = 100
    momentum: float = 0.0
    eta: float = 0.01
    batches: int = 10

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Problem:
        """What `fields` has written."""
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

    def fields(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def classes(self) -> int:
        return self.sizes[-1]

    @property
    def name(self) -> str:
        """`784-1024-512-10`."""
        return "-".join(map(str, self.sizes))

    @cached_property
    def weights(self) -> list[tuple[Array, Array]]:
        """W, K x D, and b, 1 x K, of every layer: normal with variance 2 / (D + K), and zero."""
        generator = np.random.default_rng(1)
        return [
            (
                (generator.standard_normal((K, D)) * np.sqrt(2 / (D + K))).astype(np.float32),
                np.zeros((1, K), np.float32),
            )
            for D, K in pairwise(self.sizes)
        ]

    @cached_property
    def data(self) -> list[tuple[Array, npt.NDArray[np.int64]]]:
        """Random batches: X, N x D, and class numbers. The means of the classes differ, so that there is something
        to learn."""
        generator = np.random.default_rng(2)
        means = generator.standard_normal((self.classes, self.sizes[0])).astype(np.float32) / 4
        result = []
        for _ in range(self.batches):
            T = generator.integers(self.classes, size=self.batch)
            X = generator.standard_normal((self.batch, self.sizes[0]), dtype=np.float32) / 2 + means[T]
            result.append((X.astype(np.float32, copy=False), T))
        return result

    def one_hot(self, T: npt.NDArray[np.int64]) -> Array:
        """N x classes."""
        return np.eye(self.classes, dtype=np.float32)[T]

    def loss(self, weights: Sequence[tuple[Any, Any]]) -> float:
        """The mean loss over two batches, in double precision: one judge for everybody."""
        outputs = []
        for X, _ in self.data[:2]:
            Y: npt.NDArray[np.float64] = X.astype(np.float64)
            for k, (W, b) in enumerate(weights):
                Y = (np.maximum(Y, 0) if k else Y) @ W.astype(np.float64).T + b.reshape(1, -1)
            outputs.append(Y)
        return self.mean_loss(outputs)

    def mean_loss(self, outputs: Sequence[npt.NDArray[Any]]) -> float:
        """The mean loss of outputs for the first batches, N x classes each, in double precision."""
        total = 0.0
        for Y, (_, T) in zip(outputs, self.data, strict=False):
            shifted = Y.astype(np.float64) - Y.max(axis=1, keepdims=True)
            logs = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(T)), T]
            total += float(logs.mean())
        return total / len(outputs)
