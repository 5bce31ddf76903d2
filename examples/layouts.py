"""Three conventions for a linear layer, one in each row of the batch, one in each column, weights on the right.

    python examples/layouts.py [--backend numpy]

The layers of layouts.eq and the library's Linear compute the same numbers, each in its own layout.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import eqgen

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="One linear map in three layouts.")
    parser.add_argument("--backend", default="numpy", help="numpy, torch, tensorflow, jax or cpp")
    options = parser.parse_args(arguments)

    package = eqgen.load(HERE / "layouts.eq").compile(options.backend)
    N, D, K = 4, 3, 2
    rows = package.LinearLayer(D, K, dtype="float64")
    columns = package.ColumnLinearLayer(D, K, dtype="float64")
    right = package.RightLinearLayer(D, K, dtype="float64")

    generator = np.random.default_rng(0)
    W, b = generator.normal(size=(K, D)), generator.normal(size=(1, K))
    rows.W, rows.b = W, b
    columns.W, columns.b = W, b.T
    right.W, right.b = W.T, b

    X, DY = generator.normal(size=(N, D)), generator.normal(size=(N, K))
    for name, layer, transposed in (("X W' + b", rows, False), ("W X + b", columns, True), ("X W + b", right, False)):
        x, dy = (X.T, DY.T) if transposed else (X, DY)
        Y = layer.feedforward(package.from_host(x))
        layer.backpropagate(Y, package.from_host(dy))
        y, dx = package.to_host(Y), package.to_host(layer.DX)
        same = np.allclose(y.T if transposed else y, X @ W.T + b) and np.allclose(dx.T if transposed else dx, DY @ W)
        print(f"{name:<10} X {x.shape}, W {tuple(layer.W.shape)}, Y {y.shape}: {'the same' if same else 'different'}")


if __name__ == "__main__":
    main()
