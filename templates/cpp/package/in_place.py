"""Memory that kernels write into."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import numpy as np

from .runtime import Matrix


def empty(rows: int, columns: int, like: Matrix, mask: bool = False) -> Matrix:
    """A matrix with undefined entries, of the dtype of `like` or of truth values."""
    return np.empty((rows, columns), dtype=np.bool_ if mask else like.dtype)


def copy(x: Matrix, target: Matrix) -> None:
    np.copyto(target, x)


def silent() -> AbstractContextManager[None]:
    """A context without floating-point warnings: kernels give none."""
    return contextlib.nullcontext()
