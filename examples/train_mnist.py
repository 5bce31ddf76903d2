"""Train a multilayer perceptron with a generated package, without eqgen: nothing but the package is imported.

    python examples/train_mnist.py --dataset mnist.npz [--package eqgen_torch] [--epochs 1]

The data set is an .npz file with the arrays Xtrain, Ttrain, Xtest and Ttest. `--package` is any package that
`eqgen build` has written and that can be imported; those in generated/ are found by themselves.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

GENERATED = Path(__file__).resolve().parent.parent / "generated"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a multilayer perceptron with a generated package.")
    parser.add_argument("--dataset", type=Path, help="an .npz file with Xtrain, Ttrain, Xtest, Ttest")
    parser.add_argument("--package", default="eqgen_numpy", help="the generated package to train with")
    parser.add_argument("--hidden", type=int, nargs="*", default=[256], help="sizes of the hidden layers")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.dataset is None:
        print("train_mnist: skipped, there is no data set; give one with --dataset")
        return
    if not options.dataset.is_file():
        parser.error(f"--dataset: {options.dataset} is not a file")

    sys.path.append(str(GENERATED))
    package = importlib.import_module(options.package)
    data = package.load_npz(options.dataset)
    sizes = [data.Xtrain.shape[1], *options.hidden, data.classes]
    layers = ";".join(["ReLU"] * len(options.hidden) + ["Linear"])
    M = package.parse_multilayer_perceptron(
        layers, sizes, weights="XavierNormalized", optimizers="Nesterov(0.9)", seed=options.seed
    )
    train = package.DataLoader(data.Xtrain, data.Ttrain, batch_size=100, seed=options.seed)
    test = package.DataLoader(data.Xtest, data.Ttest, batch_size=1000)
    for record in package.stochastic_gradient_descent(M, options.epochs, "SoftmaxCrossEntropy", 0.01, train, test):
        print(
            f"epoch {record.epoch}: loss {record.loss:.4f}, train accuracy {record.train_accuracy:.4f}, "
            f"test accuracy {record.test_accuracy:.4f}, {record.seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
