"""What the classes of this package accept. A refusal says what was found, what was expected, and what to do."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from . import runtime
from .runtime import Matrix

DTYPES = ("float32", "float64")


class Definition:
    """Base of the classes that stand for a definition with numbers in its header; they are frozen dataclasses.

    Two objects of one class with equal numbers are equal. TypeError or ValueError when a field is not a finite number.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            check = real_numbers if str(field.type).startswith("tuple") else real_number
            object.__setattr__(self, field.name, check(type(self).__name__, field.name, getattr(self, field.name)))


def header_numbers(definition: Definition) -> tuple[Any, ...]:
    """The numbers of a definition's header, in their order."""
    return tuple(getattr(definition, name) for name in _header(type(definition)))


@functools.cache
def _header(definition: type[Definition]) -> tuple[str, ...]:
    """The names in a header: asked for in every step, and the same for all objects of a class."""
    return tuple(field.name for field in dataclasses.fields(definition))  # type: ignore[arg-type]


def real_number(owner: str, name: str, number: Any) -> float:
    """The number as a Python float, which never widens the dtype of a matrix."""
    if type(number) is float and math.isfinite(number):
        return number  # what it nearly always is, without asking an abstract class
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{owner}: {name} is {described(number)}, expected a number")
    if not math.isfinite(number):
        raise ValueError(f"{owner}: {name} is {number}, expected a finite number")
    return float(number)


def real_numbers(owner: str, name: str, numbers: Any) -> tuple[float, ...]:
    """A list of numbers as a tuple of Python floats."""
    if not isinstance(numbers, Sequence) or isinstance(numbers, str):
        raise TypeError(f"{owner}: {name} is {described(numbers)}, expected a list of numbers such as [10, 20]")
    return tuple(real_number(owner, f"{name}[{k}]", number) for k, number in enumerate(numbers))


def natural_number(owner: str, name: str, number: Any, least: int = 0) -> int:
    """A whole number that is at least `least`, e.g. a size or a step."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(f"{owner}: {name} is {described(number)}, expected a whole number")
    if number < least:
        raise ValueError(f"{owner}: {name} is {number}, expected at least {least}")
    return int(number)


def float_dtype(owner: str, dtype: Any) -> str:
    """The name of a supported dtype."""
    if dtype not in DTYPES:
        raise ValueError(f"{owner}: dtype is {dtype!r}, expected {' or '.join(map(repr, DTYPES))}")
    return str(dtype)


def float_matrix(
    owner: str, name: str, x: Any, dtype: str, rows: int | None = None, columns: int | None = None
) -> Matrix:
    """The matrix `x` itself, when it has this dtype and these sizes; None stands for any size."""
    matrix = _sized_matrix(owner, name, x, rows, columns, f"from_host({name}, {dtype!r})")
    found = runtime.dtype_name(matrix)
    if found != dtype:
        other = f", or construct with dtype={found!r}" if found in DTYPES else ""
        raise TypeError(
            f"{owner}: {name} has dtype {found}, expected {dtype}; "
            f"convert it with from_host(to_host({name}), {dtype!r}){other}"
        )
    return matrix


def index_matrix(
    owner: str, name: str, x: Any, bound: int, rows: int | None = None, columns: int | None = None
) -> Matrix:
    """The integer matrix `x` itself, when its sizes fit and its entries (where readable) are 0 ... bound - 1."""
    matrix = _sized_matrix(owner, name, x, rows, columns, f"from_host({name}, 'int64')")
    if not runtime.is_integer(matrix):
        raise TypeError(
            f"{owner}: {name} has dtype {runtime.dtype_name(matrix)}, expected integers below {bound}; "
            f"convert it with from_host(to_host({name}), 'int64')"
        )
    if runtime.is_concrete(matrix):
        entries = runtime.to_host(matrix)
        if entries.size and (entries.min() < 0 or entries.max() >= bound):
            raise ValueError(
                f"{owner}: {name} has entries from {entries.min()} to {entries.max()}, expected 0 to {bound - 1}"
            )
    return matrix


def described(x: Any) -> str:
    """How a message names a value: its type, and the value itself where that is short."""
    if isinstance(x, (str, int, float, tuple, list)) and len(repr(x)) <= 60:
        return repr(x)
    return f"a {type(x).__module__}.{type(x).__qualname__}".replace("builtins.", "")


def _sized_matrix(owner: str, name: str, x: Any, rows: int | None, columns: int | None, conversion: str) -> Matrix:
    if not runtime.is_matrix(x):
        raise TypeError(
            f"{owner}: {name} is {described(x)}, expected a {runtime.ARRAY}; convert a NumPy array with {conversion}"
        )
    matrix = runtime.value(x)
    shape = tuple(matrix.shape)
    expected = f"({'N' if rows is None else rows}, {'any' if columns is None else columns})"
    if len(shape) != 2:
        raise ValueError(
            f"{owner}: {name} has shape {shape}, expected two dimensions, {expected}; one example is one row"
        )
    if (rows is not None and shape[0] != rows) or (columns is not None and shape[1] != columns):
        raise ValueError(f"{owner}: {name} has shape {shape}, expected {expected}")
    return matrix
