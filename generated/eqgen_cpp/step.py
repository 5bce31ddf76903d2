"""A training step over memory that is kept: after the first batch of a size nothing is allocated.

What an object of a class of this package does in a step is in `plans`. An object of another class, such as a layer of
your own, takes part through its interface.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from . import in_place
from .batch import Batch
from .buffers import Buffers, Call, LayerPlan
from .checks import header_numbers, real_number
from .layers import Layer
from .losses import LossFunction
from .optimizers import optimizer_parts
from .plans import LAYERS, LOSSES, OPTIMIZERS
from .runtime import Matrix

if TYPE_CHECKING:
    from .multilayer_perceptron import MultilayerPerceptron

_KEPT: weakref.WeakKeyDictionary[Any, Buffers] = weakref.WeakKeyDictionary()
"""The buffers of networks and of layers, as long as these live."""


def train_step(M: MultilayerPerceptron, X: Matrix, T: Matrix, loss: LossFunction, eta: float, one_hot: bool) -> Matrix:
    """One step of gradient descent on the mean loss of a batch. See `MultilayerPerceptron.train_step`."""
    eta = real_number("MultilayerPerceptron.train_step", "eta", eta)
    with in_place.silent():
        steps = [LayerStep(layer) for layer in M.layers]
        out = _KEPT.setdefault(M, Buffers())
        batch = Batch(X)
        for step in steps:
            batch = step.feedforward(batch)
        value, DY = _loss(out.part(type(loss)), loss, batch.turned(False, out.part("output")), T, one_hot)
        batch = Batch(DY)
        for step in reversed(steps):
            batch = step.backpropagate(batch, eta, input_gradient=step is not steps[0])
        return value


def _loss(out: Buffers, loss: LossFunction, Y: Matrix, T: Matrix, one_hot: bool) -> tuple[Matrix, Matrix]:
    """The mean loss, and its gradient DY."""
    N = Y.shape[0]
    plan = LOSSES.get(type(loss))
    if plan is None:
        return loss(Y, T) / N, loss.gradient(Y, T, one_hot=one_hot) / N
    numbers = header_numbers(loss)
    Y, T = loss.checked(Y, T)
    L, DY = (plan.one_hot if one_hot else plan.general)(Y, T, *numbers, out.part(one_hot))
    DY /= N
    return L[0, 0] / N, DY


FACTORS = ("factor 1", "factor 2", "factor entries", "factor pattern")
"""Under these names an optimizer's step takes the factors of a gradient, and the pattern on which it is kept."""


class LayerStep:
    """A layer in one training step."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.plan: LayerPlan | None = LAYERS.get(type(layer)) if layer.training else None
        self.out = _KEPT.setdefault(layer, Buffers())
        self.values: dict[str, Any] = {}
        self.products = {} if self.plan is None else self.plan.products

    def feedforward(self, batch: Batch) -> Batch:
        """The output; with a plan, in a buffer."""
        layer, plan = self.layer, self.plan
        if plan is None:
            self.Y = layer.feedforward(batch.turned(False, self.out.part("X")))
            return Batch(self.Y)
        X = batch.turned(plan.columns, self.out.part("X"))
        if not plan.columns:
            X = layer.checked_input(X)
            layer.draw(X)
        self.values = layer.values()
        self.values[plan.input] = X
        plan.forward(self.values, self.out.part("forward"))
        if plan.update is not None:
            plan.update(self.values, self.out.part("update"))
        return batch.followed_by(self.values[plan.output], plan.columns)

    def backpropagate(self, batch: Batch, eta: float, input_gradient: bool) -> Batch:
        """Update the parameters; DX, which is computed before."""
        layer, plan, values = self.layer, self.plan, self.values
        if plan is None:
            layer.backpropagate(self.Y, batch.turned(False, self.out.part("DY")))
            layer.optimize(eta)
            return Batch(layer.DX) if input_gradient else batch
        values[f"D{plan.output}"] = batch.turned(plan.columns, self.out.part("DY"), is_gradient=True)
        out = self.out.part("gradients")
        for name in layer.PARAMETERS:
            out.matrices[f"D{name}"] = layer.entries(f"D{name}")
        if plan.gradients is not None:
            plan.gradients(values, out)
        if input_gradient and plan.input_gradient is not None:
            plan.input_gradient(values, self.out.part("input_gradient"))
        self.update({name: [values[a] for a in call.arguments] for name, call in self.products.items()}, eta)
        DX = values.get(f"D{plan.input}")
        return batch if DX is None else batch.followed_by(DX, plan.columns)

    def update(self, products: dict[str, list[Any]], eta: float) -> None:
        """Update the parameters; `products` holds the factors of gradients that have not been computed yet.

        Behind the factors of a gradient that is kept on a pattern stand the parameter's entries and the pattern.
        """
        optimizers = list(optimizer_parts(self.layer.chosen_optimizer()))
        owners = {id(self.layer.entries(name)): name for name in products}
        for k, each in enumerate(optimizers):
            if type(each) not in OPTIMIZERS:
                self.compute(products)
                each.update(eta)
                continue
            plan, out = OPTIMIZERS[type(each)], self.out.part(("optimizer", k))
            each.prepare(eta)
            values: dict[str, Any] = dict(zip(each.SCALARS, each.scalars, strict=True))
            values |= {"theta": each.x, "Dtheta": each.Dx, **{name: getattr(each, name) for name in each.STATES}}
            name = owners.get(id(each.x), "")
            step = plan.step
            if name in products and all(type(o) in OPTIMIZERS and (o is each or o.x is not each.x) for o in optimizers):
                is_sampled = len(products[name]) == len(FACTORS)
                step = (plan.sampled_step if is_sampled else plan.product_step) or step
            if step is plan.step:
                self.compute(products)
                step(values, out)
                continue
            values |= zip(FACTORS, products.pop(name), strict=False)
            if plan.by_rows and step is plan.product_step:
                _by_rows(step, ("theta", *each.STATES), values, out)
            else:
                step(values, out)

    def compute(self, products: dict[str, list[Any]]) -> None:
        """Compute the gradients of which only the factors are known."""
        for name, factors in products.items():
            out = self.out.part(("product", name))
            out.matrices["C"] = self.layer.entries(f"D{name}")
            self.products[name].function(*factors, out)
        products.clear()


def _by_rows(step: Call, replaced: tuple[str, ...], values: dict[str, Any], out: Buffers) -> None:
    """The step for some rows at a time, so that what is computed in between stays in the cache."""
    rows, columns = values["theta"].shape
    most = max(1, in_place.BLOCK // columns)
    for begin in range(0, rows, most):
        end = min(rows, begin + most)
        part = dict(values)
        part["factor 1"] = values["factor 1"][:, begin:end]
        for name in replaced:
            part[name] = values[name][begin:end]
        step(part, out.part(end - begin))
