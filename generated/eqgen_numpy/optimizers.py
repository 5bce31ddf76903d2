"""Optimizers: objects that update a variable x in place from its gradient Dx.

Most assign a new x. Gradient transformations (weight decay, clipping) assign a new Dx, and stand before an optimizer in
a composition: `WeightDecay(0.0001) | ClipByNorm(1) | Nesterov(0.9)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import ClassVar

from . import functional
from .checks import float_matrix, real_number
from .runtime import Scalar, Variable, assign, dtype_name, full_like, is_matrix, scalar, value, variable
from .specification import construct, parse_specification, split


class Optimizer:
    """Base class. A subclass of your own needs only `update(eta)`.

    The generated ones hold `x` and `Dx`, states of the same shape, and `t`, the number of updates so far.
    """

    STATES: ClassVar[tuple[str, ...]] = ()
    INITIAL: ClassVar[tuple[float, ...]] = ()
    """The number that every entry of a state starts with."""
    SCALARS: ClassVar[tuple[str, ...]] = ()
    """Names of the numbers in the equations that `prepare` computes."""
    changes_gradient_only: ClassVar[bool] = False

    scalars: tuple[Scalar, ...]

    def __init__(self, x: Variable, Dx: Variable) -> None:
        """TypeError or ValueError unless x and Dx are variables of one dtype and one shape."""
        owner = type(self).__name__
        dtype = dtype_name(x) if is_matrix(x) and dtype_name(x) in ("float32", "float64") else "float32"
        float_matrix(owner, "x", x, dtype)
        float_matrix(owner, "Dx", Dx, dtype, rows=x.shape[0], columns=x.shape[1])
        self.x = x
        self.Dx = Dx
        self.t = 0

    def update(self, eta: float) -> None:
        """Make one step with learning rate eta."""
        self.prepare(eta)
        self.step()

    def prepare(self, eta: float) -> None:
        """Count the step, and compute its numbers on the host, in double precision."""
        self.t += 1
        self.scalars = self.numbers(real_number(type(self).__name__, "eta", eta), self.t)

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        """The numbers of update t = 1, 2, ... with learning rate eta."""
        raise NotImplementedError

    def step(self) -> None:
        """Update x and the states with the numbers that have been prepared."""
        raise NotImplementedError


class AdamOptimizer(Optimizer):
    """Adaptive moments: steps scaled by the means of the gradient and of its square.

    Source: Kingma and Ba (2015), algorithm 1; epsilon stands outside of the root, as in PyTorch
    Defined in adam.eq:1
    """

    STATES = ("m", "v")
    INITIAL = (
        0.0,
        0.0,
    )
    SCALARS = ("beta1", "beta2", "epsilon", "eta", "c1", "c2", "c3", "c4")
    changes_gradient_only = False

    def __init__(
        self, x: Variable, Dx: Variable, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-08
    ) -> None:
        super().__init__(x, Dx)
        self.beta1 = real_number("AdamOptimizer", "beta1", beta1)
        self.beta2 = real_number("AdamOptimizer", "beta2", beta2)
        self.epsilon = real_number("AdamOptimizer", "epsilon", epsilon)
        self.m = variable(full_like(x, 0.0))
        self.v = variable(full_like(x, 0.0))

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.beta1, self.x),
            scalar(self.beta2, self.x),
            scalar(self.epsilon, self.x),
            scalar(eta, self.x),
            scalar(1 - self.beta1, self.x),
            scalar(1 - self.beta2, self.x),
            scalar(1 - self.beta1**t, self.x),
            scalar(1 - self.beta2**t, self.x),
        )

    def step(self) -> None:
        new_x, new_m, new_v = functional.adam_step(
            value(self.x), value(self.Dx), value(self.m), value(self.v), *self.scalars
        )
        assign(self.x, new_x)
        assign(self.m, new_m)
        assign(self.v, new_v)


class AdamWOptimizer(Optimizer):
    """Adam with a weight decay that does not pass through the moments.

    Source: Loshchilov and Hutter (2019), algorithm 2; the decay is scaled by eta, as in PyTorch
    Defined in adamw.eq:1
    """

    STATES = ("m", "v")
    INITIAL = (
        0.0,
        0.0,
    )
    SCALARS = ("beta1", "beta2", "epsilon", "eta", "c1", "c2", "c3", "c4", "c5")
    changes_gradient_only = False

    def __init__(
        self,
        x: Variable,
        Dx: Variable,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-08,
        decay: float = 0.01,
    ) -> None:
        super().__init__(x, Dx)
        self.beta1 = real_number("AdamWOptimizer", "beta1", beta1)
        self.beta2 = real_number("AdamWOptimizer", "beta2", beta2)
        self.epsilon = real_number("AdamWOptimizer", "epsilon", epsilon)
        self.decay = real_number("AdamWOptimizer", "decay", decay)
        self.m = variable(full_like(x, 0.0))
        self.v = variable(full_like(x, 0.0))

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.beta1, self.x),
            scalar(self.beta2, self.x),
            scalar(self.epsilon, self.x),
            scalar(eta, self.x),
            scalar(1 - self.beta1, self.x),
            scalar(1 - self.beta2, self.x),
            scalar(1 - self.beta1**t, self.x),
            scalar(1 - self.beta2**t, self.x),
            scalar(1 - eta * self.decay, self.x),
        )

    def step(self) -> None:
        new_x, new_m, new_v = functional.adamw_step(
            value(self.x), value(self.Dx), value(self.m), value(self.v), *self.scalars
        )
        assign(self.x, new_x)
        assign(self.m, new_m)
        assign(self.v, new_v)


class ClipByNormOptimizer(Optimizer):
    """Shortens a gradient whose Euclidean norm exceeds c to length c.

    Source: Pascanu et al. (2013), algorithm 1, for every parameter on its own
    Defined in clip_by_norm.eq:1
    """

    STATES = ()
    INITIAL = ()
    SCALARS = ("c",)
    changes_gradient_only = True

    def __init__(self, x: Variable, Dx: Variable, c: float) -> None:
        super().__init__(x, Dx)
        self.c = real_number("ClipByNormOptimizer", "c", c)

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (scalar(self.c, self.x),)

    def step(self) -> None:
        new_Dx = functional.clip_by_norm_step(value(self.Dx), *self.scalars)
        assign(self.Dx, new_Dx)


class ClipByValueOptimizer(Optimizer):
    """Limits every entry of the gradient to [-c, c].

    Source: Mikolov (2012)
    Defined in clip_by_value.eq:1
    """

    STATES = ()
    INITIAL = ()
    SCALARS = ("c", "c1")
    changes_gradient_only = True

    def __init__(self, x: Variable, Dx: Variable, c: float) -> None:
        super().__init__(x, Dx)
        self.c = real_number("ClipByValueOptimizer", "c", c)

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.c, self.x),
            scalar(-self.c, self.x),
        )

    def step(self) -> None:
        new_Dx = functional.clip_by_value_step(value(self.Dx), *self.scalars)
        assign(self.Dx, new_Dx)


class GradientDescentOptimizer(Optimizer):
    """A step against the gradient.

    Source: Wesselink et al., appendix F
    Defined in gradient_descent.eq:1
    """

    STATES = ()
    INITIAL = ()
    SCALARS = ("eta",)
    changes_gradient_only = False

    def __init__(self, x: Variable, Dx: Variable) -> None:
        super().__init__(x, Dx)

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (scalar(eta, self.x),)

    def step(self) -> None:
        new_x = functional.gradient_descent_step(value(self.x), value(self.Dx), *self.scalars)
        assign(self.x, new_x)


class MomentumOptimizer(Optimizer):
    """Gradient descent with momentum, in Keras' form.

    Source: Wesselink et al., appendix F
    Defined in momentum.eq:1
    """

    STATES = ("delta",)
    INITIAL = (0.0,)
    SCALARS = ("mu", "eta")
    changes_gradient_only = False

    def __init__(self, x: Variable, Dx: Variable, mu: float = 0.9) -> None:
        super().__init__(x, Dx)
        self.mu = real_number("MomentumOptimizer", "mu", mu)
        self.delta = variable(full_like(x, 0.0))

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.mu, self.x),
            scalar(eta, self.x),
        )

    def step(self) -> None:
        new_x, new_delta = functional.momentum_step(value(self.x), value(self.Dx), value(self.delta), *self.scalars)
        assign(self.x, new_x)
        assign(self.delta, new_delta)


class NesterovOptimizer(Optimizer):
    """Nesterov momentum, in Keras' form.

    Source: Wesselink et al., appendix F
    Defined in nesterov.eq:1
    """

    STATES = ("delta",)
    INITIAL = (0.0,)
    SCALARS = ("mu", "eta")
    changes_gradient_only = False

    def __init__(self, x: Variable, Dx: Variable, mu: float = 0.9) -> None:
        super().__init__(x, Dx)
        self.mu = real_number("NesterovOptimizer", "mu", mu)
        self.delta = variable(full_like(x, 0.0))

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.mu, self.x),
            scalar(eta, self.x),
        )

    def step(self) -> None:
        new_x, new_delta = functional.nesterov_step(value(self.x), value(self.Dx), value(self.delta), *self.scalars)
        assign(self.x, new_x)
        assign(self.delta, new_delta)


class RMSPropOptimizer(Optimizer):
    """Steps scaled by a running mean of the squared gradient.

    Source: Tieleman and Hinton (2012); epsilon stands outside of the root, as in PyTorch
    Defined in rmsprop.eq:1
    """

    STATES = ("v",)
    INITIAL = (0.0,)
    SCALARS = ("rho", "epsilon", "eta", "c1")
    changes_gradient_only = False

    def __init__(self, x: Variable, Dx: Variable, rho: float = 0.99, epsilon: float = 1e-08) -> None:
        super().__init__(x, Dx)
        self.rho = real_number("RMSPropOptimizer", "rho", rho)
        self.epsilon = real_number("RMSPropOptimizer", "epsilon", epsilon)
        self.v = variable(full_like(x, 0.0))

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (
            scalar(self.rho, self.x),
            scalar(self.epsilon, self.x),
            scalar(eta, self.x),
            scalar(1 - self.rho, self.x),
        )

    def step(self) -> None:
        new_x, new_v = functional.rms_prop_step(value(self.x), value(self.Dx), value(self.v), *self.scalars)
        assign(self.x, new_x)
        assign(self.v, new_v)


class WeightDecayOptimizer(Optimizer):
    """Adds the gradient of decay / 2 times the squared weights.

    Source: Krogh and Hertz (1991)
    Defined in weight_decay.eq:1
    """

    STATES = ()
    INITIAL = ()
    SCALARS = ("decay",)
    changes_gradient_only = True

    def __init__(self, x: Variable, Dx: Variable, decay: float) -> None:
        super().__init__(x, Dx)
        self.decay = real_number("WeightDecayOptimizer", "decay", decay)

    def numbers(self, eta: float, t: int) -> tuple[Scalar, ...]:
        return (scalar(self.decay, self.x),)

    def step(self) -> None:
        new_Dx = functional.weight_decay_step(value(self.x), value(self.Dx), *self.scalars)
        assign(self.Dx, new_Dx)


class CompositeOptimizer(Optimizer):
    """Several optimizers as one: `update` updates each of them, in order."""

    def __init__(self, *optimizers: Optimizer) -> None:
        self.optimizers = optimizers

    def update(self, eta: float) -> None:
        for optimizer in self.optimizers:
            optimizer.update(eta)


def optimizer_parts(optimizer: Optimizer | None) -> Iterator[Optimizer]:
    """The optimizers of which a composition consists, in order."""
    if isinstance(optimizer, CompositeOptimizer):
        for part in optimizer.optimizers:
            yield from optimizer_parts(part)
    elif optimizer is not None:
        yield optimizer


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "Adam": AdamOptimizer,
    "AdamW": AdamWOptimizer,
    "ClipByNorm": ClipByNormOptimizer,
    "ClipByValue": ClipByValueOptimizer,
    "GradientDescent": GradientDescentOptimizer,
    "Momentum": MomentumOptimizer,
    "Nesterov": NesterovOptimizer,
    "RMSProp": RMSPropOptimizer,
    "WeightDecay": WeightDecayOptimizer,
}


def parse_optimizer(text: str, x: Variable, Dx: Variable) -> Optimizer:
    """The optimizer of x that a string such as `Momentum(0.9)` or `WeightDecay(0.0001) | Nesterov(0.9)` describes.

    ValueError for an unknown name, wrong arguments, or a composition in which not exactly the last part updates x.
    """
    parts = [construct("optimizer", parse_specification(part), OPTIMIZERS, (x, Dx)) for part in split(text, "|")]
    if parts[-1].changes_gradient_only:
        raise ValueError(
            f"optimizer {text!r}: {type(parts[-1]).__name__} changes the gradient only; append an optimizer"
        )
    if not all(part.changes_gradient_only for part in parts[:-1]):
        raise ValueError(f"optimizer {text!r}: only the last part may update the parameter")
    return parts[0] if len(parts) == 1 else CompositeOptimizer(*parts)


def default_optimizer() -> str:
    """The name of the first optimizer without numbers and states: gradient descent. ValueError when there is none."""
    for name, cls in OPTIMIZERS.items():
        if not cls.STATES and not cls.changes_gradient_only and len(inspect.signature(cls).parameters) == 2:
            return name
    raise ValueError("this package has no optimizer without numbers: choose one, set_optimizer('...')")
