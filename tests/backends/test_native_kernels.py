"""The runtime of compiled packages: scalar functions, loops, products, gathering."""

from __future__ import annotations

import math
import platform
import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eqgen.backends.compile import Compiled, Settings
from eqgen.backends.toolchain import find_mkl
from tests.backends.native_sample import FUNCTIONS, build, load

Array = NDArray[Any]

DTYPES = [np.float32, np.float64]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return build(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def native(built: Compiled) -> ModuleType:
    return load(built)


# --- scalar functions ------------------------------------------------------------------------------------

REFERENCES: dict[str, tuple[str, float]] = {
    # the function in mpmath, and the error allowed in units in the last place, as the header of scalar.hpp states it
    "exp": ("exp", 1),
    "log": ("log", 1),
    "expm1": ("expm1", 2),
    "log1p": ("log1p", 2),
    "erf": ("erf", 3),
    "erfc": ("erfc", 5),
    "tanh": ("tanh", 3),
    "sigmoid": ("lambda x: 1 / (1 + exp(-x))", 3),
    "softplus": ("lambda x: log1p(exp(x))", 3),
    "log_sigmoid": ("lambda x: -log1p(exp(-x))", 3),
    "sqrt": ("sqrt", 1),
    "inv_sqrt": ("lambda x: 1 / sqrt(x)", 2),
    "reciprocal": ("lambda x: 1 / x", 1),
    "square": ("lambda x: x * x", 1),
}


def arguments(name: str, dtype: Any) -> Array:
    generator = np.random.default_rng(1)
    spread = generator.standard_normal(1500) * generator.choice([1e-6, 1e-2, 1, 5, 20, 80], 1500)
    values = np.concatenate([spread, np.linspace(-3, 3, 601), [1e-30, 30, 88, -87, 0.5, 1, 2, 17.5, -17.5]]).astype(
        dtype
    )
    if name in ("log", "sqrt", "inv_sqrt"):
        values = np.abs(values) + np.finfo(dtype).tiny
    if name == "log1p":
        values = np.where(values <= -1, -values, values)
    if name == "reciprocal":
        values = values[values != 0]
    return values[None]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REFERENCES)
def test_scalar_functions_keep_their_error_bounds(name: str, dtype: Any, native: ModuleType) -> None:
    mpmath = pytest.importorskip("mpmath")
    text, allowed = REFERENCES[name]
    x = arguments(name, dtype)
    y = getattr(native, f"each_{name}")(x)
    with mpmath.workdps(60):
        function = eval(text, vars(mpmath))
        for value, result in zip(x.flat, y.flat, strict=True):
            exact = function(mpmath.mpf(float(value)))
            if abs(exact) >= float(np.finfo(dtype).max):
                assert result == np.inf
                continue
            unit = mpmath.mpf(float(np.spacing(np.abs(dtype(float(exact))))))
            error = abs(mpmath.mpf(float(result)) - exact) / unit
            assert error <= allowed, f"{name}({value!r}) = {result!r}, {float(error):.2f} units in the last place off"


EXTREME = [0.0, -0.0, 100.0, -100.0, 1000.0, -1000.0, 1e30, -1e30, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_arguments(dtype: Any, native: ModuleType) -> None:
    x = np.array([EXTREME], dtype)
    with np.errstate(all="ignore"):
        wide = x.astype(np.longdouble)
        expected = {
            "exp": np.exp(x),
            "expm1": np.expm1(x),
            "log": np.log(x),
            "log1p": np.log1p(x),
            "tanh": np.tanh(x),
            "sign": np.sign(x),
            "abs": np.abs(x),
            "floor": np.floor(x),
            "sqrt": np.sqrt(x),
            "reciprocal": 1 / x,
            "square": x * x,
            "inv_sqrt": 1 / np.sqrt(x),
            "sigmoid": (1 / (1 + np.exp(-wide))).astype(dtype),
            "softplus": np.logaddexp(0, x),
            "log_sigmoid": -np.logaddexp(0, -x),
            "erf": np.vectorize(math.erf)(x),
            "erfc": np.vectorize(math.erfc)(x),
        }
    assert expected.keys() == set(FUNCTIONS)
    tiny = np.finfo(dtype).tiny
    for name, values in expected.items():
        result = getattr(native, f"each_{name}")(x)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, values, rtol=1e-6, atol=tiny, err_msg=name)
        if name in ("tanh", "expm1", "log1p", "erf", "abs", "floor"):
            np.testing.assert_array_equal(
                np.signbit(result[0, :2]), np.signbit(values[0, :2]), err_msg=f"sign of {name}(0)"
            )


