"""How compiled kernels are called: from Python with every check, from C, and beside another framework."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eqgen.backends.compile import Compiled
from eqgen.backends.native import RESERVED, identifier
from eqgen.backends.native_text import render
from tests.backends.native_sample import KERNELS, NATIVE, build, load

Array = NDArray[Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return build(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def native(built: Compiled) -> ModuleType:
    return load(built)


def in_process(code: str) -> str:
    """What a program says that must have a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- the Python interface --------------------------------------------------------------------------------

A = np.ones((4, 3), np.float32)


def read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


WRONG: list[tuple[Callable[[ModuleType], object], type[Exception], str]] = [
    (
        lambda m: m.axpy(A, A),
        TypeError,
        r"axpy: expected 3 arguments, found 2; axpy\(X: M x N, Y: M x N, a, \*, out=None\) -> Z: M x N",
    ),
    (lambda m: m.axpy(A.tolist(), A, 1), TypeError, "axpy: argument 'X': expected a NumPy array, M x N, found list"),
    (
        lambda m: m.axpy(A, A.astype(np.float64), 1),
        TypeError,
        "argument 'Y': expected float32, the type of 'X', found float64",
    ),
    (lambda m: m.axpy(A.astype(np.int32), A, 1), TypeError, "argument 'X': expected float32 or float64, found int32"),
    (lambda m: m.axpy(A.astype(np.float16), A, 1), TypeError, "found float16"),
    (lambda m: m.axpy(A.astype(">f4"), A, 1), TypeError, "found >f4"),
    (lambda m: m.axpy(A.astype(object), A, 1), TypeError, "found object"),
    (
        lambda m: m.axpy(A, A[:3], 1),
        ValueError,
        r"argument 'Y': expected M x N, M = 4 by 'X', N = 3 by 'X'; found shape \(3, 3\)",
    ),
    (lambda m: m.axpy(A[0], A, 1), ValueError, r"argument 'X': expected two dimensions, M x N, found shape \(3,\)"),
    (lambda m: m.axpy(A[None], A, 1), ValueError, "expected two dimensions"),
    (
        lambda m: m.axpy(np.asfortranarray(A), A, 1),
        ValueError,
        r"'X': expected an aligned array in row-major order without gaps, found strides \(4, 16\)",
    ),
    (lambda m: m.axpy(A[::2], A[::2], 1), ValueError, r"pass numpy\.ascontiguousarray\(X\)"),
    (lambda m: m.axpy(A, A[:, ::-1], 1), ValueError, "'Y': expected an aligned array"),
    (
        lambda m: m.axpy(np.frombuffer(bytes(49), np.uint8)[1:].view(np.float32).reshape(4, 3), A, 1),
        ValueError,
        "aligned",
    ),
    (lambda m: m.axpy(A, A, "much"), TypeError, "argument 'a': expected a number, found str"),
    (
        lambda m: m.axpy(A, A, 1, out=np.ones((3, 4), np.float32)),
        ValueError,
        r"output 'Z': expected M x N, .*; found shape \(3, 4\)",
    ),
    (lambda m: m.axpy(A, A, 1, out=read_only(A)), ValueError, "output 'Z': expected a writeable array"),
    (
        lambda m: m.axpy(A, A, 1, out=np.ones((4, 3))),
        TypeError,
        "output 'Z': expected float32, the type of 'X', found float64",
    ),
    (lambda m: m.axpy(A, A, 1, out=(A, A)), TypeError, "axpy: out: expected 1 arrays or None"),
    (lambda m: m.axpy(A, A, 1, into=A), TypeError, "axpy: unexpected keyword 'into'"),
    (lambda m: m.extremes(A, A, out=A.copy()), TypeError, "extremes: out: expected 2 arrays"),
    (
        lambda m: m.gathered(A, np.zeros((2, 1)), np.zeros((1, 2), np.int64)),
        TypeError,
        "argument 'rows': expected integers, int64, found float64",
    ),
    (
        lambda m: m.gathered(A, np.zeros((2, 1), np.int32), np.zeros((1, 2), np.int64)),
        TypeError,
        "expected integers, int64, found int32",
    ),
    (
        lambda m: m.gathered(A, np.zeros((1, 2), np.int64), np.zeros((1, 2), np.int64)),
        ValueError,
        r"expected M x 1; found shape \(1, 2\)",
    ),
    (lambda m: m.filled(1.0, M=2, N=2), TypeError, "no argument tells whether the result is float32 or float64"),
    (lambda m: m.filled(1.0, out=None), TypeError, "size M does not follow from the arguments; pass M="),
    (lambda m: m.filled(1.0, M=2, N=-2, out=A.copy()), ValueError, "output 'Y': expected M x N"),
    (
        lambda m: m.activated(A, "ReLU"),
        TypeError,
        r"argument 'act': expected an activation, \(name, numbers\), found 'ReLU'",
    ),
    (
        lambda m: m.activated(A, ("Unknown", ())),
        ValueError,
        "argument 'act': expected one of ReLU, LeakyReLU; found Unknown",
    ),
    (lambda m: m.activated(A, ("LeakyReLU", ())), ValueError, "LeakyReLU takes 1 numbers, found 0"),
    (lambda m: m.set_threads(-1), ValueError, "the number of threads is negative"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[str(k) for k in range(len(WRONG))])
def test_wrong_calls_say_what_was_found_and_what_was_expected(
    call: Any, error: type[Exception], message: str, native: ModuleType
) -> None:
    with pytest.raises(error, match=message):
        call(native)


def test_outputs_can_be_given_and_are_filled_in_place(native: ModuleType) -> None:
    x, y = np.full((2, 3), 2.0), np.ones((2, 3))
    out = np.empty((2, 3))
    assert native.axpy(x, y, 3.0, out=out) is out
    np.testing.assert_array_equal(out, np.full((2, 3), 7.0))
    assert native.axpy(x, y, 3.0, out=y) is y
    np.testing.assert_array_equal(y, np.full((2, 3), 7.0))
    large, small = native.extremes(x, y, out=(None, out))
    assert small is out and large is not out
    np.testing.assert_array_equal(native.filled(4.0, out=out), np.full((2, 3), 4.0))
    x, y = np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])
    large, small = native.extremes(x, y, out=(None, x))
    assert small is x and np.array_equal(x, [[1, 2]]) and np.array_equal(large, [[3, 5]])


