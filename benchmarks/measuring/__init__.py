"""What all benchmarks share: fair conditions for every process, orders, medians, and the place in a document."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from docs.tables import placed

ROOT = Path(__file__).resolve().parent.parent.parent

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, and between which values they lie."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """StatisticsError when there are none."""
        measured = list(values)
        return cls(statistics.median(measured), min(measured), max(measured))

    def scaled(self, factor: float) -> Spread:
        return Spread(self.median * factor, self.least * factor, self.most * factor)

    def text(self, digits: int = 2) -> str:
        """`3.00 (2.00 to 4.00)`."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.most:.{digits}f})"


def rotated(items: Sequence[T], turn: int) -> list[T]:
    """All items, each turn from another one on, so that nobody always comes first."""
    start = turn % len(items)
    return [*items[start:], *items[:start]]


def environment() -> dict[str, str]:
    """As it is, with generated/ on the path and without a forced choice of OpenBLAS kernels, which would bind one
    contestant only."""
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    path = os.pathsep.join([str(ROOT), str(ROOT / "generated"), *filter(None, [inherited.get("PYTHONPATH")])])
    return {"TF_CPP_MIN_LOG_LEVEL": "2", **inherited, "PYTHONPATH": path}


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()


def machine() -> str:
    """On what was measured, for a sentence."""
    return f"{processor()} with {os.cpu_count()} processors"


def versions(infos: Iterable[Mapping[str, Any]]) -> str:
    """`numpy 2.4 (openblas); torch 2.13; Python 3.11`, from what the `info()` of packages says."""
    found: dict[str, None] = {}
    for info in infos:
        blas = f"{info['blas']} {info.get('blas_version', '')}".strip() if info.get("blas") else ""
        found[f"{info['framework']} {info['version']}" + (f" ({blas})" if blas else "")] = None
    return "; ".join([*found, f"Python {platform.python_version()}"])


def write(text: str, name: str, writer: str, documents: Sequence[Path]) -> None:
    """Replace what stands between the marks in each document; all or nothing. ValueError where they are missing."""
    new = {path: placed(path.read_text(encoding="utf-8"), name, writer, text) for path in documents}
    for path, content in new.items():
        path.write_text(content, encoding="utf-8")
