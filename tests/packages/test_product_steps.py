"""Updates over the factors of a gradient equal the product followed by the update, in place and apart."""

from __future__ import annotations

import importlib
import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqgen.algebra.library import library
from eqgen.optimize.lower import Lowering
from eqgen.optimize.products import product_step
from eqgen.optimize.program import Function

Array = NDArray[Any]

LOWERING = Lowering(library())
PAIRS = {
    d.name: (LOWERING.optimizer(d).function, step.function)
    for d in library().of_kind("optimizer")
    if (step := product_step(LOWERING, d)) is not None
}
SHAPES = [(1, 1, 1), (5, 3, 4), (0, 4, 3), (3, 0, 4), (3, 4, 0), (100, 29, 97), (17, 130, 515)]


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    pytest.importorskip("eqgen_cpp")
    return importlib.import_module("eqgen_cpp._kernels")


def operands(step: Function, p: int, m: int, n: int, dtype: Any) -> dict[str, Any]:
    """Values for the arguments of a step over a product: factors of small integers, whose product is exact.

    States are positive, as means of squares are.
    """
    generator = np.random.default_rng(p + 10 * m + 100 * n)
    sizes = {"P": p, "M": m, "N": n}
    found: dict[str, Any] = {}
    for a in step.arguments:
        if a.role == "matrix":
            shape = [sizes[str(d)] for d in a.shape]
            values = generator.integers(-3, 4, shape) if "P" in a.shape else np.abs(generator.standard_normal(shape))
            found[a.name] = values.astype(dtype)
        else:
            found[a.name] = generator.uniform(0.1, 0.9)
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_a_step_over_a_product_is_the_product_and_the_step(name: str, dtype: Any, kernels: ModuleType) -> None:
    plain, fused = PAIRS[name]
    for threads, (p, m, n) in itertools.product((1, 2), SHAPES):
        kernels.set_threads(threads)
        try:
            given = operands(fused, p, m, n, dtype)
            gradient = given["A"].T @ given["B"]
            expected = getattr(kernels, plain.name)(
                *(gradient if a.name == "Dtheta" else given[a.name] for a in plain.arguments)
            )
            results = getattr(kernels, fused.name)(*given.values())
        finally:
            kernels.set_threads(0)
        # What remains is how the compiler contracts multiplications and additions: some units in the last place.
        size = 1 + np.abs(gradient) + gradient**2
        for want, got in zip(as_tuple(expected), as_tuple(results), strict=True):
            assert got.dtype == dtype and got.shape == (m, n)
            assert np.all(np.abs(got - want) <= 4 * np.finfo(dtype).eps * size), name


@pytest.mark.parametrize("name", PAIRS)
def test_a_step_over_a_product_works_in_place(name: str, kernels: ModuleType) -> None:
    _, fused = PAIRS[name]
    given = operands(fused, 20, 45, 70, np.float32)
    expected = as_tuple(getattr(kernels, fused.name)(*given.values()))
    updated = [r.removesuffix("_new") for r, _ in fused.results]
    out = tuple(given.get(u, np.empty((45, 70), np.float32)) for u in updated)
    getattr(kernels, fused.name)(*given.values(), out=out)
    for want, got in zip(expected, out, strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_factors_may_not_be_written(kernels: ModuleType) -> None:
    a = np.ones((6, 6), np.float32)
    with pytest.raises(ValueError, match="shares memory"):
        kernels.gradient_descent_product_step(np.ones((6, 6), np.float32), a, a, 0.1, out=a)


def as_tuple(results: Any) -> tuple[Array, ...]:
    return results if isinstance(results, tuple) else (results,)
