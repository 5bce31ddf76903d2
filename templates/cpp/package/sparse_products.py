"""Patterns as the kernels take them; the products themselves are compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from .pattern import Pattern
from .runtime import Device


class Indices(NamedTuple):
    """A pattern in compressed rows and in compressed columns, 32-bit or 64-bit integers; see `Pattern.by_columns`."""

    shape: tuple[int, int]
    row_pointers: NDArray[Any]
    column_numbers: NDArray[Any]
    column_pointers: NDArray[Any]
    rows_by_columns: NDArray[Any]
    numbers_by_columns: NDArray[Any]


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the kernels take it."""
    return Indices(pattern.shape, pattern.row_pointers, pattern.column_numbers, *pattern.by_columns)
