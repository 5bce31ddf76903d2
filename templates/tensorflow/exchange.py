"""TensorFlow's own sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from .pattern import Coordinates, Pattern
from .runtime import Variable, value


def to_framework(pattern: Pattern, values: Variable) -> tf.SparseTensor:
    """A `tf.SparseTensor` with its indices in order, and none twice."""
    indices = np.stack([pattern.row_numbers, pattern.column_numbers], axis=1).astype(np.int64)
    return tf.SparseTensor(indices, value(values)[0], pattern.shape)


def coordinates(source: Any) -> Coordinates | None:
    """What is stored in a `tf.SparseTensor`; None for anything else."""
    if not isinstance(source, tf.SparseTensor):
        return None
    if source.shape.rank != 2:
        raise ValueError(f"found a tf.SparseTensor of shape {tuple(source.shape)}, expected a matrix")
    indices = source.indices.numpy()
    return Coordinates(tuple(source.shape), indices[:, 0], indices[:, 1], source.values.numpy())
