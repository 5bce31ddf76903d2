"""Multilayer perceptrons: a list of layers with the paper's interface (Listing 1)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike

import numpy as np

from . import runtime
from .checks import natural_number
from .data import read_npz
from .layers import Layer, layer_class, parse_layer
from .losses import LossFunction
from .runtime import Device, HostMatrix, Matrix
from .specification import Specification, one_each, parse_specification, split
from .step import train_step


class MultilayerPerceptron:
    """Layers that are applied one after the other; `M.layers` is a list."""

    def __init__(self, layers: Sequence[Layer] = ()) -> None:
        self.layers: list[Layer] = list(layers)

    def feedforward(self, X: Matrix) -> Matrix:
        """The output Y, N x K, for a batch X, N x D."""
        for layer in self.layers:
            X = layer.feedforward(X)
        return X

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        """Compute all gradients from the output of the last feedforward and its gradient."""
        for layer in reversed(self.layers):
            layer.backpropagate(Y, DY)
            if layer is not self.layers[0]:
                Y, DY = layer.X, layer.DX

    def optimize(self, eta: float) -> None:
        """Update all parameters with learning rate eta."""
        for layer in self.layers:
            layer.optimize(eta)

    def train_step(self, X: Matrix, T: Matrix, loss: LossFunction, eta: float, one_hot: bool = False) -> Matrix:
        """One step of gradient descent on the mean loss of a batch X with targets T, at least one row each.

        Equal to `feedforward`, `loss.gradient(Y, T, one_hot) / N`, `backpropagate` and `optimize(eta)`. Returns the
        mean loss before the update, `loss(Y, T) / N`, as a 0-dimensional value of the framework. What the layers hold
        besides parameters, statistics and the states of optimizers (`layer.X`, `layer.DW`) is undefined afterwards.
        """
        return train_step(self, X, T, loss, eta, one_hot)

    def train(self) -> None:
        """Training mode for all layers."""
        for layer in self.layers:
            layer.train()

    def eval(self) -> None:
        """Evaluation mode for all layers: no random masks; statistics are used and not changed."""
        for layer in self.layers:
            layer.eval()

    def seed(self, seed: int) -> None:
        """Start the generators of all layers anew; layer k depends on the seed and k only."""
        seed = natural_number("MultilayerPerceptron.seed", "seed", seed)
        for k, layer in enumerate(self.layers):
            layer.seed([seed, k])

    def wait(self) -> None:
        """Return when all parameters have been computed, for frameworks that compute in the background."""
        for layer in self.layers:
            for array in layer.arrays().values():
                runtime.wait(array)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all parameters and statistics to an .npz file, complete or not at all; every package can load it."""
        arrays = {f"{owner}{name}": array for owner, found in self._saved() for name, array in found.items()}
        partial = f"{os.fspath(path)}.{os.getpid()}.partial"
        try:
            with open(partial, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            os.replace(partial, path)
        finally:
            if os.path.exists(partial):
                os.remove(partial)

    def load(self, path: str | PathLike[str]) -> None:
        """Read what `save` has written, bit for bit.

        ValueError, and nothing changes, when layers, names, shapes or dtypes are not those of this perceptron.
        """
        found = read_npz(path)
        expected = [(owner, list(arrays)) for owner, arrays in self._saved()]
        known = {f"{owner}{name}" for owner, names in expected for name in names}
        for names, adjective in ((known - found.keys(), "missing"), (found.keys() - known, "unexpected")):
            if names:
                raise ValueError(
                    f"{path}: {adjective} {', '.join(sorted(names))}; the file is for other layers than {self!r}"
                )
        prepared = [
            layer.prepared(f"{path}: {owner}", {name: found[f"{owner}{name}"] for name in names})
            for layer, (owner, names) in zip(self.layers, expected, strict=True)
        ]
        for layer, arrays in zip(self.layers, prepared, strict=True):
            layer.restore(arrays)

    def _saved(self) -> list[tuple[str, dict[str, HostMatrix]]]:
        """`0.LinearLayer.`, ... and the arrays, for all layers."""
        return [(f"{k}.{type(layer).__name__}.", layer.saved()) for k, layer in enumerate(self.layers)]

    def __repr__(self) -> str:
        return f"MultilayerPerceptron([{', '.join(map(repr, self.layers))}])"


def parse_multilayer_perceptron(
    layers: str,
    sizes: Sequence[int] | str,
    weights: str | None = None,
    optimizers: str | None = None,
    *,
    dtype: str = "float32",
    device: Device = None,
    seed: int | None = None,
) -> MultilayerPerceptron:
    """A multilayer perceptron from strings.

    layers       `ReLU;BatchNormalization;Linear`
    sizes        `[784, 1024, 10]` or `784;1024;10`: of the input, then of the output of each layer that has its own
    weights      an initializer, `Xavier`, or one for each layer, `He;Zero;Xavier`; None keeps the initial parameters
    optimizers   `Momentum(0.9)`, or one for each layer; None stands for plain gradient descent
    seed         of the random masks and weights
    """
    specifications = [parse_specification(part) for part in split(layers, ";")]
    rows = layer_sizes(layers, sizes)
    return multilayer_perceptron(specifications, rows, weights, optimizers, dtype=dtype, device=device, seed=seed)


def multilayer_perceptron(
    specifications: Sequence[Specification],
    rows: Sequence[Sequence[int]],
    weights: str | None,
    optimizers: str | None,
    *,
    dtype: str,
    device: Device,
    seed: int | None,
) -> MultilayerPerceptron:
    """A multilayer perceptron from specifications of layers and the sizes of each."""
    M = MultilayerPerceptron(
        [parse_layer(s, own, dtype=dtype, device=device) for s, own in zip(specifications, rows, strict=True)]
    )
    if seed is not None:
        M.seed(seed)
    if weights is not None:
        for layer, text in zip(M.layers, one_each("weights", weights, len(M.layers)), strict=True):
            layer.set_weights(text)
    if optimizers is not None:
        for layer, text in zip(M.layers, one_each("optimizers", optimizers, len(M.layers)), strict=True):
            layer.set_optimizer(text)
    return M


def layer_sizes(layers: str, sizes: Sequence[int] | str) -> list[list[int]]:
    """The sizes that each layer of a string is constructed with."""
    classes = [layer_class(part)[0] for part in split(layers, ";")]
    return _sizes_of_layers(layers, classes, _parsed_sizes(sizes))


def _parsed_sizes(sizes: Sequence[int] | str) -> list[int]:
    if isinstance(sizes, str):
        parts = split(sizes, ";")
        if not all(part.isdecimal() for part in parts):
            raise ValueError(f"sizes {sizes!r}: expected whole numbers such as '784;1024;10'")
        sizes = [int(part) for part in parts]
    return [natural_number("sizes", f"size {k}", size, least=1) for k, size in enumerate(sizes)]


def _sizes_of_layers(layers: str, classes: Sequence[type[Layer]], sizes: Sequence[int]) -> list[list[int]]:
    """The sizes of each layer: its input has the width so far, its output (if it has a size of its own) the next."""
    for cls in classes:
        if len(cls.SIZES) > (2 if cls.INPUT_SIZE in cls.SIZES else 1):
            raise ValueError(
                f"layers {layers!r}: {cls.__name__} has sizes {', '.join(cls.SIZES)}; construct it yourself"
            )
    outputs = [any(size != cls.INPUT_SIZE for size in cls.SIZES) for cls in classes]
    if len(sizes) != 1 + sum(outputs):
        raise ValueError(f"layers {layers!r}: expected {1 + sum(outputs)} sizes, found {len(sizes)}: {list(sizes)}")
    rows = []
    width, *rest = sizes
    for cls, has_output in zip(classes, outputs, strict=True):
        output = rest.pop(0) if has_output else width
        rows.append([width if size == cls.INPUT_SIZE else output for size in cls.SIZES])
        width = output
    return rows
