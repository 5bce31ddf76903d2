"""Patterns as the kernels take them; the products themselves are compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from .pattern import Pattern
from .runtime import Device


class Indices(NamedTuple):
    """A pattern in compressed rows, 32-bit or 64-bit integers."""

    shape: tuple[int, int]
    row_pointers: NDArray[Any]
    column_numbers: NDArray[Any]


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the kernels take it."""
    return Indices(pattern.shape, pattern.row_pointers, pattern.column_numbers)
