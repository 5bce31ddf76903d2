"""Data sets on the host, and batches of them as matrices of the framework."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from . import runtime
from .checks import float_dtype, natural_number
from .runtime import Device, HostMatrix, Matrix

ARRAYS = ("Xtrain", "Ttrain", "Xtest", "Ttest")

MAX_CLASSES = 1_000_000
"""Class numbers from here on are taken for a mistake: their one-hot matrix would not fit into memory."""


class Dataset(NamedTuple):
    """Training and test examples on the host, one a row. Targets are class numbers (N integers) or a matrix."""

    Xtrain: HostMatrix
    Ttrain: HostMatrix
    Xtest: HostMatrix
    Ttest: HostMatrix

    @property
    def classes(self) -> int | None:
        """The number of classes where targets are class numbers, else None."""
        if _are_class_numbers(self.Ttrain):
            return _number_of_classes(self.Ttrain, self.Ttest)
        return None


class DataLoader:
    """Iterates over batches (X, T) of a data set; the last one may be smaller.

    X            N x D on the host; uint8 entries are scaled to [0, 1], other integers (indices) stay integers
    T            N class numbers, which become rows of a one-hot matrix, or a matrix with N rows
    batch_size   rows of a batch
    shuffle      a new order in every iteration, determined by `seed`
    one_hot      the number of classes; by default the largest class number plus one
    dtype        of the batches; device: where they live

    `one_hot` tells afterwards whether the targets are one-hot, and `dataset_size` is the number of examples.
    TypeError or ValueError when the arrays do not fit each other.
    """

    def __init__(
        self,
        X: HostMatrix,
        T: HostMatrix,
        batch_size: int,
        shuffle: bool = True,
        seed: int = 0,
        one_hot: int | None = None,
        *,
        dtype: str = "float32",
        device: Device = None,
    ) -> None:
        self.X, self.T = checked_examples("X", X, "T", T)
        self.batch_size = natural_number("DataLoader", "batch_size", batch_size, least=1)
        self.shuffle = shuffle
        self.seed = natural_number("DataLoader", "seed", seed)
        self.dtype = float_dtype("DataLoader", dtype)
        self.device = device
        self.dataset_size = len(self.X)
        self._epoch = 0
        self.classes = 0
        if _are_class_numbers(self.T):
            self.T = self.T.reshape(-1)
            found = _number_of_classes(self.T)
            self.classes = found if one_hot is None else natural_number("DataLoader", "one_hot", one_hot, least=1)
            if found > self.classes:
                raise ValueError(
                    f"DataLoader: T has class {found - 1}, expected 0 to {self.classes - 1} (one_hot={one_hot})"
                )
        elif one_hot is not None and self.T.shape[1] != one_hot:
            raise ValueError(f"DataLoader: T has {self.T.shape[1]} columns, expected one_hot={one_hot}")
        self.one_hot = self.classes > 0 or _is_one_hot(self.T)

    def __len__(self) -> int:
        """The number of batches."""
        return -(-self.dataset_size // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Matrix, Matrix]]:
        if not self.shuffle:
            return self.in_order()
        order = np.random.default_rng([self.seed, self._epoch]).permutation(self.dataset_size)
        self._epoch += 1
        return self._batches(order)

    def in_order(self) -> Iterator[tuple[Matrix, Matrix]]:
        """All batches in the order of the data set; does not advance the order of the next iteration."""
        return self._batches(None)

    def _batches(self, order: HostMatrix | None) -> Iterator[tuple[Matrix, Matrix]]:
        for start in range(0, self.dataset_size, self.batch_size):
            rows: Any = slice(start, start + self.batch_size)
            if order is not None:
                rows = order[rows]
            yield self._inputs(self.X[rows]), self._targets(self.T[rows])

    def _inputs(self, X: HostMatrix) -> Matrix:
        if X.dtype == np.uint8:
            return runtime.from_host(X.astype(self.dtype) / 255, self.dtype, self.device)
        dtype = self.dtype if np.issubdtype(X.dtype, np.floating) else None
        return runtime.from_host(X, dtype, self.device)

    def _targets(self, T: HostMatrix) -> Matrix:
        return runtime.from_host(one_hot(T, self.classes) if self.classes else T, self.dtype, self.device)


def one_hot(T: HostMatrix, classes: int) -> HostMatrix:
    """The N x classes matrix with a 1 in column T[i] of row i. ValueError when a class number is out of range."""
    numbers = np.asarray(T).reshape(-1)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= classes):
        raise ValueError(f"one_hot: class numbers from {numbers.min()} to {numbers.max()}, expected 0 to {classes - 1}")
    result = np.zeros((len(numbers), classes))
    result[np.arange(len(numbers)), numbers] = 1
    return result


def load_npz(path: str | PathLike[str]) -> Dataset:
    """Read and check a data set: an .npz file with the arrays Xtrain, Ttrain, Xtest, Ttest.

    FileNotFoundError, or ValueError or TypeError that names the array, what was found and what was expected.
    """
    arrays = read_npz(path)
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise ValueError(f"{path}: missing {', '.join(missing)}; found the arrays {', '.join(arrays) or '(none)'}")
    Xtrain, Ttrain = checked_examples(f"{path}: Xtrain", arrays["Xtrain"], f"{path}: Ttrain", arrays["Ttrain"])
    Xtest, Ttest = checked_examples(f"{path}: Xtest", arrays["Xtest"], f"{path}: Ttest", arrays["Ttest"])
    if Xtrain.shape[1] != Xtest.shape[1]:
        raise ValueError(f"{path}: Xtest has {Xtest.shape[1]} columns, expected {Xtrain.shape[1]} as in Xtrain")
    if _are_class_numbers(Ttrain) != _are_class_numbers(Ttest) or Ttrain.shape[1:] != Ttest.shape[1:]:
        raise ValueError(
            f"{path}: Ttest has dtype {Ttest.dtype} and shape {Ttest.shape}, "
            f"expected the form of Ttrain, dtype {Ttrain.dtype} and shape {Ttrain.shape}"
        )
    return Dataset(Xtrain, Ttrain, Xtest, Ttest)


def read_npz(path: str | PathLike[str]) -> dict[str, HostMatrix]:
    """All arrays of an .npz file. FileNotFoundError, or ValueError when it is none or holds other than plain arrays."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not an .npz file of plain arrays: {error}") from error


