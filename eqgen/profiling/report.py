"""A profile: for every equation of a training step its time, beside what it costs and what the machine could do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from eqgen.optimize.cost_report import PartCost
from eqgen.optimize.network_cost import NetworkCost, loss_gradient
from eqgen.optimize.program_cost import Work, total
from eqgen.profiling.machine import Machine
from eqgen.profiling.recorder import Place, Timing

LOSS_PART = "loss"
INDEX_BYTES = 4
"""Of a position of a sparse matrix: larger ones than 32-bit integers count are not run here."""


@dataclass(frozen=True, slots=True)
class EquationProfile:
    """An equation in a step.

    layer        its title and number from 1, or of the loss its title and None
    calls        in one step: an optimizer is called for each parameter
    seconds      of all these calls, the median over the steps
    flops        as the cost model counts them
    moved        bytes when each operation reads and writes memory
    moved_least  bytes when the equation reads its operands once and writes its result
    """

    layer: int | None
    title: str
    part: str
    origin: str
    equation: str
    calls: int
    seconds: float
    flops: int
    moved: int
    moved_least: int

    @property
    def rate(self) -> float:
        """FLOP/s."""
        return self.flops / self.seconds

    @property
    def intensity(self) -> float:
        """FLOPs a byte, at most."""
        return self.flops / self.moved_least if self.moved_least else 0.0

    def share_of_peak(self, machine: Machine) -> float:
        return self.rate / machine.operations

    def share_of_roof(self, machine: Machine) -> float:
        """The least time that the machine needs for these operations and bytes, divided by the time that was taken.

        Above 1 where the matrices come from cache.
        """
        return machine.least_seconds(self.flops, self.moved_least) / self.seconds

    def is_bound_by_memory(self, machine: Machine) -> bool:
        return self.intensity < machine.ridge


@dataclass(frozen=True)
class Profile:
    """The equations of a step, in the order in which they came.

    whole         seconds of a step by its four parts (feedforward, gradient, backpropagate, optimize), the median
    instrumented  seconds of the same whose equations are timed one by one
    training      seconds of a step as training makes it, in one call that may fuse what the parts do
    timing        seconds that it costs to time one call
    """

    equations: tuple[EquationProfile, ...]
    whole: float
    instrumented: float
    training: float
    timing: float
    steps: int
    machine: Machine

    @property
    def seconds(self) -> float:
        """Of all equations."""
        return sum(e.seconds for e in self.equations)

    @property
    def calls(self) -> int:
        return sum(e.calls for e in self.equations)

    @property
    def flops(self) -> int:
        return sum(e.flops for e in self.equations)

    @property
    def rate(self) -> float:
        """FLOP/s of a step by its four parts."""
        return self.flops / self.whole


def joined(network: NetworkCost, places: Mapping[Place, Sequence[Timing]], itemsize: int) -> list[EquationProfile]:
    """Each place with its timings in all steps, beside its cost.

    network    the cost of the network; all its sizes are numbers
    itemsize   bytes of a matrix entry
    """
    return [_equation(network, place, timings, itemsize) for place, timings in places.items()]


def _equation(network: NetworkCost, place: Place, timings: Sequence[Timing], itemsize: int) -> EquationProfile:
    title = network.layers[place.layer].title if place.layer is not None else _loss_title(network)
    work = _work(_part(network, place), place)
    return EquationProfile(
        layer=None if place.layer is None else place.layer + 1,
        title=title,
        part=place.part,
        origin=place.origin,
        equation=" ".join(place.equation.split()),
        calls=timings[0].calls,
        seconds=median(t.seconds for t in timings),
        flops=work.flops.value(),
        moved=work.traffic.value() * itemsize + work.indices.value() * INDEX_BYTES,
        moved_least=work.least.value() * itemsize + work.least_indices.value() * INDEX_BYTES,
    )


def _part(network: NetworkCost, place: Place) -> PartCost:
    return loss_gradient(network.loss) if place.layer is None else network.layers[place.layer].part(place.part)


def _work(part: PartCost, place: Place) -> Work:
    """The cost of an equation; of an optimizer that stands twice in a composition both times.

    Raises LookupError where the cost report has no such equation.
    """
    found = [s.rewritten for s in part.statements if (s.origin, s.equation) == (place.origin, place.equation)]
    if not found:
        raise LookupError(f"the cost of {place.part} has no equation `{place.equation}` at {place.origin}")
    return total(found)


def _loss_title(network: NetworkCost) -> str:
    return network.loss.title if network.loss is not None else LOSS_PART
