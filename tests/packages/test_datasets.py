"""MNIST as IDX files and CIFAR-10 as batches, on small files in these formats."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.packages.backends import every_backend, load

RANDOM = np.random.default_rng(0)
BATCHES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


# --- IDX -----------------------------------------------------------------------------------------------------


def idx(array: Any) -> bytes:
    """The file of an array: two zeros, the type, the number of dimensions, the sizes, the entries, big end first."""
    codes = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
    head = struct.pack(f">HBB{array.ndim}I", 0, codes[str(array.dtype)], array.ndim, *array.shape)
    return head + bytes(array.astype(array.dtype.newbyteorder(">")).tobytes())


def mnist() -> dict[str, Any]:
    """Three training and two test images of 4 x 5 pixels with their labels."""
    return {
        "train-images-idx3-ubyte": RANDOM.integers(0, 256, (3, 4, 5), dtype=np.uint8),
        "train-labels-idx1-ubyte": np.array([2, 0, 1], dtype=np.uint8),
        "t10k-images-idx3-ubyte": RANDOM.integers(0, 256, (2, 4, 5), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": np.array([1, 2], dtype=np.uint8),
    }


@every_backend
def test_mnist_is_read(backend: str, tmp_path: Path) -> None:
    p, arrays = load(backend), mnist()
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    images, labels, test_images, _ = arrays.values()
    data = p.load_dataset(tmp_path)
    np.testing.assert_array_equal(data.Xtrain, images.reshape(3, 20))
    np.testing.assert_array_equal(data.Ttrain, labels)
    np.testing.assert_array_equal(data.Xtest, test_images.reshape(2, 20))
    assert data.classes == 3
    x, t = next(iter(p.DataLoader(data.Xtrain, data.Ttrain, 3, shuffle=False)))
    np.testing.assert_allclose(p.to_host(x), images.reshape(3, 20) / 255, rtol=1e-6)
    assert p.to_host(t).argmax(axis=1).tolist() == [2, 0, 1]


def test_files_may_be_packed_and_spelled_with_a_dot(tmp_path: Path) -> None:
    p, arrays = load("numpy"), mnist()
    for k, (name, array) in enumerate(arrays.items()):
        name = name.replace("-idx", ".idx") if k % 2 else name
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(p.load_mnist(tmp_path).Xtrain, arrays["train-images-idx3-ubyte"].reshape(3, 20))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_entries_of_all_types(dtype: str, tmp_path: Path) -> None:
    array = RANDOM.normal(0, 50, (2, 3)).clip(0, 120).astype(dtype)
    (tmp_path / "array").write_bytes(idx(array))
    found = load("numpy").read_idx(tmp_path / "array")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[:3],
        lambda content: b"",
        lambda content: b"\1" + content[1:],
        lambda content: content[:2] + b"\7" + content[3:],
        lambda content: gzip.compress(content)[:-9],
    ],
)
def test_damaged_idx_files_are_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(change(idx(mnist()["train-images-idx3-ubyte"])))
    with pytest.raises(ValueError, match="images is not an IDX file"):
        load("numpy").read_idx(tmp_path / "images")


def test_what_is_missing_or_does_not_fit_is_named(tmp_path: Path) -> None:
    p, arrays = load("numpy"), mnist()
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((2, 3, 3), dtype=np.uint8)))
    with pytest.raises(ValueError, match="test images have 9 entries, expected 20"):
        p.load_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(arrays["t10k-images-idx3-ubyte"]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(5, dtype=np.uint8)))
    with pytest.raises(ValueError, match="training labels has 5 rows, expected 3"):
        p.load_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte is missing"):
        p.load_mnist(tmp_path)


# --- CIFAR-10 ------------------------------------------------------------------------------------------------


WRITTEN_IN_PYTHON: Any = vars(pickle)["_Pickler"]


class Python2Pickler(WRITTEN_IN_PYTHON):  # type: ignore[misc]
    """Writes byte strings as Python 2 did, with which the published batches were made."""

    def save_bytes(self, obj: bytes) -> None:
        size = struct.pack("<B", len(obj)) if len(obj) < 256 else struct.pack("<i", len(obj))
        self.write((pickle.SHORT_BINSTRING if len(obj) < 256 else pickle.BINSTRING) + size + obj)
        self.memoize(obj)

    dispatch: ClassVar[Any] = {**WRITTEN_IN_PYTHON.dispatch, bytes: save_bytes}


def python_batch(X: Any, labels: list[int]) -> bytes:
    stream = io.BytesIO()
    batch = {b"batch_label": b"a batch", b"labels": labels, b"data": X, b"filenames": [b"x.png"] * len(X)}
    Python2Pickler(stream, protocol=2).dump(batch)
    return stream.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def binary_batch(X: Any, labels: list[int]) -> bytes:
    return np.column_stack([np.array(labels, dtype=np.uint8), X]).tobytes()


def cifar10(folder: Path, binary: bool) -> list[tuple[Any, list[int]]]:
    """Six batches of two images each."""
    batches = []
    for k, name in enumerate(BATCHES):
        X, labels = RANDOM.integers(0, 256, (2, 3072), dtype=np.uint8), [k, 9 - k]
        path = folder / (f"{name}.bin" if binary else name)
        path.write_bytes((binary_batch if binary else python_batch)(X, labels))
        batches.append((X, labels))
    return batches


@every_backend
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "python"])
def test_cifar10_is_read(backend: str, binary: bool, tmp_path: Path) -> None:
    p = load(backend)
    *train, (Xtest, Ttest) = cifar10(tmp_path, binary)
    data = p.load_dataset(tmp_path)
    np.testing.assert_array_equal(data.Xtrain, np.concatenate([X for X, _ in train]))
    assert data.Ttrain.tolist() == [label for _, labels in train for label in labels]
    np.testing.assert_array_equal(data.Xtest, Xtest)
    assert data.Ttest.tolist() == Ttest and data.classes == 10
    assert data.Xtrain.dtype == data.Ttrain.dtype == np.uint8


def test_arrays_of_todays_pickles_are_read(tmp_path: Path) -> None:
    batches = cifar10(tmp_path, binary=False)
    X, labels = batches[0]
    (tmp_path / BATCHES[0]).write_bytes(pickle.dumps({"data": X, "labels": labels}, protocol=4))
    np.testing.assert_array_equal(load("numpy").load_cifar10(tmp_path).Xtrain[:2], X)


class Calls:
    """A pickle of this object asks for a function to be called."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def test_nothing_in_a_pickle_is_executed(tmp_path: Path) -> None:
    cifar10(tmp_path, binary=False)
    written = tmp_path / "written"
    (tmp_path / BATCHES[0]).write_bytes(pickle.dumps({"data": Calls(written), "labels": [0]}))
    with pytest.raises(ValueError, match=r"data_batch_1 is not a Python batch .* refers to \w+\.open"):
        load("numpy").load_cifar10(tmp_path)
    assert not written.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a Python batch"),
        (python_batch(np.zeros((2, 3072), dtype=np.uint8), [1, 2])[:-100], "is not a Python batch"),
        (pickle.dumps([1, 2]), "has no `data`"),
        (python_batch(np.zeros((2, 3071), dtype=np.uint8), [1, 2]), "has no `data` of bytes, N x 3072"),
        (python_batch(np.zeros((2, 3072)), [1, 2]), "has no `data` of bytes"),
        (pickle.dumps({"data": np.zeros((1, 3072), dtype=np.uint8), "labels": "a"}), "has no `labels`"),
        (python_batch(np.zeros((2, 3072), dtype=np.uint8), [-1, 2]), "has no `labels`"),
        (python_batch(np.zeros((2, 3072), dtype=np.uint8), [1]), "training labels has 9 rows, expected 10"),
    ],
)
def test_damaged_python_batches_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    cifar10(tmp_path, binary=False)
    (tmp_path / BATCHES[2]).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load("numpy").load_cifar10(tmp_path)


def test_damaged_binary_batches_are_refused(tmp_path: Path) -> None:
    cifar10(tmp_path, binary=True)
    (tmp_path / "data_batch_3.bin").write_bytes(b"\0" * 3072)
    with pytest.raises(ValueError, match="3072 bytes, expected a multiple of 3073, a class and an image"):
        load("numpy").load_cifar10(tmp_path)
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"missing data_batch_3.bin; expected data_batch_1.bin, "):
        load("numpy").load_cifar10(tmp_path)


def test_other_folders_and_files(tmp_path: Path) -> None:
    p = load("numpy")
    with pytest.raises(ValueError, match=r"holds neither train-images-idx3-ubyte \(MNIST\) nor"):
        p.load_dataset(tmp_path)
    with pytest.raises(FileNotFoundError):
        p.load_dataset(tmp_path / "nothing.npz")
    T = np.array([0, 1])
    np.savez(tmp_path / "data.npz", Xtrain=np.eye(2), Ttrain=T, Xtest=np.eye(2), Ttest=T)
    assert p.load_dataset(tmp_path / "data.npz").classes == 2
