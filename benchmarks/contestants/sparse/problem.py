"""What everybody trains in the benchmark of sparse weights: the same patterns, weights and batches in every process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.contestants.problem import Problem


@dataclass(frozen=True)
class SparseProblem(Problem):
    """A multilayer perceptron whose weight matrices all have one density.

    density     the share of entries that are stored; each matrix has round(density K D) of them, anywhere
    dtype       of everything
    inference   a step is a forward pass
    """

    density: float = 0.1
    dtype: str = "float32"
    inference: bool = False

    @cached_property
    def weights(self) -> list[tuple[Any, Any]]:
        """W, K x D in compressed rows of SciPy with 32-bit indices, and b, 1 x K: normal with variance
        2 / (density (D + K)), and small. Never dense, however wide the layers are.

        Biases are not zero: many sums of a very sparse layer have no term that is not zero, and at 0, where ReLU has no
        derivative, PyTorch takes 0 and the paper 1.
        """
        from scipy.sparse import csr_array

        from eqgen_numpy import Pattern

        generator = np.random.default_rng(1)
        result: list[tuple[Any, Any]] = []
        for D, K in pairwise(self.sizes):
            pattern = Pattern.random((K, D), self.density, generator)
            values = generator.standard_normal(pattern.count) * np.sqrt(2 / (self.density * (D + K)))
            rows = (values.astype(self.dtype), pattern.column_numbers, pattern.row_pointers)
            b = 0.1 * generator.standard_normal((1, K))
            result.append((csr_array(rows, shape=(K, D)), b.astype(self.dtype)))
        return result

    @property
    def entries(self) -> int:
        """Stored entries of all weight matrices."""
        return sum(round(self.density * K * D) for D, K in pairwise(self.sizes))

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """The batches: X, N x D, and one-hot targets, N x classes."""
        return [(X.astype(self.dtype), self.one_hot(T).astype(self.dtype)) for X, T in self.data]


def compressed(dense: Any, like: Any) -> Any:
    """A dense matrix in compressed rows with the pattern of `like`. ValueError where an entry outside is not zero."""
    rows = np.repeat(np.arange(like.shape[0]), np.diff(like.indptr))
    values = dense[rows, like.indices]
    if (outside := np.count_nonzero(dense) - np.count_nonzero(values)) > 0:
        raise ValueError(f"{outside} entries outside of the pattern are not zero")
    return with_values(values, like)


def with_values(values: Any, like: Any) -> Any:
    """A copy of other values in compressed rows with the pattern of `like`."""
    from scipy.sparse import csr_array

    return csr_array((np.array(values).reshape(-1), like.indices, like.indptr), shape=like.shape)


def transposed(W: Any) -> tuple[Any, Any]:
    """The transposed matrix in compressed rows, and where each of its values stands among those of W."""
    from scipy.sparse import csr_array

    numbers = csr_array((np.arange(W.nnz), W.indices, W.indptr), shape=W.shape).T.tocsr()
    turned = csr_array((W.data[numbers.data], numbers.indices, numbers.indptr), shape=numbers.shape)
    return turned, numbers.data
