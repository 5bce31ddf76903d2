"""Which library multiplies fastest here, and from which sizes on it is faster than the packages' own kernels.

Each candidate is built with the flags of a package and measured in processes of its own, in rounds (A B C A B C ...),
so that a busy moment of the machine falls on all; what counts is the median. Noise of a few per cent remains, so
another choice than the default must be faster by more than that.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eqgen.backends.blas import Blas, candidates
from eqgen.backends.compile import Settings, compile_extension
from eqgen.backends.locations import cache_folder, templates_folder
from eqgen.backends.toolchain import ToolchainError, find_toolchain, processor_name, processors
from eqgen.backends.tuning import sparse
from eqgen.backends.tuning.record import Tuning

OWN = "own kernels"
"""The packages' kernels among the candidates: they are no library, and not to be chosen."""

PRODUCTS = ("X W'", "DZ' X", "W - eta DZ' X", "DZ W")
"""Of a training step, in the order of `products.cpp`; X is N x D, W is K x D, DZ is N x K."""

DTYPES = ("float32", "float64")
NEVER = 1 << 30
"""A size in bytes that no row or column reaches."""

DEFAULT_TILE_BYTES, DEFAULT_LANE_BYTES = 4096, 64
"""Those of `packed_product.hpp`."""

_MARGIN = 0.03
_FORWARD, _WEIGHT_GRADIENT, _, _INPUT_GRADIENT = range(len(PRODUCTS))
_LIBRARY_WAY, _OWN_WAY = range(2)
_SECONDS = 300
_SPARSE_UNITS = ("sampled_product.cpp", "sparse.cpp", "sparse_product.cpp")
_UNITS = ("library_product.cpp", "library_sparse.cpp", "product.cpp", "runtime.cpp", *_SPARSE_UNITS)
_MEASURED = ("products.cpp", "sparse_products.cpp")


@dataclass(frozen=True, slots=True)
class Case:
    """One product, in one dtype, of given sizes."""

    product: int
    is_double: bool
    N: int
    D: int
    K: int

    @property
    def title(self) -> str:
        return f"{PRODUCTS[self.product]}, {self.N} x {self.D} x {self.K}, {DTYPES[self.is_double]}"

    @property
    def flops(self) -> int:
        return 2 * self.N * self.D * self.K

    def request(self, way: int) -> tuple[int, ...]:
        return (way, self.product, int(self.is_double), self.N, self.D, self.K)


@dataclass(frozen=True, slots=True)
class Effort:
    """What is measured, and how often.

    shapes      N, D, K of the layers
    rounds      processes for each candidate
    runs        of each product in a process
    tile_bytes  lengths of sums, and
    lane_bytes  numbers of rows, both in bytes, at which the own kernels are compared with the library
    width       of the layers in that comparison, and of the sparse ones
    densities   at which kernels for sparse and dense matrices are compared, in stored entries of a thousand
    """

    shapes: tuple[tuple[int, int, int], ...] = ((100, 3072, 1024), (100, 784, 1024), (100, 1024, 512))
    rounds: int = 5
    runs: int = 5
    tile_bytes: tuple[int, ...] = (1024, 2048, 4096, 8192, 16384, 32768)
    lane_bytes: tuple[int, ...] = (32, 64, 128, 256, 512)
    width: int = 1024
    densities: tuple[int, ...] = (100, 300, 500, 600, 700, 800, 900)

    @property
    def cases(self) -> list[Case]:
        return [
            Case(product, is_double, *shape)
            for is_double in (False, True)
            for shape in self.shapes
            for product in range(len(PRODUCTS))
        ]


EFFORT = Effort()
"""Two layers of a network for CIFAR-10, one for MNIST."""

Run = Callable[[Path, Sequence[tuple[int, ...]], int], Sequence[float | None]]
"""run(library, requests, runs): seconds of each request; None for what there are no kernels for."""


