"""What PyTorch offers itself: `nn.Module`, autograd, `torch.optim.SGD`, and `torch.compile` of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training, Unavailable, Weights


def pytorch(problem: Problem, compiled: bool = False, **implementation: bool) -> Training:
    """`implementation` is `foreach=True` or `fused=True`; nothing stands for what PyTorch chooses by itself."""
    import torch

    modules: list[torch.nn.Module] = []
    linear = [torch.nn.Linear(D, K) for D, K in pairwise(problem.sizes)]
    for layer, (W, b) in zip(linear, problem.weights, strict=True):
        modules += [layer, torch.nn.ReLU()]
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W))
            layer.bias.copy_(torch.from_numpy(b.reshape(-1)))
    model = torch.nn.Sequential(*modules[:-1])
    criterion = torch.nn.CrossEntropyLoss()
    momentum = problem.momentum
    optimizer = torch.optim.SGD(
        model.parameters(), lr=problem.eta, momentum=momentum, nesterov=momentum > 0, **implementation
    )

    def loss(X: Any, T: Any) -> Any:
        return criterion(model(X), T)

    forward = torch.compile(loss) if compiled else loss

    def step(X: Any, T: Any) -> None:
        optimizer.zero_grad()
        forward(X, T).backward()
        optimizer.step()

    data = [(torch.from_numpy(X), torch.from_numpy(T)) for X, T in problem.data]
    if compiled:
        try:
            forward(*data[0])
        except Exception as error:  # whatever Inductor lacks here: a compiler, a header
            raise Unavailable(f"torch.compile does not work here: {error}") from error

    def weights() -> Weights:
        return [(m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy()) for m in linear]

    how = ", ".join(implementation) or "by default"
    return Training(
        step, lambda: None, weights, data, {"framework": "torch", "version": torch.__version__, "step": how}
    )
