"""The generated packages over sparse weights, through the objects that everybody uses."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.contestants.generated import ONE_CALL
from benchmarks.contestants.sparse.problem import SparseProblem, with_values
from benchmarks.contestants.training import Inference, Training, Weights


def network(package: Any, problem: SparseProblem) -> Any:
    """A multilayer perceptron of sparse layers with the patterns and the weights of the problem."""
    layers = []
    for k, (W, b) in enumerate(problem.weights):
        K, D = W.shape
        sizes, options = (D, K), {"density": 0.0, "dtype": problem.dtype}
        if k < len(problem.weights) - 1:
            layer = package.SparseActivationLayer(*sizes, package.ReLUActivation(), **options)
        else:
            layer = package.SparseLinearLayer(*sizes, **options)
        layer.set_pattern(W)
        layer.W = W
        layer.b = b
        layer.set_optimizer(f"Nesterov({problem.momentum})" if problem.momentum else "GradientDescent")
        layers.append(layer)
    return package.MultilayerPerceptron(layers)


def generated(backend: str, problem: SparseProblem) -> Training:
    """`eqgen_<backend>`: `train_step`, or `feedforward`."""
    package = importlib.import_module(f"eqgen_{backend}")
    runtime = importlib.import_module(f"eqgen_{backend}.runtime")
    M = network(package, problem)
    loss = package.parse_loss_function("SoftmaxCrossEntropy")
    eta = problem.eta
    data = [(runtime.from_host(X), runtime.from_host(T)) for X, T in problem.pairs]
    info = package.info()
    if problem.inference:
        M.eval()
        return Inference.of(M.feedforward, runtime.wait, runtime.to_host, data, {**info, "step": "feedforward"})

    def step(X: Any, T: Any) -> None:
        M.train_step(X, T, loss, eta, one_hot=True)

    def weights() -> Weights:
        return [
            (with_values(runtime.to_host(layer.W.values), W), runtime.to_host(layer.b))
            for layer, (W, _) in zip(M.layers, problem.weights, strict=True)
        ]

    return Training(step, M.wait, weights, data, {**info, "step": ONE_CALL})