def run_worker(library: Path, requests: Sequence[tuple[int, ...]], runs: int) -> Sequence[float | None]:
    """In a process of its own. Raises ToolchainError (E508) when the library does not load or does not end."""
    worker = Path(__file__).with_name("worker.py")
    command = [sys.executable, str(worker), str(library), json.dumps(list(requests)), str(runs)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().rpartition("\n")[2] or f"exit code {error.returncode}"
        raise ToolchainError("E508", f"{library.name} cannot be measured: {reason}", details=error.stderr) from error
    except subprocess.TimeoutExpired as error:
        raise ToolchainError("E508", f"{library.name} did not finish within {_SECONDS} s") from error
    found: list[float | None] = json.loads(done.stdout)
    return found


def tune(
    effort: Effort = EFFORT, progress: Callable[[str], None] = lambda message: None, run: Run = run_worker
) -> Tuning:
    """Measure all candidates that may be used here.

    Raises ToolchainError when something is missing that compiling needs (E506), when a candidate does not compile or
    does not run (E508), and when the cache folder cannot be written (E505).
    """
    toolchain = find_toolchain()
    toolchain.require()
    known = candidates(toolchain)
    usable = [each for each in known if each.is_usable]
    libraries = {each.name: build(each, progress) for each in usable}
    cases = effort.cases
    seconds, spread = measure(libraries, cases, effort, progress, run)
    chosen = fastest([each.name for each in usable], cases, seconds)
    progress(f"comparing {OWN} with {next(each.title for each in usable if each.name == chosen)}")
    tile_bytes, lane_bytes = crossovers(libraries[chosen], effort, run)
    progress("comparing kernels for sparse and dense matrices")
    shape = (effort.shapes[0][0], effort.width, effort.width)
    dense, sparse_library = sparse.crossovers(
        libraries[chosen], shape, effort.densities, effort.rounds, effort.runs, run, fewest
    )
    return Tuning(
        processor_name(),
        processors(),
        toolchain.mkl.version,
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        chosen,
        tile_bytes,
        lane_bytes,
        dense,
        sparse_library,
        round(spread, 3),
        {
            name: {case.title: round(case.flops / s / 1e9, 1) for case, s in zip(cases, row, strict=True) if s}
            for name, row in seconds.items()
        },
        {each.title: why_not(each) for each in known if not each.is_usable},
    )


def why_not(candidate: Blas) -> str:
    """Why it was not measured, and what to do if something can be done."""
    if candidate.excluded:
        return candidate.excluded
    fix = candidate.component.fix
    return "not installed" + (f"; to have it: {fix}" if fix else "")


def build(candidate: Blas, progress: Callable[[str], None]) -> Path:
    """The library with the products, linked with a candidate, in the cache folder. Raises as `tune`."""
    folder = templates_folder() / "cpp" / "src"
    files = [
        *folder.glob("*.hpp"),
        *(folder / unit for unit in _UNITS),
        *(Path(__file__).with_name(n) for n in _MEASURED),
    ]
    sources = {file.name: file.read_text(encoding="utf-8") for file in files}
    out = cache_folder() / "tuning" / candidate.name
    progress(f"building with {candidate.title}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "choose another folder for the cache with the environment variable EQGEN_CACHE"
        raise ToolchainError("E505", f"{out} cannot be written: {error.strerror}", hint) from error
    return compile_extension(sources, out, "_tuning", Settings(blas=candidate.name), library="eqgen_tuning").library


def measure(
    libraries: Mapping[str, Path], cases: Sequence[Case], effort: Effort, progress: Callable[[str], None], run: Run
) -> tuple[dict[str, list[float | None]], float]:
    """Candidate -> median seconds of each case; the own kernels as one more, where there are any. And the spread."""
    contestants = [(name, path, _LIBRARY_WAY) for name, path in libraries.items()]
    contestants.append((OWN, next(iter(libraries.values())), _OWN_WAY))
    rounds: dict[str, list[Sequence[float | None]]] = {name: [] for name, _, _ in contestants}
    for number in range(effort.rounds):
        for name, path, way in contestants:
            progress(f"round {number + 1} of {effort.rounds}: {name}")
            rounds[name].append(run(path, [case.request(way) for case in cases], effort.runs))
    found = {name: medians(rows) for name, rows in rounds.items()}
    columns = [[s for s in column if s] for rows in rounds.values() for column in zip(*rows, strict=True)]
    spread = statistics.median(max(column) / min(column) for column in columns if column)
    return {name: row for name, row in found.items() if any(s is not None for s in row)}, spread


def medians(rows: Iterable[Sequence[float | None]]) -> list[float | None]:
    """Over the rounds, of each case."""
    columns = [[s for s in column if s is not None] for column in zip(*rows, strict=True)]
    return [statistics.median(column) if column else None for column in columns]


def fastest(names: Sequence[str], cases: Sequence[Case], seconds: Mapping[str, Sequence[float | None]]) -> str:
    """The library with the shortest steps, averaged geometrically over the dtypes; the first unless one is faster by
    more than noise."""

    def step(name: str) -> float:
        total = {case.is_double: 0.0 for case in cases}
        for case, s in zip(cases, seconds[name], strict=True):
            total[case.is_double] += s or 0.0
        return math.prod(total.values())

    best = min(names, key=step)
    margin = (1 - _MARGIN) ** len({case.is_double for case in cases})
    return best if step(best) < margin * step(names[0]) else names[0]


# --- own kernels or the library --------------------------------------------------------------------------


def crossovers(library: Path, effort: Effort, run: Run) -> tuple[int | None, int | None]:
    """`tile_bytes` and `lane_bytes` of a record; None where the compiler's target has no such kernels."""
    tiles = {size: tile_cases(size, effort) for size in effort.tile_bytes}
    lanes = {size: lane_cases(size, effort) for size in effort.lane_bytes}
    cases = [case for group in (*tiles.values(), *lanes.values()) for case in group]
    # One after the other in one process, so that both meet the same machine.
    requests = [case.request(way) for case in cases for way in (_LIBRARY_WAY, _OWN_WAY)]
    found = medians([run(library, requests, effort.runs) for _ in range(effort.rounds)])
    times = dict(zip(cases, zip(found[::2], found[1::2], strict=True), strict=True))

    def ratios(groups: Mapping[int, Sequence[Case]]) -> dict[int, float] | None:
        pairs = {size: [times[case] for case in group] for size, group in groups.items()}
        if any(own is None for group in pairs.values() for _, own in group):
            return None
        return {
            size: statistics.geometric_mean(own / theirs for theirs, own in group if own and theirs)
            for size, group in pairs.items()
        }

    of_tiles, of_lanes = ratios(tiles), ratios(lanes)
    return (
        None if of_tiles is None else longest(of_tiles, DEFAULT_TILE_BYTES),
        None if of_lanes is None else fewest(of_lanes, DEFAULT_LANE_BYTES),
    )


def tile_cases(size: int, effort: Effort) -> list[Case]:
    """Products with sums of so many bytes."""
    found = []
    for is_double in (False, True):
        terms, N, K = size // _bytes(is_double), effort.shapes[0][0], effort.width // 2
        found.append(Case(_INPUT_GRADIENT, is_double, N, effort.width, terms))
        found.append(Case(_WEIGHT_GRADIENT, is_double, terms, effort.width, K))
    return found


def lane_cases(size: int, effort: Effort) -> list[Case]:
    """Products for rows of so many bytes a column."""
    return [Case(_FORWARD, d, size // _bytes(d), effort.width, effort.width) for d in (False, True)]


def _bytes(is_double: bool) -> int:
    return 8 if is_double else 4


def longest(ratios: Mapping[int, float], default: int) -> int:
    """The size up to which the own kernels win, given their time over the library's at some sizes; 0 for none.

    Near a tie the default stands.
    """
    found = 0
    for size in sorted(ratios):
        if ratios[size] > 1 + (_MARGIN if size <= default else -_MARGIN):
            break
        found = size
    return found


def fewest(ratios: Mapping[int, float], default: int) -> int:
    """The size from which on the own kernels win; NEVER for none. Near a tie the default stands."""
    found = NEVER
    for size in sorted(ratios, reverse=True):
        if ratios[size] > 1 + (_MARGIN if size >= default else -_MARGIN):
            break
        found = size
    return found
