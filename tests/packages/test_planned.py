"""Planned functions: the functional core over memory that is kept gives the same, call after call."""

from __future__ import annotations

import importlib
import inspect
import tracemalloc
from typing import Any

import numpy as np
import pytest

from eqgen.algebra.library import library
from eqgen.optimize.lower import Lowering
from eqgen.optimize.program import Function
from tests.packages.backends import load

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
    for d in of("loss"):
        found += lowering.loss(d)
    for d in of("optimizer"):
        found.append(lowering.optimizer(d).function)
    for d in of("layer"):
        layer = lowering.layer(d)
        found += [layer.forward, layer.update]
    return {f.name: f for f in found if f is not None}


FUNCTIONS = functions()


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


@every_buffered
@pytest.mark.parametrize("name", FUNCTIONS)
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
    rest = names - FUNCTIONS.keys() - {"transposed_product"}
    assert FUNCTIONS.keys() <= names
    assert all(name.endswith(("_gradients", "_input_gradient", "_product_step")) for name in rest)


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
