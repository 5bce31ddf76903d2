"""On which inputs the accuracy of a definition is measured: every ensemble, and a large batch far from zero."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import SCALAR
from eqgen.testing.adversarial import DOUBLES, ENSEMBLES
from eqgen.testing.cases import BOTH, Case, header_numbers, size_names

LARGE_BATCH = 64
"""Rows of a batch far from zero. (Single sums are measured with many more, see `eqgen.testing.long_sums`.)"""

DOUBLE = ("float64",)
OF_NUMBERS = ("kinks", "logits", "near zero", "large", "denormal", "denormal double", "double")
"""For functions of numbers: what only matters among several entries is left out."""
OF_MATRICES = ("normal", "unit", *ENSEMBLES)
LOSS_TARGETS = ("one_hot", "probabilities")


def accuracy_cases(definition: TypedDefinition, seed: int) -> Iterator[Case]:
    """Every ensemble at small sizes; where rows of a batch are added up, many rows."""
    numbers = header_numbers(definition.numbers)[0]
    if definition.kind == "layer":
        from fractions import Fraction

        numbers = header_numbers(definition.numbers, own=Fraction(1, 2))[0]
    names = _sizes(definition)
    small = dict(zip(names, (4, 3, 2, 5), strict=False))
    targets: Sequence[str] = LOSS_TARGETS if definition.kind == "loss" else ("one_hot",)
    if definition.kind == "activation":
        small = {"M": 3, "N": 16}
    for k, values in enumerate(OF_NUMBERS if definition.kind == "activation" else OF_MATRICES):
        dtypes = DOUBLE if values in DOUBLES else BOTH
        for target in targets:
            yield _case(small, values, target, dtypes, numbers, k)
    if definition.kind in ("layer", "loss"):
        many = {name: LARGE_BATCH if name == names[0] else 1 for name in names}
        for values, target in itertools.product(("offset",) if definition.kind == "layer" else ("unit",), targets[:1]):
            yield _case(many, values, target, BOTH, numbers, 6)


def _case(sizes: dict[str, int], values: str, target: str, dtypes: Any, numbers: Any, activation: int) -> Case:
    return Case(sizes, values, target, dtypes=dtypes, numbers=numbers, activation=activation, conditioned=True)


def _sizes(definition: TypedDefinition) -> tuple[str, ...]:
    """Names of sizes, that of the batch first."""
    if definition.kind in ("activation", "optimizer"):
        return ("M", "N")
    variables = list(definition.with_role("input", "target"))
    batch = variables[0].shape[0]
    names = definition.dims or size_names(variables)
    assert batch == SCALAR[0] or isinstance(batch, str)
    return tuple(sorted(names, key=lambda n: n != batch))
