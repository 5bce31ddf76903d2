"""The cost of a training step: of one layer, or of layers that are applied one after the other.

A step is forward, update of statistics, gradient of the loss, backward, optimizer. In a network all sizes are numbers
but that of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.optimize.cost_report import DefinitionCost, PartCost, Reporter, Stored
from eqgen.optimize.parts import ONE_HOT
from eqgen.optimize.program_cost import Activations, Work, total

BATCH = "N"
"""How the number of rows of a batch is called in the formulas of a network."""

STEP = ("forward", "update", "loss", "backward", "optimizer")
"""The parts of a training step in order."""
PATTERN = "pattern"
ROLES = ("parameter", PATTERN, "gradient", "optimizer", "statistic", "activation")
"""What is stored between the parts of a step."""


@dataclass(frozen=True)
class LayerChoice:
    """A layer with what its header and its string leave open.

    sparse    whether it stores entries of its sparse parameters only
    density   of these parameters, None where it is open
    stored    their numbers of entries, by the names that these have in formulas
    """

    definition: TypedDefinition
    activations: Activations
    optimizers: tuple[TypedDefinition, ...]
    title: str
    sparse: bool = False
    density: float | None = None
    stored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a training step costs.

    input_gradient   what only the gradient of the first layer's input needs
    dense            where some layers are sparse: the same with all of them over dense matrices
    """

    written: Mapping[str, Work]
    rewritten: Mapping[str, Work]
    stored: tuple[Stored, ...]
    input_gradient: Polynomial
    dense: Totals | None = None

    def step(self, rewritten: bool = True) -> Work:
        """All parts together."""
        return total((self.rewritten if rewritten else self.written).values())

    def storage(self, role: str) -> Polynomial:
        return sum((s.entries for s in self.stored if s.role == role), ZERO)

    def at(self, sizes: Mapping[str, int | str]) -> Totals:
        return Totals(
            {name: work.at(sizes) for name, work in self.written.items()},
            {name: work.at(sizes) for name, work in self.rewritten.items()},
            tuple(s.at(sizes) for s in self.stored),
            self.input_gradient.at(sizes),
            self.dense.at(sizes) if self.dense else None,
        )


@dataclass(frozen=True)
class NetworkCost:
    """Reports of the layers of a network and of its loss.

    formulas   the layers in sizes of their own
    layers     the same in the sizes that they have in the network
    bindings   these sizes for each layer: name -> number, or the name of the batch size
    """

    formulas: tuple[DefinitionCost, ...]
    layers: tuple[DefinitionCost, ...]
    bindings: tuple[Mapping[str, int | str], ...]
    loss: DefinitionCost | None = None

    def at(self, sizes: Mapping[str, int | str]) -> NetworkCost:
        loss = self.loss.at(sizes) if self.loss else None
        return NetworkCost(self.formulas, tuple(layer.at(sizes) for layer in self.layers), self.bindings, loss)

    def totals(self) -> Totals:
        return totals(self.layers, self.loss)


def totals(layers: Sequence[DefinitionCost], loss: DefinitionCost | None = None) -> Totals:
    """The cost of one step of layers in a row. The output of one is the input of the next, and stored once."""
    written: dict[str, Work] = {}
    rewritten: dict[str, Work] = {}
    for name in STEP:
        parts = [loss_gradient(loss)] if name == "loss" else [layer.part(name) for layer in layers]
        if any(p.statements for p in parts):
            written[name], rewritten[name] = total(p.written for p in parts), total(p.rewritten for p in parts)
    dense = totals([layer.dense or layer for layer in layers], loss) if any(layer.dense for layer in layers) else None
    return Totals(written, rewritten, _stored_once(layers), _input_gradient(layers[0]), dense)


def loss_gradient(loss: DefinitionCost | None) -> PartCost:
    """The gradient that training takes: that for one-hot targets where there is one."""
    if loss is None:
        return PartCost("loss", ())
    one_hot = loss.part(ONE_HOT)
    return one_hot if one_hot.statements else loss.part("gradient")


