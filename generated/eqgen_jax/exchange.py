"""JAX's own sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.experimental import sparse

from .pattern import Coordinates, Pattern
from .runtime import Variable, from_host, value


def to_framework(pattern: Pattern, values: Variable) -> sparse.BCOO:
    """A `jax.experimental.sparse.BCOO` whose indices are in order, and none twice."""
    indices = np.stack([pattern.row_numbers, pattern.column_numbers], axis=1)
    entries = value(values)[0]
    arrays = (entries, from_host(indices, None, entries.device))
    return sparse.BCOO(arrays, shape=pattern.shape, indices_sorted=True, unique_indices=True)


def coordinates(source: Any) -> Coordinates | None:
    """What is stored in a BCOO or BCSR; None for anything else. Indices beyond the shape are padding."""
    if isinstance(source, sparse.BCSR):
        source = source.to_bcoo()
    if not isinstance(source, sparse.BCOO):
        return None
    if source.n_batch or source.n_dense or source.n_sparse != 2:
        raise ValueError(
            f"found a BCOO with {source.n_batch} batch, {source.n_sparse} sparse and {source.n_dense} dense "
            "dimensions, expected a matrix with 2 sparse ones"
        )
    indices, values = np.asarray(source.indices), np.asarray(source.data)
    inside = (indices < np.array(source.shape)).all(axis=1)
    return Coordinates(tuple(source.shape), indices[inside, 0], indices[inside, 1], values[inside])
