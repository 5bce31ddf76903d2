"""The JAX backend: its column of spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eqgen.algebra.notation import Column, Level, Spelling, call, member
from eqgen.backends.protocol import Backend
from eqgen.backends.python import NUMPY_LIKE, SPARSE

COLUMN: Column = {
    **NUMPY_LIKE,
    **SPARSE,
    "zeros": call("jnp.zeros(({m}, {n}), dtype={like}.dtype)"),
    "ones": call("jnp.ones(({m}, {n}), dtype={like}.dtype)"),
    "full": call("jnp.full(({m}, {n}), {0}, dtype={like}.dtype)"),
    "identity": call("jnp.eye({m}, dtype={like}.dtype)"),
    "diag": call("jnp.diagonal({0}).reshape(-1, 1)"),
    "Diag": member("jnp.diag({0}.reshape(-1))"),
    "column_repeat": call("jnp.broadcast_to({0}, ({m}, {n}))"),
    "row_repeat": call("jnp.broadcast_to({0}, ({m}, {n}))"),
    "row": member("{0}[{s0} : {s0} + 1, :]"),
    "column": member("{0}[:, {s0} : {s0} + 1]"),
    "dot": Spelling("jnp.sum({0} * {1}, keepdims=True)", Level.ATOM, (Level.PRODUCT, Level.UNARY)),
    "elements_sum": call("jnp.sum({0}, keepdims=True)"),
    "columns_sum": call("jnp.sum({0}, axis=0, keepdims=True)"),
    "rows_sum": call("jnp.sum({0}, axis=1, keepdims=True)"),
    "columns_mean": call("jnp.mean({0}, axis=0, keepdims=True)"),
    "rows_mean": call("jnp.mean({0}, axis=1, keepdims=True)"),
    "columns_max": call("jnp.max({0}, axis=0, keepdims=True, initial=-math.inf)"),
    "rows_max": call("jnp.max({0}, axis=1, keepdims=True, initial=-math.inf)"),
    "exp": call("jnp.exp({0})"),
    "expm1": call("jnp.expm1({0})"),
    "log": call("jnp.log({0})"),
    "log1p": call("jnp.log1p({0})"),
    "sqrt": call("jnp.sqrt({0})"),
    "square": call("jnp.square({0})"),
    "abs": call("jnp.abs({0})"),
    "floor": call("jnp.floor({0})"),
    "tanh": call("jnp.tanh({0})"),
}


def autodiff(function: Callable[..., Any], arguments: Sequence[Any], seed: Any) -> Sequence[Any]:
    """Vector-Jacobian products by jax.vjp, for tests: the generated code does without."""
    import jax

    pull: Callable[[Any], Sequence[Any]] = jax.vjp(function, *arguments)[1]
    return pull(seed)


BACKEND = Backend(
    name="jax",
    title="JAX",
    column=COLUMN,
    imports=("import math", "import jax.numpy as jnp"),
    framework="jax",
    extra="jax",
    shared=("package", "sparse", "immutable"),
    autodiff=autodiff,
)
