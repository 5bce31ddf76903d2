"""Generated packages under test: importing them from a folder, and bringing NumPy arrays in and out."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from eqgen.algebra.definitions import TypedDefinition
from eqgen.backends.protocol import Backend
from eqgen.optimize.names import class_name, function_name
from eqgen.testing.reference import ChosenActivation

LAYOUTS = ("contiguous", "Fortran-ordered", "every second")
"""How the entries of an array lie in memory."""

_count = itertools.count()

HeaderNumber = Fraction | tuple[Fraction, ...]


@dataclass(frozen=True)
class Package:
    """An imported package of a backend."""

    backend: Backend
    root: ModuleType

    @property
    def name(self) -> str:
        return self.backend.name

    def part(self, name: str) -> Any:
        """One of its modules: `runtime`, `functional`, `layers`."""
        return importlib.import_module(f"{self.root.__name__}.{name}")

    @property
    def runtime(self) -> Any:
        return self.part("runtime")

    def function(self, kind: str, name: str, part: str = "") -> Any:
        """A function of the functional core."""
        return getattr(self.part("functional"), function_name(kind, name, part))

    def construct(
        self, definition: TypedDefinition, *arguments: Any, numbers: Sequence[HeaderNumber] = (), **keywords: Any
    ) -> Any:
        """An object of the definition's class; the numbers of its header come last."""
        cls = getattr(self.root, class_name(definition.kind, definition.name))
        return cls(*arguments, *map(as_argument, numbers), **keywords)

    def activation(self, chosen: ChosenActivation) -> Any:
        return self.construct(chosen.definition, numbers=chosen.numbers)

    def matrix(self, array: Any, dtype: str, layout: str = "contiguous") -> Any:
        """A matrix of the framework. A framework without strides has one layout only, and gets that."""
        runtime = self.runtime
        if layout == "Fortran-ordered":
            turned = runtime.from_host(np.ascontiguousarray(array.T), dtype)
            if hasattr(turned, "T"):
                return turned.T
        elif layout == "every second":
            wide = np.full((2 * array.shape[0], 2 * array.shape[1]), 1e6)
            wide[::2, ::2] = array
            return runtime.from_host(wide, dtype)[::2, ::2]
        return runtime.from_host(np.ascontiguousarray(array), dtype)

    def host(self, x: Any) -> Any:
        """A NumPy array of the framework's matrix, in its own dtype."""
        return np.asarray(self.runtime.to_host(x))


def as_argument(number: HeaderNumber) -> float | list[float]:
    return [float(v) for v in number] if isinstance(number, tuple) else float(number)


def load_package(folder: Path, backend: Backend) -> Package:
    """Import a generated package from where it stands, beside others of the same name.

    Raises ModuleNotFoundError when its framework is not installed, FileNotFoundError when nothing is there.
    """
    start = folder / "__init__.py"
    if not start.is_file():
        raise FileNotFoundError(f"{folder} holds no generated package: run `eqgen build`")
    name = f"_tested_{next(_count)}_{folder.name}"
    spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        forget(name)
        raise
    return Package(backend, module)


def forget(name: str) -> None:
    """Drop a package and its modules from the table of imported ones."""
    for known in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[known]
