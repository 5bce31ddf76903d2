"""Planned functions: the functional core over memory that is kept gives the same, call after call."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import tracemalloc
from typing import Any

import numpy as np
import pytest

from eqgen.algebra.library import library
from eqgen.optimize.lower import Lowering
from eqgen.optimize.program import Function
from tests.packages.backends import array, load

BUFFERED = ("numpy", "torch", "cpp")
every_buffered = pytest.mark.parametrize("backend", BUFFERED)
SIZES = {"N": 5, "D": 4, "K": 3, "V": 6, "M": 5}
NUMBERS = {"epsilon": 0.125, "c": 0.75, "p": 0.25}


def functions() -> dict[str, Function]:
    """All functions of the library that packages have over buffers, too."""
    lowering, of = Lowering(library()), library().of_kind
    found: list[Function | None] = []
    for d in of("activation"):
        found += lowering.activation(d)
    for d in of("optimizer"):
        found.append(lowering.optimizer(d).function)
    for d in of("layer"):
        layer = lowering.layer(d)
        found += [layer.forward, layer.update]
    return {f.name: f for f in found if f is not None}


FUNCTIONS = functions()
ACTIVATIONS = {f.name for d in library().of_kind("activation") for f in Lowering(library()).activation(d)}
EXAMPLES = {d.name: ", ".join("0.25" for n in d.numbers if n.default is None) for d in library().of_kind("activation")}
"""Numbers for the headers that have no defaults."""


def arguments(p: Any, function: Function, dtype: str, seed: int) -> list[Any]:
    """Random operands: positive ones, which all functions take."""
    rng = np.random.default_rng(seed)
    values: list[Any] = []
    for a in function.arguments:
        rows, columns = (SIZES[d] if isinstance(d, str) else d for d in a.shape)
        match a.role:
            case "matrix":
                values.append(p.from_host(rng.uniform(0.05, 0.95, (rows, columns)), dtype))
            case "index":
                values.append(p.from_host(rng.integers(0, 4, (rows, columns)), "int64"))
            case "activation":
                values.append(p.ACTIVATIONS["Tanh"]())
            case _:
                values.append(NUMBERS.get(a.name, 0.5))
    return values


@pytest.mark.parametrize(
    ("backend", "name"), [(b, name) for b in BUFFERED for name in FUNCTIONS if b != "cpp" or name not in ACTIVATIONS]
)
def test_planned_functions_give_the_same(backend: str, name: str) -> None:
    p = load(backend)
    planned = importlib.import_module(f"{p.__name__}.planned")
    buffers = importlib.import_module(f"{p.__name__}.buffers")
    out = buffers.Buffers()
    for seed, dtype in enumerate(("float64", "float64", "float32")):
        given = arguments(p, FUNCTIONS[name], dtype, seed)
        expected = getattr(p.functional, name)(*given)
        found = getattr(planned, name)(*given, out)
        pair = (expected, found) if isinstance(expected, tuple) else ((expected,), (found,))
        for one, other in zip(*pair, strict=True):
            assert p.runtime.dtype_name(other) == dtype
            np.testing.assert_allclose(
                p.to_host(other), p.to_host(one), rtol=1e-13 if dtype == "float64" else 1e-5, atol=1e-6
            )


@every_buffered
def test_every_planned_function_is_known(backend: str) -> None:
    """What is tested above, the parts of backward passes, optimizers over factors, and the product itself."""
    p = load(backend)
    planned = importlib.import_module(f"{p.__name__}.planned")
    names = {n for n, f in vars(planned).items() if inspect.isfunction(f) and f.__module__ == planned.__name__}
    rest = names - FUNCTIONS.keys() - {"transposed_product", "sampled_product"}
    rest = {name for name in rest if not name.startswith("sparse_")}  # test_sparse_layers trains with them
    assert FUNCTIONS.keys() - names == (ACTIVATIONS if backend == "cpp" else set())  # kernels call them without Python
    others = (
        "_gradients",
        "_input_gradient",
        "_product_step",
        "_sampled_step",
        "_gradient_and_value",
        "_one_hot_and_value",
        "_product",
    )
    assert all(name.endswith(others) for name in rest)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", sorted(d.name for d in library().of_kind("activation")))
def test_products_with_slopes(backend: str, name: str) -> None:
    p = load(backend)
    buffers = importlib.import_module(f"{p.__name__}.buffers")
    act = p.parse_activation(f"{name}({EXAMPLES.get(name, '')})")
    x, D = p.from_host(array(1, 5, 4), "float64"), p.from_host(array(2, 5, 4), "float64")
    out, target = buffers.Buffers(), p.from_host(np.zeros((5, 4)), "float64")
    for operand in (x, D):
        out.activation_product(act, operand, D, target)
        np.testing.assert_allclose(p.to_host(target), p.to_host(D * act.gradient(operand)), rtol=1e-13)


@every_buffered
@pytest.mark.parametrize("name", sorted(d.name for d in library().of_kind("loss")))
def test_losses_with_their_gradients(backend: str, name: str) -> None:
    p = load(backend)
    plans, buffers = (importlib.import_module(f"{p.__name__}.{module}") for module in ("plans", "buffers"))
    loss = p.LOSSES[name]()
    rng = np.random.default_rng(3)
    Y = p.from_host(rng.uniform(0.1, 0.9, (6, 4)), "float64")
    out = buffers.Buffers()
    for one_hot, targets in ((False, rng.uniform(0.1, 0.9, (6, 4))), (True, np.eye(4)[rng.integers(0, 4, 6)])):
        T = p.from_host(targets, "float64")
        plan = plans.LOSSES[type(loss)]
        for _ in range(2):
            L, DY = (plan.one_hot if one_hot else plan.general)(Y, T, *dataclasses.astuple(loss), out.part(one_hot))
            np.testing.assert_allclose(float(L[0, 0]), float(loss(Y, T)), rtol=1e-13)
            np.testing.assert_allclose(
                p.to_host(DY), p.to_host(loss.gradient(Y, T, one_hot=one_hot)), rtol=1e-12, atol=1e-14
            )


@every_buffered
def test_optimizers_take_the_place_of_what_they_update(backend: str) -> None:
    p = load(backend)
    planned = importlib.import_module(f"{p.__name__}.planned")
    buffers = importlib.import_module(f"{p.__name__}.buffers")
    given = arguments(p, FUNCTIONS["adam_step"], "float64", 0)
    theta, _, m, v = given[:4]
    before = p.to_host(theta)
    assert all(new is old for new, old in zip(planned.adam_step(*given, buffers.Buffers()), (theta, m, v), strict=True))
    assert not np.allclose(p.to_host(theta), before)


BATCH = 1024
SMALLEST = BATCH * 60 * 4
"""Bytes of the smallest matrix with a row for each example; a weight has more than half of that."""


def network(p: Any, optimizer: str) -> tuple[Any, Any, Any, Any]:
    M = p.parse_multilayer_perceptron("ReLU;BatchNormalization;Tanh;Linear", [64, 96, 80, 60], "He", optimizer, seed=1)
    rng = np.random.default_rng(2)
    X = p.from_host(rng.random((BATCH, 64)), "float32")
    T = p.from_host(np.eye(60)[rng.integers(0, 60, BATCH)], "float32")
    return M, X, T, p.parse_loss_function("SoftmaxCrossEntropy")


@pytest.mark.parametrize("optimizer", ["GradientDescent", "Nesterov(0.9)", "Adam"])
@pytest.mark.parametrize("backend", ["numpy", "cpp"])
def test_steps_allocate_no_matrix_after_the_first(backend: str, optimizer: str) -> None:
    """NumPy reports the memory of arrays to tracemalloc; what is left are Python's own objects, such as views."""
    M, X, T, loss = network(load(backend), optimizer)
    for _ in range(2):
        M.train_step(X, T, loss, 0.1, one_hot=True)
    tracemalloc.start()
    try:
        M.train_step(X, T, loss, 0.1, one_hot=True)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        M.train_step(X, T, loss, 0.1, one_hot=True)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.reset_peak()
        M.feedforward(X)
        assert tracemalloc.get_traced_memory()[1] - before > SMALLEST, "an allocation is noticed"
    finally:
        tracemalloc.stop()
    assert peak < SMALLEST / 3


