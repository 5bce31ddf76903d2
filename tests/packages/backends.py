"""The five generated packages, for tests that say the same of each."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FRAMEWORKS = {"numpy": "numpy", "torch": "torch", "jax": "jax", "tensorflow": "tensorflow", "cpp": "numpy"}
"""Backend -> the module that its package computes with."""

every_backend = pytest.mark.parametrize("backend", FRAMEWORKS)
every_framework = pytest.mark.parametrize("backend", [b for b in FRAMEWORKS if b != "cpp"])
"""Those whose functional core is written with the operations of `runtime`; that of C++ is compiled."""
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def load(backend: str) -> Any:
    """The package of a backend; the test is skipped where the framework is not installed."""
    if importlib.util.find_spec(FRAMEWORKS[backend]) is None:
        pytest.skip(f"{FRAMEWORKS[backend]} is not installed")
    return importlib.import_module(f"eqgen_{backend}")


def array(seed: int, rows: int, columns: int) -> NDArray[np.float64]:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=(rows, columns))


def example_layers(p: Any, **keywords: Any) -> dict[str, Any]:
    """One layer of every class of the package, with 4 inputs (an embedding: indices below 4) and 3 outputs."""
    layers = {}
    for name, cls in p.LAYERS.items():
        header = [argument for argument in ("act", "p") if argument in cls.__init__.__annotations__]
        values = {"act": p.ACTIVATIONS["Tanh"](), "p": 0.5}
        layers[name] = cls(*(4, 3)[: len(cls.SIZES)], *(values[argument] for argument in header), **keywords)
    return layers


def example_input(p: Any, layer: Any, rows: int, **keywords: Any) -> Any:
    """A batch that the layer accepts."""
    if type(layer).__name__ == "EmbeddingLayer":
        return p.from_host(np.arange(rows).reshape(-1, 1) % 4, **keywords)
    return p.from_host(array(rows, rows, 4), layer.dtype, **keywords)
