"""PyTorch's own layers, activations, losses and optimizers (torch.nn, torch.nn.functional, torch.optim)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from eqgen.testing.packages import Package
from tests.differential.outside import (
    DTYPE,
    D,
    K,
    N,
    close,
    layer_step,
    normal,
    one_hot,
    optimizer_steps,
    oracle,
    probabilities,
)

Tensor = torch.Tensor


def tensor(array: Any, gradient: bool = True) -> Tensor:
    return torch.tensor(array, dtype=torch.float64, requires_grad=gradient)


def compare_layer(
    package: Package, layer: Any, forward: Callable[..., Tensor], parameters: Mapping[str, Any], columns: int = K
) -> None:
    """Output and all gradients against autograd of `forward(X, **parameters)`."""
    X, DY = normal(1, N, D), normal(2, N, columns)
    Y = layer_step(package, layer, X, DY, **parameters)
    leaves = {"X": tensor(X), **{name: tensor(a) for name, a in parameters.items()}}
    expected = forward(**leaves)
    expected.backward(tensor(DY, False))  # type: ignore[no-untyped-call]
    close(package, Y, expected.detach())
    for name, leaf in leaves.items():
        assert leaf.grad is not None, name
        close(package, getattr(layer, f"D{name}"), leaf.grad)


def linear_parameters() -> dict[str, Any]:
    return {"W": normal(3, K, D), "b": normal(4, 1, K)}


def linear(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(X, W, b[0])


@oracle("layer Linear")
def torch_linear(package: Package) -> None:
    compare_layer(package, package.root.LinearLayer(D, K, dtype=DTYPE), linear, linear_parameters())


@oracle("layer Softmax", "function softmax")
def torch_softmax_layer(package: Package) -> None:
    layer = package.root.SoftmaxLayer(D, K, dtype=DTYPE)
    compare_layer(package, layer, lambda **v: F.softmax(linear(**v), dim=1), linear_parameters())


@oracle("layer LogSoftmax", "function log_softmax")
def torch_log_softmax_layer(package: Package) -> None:
    layer = package.root.LogSoftmaxLayer(D, K, dtype=DTYPE)
    compare_layer(package, layer, lambda **v: F.log_softmax(linear(**v), dim=1), linear_parameters())


@oracle("layer Activation")
def torch_activation_layer(package: Package) -> None:
    layer = package.root.ActivationLayer(D, K, package.root.TanhActivation(), dtype=DTYPE)
    compare_layer(package, layer, lambda **v: torch.tanh(linear(**v)), linear_parameters())
    layer.eval()
    close(package, layer.feedforward(package.matrix(normal(1, N, D), DTYPE)), package.host(layer.feedforward(layer.X)))


@oracle("layer LinearDropout", "layer ActivationDropout")
def torch_dropout_layers(package: Package) -> None:
    """DropConnect: the mask that was drawn, on W; in evaluation mode none."""
    root = package.root
    for layer, act in (
        (root.LinearDropoutLayer(D, K, 0.25, dtype=DTYPE), lambda Z: Z),
        (root.ActivationDropoutLayer(D, K, root.TanhActivation(), 0.25, dtype=DTYPE), torch.tanh),
    ):
        parameters = linear_parameters()
        X, DY = normal(1, N, D), normal(2, N, K)
        Y = layer_step(package, layer, X, DY, **parameters)
        leaves = {"X": tensor(X), **{name: tensor(a) for name, a in parameters.items()}}
        R = tensor(package.host(layer.R), False)
        expected = act(linear(leaves["X"], leaves["W"] * R, leaves["b"]))
        expected.backward(tensor(DY, False))
        close(package, Y, expected.detach())
        for name, leaf in leaves.items():
            close(package, getattr(layer, f"D{name}"), leaf.grad)
        layer.eval()
        close(package, layer.feedforward(package.matrix(X, DTYPE)), act(linear(**leaves)).detach())


# al, tl, ar, tr: as usual; with negative slopes; with thresholds in the wrong order.
SRELU_NUMBERS = ((0.25, -0.4, 1.5, 0.3), (-0.75, -0.4, -2.5, 0.3), (0.5, 0.9, -1.5, -0.6))


def s_relu(z: Tensor, al: Tensor, tl: Tensor, ar: Tensor, tr: Tensor) -> Tensor:
    return torch.where(z <= tl, tl + al * (z - tl), torch.where(z < tr, z, tr + ar * (z - tr)))


@oracle("layer SReLU", "activation SReLU")
def torch_srelu(package: Package) -> None:
    """Autograd of the three branches."""
    x = 2 * normal(5, 3, 8)
    for numbers, sign in itertools.product(SRELU_NUMBERS, (1, -1)):
        scalars = dict(zip(("al", "tl", "ar", "tr"), (np.array([[number]]) for number in numbers), strict=True))
        compare_layer(
            package,
            package.root.SReLULayer(D, K, dtype=DTYPE),
            lambda X, W, b, **scalars: s_relu(linear(X, W, b), **scalars),
            {**{name: sign * a for name, a in linear_parameters().items()}, **scalars},
        )
        leaf = tensor(x)
        expected = s_relu(leaf, *(tensor(a, False) for a in scalars.values()))
        expected.sum().backward()  # type: ignore[no-untyped-call]
        activation = package.root.SReLUActivation(*numbers)
        close(package, activation(package.matrix(x, DTYPE)), expected.detach())
        close(package, activation.gradient(package.matrix(x, DTYPE)), leaf.grad)


@oracle("layer Embedding")
def torch_embedding(package: Package) -> None:
    indices = np.array([[2], [0], [2], [3]])
    E, DY = normal(6, 5, D), normal(7, N, D)
    layer = package.root.EmbeddingLayer(5, D, dtype=DTYPE)
    layer.E = E
    Y = layer.feedforward(package.runtime.from_host(indices))
    layer.backpropagate(Y, package.matrix(DY, DTYPE))
    table = tensor(E)
    expected = F.embedding(torch.tensor(indices[:, 0]), table)
    expected.backward(tensor(DY, False))  # type: ignore[no-untyped-call]
    close(package, Y, expected.detach())
    close(package, layer.DE, table.grad)


@oracle("layer LayerNormalization")
def torch_layer_norm(package: Package) -> None:
    parameters = {"gamma": normal(8, 1, D), "beta": normal(9, 1, D)}
    layer = package.root.LayerNormalizationLayer(D, 1e-3, dtype=DTYPE)
    compare_layer(package, layer, lambda X, gamma, beta: F.layer_norm(X, (D,), gamma[0], beta[0], 1e-3), parameters, D)


@oracle("layer BatchNormalization")
def torch_batch_norm(package: Package) -> None:
    """Output, gradients, evaluation mode. Of the statistics the mean alone: torch's variance divides by N - 1."""
    parameters = {"gamma": normal(8, 1, D), "beta": normal(9, 1, D)}
    mean, variance = normal(10, 1, D), normal(11, 1, D) ** 2
    layer = package.root.BatchNormalizationLayer(D, 1e-3, 0.75, dtype=DTYPE)
    layer.mean, layer.variance = mean, variance
    running = tensor(mean[0], False), tensor(variance[0], False)

    def forward(X: Tensor, gamma: Tensor, beta: Tensor, training: bool = True) -> Tensor:
        return F.batch_norm(X, *running, gamma[0], beta[0], training, momentum=0.25, eps=1e-3)

    compare_layer(package, layer, forward, parameters, D)
    close(package, layer.mean, running[0][None, :])
    layer.mean, layer.variance = mean, variance
    running = tensor(mean[0], False), tensor(variance[0], False)
    layer.eval()
    leaves = {name: tensor(a, False) for name, a in (("X", normal(1, N, D)), *parameters.items())}
    close(package, layer.feedforward(package.matrix(normal(1, N, D), DTYPE)), forward(**leaves, training=False))


