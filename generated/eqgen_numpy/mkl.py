"""MKL's products of sparse matrices, called through cffi: two optional packages, loaded when somebody asks for them.

MKL's parts find each other by global symbols only, so a library with an MKL of its own that comes into the process
later would call this one. PyTorch is such a library, and must be imported first where it is installed. Of MKL's threads
none are used: no OpenMP runtime comes into the process.
"""

from __future__ import annotations

import importlib.util
import os
import re
import site
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .runtime import Matrix

PARTS = ("mkl_core", "mkl_sequential", "mkl_intel_lp64")
"""In the order in which they are loaded: the kernels, no threads, the interface with 32-bit sizes."""

DECLARATIONS = """
typedef struct { int type, mode, diag; } description;
int mkl_sparse_s_create_csr(void**, int base, int rows, int columns, int* begin, int* end, int* columns_, float*);
int mkl_sparse_d_create_csr(void**, int base, int rows, int columns, int* begin, int* end, int* columns_, double*);
int mkl_sparse_s_mm(int operation, float alpha, void* S, description, int layout, const float* B, int columns, int ldb,
                    float beta, float* C, int ldc);
int mkl_sparse_d_mm(int operation, double alpha, void* S, description, int layout, const double* B, int columns,
                    int ldb, double beta, double* C, int ldc);
int mkl_sparse_destroy(void*);
"""

FROM_ZERO, AS_IT_IS, GENERAL, ROW_MAJOR = 0, 10, 20, 101
"""Constants of mkl_spblas.h."""

LETTERS = {"float32": ("s", "float*"), "float64": ("d", "double*")}


@dataclass(frozen=True)
class Mkl:
    """The functions of MKL that are used.

    `product` makes a handle for each call: it refers to the caller's arrays, so that none can hold old values.
    """

    ffi: Any
    library: Any

    def product(
        self, values: NDArray[Any], pointers: NDArray[Any], numbers: NDArray[Any], B: Matrix, out: Matrix
    ) -> bool:
        """out = S B for S in compressed rows; whether matrices like these can be handed over, and it was done."""
        letter, pointer = LETTERS.get(out.dtype.name, ("", ""))
        if not letter or not values.dtype == B.dtype == out.dtype or pointers.dtype != np.int32:
            return False
        if not all(array.flags.c_contiguous for array in (values, pointers, numbers, B, out)):
            return False
        if 0 in (values.size, *B.shape, *out.shape):
            out[...] = 0
            return True
        if max(*B.shape, *out.shape) > np.iinfo(np.int32).max:
            return False
        ffi = self.ffi
        begin, columns = (ffi.cast("int*", ffi.from_buffer(array)) for array in (pointers, numbers))
        entries, right, result = (ffi.cast(pointer, ffi.from_buffer(array)) for array in (values, B, out))
        handle = ffi.new("void**")
        create = getattr(self.library, f"mkl_sparse_{letter}_create_csr")
        multiply = getattr(self.library, f"mkl_sparse_{letter}_mm")
        _succeed(create(handle, FROM_ZERO, out.shape[0], B.shape[0], begin, begin + 1, columns, entries))
        try:
            general, width = ffi.new("description*", (GENERAL, 0, 0))[0], B.shape[1]
            _succeed(multiply(AS_IT_IS, 1.0, handle[0], general, ROW_MAJOR, right, width, width, 0.0, result, width))
        finally:
            self.library.mkl_sparse_destroy(handle[0])
        return True


@cache
def load() -> Mkl:
    """MKL, after it has given the right result for a small product. RuntimeError with the reason and what helps."""
    if importlib.util.find_spec("cffi") is None:
        raise RuntimeError("MKL is called through cffi: pip install cffi mkl")
    files = find()
    if not files:
        raise RuntimeError("MKL is not in this environment: pip install mkl, or set MKLROOT")
    if "torch" not in sys.modules and importlib.util.find_spec("torch") is not None:
        raise RuntimeError("import torch first: PyTorch has an MKL of its own, and would call this one if it came last")
    import cffi

    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    library = [ffi.dlopen(str(file), ffi.RTLD_LAZY | ffi.RTLD_GLOBAL) for file in files][-1]
    found = Mkl(ffi, library)
    for dtype in LETTERS:
        result = np.full((2, 2), np.nan, dtype=dtype)
        values, B = np.array([2, 3, 4], dtype=dtype), np.arange(6, dtype=dtype).reshape(3, 2)
        pointers, numbers = np.array([0, 2, 3], dtype=np.int32), np.array([0, 2, 1], dtype=np.int32)
        if not found.product(values, pointers, numbers, B, result) or result.tolist() != [[12, 17], [8, 12]]:
            raise RuntimeError(f"MKL in {files[0].parent} gives a wrong product")
    return found


def find() -> list[Path]:
    """The files of MKL's parts, whatever their version: below MKLROOT, else in this environment; [] without them."""
    root = os.environ.get("MKLROOT")
    prefixes = [root] if root else [sys.prefix, site.getuserbase(), sys.base_prefix, "/opt/intel/oneapi/mkl/latest"]
    for prefix in prefixes:
        for folder in (Path(prefix, "lib"), Path(prefix, "lib", "intel64")):
            files = [max(folder.glob(f"lib{part}.so*"), key=_version, default=None) for part in PARTS]
            found = [file for file in files if file is not None]
            if len(found) == len(PARTS):
                return found
    return []


def _version(file: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", file.name.partition(".so")[2])]


def _succeed(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"MKL's sparse product ended with status {status} (sparse_status_t)")