def test_denormal_numbers(native: ModuleType) -> None:
    for dtype in (np.float32, np.float64):
        tiny = float(np.finfo(dtype).smallest_subnormal)
        x: NDArray[Any] = np.array([[tiny, 5 * tiny, float(np.finfo(dtype).tiny) / 2]], dtype)
        np.testing.assert_allclose(native.each_log(x), np.log(x), rtol=1e-6)
        np.testing.assert_allclose(native.each_exp(native.each_log(x)), x, rtol=0.3)
        np.testing.assert_array_equal(native.each_tanh(x), x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers(dtype: Any, native: ModuleType) -> None:
    x = np.array([[0.0, 0.5, 1.0, 3.0, -2.0, -0.25, np.inf, np.nan]], dtype)
    tolerance = 20 * np.finfo(dtype).eps
    with np.errstate(all="ignore"):
        for name, exponent in (
            ("cube", 3.0),
            ("inverse_square", -2.0),
            ("three_halves", 1.5),
            ("cube_root", 1 / 3),
            ("one", 0.0),
        ):
            np.testing.assert_allclose(
                getattr(native, name)(x), np.power(x, dtype(exponent)), rtol=tolerance, err_msg=name
            )
        np.testing.assert_allclose(native.power_of(x, 2.5), np.power(x, dtype(2.5)), rtol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_maximum_and_minimum_pass_nan_on(dtype: Any, native: ModuleType) -> None:
    values = np.array([-np.inf, -1, 0, 2, np.inf, np.nan], dtype)
    x, y = (np.ascontiguousarray(m) for m in np.meshgrid(values, values))
    largest, smallest = native.extremes(x, y)
    np.testing.assert_array_equal(largest, np.maximum(x, y))
    np.testing.assert_array_equal(smallest, np.minimum(x, y))


# --- loops -----------------------------------------------------------------------------------------------

SHAPES = [
    (0, 0),
    (0, 3),
    (3, 0),
    (1, 1),
    (1, 5),
    (5, 1),
    (7, 13),
    (3, 40000),
    (40000, 3),
    (1500, 300),
    (2, 1025),
    (1025, 129),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_reductions(shape: tuple[int, int], dtype: Any, native: ModuleType) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    wide = x.astype(np.float64)
    rows, columns, rows_max, columns_max, total, squares = native.reductions(x)
    tolerance = 4 * np.finfo(dtype).eps

    def close(result: Array, axis: int | None, terms: Array) -> None:
        """The error of a sum is bounded by the sum of the magnitudes."""
        bound = tolerance * np.log2(x.size + 2) * np.sum(np.abs(terms), axis=axis, keepdims=True)
        assert np.all(np.abs(result - np.sum(terms, axis=axis, keepdims=True)) <= bound)

    close(rows, 1, wide)
    close(columns, 0, wide)
    close(total, None, wide)
    close(squares, None, wide * wide)
    if x.size:
        np.testing.assert_array_equal(rows_max, x.max(axis=1, keepdims=True))
        np.testing.assert_array_equal(columns_max, x.max(axis=0, keepdims=True))
    else:
        assert np.all(rows_max == -np.inf) and np.all(columns_max == -np.inf)
        assert np.all(rows == 0) and np.all(columns == 0) and total[0, 0] == 0
    assert rows.shape == (shape[0], 1) and columns.shape == (1, shape[1]) and total.shape == (1, 1)


@pytest.mark.parametrize("position", [(0, 0), (2, 17), (4, 39)])
def test_maxima_pass_nan_on(position: tuple[int, int], native: ModuleType) -> None:
    x = np.random.default_rng(0).standard_normal((5, 40))
    x[position] = np.nan
    _, _, rows_max, columns_max, *_ = native.reductions(x)
    np.testing.assert_array_equal(rows_max, x.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(columns_max, x.max(axis=0, keepdims=True))


def test_results_do_not_depend_on_the_number_of_threads(native: ModuleType) -> None:
    x = np.random.default_rng(0).standard_normal((997, 1203)).astype(np.float32)
    try:
        native.set_threads(1)
        alone = [native.each_tanh(x), *native.reductions(x)]
        native.set_threads(3)
        assert native.info()["threads"] == 3
        for one, several in zip(alone, [native.each_tanh(x), *native.reductions(x)], strict=True):
            np.testing.assert_array_equal(one, several)
    finally:
        native.set_threads(0)


def test_python_threads_do_not_disturb_each_other(native: ModuleType) -> None:
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((60 + 7 * t, 50 + 11 * t)) for t in range(4)]
    expected = [x @ x.T for x in inputs]
    wrong: list[int] = []

    def work(t: int) -> None:
        x = inputs[t]
        for _ in range(20):
            p, q, *_ = native.products(x, x.T.copy(), expected[t], 1.0, 0.0)
            if not (np.allclose(p, expected[t]) and np.allclose(q, expected[t])):
                wrong.append(t)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- products, gathering ---------------------------------------------------------------------------------


ARCHITECTURES = {
    "mkl": "native",  # this processor, which may have AVX-512: tiles and lanes, and MKL for what suits neither
    "tiles": "x86-64-v3",  # AVX2: tiles, and Eigen for the rest
    "eigen": "x86-64",  # Eigen alone
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def blas(request: pytest.FixtureRequest, native: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module with each of the ways to multiply."""
    if request.param == "mkl":
        if not find_mkl().found:
            pytest.skip("MKL is not installed here")
        assert native.info()["blas"] == "MKL" and native.info()["note"] == ""
        return native
    if platform.machine() != "x86_64" or native.info()["instructions"] not in ("AVX2", "AVX-512"):
        pytest.skip("these architectures are not this machine's")
    chosen = Settings(architecture=ARCHITECTURES[request.param], blas="eigen")
    module = load(build(tmp_path_factory.mktemp(request.param), chosen))
    assert module.info()["blas"] == "Eigen" and "built without a BLAS" in module.info()["note"]
    return module


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "size",
    [
        (1, 1, 1),
        (5, 3, 4),
        (64, 1, 32),
        (1, 50, 7),
        (9, 50, 1),
        (0, 3, 4),
        (3, 0, 4),
        (3, 4, 0),
        (0, 0, 0),
        (130, 70, 65),
    ],
)
def test_products(size: tuple[int, int, int], dtype: Any, blas: ModuleType) -> None:
    m, k, n = size
    generator = np.random.default_rng(0)
    a, b, c = (generator.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    p, *others = blas.products(a, b, c, 0.5, -2.0)
    tolerance = 4 * np.finfo(dtype).eps * max(k, 1)
    np.testing.assert_allclose(p, a @ b, atol=tolerance * 10, rtol=tolerance)
    for result in others:
        np.testing.assert_allclose(result, 0.5 * (a @ b) - 2 * c, atol=tolerance * 10, rtol=tolerance)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Sizes at and around multiples of registers and tiles, and any others."""
    edges = [0, 1, 7, 8, 9, 13, 14, 15, 16, 17, 31, 32, 33, 96, 104, 105, 112, 113, 128]
    return st.sampled_from([e for e in edges if e <= largest]) | st.integers(0, largest)


@pytest.mark.parametrize("dtype", DTYPES)
@given(m=sizes(130), k=sizes(1100), n=sizes(130), threads=st.sampled_from([1, 2, 3]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_products_of_any_size(m: int, k: int, n: int, threads: int, dtype: Any, blas: ModuleType) -> None:
    """Against integers, which every order of summation gets exactly right, whatever the number of threads."""
    generator = np.random.default_rng(m + 1000 * k + n)
    a, b, c = (generator.integers(-4, 5, s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    exact = a @ b
    blas.set_threads(threads)
    try:
        p, *others = blas.products(a, b, c, 0.5, -2.0)
        e, r = blas.accumulated(a.T.copy(), b, c, 0.5, -2.0)
    finally:
        blas.set_threads(0)
    np.testing.assert_array_equal(p, exact)
    np.testing.assert_array_equal(e, exact)
    for result in (*others, r):
        np.testing.assert_array_equal(result, 0.5 * exact - 2 * c)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_do_not_depend_on_the_number_of_threads(dtype: Any, native: ModuleType) -> None:
    if native.info()["instructions"] != "AVX-512":
        pytest.skip("the library's products may depend on it")
    generator = np.random.default_rng(0)
    a, b, c = (generator.standard_normal(s).astype(dtype) for s in ((100, 700), (700, 300), (100, 300)))
    found = []
    try:
        for threads in (1, 2, 3):
            native.set_threads(threads)
            found.append(native.products(a, b, c, 0.5, -2.0)[:3] + native.accumulated(a.T.copy(), b, c, 0.5, -2.0))
    finally:
        native.set_threads(0)
    for several in found[1:]:
        for one, other in zip(found[0], several, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(3, 4, 5), (33, 40, 70), (100, 20, 29)])
def test_nan_and_infinity_reach_what_they_should(size: tuple[int, int, int], dtype: Any, blas: ModuleType) -> None:
    m, k, n = size
    generator = np.random.default_rng(0)
    a, b, c = (generator.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    a[m // 2, k - 1] = np.nan
    b[0, n - 1] = np.inf
    c[m - 1, 0] = -np.inf
    with np.errstate(invalid="ignore"):
        exact = a @ b
        p, *others = blas.products(a, b, c, 1.0, 2.0)
        e, r = blas.accumulated(a.T.copy(), b, c, 1.0, 2.0)
        for result, expected in ((p, exact), (e, exact), *((x, exact + 2 * c) for x in (*others, r))):
            np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
            infinite = np.isinf(expected)
            np.testing.assert_array_equal(result[infinite], expected[infinite])
            assert np.all(np.isfinite(result[np.isfinite(expected)]))


def test_a_product_with_beta_zero_ignores_what_was_there(blas: ModuleType) -> None:
    for m, n in ((3, 2), (20, 40)):
        a, b = np.ones((m, 16)), np.ones((16, n))
        for k in (16, 4, 0):
            outs = tuple(np.full((m, n), np.nan) for _ in range(4))
            p, *others = blas.products(a[:, :k].copy(), b[:k], np.full((m, n), np.nan), 1.0, 0.0, out=outs)
            for result in (p, *others):
                np.testing.assert_array_equal(result, np.full((m, n), float(k)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_gathering_and_its_adjoint(dtype: Any, native: ModuleType) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((6, 5)).astype(dtype)
    rows, columns = generator.integers(0, 6, (9, 1)), generator.integers(0, 5, (1, 7))
    by_row, by_column = native.gathered(x, rows, columns)
    np.testing.assert_array_equal(by_row, x[rows[:, 0]])
    np.testing.assert_array_equal(by_column, x[:, columns[0]])
    g, h = generator.standard_normal((9, 5)).astype(dtype), generator.standard_normal((6, 7)).astype(dtype)
    r, c = native.scattered(rows, columns, g, h)
    expected = np.zeros((6, 5)), np.zeros((6, 5))
    np.add.at(expected[0], rows[:, 0], g)
    for j, column in enumerate(columns[0]):
        expected[1][:, column] += h[:, j]
    np.testing.assert_allclose(r, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(c, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("index", [-1, 6, 2**40])
def test_indices_out_of_range(index: int, native: ModuleType) -> None:
    rows, columns = np.array([[0], [index]]), np.zeros((1, 1), np.int64)
    with pytest.raises(IndexError, match=rf"gathered: index {index} at position 1 is not between 0 and 5"):
        native.gathered(np.zeros((6, 5)), rows, columns)
    with pytest.raises(IndexError, match="scattered"):
        native.scattered(rows, columns, np.zeros((2, 5)), np.zeros((6, 1)))


def test_activations_as_arguments(native: ModuleType) -> None:
    x = np.array([[-2.0, 0.0, 3.0]])
    y, d = native.activated(x, ("ReLU", ()))
    np.testing.assert_array_equal(y, [[0, 0, 3]])
    np.testing.assert_array_equal(d, [[0, 1, 1]])
    y, d = native.activated(x, ("LeakyReLU", (0.5,)))
    np.testing.assert_array_equal(y, [[-1, 0, 3]])
    np.testing.assert_array_equal(d, [[0.5, 1, 1]])
