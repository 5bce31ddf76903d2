"""What the differential tests found: the worst error of every comparison, in units of its tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqgen.testing.bounded import as_float
from eqgen.testing.reference import errors

DEFINITION = "definition"
PAIR = "pair"
REFERENCE = "float64 reference"
AUTODIFF = "autodiff"
ADJOINTS = "adjoints"
STABLE_FORM = "stable form"
INITIAL_DRAW = "distribution"

ORACLES = {
    DEFINITION: "the mathematical value: the definition's equations with 50 digits or more",
    PAIR: "another backend",
    REFERENCE: "the reference backend in float64",
    AUTODIFF: "the framework's own derivative of the forward function",
    ADJOINTS: "written gradients against a reverse sweep over the operation table's adjoints",
    STABLE_FORM: "what is generated against what is defined, with 50 digits or more",
    INITIAL_DRAW: "moments and range of a random matrix",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison of all entries of one quantity.

    ratio     the largest error in units of its tolerance: at most 1 where all is well
    message   what is wrong besides, or what was raised
    """

    definition: str
    kind: str
    quantity: str
    oracle: str
    backends: tuple[str, ...]
    dtype: str
    case: str
    ratio: float
    error: float = 0.0
    message: str = ""

    @property
    def passed(self) -> bool:
        return not self.message and self.ratio <= 1.0

    @property
    def key(self) -> tuple[object, ...]:
        return (self.kind, self.definition, self.quantity, self.oracle, self.backends, self.dtype)

    def describe(self) -> str:
        what = self.message or f"error {self.error:.3g} is {self.ratio:.3g} times the tolerance"
        where = " ".join(filter(None, (" and ".join(self.backends), self.dtype)))
        parts = (f"{self.kind} {self.definition}", self.quantity, where, self.case, f"against {self.oracle}")
        return f"{', '.join(filter(None, parts))}: {what}"

    def to_json(self) -> dict[str, object]:
        """A JSON object; what is infinite is null."""
        ratio, error = (x if math.isfinite(x) else None for x in (self.ratio, self.error))
        return {
            "definition": self.definition, "kind": self.kind, "quantity": self.quantity, "oracle": self.oracle,
            "backends": list(self.backends), "dtype": self.dtype, "case": self.case, "passed": self.passed,
            "ratio": ratio, "error": error, "message": self.message,
        }  # fmt: skip


@dataclass
class Report:
    """All results: failures in full, and of what passed the worst of its kind."""

    comparisons: int = 0
    failures: list[Result] = field(default_factory=list)
    worst: dict[tuple[object, ...], Result] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    listener: Callable[[Result], None] | None = None

    def add(self, result: Result) -> None:
        self.comparisons += 1
        self.counts[result.oracle] = self.counts.get(result.oracle, 0) + 1
        known = self.worst.get(result.key)
        if known is None or (known.passed, -known.ratio) > (result.passed, -result.ratio):
            self.worst[result.key] = result
        if not result.passed:
            self.failures.append(result)
        if self.listener is not None:
            self.listener(result)

    @property
    def passed(self) -> bool:
        return self.comparisons > 0 and not self.failures

    def results(self) -> Iterator[Result]:
        """The worst result of every definition, quantity, oracle, backend and dtype."""
        yield from self.worst.values()

    def by_definition(self) -> dict[tuple[str, str], list[Result]]:
        """The same by (kind, definition)."""
        found: dict[tuple[str, str], list[Result]] = {}
        for result in self.results():
            found.setdefault((result.kind, result.definition), []).append(result)
        return found

    def extend(self, other: Report) -> None:
        for result in other.worst.values():
            known = self.worst.get(result.key)
            if known is None or (known.passed, -known.ratio) > (result.passed, -result.ratio):
                self.worst[result.key] = result
        self.failures += other.failures
        self.comparisons += other.comparisons
        for oracle, count in other.counts.items():
            self.counts[oracle] = self.counts.get(oracle, 0) + count

    def to_json(self) -> dict[str, object]:
        return {
            "passed": self.passed, "comparisons": self.comparisons, "by_oracle": dict(self.counts),
            "failures": [f.to_json() for f in self.failures], "worst": [r.to_json() for r in self.results()],
        }  # fmt: skip


def distance(values: Any, bounds: Any, found: Any, factor: float = 1.0) -> tuple[float, float, str]:
    """How far a computed array is from exact values: (ratio, error, message).

    `bounds` are `Bounded` numbers whose errors, times `factor`, are the tolerance. Where the value is a number of the
    format the result must be finite, whatever the tolerance.
    """
    if found.shape != values.shape:
        return math.inf, math.inf, f"the result has shape {found.shape}, expected {values.shape}"
    worst_ratio = worst_error = 0.0
    for position in np.ndindex(*values.shape):
        value, bound, number = values[position], bounds[position], float(found[position])
        if abs(as_float(value)) > bound.precision.largest:
            continue
        if not math.isfinite(number):
            return math.inf, math.inf, f"entry {position} is {number}, expected {as_float(value):.9g}"
        ratio, error = in_units(abs(as_float(value - number)), bound.error * factor)
        if ratio > worst_ratio:
            worst_ratio, worst_error = ratio, error
    return worst_ratio, worst_error, ""


def apart(found: Any, other: Any, tolerance: Any) -> tuple[float, float, str]:
    """How far two computed arrays are from each other: (ratio, error, message)."""
    if found.shape != other.shape:
        return math.inf, math.inf, f"the results have shapes {found.shape} and {other.shape}"
    if found.shape != tolerance.shape:
        return math.inf, math.inf, f"the results have shape {found.shape}, expected {tolerance.shape}"
    worst_ratio = worst_error = 0.0
    for a, b, allowed in zip(found.flat, other.flat, tolerance.flat, strict=True):
        if math.isinf(allowed) or (math.isnan(a) and math.isnan(b)) or a == b:
            continue
        ratio, error = in_units(abs(float(a) - float(b)), float(allowed))
        if ratio > worst_ratio or math.isnan(error):
            worst_ratio, worst_error = ratio, error
    return worst_ratio, worst_error, "one result is not a number" if math.isnan(worst_error) else ""


def in_units(error: float, tolerance: float) -> tuple[float, float]:
    """The error in units of a tolerance, and the error."""
    if error == 0.0 or math.isinf(tolerance):
        return 0.0, error
    return (error / tolerance if tolerance > 0.0 else math.inf), error


def sum_of_errors(*bounds: Any) -> Any:
    total = errors(bounds[0])
    for b in bounds[1:]:
        total = total + errors(b)
    return total
