"""Data sets in the formats in which they are published: MNIST as IDX files, CIFAR-10 as binary or Python batches."""

from __future__ import annotations

import gzip
import pickle
import struct
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .data import Dataset, checked_examples, load_npz
from .runtime import HostMatrix

MNIST = {
    "Xtrain": "train-images-idx3-ubyte",
    "Ttrain": "train-labels-idx1-ubyte",
    "Xtest": "t10k-images-idx3-ubyte",
    "Ttest": "t10k-labels-idx1-ubyte",
}
"""The files of MNIST and of the data sets in its form (Fashion-MNIST, ...); also with .gz."""

CIFAR10_TRAIN = tuple(f"data_batch_{k}" for k in range(1, 6))
CIFAR10_TEST = "test_batch"
CIFAR10_BYTES = 3 * 32 * 32
"""Of an image: 32 x 32 pixels, row by row, first all of red, then of green, then of blue."""

_IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NUMPY_CORE = ("numpy.core.multiarray", "numpy._core.multiarray")


def load_dataset(path: str | PathLike[str]) -> Dataset:
    """Read and check a data set: an .npz file (`load_npz`), or a folder with the files of MNIST or of CIFAR-10.

    FileNotFoundError, or ValueError or TypeError that names the file, what was found and what was expected.
    """
    folder = Path(path)
    if not folder.is_dir():
        return load_npz(path)
    if _idx_file(folder, MNIST["Xtrain"]) is not None:
        return load_mnist(path)
    if any((folder / name).exists() for name in (f"{CIFAR10_TEST}.bin", CIFAR10_TEST)):
        return load_cifar10(path)
    raise ValueError(
        f"{path} holds neither {MNIST['Xtrain']} (MNIST) nor {CIFAR10_TEST}.bin or {CIFAR10_TEST} (CIFAR-10)"
    )


def load_mnist(folder: str | PathLike[str]) -> Dataset:
    """MNIST, or a data set in its form, from the four IDX files in a folder, packed by gzip or not.

    Xtrain is 60000 x 784, bytes from 0 to 255; Ttrain holds class numbers. Source of the format: LeCun, Cortes and
    Burges, "The MNIST database of handwritten digits". FileNotFoundError, or ValueError that says what is wrong.
    """
    arrays = {}
    for array, name in MNIST.items():
        path = _idx_file(Path(folder), name)
        if path is None:
            raise FileNotFoundError(f"{folder}: {name} is missing; expected {', '.join(MNIST.values())}, or with .gz")
        arrays[array] = read_idx(path)
    return _dataset(folder, **arrays)


def read_idx(path: str | PathLike[str]) -> HostMatrix:
    """The array in an IDX file, packed by gzip or not. ValueError when it is none."""
    content = Path(path).read_bytes()
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        zeros, code, dimensions = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{dimensions}I", content, 4)
        dtype = np.dtype(_IDX_DTYPES[code])
    except (EOFError, KeyError, OSError, struct.error, zlib.error) as error:
        raise ValueError(f"{path} is not an IDX file: {error!r}") from error
    start, size = 4 + 4 * dimensions, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if zeros != 0 or len(content) != start + size:
        raise ValueError(
            f"{path} is not an IDX file: expected {size} bytes for shape {shape}, found {len(content) - start}"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def load_cifar10(folder: str | PathLike[str]) -> Dataset:
    """CIFAR-10 from the batches in a folder, in the binary version (*.bin) or in the Python version.

    Xtrain is 50000 x 3072, bytes from 0 to 255; Ttrain holds class numbers. Nothing in the files is executed. Source of
    the formats: Krizhevsky, "The CIFAR-10 dataset". FileNotFoundError, or ValueError that says what is wrong.
    """
    binary = (Path(folder) / f"{CIFAR10_TEST}.bin").exists()
    read: Callable[[Path], tuple[HostMatrix, HostMatrix]] = _binary_batch if binary else _python_batch
    names = [f"{name}.bin" if binary else name for name in (*CIFAR10_TRAIN, CIFAR10_TEST)]
    missing = [name for name in names if not (Path(folder) / name).exists()]
    if missing:
        raise FileNotFoundError(f"{folder}: missing {', '.join(missing)}; expected {', '.join(names)}")
    *train, (Xtest, Ttest) = [read(Path(folder) / name) for name in names]
    Xtrain, Ttrain = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return _dataset(folder, Xtrain, Ttrain, Xtest, Ttest)


def _binary_batch(path: Path) -> tuple[HostMatrix, HostMatrix]:
    """A byte for the class and 3072 for the image, again and again."""
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if content.size == 0 or content.size % (1 + CIFAR10_BYTES):
        raise ValueError(
            f"{path} has {content.size} bytes, expected a multiple of {1 + CIFAR10_BYTES}, a class and an image"
        )
    rows = content.reshape(-1, 1 + CIFAR10_BYTES)
    return rows[:, 1:].copy(), rows[:, 0].copy()


def _python_batch(path: Path) -> tuple[HostMatrix, HostMatrix]:
    """A pickled dictionary with `data`, N x 3072, and `labels`, N numbers."""
    try:
        with path.open("rb") as stream:
            batch = _ArraysOnly(stream, encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise almost anything
        raise ValueError(f"{path} is not a Python batch of CIFAR-10: {error}") from error
    found = {k.decode() if isinstance(k, bytes) else k: v for k, v in batch.items()} if isinstance(batch, dict) else {}
    X, labels = found.get("data"), found.get("labels")
    if not isinstance(X, np.ndarray) or X.dtype != np.uint8 or X.ndim != 2 or X.shape[1] != CIFAR10_BYTES:
        raise ValueError(f"{path} has no `data` of bytes, N x {CIFAR10_BYTES}; found {', '.join(found) or 'nothing'}")
    if not isinstance(labels, list) or not all(isinstance(k, int) and 0 <= k < 256 for k in labels):
        raise ValueError(f"{path} has no `labels`, a list of class numbers; found {', '.join(found)}")
    return X, np.array(labels, dtype=np.uint8)


class _ArraysOnly(pickle.Unpickler):
    """A pickle can call any function; this one refuses all but what makes an array."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if module in _NUMPY_CORE and name == "_reconstruct":
            return _empty_array
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no array needs")


def _empty_array(kind: type[HostMatrix], shape: tuple[int, ...], dtype: Any) -> HostMatrix:
    """What NumPy's pickles begin with, before the entries are set."""
    return np.ndarray.__new__(kind, shape, dtype)


def _idx_file(folder: Path, name: str) -> Path | None:
    """The file of this name in one of its spellings."""
    dotted = name.replace("-idx", ".idx")
    spellings = (folder / f"{stem}{packed}" for stem in (name, dotted) for packed in ("", ".gz"))
    return next((path for path in spellings if path.is_file()), None)


def _dataset(
    folder: str | PathLike[str], Xtrain: HostMatrix, Ttrain: HostMatrix, Xtest: HostMatrix, Ttest: HostMatrix
) -> Dataset:
    """Images as rows, checked."""
    train, test = (X.reshape(len(X), -1) for X in (Xtrain, Xtest))
    if train.shape[1] != test.shape[1]:
        raise ValueError(
            f"{folder}: test images have {test.shape[1]} entries, expected {train.shape[1]} as in training"
        )
    return Dataset(
        *checked_examples(f"{folder}: training images", train, f"{folder}: training labels", Ttrain),
        *checked_examples(f"{folder}: test images", test, f"{folder}: test labels", Ttest),
    )