def test_outputs_may_not_share_memory(native: ModuleType) -> None:
    memory = np.ones((5, 3))
    x, shifted = memory[:4], memory[1:]
    with pytest.raises(ValueError, match=r"output 'Z': expected an array apart from the arguments"):
        native.axpy(x, x, 1.0, out=shifted)
    with pytest.raises(ValueError, match="output 'L': expected an array apart"):
        native.extremes(x, x.copy(), out=(x, None))
    with pytest.raises(ValueError, match="output 'S': expected an array of its own"):
        native.extremes(x.copy(), x.copy(), out=(x, shifted))


def test_unused_arguments_are_checked_all_the_same(native: ModuleType) -> None:
    np.testing.assert_array_equal(native.ignoring(np.ones((2, 7)), np.ones((3, 3)), 0.0), [[7], [7]])
    with pytest.raises(ValueError, match="'unused': expected K x K; found"):
        native.ignoring(np.ones((2, 7)), np.ones((3, 4)), 0.0)


def test_documentation_and_information(native: ModuleType) -> None:
    assert native.axpy.__doc__.startswith("axpy(X: M x N, Y: M x N, a, *, out=None) -> Z: M x N")
    info = native.info()
    assert info["version"] == "0.1.2" and info["threads"] >= 1 and info["blas_version"]
    assert re.match(r"(g|clang)\+\+ \d+\.\d+", info["compiler"])


BOTH = """
import numpy as np
x = np.random.default_rng(0).standard_normal((300, 200)).astype("f4")
p, *_ = _sample.products(x, x.T.copy(), np.zeros((300, 300), "f4"), 1.0, 0.0)
t = torch.from_numpy(x) @ torch.from_numpy(x).T
assert np.allclose(p, t.numpy(), atol=1e-3)
with open("/proc/self/maps") as maps:
    print(*{line.split()[-1] for line in maps if any(name in line for name in ("gomp", "iomp", "libomp"))})
"""


