"""The array primitives of the PyTorch package.

Every eqgen package has a `runtime` with the names in `__all__` and the same meanings, so that the other modules are the
same text in all of them. A matrix has two dimensions, always; a *variable* is a matrix that is changed in place (a
parameter, its gradient, a running statistic). Here both are `torch.Tensor`; no variable requires a gradient. Results
keep the dtype and the device of their inputs, and constants are created like them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Matrix: TypeAlias = torch.Tensor
Variable: TypeAlias = torch.Tensor
HostMatrix: TypeAlias = NDArray[Any]
Device: TypeAlias = torch.device | str | None
Number: TypeAlias = float
Scalar: TypeAlias = float

ARRAY = "torch.Tensor"
"""What a matrix is called in messages."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)

__all__ = [
    "ARRAY",
    "Device",
    "HostMatrix",
    "Matrix",
    "Number",
    "Scalar",
    "Variable",
    "assign",
    "column_gather",
    "column_scatter_add",
    "compiled",
    "dtype_name",
    "erf",
    "erfc",
    "from_host",
    "full",
    "full_like",
    "info",
    "inv_sqrt",
    "is_concrete",
    "is_floating",
    "is_integer",
    "is_matrix",
    "log_sigmoid",
    "maximum",
    "minimum",
    "power",
    "row_gather",
    "row_scatter_add",
    "scalar",
    "sigmoid",
    "sign",
    "softplus",
    "static",
    "to_host",
    "value",
    "variable",
    "wait",
    "where",
    "zeros",
]


# --- matrices and variables --------------------------------------------------------------------------------


def info() -> dict[str, str | int]:
    """What computes: the framework, its version, its BLAS, and how many threads it uses."""
    mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    return {
        "framework": "torch",
        "version": torch.__version__,
        "blas": "mkl" if mkl else "other",
        "threads": torch.get_num_threads(),
    }


def from_host(array: HostMatrix, dtype: str | None = None, device: Device = None) -> Matrix:
    """A matrix with the entries of a NumPy array, as `dtype` or as it is; the memory is not shared."""
    return torch.from_numpy(np.array(array, dtype=dtype, order="C")).to(device or "cpu")


def to_host(x: Matrix | Variable) -> HostMatrix:
    """A NumPy copy of a matrix or a variable. ValueError where it has no storage (device 'meta')."""
    if not is_concrete(x):
        raise ValueError("a tensor on device 'meta' has a shape and a dtype, but no entries to read")
    return np.array(x.detach().cpu().numpy())


def full(rows: int, columns: int, number: float, dtype: str, device: Device = None) -> Matrix:
    """A rows x columns matrix filled with a number."""
    return torch.full((rows, columns), number, dtype=getattr(torch, dtype), device=device or "cpu")


def full_like(x: Matrix | Variable, number: float) -> Matrix:
    """A matrix of the shape, dtype and device of `x`, filled with a number."""
    return torch.full_like(x, number, requires_grad=False)


def variable(x: Matrix) -> Variable:
    """A variable that starts with the entries of `x`, in memory of its own."""
    return x.detach().clone(memory_format=torch.contiguous_format)


def zeros(rows: int, columns: int, dtype: str, device: Device = None) -> Variable:
    """A variable of zeros. On the processor it takes no memory until something is written to it."""
    if torch.device(device or "cpu").type == "cpu":
        return torch.from_numpy(np.zeros((rows, columns), dtype=dtype))  # torch.zeros would write the zeros
    return torch.zeros((rows, columns), dtype=getattr(torch, dtype), device=device)


def value(v: Matrix | Variable) -> Matrix:
    """The matrix that a variable holds; a matrix stands for itself."""
    return v


def assign(v: Variable, x: Matrix) -> None:
    """Overwrite a variable in place; `x` is converted to its dtype. ValueError when the shapes differ."""
    if v.shape != x.shape:
        raise ValueError(f"a variable of shape {tuple(v.shape)} cannot take a matrix of shape {tuple(x.shape)}")
    v.copy_(x.detach())


def is_matrix(x: object) -> bool:
    """Whether `x` is an array of this framework, or a variable."""
    return isinstance(x, torch.Tensor)


def is_concrete(x: Matrix) -> bool:
    """Whether the entries of `x` can be read now (they cannot while a function is traced, or without storage)."""
    return x.device.type != "meta"


def is_floating(x: Matrix | Variable) -> bool:
    return x.dtype.is_floating_point


