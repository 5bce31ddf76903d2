"""Data sets and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.packages.backends import array, every_backend, every_dtype, load

X = array(0, 10, 3)
T = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 3], dtype=np.uint8)


@every_backend
@every_dtype
def test_batches_cover_the_data_set_once(backend: str, dtype: str) -> None:
    p = load(backend)
    loader = p.DataLoader(X, T, 4, seed=1, dtype=dtype)
    assert len(loader) == 3 and loader.dataset_size == 10 and loader.one_hot
    batches = list(loader)
    assert [(tuple(x.shape), tuple(t.shape)) for x, t in batches] == [
        ((4, 3), (4, 4)),
        ((4, 3), (4, 4)),
        ((2, 3), (2, 4)),
    ]
    for x, t in batches:
        assert p.runtime.is_matrix(x) and p.runtime.dtype_name(x) == p.runtime.dtype_name(t) == dtype
    inputs = np.concatenate([p.to_host(x) for x, _ in batches])
    targets = np.concatenate([p.to_host(t) for _, t in batches])
    order = [int(np.abs(X - row).sum(axis=1).argmin()) for row in inputs]
    assert sorted(order) == list(range(10)) and order != list(range(10))
    np.testing.assert_array_equal(inputs, X[order].astype(dtype))
    np.testing.assert_array_equal(targets, np.eye(4)[T[order]])


@every_backend
def test_one_seed_gives_the_same_batches_in_every_package(backend: str) -> None:
    p, reference = load(backend), load("numpy")
    first, second, other = (package.DataLoader(X, T, 4, seed=s) for package, s in ((p, 1), (reference, 1), (p, 2)))

    def epoch(package: Any, loader: Any) -> Any:
        return np.concatenate([package.to_host(x) for x, _ in loader])

    epochs = [epoch(p, first) for _ in range(2)]
    list(second.in_order())  # takes no part in the order
    np.testing.assert_array_equal(epochs, [epoch(reference, second) for _ in range(2)])
    assert not np.array_equal(epochs[0], epochs[1]), "every epoch has an order of its own"
    assert not np.array_equal(epochs[0], epoch(p, other))


@every_backend
def test_without_shuffling_the_order_is_that_of_the_data(backend: str) -> None:
    p = load(backend)
    for batches in (p.DataLoader(X, T, 4, shuffle=False), p.DataLoader(X, T, 4).in_order()):
        np.testing.assert_array_equal(np.concatenate([p.to_host(x) for x, _ in batches]), X.astype(np.float32))


@every_backend
def test_kinds_of_inputs_and_targets(backend: str) -> None:
    p = load(backend)
    pixels = np.array([[0, 51], [102, 255]], dtype=np.uint8)
    x, t = next(iter(p.DataLoader(pixels, np.array([1, 0]), 2, shuffle=False, one_hot=3)))
    np.testing.assert_allclose(p.to_host(x), [[0, 0.2], [0.4, 1]], rtol=1e-7)
    assert p.to_host(t).tolist() == [[0, 1, 0], [1, 0, 0]]
    x, t = next(iter(p.DataLoader(np.array([[3], [1]]), np.array([[0.5], [2.5]]), 2, shuffle=False)))
    assert p.runtime.is_integer(x) and p.to_host(t).tolist() == [[0.5], [2.5]]
    x, t = next(iter(p.DataLoader(np.ones((2, 2)), np.array([0.5, 2.5]), 2, shuffle=False)))
    assert p.to_host(t).tolist() == [[0.5], [2.5]]
    x, t = next(iter(p.DataLoader(np.ones((2, 2)), np.array([[1], [0]]), 2, shuffle=False)))
    assert p.to_host(t).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("targets", "one_hot"),
    [
        (np.array([0, 1]), True),
        (np.eye(2), True),
        (np.eye(2, dtype=np.int64), True),
        (np.ones((2, 2)), False),
        (2 * np.eye(2), False),
    ],
)
def test_a_loader_knows_whether_targets_are_one_hot(targets: Any, one_hot: bool) -> None:
    assert load("numpy").DataLoader(np.ones((2, 2)), targets, 1).one_hot is one_hot


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, T[:9], 4), ValueError, "T has 9 rows, expected 10, one for each row of X"),
        ((X[0], T, 4), ValueError, r"X has shape \(3,\), expected two dimensions"),
        ((X.reshape(10, 3, 1), T, 4), ValueError, r"X has shape \(10, 3, 1\), expected two dimensions"),
        ((X[:0], T[:0], 4), ValueError, "X has no rows"),
        ((X.tolist(), T, 4), TypeError, r"X is a list, expected a numpy.ndarray"),
        ((X.astype(str), T, 4), TypeError, r"X has dtype <U.*, expected floating-point numbers or integers"),
        ((np.where(X[4, 1] == X, np.nan, X), T, 4), ValueError, r"X has 1 entries that are NaN.*first at \[4, 1\]"),
        ((X, np.where(T == 3, -1, T.astype(int)), 4), ValueError, "T has class -1, expected class numbers 0, 1, 2"),
        ((X, T.astype(np.int64) * 10**8, 4), ValueError, "T has class 300000000, expected class numbers below"),
        ((X, np.full(10, np.inf), 4), ValueError, "T has 10 entries that are NaN or infinite"),
        ((X, T, 0), ValueError, "DataLoader: batch_size is 0, expected at least 1"),
        ((X, T, 2.5), TypeError, "DataLoader: batch_size is 2.5, expected a whole number"),
        ((X, T, 4, True, 0, 3), ValueError, r"T has class 3, expected 0 to 2 \(one_hot=3\)"),
        ((X, np.eye(10), 4, True, 0, 3), ValueError, "T has 10 columns, expected one_hot=3"),
    ],
)
def test_wrong_data_are_refused(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load("numpy").DataLoader(*arguments)


def dataset(**changes: Any) -> dict[str, Any]:
    arrays = {"Xtrain": X, "Ttrain": T, "Xtest": X[:4], "Ttest": T[:4]} | changes
    return {name: array for name, array in arrays.items() if array is not None}


@every_backend
def test_data_sets_are_read(backend: str, tmp_path: Path) -> None:
    p = load(backend)
    np.savez_compressed(tmp_path / "data.npz", **dataset())
    found = p.load_npz(tmp_path / "data.npz")
    np.testing.assert_array_equal(found.Xtrain, X)
    np.testing.assert_array_equal(found.Ttest, T[:4])
    assert found.classes == 4, "also those that occur in one of the two parts only"
    Xtrain, Ttrain, _, _ = found
    assert len(p.DataLoader(Xtrain, Ttrain, 3, one_hot=found.classes)) == 4
    np.savez(tmp_path / "regression.npz", **dataset(Ttrain=X[:, :1], Ttest=X[:4, :1]))
    assert p.load_npz(tmp_path / "regression.npz").classes is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"Ttest": None, "Xtest": None}, ValueError, "missing Xtest, Ttest; found the arrays Xtrain, Ttrain"),
        ({"Xtest": X[:4, :2]}, ValueError, "Xtest has 2 columns, expected 3 as in Xtrain"),
        ({"Ttest": X[:4, :1]}, ValueError, r"Ttest has dtype float64 and shape \(4, 1\), expected the form of Ttrain"),
        ({"Xtrain": X[:, 0]}, ValueError, r"Xtrain has shape \(10,\), expected two dimensions"),
        ({"Ttrain": T[:3]}, ValueError, r"Ttrain has 3 rows, expected 10, one for each row of .*Xtrain"),
        ({"Xtest": np.full((4, 3), np.nan)}, ValueError, "Xtest has 12 entries that are NaN"),
        ({"Ttest": np.array([-1, 0, 1, 2])}, ValueError, "Ttest has class -1"),
        ({"Xtrain": X.astype(complex)}, TypeError, "Xtrain has dtype complex128"),
        ({"Xtrain": np.array([None] * 10)}, ValueError, "is not an .npz file of plain arrays"),
    ],
)
def test_wrong_data_sets_are_refused(
    changes: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **dataset(**changes))
    with pytest.raises(error, match=message) as caught:
        load("numpy").load_npz(path)
    assert str(path) in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    p = load("numpy")
    np.save(tmp_path / "array.npy", X)
    (tmp_path / "text.npz").write_text("Xtrain")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez_compressed(tmp_path / "cut.npz", **dataset())
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    for name in ("array.npy", "text.npz", "empty.npz", "cut.npz"):
        with pytest.raises(ValueError, match=f"{name} is not an .npz file of plain arrays"):
            p.load_npz(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        p.load_npz(tmp_path / "missing.npz")


def test_one_hot() -> None:
    p = load("numpy")
    assert p.one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="class numbers from 0 to 3, expected 0 to 2"):
        p.one_hot(np.array([3, 0]), 3)
