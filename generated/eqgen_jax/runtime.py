"""The array primitives of the JAX package.

Every eqgen package has a `runtime` with the names in `__all__` and the same meanings, so that the other modules are the
same text in all of them. A matrix is a `jax.Array` with two dimensions, always; it never changes. What changes in
place (a parameter, its gradient, a running statistic) is a `Variable`: a cell that holds a matrix. Results keep the
dtype of their inputs.

Importing this module enables 64-bit types in JAX (`jax_enable_x64`): float64 would silently become float32 otherwise.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .cell import Cell, Pending

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

Matrix: TypeAlias = jax.Array
HostMatrix: TypeAlias = NDArray[Any]
Device: TypeAlias = jax.Device | str | None
Number: TypeAlias = float
Scalar: TypeAlias = float

ARRAY = "jax.Array"
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
    """A cell that holds a `jax.Array`; JAX's own functions accept it as one."""

    __slots__ = ()

    def assign(self, x: Any) -> None:
        if self.shape != x.shape:
            raise ValueError(f"a variable of shape {self.shape} cannot take a matrix of shape {x.shape}")
        self.value = x if x.dtype == self.dtype else x.astype(self.dtype)

    @property
    def T(self) -> Matrix:
        return cast(Matrix, self.value.T)

    def __setitem__(self, key: Any, new: Any) -> None:
        self.value = self.value.at[key].set(value(new))

    def __jax_array__(self) -> Matrix:
        return cast(Matrix, self.value)


def info() -> dict[str, str | int]:
    """What computes: the framework, its version, the platform, and how many devices it has."""
    return {
        "framework": "jax",
        "version": jax.__version__,
        "platform": jax.default_backend(),
        "devices": jax.device_count(),
    }


def from_host(array: HostMatrix, dtype: str | None = None, device: Device = None) -> Matrix:
    """A matrix with the entries of a NumPy array, as `dtype` or as it is; the memory is not shared."""
    place = jax.devices(device)[0] if isinstance(device, str) else device
    return jnp.array(array, dtype=dtype, device=place)


def to_host(x: Matrix | Variable) -> HostMatrix:
    """A NumPy copy of a matrix or a variable."""
    return np.array(value(x))


def full(rows: int, columns: int, number: float, dtype: str, device: Device = None) -> Matrix:
    """A rows x columns matrix filled with a number."""
    return from_host(np.full((rows, columns), number), dtype, device)


def full_like(x: Matrix | Variable, number: float) -> Matrix:
    """A matrix of the shape, dtype and device of `x`, filled with a number."""
    return jnp.full_like(value(x), number)


def variable(x: Matrix) -> Variable:
    """A variable that starts with the entries of `x`."""
    return Variable(x)


def zeros(rows: int, columns: int, dtype: str, device: Device = None) -> Variable:
    """A variable of zeros. It takes no memory until it is read."""
    make = functools.partial(_made, rows, columns, 0.0, dtype, device)
    return Variable(Pending((rows, columns), jnp.dtype(dtype), make))


def _made(*arguments: Any) -> Matrix:
    with jax.ensure_compile_time_eval():
        return full(*arguments)


def value(v: Matrix | Variable) -> Matrix:
    """The matrix that a variable holds; a matrix stands for itself."""
    return cast(Matrix, v.value) if isinstance(v, Variable) else v


def assign(v: Variable, x: Matrix) -> None:
    """Put another matrix into a variable, converted to its dtype. ValueError when the shapes differ."""
    v.assign(x)


def is_matrix(x: object) -> bool:
    """Whether `x` is an array of this framework, or a variable."""
    return isinstance(x, (jax.Array, Variable))


def is_concrete(x: Matrix) -> bool:
    """Whether the entries of `x` can be read now (they cannot while a function is traced, or without storage)."""
    return not isinstance(x, jax.core.Tracer)


def is_floating(x: Matrix | Variable) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def is_integer(x: Matrix | Variable) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.integer))


def dtype_name(x: Matrix | Variable) -> str:
    """`float32`, `int64`, ..."""
    return str(x.dtype)


