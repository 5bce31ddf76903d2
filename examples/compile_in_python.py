"""A layer of one's own without files on disk: `eqgen.load(...).compile(...)` gives the generated package.

    python examples/compile_in_python.py [--backend numpy]

Loads swish.eq, shows the verdicts and the equations, compiles, and trains a small network on the bundled digits.
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

import eqgen

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a layer of one's own on the bundled digits.")
    parser.add_argument("--backend", default="numpy", help="numpy, torch, tensorflow, jax or cpp")
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args(arguments)

    definitions = eqgen.load(HERE / "swish.eq")
    for result in definitions.check():
        print(result)
    print(definitions["Swish"].sympy()["forward"]["Y"])  # a SymPy expression over symbolic sizes

    package = definitions.compile(options.backend)
    M = package.MultilayerPerceptron([package.SwishLayer(64, 32), package.LinearLayer(32, 10)])
    M.seed(0)
    for layer in M.layers:
        layer.set_weights("Xavier")
        layer.set_optimizer("Nesterov(0.9)")

    data = package.load_npz(files("eqgen") / "data" / "digits.npz")
    train = package.DataLoader(data.Xtrain, data.Ttrain, batch_size=20)
    test = package.DataLoader(data.Xtest, data.Ttest, batch_size=100)
    for record in package.stochastic_gradient_descent(M, options.epochs, "SoftmaxCrossEntropy", 0.05, train, test):
        print(f"epoch {record.epoch}: loss {record.loss:.4f}, test accuracy {record.test_accuracy:.3f}")


if __name__ == "__main__":
    main()
