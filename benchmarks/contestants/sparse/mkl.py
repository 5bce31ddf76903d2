"""MKL alone: its inspector-executor sparse BLAS, called by hand from NumPy."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contestants.sparse.problem import SparseProblem, transposed, with_values
from benchmarks.contestants.training import Inference, Training, Unavailable, Weights

# mkl_spblas.h, mkl_cblas.h and mkl_service.h
NOT_TRANSPOSED, GENERAL, ROW_MAJOR, GNU_THREADS = 10, 20, 101, 3
PLAIN, TRANSPOSED = 111, 112
EXPECTED_CALLS = 1000


class Description(ctypes.Structure):
    """`struct matrix_descr`."""

    _fields_ = (("type", ctypes.c_int), ("mode", ctypes.c_int), ("diagonal", ctypes.c_int))


@functools.cache
def library() -> Any:
    """The run-time library of MKL, with the threads of libgomp. Raises Unavailable."""
    try:
        files = importlib.metadata.files("mkl") or []
        path = next(Path(str(file.locate())) for file in files if file.name.startswith("libmkl_rt"))
        found = ctypes.CDLL(str(path.resolve()))
    except (importlib.metadata.PackageNotFoundError, StopIteration, OSError) as error:
        raise Unavailable("MKL is not installed: pip install mkl") from error
    found.MKL_Set_Threading_Layer(GNU_THREADS)
    return found


def pointer(array: Any, offset: int = 0) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data + offset * array.itemsize)


class Rows:
    """A K x D matrix in compressed rows, as MKL has inspected it for products with D x N matrices."""

    def __init__(self, W: Any, N: int) -> None:
        self.shape = W.shape
        self.values = np.array(W.data)
        self.arrays = [np.array(a, dtype=np.int32) for a in (W.indptr, W.indices)]
        self.handle = ctypes.c_void_p()
        self.description = Description(GENERAL, 0, 0)
        pointers, columns = self.arrays
        check(
            "mkl_sparse_s_create_csr", ctypes.byref(self.handle), 0, *W.shape,
            pointer(pointers), pointer(pointers, 1), pointer(columns), pointer(self.values),
        )  # fmt: skip
        check(
            "mkl_sparse_set_mm_hint", self.handle, NOT_TRANSPOSED, self.description, ROW_MAJOR, N, EXPECTED_CALLS
        )  # fmt: skip
        check("mkl_sparse_optimize", self.handle)

    def changed(self) -> None:
        """The values are others now; what the inspector has made of them is renewed."""
        check("mkl_sparse_s_update_values", self.handle, self.values.size, None, None, pointer(self.values))

    def times(self, B: Any) -> Any:
        """The product with B, D x N."""
        N = B.shape[1]
        product = np.empty((self.shape[0], N), np.float32)
        check(
            "mkl_sparse_s_mm", NOT_TRANSPOSED, ctypes.c_float(1), self.handle, self.description, ROW_MAJOR,
            pointer(B), N, N, ctypes.c_float(0), pointer(product), N,
        )  # fmt: skip
        return product


def check(name: str, *arguments: Any) -> None:
    """Call a function of the sparse BLAS. RuntimeError unless it succeeds."""
    if status := getattr(library(), name)(*arguments):
        raise RuntimeError(f"{name} returned {status}")


def times_transposed(A: Any, B: Any, out: Any) -> Any:
    """out = A B' for A: K x N and B: D x N, by `cblas_sgemm`."""
    (K, N), D = A.shape, B.shape[0]
    library().cblas_sgemm(
        ROW_MAJOR, PLAIN, TRANSPOSED, K, D, N, ctypes.c_float(1), pointer(A), N, pointer(B), N,
        ctypes.c_float(0), pointer(out), D,
    )  # fmt: skip
    return out


def mkl(problem: SparseProblem) -> Training:
    """S B and S' B, the latter over a transposed matrix of its own, by `mkl_sparse_s_mm`, optimized by the inspector.

    MKL has no sampled product: the gradient is the dense product by `cblas_sgemm`, of which the entries of the pattern
    are taken. All else is NumPy. Examples are columns.
    """
    if problem.dtype != "float32":
        raise Unavailable("is called in single precision only")
    library()
    W = [Rows(w, problem.batch) for w, _ in problem.weights]
    b = [bias.T.copy() for _, bias in problem.weights]
    turned = [transposed(w) for w, _ in problem.weights[1:]]
    W_turned = [Rows(w, problem.batch) for w, _ in turned]
    dense = [np.empty(w.shape, np.float32) for w in W]
    positions = [
        np.repeat(np.arange(w.shape[0]) * w.shape[1], np.diff(w.indptr)) + w.indices for w, _ in problem.weights
    ]
    values = [w.values for w in W]
    momenta = [np.zeros_like(p) for p in (*values, *b)]
    eta, mu = np.float32(problem.eta), np.float32(problem.momentum)
    last = len(W) - 1

    def outputs(X: Any) -> list[Any]:
        found = [np.ascontiguousarray(X.T)]
        for k, w in enumerate(W):
            Z = w.times(found[-1])
            Z += b[k]
            found.append(Z if k == last else np.maximum(Z, 0, out=Z))
        return found

    def step(X: Any, T: Any) -> None:
        inputs = outputs(X)
        Y = np.exp(inputs[-1] - inputs[-1].max(axis=0))
        DZ = (Y / Y.sum(axis=0) - T.T) / np.float32(len(X))
        gradients: list[Any] = [None] * (2 * len(W))
        for k in reversed(range(len(W))):
            DZ = np.ascontiguousarray(DZ)
            gradients[k] = times_transposed(DZ, inputs[k], dense[k]).reshape(-1).take(positions[k])
            gradients[len(W) + k] = DZ.sum(axis=1, keepdims=True)
            if k:
                values[k].take(turned[k - 1][1], out=W_turned[k - 1].values)
                W_turned[k - 1].changed()
                DZ = W_turned[k - 1].times(DZ)
                DZ *= inputs[k] > 0
        for p, gradient, momentum in zip((*values, *b), gradients, momenta, strict=True):
            if mu:
                momentum *= mu
                momentum += gradient
                gradient += mu * momentum
            gradient *= eta
            p -= gradient
        for w in W:
            w.changed()

    def weights() -> Weights:
        return [(with_values(values[k], w), b[k].T.copy()) for k, (w, _) in enumerate(problem.weights)]

    info = {"framework": "mkl", "version": importlib.metadata.version("mkl"), "step": "by hand"}
    if problem.inference:
        return Inference.of(lambda X: outputs(X)[-1].T, lambda Y: None, np.array, problem.pairs, info)
    return Training(step, lambda: None, weights, problem.pairs, info)
