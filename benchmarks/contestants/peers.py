"""The packages that the authors of the paper publish: `nerva-numpy`, `nerva-torch`, `nerva-jax`, `nerva-tensorflow`."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training, Unavailable, Weights


def matrices(framework: str) -> tuple[Any, Any]:
    """How the framework makes a matrix of a NumPy array, and how it waits for one."""
    if framework == "torch":
        import torch

        return torch.from_numpy, lambda array: None
    if framework == "jax":
        import jax

        return jax.numpy.array, jax.block_until_ready
    if framework == "tensorflow":
        import tensorflow as tf

        return tf.constant, lambda array: array.numpy()
    return np.array, lambda array: None


def peer(framework: str, problem: Problem) -> Training:
    """The loop of its `stochastic_gradient_descent`."""
    name = f"nerva_{framework}"
    if importlib.util.find_spec(name) is None:
        raise Unavailable(f"{name} is not installed: pip install --no-deps --target DIR nerva-{framework}; --peers DIR")
    perceptrons = importlib.import_module(f"{name}.multilayer_perceptron")
    losses = importlib.import_module(f"{name}.loss_functions")
    matrix, wait = matrices(framework)
    count = len(problem.sizes) - 1
    optimizer = f"Nesterov({problem.momentum})" if problem.momentum else "GradientDescent"
    M = perceptrons.parse_multilayer_perceptron(
        ["ReLU"] * (count - 1) + ["Linear"], list(problem.sizes), [optimizer] * count, ["Zero"] * count
    )
    for layer, (W, b) in zip(M.layers, problem.weights, strict=True):
        for attribute, array in (("W", W), ("b", b.reshape(-1))):
            place = getattr(layer, attribute)
            if hasattr(place, "assign"):
                place.assign(array)
            elif framework == "jax":
                setattr(layer, attribute, matrix(array))
            else:
                place[:] = matrix(array)
    loss = losses.parse_loss_function("SoftmaxCrossEntropy")

    def step(X: Any, T: Any) -> None:
        Y = M.feedforward(X)
        M.backpropagate(Y, loss.gradient(Y, T) / X.shape[0])
        M.optimize(problem.eta)

    def weights() -> Weights:
        return [(np.array(layer.W), np.array(layer.b)) for layer in M.layers]

    from importlib.metadata import version

    return Training(
        step,
        lambda: [wait(layer.W) for layer in M.layers],
        weights,
        [(matrix(X), matrix(problem.one_hot(T))) for X, T in problem.data],
        {"framework": f"nerva-{framework}", "version": version(f"nerva-{framework}"), "step": "four calls"},
    )
