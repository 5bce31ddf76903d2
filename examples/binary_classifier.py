"""Reference 3, "An Exercise in Backpropagation": f(x) = sigmoid(max(0, x W1) W2 + b) learns two interleaved classes.

    python examples/binary_classifier.py [--backend all] [--epochs 1000]

Weights are D x K, the loss is the mean binary cross-entropy: both are the equations of binary_classifier.eq. Training
is written out, as in Listing 2 of reference 1, since the gradient of a mean is not divided by the batch again.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import numpy as np

EXAMPLES, HIDDEN, LEARNING_RATE = 400, 32, 0.02
NOISE = 0.12
CENTRE = (0.0, 2.0)
"""Of the data. f has no hidden bias: along each ray from the origin its logit is linear, and the boundary is crossed at
most once. Seen from below, as here, two crescents can be told apart by such a function."""


def crescents(count: int, seed: int) -> tuple[Any, Any]:
    """Two interleaved half circles with noise around CENTRE: points, N x 2, and their classes, N x 1, half of each."""
    generator = np.random.default_rng(seed)
    T = np.arange(count) % 2
    angles = generator.uniform(0, np.pi, count)
    side = 1 - 2 * T
    X = np.column_stack([side * (np.cos(angles) - 0.5), side * (np.sin(angles) - 0.25)])
    return X + generator.normal(0, NOISE, X.shape) + CENTRE, T.reshape(-1, 1).astype(float)


def accuracy(Y: Any, T: Any) -> float:
    return float(((Y > 0.5) == (T > 0.5)).mean())


def main(arguments: list[str] | None = None) -> None:
    parser = common.parser("A binary classifier and its decision boundary.", 1000)
    options = common.parsed(parser, arguments)
    train, test = crescents(EXAMPLES, options.seed), crescents(EXAMPLES, options.seed + 1)
    rows = []
    for backend in options.backends:
        package = common.package(backend)
        M = package.MultilayerPerceptron([package.BinaryClassifierLayer(2, HIDDEN)])
        M.seed(options.seed)
        M.layers[0].set_weights("RightHe")
        M.layers[0].set_optimizer("Adam")
        loss = package.MeanBinaryCrossEntropyLossFunction()
        X, T = (package.from_host(array, "float32") for array in train)
        losses = []
        with common.progress(options.epochs, backend) as advance:
            for _ in range(options.epochs):
                Y = M.feedforward(X)
                losses.append(float(loss(Y, T)))
                M.backpropagate(Y, loss.gradient(Y, T))
                M.optimize(LEARNING_RATE)
                advance()

        def probability(points: Any, p: Any = package, M: Any = M) -> Any:
            return p.to_host(M.feedforward(p.from_host(points, "float32")))

        final = float(loss(M.feedforward(X), T))
        scores = [accuracy(probability(points), classes) for points, classes in (train, test)]
        rows.append([backend, f"{final:.4f}", *(f"{score:.4f}" for score in scores)])
    common.show(
        f"{EXAMPLES} points, {HIDDEN} hidden neurons, {options.epochs} steps",
        ["backend", "loss", "train accuracy", "test accuracy"],
        rows,
    )
    with common.picture(options.out, "binary_classifier.png", width=8) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(2, 3))
        left.plot(losses, color=common.ACCENT)
        left.set(title="Mean binary cross-entropy", xlabel="step", yscale="log")
        draw_boundary(right, probability, *test)


def draw_boundary(axes: Any, probability: Any, X: Any, T: Any) -> None:
    """The probability of class 1 in the plane, the line where it is 1/2, and the test points."""
    sides = [np.linspace(X[:, k].min() - 0.3, X[:, k].max() + 0.3, 120) for k in (0, 1)]
    x, y = np.meshgrid(*sides)
    P = probability(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    axes.contourf(x, y, P, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.5)
    axes.contour(x, y, P, levels=[0.5], colors=common.INK)
    for k, color in enumerate((common.ACCENT, common.SECOND)):
        points = X[T[:, 0] == k]
        axes.scatter(*points.T, s=6, color=color, label=f"class {k}")
    axes.set(title="Test points and decision boundary", aspect="equal")
    axes.legend(loc="upper right")


if __name__ == "__main__":
    main(sys.argv[1:])
