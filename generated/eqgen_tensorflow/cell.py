"""Variables for frameworks whose arrays never change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


def _content(x: Any) -> Any:
    return x.value if isinstance(x, Cell) else x


@dataclass(frozen=True, slots=True)
class Pending:
    """Stands in a cell for a matrix that is made when it is read: a gradient that nobody asks for takes no memory."""

    shape: tuple[int, ...]
    dtype: Any
    make: Callable[[], Any]


class Cell:
    """A cell for a framework whose arrays never change: holds a matrix, and is used like one.

    `v -= x` and `v[0, 1] = x` put a new matrix into the cell, so that all who refer to the cell see it. Arithmetic
    gives plain matrices. `v == w` compares cells, not entries. The framework's own methods are in its `runtime`.
    """

    __slots__ = ("__weakref__", "held")
    __array_ufunc__ = None  # leaves `numpy_number * variable` to the variable

    def __init__(self, value: Any) -> None:
        self.held = value

    @property
    def value(self) -> Any:
        """The matrix."""
        if isinstance(self.held, Pending):
            self.held = self.held.make()
        return self.held

    @value.setter
    def value(self, new: Any) -> None:
        self.held = new

    def assign(self, x: Any) -> None:
        """Hold the matrix x, converted to the dtype of the cell. ValueError when the shapes differ."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.held.shape)

    @property
    def dtype(self) -> Any:
        return self.held.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype=dtype)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __neg__(self) -> Any:
        return -self.value

    def __add__(self, other: Any) -> Any:
        return self.value + _content(other)

    def __radd__(self, other: Any) -> Any:
        return _content(other) + self.value

    def __sub__(self, other: Any) -> Any:
        return self.value - _content(other)

    def __rsub__(self, other: Any) -> Any:
        return _content(other) - self.value

    def __mul__(self, other: Any) -> Any:
        return self.value * _content(other)

    def __rmul__(self, other: Any) -> Any:
        return _content(other) * self.value

    def __truediv__(self, other: Any) -> Any:
        return self.value / _content(other)

    def __rtruediv__(self, other: Any) -> Any:
        return _content(other) / self.value

    def __matmul__(self, other: Any) -> Any:
        return self.value @ _content(other)

    def __rmatmul__(self, other: Any) -> Any:
        return _content(other) @ self.value

    def __pow__(self, other: Any) -> Any:
        return self.value ** _content(other)

    def __rpow__(self, other: Any) -> Any:
        return _content(other) ** self.value

    def __iadd__(self, other: Any) -> Self:
        self.assign(self + other)
        return self

    def __isub__(self, other: Any) -> Self:
        self.assign(self - other)
        return self

    def __imul__(self, other: Any) -> Self:
        self.assign(self * other)
        return self

    def __itruediv__(self, other: Any) -> Self:
        self.assign(self / other)
        return self
