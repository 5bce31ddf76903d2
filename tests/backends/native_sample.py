"""A small compiled package, written by hand: one kernel for each thing that the templates' runtime offers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from eqgen.backends.compile import Compiled, Settings, compile_extension
from eqgen.backends.native import ActivationEntry, KernelArgument, KernelText, NativeText, Temporary, UnitText
from eqgen.backends.native_text import render


def matrix(kind: Any, name: str, rows: str, columns: str) -> KernelArgument:
    return KernelArgument(kind, name, rows, columns)


def kernel(name: str, sizes: str, arguments: str, *statements: str, temporaries: str = "") -> KernelText:
    """`X: N D -> Y: N 1`; indices are marked by `#`, numbers and activations have no shape (`a`, `act!`)."""
    given, _, results = arguments.partition(" -> ")

    def parse(text: str, kind: Any) -> list[KernelArgument]:
        found = []
        for item in filter(None, text.split(", ")):
            head, _, shape = item.partition(": ")
            if not shape:
                found.append(KernelArgument("activation" if head.endswith("!") else "number", head.rstrip("!")))
            else:
                found.append(matrix("index" if head.endswith("#") else kind, head.rstrip("#"), *shape.split()))
        return found

    held = tuple(Temporary(a.name, a.rows, a.columns) for a in parse(temporaries, "input"))
    return KernelText(
        name,
        f"{name} (test.eq:1)",
        tuple(sizes.split()),
        (*parse(given, "input"), *parse(results, "output")),
        held,
        statements,
    )


def entrywise(name: str, text: str, numbers: tuple[str, ...] = ()) -> KernelText:
    given = ", ".join(["X: M N", *numbers])
    return kernel(
        name,
        "M N",
        f"{given} -> Y: M N",
        "elementwise(M * N, [&](Index k) {",
        "const Scalar x = X(k);",
        f"Y(k) = {text};",
        "});",
    )


_FUNCTIONS = """
    exp expm1 log log1p tanh sigmoid softplus log_sigmoid erf erfc sign abs floor square reciprocal sqrt inv_sqrt
"""
FUNCTIONS = _FUNCTIONS.split()
POWERS = {
    "cube": "power<3>(x)",
    "inverse_square": "power<-2>(x)",
    "three_halves": "power<3, 2>(x)",
    "cube_root": "power<1, 3>(x)",
    "one": "power<0>(x)",
}

KERNELS = (
    *(entrywise(f"each_{name}", f"{name}(x)") for name in FUNCTIONS),
    *(entrywise(name, text) for name, text in POWERS.items()),
    entrywise("power_of", "power(x, p)", ("p",)),
    entrywise("relu", "max(Scalar(0), x)"),
    entrywise("relu_gradient", "where(x < 0, Scalar(0), 1)"),
    entrywise("leaky_relu", "max(alpha * x, x)", ("alpha",)),
    entrywise("leaky_relu_gradient", "where(x < alpha * x, alpha, 1)", ("alpha",)),
    kernel(
        "extremes",
        "M N",
        "X: M N, Y: M N -> L: M N, S: M N",
        "elementwise(M * N, [&](Index k) {",
        "L(k) = max(X(k), Y(k));",
        "S(k) = min(X(k), Y(k));",
        "});",
    ),
    kernel(
        "reductions",
        "M N",
        "X: M N -> rs: M 1, cs: 1 N, rm: M 1, cm: 1 N, s: 1 1, p: 1 1",
        "rows_sum(N, rs, [&](Index i, Index j) { return X(i, j); });",
        "columns_sum(M, cs, [&](Index i, Index j) { return X(i, j); });",
        "rows_max(N, rm, [&](Index i, Index j) { return X(i, j); });",
        "columns_max(M, cm, [&](Index i, Index j) { return X(i, j); });",
        "elements_sum(M * N, s, [&](Index k) { return X(k); });",
        "elements_sum(M, N, p, [&](Index i, Index j) { return X(i, j) * X(i, j); });",
    ),
    kernel(
        "products",
        "M K N",
        "A: M K, B: K N, C: M N, a, b -> P: M N, Q: M N, R: M N, S: M N",
        "elementwise(M * N, [&](Index k) {",
        "Q(k) = C(k);",
        "R(k) = C(k);",
        "S(k) = C(k);",
        "});",
        "gemm(1, A, B, 0, P);",
        "At = A.transpose();",
        "Bt = B.transpose();",
        "gemm(a, At.transpose(), B, b, Q);",
        "gemm(a, A, Bt.transpose(), b, R);",
        "gemm(a, At.transpose(), Bt.transpose(), b, S);",
        temporaries="At: K M, Bt: N K",
    ),
    kernel(
        "accumulated",
        "M K N",
        "At: K M, B: K N, C: M N, a, b -> E: M N, R: M N",
        "elementwise(M * N, [&](Index k) { R(k) = C(k); });",
        "product_epilogue<Scalar>(At.transpose(), B, [&](Index i, Index j, Scalar c) {",
        "R(i, j) = a * c + b * R(i, j);",
        "}, R);",
        "product_epilogue<Scalar>(At.transpose(), B, [&](Index i, Index j, Scalar c) { E(i, j) = c; });",
    ),
    kernel(
        "gathered",
        "V W M N",
        "X: V W, rows#: M 1, columns#: 1 N -> R: M W, C: V N",
        "row_gather(X, rows, R);",
        "column_gather(X, columns, C);",
    ),
    kernel(
        "scattered",
        "V W M N",
        "rows#: M 1, columns#: 1 N, G: M W, H: V N -> R: V W, C: V W",
        "row_scatter_add(rows, G, R);",
        "column_scatter_add(columns, H, C);",
    ),
    kernel("activated", "M N", "X: M N, act! -> Y: M N, D: M N", "apply(act, X, Y);", "apply_gradient(act, X, D);"),
    kernel("filled", "M N", "c -> Y: M N", "elementwise(M * N, [&](Index k) { Y(k) = c; });"),
    kernel(
        "axpy",
        "M N",
        "X: M N, Y: M N, a -> Z: M N",
        "elementwise(M * N, [&](Index k) { Z(k) = a * X(k) + Y(k); });",
    ),
    kernel(
        "ignoring", "N D K", "X: N D, unused: K K, p -> Y: N 1", "elementwise(N, [&](Index k) { Y(k) = Scalar(D); });"
    ),
)
NATIVE = NativeText(
    "sample_cpp",
    "sample_cpp",
    "0.1.2",
    "sample",
    "_sample",
    (UnitText("sample", "kernels of the tests", KERNELS),),
    (
        ActivationEntry("ReLU", "relu", "relu_gradient"),
        ActivationEntry("LeakyReLU", "leaky_relu", "leaky_relu_gradient", ("alpha",)),
    ),
)


DEFAULT = Settings()


def build(folder: Path, settings: Settings = DEFAULT) -> Compiled:
    return compile_extension(render(NATIVE), folder, "_sample", settings, library="sample_cpp")


def load(built: Compiled) -> ModuleType:
    # pybind11 keeps modules by their full names: two builds in one process need two.
    spec = importlib.util.spec_from_file_location(f"{built.module.parent.name}._sample", built.module)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
