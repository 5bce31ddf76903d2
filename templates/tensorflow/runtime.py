"""The array primitives of the TensorFlow package.

Every eqgen package has a `runtime` with the names in `__all__` and the same meanings, so that the other modules are the
same text in all of them. A matrix is a `tf.Tensor` with two dimensions, always; it never changes. What changes in
place (a parameter, its gradient, a running statistic) is a `Variable`: a cell that holds a matrix. Results keep the
dtype of their inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from .cell import Cell, Pending

Matrix: TypeAlias = tf.Tensor
HostMatrix: TypeAlias = NDArray[Any]
Device: TypeAlias = str | None
Number: TypeAlias = float
Scalar: TypeAlias = tf.Tensor

ARRAY = "tf.Tensor"
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


class Variable(Cell):
    """A cell that holds a `tf.Tensor`; TensorFlow's own functions accept it as one."""

    __slots__ = ()

    def assign(self, x: Any) -> None:
        if self.shape != tuple(x.shape):
            raise ValueError(f"a variable of shape {self.shape} cannot take a matrix of shape {tuple(x.shape)}")
        self.value = x if x.dtype == self.dtype else tf.cast(x, self.dtype)

    @property
    def T(self) -> Matrix:
        return tf.transpose(self.value)

    def __setitem__(self, key: Any, new: Any) -> None:
        host = to_host(self.value)
        host[key] = new
        self.value = from_host(host, device=self.value.device)


def _converted(v: Variable, dtype: Any = None, name: Any = None, as_ref: bool = False) -> Matrix:
    """How TensorFlow's own functions read a variable."""
    return tf.convert_to_tensor(v.value, dtype=dtype, name=name)


tf.register_tensor_conversion_function(Variable, _converted)


def info() -> dict[str, str | int]:
    """What computes: the framework, its version, and the devices it has."""
    devices = ", ".join(device.name for device in tf.config.list_logical_devices())
    return {"framework": "tensorflow", "version": tf.__version__, "devices": devices}


def from_host(array: HostMatrix, dtype: str | None = None, device: Device = None) -> Matrix:
    """A matrix with the entries of a NumPy array, as `dtype` or as it is; the memory is not shared."""
    with tf.device(device):
        return tf.constant(np.asarray(array, dtype=dtype))


def to_host(x: Matrix | Variable) -> HostMatrix:
    """A NumPy copy of a matrix or a variable."""
    return np.array(value(x).numpy())


def full(rows: int, columns: int, number: float, dtype: str, device: Device = None) -> Matrix:
    """A rows x columns matrix filled with a number."""
    return from_host(np.full((rows, columns), number), dtype, device)


def full_like(x: Matrix | Variable, number: float) -> Matrix:
    """A matrix of the shape, dtype and device of `x`, filled with a number."""
    rows, columns = x.shape
    return full(rows, columns, number, dtype_name(x), value(x).device)


def variable(x: Matrix) -> Variable:
    """A variable that starts with the entries of `x`."""
    return Variable(x)


def zeros(rows: int, columns: int, dtype: str, device: Device = None) -> Variable:
    """A variable of zeros. It takes no memory until it is read."""
    make = functools.partial(_made, rows, columns, 0.0, dtype, device)
    return Variable(Pending((rows, columns), tf.as_dtype(dtype), make))


def _made(*arguments: Any) -> Matrix:
    with tf.init_scope():
        return full(*arguments)


def value(v: Matrix | Variable) -> Matrix:
    """The matrix that a variable holds; a matrix stands for itself."""
    return v.value if isinstance(v, Variable) else v


def assign(v: Variable, x: Matrix) -> None:
    """Put another matrix into a variable, converted to its dtype. ValueError when the shapes differ."""
    v.assign(x)


def is_matrix(x: object) -> bool:
    """Whether `x` is an array of this framework, or a variable."""
    return isinstance(x, (tf.Tensor, Variable))


def is_concrete(x: Matrix) -> bool:
    """Whether the entries of `x` can be read now (they cannot while a function is traced, or without storage)."""
    return not tf.is_symbolic_tensor(x)


def is_floating(x: Matrix | Variable) -> bool:
    return bool(x.dtype.is_floating)


def is_integer(x: Matrix | Variable) -> bool:
    return bool(x.dtype.is_integer)


def dtype_name(x: Matrix | Variable) -> str:
    """`float32`, `int64`, ..."""
    return str(x.dtype.name)


def scalar(number: float, like: Matrix | Variable) -> Scalar:
    """A number in the form in which the functions of `functional` take it beside matrices like `like`.

    A tensor: TensorFlow would trace a function again for every new value of a Python number.
    """
    return tf.constant(number, dtype=like.dtype)


def wait(v: Variable) -> None:
    """Return when the computation of `v` has finished."""
    value(v)[:1, :1].numpy()


def compiled(function: _Function) -> _Function:
    """Decorates the functions of `functional`: traced once for every combination of shapes, dtypes and constants."""
    return cast(_Function, tf.function(function, autograph=False))


def static(cls: _Class) -> _Class:
    """Declares that objects of a class (activations) are constants of the functions that they are passed to.

    The class must define equality and a hash: equal objects share one trace.
    """
    cls.__tf_tracing_type__ = lambda constant, context: _Constant(constant)  # type: ignore[attr-defined]
    return cls