def checked_examples(x_name: str, X: HostMatrix, t_name: str, T: HostMatrix) -> tuple[HostMatrix, HostMatrix]:
    """Inputs N x D and their targets, N numbers or N x K, as arrays of two dimensions (class numbers: of one)."""
    X = _checked_entries(x_name, X)
    T = _checked_entries(t_name, T)
    if X.ndim != 2:
        raise ValueError(f"{x_name} has shape {X.shape}, expected two dimensions, one row an example; reshape it")
    if T.ndim not in (1, 2):
        raise ValueError(f"{t_name} has shape {T.shape}, expected one number or one row an example")
    if len(X) != len(T):
        raise ValueError(f"{t_name} has {len(T)} rows, expected {len(X)}, one for each row of {x_name}")
    if len(X) == 0:
        raise ValueError(f"{x_name} has no rows, expected at least one example")
    if _are_class_numbers(T):
        if T.min() < 0:
            raise ValueError(f"{t_name} has class {T.min()}, expected class numbers 0, 1, 2, ...")
        if T.max() >= MAX_CLASSES:
            raise ValueError(f"{t_name} has class {T.max()}, expected class numbers below {MAX_CLASSES}")
        return X, T.reshape(-1)
    return X, T.reshape(len(T), -1)


def _checked_entries(name: str, array: HostMatrix) -> HostMatrix:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, expected a numpy.ndarray")
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name} has dtype {array.dtype}, expected floating-point numbers or integers")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        place = ", ".join(str(k) for k in bad[0])
        raise ValueError(f"{name} has {len(bad)} entries that are NaN or infinite, the first at [{place}]; remove them")
    return array


def _are_class_numbers(T: HostMatrix) -> bool:
    return bool(np.issubdtype(T.dtype, np.integer)) and (T.ndim == 1 or T.shape[1] == 1)


def _number_of_classes(*targets: HostMatrix) -> int:
    return max(int(T.max()) for T in targets) + 1


def _is_one_hot(T: HostMatrix) -> bool:
    return bool(np.isin(T, (0, 1)).all() and (T.sum(axis=1) == 1).all())
