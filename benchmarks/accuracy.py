"""How accurate the generated packages are: the worst error of every definition, and of sums of large batches.

    python benchmarks/accuracy.py [--backend numpy,...] [--write]

The first table is what `eqgen test --accuracy` prints, of the packages in generated/; the second adds 100,000 rows in
single precision. Nothing depends on time or chance. `--write` puts the tables into docs/accuracy.md; exit code 1 where
an error is above its bound.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.measuring import ROOT, processor, versions
from docs.tables import code, markdown

if TYPE_CHECKING:
    from eqgen.testing.accuracy import AccuracyReport, Measurement
    from eqgen.testing.packages import Package

DOCUMENT = ROOT / "docs" / "accuracy.md"
WRITER = "benchmarks/accuracy.py"
GENERATED = ROOT / "generated"
SUMMED_UP = 1.0
"""Definitions whose error stays below one unit of its scale everywhere are counted, not listed."""


# --- definitions ---------------------------------------------------------------------------------------------


def errors(report: AccuracyReport) -> str:
    """Worst errors in units of the scale, single and double precision, a column for each backend."""
    backends = list(dict.fromkeys(m.backend for m in report.measurements.values()))
    rows, small = [], 0
    for (kind, name), found in report.by_definition().items():
        if max(m.of_scale for m in found) < SUMMED_UP:
            small += 1
            continue
        cells = [" / ".join(_worst(found, b, t) for t in ("float32", "float64")) for b in backends]
        rows.append([f"{kind} {code(name)}", *cells, f"{max(m.of_bound for m in found):.2f}"])
    rows.append([f"{small} others", *["below 1"] * len(backends), ""])
    return markdown(["", *backends, "of the bound"], rows)


def _worst(found: Sequence[Measurement], backend: str, dtype: str) -> str:
    return f"{max(m.of_scale for m in found if (m.backend, m.dtype) == (backend, dtype)):.2g}"


# --- large batches -------------------------------------------------------------------------------------------

ROWS = 100_000
COLUMNS = (1, 3, 64, 100)
OFFSET = 10_000.0

Sum = Callable[[NDArray[np.float32]], NDArray[Any]]


def package_sums(package: Package) -> dict[str, Sum]:
    """The gradient of a bias, which is a sum of columns: as a function, and as a training step computes it."""
    p = package

    def function(X: NDArray[np.float32]) -> NDArray[Any]:
        column, weight = np.zeros((len(X), 1), np.float32), np.zeros((X.shape[1], 1), np.float32)
        operands = (p.matrix(a, "float32") for a in (column, weight, X))
        gradient: NDArray[Any] = p.host(p.part("functional").linear_backward(*operands)[2])
        return gradient

    def step(X: NDArray[np.float32]) -> NDArray[Any]:
        buffers = p.part("buffers").Buffers()
        gradient: NDArray[Any] = p.host(p.part("planned").linear_gradients(p.matrix(X, "float32"), buffers))
        return gradient

    title = f"{p.backend.title} package"
    return {title: function} | ({f"{title}, training step": step} if p.backend.in_place else {})


def framework_sums(names: Sequence[str]) -> dict[str, Sum]:
    """What the frameworks themselves give where a package does not simply call it."""
    found: dict[str, Sum] = {}
    if "numpy" in names:
        found["`np.sum(X, axis=0)`"] = lambda X: np.sum(X, axis=0, keepdims=True)
    if "tensorflow" in names:
        tf: Any = importlib.import_module("tensorflow")
        found["`tf.reduce_sum(X, axis=0)`"] = lambda X: tf.reduce_sum(tf.constant(X), axis=0, keepdims=True).numpy()
    return found


def sums(ways: Mapping[str, Sum]) -> str:
    """The worst error of a sum of 10,000 plus a normal deviation, in units in its last place."""
    generator = np.random.default_rng(0)
    batches = [(OFFSET + generator.standard_normal((ROWS, n))).astype(np.float32) for n in COLUMNS]
    rows = [[title, *(f"{units(way(X), X):.2g}" for X in batches)] for title, way in ways.items()]
    return markdown(["", *(f"{n} columns" if n > 1 else "1 column" for n in COLUMNS)], rows)


def units(found: NDArray[Any], X: NDArray[np.float32]) -> float:
    """The worst error of sums of columns, 1 x n, in units in the last place."""
    exact = X.astype(np.float64).sum(axis=0, keepdims=True)
    if found.shape != exact.shape or found.dtype != np.float32:
        raise ValueError(f"found {found.dtype} of shape {found.shape}, expected float32 of shape {exact.shape}")
    return float(np.max(np.abs(found - exact) / np.spacing(exact.astype(np.float32))))


# --- all -----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    from eqgen.backends.protocol import backends
    from eqgen.testing.accuracy import measure
    from eqgen.testing.packages import load_package

    known = backends()
    parser = argparse.ArgumentParser(description="How accurate the generated packages are.")
    parser.add_argument("--backend", default=",".join(known), help=f"default: {','.join(known)}")
    parser.add_argument("--definition", help="measure these definitions only")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/accuracy.md")
    options = parser.parse_args(arguments)
    names = options.backend.split(",")
    if unknown := set(names) - set(known):
        parser.error(f"--backend: there is no {', '.join(sorted(unknown))}; expected some of {', '.join(known)}")
    if options.write and (set(names) != set(known) or options.definition):
        parser.error("--write: only everything in all backends belongs into the document")
    packages = [load_package(GENERATED / f"eqgen_{name}", known[name]) for name in names]
    definitions = options.definition.split(",") if options.definition else None
    report = measure(names, definitions, folder=GENERATED)
    ways = framework_sums(names)
    for package in packages:
        ways |= package_sums(package)
    conditions = f"On {processor()}; {versions([package.root.info() for package in packages])}."
    tables = {"errors": f"{errors(report)}\n\n{conditions}", "batches": sums(ways)}
    for name, text in tables.items():
        print(f"{text}\n", flush=True)
        if options.write:
            measuring.write(text, name, WRITER, [DOCUMENT])
    for failure in report.failures:
        print(f"{failure.definition}, {failure.quantity}, {failure.backend} {failure.dtype}: above the bound")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
