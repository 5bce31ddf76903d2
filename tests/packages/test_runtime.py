"""The `runtime` modules: one interface, with the same meaning in every package."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from tests.packages.backends import every_backend, every_dtype, every_framework, load

ENTRIES = np.array([[-1000.0, -100, -3, -0.5, 0], [1e-3, 0.5, 20, 100, 1000]])

FUNCTIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "erf": special.erf,
    "erfc": special.erfc,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "log_sigmoid": special.log_expit,
    "sign": np.sign,
}
"""Name -> the same function from outside this project."""


OPERATIONS = {
    "column_gather", "column_scatter_add", "erf", "erfc", "inv_sqrt", "log_sigmoid", "maximum", "minimum",
    "power", "row_gather", "row_scatter_add", "sigmoid", "sign", "softplus", "where",
}  # fmt: skip


@every_backend
def test_the_interface_is_that_of_numpy(backend: str) -> None:
    expected, runtime = load("numpy").runtime, load(backend).runtime
    names = set(expected.__all__) - (OPERATIONS if backend == "cpp" else set())
    assert names <= set(runtime.__all__) and (backend == "cpp" or names == set(runtime.__all__))
    for name in names:
        own, reference = getattr(runtime, name), getattr(expected, name)
        if inspect.isfunction(reference):
            assert inspect.signature(own) == inspect.signature(reference), name
            assert own.__doc__ or name.startswith("is_"), f"{name} has no docstring"


@every_framework
@every_dtype
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_accurate_and_do_not_overflow(backend: str, dtype: str, name: str) -> None:
    runtime = load(backend).runtime
    X = runtime.from_host(ENTRIES, dtype)
    Y = getattr(runtime, name)(X)
    assert runtime.dtype_name(Y) == dtype
    expected = FUNCTIONS[name](runtime.to_host(X).astype(np.float64))
    smallest = float(np.finfo(dtype).tiny)  # below it numbers lose digits, or frameworks flush them to 0
    relative = {"float32": 1e-6, "float64": 4e-15}[dtype]  # a few units in the last place
    np.testing.assert_allclose(runtime.to_host(Y), expected, rtol=relative, atol=smallest)


@every_framework
@every_dtype
def test_numbers_keep_the_dtype(backend: str, dtype: str) -> None:
    runtime = load(backend).runtime
    X = runtime.from_host(ENTRIES, dtype)
    P = runtime.from_host(np.abs(ENTRIES) + 1, dtype)
    x, q = runtime.to_host(X), runtime.to_host(P)
    tenth = np.dtype(dtype).type(0.1)
    cases = {
        "inv_sqrt": (runtime.inv_sqrt(P), q**-0.5),
        "power": (runtime.power(P, 1 / 3), np.cbrt(q)),
        "power of a number": (runtime.power(2.0, X / 1000), np.exp2(x / 1000)),
        "maximum": (runtime.maximum(X, 0.5), np.maximum(x, 0.5)),
        "maximum, number first": (runtime.maximum(0, X), np.maximum(x, 0)),
        "maximum of two": (runtime.maximum(X, P), np.maximum(x, q)),
        "minimum": (runtime.minimum(X, 0.5), np.minimum(x, 0.5)),
        "minimum, number first": (runtime.minimum(0, X), np.minimum(x, 0)),
        "where, two numbers": (runtime.where(X < 0, 0.1, 1, X), np.where(x < 0, tenth, 1)),
        "where, number and matrix": (runtime.where(X < 0, 0.1, X), np.where(x < 0, tenth, x)),
        "where, matrix and number": (runtime.where(X < 0, X, 0.1), np.where(x < 0, x, tenth)),
        "where, two matrices": (runtime.where(X < 0, X, P), np.where(x < 0, x, q)),
    }
    for name, (found, expected) in cases.items():
        assert runtime.dtype_name(found) == dtype, name
        np.testing.assert_allclose(runtime.to_host(found), expected, rtol=1e-6 if dtype == "float32" else 1e-14)


@every_framework
def test_numbers_alone_give_numbers(backend: str) -> None:
    runtime = load(backend).runtime
    assert float(runtime.maximum(1, 2.5)) == 2.5 and float(runtime.minimum(1, 2.5)) == 1
    assert float(runtime.power(2, 0.5)) == 2**0.5 and float(runtime.sign(-3.0)) == -1
    assert float(runtime.where(True, 1.0, 2.0)) == 1 and float(runtime.where(False, 1.0, 2.0)) == 2
    condition = runtime.from_host(ENTRIES) < 0
    with pytest.raises(TypeError, match="like"):
        runtime.where(condition, 1.0, 2.0)


@every_framework
@every_dtype
def test_gather_and_its_adjoint(backend: str, dtype: str) -> None:
    runtime = load(backend).runtime
    E = np.arange(12.0).reshape(4, 3)
    column, row = np.array([[1], [3], [1]]), np.array([[2, 0, 2, 2]])
    rows = runtime.row_gather(runtime.from_host(E, dtype), runtime.from_host(column))
    np.testing.assert_array_equal(runtime.to_host(rows), E[column[:, 0]])
    columns = runtime.column_gather(runtime.from_host(E, dtype), runtime.from_host(row))
    np.testing.assert_array_equal(runtime.to_host(columns), E[:, row[0]])

    expected = np.zeros((5, 3))
    np.add.at(expected, column[:, 0], E[column[:, 0]])
    found = runtime.row_scatter_add(runtime.from_host(column), rows, 5)
    np.testing.assert_array_equal(runtime.to_host(found), expected)
    expected = np.zeros((4, 5))
    for k, j in enumerate(row[0]):
        expected[:, j] += E[:, row[0]][:, k]
    found = runtime.column_scatter_add(runtime.from_host(row), columns, 5)
    np.testing.assert_array_equal(runtime.to_host(found), expected)
    for matrix in (rows, columns, found):
        assert runtime.dtype_name(matrix) == dtype


@every_backend
def test_a_variable_is_one_object_whatever_is_assigned(backend: str) -> None:
    runtime = load(backend).runtime
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    v = same = runtime.variable(runtime.from_host(x, "float32"))
    v -= 0.5 * v
    v += runtime.from_host(x, "float32")
    v *= 2
    v /= 4.0
    assert v is same and runtime.dtype_name(v) == "float32"
    np.testing.assert_array_equal(runtime.to_host(v), x * 0.75)
    v[0, 1] = 7.0
    runtime.assign(v, runtime.value(v) * 2)
    np.testing.assert_array_equal(np.asarray(same), [[1.5, 14.0], [4.5, 6.0]])
    np.testing.assert_array_equal(runtime.to_host(v @ v.T - v * v + (-v) ** 2), np.asarray(v) @ np.asarray(v).T)
    assert tuple(v.shape) == (2, 2) and len(v) == 2 and float(v[1, 0]) == 4.5
    assert runtime.is_matrix(v) and runtime.is_floating(v) and not runtime.is_integer(v)
    with pytest.raises(ValueError, match=r"\(2, 2\).*\(1, 2\)"):
        runtime.assign(v, runtime.from_host(x[:1], "float32"))


@every_backend
def test_memory_is_not_shared_with_the_host(backend: str) -> None:
    runtime = load(backend).runtime
    host = np.ones((2, 2))
    host.flags.writeable = False
    X = runtime.from_host(host[::-1].T)
    v = runtime.variable(X)
    copy = runtime.to_host(v)
    copy[0, 0] = 5.0
    v -= 1.0
    assert runtime.to_host(X).tolist() == [[1, 1], [1, 1]] and copy[0, 0] == 5
    full = runtime.full_like(v, 3.0)
    assert runtime.to_host(full).tolist() == [[3, 3], [3, 3]] and runtime.dtype_name(full) == "float64"


@every_backend
def test_info_names_what_computes(backend: str) -> None:
    info: dict[str, Any] = load(backend).info()
    assert info["package"] == f"eqgen_{backend}" and info["backend"] == backend
    assert info["version"]


@every_backend
def test_the_processor_is_a_device_everywhere(backend: str) -> None:
    p = load(backend)
    layer = p.LinearDropoutLayer(3, 2, 0.5, device="cpu")
    loader = p.DataLoader(ENTRIES[:, :3], ENTRIES[:, :2], 2, device="cpu")
    for X, T in loader:
        Y = layer.feedforward(X)
        layer.backpropagate(Y, T)
        layer.optimize(0.1)
        assert tuple(Y.shape) == (2, 2)


def test_numpy_refuses_other_devices() -> None:
    with pytest.raises(ValueError, match="device 'cuda': the NumPy package computes on 'cpu' only"):
        load("numpy").LinearLayer(3, 2, device="cuda")


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_variable_of_zeros_is_made_when_it_is_read(backend: str) -> None:
    """Gradients that a compiled step never stores take no memory; copies and files of them are as any others."""
    p = load(backend)
    layer = p.LinearLayer(3, 2, dtype="float64")
    pending = type(layer.DW.held).__name__
    assert pending == "Pending" and layer.DW.shape == (2, 3) and p.runtime.dtype_name(layer.DW) == "float64"
    copied = copy.deepcopy(layer)
    stored = pickle.loads(pickle.dumps(layer.DW))
    layer.feedforward(p.from_host(np.ones((1, 3))))
    assert type(layer.DW.held).__name__ == pending
    for each in (layer.DW, copied.DW, stored):
        np.testing.assert_array_equal(p.to_host(each), np.zeros((2, 3)))
        assert type(each.held).__name__ != pending
