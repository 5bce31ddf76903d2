"""What the Python backends share: operators, and the protocol that every backend satisfies."""

from __future__ import annotations

from eqgen.algebra.notation import Column, Level, Spelling, call, infix, prefix

OPERATORS: Column = {
    "scale": infix("*", Level.PRODUCT),
    "add": infix("+", Level.SUM),
    "subtract": infix("-", Level.SUM),
    "negate": prefix("-"),
    "hadamard": infix("*", Level.PRODUCT),
    "divide": infix("/", Level.PRODUCT),
    "matmul": infix("@", Level.PRODUCT),
    "reciprocal": Spelling("1 / {0}", Level.PRODUCT, (Level.UNARY,)),
    "less": infix("<", Level.COMPARISON),
    "less_equal": infix("<=", Level.COMPARISON),
    "greater": infix(">", Level.COMPARISON),
    "greater_equal": infix(">=", Level.COMPARISON),
    "equal": infix("==", Level.COMPARISON),
    "pi": call("math.pi"),
    "max": call("runtime.maximum({0}, {1})"),
    "min": call("runtime.minimum({0}, {1})"),
    "where": call("runtime.where({0}, {1}, {2}, {like})"),
    "power": call("runtime.power({0}, {1})"),
    "sign": call("runtime.sign({0})"),
    "erf": call("runtime.erf({0})"),
    "erfc": call("runtime.erfc({0})"),
    "sigmoid": call("runtime.sigmoid({0})"),
    "softplus": call("runtime.softplus({0})"),
    "log_sigmoid": call("runtime.log_sigmoid({0})"),
    "inv_sqrt": call("runtime.inv_sqrt({0})"),
    "row_gather": call("runtime.row_gather({0}, {1})"),
    "column_gather": call("runtime.column_gather({0}, {1})"),
    "row_scatter_add": call("runtime.row_scatter_add({0}, {1}, {s0})"),
    "column_scatter_add": call("runtime.column_scatter_add({0}, {1}, {s0})"),
}
"""Operators of Python, and operations that the package's `runtime` module provides."""

SPARSE: Column = {
    op: call(f"sparse_products.{op}({{0}}, {{1}}, {{2}})")
    for op in ("sparse_product", "sparse_transposed_product", "sampled_product")
}
"""Products of sparse matrices, which the package's module `sparse_products` provides."""

SPARSE_IN_PLACE: Column = {
    op: call(f"sparse_products.{op}({{0}}, {{1}}, {{2}}, out={{target}})")
    for op in ("sparse_product", "sparse_transposed_product", "sampled_product")
}
"""The same into {target}."""

NUMPY_LIKE: Column = {
    **OPERATORS,
    "transpose": Spelling("{0}.T", Level.ATOM, (Level.ATOM,)),
}
