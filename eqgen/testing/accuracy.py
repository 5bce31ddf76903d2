"""How accurate generated code is: its worst error in units in the last place, on inputs chosen to be difficult.

The value is that of the mathematical definition at exactly the inputs that are computed with. Three measures of the
distance of a computed entry from it are taken:

of the value    in units in the last place of the exact entry, u.l.p.(x) = 2^(e - p + 1) for 2^e <= |x| < 2^(e+1)
of the scale    in units in the last place of the entry's scale: how far it moves when its inputs and constants are
                moved by one unit roundoff each, over the unit roundoff, or the entry itself where that is larger.
                For a sum that is the sum of the absolute values of its addends, for f(x) it is |x f'(x)|.
of the bound    in units of the error bound that follows from the table of roundings (`eqgen.testing.rounding`) by
                running error analysis over what is generated; above 1 something is wrong.

Only the last is a verdict: an error of many units of a value may be due to its inputs alone, an error of many units of
its scale is what another formula would avoid. Underflow is not counted: an error below the smallest normal number is
none, and from denormal inputs, which frameworks take for zero, only the bound is checked.
Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), sections 1.6, 3.3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.testing.accuracy_cases import accuracy_cases
from eqgen.testing.adversarial import BELOW_NORMAL, beside
from eqgen.testing.bounded import as_float
from eqgen.testing.cases import Case, generator
from eqgen.testing.exercises import ActivationExercise, Exercise, Expected, Outcome
from eqgen.testing.packages import Package
from eqgen.testing.reference import CONDITION, CONDITION_PRECISION
from eqgen.testing.rounding import PRECISIONS, Precision
from eqgen.testing.run import EXERCISES, prepared


def unit_in_last_place(x: float, precision: Precision) -> float:
    """The distance of neighbouring numbers of a format at |x|; that of denormal numbers below the normal ones."""
    exponent = max(math.frexp(abs(x))[1] - 1, precision.least)
    return math.ldexp(1.0, exponent - precision.digits + 1)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The worst of all entries of a quantity: each measure with the case in which it was found."""

    definition: str
    kind: str
    quantity: str
    backend: str
    dtype: str
    of_value: float = 0.0
    of_scale: float = 0.0
    of_bound: float = 0.0
    value_case: str = ""
    scale_case: str = ""
    bound_case: str = ""
    entries: int = 0
    message: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return (self.kind, self.definition, self.quantity, self.backend, self.dtype)

    @property
    def passed(self) -> bool:
        return not self.message and self.of_bound <= 1.0

    def worst(self, other: Measurement) -> Measurement:
        """Both in one: of every measure the larger."""
        result = replace(self, entries=self.entries + other.entries, message=self.message or other.message)
        for measure in ("value", "scale", "bound"):
            if getattr(other, f"of_{measure}") > getattr(result, f"of_{measure}"):
                changed = {f"of_{measure}": getattr(other, f"of_{measure}")}
                result = replace(result, **changed, **{f"{measure}_case": getattr(other, f"{measure}_case")})
        return result

    def to_json(self) -> dict[str, object]:
        """A JSON object; what is infinite is null."""

        def number(x: float) -> float | None:
            return x if math.isfinite(x) else None

        return {
            "definition": self.definition, "kind": self.kind, "quantity": self.quantity, "backend": self.backend,
            "dtype": self.dtype, "ulp_of_value": number(self.of_value), "value_case": self.value_case,
            "ulp_of_scale": number(self.of_scale), "scale_case": self.scale_case, "of_bound": number(self.of_bound),
            "bound_case": self.bound_case, "entries": self.entries, "passed": self.passed, "message": self.message,
        }  # fmt: skip


@dataclass
class AccuracyReport:
    """The worst measurement of every quantity, backend and dtype."""

    measurements: dict[tuple[str, ...], Measurement] = field(default_factory=dict)

    def add(self, found: Measurement) -> None:
        known = self.measurements.get(found.key)
        self.measurements[found.key] = found if known is None else known.worst(found)

    @property
    def failures(self) -> list[Measurement]:
        return [m for m in self.measurements.values() if not m.passed]

    @property
    def passed(self) -> bool:
        return any(m.entries for m in self.measurements.values()) and not self.failures

    def by_definition(self) -> dict[tuple[str, str], list[Measurement]]:
        found: dict[tuple[str, str], list[Measurement]] = {}
        for m in self.measurements.values():
            found.setdefault((m.kind, m.definition), []).append(m)
        return found

    def to_json(self) -> dict[str, object]:
        return {"passed": self.passed, "measurements": [m.to_json() for m in self.measurements.values()]}


def measure(
    backend_names: Sequence[str] | None = None, definitions: Sequence[str] | None = None, *,
    files: Sequence[Path] = (), package: str = "eqgen", folder: Path | None = None, seed: int = 0,
    dtypes: Sequence[str] = tuple(PRECISIONS), progress: Callable[[str], None] | None = None,
) -> AccuracyReport:  # fmt: skip
    """Measure definitions in backends; the arguments and errors are those of `eqgen.testing.run`."""
    for dtype in dtypes:
        if dtype not in PRECISIONS:
            raise KeyError(f"there is no dtype `{dtype}`; there are {', '.join(PRECISIONS)}")
    with prepared(backend_names, definitions, files=files, package=package, folder=folder) as found:
        module, packages, selected = found
        return measure_packages(module, packages, selected, seed=seed, dtypes=dtypes, progress=progress)


