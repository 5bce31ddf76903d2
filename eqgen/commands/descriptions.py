"""Strings such as `ReLU;Linear` or `WeightDecay(0.1) | Momentum(0.9)`, resolved to definitions.

The grammar is the one that generated packages read; its module is among their templates, and stands alone.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module, TypedDefinition
    from eqgen.optimize.network_cost import LayerChoice


def grammar() -> ModuleType:
    """`Specification`, `parse_specification`, `split`, `one_each`, as in every generated package."""
    return template_module("specification")


@cache
def template_module(name: str) -> ModuleType:
    """A module of generated packages that needs no other one, or only such."""
    from eqgen.backends.locations import templates_folder

    parent = ModuleType("eqgen_templates")
    parent.__path__ = [str(templates_folder() / folder) for folder in ("package", "sparse")]
    sys.modules.setdefault(parent.__name__, parent)
    return importlib.import_module(f"{parent.__name__}.{name}")


def layer_choices(module: Module, layers: str, optimizers: str | None, option: str = "--layers") -> list[LayerChoice]:
    """The layers of a network with their optimizers: one for all, or one for each.

    Raises DiagnosticError (E606) for what cannot be read and for names and arguments that do not exist.
    """
    texts = grammar().split(layers, ";")
    return [
        layer_choice(module, text, own, option)
        for text, own in zip(texts, _optimizers(module, optimizers, len(texts)), strict=True)
    ]


def layer_choice(
    module: Module, text: str, optimizers: tuple[TypedDefinition, ...], option: str = "--layers"
) -> LayerChoice:
    """A layer, or an activation's name, which stands for the layer whose header is one activation.

    `SparseLinear(density=0.1)`, or without a density, is the sparse form of a layer.
    """
    from eqgen.optimize.network_cost import LayerChoice

    specification = _parsed(text, option)
    definition = sparse_layer_of(module, specification.name)
    if definition is not None:
        specification, density = _without_density(specification, option)
        bound = _bound(module, definition, specification, option)
        return LayerChoice(definition, bound, optimizers, text.strip(), sparse=True, density=density)
    definition = module.find(specification.name, "layer")
    if definition is None:
        wrappers = sorted(
            (d for d in module.of_kind("layer") if len(d.activations) == 1 and not d.numbers), key=lambda d: d.name
        )
        activation = find(module, specification.name, ("layer", "activation") if wrappers else ("layer",), option)
        _bound(module, activation, specification, option)
        return LayerChoice(wrappers[0], {wrappers[0].activations[0]: activation}, optimizers, text.strip())
    return LayerChoice(definition, _bound(module, definition, specification, option), optimizers, text.strip())


def sparse_layer_of(module: Module, text: str) -> TypedDefinition | None:
    """The layer of which `SparseLinear`, or `SparseActivation(ReLU)`, is the sparse form; None where it is none."""
    from eqgen.optimize.storage import sparse_variant

    name = text.partition("(")[0].strip()
    if module.find(name, "layer") is not None:
        return None
    return next((d for d in module.of_kind("layer") if (v := sparse_variant(d)) is not None and v.name == name), None)


def _without_density(specification: Any, option: str) -> tuple[Any, float | None]:
    """The description without `density=...`, and that number."""
    from eqgen.commands.densities import rules

    keywords = dict(specification.keywords)
    density = keywords.pop("density", None)
    if density is None:
        return specification, None
    try:
        if not isinstance(density, (int, float)):
            raise ValueError(f"density is {density}, expected a number from 0 to 1")
        rules().share(specification.name, "density", density)
    except ValueError as error:
        console.fail("E606", option, str(error))
    return replace(specification, keywords=tuple(keywords.items())), float(density)


def optimizers_of(module: Module, text: str | None) -> tuple[TypedDefinition, ...]:
    """What a string describes, one part after the other; None stands for plain gradient descent where there is one."""
    if text is None:
        plain = [d for d in module.of_kind("optimizer") if not d.numbers and not _is_transformation(d)]
        return tuple(sorted((d for d in plain if not list(d.with_role("state"))), key=lambda d: d.name)[:1])
    found = []
    for part in grammar().split(text, "|"):
        specification = _parsed(part, "--optimizers")
        found.append(find(module, specification.name, ("optimizer",), "--optimizers"))
        _bound(module, found[-1], specification, "--optimizers")
    if any(_is_transformation(d) for d in found[-1:]) or not all(_is_transformation(d) for d in found[:-1]):
        console.fail("E606", "--optimizers", f"{text!r}: the last part, and it alone, must update the parameter")
    return tuple(found)


def definition_of(module: Module, text: str, kinds: Sequence[str], option: str) -> TypedDefinition:
    """A definition by a string such as `SquaredError` or `Momentum(0.9)`."""
    specification = _parsed(text, option)
    definition = find(module, specification.name, kinds, option)
    _bound(module, definition, specification, option)
    return definition


def find(module: Module, name: str, kinds: Sequence[str], option: str) -> TypedDefinition:
    """The definition of this name whose kind comes first. Raises DiagnosticError (E606)."""
    for kind in kinds:
        definition = module.find(name, kind)
        if definition is not None:
            return definition
    known = [d.name for d in module.of_kind(*kinds)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`eqgen list` shows what there is"
    console.fail(
        "E606", option, f"there is no {', '.join(kinds[:-1])}{' or ' * (len(kinds) > 1)}{kinds[-1]} {name!r}", hint
    )


def _optimizers(module: Module, text: str | None, count: int) -> list[tuple[TypedDefinition, ...]]:
    if text is None:
        return [optimizers_of(module, None)] * count
    try:
        parts: list[str] = grammar().one_each("optimizers", text, count)
    except ValueError as error:
        console.fail("E606", "--optimizers", str(error))
    return [optimizers_of(module, part) for part in parts]


def _is_transformation(optimizer: TypedDefinition) -> bool:
    """Whether it changes the gradient only, as weight decay does."""
    return not any(a.target == "theta'" for a in optimizer.block("step"))


def _parsed(text: str, option: str) -> Any:
    try:
        return grammar().parse_specification(text)
    except ValueError as error:
        console.fail("E606", option, str(error))


def _bound(module: Module, definition: TypedDefinition, specification: Any, option: str) -> dict[str, TypedDefinition]:
    """The activations that the arguments give. Arguments may be left out: no cost depends on a number."""
    names = [*definition.activations, *(n.name for n in definition.numbers)]
    given = dict(zip(names, specification.arguments, strict=False))
    wrong = [k for k, _ in specification.keywords if k not in names or k in given]
    if wrong or len(specification.arguments) > len(names):
        expected = f"{definition.name}({', '.join(names)})" if names else f"{definition.name} without arguments"
        console.fail("E606", option, f"{str(specification)!r} has arguments that do not fit", f"write {expected}")
    given |= dict(specification.keywords)
    found = {}
    for name, argument in given.items():
        if isinstance(argument, grammar().Specification) != (name in definition.activations):
            kind = "an activation" if name in definition.activations else "a number"
            console.fail("E606", option, f"{definition.name}: {name} is {argument}, expected {kind}")
        if name in definition.activations:
            found[name] = find(module, argument.name, ("activation",), option)
            _bound(module, found[name], argument, option)
    return found
