"""JAX's own sparse matrices. Their module takes long to import: it waits until somebody has such a matrix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from .pattern import Coordinates, Pattern
from .runtime import Variable, from_host, value

if TYPE_CHECKING:
    from jax.experimental import sparse


def to_framework(pattern: Pattern, values: Variable) -> sparse.BCOO:
    """A `jax.experimental.sparse.BCOO` whose indices are in order, and none twice."""
    from jax.experimental import sparse

    indices = np.stack([pattern.row_numbers, pattern.column_numbers], axis=1)
    entries = value(values)[0]
    arrays = (entries, from_host(indices, None, entries.device))
    return sparse.BCOO(arrays, shape=pattern.shape, indices_sorted=True, unique_indices=True)


def coordinates(source: Any) -> Coordinates | None:
    """What is stored in a BCOO or BCSR; None for anything else. Indices beyond the shape are padding."""
    if "jax.experimental.sparse" not in sys.modules:
        return None
    from jax.experimental import sparse

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
