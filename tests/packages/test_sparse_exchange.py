"""Sparse matrices of SciPy and of the frameworks go into layers and come out of them."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

from tests.packages.backends import array, every_backend, every_dtype, load

FORMS = {
    "numpy": "scipy.sparse:csr_array",
    "cpp": "scipy.sparse:csr_array",
    "torch": "torch:Tensor",
    "jax": "jax.experimental.sparse:BCOO",
    "tensorflow": "tensorflow:SparseTensor",
}
FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]

MASK = np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)


def values(seed: int = 1) -> NDArray[np.float64]:
    return np.where(MASK, array(seed, *MASK.shape), 0)


def dense(backend: str, matrix: Any) -> NDArray[Any]:
    """A framework's sparse matrix with its zeros, by the framework's own functions."""
    if backend == "torch":
        return np.asarray(matrix.to_dense())
    if backend == "jax":
        return np.asarray(matrix.todense())
    if backend == "tensorflow":
        return np.asarray(importlib.import_module("tensorflow").sparse.to_dense(matrix))
    return np.asarray(matrix.toarray())


@contextmanager
def without_beta() -> Iterator[None]:
    """PyTorch says once a process that compressed layouts are in beta."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Sparse \w+ tensor support is in beta")
        yield


@every_backend
@every_dtype
def test_the_form_of_the_framework_goes_out_and_comes_in(backend: str, dtype: str) -> None:
    p = load(backend)
    layer = p.SparseLinearLayer(4, 3, dtype=dtype)
    layer.set_pattern(MASK)
    layer.W = values()
    found = layer.W.to_framework()
    module, _, name = FORMS[backend].partition(":")
    assert isinstance(found, getattr(importlib.import_module(module), name))
    assert dense(backend, found).dtype.name == dtype
    np.testing.assert_array_equal(dense(backend, found), values().astype(dtype))
    other = p.SparseLinearLayer(4, 3, dtype=dtype)
    other.set_pattern(found)
    assert other.W.pattern == layer.W.pattern
    other.W = found
    np.testing.assert_array_equal(other.W.to_dense(), layer.W.to_dense())
    layer.W = 3 * MASK
    np.testing.assert_array_equal(dense(backend, found), values().astype(dtype))
    for density in (0.0, 1.0):
        layer.set_pattern(density)
        np.testing.assert_array_equal(dense(backend, layer.W.to_framework()), layer.W.to_dense())


@every_backend
def test_a_layer_keeps_its_dtype_whatever_it_is_given(backend: str) -> None:
    p = load(backend)
    double = p.SparseLinearLayer(4, 3, dtype="float64")
    double.set_pattern(MASK)
    double.W = values()
    layer = p.SparseLinearLayer(4, 3, dtype="float32")
    for source in (double.W, double.W.to_framework(), double.W.to_scipy(), values()):
        layer.set_pattern(double.W)
        layer.W = source
        assert layer.W.to_dense().dtype == np.float32
        np.testing.assert_array_equal(layer.W.to_dense(), values().astype(np.float32))


@every_backend
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_format_of_scipy_is_taken(backend: str, form: str, kind: str) -> None:
    p = load(backend)
    layer = p.SparseLinearLayer(4, 3, dtype="float64")
    source = getattr(scipy.sparse, f"{form}_{kind}")(values())
    layer.set_pattern(source)
    layer.W = source
    np.testing.assert_array_equal(layer.W.to_dense(), values())
    if form not in ("bsr", "dia"):  # which may store zeros
        np.testing.assert_array_equal(layer.W.pattern.mask(), MASK)


def torch_forms() -> Iterator[Any]:
    torch = importlib.import_module("torch")
    W = torch.from_numpy(values())
    yield W.to_sparse_coo()
    yield W.to_sparse_csr()
    yield W.to_sparse_csc()
    yield W.to_sparse_bsr((1, 2))
    yield W.to_sparse_coo().requires_grad_()
    yield W
    yield W.clone().requires_grad_()


def jax_forms() -> Iterator[Any]:
    jax = importlib.import_module("jax")
    sparse = importlib.import_module("jax.experimental.sparse")
    jax.config.update("jax_enable_x64", True)
    W = jax.numpy.asarray(values())
    yield sparse.BCOO.fromdense(W)
    yield sparse.BCOO.fromdense(W, nse=11)  # padded by indices that are outside
    yield sparse.BCSR.fromdense(W)
    yield sparse.BCSR.fromdense(W, nse=9)
    yield W


def tensorflow_forms() -> Iterator[Any]:
    tf = importlib.import_module("tensorflow")
    yield tf.sparse.from_dense(values())
    places = np.argwhere(MASK)[::-1]
    yield tf.SparseTensor(places, values()[tuple(places.T)], MASK.shape)
    yield tf.constant(values())


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_every_form_of_the_framework_is_taken(backend: str) -> None:
    p = load(backend)
    forms = {"torch": torch_forms, "jax": jax_forms, "tensorflow": tensorflow_forms}[backend]
    with without_beta():
        sources = list(forms())
    for source in sources:
        layer = p.SparseLinearLayer(4, 3, dtype="float64")
        layer.set_pattern(source)
        assert (layer.W.pattern.mask() >= MASK).all()
        layer.W = source
        np.testing.assert_array_equal(layer.W.to_dense(), values())
        layer.set_pattern(MASK)
        layer.W = source
        np.testing.assert_array_equal(layer.W.to_dense(), values())