def is_integer(x: Matrix | Variable) -> bool:
    return not (x.dtype.is_floating_point or x.dtype.is_complex or x.dtype == torch.bool)


def dtype_name(x: Matrix | Variable) -> str:
    """`float32`, `int64`, ..."""
    return str(x.dtype).removeprefix("torch.")


def scalar(number: float, like: Matrix | Variable) -> Scalar:
    """A number in the form in which the functions of `functional` take it beside matrices like `like`."""
    return float(number)


def wait(v: Variable) -> None:
    """Return when the computation of `v` has finished."""
    if v.is_cuda:
        torch.cuda.synchronize(v.device)


def compiled(function: _Function) -> _Function:
    """Decorates the functions of `functional`. They run eagerly, and stay transparent to autograd for who wants it."""
    return function


def static(cls: _Class) -> _Class:
    """Declares that objects of a class (activations) are constants of the functions that they are passed to."""
    return cls


# --- operations --------------------------------------------------------------------------------------------
# Entrywise operations with two or three operands take numbers, too; numbers never change the dtype of a matrix.


def erf(x: Matrix) -> Matrix:
    """The error function, entry by entry."""
    return torch.erf(x)


def erfc(x: Matrix) -> Matrix:
    """1 - erf(x), entry by entry, accurate for large x."""
    return torch.erfc(x)


def sigmoid(x: Matrix) -> Matrix:
    """1 / (1 + exp(-x)), without overflow."""
    return torch.sigmoid(x)


def softplus(x: Matrix) -> Matrix:
    """log(1 + exp(x)), exact for large |x|. (torch's own softplus is x above a threshold: 2e-9 off at x = 20.)"""
    return -torch.nn.functional.logsigmoid(-x)


def log_sigmoid(x: Matrix) -> Matrix:
    """log(sigmoid(x)) = -softplus(-x)."""
    return torch.nn.functional.logsigmoid(x)


def inv_sqrt(x: Matrix) -> Matrix:
    """x ** (-1/2)."""
    return torch.rsqrt(x)


def power(x: Matrix | Number, exponent: Matrix | Number) -> Any:
    """x ** exponent over the reals: nan for a negative base and a fractional exponent."""
    if isinstance(x, (int, float)) and isinstance(exponent, (int, float)):
        return float(np.power(np.float64(x), np.float64(exponent)))
    return torch.pow(x, exponent)  # type: ignore[arg-type]


def sign(x: Matrix | Number) -> Any:
    """-1, 0 or 1."""
    return float(np.sign(x)) if isinstance(x, (int, float)) else torch.sign(x)


def maximum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The larger of two, entry by entry."""
    if isinstance(a, (int, float)):
        return max(a, b) if isinstance(b, (int, float)) else b.clamp(min=a)
    return a.clamp(min=b) if isinstance(b, (int, float)) else torch.maximum(a, b)


def minimum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The smaller of two, entry by entry."""
    if isinstance(a, (int, float)):
        return min(a, b) if isinstance(b, (int, float)) else b.clamp(max=a)
    return a.clamp(max=b) if isinstance(b, (int, float)) else torch.minimum(a, b)


def where(condition: Matrix | bool, a: Matrix | Number, b: Matrix | Number, like: Matrix | None = None) -> Any:
    """`a` where the condition holds, else `b`. Where both are numbers, the matrix `like` gives the dtype."""
    if isinstance(condition, bool):
        return a if condition else b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if like is None:
            raise TypeError("where: two numbers have no dtype: give a matrix as `like`")
        a = like.new_full((), a)
    return torch.where(condition, a, b)


def row_gather(E: Matrix, x: Matrix) -> Matrix:
    """Rows of `E` chosen by an integer column `x`, N x 1."""
    return E.index_select(0, x[:, 0])


def column_gather(E: Matrix, x: Matrix) -> Matrix:
    """Columns of `E` chosen by an integer row `x`, 1 x N."""
    return E.index_select(1, x[0, :])


def row_scatter_add(x: Matrix, G: Matrix, rows: int) -> Matrix:
    """The adjoint of `row_gather`: row i of `G` is added to row `x[i]` of a zero matrix."""
    return G.new_zeros((rows, G.shape[1])).index_add(0, x[:, 0], G)


def column_scatter_add(x: Matrix, G: Matrix, columns: int) -> Matrix:
    """The adjoint of `column_gather`: column j of `G` is added to column `x[j]` of a zero matrix."""
    return G.new_zeros((G.shape[0], columns)).index_add(1, x[0, :], G)