ACTIVATIONS: Sequence[tuple[str, tuple[float, ...], Callable[[Tensor], Tensor]]] = (
    ("ReLU", (), F.relu),
    ("LeakyReLU", (0.2,), lambda x: F.leaky_relu(x, 0.2)),
    ("LeakyReLU", (2.5,), lambda x: torch.maximum(2.5 * x, x)),
    ("AllReLU", (-0.6,), lambda x: F.leaky_relu(x, -0.6)),
    ("TReLU", (0.7,), lambda x: F.threshold(x, 0.7, 0.0)),
    ("Tanh", (), torch.tanh),
    ("Sigmoid", (), torch.sigmoid),
    ("ELU", (0.6,), lambda x: F.elu(x, 0.6)),
    ("Softplus", (), lambda x: F.softplus(x, threshold=1e9)),
    ("SiLU", (), F.silu),
    ("GELU", (), F.gelu),
)


def compare_activation(name: str) -> Callable[[Package], None]:
    def torch_activation(package: Package) -> None:
        for definition, numbers, function in ACTIVATIONS:
            if definition == name:
                x = 3 * normal(12, 5, 7)
                activation = getattr(package.root, f"{name}Activation")(*numbers)
                leaf = tensor(x)
                expected = function(leaf)
                expected.sum().backward()  # type: ignore[no-untyped-call]
                close(package, activation(package.matrix(x, DTYPE)), expected.detach())
                close(package, activation.gradient(package.matrix(x, DTYPE)), leaf.grad)

    return torch_activation


