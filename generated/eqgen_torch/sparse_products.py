"""Products of sparse matrices over compressed rows of PyTorch.

S is a sparse matrix, given by its values, 1 x count, and the indices of its pattern. A and B are dense.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch

from .pattern import Pattern
from .runtime import Device, Matrix

with warnings.catch_warnings():
    # That compressed rows are in beta is said once a process, to whoever makes the first.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 0], [], [], (1, 1))


class Indices(NamedTuple):
    """A pattern in compressed rows and in compressed columns; see `Pattern.by_columns`."""

    shape: tuple[int, int]
    row_pointers: torch.Tensor
    column_numbers: torch.Tensor
    column_pointers: torch.Tensor
    rows_by_columns: torch.Tensor
    numbers_by_columns: torch.Tensor


def indices(pattern: Pattern, device: Device = None) -> Indices:
    """The pattern as the products take it, on a device."""
    arrays = (pattern.row_pointers, pattern.column_numbers, *pattern.by_columns)
    return Indices(pattern.shape, *(torch.tensor(array, device=device) for array in arrays))


def sparse_product(values: Matrix, S: Indices, B: Matrix, out: Matrix | None = None) -> Matrix:
    """S B for B: D x N."""
    return _product(S.row_pointers, S.column_numbers, values[0], S.shape, B, out)


def sparse_transposed_product(values: Matrix, S: Indices, B: Matrix, out: Matrix | None = None) -> Matrix:
    """S' B for B: K x N. Over compressed columns, since PyTorch transposes compressed rows anew in every product."""
    by_columns = values[0][S.numbers_by_columns]
    return _product(S.column_pointers, S.rows_by_columns, by_columns, S.shape[::-1], B, out)


def sampled_product(A: Matrix, B: Matrix, S: Indices, out: Matrix | None = None) -> Matrix:
    """The entries of A B' at the positions of S, 1 x count, for A: K x N and B: D x N."""
    zeros = torch.zeros(len(S.column_numbers), dtype=A.dtype, device=A.device)
    if A.device.type == "meta":
        return zeros.reshape(1, -1)
    pattern = _compressed(S.row_pointers, S.column_numbers, zeros, S.shape)
    sampled = torch.sparse.sampled_addmm(pattern, A.contiguous(), B.contiguous().T, beta=0)
    return _placed(sampled.values().reshape(1, -1), out)


def _product(pointers: Any, numbers: Any, values: Any, shape: Any, B: Matrix, out: Matrix | None) -> Matrix:
    """The product of a matrix in compressed rows with B."""
    if B.device.type == "meta":  # has no kernels for compressed rows, and wants shapes alone
        return B.new_empty(shape[0], B.shape[1])
    return _placed(_compressed(pointers, numbers, values, shape) @ B.contiguous(), out)


def _compressed(pointers: Any, numbers: Any, values: Any, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.sparse_csr_tensor(pointers, numbers, values, shape, check_invariants=False)


def _placed(result: Matrix, out: Matrix | None) -> Matrix:
    return result if out is None else out.copy_(result)