@pytest.mark.parametrize("first", ["torch", "native"])
def test_it_shares_a_process_with_torch(first: str, built: Compiled) -> None:
    """Both link an OpenMP runtime; there may be only one of them, whichever comes first."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed here")
    imports = ["import torch", f"sys.path.insert(0, {str(built.module.parent)!r}); import _sample"]
    code = "\n".join(["import sys", *(imports if first == "torch" else reversed(imports)), BOTH])
    runtimes = in_process(code).split()
    if _sample_is_built_by_gcc(built):
        assert len(runtimes) == 1, runtimes


def _sample_is_built_by_gcc(built: Compiled) -> bool:
    return str(load(built).info()["compiler"]).startswith("g++")


# --- the C interface -------------------------------------------------------------------------------------


def header() -> str:
    """The declarations of the C header as cffi takes them."""
    text = re.sub(r"/\*.*?\*/", "", render(NATIVE)["sample_cpp.h"], flags=re.DOTALL)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", "", text, flags=re.DOTALL)
    return re.sub(r"^#.*$", "", text, flags=re.MULTILINE).replace("SAMPLE_API ", "")


def test_the_library_is_called_through_c(built: Compiled) -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef(header())
    library = ffi.dlopen(str(built.library))

    def pointer(array: Array) -> Any:
        return ffi.cast("float*" if array.dtype == np.float32 else "double*", ffi.from_buffer(array))

    for dtype, function in ((np.float32, library.sample_axpy_f32), (np.float64, library.sample_axpy_f64)):
        x, y, z = np.full((2, 3), 2, dtype), np.ones((2, 3), dtype), np.empty((2, 3), dtype)
        assert function(2, 3, pointer(x), pointer(y), 3.0, pointer(z)) == library.SAMPLE_OK
        np.testing.assert_array_equal(z, np.full((2, 3), 7))
        assert function(2, -3, pointer(x), pointer(y), 3.0, pointer(z)) == library.SAMPLE_INVALID_ARGUMENT
        assert re.fullmatch(rb"axpy: [XYZ] has a negative size", ffi.string(library.sample_last_error()))
        assert function(2, 3, pointer(x), ffi.NULL, 3.0, pointer(z)) == library.SAMPLE_INVALID_ARGUMENT
        assert ffi.string(library.sample_last_error()) == b"axpy: Y is a null pointer"
        assert function(0, 3, ffi.NULL, ffi.NULL, 3.0, ffi.NULL) == library.SAMPLE_OK
    wrong = ffi.new("sample_activation*", {"id": 99, "numbers": ffi.NULL})
    assert (
        library.sample_activated_f64(2, 3, pointer(x), wrong, pointer(y), pointer(z)) == library.SAMPLE_INVALID_ARGUMENT
    )
    leaky = ffi.new(
        "sample_activation*", {"id": library.SAMPLE_ACTIVATION_LEAKY_RELU, "numbers": ffi.new("double[]", [0.5])}
    )
    assert library.sample_activated_f64(2, 3, pointer(-x), leaky, pointer(y), pointer(z)) == 0
    np.testing.assert_array_equal(y, np.full((2, 3), -1))
    count = ffi.new("int64_t*")
    table = library.sample_kernels(count)
    names = [ffi.string(table[k].name).decode() for k in range(count[0])]
    assert names == [k.name for k in KERNELS]
    assert library.sample_unsupported() == ffi.NULL


PROGRAM = """\
#include "sample_cpp.h"
#include <stdio.h>

int main(void) {
    double x[2] = {1, 2}, y[2] = {10, 20}, z[2];
    sample_information about;
    sample_info(&about);
    if (sample_axpy_f64(1, 2, x, y, 2.0, z) != SAMPLE_OK) return 1;
    printf("%s %g %g\\n", about.version, z[0], z[1]);
    return 0;
}
"""


def test_the_header_is_plain_c(tmp_path: Path, built: Compiled) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    (tmp_path / "sample_cpp.h").write_text(render(NATIVE)["sample_cpp.h"])
    (tmp_path / "main.c").write_text(PROGRAM)
    library = built.library
    command = [compiler, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    command += [
        f"-L{library.parent}",
        f"-l:{library.name}",
        f"-Wl,-rpath,{library.parent}",
        "-Wl,--allow-shlib-undefined",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True)
    assert done.stdout == "0.1.2 12 24\n"


def test_sources_do_not_depend_on_the_hash_seed() -> None:
    code = "from tests.backends.native_sample import *; print(render(NATIVE))"
    root = Path(__file__).parents[2]
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1] and len(texts[0]) > 10000


def test_sources_are_complete_text() -> None:
    for name, text in render(NATIVE).items():
        assert text.endswith("\n") and "\t" not in text, name
        assert not re.search(r"{{ |{%", text), name


def test_identifiers_avoid_what_cpp_keeps_for_itself() -> None:
    assert [identifier(n) for n in ("X", "T", "delta_", "exp", "i", "class", "__x", "a__b")] == [
        "X",
        "T",
        "delta_",
        "exp_",
        "i_",
        "class_",
        "x_",
        "a_b_",
    ]
    assert "gemm" in RESERVED and identifier("gemm") == "gemm_"
