"""Keras' layers, optimizers and schedules, and PyTorch's schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import torch

from eqgen.testing.packages import Package
from tests.differential.outside import DTYPE, D, N, close, layer_step, normal, optimizer_steps, oracle
from tests.differential.outside_torch import transformed

STEPS = 5
RATES = [0.25, 0.125, 0.125, 0.0625, 0.5]
NO_EPSILON = 2.0**-80
"""Keras adds epsilon in another place than Kingma and Ba do: it is too small here to be seen."""


def keras_steps(optimizer: Any, start: Any, gradients: Sequence[Any], rates: Sequence[float]) -> Any:
    """Where a Keras optimizer gets to; the numbers used are exact in float32, in which Keras keeps its rate."""
    variable = keras.Variable(start, dtype=DTYPE)
    for gradient, eta in zip(gradients, rates, strict=True):
        optimizer.learning_rate = eta
        optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype=DTYPE)], [variable])
    return variable.value.numpy()


def compare_optimizer(package: Package, name: str, optimizer: Any, *numbers: float) -> None:
    """The same steps with a rate that changes, which tells Keras' momentum from PyTorch's."""
    start, gradients = normal(40, 3, 2), [normal(41 + k, 3, 2) for k in range(STEPS)]
    expected = keras_steps(optimizer, start, gradients, RATES)
    close(package, optimizer_steps(package, name, start, gradients, RATES, *numbers), expected, 1e-11)


@oracle("optimizer GradientDescent")
def keras_sgd(package: Package) -> None:
    compare_optimizer(package, "GradientDescentOptimizer", keras.optimizers.SGD(0.5))


@oracle("optimizer Momentum")
def keras_momentum(package: Package) -> None:
    compare_optimizer(package, "MomentumOptimizer", keras.optimizers.SGD(0.5, momentum=0.75), 0.75)


@oracle("optimizer Nesterov")
def keras_nesterov(package: Package) -> None:
    compare_optimizer(package, "NesterovOptimizer", keras.optimizers.SGD(0.5, momentum=0.75, nesterov=True), 0.75)


@oracle("optimizer Adam")
def keras_adam(package: Package) -> None:
    adam = keras.optimizers.Adam(0.5, beta_1=0.75, beta_2=0.9375, epsilon=NO_EPSILON)
    compare_optimizer(package, "AdamOptimizer", adam, 0.75, 0.9375, NO_EPSILON)


@oracle("optimizer AdamW")
def keras_adamw(package: Package) -> None:
    adamw = keras.optimizers.AdamW(0.5, beta_1=0.75, beta_2=0.9375, epsilon=NO_EPSILON, weight_decay=0.125)
    compare_optimizer(package, "AdamWOptimizer", adamw, 0.75, 0.9375, NO_EPSILON, 0.125)


@oracle("optimizer RMSProp")
def keras_rmsprop(package: Package) -> None:
    rmsprop = keras.optimizers.RMSprop(0.5, rho=0.75, epsilon=NO_EPSILON)
    compare_optimizer(package, "RMSPropOptimizer", rmsprop, 0.75, NO_EPSILON)


@oracle("optimizer ClipByNorm")
def keras_clip_by_norm(package: Package) -> None:
    """A gradient that is too long, one that is not, and one that is zero."""
    for size, length in ((1.0, 0.5), (1.0, 100.0), (0.0, 0.5)):
        gradient = size * normal(50, 3, 2)
        moved = keras_steps(keras.optimizers.SGD(1.0, clipnorm=length), np.zeros((3, 2)), [gradient], [1.0])
        close(package, transformed(package, f"ClipByNorm({length}) | GradientDescent", gradient), -moved, 1e-7)


@oracle("layer BatchNormalization")
def keras_running_statistics(package: Package) -> None:
    """Running mean and variance: Keras' variance divides by N, as ours does."""
    X, mean, variance = normal(51, N, D), normal(52, 1, D), normal(53, 1, D) ** 2
    layer = package.root.BatchNormalizationLayer(D, 0.0078125, 0.75, dtype=DTYPE)
    theirs = keras.layers.BatchNormalization(momentum=0.75, epsilon=0.0078125, dtype=DTYPE)
    theirs.build((None, D))
    theirs.moving_mean.assign(mean[0])
    theirs.moving_variance.assign(variance[0])
    layer.mean, layer.variance = mean, variance
    Y = layer_step(package, layer, X, normal(54, N, D))
    close(package, Y, keras.ops.convert_to_numpy(theirs(X, training=True)))
    close(package, layer.mean, theirs.moving_mean.value.numpy()[None, :])
    close(package, layer.variance, theirs.moving_variance.value.numpy()[None, :])
    layer.eval()
    close(package, layer.feedforward(package.matrix(X, DTYPE)), keras.ops.convert_to_numpy(theirs(X, training=False)))