def _stored_once(layers: Sequence[DefinitionCost]) -> tuple[Stored, ...]:
    stored: dict[tuple[int, str], Stored] = {}
    for k, layer in enumerate(layers):
        inputs, outputs = ([v.name for v in layer.definition.with_role(role)] for role in ("input", "output"))
        for s in layer.stored:
            name = s.name if len(layers) == 1 else f"{k + 1}.{s.name}"
            key = (k, s.name)
            if s.role == "activation" and s.name in inputs:
                key = (k - 1, "output")
            elif s.role == "activation" and s.name in outputs:
                key = (k, "output")
            stored.setdefault(key, replace(s, name=name))
    return tuple(stored.values())


def _input_gradient(first: DefinitionCost) -> Polynomial:
    """FLOPs of the backward pass that only the gradient of the input needs."""
    backward = first.part("backward")
    left = backward.rewritten
    for v in first.definition.with_role("input"):
        if f"D{v.name}" in backward.results:
            left = backward.without(f"D{v.name}")
    return backward.rewritten.flops - left.flops


def network_cost(
    reporter: Reporter, layers: Sequence[LayerChoice], sizes: Sequence[int], loss: TypedDefinition | None = None
) -> NetworkCost:
    """The report of a network whose input has `sizes[0]` columns and whose layers have the outputs that follow.

    Raises ValueError when there are more or fewer sizes than layers with an output size of their own.
    """
    bindings = [
        binding | dict(layer.stored)
        for binding, layer in zip(bound_sizes([c.definition for c in layers], sizes), layers, strict=True)
    ]
    formulas = tuple(reporter.report(c.definition, c.activations, c.optimizers, c.title, c.sparse) for c in layers)
    bound = tuple(report.at(binding) for report, binding in zip(formulas, bindings, strict=True))
    report = None
    if loss is not None:
        y = next(loss.with_role("input"))
        output = _output_columns(layers[-1].definition, bindings[-1])
        named = {str(y.shape[0]): BATCH, str(y.shape[1]): output}
        report = reporter.report(loss).at(named)
    return NetworkCost(formulas, bound, tuple(bindings), report)


def bound_sizes(layers: Sequence[TypedDefinition], sizes: Sequence[int]) -> list[dict[str, int | str]]:
    """The sizes of each layer: its input has the width so far, its output, where it has a size of its own, the next.

    Raises ValueError when the number of sizes does not fit.
    """
    own = [own_sizes(d) for d in layers]
    for d, names in zip(layers, own, strict=True):
        if len([n for n in names if n != input_size(d)]) > 1:
            raise ValueError(f"{d.name} has sizes {', '.join(names)}: not a layer that a list of widths describes")
    widths = [any(n != input_size(d) for n in names) for d, names in zip(layers, own, strict=True)]
    if len(sizes) != 1 + sum(widths):
        raise ValueError(f"expected {1 + sum(widths)} sizes, found {len(sizes)}: {list(sizes)}")
    bindings = []
    width, *rest = sizes
    for d, names, has_output in zip(layers, own, widths, strict=True):
        output = rest.pop(0) if has_output else width
        x = next(d.with_role("input"))
        binding: dict[str, int | str] = {str(x.shape[0]): BATCH, input_size(d): width}
        binding |= {n: output for n in names if n != input_size(d)}
        bindings.append(binding)
        width = output
    return bindings


def own_sizes(d: TypedDefinition) -> tuple[str, ...]:
    """The sizes that a layer is constructed with: those of its parameters, states and masks."""
    x = next(d.with_role("input"))
    stored = {s for v in d.with_role("param", "state") for s in v.shape}
    stored |= {s for v in d.with_role("random") for s in v.shape} - set(x.shape)
    return tuple(s for s in d.dims if s in stored)


def input_size(d: TypedDefinition) -> str:
    """The size that the width of the input gives: its columns, for indices what they stay below."""
    x = next(d.with_role("input"))
    return str(x.shape[1] if x.index_size is None else x.index_size)


def _output_columns(d: TypedDefinition, binding: Mapping[str, int | str]) -> int | str:
    columns = next(d.with_role("output")).shape[1]
    return columns if isinstance(columns, int) else binding[columns]
