"""The array primitives of the NumPy package.

Every eqgen package has a `runtime` with the names in `__all__` and the same meanings, so that the other modules are the
same text in all of them. A matrix has two dimensions, always; a *variable* is a matrix that is changed in place (a
parameter, its gradient, a running statistic). Here both are `numpy.ndarray`. Results keep the dtype of their inputs.
"""

from __future__ import annotations

import functools
import math
import os
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[Any]
Variable: TypeAlias = NDArray[Any]
HostMatrix: TypeAlias = NDArray[Any]
Device: TypeAlias = str | None
Number: TypeAlias = float
Scalar: TypeAlias = float

_NAMES = {np.dtype(name): name for name in ("float32", "float64", "int64")}
"""NumPy composes the name of a dtype anew whenever it is asked for it."""

ARRAY = "numpy.ndarray"
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
    """What computes: the framework, its version, and how many processors it sees."""
    blas = cast("dict[str, Any]", np.show_config(mode="dicts"))["Build Dependencies"]["blas"]
    return {"framework": "numpy", "version": np.__version__, "blas": str(blas["name"]), "threads": os.cpu_count() or 1}


def from_host(array: HostMatrix, dtype: str | None = None, device: Device = None) -> Matrix:
    """A matrix with the entries of a NumPy array, as `dtype` or as it is; the memory is not shared."""
    if device not in (None, "cpu"):
        raise ValueError(f"device {device!r}: the NumPy package computes on 'cpu' only")
    return np.array(array, dtype=dtype, order="C")


def to_host(x: Matrix | Variable) -> HostMatrix:
    """A NumPy copy of a matrix or a variable."""
    return np.array(x)


def full(rows: int, columns: int, number: float, dtype: str, device: Device = None) -> Matrix:
    """A rows x columns matrix filled with a number."""
    return from_host(np.full((rows, columns), number), dtype, device)


def full_like(x: Matrix | Variable, number: float) -> Matrix:
    """A matrix of the shape, dtype and device of `x`, filled with a number."""
    return np.full_like(x, number)


def variable(x: Matrix) -> Variable:
    """A variable that starts with the entries of `x`, in memory of its own."""
    return np.array(x, order="C")


def zeros(rows: int, columns: int, dtype: str, device: Device = None) -> Variable:
    """A variable of zeros. It takes no memory until something is written to it."""
    return np.zeros((rows, columns), dtype=dtype)


def value(v: Matrix | Variable) -> Matrix:
    """The matrix that a variable holds; a matrix stands for itself."""
    return v


def assign(v: Variable, x: Matrix) -> None:
    """Overwrite a variable in place; `x` is converted to its dtype. ValueError when the shapes differ."""
    if v.shape != x.shape:
        raise ValueError(f"a variable of shape {v.shape} cannot take a matrix of shape {x.shape}")
    v[...] = x


def is_matrix(x: object) -> bool:
    """Whether `x` is an array of this framework, or a variable."""
    return isinstance(x, np.ndarray)


def is_concrete(x: Matrix) -> bool:
    """Whether the entries of `x` can be read now (they cannot while a function is traced, or without storage)."""
    return True


def is_floating(x: Matrix | Variable) -> bool:
    return bool(np.issubdtype(x.dtype, np.floating))


def is_integer(x: Matrix | Variable) -> bool:
    return bool(np.issubdtype(x.dtype, np.integer))


def dtype_name(x: Matrix | Variable) -> str:
    """`float32`, `int64`, ..."""
    return _NAMES.get(x.dtype) or x.dtype.name


def scalar(number: float, like: Matrix | Variable) -> Scalar:
    """A number in the form in which the functions of `functional` take it beside matrices like `like`."""
    return float(number)


def wait(v: Variable) -> None:
    """Return when the computation of `v` has finished."""


