"""Functions taken apart into their equations, so that each can be run, and timed, on its own.

What a package for measuring holds beside the functions that everybody calls; other packages have none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Shape, symbols
from eqgen.optimize.lower import Lowering, function_of_steps
from eqgen.optimize.parts import groups, parts_of
from eqgen.optimize.program import Argument, Function, Step
from eqgen.optimize.storage import sparse_variant

MEASURED = ("layer", "loss", "optimizer")
"""Kinds whose functions a training step calls; those of activations are called by these."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One equation of a function, with the statements that it alone needs, as a function of its own."""

    function: Function
    equation: str
    origin: str


def pieces(function: Function) -> tuple[Piece, ...]:
    """The equations of a function in order; a function of one equation is its own piece.

    The results of a piece are what later pieces or the caller of the whole function read.
    """
    found = groups(function.steps)
    if len(found) == 1:
        return (_piece(function, found[0]),)
    candidates = list(function.arguments)
    result = []
    for k, group in enumerate(found):
        read = _read(step for later in found[k + 1 :] for step in later) | {name for name, _ in function.results}
        results: list[tuple[str, Shape]] = [(s.target, s.value.shape) for s in group if s.target in read]
        name = f"{function.name}_equation_{k + 1}"
        keep = _carriers(group, results, candidates)
        piece = function_of_steps(name, candidates, group, results, function.title, function.origin, keep)
        result.append(_piece(piece, group))
        candidates += [Argument(*each) for each in results]
    return tuple(result)


def measured_functions(lowering: Lowering, module: Module, sparse: bool) -> Iterator[tuple[str, str, Function]]:
    """All functions that a training step may call: (kind of the definition, name of the part, function).

    sparse   whether layers with sparse parameters have functions over their stored entries, too
    """
    for kind in MEASURED:
        for d in sorted(module.of_kind(kind), key=lambda d: d.name):
            yield from ((kind, part.name, part.function) for part in parts_of(lowering, d))
            if sparse and kind == "layer" and sparse_variant(d) is not None:
                yield from ((kind, part.name, part.function) for part in parts_of(lowering, d, sparse=True))


def additional_functions(lowering: Lowering, module: Module, sparse: bool) -> tuple[Function, ...]:
    """What a package for measuring must have besides its functions."""
    functions = [function for _, _, function in measured_functions(lowering, module, sparse)]
    return tuple(p.function for f in functions for p in pieces(f) if p.function is not f)


def _piece(function: Function, group: tuple[Step, ...]) -> Piece:
    return Piece(function, group[-1].equation, group[-1].origin)


def _carriers(group: tuple[Step, ...], results: Iterable[tuple[str, Shape]], candidates: list[Argument]) -> list[str]:
    """Candidates from which a caller learns the shapes of results: the number of entries of a pattern is that of the
    values beside it, which need not be read.
    """
    read = _read(group)
    shapes = [a.shape for a in candidates if a.name in read]
    missing = {d for _, shape in results for d in shape if isinstance(d, str)} - {d for s in shapes for d in s}
    found = (next((a.name for a in candidates if size in a.shape), None) for size in sorted(missing))
    return [name for name in found if name is not None]


def _read(steps: Iterable[Step]) -> frozenset[str]:
    return frozenset(name for step in steps for name in symbols(step.value))
