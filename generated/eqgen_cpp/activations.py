"""Activation functions: objects that compute f(X) and its derivative entry by entry.

Two activations of one class with equal numbers are equal, so that compiled functions are shared among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import functional
from .checks import Definition, described
from .runtime import Matrix, static
from .specification import Specification, construct


class Activation(Definition):
    """Base class. `act(X)` is f(X), and `act.gradient(X)` is f'(X), both with the shape of X."""

    def __init_subclass__(cls) -> None:
        static(cls)

    def __call__(self, X: Matrix) -> Matrix:
        raise NotImplementedError

    def gradient(self, X: Matrix) -> Matrix:
        raise NotImplementedError


@dataclass(frozen=True)
class AllReLUActivation(Activation):
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    Source: Curci et al. (2021)
    Defined in all_relu.eq:1
    """

    alpha: float

    def __call__(self, X: Matrix) -> Matrix:
        return functional.all_relu(X, self.alpha)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.all_relu_gradient(X, self.alpha)


@dataclass(frozen=True)
class ELUActivation(Activation):
    """Exponential linear unit.

    Source: Clevert et al. (2016)
    Defined in elu.eq:1
    """

    alpha: float = 1.0

    def __call__(self, X: Matrix) -> Matrix:
        return functional.elu(X, self.alpha)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.elu_gradient(X, self.alpha)


@dataclass(frozen=True)
class GELUActivation(Activation):
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    Source: Hendrycks and Gimpel (2016), section 2
    Defined in gelu.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.gelu(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.gelu_gradient(X)


@dataclass(frozen=True)
class LeakyReLUActivation(Activation):
    """ReLU with slope alpha below zero.

    Source: Wesselink et al., appendix C; Maas et al. (2013)
    Defined in leaky_relu.eq:1
    """

    alpha: float = 0.01

    def __call__(self, X: Matrix) -> Matrix:
        return functional.leaky_relu(X, self.alpha)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.leaky_relu_gradient(X, self.alpha)


@dataclass(frozen=True)
class ReLUActivation(Activation):
    """Rectified linear unit.

    Source: Wesselink et al., appendix C; Fukushima (1975)
    Defined in relu.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.relu(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.relu_gradient(X)


@dataclass(frozen=True)
class SReLUActivation(Activation):
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    Source: Jin et al. (2016)
    Defined in srelu.eq:1
    """

    al: float = 0.0
    tl: float = 0.0
    ar: float = 0.0
    tr: float = 1.0

    def __call__(self, X: Matrix) -> Matrix:
        return functional.s_relu(X, self.al, self.tl, self.ar, self.tr)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.s_relu_gradient(X, self.al, self.tl, self.ar, self.tr)


@dataclass(frozen=True)
class SiLUActivation(Activation):
    """Sigmoid-weighted linear unit, also called swish.

    Source: Elfwing et al. (2018)
    Defined in silu.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.silu(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.silu_gradient(X)


@dataclass(frozen=True)
class SigmoidActivation(Activation):
    """Logistic function.

    Source: Wesselink et al., appendix C; Hinton et al. (2012)
    Defined in sigmoid.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.sigmoid(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.sigmoid_gradient(X)


@dataclass(frozen=True)
class SoftplusActivation(Activation):
    """Smooth ReLU, log(1 + e^x).

    Source: Dugas et al. (2001)
    Defined in softplus.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.softplus(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.softplus_gradient(X)


@dataclass(frozen=True)
class TReLUActivation(Activation):
    """Trimmed ReLU: values below epsilon are cut off.

    Source: Konda et al. (2015), truncated rectification
    Defined in trelu.eq:1
    """

    epsilon: float

    def __call__(self, X: Matrix) -> Matrix:
        return functional.t_relu(X, self.epsilon)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.t_relu_gradient(X, self.epsilon)


@dataclass(frozen=True)
class TanhActivation(Activation):
    """Hyperbolic tangent.

    Source: Wesselink et al., appendix C
    Defined in tanh.eq:1
    """

    def __call__(self, X: Matrix) -> Matrix:
        return functional.tanh(X)

    def gradient(self, X: Matrix) -> Matrix:
        return functional.tanh_gradient(X)


ACTIVATIONS: dict[str, type[Activation]] = {
    "AllReLU": AllReLUActivation,
    "ELU": ELUActivation,
    "GELU": GELUActivation,
    "LeakyReLU": LeakyReLUActivation,
    "ReLU": ReLUActivation,
    "SReLU": SReLUActivation,
    "SiLU": SiLUActivation,
    "Sigmoid": SigmoidActivation,
    "Softplus": SoftplusActivation,
    "TReLU": TReLUActivation,
    "Tanh": TanhActivation,
}


def parse_activation(text: str | Specification) -> Activation:
    """The activation that a string such as `ReLU` or `LeakyReLU(0.1)` describes. ValueError for an unknown name."""
    return construct("activation", text, ACTIVATIONS)


def checked_activation(owner: str, name: str, activation: Activation) -> Activation:
    """The activation itself. TypeError for anything else, such as its name."""
    if not isinstance(activation, Activation):
        hint = f"; use parse_activation({activation!r})" if isinstance(activation, str) else ""
        raise TypeError(f"{owner}: {name} is {described(activation)}, expected an Activation{hint}")
    return activation