def coordinate_form(backend: str, rows: list[int], columns: list[int], entries: Any) -> Any:
    """A sparse matrix of the framework, 3 x 4, from a list of its entries, as it is."""
    places = np.array([rows, columns], dtype=np.int64)
    if backend == "torch":
        return importlib.import_module("torch").sparse_coo_tensor(places, entries, (3, 4), check_invariants=True)
    if backend == "jax":
        sparse = importlib.import_module("jax.experimental.sparse")
        return sparse.BCOO((importlib.import_module("jax.numpy").asarray(entries), places.T), shape=(3, 4))
    if backend == "tensorflow":
        return importlib.import_module("tensorflow").SparseTensor(places.T, entries, (3, 4))
    return scipy.sparse.coo_array((entries, (rows, columns)), shape=(3, 4))


@every_backend
def test_entries_at_one_position_add_up_and_stored_zeros_are_entries(backend: str) -> None:
    p = load(backend)
    source = coordinate_form(backend, [2, 0, 2, 1], [3, 1, 3, 0], np.array([1.5, 2.0, 0.25, 0.0]))
    layer = p.SparseLinearLayer(4, 3, dtype="float64")
    layer.set_pattern(source)
    layer.W = source
    expected = np.zeros((3, 4))
    expected[2, 3], expected[0, 1] = 1.75, 2.0
    np.testing.assert_array_equal(layer.W.to_dense(), expected)
    assert [tuple(place) for place in np.argwhere(layer.W.pattern.mask())] == [(0, 1), (1, 0), (2, 3)]


@every_backend
def test_what_does_not_fit_is_refused(backend: str) -> None:
    p = load(backend)
    source = coordinate_form(backend, [0, 2], [1, 3], np.array([1.0, 2.0]))
    wide = p.SparseLinearLayer(5, 3, dtype="float64")
    with pytest.raises(ValueError, match=r"SparseLinearLayer\.W: found a matrix of shape \(3, 4\), expected \(3, 5\)"):
        wide.W = source
    with pytest.raises(ValueError, match=r"found a pattern of shape \(3, 4\), expected \(3, 5\)"):
        wide.set_pattern(source)
    layer = p.SparseLinearLayer(4, 3, dtype="float64")
    layer.set_pattern(np.eye(3, 4))
    layer.W = 2 * np.eye(3, 4)
    with pytest.raises(ValueError, match=r"SparseLinearLayer\.W: 2 entries that are not zero are outside of Pattern"):
        layer.W = source
    complex_values = coordinate_form(backend, [0], [0], np.array([1j]))
    with pytest.raises(TypeError, match=r"found a sparse matrix of complex128, expected real numbers"):
        layer.W = complex_values
    with pytest.raises(ValueError, match=r"found a sparse array of shape \(4,\), expected a matrix"):
        layer.set_pattern(scipy.sparse.coo_array(np.arange(4)))
    np.testing.assert_array_equal(layer.W.to_dense(), 2 * np.eye(3, 4))


def test_sparse_tensors_of_vectors_are_refused() -> None:
    p = load("torch")
    torch = importlib.import_module("torch")
    layer = p.SparseLinearLayer(4, 3)
    with pytest.raises(ValueError, match=r"found a sparse tensor of shape \(3, 4\) of vectors, expected a matrix"):
        layer.set_pattern(torch.ones(3, 4).to_sparse(1))
    q = load("jax")
    sparse = importlib.import_module("jax.experimental.sparse")
    ones = importlib.import_module("jax.numpy").ones((3, 4))
    for options in ({"n_batch": 1}, {"n_dense": 1}):
        with pytest.raises(ValueError, match=r"dimensions, expected a matrix with 2 sparse ones"):
            q.SparseLinearLayer(4, 3).set_pattern(sparse.BCOO.fromdense(ones, **options))


@every_backend
def test_matrices_of_other_packages_are_taken(backend: str) -> None:
    p, q = load(backend), load("numpy" if backend == "cpp" else "cpp")
    other = q.SparseLinearLayer(4, 3, dtype="float64")
    other.set_pattern(MASK)
    other.W = values()
    layer = p.SparseLinearLayer(4, 3, dtype="float64")
    layer.set_pattern(other.W)
    layer.W = other.W
    np.testing.assert_array_equal(layer.W.to_dense(), values())
    assert layer.W.nnz == MASK.sum()


@every_backend
def test_a_trained_network_continues_from_what_was_taken_out(backend: str) -> None:
    """Two copies by way of the framework's form are trained alike."""
    p = load(backend)
    layers = [p.SparseLinearLayer(4, 3, density=0.6, dtype="float64") for _ in range(2)]
    layers[0].seed(3)
    layers[0].set_weights("Xavier")
    layers[1].set_pattern(layers[0].W.to_framework())
    layers[1].W = layers[0].W.to_framework()
    for layer in layers:
        layer.b = array(5, 1, 3)
        layer.set_optimizer("Momentum(0.9)")
        for step in range(3):
            Y = layer.feedforward(p.from_host(array(step, 6, 4)))
            layer.backpropagate(Y, p.from_host(array(10 + step, 6, 3)))
            layer.optimize(0.1)
    np.testing.assert_array_equal(layers[0].W.to_dense(), layers[1].W.to_dense())