def measure_packages(
    module: Module, packages: Sequence[Package], definitions: Iterable[TypedDefinition], *, seed: int = 0,
    dtypes: Sequence[str] = tuple(PRECISIONS), progress: Callable[[str], None] | None = None,
) -> AccuracyReport:  # fmt: skip
    """Measure definitions in imported packages; what runs on the host in double precision is left out."""
    report = AccuracyReport()
    for definition in definitions:
        if definition.kind in EXERCISES:
            if progress is not None:
                progress(f"{definition.kind} {definition.name}")
            for found in _measure(EXERCISES[definition.kind](definition, module), packages, seed, dtypes):
                report.add(found)
    return report


def _measure(
    exercise: Exercise, packages: Sequence[Package], seed: int, dtypes: Sequence[str]
) -> Iterator[Measurement]:
    d = exercise.definition
    for number, case in enumerate(accuracy_cases(d, seed)):
        case = replace(case, dtypes=tuple(t for t in case.dtypes if t in dtypes))
        if not case.dtypes:
            continue
        inputs = _inputs(exercise, case, generator(seed, "accuracy", d.kind, d.name, number))
        outcomes: dict[tuple[str, str], Outcome] = {}
        for package, dtype in itertools.product(packages, case.dtypes):
            try:
                with np.errstate(all="ignore"):
                    outcomes[package.name, dtype] = exercise.call(package, case, dict(inputs), dtype)
            except Exception as error:  # whatever a generated package raises is a finding
                message = f"raised {type(error).__name__}: {error} ({case.label})"
                yield Measurement(d.name, d.kind, "call", package.name, dtype, message=message)
        if outcomes:
            drawn = next(iter(outcomes.values())).drawn
            for expected in exercise.expect(case, dict(inputs), dict(drawn)):
                yield from _judge(d, case, outcomes, expected)


def _inputs(exercise: Exercise, case: Case, rng: np.random.Generator) -> dict[str, Any]:
    """The inputs of an exercise, for an activation with the kinks that its numbers make first."""
    inputs = exercise.inputs(case, rng)
    if isinstance(exercise, ActivationExercise) and case.values == "kinks":
        from fractions import Fraction

        kinks = [Fraction(0), *(sign * n for n in case.numbers if isinstance(n, Fraction) for sign in (1, -1))]
        chosen = np.array(beside(kinks)[: inputs["x"].size])
        inputs["x"].flat[: len(chosen)] = chosen
    return inputs


def _judge(
    d: TypedDefinition, case: Case, outcomes: Mapping[tuple[str, str], Outcome], expected: Expected
) -> Iterator[Measurement]:
    reference = expected.reference
    for quantity, name in expected.names.items():
        for (backend, dtype), outcome in outcomes.items():
            bounds, moved = reference.bounds[dtype].get(name), reference.bounds[CONDITION].get(name)
            if quantity not in outcome.arrays or name not in reference.values or bounds is None or moved is None:
                continue
            first = Measurement(d.name, d.kind, quantity, backend, dtype)
            found = outcome.arrays[quantity]
            yield measured(
                first,
                reference.values[name],
                bounds,
                moved,
                found,
                PRECISIONS[dtype],
                case.label,
                case.values in BELOW_NORMAL,
            )


def measured(
    first: Measurement,
    values: Any,
    bounds: Any,
    moved: Any,
    found: Any,
    precision: Precision,
    label: str,
    denormal: bool = False,
) -> Measurement:
    """The worst of an array: `values` exact, `bounds` and `moved` as `Bounded` numbers, `found` as computed.

    Inputs that are `denormal` may be taken for zero: only the bound counts, which knows that, and nothing need be
    finite where it is not.
    """
    if found.shape != values.shape:
        return replace(first, message=f"the result has shape {found.shape}, expected {values.shape} ({label})")
    worst = {"value": 0.0, "scale": 0.0, "bound": 0.0}
    entries = 0
    for position in np.ndindex(*values.shape):
        value = as_float(values[position])
        if abs(value) > precision.largest:
            continue
        entries += 1
        number = float(found[position])
        if not math.isfinite(number) and denormal and math.isinf(bounds[position].error):
            continue
        if not math.isfinite(number):
            worst = dict.fromkeys(worst, math.inf)
            message = f"entry {position} is {number}, expected {value:.9g} ({label})"
            return replace(first, **_fields(worst, label), entries=entries, message=message)
        error = abs(as_float(values[position] - number))
        bound = bounds[position].error
        if error > bound:
            worst["bound"] = max(worst["bound"], error / bound if bound else math.inf)
        elif error:
            worst["bound"] = max(worst["bound"], error / bound if math.isfinite(bound) else 0.0)
        if error <= precision.tiny or denormal:
            continue
        scale = max(abs(value), moved[position].error / CONDITION_PRECISION.unit)
        worst["value"] = max(worst["value"], error / unit_in_last_place(value, precision))
        worst["scale"] = max(worst["scale"], error / unit_in_last_place(min(scale, precision.largest), precision))
    return replace(first, **_fields(worst, label), entries=entries)


def _fields(worst: Mapping[str, float], label: str) -> dict[str, Any]:
    return {f"of_{k}": v for k, v in worst.items()} | {f"{k}_case": label for k, v in worst.items() if v}
