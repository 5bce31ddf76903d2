"""The generated packages, through the objects that everybody uses."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training

ONE_CALL, FOUR_CALLS = "train_step", "feedforward, gradient, backpropagate, optimize"


def network(package: Any, problem: Problem) -> Any:
    """A multilayer perceptron of the package with the initial weights of the problem."""
    layers = ";".join(["ReLU"] * (len(problem.sizes) - 2) + ["Linear"])
    optimizer = f"Nesterov({problem.momentum})" if problem.momentum else None
    M = package.parse_multilayer_perceptron(layers, list(problem.sizes), None, optimizer)
    for layer, (W, b) in zip(M.layers, problem.weights, strict=True):
        layer.W = W
        layer.b = b
    return M


def generated(backend: str, problem: Problem) -> Training:
    """`eqgen_<backend>`: one call a step where the package has it."""
    package = importlib.import_module(f"eqgen_{backend}")
    runtime = importlib.import_module(f"eqgen_{backend}.runtime")
    M = network(package, problem)
    loss = package.parse_loss_function("SoftmaxCrossEntropy")
    eta = problem.eta

    def one_call(X: Any, T: Any) -> None:
        M.train_step(X, T, loss, eta, one_hot=True)

    def four_calls(X: Any, T: Any) -> None:
        Y = M.feedforward(X)
        M.backpropagate(Y, loss.gradient(Y, T, one_hot=True) / X.shape[0])
        M.optimize(eta)

    in_one = hasattr(M, "train_step")
    return Training(
        step=one_call if in_one else four_calls,
        wait=M.wait,
        weights=lambda: [(runtime.to_host(layer.W), runtime.to_host(layer.b)) for layer in M.layers],
        data=[(runtime.from_host(X), runtime.from_host(problem.one_hot(T))) for X, T in problem.data],
        info={**package.info(), "step": ONE_CALL if in_one else FOUR_CALLS},
    )
