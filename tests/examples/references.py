"""The scripts of the references, run in this process: frameworks are imported once."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import matplotlib.image
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared" / "data"

MNIST = Path(os.environ.get("EQGEN_MNIST") or SHARED / "mnist.npz")
NAMES = Path(os.environ.get("EQGEN_NAMES") or SHARED / "names.txt")
"""Data sets outside of the project; tests that need one are skipped where it is missing."""


def script(name: str) -> ModuleType:
    """A script of examples/ as a module."""
    with _importable():
        return importlib.import_module(name)


@contextmanager
def _importable() -> Iterator[None]:
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield
    finally:
        sys.path.remove(str(EXAMPLES))


def rows(printed: str, first: str) -> list[list[float]]:
    """The numbers in those rows of printed tables whose first cell is this."""
    found = re.findall(rf"^│ {re.escape(first)} +│(.*)│$", printed, re.MULTILINE)
    return [[float(cell) for cell in row.split("│") if re.fullmatch(r"\s*-?[\d.]+\s*", cell)] for row in found]


def is_drawn(path: Path) -> bool:
    """Whether a picture shows something: a PNG with more than a few colours and no more than half a megabyte."""
    pixels = matplotlib.image.imread(path)
    colours = np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)
    return len(colours) > 20 and path.stat().st_size < 500_000