for _name in dict.fromkeys(name for name, _, _ in ACTIVATIONS):
    oracle(f"activation {_name}")(compare_activation(_name))


def torch_losses() -> dict[str, tuple[Any, Any, Callable[[Tensor, Tensor], Tensor]]]:
    """Outputs, targets and torch's loss (summed), by name of our loss."""
    logits, Y, T = normal(13, N, 3), probabilities(14, N, 3), probabilities(15, N, 3)
    U = np.random.default_rng(16).uniform(0.05, 0.95, (N, 3))
    classes, one = one_hot(17, N, 3)
    index = torch.tensor(classes)
    return {
        "SquaredError": (logits, T, lambda y, t: F.mse_loss(y, t, reduction="sum")),
        "MeanSquaredError": (logits, T, F.mse_loss),
        "CrossEntropy": (Y, one, lambda y, t: F.nll_loss(torch.log(y), index, reduction="sum")),
        "SoftmaxCrossEntropy": (logits, T, lambda y, t: F.cross_entropy(y, t, reduction="sum")),
        "BinaryCrossEntropy": (U, T, lambda y, t: F.binary_cross_entropy(y, t, reduction="sum")),
        "SigmoidBinaryCrossEntropy": (
            logits, T, lambda y, t: F.binary_cross_entropy_with_logits(y, t, reduction="sum")
        ),
        "LogisticCrossEntropy": (
            logits, T, lambda y, t: F.binary_cross_entropy_with_logits(y, torch.ones_like(t), weight=t, reduction="sum")
        ),
        "NegativeLogLikelihood": (Y, one, lambda y, t: F.nll_loss(torch.log(y), index, reduction="sum")),
        "KLDivergence": (Y, T, lambda y, t: F.kl_div(torch.log(y), t, reduction="sum")),
    }  # fmt: skip


def compare_loss(name: str) -> Callable[[Package], None]:
    def torch_loss(package: Package) -> None:
        Y, T, function = torch_losses()[name]
        loss = getattr(package.root, f"{name}LossFunction")()
        pair = package.matrix(Y, DTYPE), package.matrix(T, DTYPE)
        leaf = tensor(Y)
        expected = function(leaf, tensor(T, False))
        expected.backward()  # type: ignore[no-untyped-call]
        close(package, loss(*pair), expected.detach())
        close(package, loss.gradient(*pair), leaf.grad)

    return torch_loss


for _name in torch_losses():
    oracle(f"loss {_name}")(compare_loss(_name))


@oracle("loss SoftmaxCrossEntropy", "loss CrossEntropy", "function xlogy", "function xdivy")
def torch_cross_entropy_of_classes(package: Package) -> None:
    """One-hot targets, with the simplified gradient; logits that overflow a naive softmax; probabilities 0."""
    classes, T = one_hot(18, N, 3)
    loss = package.root.SoftmaxCrossEntropyLossFunction()
    for scale in (1.0, 100.0, 1000.0):
        logits = scale * normal(19, N, 3)
        leaf = tensor(logits)
        expected = F.cross_entropy(leaf, torch.tensor(classes), reduction="sum")
        expected.backward()  # type: ignore[no-untyped-call]
        pair = package.matrix(logits, DTYPE), package.matrix(T, DTYPE)
        close(package, loss(*pair), expected.detach())
        close(package, loss.gradient(*pair), leaf.grad)
        close(package, loss.gradient(*pair, one_hot=True), leaf.grad)
    certain = package.root.CrossEntropyLossFunction()
    pair = package.matrix(T, DTYPE), package.matrix(T, DTYPE)
    close(package, certain(*pair), np.array(0.0))
    close(package, certain.gradient(*pair), -T)