def compare_rates(package: Package, scheduler: Callable[[int], float], expected: Callable[[int], float]) -> None:
    """Keras' schedules compute in float32."""
    for i in range(25):
        assert np.isclose(scheduler(i), float(expected(i)), rtol=2e-6, atol=0.0), (package.name, i, scheduler(i))


@oracle("scheduler Constant")
def torch_constant(package: Package) -> None:
    compare_rates(
        package,
        package.root.ConstantScheduler(0.25),
        torch_rates(0.25, torch.optim.lr_scheduler.ConstantLR, factor=1.0),
    )


@oracle("scheduler Exponential")
def keras_exponential(package: Package) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.25, decay_steps=1, decay_rate=float(np.exp(-0.1)))
    compare_rates(package, package.root.ExponentialScheduler(0.25, 0.1), schedule)


@oracle("scheduler MultiStep")
def keras_piecewise_constant(package: Package) -> None:
    """The rate changes at a milestone; Keras' boundaries still belong to the earlier rate."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2, 6, 11], [0.5, 0.125, 0.03125, 0.0078125])
    compare_rates(package, package.root.MultiStepScheduler(0.5, 0.25, [3, 7, 12]), schedule)
    rates = torch_rates(0.5, torch.optim.lr_scheduler.MultiStepLR, milestones=[3, 7, 12], gamma=0.25)
    compare_rates(package, package.root.MultiStepScheduler(0.5, 0.25, [3, 7, 12]), rates)


@oracle("scheduler StepBased")
def torch_step(package: Package) -> None:
    """The paper counts steps from one: its rate at i is StepLR's at i + 1."""
    rates = torch_rates(0.5, torch.optim.lr_scheduler.StepLR, step_size=4, gamma=0.75)
    compare_rates(package, package.root.StepBasedScheduler(0.5, 0.75, 4), lambda i: rates(i + 1))


@oracle("scheduler TimeBased")
def torch_multiplicative(package: Package) -> None:
    """The recursion eta(i + 1) = eta(i) / (1 + d i) as torch's MultiplicativeLR."""
    rates = torch_rates(
        0.5, torch.optim.lr_scheduler.MultiplicativeLR, lr_lambda=lambda step: 1 / (1 + 0.1 * (step - 1))
    )
    compare_rates(package, package.root.TimeBasedScheduler(0.5, 0.1), rates)


def torch_rates(rate: float, schedule: Callable[..., Any], **options: Any) -> Callable[[int], float]:
    """The rate of a PyTorch schedule after i steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = schedule(optimizer, **options)
    rates = [float(optimizer.param_groups[0]["lr"])]
    for _ in range(30):
        optimizer.step()
        scheduler.step()
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return lambda i: rates[i]


INITIALIZERS: Sequence[tuple[str, tuple[float, ...], Callable[[torch.Tensor], object]]] = (
    ("Uniform", (-0.25, 0.5), lambda W: torch.nn.init.uniform_(W, -0.25, 0.5)),
    ("Normal", (0.25, 0.5), lambda W: torch.nn.init.normal_(W, 0.25, 0.5)),
    ("XavierNormalized", (), torch.nn.init.xavier_uniform_),
    ("Xavier", (), lambda W: torch.nn.init.kaiming_uniform_(W, a=5**0.5)),
    ("He", (), torch.nn.init.kaiming_normal_),
    ("Zero", (), torch.nn.init.zeros_),
)


def compare_initializer(name: str) -> Callable[[Package], None]:
    def torch_initializer(package: Package) -> None:
        """The moments of 300 x 200 draws; their sample deviations are below 1 % here."""
        (numbers, draw) = next((numbers, draw) for n, numbers, draw in INITIALIZERS if n == name)
        ours = getattr(package.root, f"{name}Initializer")(*numbers)(np.random.default_rng(1), 300, 200)
        torch.manual_seed(1)
        theirs = torch.empty(300, 200, dtype=torch.float64)
        draw(theirs)
        deviation = float(theirs.std())
        assert abs(ours.mean() - float(theirs.mean())) <= 0.03 * deviation, package.name
        assert abs(ours.std() - deviation) <= 0.02 * deviation, package.name
        if name != "He" and name != "Normal":
            assert abs(ours.max() - float(theirs.max())) <= 0.01 * deviation, package.name

    return torch_initializer


for _name in [name for name, _, _ in INITIALIZERS]:
    oracle(f"initializer {_name}")(compare_initializer(_name))
