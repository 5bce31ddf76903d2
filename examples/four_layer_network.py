"""Reference 4, "Gradients for FF NN": four layers with ReLU, weights D x H, and the mean cross-entropy over a batch.

    python examples/four_layer_network.py --data mnist.npz [--backend all] [--epochs 3]

The network is one layer of four_layer_network.eq, whose backward equations are the delta recursions of the reference.
`--data` is an .npz file, or a folder with the files of MNIST or CIFAR-10 as they are published; without it the network
is trained on the digits that come with eqgen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import common

BATCH, LEARNING_RATE, MOMENTUM = 100, 0.01, 0.9


def network(package: Any, sizes: Sequence[int], seed: int) -> Any:
    """A perceptron with one layer, `FourLayers`, of sizes D, H, C; biases start at 0."""
    M = package.MultilayerPerceptron([package.FourLayersLayer(*sizes)])
    M.seed(seed)
    for layer in M.layers:
        layer.set_weights("RightHe")
        layer.set_optimizer(f"Nesterov({MOMENTUM})")
    return M


def main(arguments: list[str] | None = None) -> None:
    parser = common.parser("A four-layer network whose delta recursions are generated code.", 3, data="EQGEN_MNIST")
    parser.add_argument("--hidden", type=int, default=128, help="neurons of each hidden layer, H")
    options = common.parsed(parser, arguments)
    if options.data is None:
        print("no data set is given with --data: the digits that come with eqgen are used")

    rows, courses = [], {}
    for backend in options.backends:
        package = common.package(backend)
        data = package.load_dataset(options.data or common.digits())
        sizes = (data.Xtrain.shape[1], options.hidden, data.classes)
        M = network(package, sizes, options.seed)
        loss = package.parse_loss_function("SoftmaxCrossEntropy")
        batches = package.DataLoader(data.Xtrain, data.Ttrain, BATCH, seed=options.seed, one_hot=data.classes)
        test = package.DataLoader(data.Xtest, data.Ttest, 1000, one_hot=data.classes)

        def after(p: Any = package, M: Any = M, loss: Any = loss, sets: Any = (batches, test)) -> list[Any]:
            return [p.evaluate(M, loss, each) for each in sets]

        rate = package.parse_learning_rate(LEARNING_RATE)
        course = common.train(M, options.epochs, loss, rate, batches, backend, after)
        (train_loss, train_accuracy), (test_loss, test_accuracy) = course.epochs[-1] if course.epochs else after()
        courses[backend] = course
        numbers = (train_loss, train_accuracy, test_loss, test_accuracy)
        rows.append([backend, *(f"{number:.4f}" for number in numbers), f"{course.seconds:.1f}"])
    common.show(
        f"{sizes[0]}-{options.hidden}-{options.hidden}-{options.hidden}-{sizes[2]}, {options.epochs} epochs",
        ["backend", "train loss", "accuracy", "test loss", "accuracy", "seconds"],
        rows,
    )

    with common.picture(options.out, "four_layer_network.png") as figure:
        left, right = figure.subplots(1, 2)
        course = courses[options.backends[0]]
        losses = common.smoothed(course.losses, 20)
        left.plot([20 * k for k in range(len(losses))], losses, color=common.ACCENT)
        left.set(title="Mean cross-entropy of batches", xlabel="step", yscale="log")
        epochs = range(1, len(course.epochs) + 1)
        for k, (name, color) in enumerate((("train", common.ACCENT), ("test", common.SECOND))):
            right.plot(epochs, [epoch[k][1] for epoch in course.epochs], "o-", color=color, label=name)
        right.set(title="Accuracy", xlabel="epoch")
        common.whole_numbers(right.xaxis)
        right.legend()


if __name__ == "__main__":
    main(sys.argv[1:])
