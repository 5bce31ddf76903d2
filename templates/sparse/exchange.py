"""The sparse matrices of a framework that has none of its own: those of SciPy."""

from __future__ import annotations

from typing import Any

from .pattern import Coordinates, Pattern
from .runtime import Variable, to_host


def to_framework(pattern: Pattern, values: Variable) -> Any:
    """A `scipy.sparse.csr_array` in memory of its own; needs SciPy."""
    import scipy.sparse

    arrays = (to_host(values)[0], pattern.column_numbers.copy(), pattern.row_pointers.copy())
    return scipy.sparse.csr_array(arrays, shape=pattern.shape)


def coordinates(source: Any) -> Coordinates | None:
    """What is stored in a sparse matrix of the framework, else None; those of SciPy are known to every package."""
    return None
