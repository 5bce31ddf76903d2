"""Memory that is kept from step to step: the results and temporaries of planned functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import in_place
from .checks import header_numbers
from .runtime import Matrix

if TYPE_CHECKING:
    from .activations import Activation


@dataclass
class Buffers:
    """Matrices by name for one place where a planned function is called.

    A matrix keeps its memory until one of another size or dtype is asked for under its name; its entries are undefined.
    """

    matrices: dict[object, Matrix] = field(default_factory=dict)
    parts: dict[object, Buffers] = field(default_factory=dict)

    def matrix(self, name: str, rows: int, columns: int, like: Matrix) -> Matrix:
        """A matrix with the dtype and the device of `like`."""
        found = self.matrices.get(name)
        if found is None or found.shape != (rows, columns) or found.dtype != like.dtype:
            found = self.matrices[name] = in_place.empty(rows, columns, like)
        return found

    def mask(self, name: str, rows: int, columns: int, like: Matrix) -> Matrix:
        """A matrix of truth values on the device of `like`."""
        found = self.matrices.get(name)
        if found is None or found.shape != (rows, columns):
            found = self.matrices[name] = in_place.empty(rows, columns, like, mask=True)
        return found

    def scratch(self, like: Matrix, rows: int | None = None) -> Matrix:
        """A matrix of the shape, dtype and device of `like`, or with other `rows`.

        Its entries count until the next call for the same shape only.
        """
        rows, columns = like.shape[0] if rows is None else rows, like.shape[1]
        key = (rows, columns, like.dtype)
        found = self.matrices.get(key)
        if found is None:
            found = self.matrices[key] = in_place.empty(rows, columns, like)
        return found

    def part(self, name: object) -> Buffers:
        """Buffers of their own for something that is called from here."""
        found = self.parts.get(name)
        if found is None:
            found = self.parts[name] = Buffers()
        return found

    def activation(self, act: Activation, x: Matrix, target: Matrix) -> None:
        """target = act(x)."""
        plan = _activation_plan(act)
        if plan is None:
            in_place.copy(act(x), target)
        else:
            plan.value(x, *header_numbers(act), self.giving("y", target, act))

    def activation_gradient(self, act: Activation, x: Matrix, target: Matrix) -> None:
        """target = act'(x)."""
        plan = _activation_plan(act)
        if plan is None:
            in_place.copy(act.gradient(x), target)
        else:
            plan.gradient(x, *header_numbers(act), self.giving("dy", target, act))

    def activation_product(self, act: Activation, x: Matrix, D: Matrix, target: Matrix) -> None:
        """target = D act'(x), entry by entry."""
        plan = _activation_plan(act)
        if plan is None:
            in_place.copy(D * act.gradient(x), target)
        else:
            plan.product(x, D, *header_numbers(act), self.giving("product", target, act))

    def giving(self, result: str, target: Matrix, act: Activation) -> Buffers:
        """Buffers for a function of an activation whose result goes into the target."""
        part = self.part((type(act), result))
        part.matrices[result] = target
        return part


def _activation_plan(act: Activation) -> ActivationPlan | None:
    from .plans import ACTIVATIONS  # not above: the plans are made of functions that call this one

    return ACTIVATIONS.get(type(act))


@dataclass(frozen=True, slots=True)
class ActivationPlan:
    """An activation f: f(x), f'(x) and D f'(x), over entries and the numbers of its header."""

    value: Callable[..., Matrix]
    gradient: Callable[..., Matrix]
    product: Callable[..., Matrix]


@dataclass(frozen=True, slots=True)
class Call:
    """A planned function, and the names of what it takes and of what it returns."""

    function: Callable[..., Any]
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    def __call__(self, values: dict[str, Any], out: Buffers) -> None:
        """Call the function on named values; its results become values, too."""
        found = self.function(*[values[name] for name in self.arguments], out)
        if len(self.results) == 1:
            values[self.results[0]] = found
        else:
            values.update(zip(self.results, found, strict=True))


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """The parts of a layer's training step.

    gradients       gradients of the parameters, except those that are products; None where there are none
    input_gradient  DX; None where there is none
    products        parameter -> how its gradient is computed from its factors, where it is a product
    update          new values of the statistics
    columns         whether examples are the columns of what it takes and gives, not the rows
    """

    input: str
    output: str
    forward: Call
    gradients: Call | None
    input_gradient: Call | None
    products: dict[str, Call]
    update: Call | None
    columns: bool


@dataclass(frozen=True, slots=True)
class LossPlan:
    """A loss: its value, 1 x 1, with its gradient, in general and where every row of T is a unit vector."""

    general: Callable[..., tuple[Matrix, Matrix]]
    one_hot: Callable[..., tuple[Matrix, Matrix]]


@dataclass(frozen=True, slots=True)
class OptimizerPlan:
    """An optimizer.

    step          over x, Dx and the states, which it replaces
    product_step  the same where Dx is A' B, over A and B; None where it cannot be done row by row
    by_rows       whether to call the latter for some rows at a time, which stay in the cache
    sampled_step  the same for stored entries of a sparse x, where Dx has those of A B'
    """

    step: Call
    product_step: Call | None
    by_rows: bool
    sampled_step: Call | None
