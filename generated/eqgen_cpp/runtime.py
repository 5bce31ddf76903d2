"""The array primitives of the C++ package: NumPy arrays outside, compiled kernels inside.

A matrix and a variable are `numpy.ndarray`s; the kernels take them without copies when they are contiguous.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

try:
    from . import _kernels
except ImportError as error:
    message = f"the kernels of {__package__} are not compiled for this Python: run `eqgen build` ({error})"
    raise ImportError(message) from error
from .arrays import (
    ARRAY,
    Device,
    HostMatrix,
    Matrix,
    Number,
    Scalar,
    Variable,
    assign,
    compiled,
    dtype_name,
    from_host,
    full,
    full_like,
    is_concrete,
    is_floating,
    is_integer,
    is_matrix,
    scalar,
    static,
    to_host,
    value,
    variable,
    wait,
    zeros,
)
from .checks import header_numbers

if TYPE_CHECKING:
    from .activations import Activation

__all__ = [
    "ARRAY",
    "Device",
    "HostMatrix",
    "Matrix",
    "Number",
    "Scalar",
    "Variable",
    "activation",
    "assign",
    "compiled",
    "contiguous",
    "contiguous_indices",
    "dtype_name",
    "from_host",
    "full",
    "full_like",
    "info",
    "is_concrete",
    "is_floating",
    "is_integer",
    "is_matrix",
    "scalar",
    "set_threads",
    "static",
    "to_host",
    "value",
    "variable",
    "wait",
    "zeros",
]


def info() -> dict[str, str | int]:
    """What computes: BLAS and its version, compiler, instruction set, threads."""
    return {"framework": "cpp", **_kernels.info()}


def set_threads(threads: int) -> None:
    """Threads of products and loops; 0 stands for as many as OpenMP offers."""
    _kernels.set_threads(threads)


def contiguous(x: Matrix) -> Matrix:
    """The matrix row by row in memory: itself, or a copy where it is a view with other strides."""
    return np.ascontiguousarray(x)


def contiguous_indices(x: Matrix) -> NDArray[np.int64]:
    """A matrix of integers as 64-bit integers, row by row in memory."""
    return np.ascontiguousarray(x, dtype=np.int64)


def activation(act: Activation) -> tuple[str, tuple[Any, ...]]:
    """An activation as the kernels take it: its name in the equations, and the numbers of its header.

    TypeError for an activation that is written in Python: there is no kernel for it.
    """
    names = _activation_names()
    name = names.get(type(act))
    if name is None:
        raise TypeError(
            f"{type(act).__name__} has no kernel: expected one of {', '.join(names.values())}; "
            "define it in a .eq file and build the package with it"
        )
    return name, header_numbers(act)


@functools.cache
def _activation_names() -> dict[type[Activation], str]:
    from .activations import ACTIVATIONS  # not above: activations call this module

    return {cls: name for name, cls in ACTIVATIONS.items()}
