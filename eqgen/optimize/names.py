"""Names in generated code, all derived from the definition's name by one rule each."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")

SUFFIXES = {
    "layer": "Layer",
    "activation": "Activation",
    "loss": "LossFunction",
    "optimizer": "Optimizer",
    "scheduler": "Scheduler",
    "initializer": "Initializer",
}


def snake_case(name: str) -> str:
    """`LeakyReLU` -> `leaky_relu`, `KLDivergence` -> `kl_divergence`."""
    return _BOUNDARY.sub("_", name).lower()


def class_name(kind: str, name: str) -> str:
    return name + SUFFIXES[kind]


def identifier(name: str) -> str:
    """A name without primes: `delta'` -> `delta_new`."""
    return name.rstrip("'") + "_new" * (len(name) - len(name.rstrip("'")))


def function_name(kind: str, name: str, part: str = "") -> str:
    """`softmax_forward`, `leaky_relu_gradient`, `squared_error_loss`, `momentum_step`."""
    stem = name if kind == "function" else snake_case(name)
    middle = {"loss": "_loss", "optimizer": "_step"}.get(kind, "")
    return stem + middle + (f"_{part}" if part else "")
