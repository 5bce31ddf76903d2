"""Memory that kernels write into."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import numpy as np

from .runtime import Matrix

CACHE_LINE = 64
"""Bytes; a vector register holds as many, and takes twice as long to fill across the boundary between two."""


def empty(rows: int, columns: int, like: Matrix, mask: bool = False) -> Matrix:
    """A matrix with undefined entries, of the dtype of `like` or of truth values, that begins on a cache line."""
    dtype = np.dtype(np.bool_) if mask else like.dtype
    size = rows * columns * dtype.itemsize
    memory = np.empty(size + CACHE_LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    return memory[begin : begin + size].view(dtype).reshape(rows, columns)


def copy(x: Matrix, target: Matrix) -> None:
    np.copyto(target, x)


def silent() -> AbstractContextManager[None]:
    """A context without floating-point warnings: kernels give none."""
    return contextlib.nullcontext()
