"""`sparseprop` from PyPI: sparse linear layers for PyTorch by the authors of "SparseProp" (Nikdan et al., 2023)."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.contestants.sparse.problem import SparseProblem, with_values
from benchmarks.contestants.training import Inference, Training, Unavailable, Weights

VERSION = "0.1.14"


def sparseprop(problem: SparseProblem) -> Training:
    """Its `SparseLinear` layers with `torch.optim.SGD`, as its own examples use them."""
    if importlib.util.find_spec("sparseprop") is None:
        raise Unavailable(
            "sparseprop is not installed: pip install pybind11; pip install --no-deps --no-build-isolation "
            f"--target DIR sparseprop=={VERSION}; --peers DIR"
        )
    if problem.dtype != "float32":
        raise Unavailable("sparseprop computes in single precision only")
    import torch

    sparse_linear = importlib.import_module("sparseprop.modules.linear").SparseLinear
    layers: list[Any] = []
    for W, b in problem.weights:
        layer = sparse_linear(torch.zeros(1, 1), torch.nn.Parameter(torch.from_numpy(b.reshape(-1).copy())))
        # What its constructor makes of a dense matrix, which wide layers would not have room for.
        layer.N, layer.M = W.shape
        layer.W_val = torch.nn.Parameter(torch.from_numpy(W.data.copy()))
        layer.W_idx = tuple(torch.from_numpy(np.array(a, dtype=np.int32)) for a in (W.indptr, W.indices))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    criterion = torch.nn.CrossEntropyLoss()
    momentum = problem.momentum
    optimizer = torch.optim.SGD(model.parameters(), lr=problem.eta, momentum=momentum, nesterov=momentum > 0)

    def step(X: Any, T: Any) -> None:
        optimizer.zero_grad()
        criterion(model(X), T).backward()
        optimizer.step()

    def weights() -> Weights:
        return [
            (with_values(layer.W_val.detach().numpy(), W), layer.bias.detach().numpy().copy())
            for layer, (W, _) in zip(layers[::2], problem.weights, strict=True)
        ]

    data = [(torch.from_numpy(X), torch.from_numpy(T)) for X, T in problem.pairs]
    info = {"framework": "sparseprop", "version": version("sparseprop")}
    if problem.inference:

        def forward(X: Any) -> Any:
            with torch.inference_mode():
                return model(X)

        return Inference.of(forward, lambda Y: None, lambda Y: Y.numpy(), data, {**info, "step": "inference_mode"})
    return Training(step, lambda: None, weights, data, {**info, "step": "autograd, SGD"})
