"""Timing the equations of a training step: functions of a package's core are replaced, for a while, by their pieces.

Nothing of this is in the package: the replacement is made here, and taken back. What runs otherwise is what always
runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from eqgen.algebra.definitions import Module
from eqgen.optimize.lower import Lowering
from eqgen.optimize.pieces import Piece, measured_functions, pieces
from eqgen.optimize.program import Function

METHODS = ("feedforward", "backpropagate", "optimize")
"""Methods of a layer in which functions of the core are called."""


@dataclass(frozen=True, slots=True)
class Place:
    """What was timed. `layer` counts from 0; None stands for the loss."""

    layer: int | None
    part: str
    origin: str
    equation: str


@dataclass(slots=True)
class Timing:
    """Of one place in one step: how often it was called, and for how many seconds."""

    calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A function in its pieces. `part` is what cost reports call it."""

    part: str
    function: Function
    pieces: tuple[Piece, ...]


def measured(module: Module, sparse: bool) -> dict[str, Measured]:
    """The functions that a training step calls, by their names in the core.

    sparse   whether the package has layers over stored entries
    """
    lowering = Lowering(module)
    return {
        f.name: Measured(part if kind == "layer" else kind, f, pieces(f))
        for kind, part, f in measured_functions(lowering, module, sparse)
    }


class Recorder:
    """Runs training steps of a network whose equations are timed.

    package     was built with pieces
    functions   what is replaced
    """

    def __init__(self, package: ModuleType, functions: Mapping[str, Measured]) -> None:
        self.package = package
        self.core: Any = package.functional
        self.functions = functions
        self.layer: int | None = None
        self.timings: dict[Place, Timing] = {}

    def record(self, layers: Sequence[Any], step: Callable[[], object]) -> dict[Place, Timing]:
        """The timings of one step over these layers, in the order in which the equations came first."""
        self.timings = {}
        with self._replaced(), self._watched(layers):
            step()
        return self.timings

    def timing_seconds(self, matrix: Any, repeats: int = 200) -> float:
        """What it costs to time a call: the wait for a matrix that is there already, and two looks at the clock."""
        start = time.perf_counter()
        for _ in range(repeats):
            time.perf_counter()
            self.package.runtime.wait(matrix)
        return (time.perf_counter() - start) / repeats

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        own = {name: getattr(self.core, name) for name in self.functions}
        try:
            for name, function in self.functions.items():
                setattr(self.core, name, self._in_pieces(function, own[name]))
            yield
        finally:
            for name, before in own.items():
                setattr(self.core, name, before)

    @contextmanager
    def _watched(self, layers: Sequence[Any]) -> Iterator[None]:
        """Calls of a layer's methods say whose functions run."""

        def watched(layer: int, method: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                self.layer = layer
                try:
                    return method(*arguments)
                finally:
                    self.layer = None

            return call

        try:
            for k, layer in enumerate(layers):
                for name in METHODS:
                    object.__setattr__(layer, name, watched(k, getattr(layer, name)))
            yield
        finally:
            for layer in layers:
                for name in METHODS:
                    vars(layer).pop(name, None)

    def _in_pieces(self, whole: Measured, own: Callable[..., Any]) -> Callable[..., Any]:
        """A function that does what `own` does, equation by equation."""
        names = [a.name for a in whole.function.arguments]
        results = [name for name, _ in whole.function.results]
        calls = [
            (p, own if p.function is whole.function else getattr(self.core, p.function.name)) for p in whole.pieces
        ]

        def run(*arguments: Any) -> Any:
            values = dict(zip(names, arguments, strict=True))
            for piece, call in calls:
                place = Place(self.layer, whole.part, piece.origin, piece.equation)
                values |= self._timed(place, piece.function, call, values)
            found = tuple(values[name] for name in results)
            return found[0] if len(found) == 1 else found

        return run

    def _timed(
        self, place: Place, function: Function, call: Callable[..., Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        operands = [values[a.name] for a in function.arguments]
        wait = self.package.runtime.wait
        start = time.perf_counter()
        result = call(*operands)
        found = result if len(function.results) != 1 else (result,)
        for matrix in found:
            wait(matrix)
        seconds = time.perf_counter() - start
        timing = self.timings.setdefault(place, Timing())
        timing.calls += 1
        timing.seconds += seconds
        return dict(zip((name for name, _ in function.results), found, strict=True))
