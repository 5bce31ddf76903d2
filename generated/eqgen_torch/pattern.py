"""Patterns: the positions of the stored entries of a sparse matrix, in compressed rows, on the host."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import described, natural_number, real_number
from .densities import NARROW_LIMIT, number_of_entries

Integers = NDArray[np.integer[Any]]


class Pattern:
    """Positions in a K x D matrix, row by row and from left to right. A pattern never changes.

    shape            (K, D)
    row_pointers     K + 1 integers: the entries of row k are those with numbers row_pointers[k] ... row_pointers[k + 1]
    column_numbers   the column of every entry
    """

    def __init__(self, shape: tuple[int, int], row_pointers: ArrayLike, column_numbers: ArrayLike) -> None:
        """ValueError unless these are compressed rows in which columns increase."""
        rows, columns = (natural_number("Pattern", f"shape[{k}]", size) for k, size in enumerate(shape))
        pointers, numbers = np.asarray(row_pointers), np.asarray(column_numbers)
        for name, array in (("row_pointers", pointers), ("column_numbers", numbers)):
            if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
                raise TypeError(f"Pattern: {name} is {described(array)}, expected a list of whole numbers")
        count = numbers.size
        if pointers.size != rows + 1 or pointers[0] != 0 or pointers[-1] != count or (np.diff(pointers) < 0).any():
            raise ValueError(
                f"Pattern: row_pointers must be {rows + 1} numbers that rise from 0 to {count}, the number of entries"
            )
        if count and (numbers.min() < 0 or numbers.max() >= columns):
            raise ValueError(f"Pattern: columns are {numbers.min()} to {numbers.max()}, expected 0 to {columns - 1}")
        inside = np.ones(count, dtype=bool)
        inside[pointers[:-1][pointers[:-1] < count]] = False
        if (np.diff(numbers)[inside[1:]] <= 0).any():
            raise ValueError(
                "Pattern: the columns of each row must increase; a position occurs twice, or they are unsorted"
            )
        self.shape = (rows, columns)
        dtype = np.int32 if max(rows, columns, count) <= NARROW_LIMIT else np.int64
        self.row_pointers = _frozen(pointers, dtype)
        self.column_numbers = _frozen(numbers, dtype)

    @classmethod
    def of_positions(cls, shape: tuple[int, int], positions: Integers) -> Pattern:
        """The pattern with these positions k * D + d, in any order."""
        rows, columns = shape
        positions = np.sort(positions)
        counts = np.bincount(positions // columns, minlength=rows) if positions.size else np.zeros(rows, dtype=np.int64)
        return cls(shape, np.concatenate([[0], np.cumsum(counts)]), positions % max(columns, 1))

    @classmethod
    def of_mask(cls, mask: ArrayLike) -> Pattern:
        """The positions at which a dense matrix is not zero."""
        array = np.asarray(mask)
        if array.ndim != 2:
            raise ValueError(f"Pattern: a mask has two dimensions, found shape {array.shape}")
        rows, columns = array.shape
        return cls.of_positions((rows, columns), np.flatnonzero(array))

    @classmethod
    def random(
        cls, shape: tuple[int, int], density: float, generator: np.random.Generator | int | None = None
    ) -> Pattern:
        """round(density K D) positions, all sets of as many being equally likely."""
        density = real_number("Pattern.random", "density", density)
        if not 0 <= density <= 1:
            raise ValueError(f"Pattern.random: density is {density}, expected a number from 0 to 1")
        total, count = shape[0] * shape[1], number_of_entries(shape, density)
        return cls.of_positions(shape, distinct(np.random.default_rng(generator), total, count))

    @property
    def count(self) -> int:
        """The number of stored entries."""
        return self.column_numbers.size

    @property
    def density(self) -> float:
        """The share of entries that are stored; 1 for a matrix without entries."""
        total = self.shape[0] * self.shape[1]
        return self.count / total if total else 1.0

    @property
    def row_numbers(self) -> Integers:
        """The row of every entry; computed anew, since the pointers say the same in less memory."""
        rows = np.arange(self.shape[0], dtype=self.row_pointers.dtype)
        return _frozen(np.repeat(rows, np.diff(self.row_pointers)), self.row_pointers.dtype)

    @cached_property
    def by_columns(self) -> tuple[Integers, Integers, Integers]:
        """The same positions in compressed columns: pointers, rows, and the number of each entry in compressed rows."""
        dtype = self.row_pointers.dtype
        numbers = np.argsort(self.column_numbers, kind="stable")
        counts = np.bincount(self.column_numbers, minlength=self.shape[1])
        pointers = np.concatenate([[0], np.cumsum(counts)])
        return _frozen(pointers, dtype), _frozen(self.row_numbers[numbers], dtype), _frozen(numbers, dtype)

    @property
    def positions(self) -> NDArray[np.int64]:
        """k * D + d for every entry, in rising order."""
        return self.row_numbers.astype(np.int64) * self.shape[1] + self.column_numbers

    def mask(self) -> NDArray[np.bool_]:
        """A dense matrix of truth values."""
        result = np.zeros(self.shape, dtype=bool)
        result[self.row_numbers, self.column_numbers] = True
        return result

    def numbers_in(self, other: Pattern) -> Integers:
        """For every entry its number in another pattern of the same shape, -1 where it is not there."""
        if other.shape != self.shape:
            raise ValueError(f"Pattern: found a pattern of shape {other.shape}, expected {self.shape}")
        own, theirs = self.positions, other.positions
        places = np.searchsorted(theirs, own)
        found = places < theirs.size
        found[found] = theirs[places[found]] == own[found]
        return np.where(found, places, -1)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Pattern)
            and self.shape == other.shape
            and np.array_equal(self.row_pointers, other.row_pointers)
            and np.array_equal(self.column_numbers, other.column_numbers)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.count))

    def __repr__(self) -> str:
        return f"Pattern({self.shape[0]} x {self.shape[1]}, {self.count} entries, density {self.density:.4g})"


class Coordinates(NamedTuple):
    """The entries of a matrix in any order; those at one position add up."""

    shape: tuple[int, ...]
    rows: Integers
    columns: Integers
    values: NDArray[Any]

    def in_order(self) -> tuple[Pattern, NDArray[np.float64]]:
        """The pattern, and the values, 1 x count. ValueError unless this is a matrix, TypeError for complex values."""
        if len(self.shape) != 2:
            raise ValueError(f"found a sparse array of shape {tuple(self.shape)}, expected a matrix")
        if np.iscomplexobj(self.values):
            raise TypeError(f"found a sparse matrix of {self.values.dtype.name}, expected real numbers")
        rows, columns = (int(size) for size in self.shape)
        positions, places = np.unique(self.rows.astype(np.int64) * columns + self.columns, return_inverse=True)
        values = np.zeros((1, positions.size))
        np.add.at(values[0], places, self.values)
        return Pattern.of_positions((rows, columns), positions), values


def distinct(generator: np.random.Generator, total: int, count: int) -> NDArray[np.int64]:
    """`count` different numbers below `total`, all sets being equally likely, in rising order.

    The memory is proportional to the count, however large the total is.
    """
    if count > total // 16:
        return np.sort(generator.choice(total, count, replace=False, shuffle=False))
    found = np.empty(0, dtype=np.int64)
    while found.size < count:
        more = generator.integers(total, size=(count - found.size) * 5 // 4 + 8)
        found = np.sort(np.concatenate([found, more]))
        found = found[np.diff(found, prepend=-1) > 0]
    # What is too much is dropped at random: the smallest would be missing more often than others.
    return np.delete(found, generator.choice(found.size, found.size - count, replace=False))


def _frozen(array: Integers, dtype: Any) -> Integers:
    result = np.array(array, dtype=dtype)
    result.setflags(write=False)
    return result
