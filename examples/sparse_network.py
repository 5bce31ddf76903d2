"""A network of the shape of CIFAR-10 of whose weights one in a hundred is stored, with patterns that change.

    python examples/sparse_network.py [--data cifar-10-batches-py] [--density 0.01] [--backend cpp] [--epochs 8]

Three networks start from the same weights: a dense one whose weights outside of a pattern are set to zero after every
step, a sparse one over the same pattern, whose losses are the same up to rounding, and a sparse one that after each
epoch drops a fifth of its entries, those nearest to zero, and grows as many anywhere (SET, Mocanu et al. 2018).
`--data` is a folder with the files of CIFAR-10 as they are published, or an .npz file; without it the examples are
random ones of that shape around a centre for each class.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Any

import common
import numpy as np

LAYERS, HIDDEN = "ReLU;ReLU;Linear", (1024, 512)
OPTIMIZER, LOSS, LEARNING_RATE, BATCH = "Nesterov(0.9)", "SoftmaxCrossEntropy", 0.03, 100
PRUNE, GROW = "SET(0.2)", "Random"
CLASSES, INPUTS = 10, 3072
MASKED, FIXED, CHANGING = "masked", "sparse", "SET"


def main(arguments: list[str] | None = None) -> None:
    parser = common.parser("Sparse training beside masked dense training.", 8, data="EQGEN_CIFAR10")
    parser.add_argument("--density", type=_share, default=0.01, help="of all weights together; default: 0.01")
    parser.add_argument("--narrow", type=int, default=1, help="divide the sizes of hidden layers by this; default: 1")
    parser.add_argument("--examples", type=int, default=2000, help="without --data: for training; default: 2000")
    options = common.parsed(parser, arguments)
    if options.data is None:
        print("no data set is given with --data: random examples of the shape of CIFAR-10 are used")

    rows, courses, densities = [], {}, []
    for backend in options.backends:
        package = common.package(backend)
        data = package.load_dataset(options.data) if options.data else clusters(package, options.examples, options.seed)
        sizes = [data.Xtrain.shape[1], *(max(size // options.narrow, 1) for size in HIDDEN), data.classes]
        for name in (MASKED, FIXED, CHANGING):
            M = network(package, sizes, options.density, options.seed)
            entries = sum(stored(package, layer.W) for layer in M.layers)
            densities = [stored(package, layer.W) / math.prod(layer.W.shape) for layer in M.layers]
            if name == MASKED:
                M = masked(package, M)
            records = trained(package, M, data, name, options)
            courses[backend, name] = records
            size = sum(memory(package, layer.W) for layer in M.layers)
            rows.append([backend, name, entries, f"{size / 1e6:.2f}", *measured(records, len(data.Xtrain))])
    common.show(
        f"{'-'.join(map(str, sizes))}, density {options.density:g}, {options.epochs} epochs",
        ["backend", "network", "entries", "MB", "ms a step", "loss", "accuracy"],
        rows,
    )
    for backend in options.backends:
        pairs = zip(courses[backend, MASKED], courses[backend, FIXED], strict=True)
        apart = max((abs(a.loss - b.loss) / a.loss for a, b in pairs), default=0.0)
        print(f"{backend}: losses of masked dense and sparse training differ by at most {apart:.1e} of their value")
    draw(options, {name: courses[options.backends[0], name] for name in (MASKED, FIXED, CHANGING)}, densities)


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number above 0, at most 1")
    return number


def clusters(package: Any, count: int, seed: int) -> Any:
    """Examples with entries around 1/2, as those of pictures are, that can be told apart by the centres of classes."""
    random = np.random.default_rng(seed)
    centres = random.normal(scale=0.03, size=(CLASSES, INPUTS)).astype(np.float32)

    def drawn(rows: int) -> tuple[Any, Any]:
        T = np.arange(rows) % CLASSES
        X = random.normal(0.5, 0.25, (rows, INPUTS)).astype(np.float32) + centres[T]
        return X, T

    return package.data.Dataset(*drawn(count), *drawn(max(count // 4, CLASSES)))


def network(package: Any, sizes: Sequence[int], density: float, seed: int) -> Any:
    """A perceptron with sparse weights; one seed gives the same patterns and weights in every package.

    The deviation of weights by He et al. (2015) is for neurons with all inputs; here they have fewer, so weights are
    larger.
    """
    M = package.sparse_multilayer_perceptron(LAYERS, sizes, "He", OPTIMIZER, overall_density=density, seed=seed)
    for layer in M.layers:
        if isinstance(layer, package.SparseLayer):
            layer.set_entries("W", package.to_host(layer.W.values) / math.sqrt(layer.W.pattern.density))
    return M


def masked(package: Any, M: Any) -> Any:
    """The same network over dense matrices; what is outside of the patterns is set to zero after every step."""
    twins, masks = [], []
    for layer in M.layers:
        is_sparse = isinstance(layer, package.SparseLayer)
        twins.append(layer.dense() if is_sparse else layer)
        twins[-1].set_optimizer(OPTIMIZER)
        masks.append(package.from_host(layer.W.pattern.mask().astype(np.float32)) if is_sparse else None)

    class Masked(package.MultilayerPerceptron):  # type: ignore[misc]
        def train_step(self, *arguments: Any) -> Any:
            loss = super().train_step(*arguments)
            for layer, mask in zip(self.layers, masks, strict=True):
                if mask is not None:
                    layer.W = package.runtime.value(layer.W) * mask
            return loss

    return Masked(twins)


def trained(package: Any, M: Any, data: Any, name: str, options: Any) -> list[Any]:
    """The records of all epochs."""
    batches = package.DataLoader(data.Xtrain, data.Ttrain, BATCH, seed=options.seed, one_hot=data.classes)
    test = package.DataLoader(data.Xtest, data.Ttest, 1000, one_hot=data.classes)
    changes = [package.SparseTraining(M, PRUNE, GROW, seed=options.seed)] if name == CHANGING else []
    records: list[Any] = package.stochastic_gradient_descent(
        M, options.epochs, LOSS, LEARNING_RATE, batches, test, callbacks=changes
    )
    return records


def stored(package: Any, W: Any) -> int:
    """The number of entries of weights; of sparse ones those that are stored."""
    return W.nnz if isinstance(W, package.SparseMatrix) else math.prod(W.shape)


def memory(package: Any, W: Any) -> int:
    """The bytes of weights in single precision; of sparse ones with the pattern as the package keeps it."""
    arrays = [part for part in W.indices if not isinstance(part, tuple)] if isinstance(W, package.SparseMatrix) else []
    return 4 * stored(package, W) + sum(np.asarray(array).nbytes for array in arrays)


def measured(records: Sequence[Any], examples: int) -> list[str]:
    """Milliseconds of a step in the fastest epoch, and loss and accuracy in the end."""
    if not records:
        return ["-", "-", "-"]
    steps = -(-examples // BATCH)
    fastest = min(record.seconds for record in records) / steps
    return [f"{1000 * fastest:.2f}", f"{records[-1].loss:.4f}", f"{records[-1].test_accuracy:.4f}"]


def draw(options: Any, courses: dict[str, Any], densities: Sequence[float]) -> None:
    """The loss after each epoch, and the density of each layer."""
    with common.picture(options.out, "sparse_network.png") as figure:
        left, right = figure.subplots(1, 2)
        styles = ((common.INK, 4.0, 0.3), (common.ACCENT, 1.5, 1.0), (common.SECOND, 1.5, 1.0))
        for (name, records), (color, width, alpha) in zip(courses.items(), styles, strict=True):
            epochs = [record.epoch for record in records]
            losses = [record.loss for record in records]
            left.plot(epochs, losses, color=color, linewidth=width, alpha=alpha, label=name)
        left.set(title="Mean cross-entropy", xlabel="epoch", yscale="log")
        common.whole_numbers(left.xaxis)
        left.legend()
        bars = right.bar([str(k + 1) for k in range(len(densities))], densities, color=common.ACCENT)
        right.bar_label(bars, [f"{density:.2%}" for density in densities])
        right.set(title="Density", xlabel="layer", yscale="log", ylim=(min(densities, default=1) / 2, 2))


if __name__ == "__main__":
    main(sys.argv[1:])
