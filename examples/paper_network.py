"""Reference 1, "Batch Matrix-form Equations ...": the paper's network, and one in which everything is one's own.

    python examples/paper_network.py --data mnist.npz [--backend all] [--epochs 1]

The first is that of the paper's Table 2: two hidden layers of 1024 and 512 neurons with ReLU, Nesterov momentum and
softmax cross-entropy. In the second, layers, activation, loss, optimizer, scheduler and initializer are definitions of
swish.eq, residual.eq and own_definitions.eq: files beside this one, of which eqgen knows nothing. `--data` is an .npz
file, or a folder with the files of MNIST or CIFAR-10 as they are published; without it both are trained on the digits
that come with eqgen.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import common

BATCH = 100


@dataclass(frozen=True)
class Network:
    """A network in the strings of `parse_multilayer_perceptron`; `sizes` are those of its hidden layers."""

    title: str
    layers: str
    sizes: tuple[int, ...]
    weights: str
    optimizers: str
    loss: str
    learning_rate: str


PAPER = Network(
    "of Table 2",
    layers="ReLU;ReLU;Linear",
    sizes=(1024, 512),
    weights="XavierNormalized",
    optimizers="Nesterov(0.9)",
    loss="SoftmaxCrossEntropy",
    learning_rate="0.01",
)
OWN = Network(
    "of one's own",
    layers="Swish;Residual(Mish);Mish;Linear",
    sizes=(256, 128),
    weights="LeCun",
    optimizers="GradientNoiseGate(0.000001) | Adagrad",
    loss="Huber(0.5)",
    learning_rate="Warmup(0.01, 1)",
)


def main(arguments: list[str] | None = None) -> None:
    parser = common.parser("The network of Table 2, and one of definitions of one's own.", 1, data="EQGEN_MNIST")
    parser.add_argument("--narrow", type=int, default=1, help="divide the sizes of hidden layers by this; default: 1")
    options = common.parsed(parser, arguments)
    if options.data is None:
        print("no data set is given with --data: the digits that come with eqgen are used")

    rows, courses = [], {}
    for backend in options.backends:
        package = common.package(backend)
        data = package.load_dataset(options.data or common.digits())
        for network in (PAPER, OWN):
            hidden = [max(size // options.narrow, 1) for size in network.sizes]
            M = package.parse_multilayer_perceptron(
                network.layers,
                [data.Xtrain.shape[1], *hidden, data.classes],
                network.weights,
                network.optimizers,
                seed=options.seed,
            )
            course, scores = trained(package, M, network, data, options, f"{backend}, {network.title}")
            courses[backend, network.title] = course
            rows.append([backend, network.title, *(f"{score:.4f}" for score in scores), f"{course.seconds:.1f}"])
    common.show(
        f"{len(data.Xtrain)} examples, {options.epochs} epochs",
        ["backend", "network", "loss", "train accuracy", "test accuracy", "seconds"],
        rows,
    )

    with common.picture(options.out, "paper_network.png") as figure:
        for axes, network in zip(figure.subplots(1, 2), (PAPER, OWN), strict=True):
            for backend in options.backends:
                losses = courses[backend, network.title].losses
                window = max(len(losses) // 50, 1)
                smooth = common.smoothed(losses, window)
                axes.plot([window * (k + 0.5) for k in range(len(smooth))], smooth, label=backend, linewidth=1)
            axes.set(title=f"Network {network.title}", xlabel="step", ylabel=network.loss, yscale="log")
        axes.legend()


def trained(package: Any, M: Any, network: Network, data: Any, options: Any, title: str) -> tuple[common.Course, Any]:
    """The course of the training, and loss, training accuracy and test accuracy in the end."""
    loss = package.parse_loss_function(network.loss)
    batches = package.DataLoader(data.Xtrain, data.Ttrain, BATCH, seed=options.seed, one_hot=data.classes)
    test = package.DataLoader(data.Xtest, data.Ttest, 1000, one_hot=data.classes)
    rate = package.parse_learning_rate(network.learning_rate)
    course = common.train(M, options.epochs, loss, rate, batches, title)
    return course, [*package.evaluate(M, loss, batches), package.evaluate(M, loss, test)[1]]


if __name__ == "__main__":
    main(sys.argv[1:])
