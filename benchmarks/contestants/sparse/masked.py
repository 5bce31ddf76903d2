"""The reference: PyTorch with dense weights, which are multiplied by masks after every step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.contestants.sparse.problem import SparseProblem, compressed
from benchmarks.contestants.training import Inference, Training, Weights


def masked(problem: SparseProblem, **implementation: bool) -> Training:
    """`nn.Linear`, autograd, `torch.optim.SGD`; `implementation` is `fused=True`, or nothing.

    Only weights are masked. Gradients and momenta outside of the masks are computed, and change nothing: whatever a
    weight becomes there is zero again after the step, and every optimizer here treats entries one by one. To mask them
    as well would make the reference slower.
    """
    import torch

    dtype = getattr(torch, problem.dtype)
    modules: list[torch.nn.Module] = []
    linear = [torch.nn.Linear(D, K, dtype=dtype) for D, K in pairwise(problem.sizes)]
    masks = []
    for layer, (W, b) in zip(linear, problem.weights, strict=True):
        modules += [layer, torch.nn.ReLU()]
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.toarray()))
            layer.bias.copy_(torch.from_numpy(b.reshape(-1)))
        ones = np.ones(W.nnz, problem.dtype)
        masks.append(torch.from_numpy(type(W)((ones, W.indices, W.indptr), shape=W.shape).toarray()))
    model = torch.nn.Sequential(*modules[:-1])
    criterion = torch.nn.CrossEntropyLoss()
    momentum = problem.momentum
    optimizer = torch.optim.SGD(
        model.parameters(), lr=problem.eta, momentum=momentum, nesterov=momentum > 0, **implementation
    )

    def step(X: Any, T: Any) -> None:
        optimizer.zero_grad()
        criterion(model(X), T).backward()
        optimizer.step()
        with torch.no_grad():
            for layer, mask in zip(linear, masks, strict=True):
                layer.weight.mul_(mask)

    def weights() -> Weights:
        return [
            (compressed(m.weight.detach().numpy(), W), m.bias.detach().numpy().copy())
            for m, (W, _) in zip(linear, problem.weights, strict=True)
        ]

    data = [(torch.from_numpy(X), torch.from_numpy(T)) for X, T in problem.pairs]
    info = {"framework": "torch", "version": torch.__version__}
    if problem.inference:

        def forward(X: Any) -> Any:
            with torch.inference_mode():
                return model(X)

        return Inference.of(forward, lambda Y: None, lambda Y: Y.numpy(), data, {**info, "step": "inference_mode"})
    how = ", ".join(["autograd", "SGD", *implementation])
    return Training(step, lambda: None, weights, data, {**info, "step": how})
