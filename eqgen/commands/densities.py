"""`--densities` and `--overall-density`: the layers of a network that store some of their weights only, and how many.

The rules are those of generated packages; their module is among the templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module, TypedDefinition
    from eqgen.optimize.network_cost import LayerChoice

Densities = Annotated[
    str | None,
    typer.Option(metavar="SHARE[;...]", help="Sparse weights: the share that is stored, one or one for each layer."),
]
OverallDensity = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="SHARE", help="Instead: of all weights, shared out as Erdos-Renyi graphs."),
]


def check_densities(densities: str | None, overall_density: float | None) -> None:
    """Raises BadParameter when both are given."""
    if densities is not None and overall_density is not None:
        raise typer.BadParameter("cannot be given beside --densities", param_hint="--overall-density")


def rules() -> ModuleType:
    """`layer_densities`, `number_of_entries`, `share`, as in every generated package."""
    from eqgen.commands.descriptions import template_module

    return template_module("densities")


def with_densities(
    module: Module,
    choices: Sequence[LayerChoice],
    sizes: Sequence[Mapping[str, int | str]],
    densities: str | None,
    overall_density: float | None,
) -> list[LayerChoice]:
    """The layers in the form in which they are stored, and how many entries these store where sizes are known.

    sizes   of each layer, by their names

    Raises DiagnosticError (E606) for densities that cannot be read, that are more or fewer than the layers, and for one
    below 1 of a layer without a sparse form.
    """
    found = list(choices)
    if densities is not None or overall_density is not None:
        shares = _shares(module, choices, sizes, densities, overall_density)
        found = [
            replace(c, sparse=True, density=share, title=f"Sparse {c.title}") if share < 1 else c
            for c, share in zip(choices, shares, strict=True)
        ]
    return [with_entries(choice, own) for choice, own in zip(found, sizes, strict=True)]


def with_entries(choice: LayerChoice, sizes: Mapping[str, int | str]) -> LayerChoice:
    """A layer with the number of entries that it stores where its density and these sizes give it."""
    density = choice.density
    return choice if density is None else replace(choice, stored=entry_counts(choice.definition, sizes, density))


def _shares(
    module: Module,
    choices: Sequence[LayerChoice],
    sizes: Sequence[Mapping[str, int | str]],
    densities: str | None,
    overall_density: float | None,
) -> list[float]:
    from eqgen.optimize.network_cost import own_sizes
    from eqgen.optimize.storage import sparse_variant

    shapes = []
    for choice, own in zip(choices, sizes, strict=True):
        numbers = [own.get(name, 1) for name in own_sizes(choice.definition)]
        has_form = not choice.sparse and sparse_variant(choice.definition) is not None
        shapes.append((numbers[0], numbers[-1]) if has_form else None)
    known = [v.name for v in map(sparse_variant, module.of_kind("layer")) if v is not None]
    option = "--densities" if densities is not None else "--overall-density"
    titles = [choice.title for choice in choices]
    try:
        found: list[float] = rules().layer_densities(option, titles, shapes, known, densities, overall_density)
    except ValueError as error:
        console.fail("E606", option, str(error).removeprefix(f"{option}: "))
    return found


def pattern_bytes(numbers: Iterable[int]) -> int:
    """Bytes of an index in the pattern of a sparse matrix with these sizes and numbers of entries."""
    from eqgen.commands.cost_json import PATTERN_BYTES

    return PATTERN_BYTES if max(numbers, default=0) <= rules().NARROW_LIMIT else 2 * PATTERN_BYTES


def entry_counts(definition: TypedDefinition, sizes: Mapping[str, int | str], density: float) -> dict[str, int]:
    """The number of stored entries of each sparse parameter, by its name in formulas; none where a size is open."""
    from eqgen.optimize.cost_report import entry_numbers

    found = {}
    for name, number in entry_numbers(definition).items():
        shape = [sizes.get(s) if isinstance(s, str) else s for s in definition.variables[name].shape]
        if all(isinstance(s, int) for s in shape):
            found[number] = rules().number_of_entries(tuple(shape), density)
    return found