class _Constant(tf.types.experimental.TraceType):  # type: ignore[misc]
    """The type of an object in a trace: the object itself. By default TensorFlow would forget it with the object."""

    def __init__(self, constant: object) -> None:
        self.constant = constant

    def is_subtype_of(self, other: object) -> bool:
        return self == other

    def most_specific_common_supertype(self, others: Sequence[object]) -> _Constant | None:
        return self if all(self == other for other in others) else None

    def placeholder_value(self, placeholder_context: object) -> object:
        return self.constant

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Constant) and self.constant == other.constant

    def __hash__(self) -> int:
        return hash(self.constant)


# --- operations --------------------------------------------------------------------------------------------
# Entrywise operations with two or three operands take numbers, too; numbers never change the dtype of a matrix.


def erf(x: Matrix) -> Matrix:
    """The error function, entry by entry."""
    return tf.math.erf(x)


def erfc(x: Matrix) -> Matrix:
    """1 - erf(x), entry by entry, accurate for large x."""
    return tf.math.erfc(x)


def sigmoid(x: Matrix) -> Matrix:
    """1 / (1 + exp(-x)), without overflow."""
    return tf.math.sigmoid(x)


def softplus(x: Matrix) -> Matrix:
    """log(1 + exp(x)), exact for large |x|."""
    return tf.math.softplus(x)


def log_sigmoid(x: Matrix) -> Matrix:
    """log(sigmoid(x)) = -softplus(-x)."""
    return tf.math.log_sigmoid(x)


def inv_sqrt(x: Matrix) -> Matrix:
    """x ** (-1/2)."""
    return tf.math.rsqrt(x)


def power(x: Matrix | Number, exponent: Matrix | Number) -> Any:
    """x ** exponent over the reals: nan for a negative base and a fractional exponent."""
    if isinstance(x, (int, float)) and isinstance(exponent, (int, float)):
        return float(np.power(np.float64(x), np.float64(exponent)))
    return tf.pow(*_alike(x, exponent))


def sign(x: Matrix | Number) -> Any:
    """-1, 0 or 1."""
    return float(np.sign(x)) if isinstance(x, (int, float)) else tf.sign(x)


def maximum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The larger of two, entry by entry."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return max(a, b)
    if isinstance(a, (int, float)) or isinstance(b, (int, float)):
        return tf.maximum(*_alike(a, b))
    # Not tf.maximum: TensorFlow's graph optimizer takes maximum(c * x, x) for a leaky ReLU also where c > 1.
    return -tf.minimum(-a, -b)


def minimum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The smaller of two, entry by entry."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return min(a, b)
    return tf.minimum(*_alike(a, b))


def where(condition: Matrix | bool, a: Matrix | Number, b: Matrix | Number, like: Matrix | None = None) -> Any:
    """`a` where the condition holds, else `b`. Where both are numbers, the matrix `like` gives the dtype."""
    if isinstance(condition, bool):
        return a if condition else b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if like is None:
            raise TypeError("where: two numbers have no dtype: give a matrix as `like`")
        a = tf.constant(a, dtype=like.dtype)
    return tf.where(condition, *_alike(a, b))


def _alike(a: Any, b: Any) -> tuple[Matrix, Matrix]:
    """Two operands of which one may be a number, as tensors of one dtype."""
    if isinstance(a, (int, float)):
        return tf.constant(a, dtype=b.dtype), b
    return a, tf.constant(b, dtype=a.dtype) if isinstance(b, (int, float)) else b


LONG = 1024
"""Rows from which sums of columns are formed along contiguous entries."""


def columns_sum(X: Matrix) -> Matrix:
    """Sums of columns, 1 x n, whose error hardly grows with the number of rows.

    tf.reduce_sum adds the rows of a matrix one by one unless their length is a multiple of 8, which in single precision
    loses three digits at 10^5 rows; along contiguous entries it adds in blocks.
    """
    if X.shape[0] is not None and X.shape[0] <= LONG:
        return tf.reduce_sum(X, axis=0, keepdims=True)
    return tf.transpose(tf.reduce_sum(tf.transpose(X), axis=1, keepdims=True))


def columns_mean(X: Matrix) -> Matrix:
    """Means of columns, 1 x n; see `columns_sum`."""
    if X.shape[0] is not None and X.shape[0] <= LONG:
        return tf.reduce_mean(X, axis=0, keepdims=True)
    return tf.transpose(tf.reduce_mean(tf.transpose(X), axis=1, keepdims=True))


def row_gather(E: Matrix, x: Matrix) -> Matrix:
    """Rows of `E` chosen by an integer column `x`, N x 1."""
    return tf.gather(E, x[:, 0])


def column_gather(E: Matrix, x: Matrix) -> Matrix:
    """Columns of `E` chosen by an integer row `x`, 1 x N."""
    return tf.gather(E, x[0, :], axis=1)


def row_scatter_add(x: Matrix, G: Matrix, rows: int) -> Matrix:
    """The adjoint of `row_gather`: row i of `G` is added to row `x[i]` of a zero matrix."""
    return tf.math.unsorted_segment_sum(G, x[:, 0], rows)


def column_scatter_add(x: Matrix, G: Matrix, columns: int) -> Matrix:
    """The adjoint of `column_gather`: column j of `G` is added to column `x[j]` of a zero matrix."""
    return tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(G), x[0, :], columns))
