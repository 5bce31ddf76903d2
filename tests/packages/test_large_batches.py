"""Sums and means of columns of large batches: in single precision, of numbers far from zero, to a few digits' end."""

from __future__ import annotations

import importlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.packages.backends import load

ROWS = 100_000
LARGEST_ERROR = 8
"""In units in the last place; adding row by row is off by thousands (see below)."""
BLOCKED = pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
"""The packages whose framework adds the rows of a matrix one by one."""
SHAPES = pytest.mark.parametrize("columns", [1, 3, 16, 17, 64])
LAYOUTS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "by rows": lambda X: X,
    "by columns": np.asfortranarray,
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1],
}


def batch(rows: int, columns: int, offset: float = 1e4) -> NDArray[np.float32]:
    generator = np.random.default_rng(columns)
    return (offset + generator.standard_normal((rows, columns))).astype(np.float32)


def units(found: NDArray[Any], X: NDArray[np.float32], divisor: int = 1) -> float:
    """The largest error of sums of columns, or of means, in units in the last place."""
    exact = X.astype(np.float64).sum(axis=0, keepdims=True) / divisor
    assert found.shape == exact.shape and found.dtype == np.float32
    return float(np.max(np.abs(found.astype(np.float64) - exact) / np.spacing(exact.astype(np.float32))))


def test_row_by_row_loses_digits() -> None:
    X = batch(ROWS, 17)
    assert units(np.add.reduce(X, axis=0, keepdims=True), X) > 100 * LARGEST_ERROR


@BLOCKED
@SHAPES
def test_sums_and_means(backend: str, columns: int) -> None:
    runtime = load(backend).runtime
    X = batch(ROWS, columns)
    Z = runtime.from_host(X, "float32")
    assert units(runtime.to_host(runtime.columns_sum(Z)), X) < LARGEST_ERROR
    assert units(runtime.to_host(runtime.columns_mean(Z)), X, ROWS) < LARGEST_ERROR


@SHAPES
def test_sums_and_means_into_given_arrays(columns: int) -> None:
    """What planned steps call: accurate, too, and from the second call on it allocates nothing."""
    in_place, out = importlib.import_module(f"{load('numpy').__name__}.in_place"), buffers()
    X = batch(ROWS, columns)
    target = np.empty((1, columns), np.float32)
    for operation, divisor in ((in_place.columns_sum, 1), (in_place.columns_mean, ROWS)):
        operation(X, target, out)
        target[...] = np.nan
        tracemalloc.start()
        try:
            operation(X, target, out)
            assert tracemalloc.get_traced_memory()[1] < 8192
        finally:
            tracemalloc.stop()
        assert units(target, X, divisor) < LARGEST_ERROR


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 1024, 1025, 2048, 5000])
def test_layouts_and_rests_of_blocks(rows: int, layout: str) -> None:
    """Entries that are whole numbers are added exactly in any order: no entry is left out or taken twice."""
    runtime = load("numpy").runtime
    in_place, out = importlib.import_module(f"{load('numpy').__name__}.in_place"), buffers()
    for columns in (2, 40):
        X = LAYOUTS[layout](np.round(batch(rows, columns, 50.0)))
        exact = X.astype(np.float64).sum(axis=0, keepdims=True)
        target = np.empty((1, columns), np.float32)
        in_place.columns_sum(X, target, out)
        np.testing.assert_array_equal(target, exact)
        np.testing.assert_array_equal(runtime.columns_sum(X), exact)
        in_place.columns_mean(X, target, out)
        np.testing.assert_allclose(target, exact / rows, rtol=1e-6)
        np.testing.assert_allclose(runtime.columns_mean(X), exact / rows, rtol=1e-6)


def test_sums_of_more_rows_than_a_block_has_blocks() -> None:
    """The sums of the blocks are themselves summed in blocks."""
    in_place = importlib.import_module(f"{load('numpy').__name__}.in_place")
    X = np.ones((1024 * 1025 + 7, 2), np.int32)
    target = np.empty((1, 2), np.int32)
    in_place.columns_sum(X, target, buffers())
    assert target.tolist() == [[len(X), len(X)]]


def buffers() -> Any:
    return importlib.import_module(f"{load('numpy').__name__}.buffers").Buffers()
