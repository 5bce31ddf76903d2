"""Compressed rows of PyTorch, with gradients written by hand: autograd has no sparse gradient of a sparse matrix."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.contestants.sparse.problem import SparseProblem, transposed, with_values
from benchmarks.contestants.training import Inference, Training, Weights


def compressed_rows(problem: SparseProblem) -> Training:
    """`torch.sparse_csr_tensor @ dense` for the products, `torch.sparse.sampled_addmm` for the gradients.

    Examples are columns, so that X alone is transposed. The transposed weights are compressed rows of their own, into
    which the values are copied in every step: PyTorch would convert `W.T` anew in every product.
    """
    import torch

    def csr(W: Any, values: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that compressed rows are in beta
            arrays = (torch.from_numpy(np.array(a)) for a in (W.indptr, W.indices, values))
            return torch.sparse_csr_tensor(*arrays, W.shape, check_invariants=False)

    W = [csr(w, w.data) for w, _ in problem.weights]
    b = [torch.from_numpy(bias.T.copy()) for _, bias in problem.weights]
    pattern = [csr(w, np.zeros_like(w.data)) for w, _ in problem.weights]
    turned = [transposed(w) for w, _ in problem.weights[1:]]
    W_turned = [csr(w, w.data) for w, _ in turned]
    numbers = [torch.from_numpy(number) for _, number in turned]
    values = [w.values() for w in W]
    momenta = [torch.zeros_like(p) for p in (*values, *b)]
    eta, mu = problem.eta, problem.momentum
    last = len(W) - 1

    @torch.no_grad()
    def outputs(X: Any) -> list[Any]:
        """What goes into each layer, and the output, with examples in columns."""
        found = [X.T.contiguous()]
        for k, w in enumerate(W):
            Z = (w @ found[-1]).add_(b[k])
            found.append(Z if k == last else Z.relu_())
        return found

    @torch.no_grad()
    def step(X: Any, T: Any) -> None:
        inputs = outputs(X)
        DZ = (torch.softmax(inputs[-1], 0) - T.T) / len(X)
        DW, Db = [torch.empty(0)] * len(W), [torch.empty(0)] * len(W)
        for k in reversed(range(len(W))):
            DW[k] = torch.sparse.sampled_addmm(pattern[k], DZ, inputs[k].T, beta=0).values()
            Db[k] = DZ.sum(1, keepdim=True)
            if k:
                torch.index_select(values[k], 0, numbers[k - 1], out=W_turned[k - 1].values())
                DZ = (W_turned[k - 1] @ DZ).mul_(inputs[k] > 0)
        for p, gradient, momentum in zip((*values, *b), (*DW, *Db), momenta, strict=True):
            if mu:
                momentum.mul_(mu).add_(gradient)
                gradient = gradient.add_(momentum, alpha=mu)
            p.sub_(gradient, alpha=eta)

    def weights() -> Weights:
        return [(with_values(values[k].numpy(), w), b[k].T.numpy().copy()) for k, (w, _) in enumerate(problem.weights)]

    data = [(torch.from_numpy(X), torch.from_numpy(T)) for X, T in problem.pairs]
    info = {"framework": "torch", "version": torch.__version__, "step": "by hand"}
    if problem.inference:
        return Inference.of(lambda X: outputs(X)[-1].T, lambda Y: None, lambda Y: Y.numpy(), data, info)
    return Training(step, lambda: None, weights, data, info)
