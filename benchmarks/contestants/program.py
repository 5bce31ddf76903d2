"""An epoch by a program in C++ alone, over the C interface of the generated package: built, run, and read back."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eqgen.backends.toolchain import find_toolchain

SOURCE = Path(__file__).with_name("epoch.cpp")


def build(package: Path, folder: Path) -> Path:
    """The program, linked with the library of a package folder. RuntimeError with the compiler's words."""
    program = folder / "epoch"
    compiler = find_toolchain().compiler.command
    library = [f"-L{package}", f"-l:lib{package.name}.so", f"-Wl,-rpath,{package}"]
    line = [*compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", f"-I{package / 'src'}", str(SOURCE), *library]
    done = subprocess.run([*line, "-o", str(program)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{SOURCE.name} does not compile:\n{done.stderr}")
    return program


def train(
    package: Path, X: Any, T: Any, weights: Sequence[tuple[Any, Any]], batch: int, warm_up: int
) -> tuple[list[tuple[Any, Any]], float, float]:
    """W and b of each layer after an epoch, seconds of warming up and of the epoch. RuntimeError when it fails.

    X, T     inputs, and targets in one-hot form
    weights  W (outputs x inputs) and b of each layer at the start
    """
    sizes = [weights[0][0].shape[1], *(W.shape[0] for W, _ in weights)]
    with tempfile.TemporaryDirectory(prefix="eqgen-epoch-") as name:
        folder = Path(name)
        with (folder / "task").open("wb") as file:
            file.write(np.array([len(X), batch, warm_up, len(weights), *sizes], dtype=np.int64).tobytes())
            for array in (X, T, *(each for pair in weights for each in pair)):
                file.write(np.ascontiguousarray(array, dtype=np.float32).tobytes())
        line = [str(build(package, folder)), str(folder / "task"), str(folder / "result")]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the program ends with {done.returncode}: {done.stderr}")
        entries = np.fromfile(folder / "result", dtype=np.float32)
    first, seconds = map(float, done.stdout.split())
    found: list[tuple[Any, Any]] = []
    for W, b in weights:
        own, entries = np.split(entries, [W.size + b.size])
        found.append((own[: W.size].reshape(W.shape), own[W.size :].reshape(b.shape)))
    return found, first, seconds
