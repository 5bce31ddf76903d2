"""What the examples of the five references share: options, packages, training, tables and pictures.

Nothing here is needed to use eqgen: `eqgen.load(...).compile(...)` gives a package, and the rest is its ordinary use.
"""

from __future__ import annotations

import os

# The matrices of the examples are small: threads that wait for each other would take longer than they save. This is
# read when NumPy is loaded, so it stands before every import of it; what is set already stays.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# TensorFlow's start-up chatter, not its errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import eqgen
from eqgen.language.diagnostics import DiagnosticError
from eqgen.packages import available_backends, find_backends

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
DEFINITIONS = tuple(
    HERE / f"{name}.eq"
    for name in ("own_definitions", "swish", "residual", "character_model", "binary_classifier", "four_layer_network")
)
"""One package has the definitions of all references, so that C++ is compiled once for all of them."""

INK, ACCENT, SECOND = "#333333", "#0b6e99", "#c8553d"
"""Colours of the pictures."""


# --- options -------------------------------------------------------------------------------------------------


def parser(description: str, epochs: int, data: str | None = None) -> argparse.ArgumentParser:
    """The options that all examples have.

    epochs   the default of `--epochs`
    data     for a data set: the environment variable that `--data` is taken from when it is left out
    """
    result = argparse.ArgumentParser(description=description)
    result.add_argument(
        "--backend", default="numpy", help="one, or several with commas between them, or 'all' that are installed"
    )
    result.add_argument("--epochs", type=_natural, default=epochs, help=f"default: {epochs}")
    result.add_argument("--seed", type=_natural, default=0, help="of weights and batches; default: 0")
    result.add_argument("--out", type=Path, default=Path("build/examples"), help="a folder for the picture")
    if data is not None:
        default = Path(os.environ[data]) if os.environ.get(data) else None
        result.add_argument("--data", type=Path, default=default, help=f"a data set; default: ${data}")
    return result


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, 0 or more")
    return int(text)


def parsed(options: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked: backends that exist, a data set that is there. `backends` is the list of their names."""
    found = options.parse_args(arguments)
    try:
        chosen = available_backends()[0] if found.backend == "all" else find_backends(found.backend.split(","))
    except DiagnosticError as error:
        options.error(f"--backend: {error}")
    found.backends = [backend.name for backend in chosen]
    if getattr(found, "data", None) is not None and not found.data.exists():
        options.error(f"--data: {found.data} does not exist")
    return found


def package(backend: str, *, hvp: bool = False) -> ModuleType:
    """The generated package with the definitions of the references, or that of the library with its `hessian`."""
    with Console(stderr=True).status(f"the package for {backend}; compiling C++ takes a minute, once"):
        if not hvp:
            return eqgen.load(DEFINITIONS).compile(backend)
        result = eqgen.library().compile(backend, hvp=True)
        importlib.import_module(f"{result.__name__}.hessian")
        return result


def digits() -> Path:
    """The data set that comes with eqgen: 1797 handwritten digits of 8 x 8 pixels."""
    return Path(str(files("eqgen") / "data" / "digits.npz"))


# --- training ------------------------------------------------------------------------------------------------


@dataclass
class Course:
    """How a training went: the mean loss of each batch, and after each epoch what `after` has measured."""

    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    epochs: list[Any] = field(default_factory=list)


def train(
    M: Any,
    epochs: int,
    loss: Any,
    learning_rate: Callable[[int], float],
    batches: Any,
    title: str,
    after: Callable[[], Any] = lambda: None,
) -> Course:
    """Stochastic gradient descent with a progress bar; `seconds` is the net time, without what `after` does."""
    course = Course()
    with progress(epochs * len(batches), title) as advance:
        for epoch in range(epochs):
            start = time.perf_counter()
            M.train()
            eta = learning_rate(epoch)
            values = []
            for X, T in batches:
                values.append(M.train_step(X, T, loss, eta, batches.one_hot))
                advance()
            M.wait()
            course.losses += [float(value) for value in values]
            course.seconds += time.perf_counter() - start
            course.epochs.append(after())
    return course


@contextmanager
def progress(total: int, title: str) -> Iterator[Callable[[], None]]:
    """A bar on standard error, shown where that is a terminal; gives the function that advances it by one."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


# --- what comes out ------------------------------------------------------------------------------------------


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; numbers stand to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for k, name in enumerate(header):
        table.add_column(name, justify="left" if k == 0 else "right")
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)


@contextmanager
def picture(folder: Path, name: str, width: float = 6.4, height: float = 3.6) -> Iterator[Figure]:
    """A figure to draw in, then written to `folder/name`. Without Matplotlib nothing is written, and a line says so."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SystemExit("the picture needs Matplotlib: pip install 'eqgen[plot]'") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    figure.savefig(path, dpi=90, metadata={"Software": None})
    print(f"picture: {path}")


def whole_numbers(axis: Any) -> None:
    """Ticks of an axis at whole numbers only."""
    axis.get_major_locator().set_params(integer=True)


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Means of `window` values that follow each other; fewer at the end, where fewer are left."""
    parts = [values[k : k + window] for k in range(0, len(values), window)]
    return [sum(part) / len(part) for part in parts]