@pytest.mark.parametrize("optimizer", ["GradientDescent", "Nesterov(0.9)", "Adam"])
def test_steps_in_torch_allocate_nothing_after_the_first(optimizer: str) -> None:
    import torch

    M, X, T, loss = network(load("torch"), optimizer)
    for _ in range(2):
        M.train_step(X, T, loss, 0.1, one_hot=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        M.train_step(X, T, loss, 0.1, one_hot=True)
    allocated = [e.cpu_memory_usage for e in profile.events() if e.name == "[memory]" and e.cpu_memory_usage > 0]
    assert max(allocated, default=0) <= 64  # a number, the mean loss


@pytest.mark.parametrize("optimizer", ["GradientDescent", "Momentum(0.9)", "Nesterov(0.9)", "Adam"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_few_rows_at_a_time(backend: str, optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows and a last one of one row, as large parameters have them, give what one block gives."""
    p = load(backend)
    in_place = importlib.import_module(f"{p.__name__}.in_place")
    assert trained(p, optimizer) == pytest.approx(blocked := trained(p, optimizer, in_place, monkeypatch), rel=1e-12)
    assert len(blocked) == 7 * 5 + 3 * 7


@pytest.mark.parametrize("optimizer", ["GradientDescent", "Momentum(0.9)", "Nesterov(0.9)"])
def test_without_a_blas_that_accumulates(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = load("numpy")
    blas = importlib.import_module(f"{p.__name__}.blas")
    expected = trained(p, optimizer)
    monkeypatch.setattr(blas, "_AVAILABLE", {})
    assert trained(p, optimizer) == pytest.approx(expected, rel=1e-12)


def trained(p: Any, optimizer: str, in_place: Any = None, monkeypatch: pytest.MonkeyPatch | None = None) -> list[float]:
    """The weights of a small network after a few steps; with `in_place` in blocks of about ten entries."""
    if monkeypatch is not None:
        monkeypatch.setattr(in_place, "BLOCK", 14)
    M = p.parse_multilayer_perceptron("Tanh;Linear", [5, 7, 3], "Xavier", optimizer, dtype="float64", seed=4)
    loss = p.parse_loss_function("SquaredError")
    for k in range(3):
        M.train_step(p.from_host(array(k, 4, 5)), p.from_host(array(k + 9, 4, 3)), loss, 0.1)
    return [float(x) for layer in M.layers for x in p.to_host(layer.W).ravel()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_finds_its_blas(dtype: str) -> None:
    """Products and sums that add to what is there, in every layout that can be handed over; others are declined."""
    load("numpy")
    blas = importlib.import_module("eqgen_numpy.blas")
    A, B, C = (array(k, *shape).astype(dtype) for k, shape in enumerate([(4, 3), (3, 5), (4, 5)]))
    for left in (A, np.asfortranarray(A), np.ascontiguousarray(A.T).T):
        for right in (B, np.asfortranarray(B)):
            found = C.copy()
            assert blas.accumulate(-0.5, left, right, 2.0, found)
            np.testing.assert_allclose(found, 2 * C - 0.5 * (A @ B), rtol=1e-5, atol=1e-5)
    found = C.copy()
    assert blas.add_scaled(0.25, C, found)
    np.testing.assert_allclose(found, 1.25 * C, rtol=1e-6)
    assert not blas.accumulate(1.0, A[:, ::2], B[::2], 1.0, np.asfortranarray(C))
    assert not blas.add_scaled(1.0, C.T, np.ascontiguousarray(C.T))
