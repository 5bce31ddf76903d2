"""The C++ backend: kernels over matrices, behind NumPy arrays and behind a C interface."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.notation import Column, Level, call, infix, prefix
from eqgen.backends.in_place import replaceable
from eqgen.backends.locations import templates_folder
from eqgen.backends.native import ActivationEntry, KernelArgument, KernelText, NativeText, UnitText
from eqgen.backends.package import FunctionText, PackageText
from eqgen.backends.protocol import Backend, InPlace
from eqgen.backends.requirements import Requirement
from eqgen.optimize.program import Function, LoweredFunction

EXTENSION = "_kernels"

ENTRIES: Column = {
    "scale": infix("*", Level.PRODUCT),
    "add": infix("+", Level.SUM),
    "subtract": infix("-", Level.SUM),
    "negate": prefix("-"),
    "hadamard": infix("*", Level.PRODUCT),
    "divide": infix("/", Level.PRODUCT),
    "less": infix("<", Level.COMPARISON),
    "less_equal": infix("<=", Level.COMPARISON),
    "greater": infix(">", Level.COMPARISON),
    "greater_equal": infix(">=", Level.COMPARISON),
    "equal": infix("==", Level.COMPARISON),
    "exp": call("exp({0})"),
    "expm1": call("expm1({0})"),
    "log": call("log({0})"),
    "log1p": call("log1p({0})"),
    "reciprocal": call("reciprocal({0})"),
    "square": call("square({0})"),
    "sqrt": call("sqrt({0})"),
    "inv_sqrt": call("inv_sqrt({0})"),
    "power": call("power({0}, {1})"),
    "abs": call("abs({0})"),
    "sign": call("sign({0})"),
    "floor": call("floor({0})"),
    "tanh": call("tanh({0})"),
    "sigmoid": call("sigmoid({0})"),
    "log_sigmoid": call("log_sigmoid({0})"),
    "softplus": call("softplus({0})"),
    "erf": call("erf({0})"),
    "erfc": call("erfc({0})"),
    "max": call("max({0}, {1})"),
    "min": call("min({0}, {1})"),
    "where": call("where({0}, {1}, {2})"),
    "pi": call("pi<Scalar>"),
}
"""Entrywise operations: an expression over entries."""

_REDUCTION = "{op}({sizes}, {{target}}, {{body}});"

STATEMENTS: Column = {
    "matmul": call("gemm(1, {0}, {1}, 0, {target});"),
    "dot": call(_REDUCTION.format(op="elements_sum", sizes="{m0}, {n0}")),
    "elements_sum": call(_REDUCTION.format(op="elements_sum", sizes="{m0}, {n0}")),
    "rows_sum": call(_REDUCTION.format(op="rows_sum", sizes="{n0}")),
    "rows_mean": call(_REDUCTION.format(op="rows_sum", sizes="{n0}")),
    "rows_max": call(_REDUCTION.format(op="rows_max", sizes="{n0}")),
    "columns_sum": call(_REDUCTION.format(op="columns_sum", sizes="{m0}")),
    "columns_mean": call(_REDUCTION.format(op="columns_sum", sizes="{m0}")),
    "columns_max": call(_REDUCTION.format(op="columns_max", sizes="{m0}")),
    "row_gather": call("row_gather({0}, {1}, {target});"),
    "column_gather": call("column_gather({0}, {1}, {target});"),
    "row_scatter_add": call("row_scatter_add({0}, {1}, {target});"),
    "column_scatter_add": call("column_scatter_add({0}, {1}, {target});"),
    "sparse_product": call("sparse_product({0}, {1}, {2}, rows, {target});"),
    "sparse_transposed_product": call("sparse_transposed_product({0}, {1}, {2}, {target});"),
    "sampled_product": call("sampled_product({0}, {1}, {2}, rows, {target});"),
}
"""Operations that fill a matrix: a statement with {target}, the sizes {m0} x {n0} of the first operand, and
the {body} of a loop over its entries. Some stand in a loop over ranges of `rows` only."""

MOVES: Column = {
    "zeros": call("Scalar(0)"),
    "ones": call("Scalar(1)"),
    "identity": call("Scalar(i == j)"),
    "transpose": call("{0}(j, i)"),
    "column_repeat": call("{0}(i, 0)"),
    "row_repeat": call("{0}(0, j)"),
    "diag": call("{0}(i, i)"),
    "Diag": call("where(i == j, {0}(i), Scalar(0))"),
    "row": call("{0}({s0}, j)"),
    "column": call("{0}(i, {s0})"),
    "full": call("{0}"),
}
"""Operations that only say where an entry comes from; `eqgen.backends.kernels` follows them into the loop."""


@dataclass(frozen=True)
class CompiledBackend(Backend):
    """A backend whose functional core is an extension module over kernels."""

    @property
    def template_folders(self) -> tuple[Path, ...]:
        root = templates_folder()
        return (*(root / name for name in self.shared), root / self.name / "package")

    def function(self, function: Function, kinds: dict[str, str]) -> FunctionText:
        """The Python side of a kernel: arrays are made contiguous where they are not, and handed over."""
        # Only here: it imports what lowers definitions, and an unchanged build lowers nothing.
        from eqgen.backends.statements import ANNOTATIONS, docstring

        texts = {
            "matrix": "runtime.contiguous({})",
            "index": "runtime.contiguous_indices({})",
            "activation": "runtime.activation({})",
        }
        operands = ", ".join(texts.get(a.role, "{}").format(a.name) for a in function.arguments)
        results = tuple(name for name, _ in function.results)
        body = (f"{', '.join(results)} = {EXTENSION}.{function.name}({operands})",)
        return FunctionText(
            function.name,
            tuple(f"{a.name}: {ANNOTATIONS[a.role]}" for a in function.arguments),
            results,
            (),
            docstring(function),
            body,
        )

    def planned(
        self, function: Function, module: Module, replaces: Mapping[str, str] | None = None
    ) -> FunctionText | None:
        """The same kernel with `out`: it keeps its temporaries itself."""
        from eqgen.backends.kernels import kernel
        from eqgen.backends.planned import ArgumentSizes

        text = self.function(function, {})
        allowed = replaceable(kernel(function, module, ENTRIES, STATEMENTS))
        sizes = ArgumentSizes(function)
        arrays, targets, copies, returned = [], [], [], []
        for name, shape in function.results:
            taken = (replaces or {}).get(name)
            in_place = taken is not None and taken in allowed.get(name, ())
            arrays.append(taken if in_place and taken else sizes.allocation(name, shape))
            targets.append(taken if in_place and taken else name)
            returned.append(taken or name)
            if taken is not None and not in_place:
                copies.append(f"in_place.copy({name}, {taken})")
        call = text.body[0].partition(" = ")[2].removesuffix(")")
        comma = "," if len(arrays) == 1 else ""
        body = (
            *sizes.lines(" ".join(arrays)),
            f"{', '.join(targets)} = {call}, out=({', '.join(arrays)}{comma}))",
            *copies,
        )
        return replace(text, arguments=(*text.arguments, "out: Buffers"), results=tuple(returned), body=body)

    def runs_by_rows(self, function: Function, module: Module) -> bool:
        return False

    def files(self, module: Module, package: PackageText) -> dict[str, str]:
        from eqgen.backends.native_text import render

        return {f"src/{name}": text for name, text in render(native(module, package)).items()}

    def compile(self, folder: Path, package: PackageText) -> Sequence[str]:
        from eqgen.backends.compile import compile_extension

        sources = {p.name: p.read_text(encoding="utf-8") for p in sorted((folder / "src").iterdir())}
        built = compile_extension(sources, folder, EXTENSION, library=package.name)
        return tuple(built.messages)

    def tuning(self) -> str:
        from eqgen.backends.tuning.record import identity

        return identity()

    def products(self, folder: Path) -> Sequence[Path]:
        from eqgen.backends.toolchain import extension_suffix

        return (folder / f"{EXTENSION}{extension_suffix()}",)

    def requirements(self) -> Sequence[Requirement]:
        from eqgen.backends.toolchain import find_toolchain
        from eqgen.backends.tuning.record import component

        toolchain = find_toolchain()
        return (*toolchain.components, component(toolchain))


def native(module: Module, package: PackageText) -> NativeText:
    """All kernels of a package, grouped into units by the kind of their definitions."""
    from eqgen.backends.hessian_text import hessian_functions
    from eqgen.backends.kernels import kernel
    from eqgen.optimize.columns import columns_of_layer
    from eqgen.optimize.lower import Lowering
    from eqgen.optimize.products import product_step, sampled_product, sampled_step, transposed_product
    from eqgen.optimize.storage import lowered_layers
    from eqgen.optimize.training import backward_parts, losses_with_gradients

    lowering = Lowering(module)

    def printed(functions: Sequence[Function | None]) -> tuple[KernelText, ...]:
        return tuple(kernel(f, module, ENTRIES, STATEMENTS) for f in functions if f is not None)

    def of(kind: str) -> list:  # type: ignore[type-arg]
        return sorted(module.of_kind(kind), key=lambda d: d.name)

    def updates(d: TypedDefinition) -> tuple[LoweredFunction | None, ...]:
        return lowering.optimizer(d), product_step(lowering, d), sampled_step(lowering, d)

    def losses(d: TypedDefinition) -> tuple[Function | None, ...]:
        return (*lowering.loss(d), *losses_with_gradients(lowering, d))

    layers = lowered_layers(lowering, module, sparse=True)
    parts = [backward_parts(x) for x in layers]
    columns = [columns_of_layer(x, module) for x in layers]
    turned = [f for pair in columns if pair for f in (pair[0], pair[1].gradients, pair[1].input_gradient)]
    pairs = [(d, lowering.activation(d)) for d in of("activation")]
    units = (
        UnitText("functions", "matrix functions", printed([lowering.matrix_function(d) for d in of("function")])),
        UnitText("activations", "activations", printed([f for _, pair in pairs for f in pair])),
        UnitText(
            "layers", "layers", printed([f for x in layers for f in (x.forward, x.evaluate, x.backward, x.update)])
        ),
        UnitText(
            "training",
            "parts of layers for a training step",
            printed([*(f for x in parts for f in (x.gradients, x.input_gradient)), transposed_product()]),
        ),
        UnitText(
            "columns",
            "parts of sparse layers for a training step, examples in columns",
            (TRANSPOSED, *printed([*turned, sampled_product()])),
        ),
        UnitText("losses", "losses", printed([f for d in of("loss") for f in losses(d)])),
        UnitText("optimizers", "optimizers", printed([f.function for d in of("optimizer") for f in updates(d) if f])),
        UnitText("hessian", "Hessian-vector products", printed(hessian_functions(module, lowering)), is_declared=False),
        UnitText("pieces", "single equations, for measuring", printed(package.pieces), is_declared=False),
    )
    activations = tuple(
        ActivationEntry(d.name, value.name, slope.name, tuple(n.name for n in d.numbers)) for d, (value, slope) in pairs
    )
    return NativeText(
        package.name,
        f"{package.name}: {package.title} kernels",
        importlib.metadata.version("eqgen"),
        package.name.removesuffix("_cpp"),
        EXTENSION,
        tuple(u for u in units if u.kernels),
        activations,
    )


TRANSPOSED = KernelText(
    name="transposed",
    summary="Y = X.T, its first rows; columns of Y beyond the rows of X are the last one times a number",
    sizes=("M", "N", "P", "Q"),
    arguments=(
        KernelArgument("input", "X", "M", "N"),
        KernelArgument("number", "repeats"),
        KernelArgument("output", "Y", "P", "Q"),
    ),
    temporaries=(),
    statements=("transpose(X, repeats, Y);",),
)
"""Between layers whose examples are rows and layers whose examples are columns."""

BACKEND = CompiledBackend(
    name="cpp",
    title="C++",
    column={**ENTRIES, **STATEMENTS, **MOVES},
    imports=(f"from . import {EXTENSION}",),
    framework="pybind11",
    extra="cpp",
    shared=("package", "sparse", "buffered"),
    in_place=InPlace({}, accumulates=False, calls_activations=False, columns=True),
)
