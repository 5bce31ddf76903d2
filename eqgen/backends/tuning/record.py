"""What `eqgen doctor --tune` measured on this machine: kept in the cache folder, read by every build.

One JSON file for a processor model, number of processors and version of MKL, so that a cache folder can be shared by
several machines. Without it, builds take the default.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from eqgen.backends.blas import DEFAULT, NONE, Blas, candidates
from eqgen.backends.build import write_atomically
from eqgen.backends.locations import cache_folder
from eqgen.backends.toolchain import Component, Toolchain, ToolchainError, find_mkl, processor_name, processors
from eqgen.language.diagnostics import DiagnosticError, file_diagnostic

COMMAND = "eqgen doctor --tune"

STEADY = 1.25
"""Spread of the rounds up to which a measurement is kept: on a quiet machine it is below 1.1, on a busy one 2."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """A choice and the measurements behind it.

    processor, processors, mkl  what it holds for
    measured    when, ISO 8601, UTC
    blas        name of the library, see `eqgen.backends.blas`
    tile_bytes  bytes of the longest sums that the packages' own tiles compute; None: their default
    lane_bytes  bytes of the fewest rows that their lanes multiply; None: their default
    dense       stored entries of a thousand from which on sparse matrices are multiplied as dense ones
    sparse_library  the same for multiplying by MKL's sparse BLAS; more than a thousand: never
    spread      the slowest of the rounds over the fastest, median over all that was measured
    gflops      name of a candidate -> product -> GFLOP/s, median of the rounds
    excluded    title of a candidate that was left out -> why
    """

    processor: str
    processors: int
    mkl: str
    measured: str
    blas: str
    tile_bytes: int | None
    lane_bytes: int | None
    dense: int
    sparse_library: int
    spread: float
    gflops: dict[str, dict[str, float]]
    excluded: dict[str, str]

    @property
    def is_steady(self) -> bool:
        """Whether the machine was quiet enough to choose by what was measured."""
        return self.spread <= STEADY

    @property
    def macros(self) -> dict[str, str]:
        """Name -> value, for the units that ask for them."""
        found = {
            "EQGEN_TILE_BYTES": self.tile_bytes,
            "EQGEN_LANE_BYTES": self.lane_bytes,
            "EQGEN_DENSE_PERMILLE": self.dense,
            "EQGEN_SPARSE_LIBRARY_PERMILLE": self.sparse_library,
        }
        return {name: str(value) for name, value in found.items() if value is not None}


_SIZES = ("tile_bytes", "lane_bytes", "dense", "sparse_library")

_KINDS: dict[str, Any] = {
    "processor": str, "processors": int, "mkl": str, "measured": str, "blas": str, "tile_bytes": int | None,
    "lane_bytes": int | None, "dense": int, "sparse_library": int, "spread": float, "gflops": dict, "excluded": dict,
}  # fmt: skip


def path_for(mkl: Component) -> Path:
    """Where the record for this machine is kept, if there is one."""
    parts = (processor_name(), f"{processors()} processors", f"mkl {mkl.version or 'none'}")
    name = "-".join(re.sub(r"[^a-z0-9.]+", "-", part.lower()).strip("-") for part in parts)
    return cache_folder() / "tuning" / f"{name}.json"


def read(mkl: Component) -> tuple[Tuning | None, str]:
    """The record for this machine, and what is wrong with it where it had to be ignored."""
    try:
        path = path_for(mkl)
        text = path.read_text(encoding="utf-8")
    except (OSError, RuntimeError):
        return None, ""
    except UnicodeDecodeError:
        return None, _ignored(path, "it is not UTF-8")
    try:
        content = json.loads(text)
        return _checked(content), ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return None, _ignored(path, f"{type(error).__name__}: {error}")


def _ignored(path: Path, reason: str) -> str:
    return f"{path} is no record of a measurement ({reason}) and is ignored; `{COMMAND}` writes a new one"


def _checked(content: Any) -> Tuning:
    """Raises KeyError, TypeError or ValueError for what was not written by this version."""
    for name, kind in _KINDS.items():
        if not isinstance(content[name], kind):
            raise ValueError(f"{name} is {content[name]!r}")
    if any(content[name] is not None and content[name] < 0 for name in _SIZES):
        raise ValueError("a size is negative")
    rates = [rate for row in content["gflops"].values() for rate in row.values()]
    if not all(isinstance(rate, float | int) for rate in rates):
        raise ValueError("gflops holds what is no number")
    return Tuning(**{field.name: content[field.name] for field in fields(Tuning)})


def write(tuning: Tuning, mkl: Component) -> Path:
    """Keep a record. Raises DiagnosticError (E505) when the cache folder cannot be written."""
    path = path_for(mkl)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(tuning), indent=2) + "\n")
    except OSError as error:
        raise _not_writable(path, error) from error
    return path


def forget(mkl: Component) -> Path | None:
    """Remove the record for this machine: its path, None where there was none.

    Raises DiagnosticError (E505) when it cannot be removed.
    """
    path = path_for(mkl)
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_writable(path, error) from error
    return path


def _not_writable(path: Path, error: OSError) -> DiagnosticError:
    hint = "choose another folder for the cache with the environment variable EQGEN_CACHE"
    message = f"the cache folder cannot be written: {error.strerror}"
    return DiagnosticError([file_diagnostic("E505", str(path.parent), message, hint)])


def identity() -> str:
    """Changes whenever the choice for this machine does; "" where nothing was measured."""
    tuning, _ = read(find_mkl())
    return "" if tuning is None else f"{tuning.blas} {tuning.macros}"


def choose(toolchain: Toolchain, name: str = "auto") -> tuple[Blas, list[str]]:
    """The library to link with, and what the user must know about that choice.

    name  of a candidate, or `auto`: what was measured, else MKL where it is found, else Eigen

    Raises ToolchainError (E506) when a named one is not known or cannot be used.
    """
    known = {each.name: each for each in candidates(toolchain)}
    if name != "auto":
        if name not in known:
            raise ToolchainError("E506", f"cannot compile: there is no BLAS `{name}`", f"one of {', '.join(known)}")
        chosen = known[name]
        if not chosen.is_usable:
            reason = chosen.excluded or f"not found ({chosen.component.note})"
            raise ToolchainError("E506", f"cannot compile: {chosen.title} {reason}", chosen.component.fix)
        return chosen, []
    messages = []
    tuning, problem = read(toolchain.mkl)
    if problem:
        messages.append(problem)
    if tuning is not None:
        measured = known.get(tuning.blas)
        if measured is not None and measured.is_usable:
            return replace(measured, macros={**measured.macros, **tuning.macros}), messages
        reason = measured.excluded or measured.component.note if measured else "it is not known to this version"
        message = f"{measured.title if measured else tuning.blas} was measured as fastest, but: {reason}"
        messages.append(f"{message}; `{COMMAND}` chooses again")
    default = known[DEFAULT]
    if default.is_usable:
        return default, messages
    absent = default.component
    messages.append(f"MKL not found: {absent.note}" + (f"; to have it: {absent.fix}" if absent.fix else ""))
    return known[NONE], messages


def component(toolchain: Toolchain) -> Component:
    """What builds use here and since when, as a line of `eqgen doctor`."""
    name = "tuning"
    chosen, problems = choose(toolchain)
    tuning, _ = read(toolchain.mkl)
    notes = [f"{chosen.title}, by default" if tuning is None else f"{chosen.title}, measured {tuning.measured}"]
    if tuning is not None and tuning.macros:
        notes.append(", ".join(f"{macro}={value}" for macro, value in tuning.macros.items()))
    notes += problems if toolchain.mkl.found else []
    where = "" if tuning is None else str(path_for(toolchain.mkl))
    return Component(name, tuning is not None, where, fix=COMMAND, note="; ".join(notes), required=False)
