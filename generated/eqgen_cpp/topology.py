"""Where sparse layers have their entries: densities from one overall density, and patterns that change in training.

Dynamic sparse training prunes some entries and grows as many elsewhere, so that the number of entries stays. Entries
that stay keep their values and their states in the optimizer. Everything is drawn on the host: one seed gives the same
patterns in every eqgen package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .checks import Definition, natural_number, real_number
from .densities import erdos_renyi, layer_densities, share
from .initializers import parse_initializer
from .layers import LAYERS, layer_class
from .losses import LossFunction, parse_loss_function
from .multilayer_perceptron import MultilayerPerceptron, layer_sizes, multilayer_perceptron
from .pattern import Pattern, distinct
from .runtime import Device, HostMatrix, Matrix, to_host
from .sparse_layer import SparseLayer
from .specification import Specification, construct, parse_specification, split

PREFIX = "Sparse"


def erdos_renyi_densities(shapes: Sequence[tuple[int, int]], density: float) -> list[float]:
    """A density for each weight matrix, so that all together have this density; small ones become denser.

    A K x D matrix gets a density proportional to (K + D) / (K D), at most 1 (Mocanu et al. 2018; Evci et al. 2020).
    """
    return erdos_renyi(shapes, _share("erdos_renyi_densities", "density", density))


def sparse_multilayer_perceptron(
    layers: str,
    sizes: Sequence[int] | str,
    weights: str | None = None,
    optimizers: str | None = None,
    *,
    densities: Sequence[float] | str | None = None,
    overall_density: float | None = None,
    dtype: str = "float32",
    device: Device = None,
    seed: int | None = None,
) -> MultilayerPerceptron:
    """A multilayer perceptron from strings, as `parse_multilayer_perceptron` makes it, with sparse weights.

    densities         one for each layer, or one for all: `0.01;0.05;1`; layers of density 1 stay dense
    overall_density   instead: of all weights together, shared out by `erdos_renyi_densities`

    ValueError unless one of them is given, and for a density below 1 of a layer that has no sparse form.
    """
    owner = "sparse_multilayer_perceptron"
    specifications = [parse_specification(part) for part in split(layers, ";")]
    rows = layer_sizes(layers, sizes)
    sparse = [_sparse_form(s) for s in specifications]
    shapes = [(own[0], own[-1]) if form else None for own, form in zip(rows, sparse, strict=True)]
    if densities is not None and not isinstance(densities, str):
        densities = [real_number(owner, "density", density) for density in densities]
    if overall_density is not None:
        overall_density = real_number(owner, "overall_density", overall_density)
    known = [name for name in LAYERS if name.startswith(PREFIX)]
    shares = layer_densities(owner, specifications, shapes, known, densities, overall_density)
    chosen = [
        _with_density(form, density) if form is not None and density < 1 else specification
        for specification, form, density in zip(specifications, sparse, shares, strict=True)
    ]
    return multilayer_perceptron(chosen, rows, weights, optimizers, dtype=dtype, device=device, seed=seed)


# --- pruning -----------------------------------------------------------------------------------------------


class Pruner(Definition):
    """Base class: which entries of a sparse matrix stay."""

    def kept(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each of these values stays."""
        raise NotImplementedError