def compiled(function: _Function) -> _Function:
    """Decorates the functions of `functional`. Compiles nothing here, but silences floating-point warnings.

    `where(c, a, b)` evaluates both `a` and `b`, so that the entries that are not taken may overflow. Of the mean of no
    rows NumPy warns in another way, which costs more to silence.
    """
    silent = np.errstate(all="ignore")(function)

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        if all(argument.size for argument in arguments if isinstance(argument, np.ndarray)):
            return silent(*arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return silent(*arguments)

    return cast(_Function, run)


def static(cls: _Class) -> _Class:
    """Declares that objects of a class (activations) are constants of the functions that they are passed to."""
    return cls


# --- operations --------------------------------------------------------------------------------------------
# Entrywise operations with two or three operands take numbers, too; numbers never change the dtype of a matrix.


def erf(x: Matrix) -> Matrix:
    """The error function, entry by entry."""
    return _each(math.erf, x)


def erfc(x: Matrix) -> Matrix:
    """1 - erf(x), entry by entry, accurate for large x."""
    return _each(math.erfc, x)


def _each(function: Callable[[float], float], x: Matrix) -> Matrix:
    """A function of numbers, which NumPy does not have, of every entry."""
    return np.fromiter(map(function, x.ravel().tolist()), dtype=x.dtype, count=x.size).reshape(x.shape)


def sigmoid(x: Matrix) -> Matrix:
    """1 / (1 + exp(-x)); the exponent is never positive, so that nothing overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus(x: Matrix) -> Matrix:
    """log(1 + exp(x)), exact for large |x|."""
    return cast(Matrix, np.logaddexp(x, x.dtype.type(0)))


def log_sigmoid(x: Matrix) -> Matrix:
    """log(sigmoid(x)) = -softplus(-x)."""
    return -softplus(-x)


def inv_sqrt(x: Matrix) -> Matrix:
    """x ** (-1/2)."""
    return cast(Matrix, 1 / np.sqrt(x))


def power(x: Matrix | Number, exponent: Matrix | Number) -> Any:
    """x ** exponent over the reals: nan for a negative base and a fractional exponent."""
    if isinstance(x, (int, float)) and isinstance(exponent, (int, float)):
        return float(np.power(np.float64(x), np.float64(exponent)))
    return np.power(x, exponent)


def sign(x: Matrix | Number) -> Any:
    """-1, 0 or 1."""
    return float(np.sign(x)) if isinstance(x, (int, float)) else np.sign(x)


def maximum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The larger of two, entry by entry."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return max(a, b)
    return np.maximum(a, b)


def minimum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The smaller of two, entry by entry."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return min(a, b)
    return np.minimum(a, b)


def where(condition: Matrix | bool, a: Matrix | Number, b: Matrix | Number, like: Matrix | None = None) -> Any:
    """`a` where the condition holds, else `b`. Where both are numbers, the matrix `like` gives the dtype."""
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if like is None:
            raise TypeError("where: two numbers have no dtype: give a matrix as `like`")
        a, b = like.dtype.type(a), like.dtype.type(b)
    return np.where(condition, a, b)


LONG = 1024
"""Rows from which sums of columns are formed in blocks: before, the error of a running sum is small enough."""
NARROW = 16
"""Columns up to which a transposed copy is the faster way to sums in blocks."""


def columns_sum(X: Matrix) -> Matrix:
    """Sums of columns, 1 x n, whose error hardly grows with the number of rows.

    np.sum adds the rows of a matrix one by one unless its columns are contiguous, which in single precision loses three
    digits at 10^5 rows; along contiguous entries it adds in pairs.
    """
    rows, columns = X.shape
    if rows <= LONG or X.flags.f_contiguous:
        return cast(Matrix, np.sum(X, axis=0, keepdims=True))
    if columns <= NARROW:
        return cast(Matrix, np.sum(np.ascontiguousarray(X.T), axis=1, keepdims=True).T)
    whole = rows - rows % LONG
    partial = np.sum(X[:whole].reshape(-1, LONG, columns), axis=1)
    return columns_sum(np.concatenate([partial, np.sum(X[whole:], axis=0, keepdims=True)]))


def columns_mean(X: Matrix) -> Matrix:
    """Means of columns, 1 x n."""
    rows = len(X)
    return cast(Matrix, np.mean(X, axis=0, keepdims=True)) if rows <= LONG else columns_sum(X) / rows


def row_gather(E: Matrix, x: Matrix) -> Matrix:
    """Rows of `E` chosen by an integer column `x`, N x 1."""
    return np.take(E, x[:, 0], axis=0)


def column_gather(E: Matrix, x: Matrix) -> Matrix:
    """Columns of `E` chosen by an integer row `x`, 1 x N."""
    return np.take(E, x[0, :], axis=1)


def row_scatter_add(x: Matrix, G: Matrix, rows: int) -> Matrix:
    """The adjoint of `row_gather`: row i of `G` is added to row `x[i]` of a zero matrix."""
    result = np.zeros((rows, G.shape[1]), dtype=G.dtype)
    np.add.at(result, x[:, 0], G)
    return result


def column_scatter_add(x: Matrix, G: Matrix, columns: int) -> Matrix:
    """The adjoint of `column_gather`: column j of `G` is added to column `x[j]` of a zero matrix."""
    return row_scatter_add(x.T, G.T, columns).T
