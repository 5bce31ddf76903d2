"""What the machine can do at most, measured once and kept in the cache folder: the roof of a roofline plot.

Measured by compiled loops: fused multiply-adds in registers, and the triad a = b + s c over arrays in memory and in
cache (McCalpin, STREAM). Without a compiler NumPy stands in, with a large product and with a triad in blocks, which
reach less; `method` says which it was.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqgen.backends.build import write_atomically
from eqgen.backends.locations import cache_folder
from eqgen.backends.toolchain import architecture_flags, find_compiler, processor_name
from eqgen.language.diagnostics import DiagnosticError, file_diagnostic

SOURCE = Path(__file__).with_name("limits.cpp")
SUFFIXES = {"float32": "f32", "float64": "f64"}
COMPILED, NUMPY = "compiled loops", "NumPy"
_SECONDS = 120
_RUNS = 10


@dataclass(frozen=True, slots=True)
class Machine:
    """Limits of a processor for one dtype and number of threads.

    operations        FLOP/s
    memory_bandwidth  bytes a second of a triad whose arrays do not fit into the caches
    cache_bandwidth   the same for arrays of 3 MB together
    method            how they were measured
    """

    processor: str
    threads: int
    dtype: str
    operations: float
    memory_bandwidth: float
    cache_bandwidth: float
    method: str

    @property
    def ridge(self) -> float:
        """FLOPs a byte from which on operations are the limit, not memory."""
        return self.operations / self.memory_bandwidth

    def least_seconds(self, flops: float, moved: float) -> float:
        """The time that operations, or else moving bytes through memory, must take."""
        return max(flops / self.operations, moved / self.memory_bandwidth)


def machine(
    dtype: str, threads: int, renew: bool = False, progress: Callable[[str], None] = lambda message: None
) -> Machine:
    """The limits of this machine: those that are kept, unless there are none or they are to be renewed.

    Raises DiagnosticError (E505) when the cache folder cannot be written.
    """
    processor = processor_name()
    key = hashlib.sha256(f"{processor}\0{threads}\0{dtype}".encode()).hexdigest()[:16]
    path = cache_folder() / "machine" / f"{key}.json"
    known = None if renew else _read(path)
    if known is not None and (known.processor, known.threads, known.dtype) == (processor, threads, dtype):
        return known
    progress("measuring the machine")
    found = Machine(processor, threads, dtype, *measure(dtype, threads))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(found)))
    except OSError as error:
        message = f"the cache folder cannot be written: {error.strerror}"
        hint = "choose another folder for the cache with the environment variable EQGEN_CACHE"
        raise DiagnosticError([file_diagnostic("E505", str(path.parent), message, hint)]) from error
    return found


def _read(path: Path) -> Machine | None:
    """What was kept; None for what is missing or was not written by this version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Machine(**{field.name: content[field.name] for field in fields(Machine)})
        return found if found.operations > 0 and found.memory_bandwidth > 0 else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def measure(dtype: str, threads: int) -> tuple[float, float, float, str]:
    """FLOP/s, bytes/s from memory, bytes/s from cache, and how they were measured."""
    compiled = measure_compiled(dtype, threads)
    return (*compiled, COMPILED) if compiled else (*measure_with_numpy(dtype, threads), NUMPY)


def measure_compiled(dtype: str, threads: int) -> tuple[float, float, float] | None:
    """By `limits.cpp`; None without a compiler that takes it."""
    compiler = find_compiler()
    if not compiler.found:
        return None
    with tempfile.TemporaryDirectory(prefix="eqgen-") as folder:
        program = Path(folder) / "limits"
        flags = ("-std=c++20", "-O3", *architecture_flags("native"), "-pthread", "-o", str(program), str(SOURCE))
        try:
            subprocess.run([*compiler.command, *flags], capture_output=True, check=True, timeout=_SECONDS)
            command = [str(program), SUFFIXES[dtype], str(threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
            operations, memory, cache = map(float, done.stdout.split())
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
    return operations, memory, cache


def measure_with_numpy(
    dtype: str, threads: int, size: int = 1536, memory_bytes: int = 3 << 26, cache_bytes: int = 3 << 20
) -> tuple[float, float, float]:
    """By a product of two size x size matrices, and by triads over three arrays of so many bytes together."""
    A = np.ones((size, size), dtype=dtype)
    product = np.empty_like(A)
    seconds = _shortest(lambda: np.matmul(A, A, out=product))
    return 2 * size**3 / seconds, _triad(dtype, threads, memory_bytes), _triad(dtype, threads, cache_bytes)


def _triad(dtype: str, threads: int, moved: int, block: int = 1 << 14) -> float:
    """Bytes a second of a = b + 3 c, in blocks that stay in the first cache between product and sum."""
    entries = max(moved // 3 // np.dtype(dtype).itemsize // threads, 1)
    arrays = [tuple(np.ones(entries, dtype=dtype) for _ in range(3)) for _ in range(threads)]

    def work(part: tuple[NDArray[Any], ...]) -> None:
        a, b, c = part
        for start in range(0, entries, block):
            piece = slice(start, start + block)
            np.multiply(c[piece], 3, out=a[piece])
            np.add(a[piece], b[piece], out=a[piece])

    with ThreadPoolExecutor(threads) as pool:
        seconds = _shortest(lambda: list(pool.map(work, arrays)))
    return 3 * entries * threads * np.dtype(dtype).itemsize / seconds


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs, after one that warms up."""
    work()
    found = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)