def scalar(number: float, like: Matrix | Variable) -> Scalar:
    """A number in the form in which the functions of `functional` take it beside matrices like `like`.

    JAX traces a Python float as a weakly typed scalar: a new value compiles nothing and widens nothing.
    """
    return float(number)


def wait(v: Variable) -> None:
    """Return when the computation of `v` has finished."""
    value(v).block_until_ready()


def compiled(function: _Function) -> _Function:
    """Decorates the functions of `functional`: compiled once for every combination of shapes, dtypes and constants.

    Arguments declared `float` are the constants: numbers that stay the same as long as an object lives.
    """
    constants = [p.name for p in inspect.signature(function).parameters.values() if p.annotation == "float"]
    return cast(_Function, jax.jit(function, static_argnames=constants))


def static(cls: _Class) -> _Class:
    """Declares that objects of a class (activations) are constants of the functions that they are passed to.

    The class must define equality and a hash: equal objects share one compilation.
    """
    jax.tree_util.register_static(cls)
    return cls


# --- operations --------------------------------------------------------------------------------------------
# Entrywise operations with two or three operands take numbers, too; numbers never change the dtype of a matrix.


def erf(x: Matrix) -> Matrix:
    """The error function, entry by entry."""
    return jax.scipy.special.erf(x)


def erfc(x: Matrix) -> Matrix:
    """1 - erf(x), entry by entry, accurate for large x."""
    return jax.scipy.special.erfc(x)


def sigmoid(x: Matrix) -> Matrix:
    """1 / (1 + exp(-x)), without overflow."""
    return jax.nn.sigmoid(x)


def softplus(x: Matrix) -> Matrix:
    """log(1 + exp(x)), exact for large |x|."""
    return jax.nn.softplus(x)


def log_sigmoid(x: Matrix) -> Matrix:
    """log(sigmoid(x)) = -softplus(-x)."""
    return jax.nn.log_sigmoid(x)


def inv_sqrt(x: Matrix) -> Matrix:
    """x ** (-1/2)."""
    return jax.lax.rsqrt(x)


def power(x: Matrix | Number, exponent: Matrix | Number) -> Any:
    """x ** exponent over the reals: nan for a negative base and a fractional exponent."""
    return jnp.power(x, exponent)


def sign(x: Matrix | Number) -> Any:
    """-1, 0 or 1."""
    return jnp.sign(x)


def maximum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The larger of two, entry by entry."""
    return jnp.maximum(a, b)


def minimum(a: Matrix | Number, b: Matrix | Number) -> Any:
    """The smaller of two, entry by entry."""
    return jnp.minimum(a, b)


def where(condition: Matrix | bool, a: Matrix | Number, b: Matrix | Number, like: Matrix | None = None) -> Any:
    """`a` where the condition holds, else `b`. Where both are numbers, the matrix `like` gives the dtype."""
    if isinstance(condition, bool):
        return a if condition else b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if like is None:
            raise TypeError("where: two numbers have no dtype: give a matrix as `like`")
        a = jnp.full_like(like, a, shape=())
    return jnp.where(condition, a, b)


def row_gather(E: Matrix, x: Matrix) -> Matrix:
    """Rows of `E` chosen by an integer column `x`, N x 1."""
    return jnp.take(E, x[:, 0], axis=0)


def column_gather(E: Matrix, x: Matrix) -> Matrix:
    """Columns of `E` chosen by an integer row `x`, 1 x N."""
    return jnp.take(E, x[0, :], axis=1)


def row_scatter_add(x: Matrix, G: Matrix, rows: int) -> Matrix:
    """The adjoint of `row_gather`: row i of `G` is added to row `x[i]` of a zero matrix."""
    return jnp.zeros((rows, G.shape[1]), dtype=G.dtype).at[x[:, 0], :].add(G)


def column_scatter_add(x: Matrix, G: Matrix, columns: int) -> Matrix:
    """The adjoint of `column_gather`: column j of `G` is added to column `x[j]` of a zero matrix."""
    return jnp.zeros((G.shape[0], columns), dtype=G.dtype).at[:, x[0, :]].add(G)
