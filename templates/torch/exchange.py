"""PyTorch's own sparse matrices."""

from __future__ import annotations

from typing import Any

import torch

from .pattern import Coordinates, Pattern
from .runtime import Variable


def to_framework(pattern: Pattern, values: Variable) -> torch.Tensor:
    """A `torch.sparse_csr_tensor` in memory of its own, on the device of the values."""
    pointers, numbers = (
        torch.tensor(array, device=values.device) for array in (pattern.row_pointers, pattern.column_numbers)
    )
    return torch.sparse_csr_tensor(pointers, numbers, values[0].clone(), pattern.shape)


def coordinates(source: Any) -> Coordinates | None:
    """What is stored in a sparse tensor of any layout; None for anything else."""
    if not isinstance(source, torch.Tensor) or source.layout == torch.strided:
        return None
    tensor = source.detach().cpu()
    if tensor.dim() != 2 or tensor.dense_dim():
        raise ValueError(f"found a sparse tensor of shape {tuple(source.shape)} of vectors, expected a matrix")
    stored = tensor.to_sparse_coo()
    indices, values = stored._indices().numpy(), stored._values()
    numbers = values if values.is_complex() else values.to(torch.float64)
    return Coordinates(tuple(source.shape), indices[0], indices[1], numbers.numpy())