STEPS = 5
RATE = 0.125


def torch_steps(
    make: Callable[[list[Tensor]], torch.optim.Optimizer], rates: Sequence[float]
) -> tuple[Any, list[Any], Any]:
    """A start, gradients, and where torch's optimizer gets to with them."""
    start = normal(20, 3, 2)
    gradients = [normal(21 + k, 3, 2) for k in range(STEPS)]
    p = tensor(start)
    optimizer = make([p])
    for gradient, eta in zip(gradients, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = eta
        p.grad = tensor(gradient, False)
        optimizer.step()
    return start, gradients, p.detach()


def compare_optimizer(
    package: Package, name: str, make: Callable[..., Any], *numbers: float, varying: bool = True
) -> None:
    rates = [RATE / (k + 1) for k in range(STEPS)] if varying else [RATE] * STEPS
    start, gradients, expected = torch_steps(make, rates)
    close(package, optimizer_steps(package, name, start, gradients, rates, *numbers), expected)


@oracle("optimizer GradientDescent")
def torch_sgd(package: Package) -> None:
    compare_optimizer(package, "GradientDescentOptimizer", lambda p: torch.optim.SGD(p, lr=RATE))


@oracle("optimizer Momentum")
def torch_momentum(package: Package) -> None:
    """torch accumulates gradients and scales them by the rate, Keras (and eqgen) accumulates steps: the same for a
    constant rate, and only then."""
    compare_optimizer(
        package, "MomentumOptimizer", lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.75), 0.75, varying=False
    )


@oracle("optimizer Nesterov")
def torch_nesterov(package: Package) -> None:
    """As torch_momentum."""
    compare_optimizer(
        package,
        "NesterovOptimizer",
        lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.75, nesterov=True),
        0.75,
        varying=False,
    )


@oracle("optimizer Adam")
def torch_adam(package: Package) -> None:
    compare_optimizer(
        package, "AdamOptimizer", lambda p: torch.optim.Adam(p, betas=(0.8, 0.95), eps=1e-3), 0.8, 0.95, 1e-3
    )


@oracle("optimizer AdamW")
def torch_adamw(package: Package) -> None:
    compare_optimizer(
        package,
        "AdamWOptimizer",
        lambda p: torch.optim.AdamW(p, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.25),
        0.8,
        0.95,
        1e-3,
        0.25,
    )


@oracle("optimizer RMSProp")
def torch_rmsprop(package: Package) -> None:
    compare_optimizer(package, "RMSPropOptimizer", lambda p: torch.optim.RMSprop(p, alpha=0.9, eps=1e-3), 0.9, 1e-3)


def transformed(package: Package, text: str, gradient: Any) -> Any:
    """A plain step of rate 1 from 0 after a gradient transformation: minus the gradient that the step saw."""
    runtime = package.runtime
    x, Dx = (runtime.variable(package.matrix(a, DTYPE)) for a in (np.zeros_like(gradient), gradient))
    package.root.parse_optimizer(text, x, Dx).update(1.0)
    return -package.host(x)


@oracle("optimizer ClipByValue")
def torch_clip_by_value(package: Package) -> None:
    p = tensor(np.zeros((3, 2)))
    p.grad = tensor(normal(30, 3, 2), False)
    torch.nn.utils.clip_grad_value_([p], 0.5)
    close(package, transformed(package, "ClipByValue(0.5) | GradientDescent", normal(30, 3, 2)), p.grad)


@oracle("optimizer WeightDecay")
def torch_weight_decay(package: Package) -> None:
    start, gradients, expected = torch_steps(lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=0.25), [RATE] * STEPS)
    runtime = package.runtime
    x, Dx = (runtime.variable(package.matrix(a, DTYPE)) for a in (start, np.zeros_like(start)))
    optimizer = package.root.parse_optimizer("WeightDecay(0.25) | GradientDescent", x, Dx)
    for gradient in gradients:
        runtime.assign(Dx, package.matrix(gradient, DTYPE))
        optimizer.update(RATE)
    close(package, package.host(x), expected)
