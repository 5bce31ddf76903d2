"""Kernels of a compiled package in printed form: the typed input of `eqgen.backends.native_text`.

A kernel is a function over matrices with symbolic sizes. What stands here is decided by the lowering; the C, C++ and
table forms of a signature are derived from it in one place, so that they cannot disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["input", "index", "activation", "number", "output", "pattern"]

_RUNTIME = """
    i j k eqgen Activation Arity As Bits ConstMatrix Factor Format Index Indices Matrix Near NotDeduced Plain
    Scalar Range Tile Value Workspace abs apply apply_gradient call check check_indices column_gather
    column_scatter_add columns_max columns_sum elements_sum each_rows elementwise erf erfc exp expm1 floor gemm
    guarded inv_sqrt log log1p log_sigmoid max min Pattern parallel_for parallel_ranges pi power
    product_epilogue product_tiles reciprocal reduce_columns reinterpret row_gather row_scatter_add Rows rows
    rows_max rows_sum run_guarded sampled_product series sparse_product sparse_transposed_product transpose
    set_threads sigmoid sign softplus sqrt square sum_range max_range lanes_sum sum_lanes tanh threads unpack
    view where workspace
"""
"""Names of `templates/cpp/src`, and of the positions in the lambdas of kernel bodies."""

_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
    concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default
    delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq
"""
"""Words of C++20 and of C."""

_MACROS = """
    I NULL EOF NAN INFINITY HUGE HUGE_VAL M_PI M_E DOMAIN OVERFLOW UNDERFLOW linux unix assert errno stdin stdout
    stderr
"""
"""Macros of the standard headers, which rewrite a name wherever it stands."""

RESERVED = frozenset(f"{_RUNTIME} {_KEYWORDS} {_MACROS}".split())
"""Names that a matrix, number or size cannot have in C++ text."""


def identifier(name: str) -> str:
    """The name in C++ text: as it is, or with `_` behind it where it would be reserved: `T` stays, `exp` is `exp_`.

    Leading and double underscores, which C++ keeps for the compiler, are removed first.
    """
    plain = re.sub(r"__+", "_", name).lstrip("_") or "x"
    return plain + "_" if plain in RESERVED or plain != name else plain


@dataclass(frozen=True, slots=True)
class KernelArgument:
    """An argument or result. `rows` and `columns` are names of sizes or digits; empty for activations and numbers."""

    kind: Kind
    name: str
    rows: str = ""
    columns: str = ""

    @property
    def is_matrix(self) -> bool:
        return self.kind in ("input", "index", "output")


@dataclass(frozen=True, slots=True)
class Temporary:
    """A matrix that lives during one call; its entries are undefined at first."""

    name: str
    rows: str
    columns: str


@dataclass(frozen=True, slots=True)
class KernelText:
    """One kernel. All names are C++ identifiers already (see `identifier`).

    name         `softmax_forward`
    summary      one line: `Softmax, forward (softmax.eq:1)`
    sizes        symbolic sizes, in the order of `dims`
    arguments    inputs, indices and patterns, activations, numbers, then outputs
    temporaries  matrices of the workspace, in the order of their first use
    statements   lines of C++, with each equation and its place as a comment above what it became
    """

    name: str
    summary: str
    sizes: tuple[str, ...]
    arguments: tuple[KernelArgument, ...]
    temporaries: tuple[Temporary, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActivationEntry:
    """An activation that layers take as an argument: kernels `function(X, *numbers) -> Y` and its derivative."""

    name: str
    function: str
    gradient: str
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitText:
    """A translation unit: `layers` becomes `layers.cpp`.

    is_declared   whether its kernels stand in the headers; the others can be called by the Python module alone, and
                  leave all other units as they are
    """

    name: str
    title: str
    kernels: tuple[KernelText, ...]
    is_declared: bool = True


@dataclass(frozen=True, slots=True)
class NativeText:
    """A compiled package.

    package      stem of its file names, `eqgen_cpp`
    title        one line for the head of each file
    version      what `info()` reports
    prefix       what the names of the C interface begin with, `eqgen`
    module       name of the Python extension module, `_kernels`
    units        the kernels; few units, since each costs a second for Eigen's headers alone
    activations  in the order of their numbers
    """

    package: str
    title: str
    version: str
    prefix: str
    module: str
    units: tuple[UnitText, ...]
    activations: tuple[ActivationEntry, ...] = ()
