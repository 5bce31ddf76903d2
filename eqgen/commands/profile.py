"""`eqgen profile`: where the time of a training step goes, equation by equation, and what the machine could do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eqgen.commands import console
from eqgen.commands.densities import Densities, OverallDensity, check_densities
from eqgen.commands.train import (
    DESCRIPTION_CODES,
    LAYER_CODES,
    Dtype,
    check_sizes,
    check_writable,
    described,
    limit_threads,
    perceptron,
)

PICTURES = (".svg", ".png")
"""Formats of plots, by the endings of file names."""


def profile(
    files: console.Files = None,
    backend: Annotated[str, typer.Option("--backend", "-b", metavar="NAME", help="The backend that runs.")] = "numpy",
    layers: Annotated[str, typer.Option(metavar="NAME;...", help="Layers, or activations.")] = "ReLU;ReLU;Linear",
    layer_sizes: Annotated[
        str, typer.Option(metavar="N;...", help="Sizes of the input and of each layer's output.")
    ] = "3072;1024;512;10",
    optimizers: Annotated[
        str, typer.Option(metavar="NAME[;...]", help="Optimizer, one or one for each layer.")
    ] = "Nesterov(0.9)",
    loss: Annotated[str, typer.Option(metavar="NAME", help="Loss function.")] = "SoftmaxCrossEntropy",
    densities: Densities = None,
    overall_density: OverallDensity = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples in a batch.")] = 100,
    dtype: Annotated[Dtype, typer.Option(help="Precision of all matrices.")] = Dtype.float32,
    repeats: Annotated[int, typer.Option(min=1, help="Steps whose medians are given.")] = 30,
    threads: Annotated[int | None, typer.Option(min=1, help="Processors to use; default: all.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides weights, masks and the batch.")] = 0,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure the machine's peak anew, not only the first time.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg|FILE.png", help="Draw a roofline plot; needs matplotlib, the extra `plot`."),
    ] = None,
    json: console.Json = False,
) -> None:
    """Time every equation of a training step: milliseconds, GFLOP/s, and the share of what this machine can do.

    The step is run on random data with a package whose equations can be called one by one; packages made by
    `eqgen build` have nothing of it. Of sparse weights (--densities, --overall-density) the operations on their stored
    entries count. FILES add definitions of your own to the library.
    """
    from eqgen.packages import find_backend, import_package

    if plot is not None and plot.suffix not in PICTURES:
        raise typer.BadParameter(
            f"found {plot.name!r}, expected a name that ends in {' or '.join(PICTURES)}", param_hint="--plot"
        )
    check_densities(densities, overall_density)
    with console.json_errors(json), console.plain_warnings():
        chosen = find_backend(backend)
        sources = console.source_files(files)
        if plot is not None:
            check_writable(plot)
            require_matplotlib()
        check_sizes(layer_sizes)
        if threads is not None:
            limit_threads(threads)

        from eqgen.algebra.library import load_files
        from eqgen.backends.toolchain import processors
        from eqgen.commands.cost import network
        from eqgen.commands.profile_tables import print_profile, profile_json
        from eqgen.optimize.cost_report import Reporter
        from eqgen.optimize.lower import Lowering
        from eqgen.profiling.machine import machine
        from eqgen.profiling.run import load, steps
        from eqgen.profiling.run import profile as run

        def progress(message: str) -> None:
            console.say(f"{message} ...")

        module = load_files(sources)
        reporter = Reporter(Lowering(module))
        cost = network(module, reporter, layers, layer_sizes, optimizers, loss, densities, overall_density)
        package = import_package(sources, chosen, progress, pieces=True)
        M, function = objects(
            package, layers, layer_sizes, optimizers, loss, dtype.value, seed, densities, overall_density
        )
        limits = machine(dtype.value, processors(), measure, progress)
        what = load(package, M, function, cost, batch_size, dtype.value, seed)
        with package.progress.ProgressBar(steps(repeats), "profile") as bar:
            found = run(package, module, cost, what, limits, repeats, bar.advance, chosen.stores_sparsely)
        settings = {
            "backend": backend,
            "layers": layers,
            "layer_sizes": layer_sizes,
            "optimizers": optimizers,
            "loss": loss,
            "batch_size": batch_size,
            "dtype": dtype.value,
            "seed": seed,
        }
        shares = {"densities": densities, "overall_density": overall_density}
        settings |= {name: value for name, value in shares.items() if value is not None}
        if plot is not None:
            from eqgen.commands.profile_plot import draw

            draw(found, f"{layers}  {layer_sizes}  batch {batch_size}  {dtype.value}  {chosen.title}", plot)
    if json:
        console.emit(settings | profile_json(found) | {"plot": None if plot is None else str(plot)})
    else:
        print_profile(found, settings)


def objects(
    package: Any,
    layers: str,
    layer_sizes: str,
    optimizers: str,
    loss: str,
    dtype: str,
    seed: int,
    densities: str | None = None,
    overall_density: float | None = None,
) -> tuple[Any, Any]:
    """The network and the loss function. Raises DiagnosticError for what a package refuses."""
    with described("--layers", LAYER_CODES):
        M = perceptron(
            package,
            layers,
            layer_sizes,
            "XavierNormalized",
            optimizers,
            dtype=dtype,
            seed=seed,
            densities=densities,
            overall_density=overall_density,
        )
    with described("--loss", DESCRIPTION_CODES):
        return M, package.parse_loss_function(loss)


def require_matplotlib() -> None:
    """Raises DiagnosticError (E507) before minutes of measuring, not after."""
    from eqgen.backends.requirements import Framework

    drawing = Framework("matplotlib", "plot")
    if not drawing.found:
        console.fail("E507", "--plot", "matplotlib is not installed", drawing.fix)
