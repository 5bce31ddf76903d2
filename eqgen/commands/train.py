"""`eqgen train`: a multilayer perceptron trained with one backend's generated package.

The loss of an epoch is the mean over all training examples, computed in evaluation mode after the epoch, as are the
accuracies; `seconds` is the net time of training. It is not the running mean over the batches of the epoch, during
which the weights change. The examples come in the order of the file, as in the paper's Listing 2, unless `--shuffle` is
given. With these two conventions the numbers are those of the paper's Table 2: loss 0.202, accuracies 0.941 and 0.939.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypeAlias

import typer

from eqgen.commands import console
from eqgen.commands.densities import Densities, OverallDensity, check_densities

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Codes: TypeAlias = tuple[tuple[str, str], ...]

DATASET_CODES: Codes = (
    ("missing", "E602"),
    ("NaN", "E604"),
    ("has dtype", "E605"),
    ("has shape|rows|columns|has class", "E603"),
    ("", "E601"),
)
LAYER_CODES: Codes = (("sizes?", "E607"), ("", "E606"))
SIZE_CODES: Codes = (("", "E607"),)
WEIGHT_CODES: Codes = (("", "E608"),)
DESCRIPTION_CODES: Codes = (("", "E606"),)

MAX_DIGITS = 10
MAX_WEIGHTS = 2**31


class Dtype(StrEnum):
    """Of all matrices."""

    float32 = "float32"
    float64 = "float64"


@dataclass(frozen=True)
class Settings:
    """A run, as on the command line."""

    layers: str | None
    layer_sizes: str | None
    layer_weights: str
    optimizers: str
    loss: str
    learning_rate: str
    epochs: int
    batch_size: int
    dataset: Path
    shuffle: bool
    seed: int
    dtype: str
    load_weights: Path | None
    save_weights: Path | None
    densities: str | None = None
    overall_density: float | None = None
    prune: str | None = None
    grow: str = "Random"


def train(
    files: console.Files = None,
    backend: Annotated[str, typer.Option("--backend", "-b", metavar="NAME", help="The backend that trains.")] = "numpy",
    layers: Annotated[
        str | None, typer.Option(metavar="NAME;...", help="Layers, or activations; by default ReLU;Linear.")
    ] = None,
    layer_sizes: Annotated[
        str | None,
        typer.Option(metavar="N;...", help="Sizes of the input and of each layer's output; by default 128 between."),
    ] = None,
    layer_weights: Annotated[
        str, typer.Option(metavar="NAME[;...]", help="Initializer, one or one for each layer.")
    ] = "XavierNormalized",
    optimizers: Annotated[
        str, typer.Option(metavar="NAME[;...]", help="Optimizer, one or one for each layer.")
    ] = "Nesterov(0.9)",
    loss: Annotated[str, typer.Option(metavar="NAME", help="Loss function.")] = "SoftmaxCrossEntropy",
    learning_rate: Annotated[
        str, typer.Option(metavar="RATE", help="A number, or a scheduler such as 'Exponential(0.01, 0.1)'.")
    ] = "0.01",
    epochs: Annotated[int, typer.Option(min=0, help="How often all examples are seen.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples in a batch.")] = 100,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Arrays Xtrain, Ttrain, Xtest, Ttest; default: the bundled digits."),
    ] = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="A new order of the examples in every epoch, not that of the file.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides weights, masks and the order of --shuffle.")] = 0,
    densities: Densities = None,
    overall_density: OverallDensity = None,
    prune: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="After each epoch drop weights: 'SET(0.2)', 'Magnitude(0.2)', 'Threshold(0.001)'."
        ),
    ] = None,
    grow: Annotated[
        str, typer.Option(metavar="NAME", help="Where as many come back: Random, or Gradient (RigL).")
    ] = "Random",
    threads: Annotated[int | None, typer.Option(min=1, help="Processors to use; default: all.")] = None,
    load_weights: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Start from the weights in this file.")
    ] = None,
    save_weights: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Write the weights to this file.")
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Precision of all matrices.")] = Dtype.float32,
    json: console.Json = False,
) -> None:
    """Train a multilayer perceptron. With one seed all backends start from the same weights and see the same batches.

    After each epoch: the mean loss over all training examples, accuracies, and the net time of training. FILES add
    definitions of your own to the library.
    """
    from eqgen.backends.locations import PACKAGE
    from eqgen.packages import find_backend, import_package

    if layers is not None and layer_sizes is None:
        raise typer.BadParameter("is needed when --layers is given", param_hint="--layer-sizes")
    check_densities(densities, overall_density)
    if prune is not None and densities is None and overall_density is None:
        raise typer.BadParameter("needs --densities or --overall-density", param_hint="--prune")
    settings = Settings(
        layers=layers,
        layer_sizes=layer_sizes,
        layer_weights=layer_weights,
        optimizers=optimizers,
        loss=loss,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        dataset=dataset or PACKAGE / "data" / "digits.npz",
        shuffle=shuffle,
        seed=seed,
        dtype=dtype.value,
        load_weights=load_weights,
        save_weights=save_weights,
        densities=densities,
        overall_density=overall_density,
        prune=prune,
        grow=grow,
    )
    with console.json_errors(json), console.plain_warnings():
        chosen = find_backend(backend)
        sources = console.source_files(files)
        if save_weights is not None:
            check_writable(save_weights)
        if threads is not None:
            limit_threads(threads)
        package = import_package(sources, chosen, progress=lambda message: console.say(f"{message} ..."))
        records = run(package, settings, quiet=json)
    if json:
        console.emit({"backend": backend, "epochs": records})


def run(package: ModuleType, settings: Settings, quiet: bool) -> list[dict[str, Any]]:
    """Train, and give the records of all epochs. Raises DiagnosticError for settings and data that do not fit."""
    with described(str(settings.dataset), DATASET_CODES):
        data = package.load_npz(settings.dataset)
    outputs = data.classes or data.Ttrain.shape[1]
    layers = settings.layers or "ReLU;Linear"
    sizes = settings.layer_sizes or f"{data.Xtrain.shape[1]};128;{outputs}"
    check_sizes(sizes)
    with described("--layers", LAYER_CODES):
        M = network(package, layers, sizes, settings)
    with described("--learning-rate"):
        rate = package.parse_learning_rate(settings.learning_rate)
    with described("--loss"):
        loss = package.parse_loss_function(settings.loss)
    if settings.load_weights is not None:
        with described(str(settings.load_weights), WEIGHT_CODES):
            M.load(settings.load_weights)
    with described("--batch-size"):
        options = {"seed": settings.seed, "one_hot": data.classes, "dtype": settings.dtype}
        train_loader, test_loader = (
            package.DataLoader(X, T, settings.batch_size, settings.shuffle, **options)
            for X, T in ((data.Xtrain, data.Ttrain), (data.Xtest, data.Ttest))
        )
    if data.classes and not settings.shuffle and is_sorted(data.Ttrain):
        console.say(f"{settings.dataset}: the examples are sorted by class; --shuffle mixes them")
    with described("--layer-sizes", SIZE_CODES):
        package.evaluate(M, loss, [next(test_loader.in_order())])  # changes nothing: do the sizes fit the data?
    callbacks = []
    if settings.prune is not None:
        with described("--prune, --grow"):
            options = {"seed": settings.seed, "batches": train_loader, "loss": loss}
            callbacks = [package.SparseTraining(M, settings.prune, settings.grow, **options)]
    records: list[dict[str, Any]] = []

    def after_epoch(record: Any) -> None:
        if not quiet:
            typer.echo(line(record))
        if not math.isfinite(record.loss):
            console.say(
                f"epoch {record.epoch}: the loss is {record.loss}: training diverged, try a smaller learning rate"
            )
        records.append({name: finite(value) for name, value in asdict(record).items()})

    package.stochastic_gradient_descent(
        M, settings.epochs, loss, rate, train_loader, test_loader, callbacks=[after_epoch, *callbacks]
    )
    if settings.save_weights is not None:
        try:
            M.save(settings.save_weights)
        except OSError as error:
            console.fail("E505", str(settings.save_weights), f"cannot be written: {error.strerror}")
    return records


def network(package: ModuleType, layers: str, sizes: str, settings: Settings) -> Any:
    """The perceptron of these settings, with sparse weights where densities are given."""
    return perceptron(
        package,
        layers,
        sizes,
        settings.layer_weights,
        settings.optimizers,
        dtype=settings.dtype,
        seed=settings.seed,
        densities=settings.densities,
        overall_density=settings.overall_density,
    )


def perceptron(
    package: ModuleType,
    layers: str,
    sizes: str,
    weights: str,
    optimizers: str,
    *,
    dtype: str,
    seed: int,
    densities: str | None,
    overall_density: float | None,
) -> Any:
    """A perceptron of a package, with sparse weights where densities are given. ValueError for what does not fit."""
    if densities is None and overall_density is None:
        return package.parse_multilayer_perceptron(layers, sizes, weights, optimizers, dtype=dtype, seed=seed)
    if not hasattr(package, "sparse_multilayer_perceptron"):
        raise ValueError(f"{package.__name__} has no sparse layers")
    return package.sparse_multilayer_perceptron(
        layers,
        sizes,
        weights,
        optimizers,
        densities=densities,
        overall_density=overall_density,
        dtype=dtype,
        seed=seed,
    )


def is_sorted(T: Any) -> bool:
    """Whether class numbers never fall, as in a file that was written class by class."""
    return bool((T[1:] >= T[:-1]).all()) and bool(T[0] < T[-1])


def line(record: Any) -> str:
    """An epoch as people read it."""
    parts = [f"epoch {record.epoch:3}", f"loss {record.loss:.4f}"]
    for name, accuracy in (("train", record.train_accuracy), ("test", record.test_accuracy)):
        if accuracy is not None:
            parts.append(f"{name} accuracy {accuracy:.4f}")
    return "   ".join([*parts, f"{record.seconds:.2f} s"])


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_writable(path: Path) -> None:
    """Raises DiagnosticError (E505) before hours of training, not after."""
    if path.is_dir():
        console.fail("E505", str(path), "is a folder", "name a file")
    if not os.access(path.absolute().parent, os.W_OK):
        console.fail("E505", str(path), "its folder does not exist or cannot be written")


def check_sizes(sizes: str) -> None:
    """Raises DiagnosticError (E607) for layers that no memory holds; what is no number at all is reported later."""
    numbers = [int(part) for part in sizes.split(";") if part.strip().isdecimal() and len(part.strip()) < MAX_DIGITS]
    absurd = any(part.strip().isdecimal() and len(part.strip()) >= MAX_DIGITS for part in sizes.split(";"))
    if absurd or sum(a * b for a, b in pairwise(numbers)) > MAX_WEIGHTS:
        console.fail("E607", "--layer-sizes", f"{sizes!r} would need more than {MAX_WEIGHTS} weights", "smaller layers")


@contextmanager
def described(place: str, codes: Codes = DESCRIPTION_CODES) -> Iterator[None]:
    """What a generated package refuses becomes a diagnostic, with the first code whose pattern the message matches."""
    try:
        yield
    except OSError as error:
        console.fail(codes[-1][1], place, f"cannot be read: {error.strerror or error}")
    except (ValueError, TypeError) as error:
        message = str(error).removeprefix(f"{place}: ").removeprefix(f"{place} ")
        console.fail(next(code for pattern, code in codes if re.search(pattern, message)), place, message)


def limit_threads(count: int) -> None:
    """Use no more processors than this. Libraries read both settings when they are loaded, so this comes first."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