@dataclass(frozen=True)
class MagnitudePruner(Pruner):
    """Drops this share of the entries, those of the smallest magnitude."""

    rate: float

    def kept(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        return _without_smallest(np.abs(values), _share("Magnitude", "rate", self.rate))


@dataclass(frozen=True)
class ThresholdPruner(Pruner):
    """Drops entries whose magnitude is below a number."""

    threshold: float

    def kept(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        return ~(np.abs(values) < self.threshold)


@dataclass(frozen=True)
class SETPruner(Pruner):
    """Drops this share of the positive and of the negative entries, those nearest to zero (Mocanu et al. 2018)."""

    rate: float

    def kept(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        rate = _share("SET", "rate", self.rate)
        kept = np.ones(values.shape, dtype=bool)
        for side in (values > 0, values <= 0):
            kept[side] = _without_smallest(np.abs(values[side]), rate)
        return kept


PRUNERS: dict[str, type[Pruner]] = {"Magnitude": MagnitudePruner, "SET": SETPruner, "Threshold": ThresholdPruner}


# --- growing -----------------------------------------------------------------------------------------------


class Grower(Definition):
    """Base class: where a sparse matrix gets new entries."""

    needs_gradient: ClassVar[bool] = False
    """Whether it looks at the gradient of the weights as if they were dense."""

    def positions(
        self, free: Pattern, count: int, generator: np.random.Generator, gradient: HostMatrix | None
    ) -> NDArray[np.int64]:
        """At most `count` positions k * D + d outside of a pattern."""
        raise NotImplementedError


@dataclass(frozen=True)
class RandomGrower(Grower):
    """Anywhere, all free positions being equally likely."""

    def positions(
        self, free: Pattern, count: int, generator: np.random.Generator, gradient: HostMatrix | None
    ) -> NDArray[np.int64]:
        taken = free.positions
        total = free.shape[0] * free.shape[1] - taken.size
        numbers = distinct(generator, total, min(count, total))
        # Number n among the free positions lies behind as many taken ones as have at most n free ones before them.
        return numbers + np.searchsorted(taken - np.arange(taken.size), numbers, side="right")


@dataclass(frozen=True)
class GradientGrower(Grower):
    """Where the gradient of the dense weights is largest (RigL, Evci et al. 2020)."""

    needs_gradient: ClassVar[bool] = True

    def positions(
        self, free: Pattern, count: int, generator: np.random.Generator, gradient: HostMatrix | None
    ) -> NDArray[np.int64]:
        if gradient is None:
            raise ValueError("growing by gradient needs a batch: give SparseTraining a train_loader and a loss")
        size = np.abs(gradient).astype(np.float64).ravel()
        size[free.positions] = -1
        count = min(count, size.size - free.count)
        return np.argsort(-size, kind="stable")[:count].astype(np.int64)


GROWERS: dict[str, type[Grower]] = {"Gradient": GradientGrower, "Random": RandomGrower}


def parse_pruner(text: str) -> Pruner:
    """The pruner that a string such as `SET(0.2)` describes. ValueError if unknown."""
    return construct("pruner", text, PRUNERS)


def parse_grower(text: str) -> Grower:
    """The grower that a string such as `Random` describes. ValueError if unknown."""
    return construct("grower", text, GROWERS)


# --- training ----------------------------------------------------------------------------------------------


def dense_gradients(
    M: MultilayerPerceptron, X: Matrix, T: Matrix, loss: LossFunction
) -> Iterable[tuple[SparseLayer, dict[str, HostMatrix]]]:
    """For each sparse layer, last first, the gradients of its weights at all positions; one layer at a time."""
    Y = M.feedforward(X)
    DY = loss.gradient(Y, T) / Y.shape[0]
    for layer in reversed(M.layers):
        layer.backpropagate(Y, DY)
        if isinstance(layer, SparseLayer):
            twin = layer.dense()
            twin.backpropagate(twin.feedforward(layer.X), DY)
            yield layer, {name: to_host(getattr(twin, f"D{name}")) for name in layer.SPARSE}
        Y, DY = layer.X, layer.DX


class SparseTraining:
    """Prunes and grows the sparse layers of a perceptron: a callback of `stochastic_gradient_descent`.

    prune      `SET(0.2)`, `Magnitude(0.2)`, `Threshold(0.001)`
    grow       `Random`, `Gradient`; None only prunes
    every      epochs from one change to the next
    until      the last epoch that changes something; None for all
    weights    the initializer of new entries; they start at zero by default
    seed       of new positions and weights
    batches    for `Gradient`: what gives the batch (X, T) that the gradient is taken of, e.g. the training loader
    loss       for `Gradient`
    """

    def __init__(
        self,
        M: MultilayerPerceptron,
        prune: str | Pruner,
        grow: str | Grower | None = "Random",
        *,
        every: int = 1,
        until: int | None = None,
        weights: str | None = None,
        seed: int | None = None,
        batches: Iterable[tuple[Matrix, Matrix]] | None = None,
        loss: LossFunction | str | None = None,
    ) -> None:
        self.M = M
        self.prune = parse_pruner(prune) if isinstance(prune, str) else prune
        self.grow = parse_grower(grow) if isinstance(grow, str) else grow
        self.every = natural_number("SparseTraining", "every", every, 1)
        self.until = until
        self.weights = None if weights is None else parse_initializer(weights)
        self.generator = np.random.default_rng(seed)
        self.batches = batches
        self.loss = parse_loss_function(loss) if isinstance(loss, str) else loss
        if self.grow is not None and self.grow.needs_gradient and (batches is None or self.loss is None):
            raise ValueError("SparseTraining: growing by gradient needs batches and a loss")

    def __call__(self, record: Any) -> None:
        """After an epoch."""
        if record.epoch % self.every == 0 and (self.until is None or record.epoch <= self.until):
            self.renew()

    def renew(self) -> None:
        """Prune and grow all sparse layers once."""
        if self.grow is not None and self.grow.needs_gradient:
            assert self.batches is not None
            assert self.loss is not None
            X, T = next(iter(self.batches))
            for layer, gradients in dense_gradients(self.M, X, T, self.loss):
                self._renew(layer, gradients)
        else:
            for each in self.M.layers:
                if isinstance(each, SparseLayer):
                    self._renew(each, {})

    def _renew(self, layer: SparseLayer, gradients: dict[str, HostMatrix]) -> None:
        for name in layer.SPARSE:
            old: Pattern = getattr(layer, name).pattern
            kept = self.prune.kept(to_host(getattr(layer, name).values)[0])
            rest = Pattern.of_positions(old.shape, old.positions[kept])
            layer.move(name, rest)
            if self.grow is None:
                continue
            new = self.grow.positions(rest, old.count - rest.count, self.generator, gradients.get(name))
            grown = Pattern.of_positions(old.shape, np.concatenate([rest.positions, new]))
            layer.move(name, grown)
            if self.weights is not None and new.size:
                drawn = self.weights(self.generator, *old.shape, new.size)
                values = to_host(getattr(layer, name).values)
                values[0, np.searchsorted(grown.positions, np.sort(new))] = drawn[0]
                layer.set_entries(name, values)


def _share(owner: str, name: str, number: float) -> float:
    return share(owner, name, real_number(owner, name, number))


def _without_smallest(sizes: NDArray[Any], rate: float) -> NDArray[np.bool_]:
    """False for this share of the sizes, the smallest; of equal ones the first."""
    kept = np.ones(sizes.shape, dtype=bool)
    kept[np.argsort(sizes, kind="stable")[: round(rate * sizes.size)]] = False
    return kept


def _sparse_form(specification: Specification) -> Specification | None:
    """The layer under the name of its sparse form; None where it has none."""
    found = layer_class(specification)[1]
    name = f"{PREFIX}{found.name}"
    return Specification(name, found.arguments, found.keywords) if name in LAYERS else None


def _with_density(form: Specification, density: float) -> Specification:
    return Specification(form.name, form.arguments, (*form.keywords, ("density", density)))
