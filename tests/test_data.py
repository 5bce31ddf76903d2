"""The bundled digits are the published ones, unchanged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

DIGITS = Path(__file__).resolve().parent.parent / "eqgen" / "data" / "digits.npz"

# optdigits.names of the UCI repository: "number of examples in testing set", class 0 to class 9.
UCI_CLASS_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.fixture(scope="module")
def digits() -> dict[str, np.ndarray]:
    with np.load(DIGITS, allow_pickle=False) as file:
        return dict(file)


def test_file_is_unchanged() -> None:
    found = hashlib.sha256(DIGITS.read_bytes()).hexdigest()
    assert found == "6d2a3415cec4daad306d7d4bb8a3515a15b2724d8df0f36af9815861d2f88bb9"


def test_arrays(digits: dict[str, np.ndarray]) -> None:
    found = {name: (array.shape, str(array.dtype)) for name, array in digits.items()}
    assert found == {
        "Xtrain": ((1437, 64), "float32"),
        "Ttrain": ((1437,), "uint8"),
        "Xtest": ((360, 64), "float32"),
        "Ttest": ((360,), "uint8"),
    }


def test_pixels_are_sixteenths(digits: dict[str, np.ndarray]) -> None:
    counts = 16 * np.concatenate([digits["Xtrain"], digits["Xtest"]])
    assert np.array_equal(counts, np.rint(counts))
    assert counts.min() == 0
    assert counts.max() == 16


def test_classes_are_those_of_the_published_test_set(digits: dict[str, np.ndarray]) -> None:
    targets = np.concatenate([digits["Ttrain"], digits["Ttest"]])
    assert np.bincount(targets).tolist() == UCI_CLASS_COUNTS
    assert np.bincount(digits["Ttest"], minlength=10).min() >= 30
