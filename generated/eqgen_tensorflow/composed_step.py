"""A training step composed of its four parts, as Listing 2 of the paper writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .losses import LossFunction
from .runtime import Matrix

if TYPE_CHECKING:
    from .multilayer_perceptron import MultilayerPerceptron


def composed_step(
    M: MultilayerPerceptron, X: Matrix, T: Matrix, loss: LossFunction, eta: float, one_hot: bool
) -> Matrix:
    """Feedforward, the gradient of the mean loss, backpropagate, optimize; the mean loss, a number (0-dimensional)."""
    N = X.shape[0]
    Y = M.feedforward(X)
    mean: Matrix = loss(Y, T) / N
    M.backpropagate(Y, loss.gradient(Y, T, one_hot=one_hot) / N)  # the average of the gradients
    M.optimize(eta)
    return mean
