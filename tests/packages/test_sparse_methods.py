"""What multiplies sparse matrices in the NumPy package: SciPy, NumPy alone, MKL; all give the same.

MKL's symbols are global once it is loaded, and would be found by what other tests load: it is tested in a process of
its own, which runs the tests of this file once more.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from tests.packages.backends import load
from tests.packages.test_sparse_layers import compare
from tests.packages.test_sparse_properties import Case, cases

WITH_MKL = "EQGEN_TEST_SPARSE_MKL"
METHODS = ["mkl"] if WITH_MKL in os.environ else ["numpy", "scipy"]


@pytest.fixture
def products() -> Iterator[ModuleType]:
    """The module; what multiplies is afterwards what it was."""
    module = importlib.import_module("eqgen_numpy.sparse_products")
    before = module.used()
    yield module
    module.use(before)


def use(products: Any, name: str) -> None:
    """Choose a method, or skip with the reason why it is not here."""
    if name == "mkl" and importlib.util.find_spec("torch") is not None:
        importlib.import_module("torch")  # must come first
    try:
        products.use(name)
    except RuntimeError as error:
        pytest.skip(str(error))
    assert products.used() == name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_are_masked_dense_ones_by_every_method(products: ModuleType, method: str, dtype: str) -> None:
    use(products, method)

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cases())
    def check(case: Case) -> None:
        compare(load("numpy"), "Linear", case.mask, case.rows, case.seed, dtype)

    check()


def matrix(p: Any, K: int, D: int, density: float, dtype: str) -> tuple[Any, NDArray[Any]]:
    pattern = p.Pattern.random((K, D), density, 1)
    values = np.random.default_rng(2).integers(-9, 10, (1, pattern.count)).astype(dtype)
    return pattern, values


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("density", [0.0, 0.01, 1.0])
@pytest.mark.parametrize(("K", "D", "N"), [(1, 1, 1), (200, 300, 100), (7, 900, 17), (5, 4, 0)])
def test_products_are_exact_on_integers(
    products: Any, method: str, dtype: str, density: float, K: int, D: int, N: int
) -> None:
    use(products, method)
    p = load("numpy")
    pattern, values = matrix(p, K, D, density, dtype)
    S, dense = products.indices(pattern), np.zeros((K, D), dtype)
    dense[pattern.mask()] = values[0]
    rng = np.random.default_rng(3)
    B, C = (rng.integers(-9, 10, (rows, N)).astype(dtype) for rows in (D, K))
    for function, operand, expected in (
        (products.sparse_product, B, dense @ B),
        (products.sparse_transposed_product, C, dense.T @ C),
    ):
        found = function(values, S, operand)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(function(values, S, np.asfortranarray(operand)), expected)
        out = np.full(expected.shape, np.nan, dtype)  # what was there does not matter
        assert function(values, S, operand, out) is out
        np.testing.assert_array_equal(out, expected)
        apart = np.full((*expected.shape, 2), np.nan, dtype)[..., 0]  # entries with gaps
        function(values, S, operand, apart)
        np.testing.assert_array_equal(apart, expected)


@pytest.mark.parametrize("method", METHODS)
def test_values_may_change_and_indices_may_be_wide(products: Any, method: str) -> None:
    use(products, method)
    pattern, values = matrix(load("numpy"), 20, 30, 0.3, "float64")
    S, B = products.indices(pattern), np.eye(30)
    before = products.sparse_product(values, S, B)
    values *= 2
    np.testing.assert_array_equal(products.sparse_product(values, S, B), 2 * before)
    wide = type(S)(S.shape, *(array.astype(np.int64) for array in S[1:]))
    np.testing.assert_array_equal(products.sparse_product(values, wide, B), 2 * before)
    np.testing.assert_array_equal(products.sparse_transposed_product(values, wide, np.eye(20)), 2 * before.T)


@pytest.mark.parametrize("method", METHODS)
def test_nan_and_infinity_pass_by_what_is_not_stored(products: Any, method: str) -> None:
    use(products, method)
    S = products.indices(load("numpy").Pattern.of_mask([[1, 0, 1], [0, 1, 0]]))
    B = np.array([[np.inf, 1.0], [2.0, np.nan], [3.0, 4.0]])
    found = products.sparse_product(np.array([[1.0, 2.0, 3.0]]), S, B)
    np.testing.assert_array_equal(found, [[np.inf, 9.0], [6.0, np.nan]])


def test_mkl_gives_the_same_in_a_process_of_its_own() -> None:
    if WITH_MKL in os.environ:
        pytest.skip("this is that process")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "mkl", __file__],
        capture_output=True,
        text=True,
        env={**os.environ, WITH_MKL: "1"},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped)", done.stdout.splitlines()[-1])}
    if "passed" not in counts:
        pytest.skip(done.stdout)
    assert counts["passed"] >= 25


def test_a_method_that_is_none_is_refused(products: Any) -> None:
    with pytest.raises(ValueError, match="sparse products by 'blas', expected one of scipy, numpy, mkl"):
        products.use("blas")


def in_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(load("numpy").__file__).parents[1]), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_mkl_or_cffi_it_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys, {first}
import eqgen_numpy.sparse_products as products
try:
    products.use("mkl")
except RuntimeError as error:
    print(error, products.used())
"""
    assert "pip install mkl, or set MKLROOT" in in_process(code.format(first="os"), MKLROOT=str(tmp_path))
    blocked = code.replace("import sys, {first}", "import sys; sys.modules['cffi'] = None").replace(
        "import eqgen_numpy",
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'cffi' else f(n, *a)\n"
        "import eqgen_numpy",
        1,
    )
    assert "pip install cffi mkl" in in_process(blocked)


def test_pytorch_must_come_first() -> None:
    """A PyTorch that came later would call this MKL's functions rather than those of its own."""
    if importlib.util.find_spec("torch") is None or not importlib.import_module("eqgen_numpy.mkl").find():
        pytest.skip("PyTorch or MKL is not installed here")
    code = """
import eqgen_numpy.sparse_products as products
try:
    products.use("mkl")
except RuntimeError as error:
    print(error)
"""
    assert in_process(code).startswith("import torch first: PyTorch has an MKL of its own")
    runtimes = """
import torch, numpy as np, eqgen_numpy as nn
nn.sparse_products.use("mkl")
layer = nn.SparseLinearLayer(30, 20, 0.2)
assert np.isfinite(layer.feedforward(np.ones((5, 30), np.float32))).all()
x = torch.arange(12.0).reshape(3, 4)
assert (x @ x.T)[2, 2] == 366
with open("/proc/self/maps") as maps:
    print(*sorted({line.split()[-1] for line in maps if any(n in line for n in ("gomp", "iomp", "libomp"))}))
"""
    assert len(in_process(runtimes).split()) <= 1
