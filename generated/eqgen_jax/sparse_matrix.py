"""Sparse matrices: a pattern, and a variable with the values of its entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks import described
from .exchange import coordinates, to_framework
from .pattern import Coordinates, Pattern
from .runtime import Device, HostMatrix, Variable, assign, dtype_name, from_host, full, is_matrix, to_host, variable
from .sparse_products import indices


class SparseMatrix:
    """A K x D matrix of which the entries of a pattern are stored; the others are zero, and stay so.

    pattern   where the entries are
    values    a variable, 1 x count: the entries in the order of compressed rows
    indices   the pattern as the functions of `functional` take it
    """

    def __init__(self, pattern: Pattern, number: float, dtype: str, device: Device = None) -> None:
        """The matrix whose stored entries are equal to a number."""
        self.dtype = dtype
        self.device = device
        self.move(pattern, variable(full(1, pattern.count, number, dtype, device)))

    def move(self, pattern: Pattern, values: Variable, like: SparseMatrix | None = None) -> None:
        """Take another pattern and the variable with its values; the indices are those of a matrix `like` this one."""
        self.pattern = pattern
        self.values = values
        self.indices = indices(pattern, self.device) if like is None else like.indices

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def nnz(self) -> int:
        """The number of stored entries."""
        return self.pattern.count

    def assign(self, new: Any) -> None:
        """Overwrite the stored entries by those of a SparseMatrix, of a sparse matrix of SciPy or of the package's
        framework, or of a dense matrix; the dtype stays.

        ValueError when the shapes differ, or where an entry outside of the pattern is not zero.
        """
        assign(self.values, from_host(self.entries_of(new), self.dtype, self.device))

    def entries_of(self, new: Any) -> HostMatrix:
        """The entries of a matrix at the positions of the pattern, 1 x count. ValueError where others are not zero."""
        if not hasattr(new, "shape"):
            raise TypeError(f"found {described(new)}, expected a matrix of shape {self.shape}")
        if tuple(new.shape) != self.shape:
            raise ValueError(f"found a matrix of shape {tuple(new.shape)}, expected {self.shape}")
        if isinstance(new, SparseMatrix):
            return _moved(self.pattern, new.pattern, to_host(new.values))
        stored = _coordinates(new)
        if stored is not None:
            return _moved(self.pattern, *stored.in_order())
        dense = _dense(new)
        entries: HostMatrix = dense[self.pattern.row_numbers, self.pattern.column_numbers].reshape(1, -1)
        if np.count_nonzero(dense) > np.count_nonzero(entries):
            raise ValueError(
                f"the matrix has {np.count_nonzero(dense)} entries that are not zero, of which "
                f"{np.count_nonzero(dense) - np.count_nonzero(entries)} are outside of {self.pattern!r}; "
                "give the layer their pattern first, set_pattern(mask)"
            )
        return entries

    def to_dense(self) -> HostMatrix:
        """The matrix with its zeros, as a NumPy array."""
        entries = to_host(self.values)
        result = np.zeros(self.shape, dtype=entries.dtype)
        result[self.pattern.row_numbers, self.pattern.column_numbers] = entries[0]
        return result

    def to_scipy(self) -> Any:
        """The matrix as a `scipy.sparse.csr_array`; needs SciPy."""
        import scipy.sparse

        p = self.pattern
        return scipy.sparse.csr_array((to_host(self.values)[0], p.column_numbers, p.row_pointers), shape=p.shape)

    def to_framework(self) -> Any:
        """The matrix in the form that the package's framework has for sparse ones, in memory of its own.

        `torch.sparse_csr_tensor`, `jax.experimental.sparse.BCOO`, `tf.SparseTensor`; SciPy's `csr_array` in packages
        that compute with NumPy or compiled kernels. It has this matrix's dtype, and `layer.W = ...` takes it back.
        """
        return to_framework(self.pattern, self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> HostMatrix:
        return self.to_dense().astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"SparseMatrix({self.pattern!r}, dtype={dtype_name(self.values)!r})"


def pattern_of(shape: tuple[int, int], source: Any, generator: np.random.Generator | int | None = None) -> Pattern:
    """A pattern of this shape from a density, a pattern, a SparseMatrix, a mask, or a sparse matrix of SciPy or of the
    package's framework, of which the stored entries count, be they zero or not.

    generator   what a density is drawn with
    """
    if isinstance(source, (int, float)):
        return Pattern.random(shape, source, generator)
    found: Pattern
    if isinstance(source, Pattern):
        found = source
    elif hasattr(source, "row_pointers"):  # a pattern of another package
        found = Pattern(source.shape, source.row_pointers, source.column_numbers)
    elif isinstance(source, SparseMatrix):
        found = source.pattern
    elif (stored := _coordinates(source)) is not None:
        found = stored.in_order()[0]
    else:
        found = Pattern.of_mask(_dense(source))
    if found.shape != shape:
        raise ValueError(f"found a pattern of shape {found.shape}, expected {shape}")
    return found


def _coordinates(source: Any) -> Coordinates | None:
    """What is stored in a sparse matrix of SciPy or of the framework; None for anything else."""
    if hasattr(source, "tocoo"):
        found = source.tocoo()
        return Coordinates(found.shape, found.coords[0], found.coords[-1], found.data)
    return coordinates(source)


def _dense(source: Any) -> HostMatrix:
    return to_host(source) if is_matrix(source) else np.asarray(source)


def _moved(to: Pattern, source: Pattern, values: HostMatrix) -> HostMatrix:
    """The values at the positions of another pattern, 0 where there are none. ValueError where values are lost."""
    numbers = source.numbers_in(to)
    lost = np.count_nonzero(values[0][numbers < 0])
    if lost:
        raise ValueError(f"{lost} entries that are not zero are outside of {to!r}; set_pattern first")
    result = np.zeros((1, to.count), dtype=values.dtype)
    result[0, numbers[numbers >= 0]] = values[0][numbers >= 0]
    return result
