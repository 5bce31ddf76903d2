"""`eqgen cost`: FLOPs and memory of every equation, as formulas and as numbers, as written and as rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eqgen.commands import console
from eqgen.commands.densities import (
    Densities,
    OverallDensity,
    check_densities,
    pattern_bytes,
    with_densities,
    with_entries,
)

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module
    from eqgen.commands.cost_json import Scale
    from eqgen.optimize.cost_report import DefinitionCost, Reporter
    from eqgen.optimize.network_cost import NetworkCost

MAX_SIZE = 10**12


class EntryType(StrEnum):
    """What a matrix entry is stored as."""

    float64 = "float64"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


BYTES = {EntryType.float64: 8, EntryType.float32: 4, EntryType.bfloat16: 2, EntryType.float16: 2}


def cost(
    subject: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] [FILES]...",
            help="A layer such as Softmax or 'Activation(ReLU)', or an activation, a function, a loss or an optimizer, "
            "and definition files (.eq) on top of the library.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="NAME;...", help="A network in place of NAME: layers, or activations.")
    ] = None,
    layer_sizes: Annotated[
        str | None, typer.Option(metavar="D;...", help="Of the network: sizes of the input and of each layer's output.")
    ] = None,
    optimizers: Annotated[
        str | None,
        typer.Option(metavar="NAME[;...]", help="Optimizer, one or one for each layer; default: gradient descent."),
    ] = None,
    loss: Annotated[str | None, typer.Option(metavar="NAME", help="Loss function of the network.")] = None,
    dims: Annotated[
        str | None,
        typer.Option(metavar="N=100,...", help="Sizes, for numbers beside formulas; of a network the batch, N."),
    ] = None,
    densities: Densities = None,
    overall_density: OverallDensity = None,
    dtype: Annotated[EntryType, typer.Option(help="What entries are stored as.")] = EntryType.float32,
    latex: Annotated[bool, typer.Option("--latex", help="Print the formulas as LaTeX tables.")] = False,
    json: console.Json = False,
) -> None:
    """Count floating-point operations, memory traffic and storage of every equation of a layer or a network.

    As the equations are written, and as they are rewritten. With `--dims`, as numbers too. Layers with sparse weights
    (SparseLinear, --densities, --overall-density) beside the dense ones; nnz is the number of stored entries.
    """
    files = [Path(text) for text in subject or () if text.endswith(".eq")]
    names = [text for text in subject or () if not text.endswith(".eq")]
    if len(names) + (layers is not None) != 1:
        raise typer.BadParameter("expected one NAME, or --layers with --layer-sizes", param_hint="NAME")
    if (layers is None) != (layer_sizes is None):
        raise typer.BadParameter("--layers and --layer-sizes belong together", param_hint="--layers")
    if loss is not None and layers is None:
        raise typer.BadParameter("a layer has no loss; name the loss itself, or give --layers", param_hint="--loss")
    check_densities(densities, overall_density)
    sizes = parse_dims(dims)
    with console.json_errors(json):
        from eqgen.algebra.library import load_files
        from eqgen.commands.cost_json import Scale
        from eqgen.optimize.cost_report import Reporter
        from eqgen.optimize.lower import Lowering

        module = load_files(files)
        reporter = Reporter(Lowering(module))
        scale = Scale(sizes, BYTES[dtype])
        if layers is not None and layer_sizes is not None:
            found = network(module, reporter, layers, layer_sizes, optimizers, loss, densities, overall_density)
            numbers = [size for binding in found.bindings for size in binding.values() if isinstance(size, int)]
            show_network(found, replace(scale, position=pattern_bytes(numbers)), dtype, latex, json)
        else:
            report, counts = definition(module, reporter, names[0], optimizers, densities, overall_density, sizes)
            known = {**sizes, **counts}
            scale = replace(scale, dims=known, position=pattern_bytes(known.values()))
            show_definition(report, scale, dtype, latex, json)


def parse_dims(text: str | None) -> dict[str, int]:
    """`N=100,D=3072` as a dictionary. Raises BadParameter."""
    sizes: dict[str, int] = {}
    for part in console.names(text):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name.isidentifier() or not value.isdecimal() or not 0 < int(value) <= MAX_SIZE or name in sizes:
            raise typer.BadParameter(f"found {part!r}, expected sizes such as N=100,D=3072,K=1024", param_hint="--dims")
        sizes[name] = int(value)
    return sizes


def network(
    module: Module,
    reporter: Reporter,
    layers: str,
    layer_sizes: str,
    optimizers: str | None,
    loss: str | None,
    densities: str | None = None,
    overall_density: float | None = None,
) -> NetworkCost:
    """The report of a network. Raises DiagnosticError (E606, E607)."""
    from eqgen.commands.descriptions import definition_of, layer_choices
    from eqgen.optimize.network_cost import bound_sizes, network_cost

    choices = layer_choices(module, layers, optimizers)
    parts = [part.strip() for part in layer_sizes.split(";")]
    if not all(part.isdecimal() and 0 < int(part) <= MAX_SIZE for part in parts):
        console.fail("E607", "--layer-sizes", f"found {layer_sizes!r}", "whole numbers such as '784;1024;10'")
    chosen = None if loss is None else definition_of(module, loss, ("loss",), "--loss")
    sizes = [int(part) for part in parts]
    try:
        bindings = bound_sizes([choice.definition for choice in choices], sizes)
    except ValueError as error:
        console.fail("E607", "--layer-sizes", str(error))
    choices = [replace(c, density=1.0) if c.sparse and c.density is None else c for c in choices]  # as in packages
    stored = with_densities(module, choices, bindings, densities, overall_density)
    return network_cost(reporter, stored, sizes, chosen)


def definition(
    module: Module,
    reporter: Reporter,
    text: str,
    optimizers: str | None,
    densities: str | None = None,
    overall_density: float | None = None,
    dims: Mapping[str, int] | None = None,
) -> tuple[DefinitionCost, Mapping[str, int]]:
    """The report of one definition, and how many entries a sparse layer stores where density and sizes are given.

    `activation SReLU` where a name alone is that of a layer too.
    """
    from eqgen.commands.descriptions import definition_of, layer_choice, optimizers_of, sparse_layer_of
    from eqgen.optimize.parts import KINDS

    kind, _, name = text.strip().partition(" ")
    kinds = (kind,) if kind in KINDS and name else KINDS
    text = name if kind in KINDS and name else text
    found = sparse_layer_of(module, text) or definition_of(module, text, kinds, "NAME")
    if found.kind != "layer":
        if optimizers is not None:
            console.fail("E606", "--optimizers", f"{found.kind} {found.name} has no parameters to update")
        if densities is not None or overall_density is not None:
            console.fail("E606", "--densities", f"{found.kind} {found.name} has no weights")
        return reporter.report(found, title=text), {}
    choice = layer_choice(module, text, optimizers_of(module, optimizers), "NAME")
    given = dict(dims or {})
    named = choice
    if densities is not None or overall_density is not None:
        dense = replace(choice, sparse=choice.density is not None)
        (choice,) = with_densities(module, [dense], [given], densities, overall_density)
        if named.sparse:
            choice = replace(choice, sparse=True, density=choice.density or 1.0, title=named.title)
    choice = with_entries(choice, given)
    if twice := sorted(choice.stored.keys() & given.keys()):
        raise typer.BadParameter(f"{', '.join(twice)} follows from the density", param_hint="--dims")
    report = reporter.report(choice.definition, choice.activations, choice.optimizers, choice.title, choice.sparse)
    return report, choice.stored


def show_definition(report: DefinitionCost, scale: Scale, dtype: EntryType, latex: bool, json: bool) -> None:
    from eqgen.commands import cost_json, cost_tables
    from eqgen.optimize.cost_notes import CONVENTIONS, notes
    from eqgen.optimize.network_cost import totals

    check_dims(scale.dims, report.sizes)
    scale = replace(scale, order=report.sizes)
    formulas = replace(scale, dims={})
    step = totals([report]) if report.definition.kind == "layer" else None
    remarks = list(CONVENTIONS)
    if step is not None:
        remarks = notes(step.at(scale.dims), (report.title,) if report.unbound else (), report.sizes)
        remarks += cost_json.saving(step, scale)
    if json:
        value = cost_json.definition_json(report, scale) | heading_json(scale, dtype)
        console.emit(value | {"totals": cost_json.totals_json(step, scale) if step else None, "notes": remarks})
    elif latex:
        typer.echo(cost_tables.latex_table(report, formulas))
    else:
        for each in (formulas, scale) if scale.dims else (formulas,):
            cost_tables.print_definition(report, each, at(each, dtype))
            if step is not None:
                cost_tables.print_totals(step, each)
            else:
                cost_tables.print_works([(p.name, p.written, p.rewritten) for p in report.parts], each)
        cost_tables.print_notes(remarks)


def show_network(network: NetworkCost, scale: Scale, dtype: EntryType, latex: bool, json: bool) -> None:
    from eqgen.commands import cost_json, cost_tables
    from eqgen.optimize.cost_notes import notes
    from eqgen.optimize.network_cost import BATCH

    check_dims(scale.dims, (BATCH,))
    step = network.totals()
    unbound = [layer.title for layer in network.layers if layer.unbound]
    remarks = notes(step.at(scale.dims), unbound, (BATCH,)) + cost_json.saving(step, scale)
    if json:
        value = {"kind": "network"} | cost_json.network_json(network, scale) | heading_json(scale, dtype)
        console.emit(value | {"totals": cost_json.totals_json(step, scale), "notes": remarks})
        return
    for formula, layer, binding in zip(network.formulas, network.layers, network.bindings, strict=True):
        own = replace(scale, dims={}, order=formula.sizes)
        if latex:
            typer.echo(cost_tables.latex_table(formula, own))
        else:
            subtitle = ", ".join(f"{name} = {value}" for name, value in binding.items() if name != value)
            cost_tables.print_definition(layer if scale.dims else formula, scale if scale.dims else own, subtitle)
    if network.loss is not None and not latex:
        cost_tables.print_definition(network.loss, scale)
    if not latex:
        typer.echo("training step" + f"  {at(scale, dtype)}")
        cost_tables.print_totals(step, scale)
        cost_tables.print_notes(remarks)


def check_dims(dims: dict[str, int] | Any, known: Sequence[str]) -> None:
    """Raises BadParameter for sizes that do not occur, and for some of several."""
    unknown = [name for name in dims if name not in known]
    missing = [name for name in known if name not in dims]
    if unknown or (dims and missing):
        wrong = f"there is no size {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        raise typer.BadParameter(f"{wrong}; expected {','.join(f'{name}=...' for name in known)}", param_hint="--dims")


def at(scale: Scale, dtype: EntryType) -> str:
    """`at N = 100, D = 3072, float32`; "" for formulas."""
    return ", ".join([f"{name} = {value}" for name, value in scale.dims.items()] + [dtype.value]) if scale.dims else ""


def heading_json(scale: Scale, dtype: EntryType) -> dict[str, Any]:
    return {"dims": dict(scale.dims), "dtype": dtype.value}
