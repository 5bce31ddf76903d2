"""Running the differential tests: every definition in every backend, every result against every oracle."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.backends.protocol import Backend, backends
from eqgen.testing.cases import Case, generator
from eqgen.testing.exercises import (
    BY_ADJOINTS,
    ActivationExercise,
    Exercise,
    Expected,
    FunctionExercise,
    LossExercise,
    OptimizerExercise,
    Outcome,
)
from eqgen.testing.host import HOST_EXERCISES, check_draw, moments
from eqgen.testing.layers import LayerExercise
from eqgen.testing.packages import Package, load_package
from eqgen.testing.report import (
    ADJOINTS,
    AUTODIFF,
    DEFINITION,
    INITIAL_DRAW,
    PAIR,
    REFERENCE,
    STABLE_FORM,
    Report,
    Result,
    apart,
    distance,
    sum_of_errors,
)
from eqgen.testing.rounding import ADJOINT_FACTOR

EXERCISES: dict[str, type[Exercise]] = {
    "layer": LayerExercise,
    "activation": ActivationExercise,
    "loss": LossExercise,
    "function": FunctionExercise,
    "optimizer": OptimizerExercise,
}

TESTED = (*EXERCISES, *HOST_EXERCISES)
"""Kinds of definitions that are tested; a lemma computes nothing."""


def run(
    backend_names: Sequence[str] | None = None,
    definitions: Sequence[str] | None = None,
    *,
    files: Sequence[Path] = (),
    package: str = "eqgen",
    folder: Path | None = None,
    seed: int = 0,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    """Test definitions in backends, by default all of the library in all backends that can run here.

    `files` are definitions on top of the library; with files and no names, what they define is tested. The packages
    are those in `folder` (`<package>_<backend>`), where `eqgen build` has put them; without a folder they are built
    into a temporary one. `seed` decides sizes and values.

    Raises DiagnosticError for errors in the files, KeyError for a backend or a definition that does not exist,
    FileNotFoundError when the folder lacks a package.
    """
    with prepared(backend_names, definitions, files=files, package=package, folder=folder) as (module, found, selected):
        return test_packages(module, found, selected, seed=seed, progress=progress)


@contextmanager
def prepared(
    backend_names: Sequence[str] | None = None,
    definitions: Sequence[str] | None = None,
    *,
    files: Sequence[Path] = (),
    package: str = "eqgen",
    folder: Path | None = None,
) -> Iterator[tuple[Module, list[Package], list[TypedDefinition]]]:
    """The module, the imported packages and the definitions to try; the arguments and errors are those of `run`."""
    from eqgen.algebra.library import library, load_files
    from eqgen.backends.build import Request, build

    module = load_files(list(files))
    known = backends()
    for name in backend_names or ():
        if name not in known:
            raise KeyError(f"there is no backend `{name}`; there are {', '.join(known)}")
    chosen = [known[n] for n in backend_names] if backend_names else [b for b in known.values() if b.is_available()]
    given = {id(d) for d in library().definitions}
    own = Module(tuple(d for d in module.definitions if id(d) not in given)) if files else module
    selected = select(module if definitions else own, definitions)
    if not selected:
        raise KeyError("the files define nothing that computes")
    with tempfile.TemporaryDirectory(prefix="eqgen-test-") as temporary:
        place = folder or Path(temporary)
        if folder is None:
            build(Request(list(files), chosen, package, place, check_equations=False))
        yield module, [load_package(place / f"{package}_{b.name}", b) for b in chosen], selected


def select(module: Module, names: Sequence[str] | None) -> list[TypedDefinition]:
    """The definitions of these names, `Softmax` or `layer Softmax`; all that compute something when there are none."""
    testable = [d for d in module.definitions if d.kind in TESTED]
    if not names:
        return testable
    found = []
    for name in names:
        matching = [d for d in testable if name in (d.name, f"{d.kind} {d.name}")]
        if not matching:
            raise KeyError(f"there is no definition `{name}` to test")
        found += matching
    return found


def test_packages(
    module: Module, packages: Sequence[Package], definitions: Iterable[TypedDefinition], *, seed: int = 0,
    progress: Callable[[Result], None] | None = None,
) -> Report:  # fmt: skip
    """Test definitions in imported packages."""
    report = Report(listener=progress)
    for definition in definitions:
        if definition.kind in HOST_EXERCISES:
            HOST_EXERCISES[definition.kind](definition, module, packages, report, seed)
        else:
            Comparison(EXERCISES[definition.kind](definition, module), packages, report, seed).run()
    return report


test_packages.__test__ = False  # type: ignore[attr-defined]  # not a test itself, for who collects tests by name


class Comparison:
    """One definition in several packages."""

    def __init__(self, exercise: Exercise, packages: Sequence[Package], report: Report, seed: int) -> None:
        self.exercise = exercise
        self.packages = packages
        self.report = report
        self.seed = seed
        self.tested: set[tuple[str, str]] = set()
        self.seen: set[str] = set()

    def run(self) -> None:
        definition = self.exercise.definition
        for number, case in enumerate(self.exercise.cases(self.seed)):
            rng = generator(self.seed, definition.kind, definition.name, number)
            self.compare(case, self.exercise.inputs(case, rng))
        if isinstance(self.exercise, LayerExercise):
            self.check_random_matrices(self.exercise)
        for quantity in sorted(self.seen):
            for dtype in ("float32", "float64"):
                if (quantity, dtype) not in self.tested:
                    names = tuple(p.name for p in self.packages)
                    self.add(
                        quantity,
                        DEFINITION,
                        names,
                        dtype,
                        "all cases",
                        message="no case gives it a value: nothing is tested",
                    )

    def add(
        self, quantity: str, oracle: str, names: tuple[str, ...], dtype: str, case: str,
        found: tuple[float, float, str] = (0.0, 0.0, ""), message: str = "",
    ) -> None:  # fmt: skip
        d = self.exercise.definition
        ratio, error, trouble = found
        self.report.add(Result(d.name, d.kind, quantity, oracle, names, dtype, case, ratio, error, message or trouble))

    def check_random_matrices(self, exercise: LayerExercise) -> None:
        for package in self.packages:
            for drawn in exercise.random_matrices(package):
                expected = moments(drawn.draw, drawn.sizes, drawn.numbers, exercise.module)
                trouble = check_draw(drawn.matrix, expected)
                if (drawn.matrix != drawn.again).any():
                    trouble = "another random matrix from the same seed"
                self.add(drawn.name, INITIAL_DRAW, (package.name,), "float64", "large", message=trouble)

    def compare(self, case: Case, inputs: Mapping[str, Any]) -> None:
        outcomes: dict[tuple[str, str], Outcome] = {}
        for package, dtype in itertools.product(self.packages, case.dtypes):
            try:
                outcomes[package.name, dtype] = self.exercise.call(package, case, dict(inputs), dtype)
            except Exception as error:  # whatever a generated package raises is a finding
                self.add(
                    "call",
                    DEFINITION,
                    (package.name,),
                    dtype,
                    case.label,
                    message=f"raised {type(error).__name__}: {error}",
                )
        if not outcomes:
            return
        drawn = next(iter(outcomes.values())).drawn
        for (name, dtype), outcome in outcomes.items():
            for quantity, matrix in outcome.drawn.items():
                same = (matrix == drawn[quantity]).all()
                self.add(
                    quantity,
                    PAIR,
                    (self.packages[0].name, name),
                    dtype,
                    case.label,
                    message="" if same else "another random matrix from the same seed",
                )
        for expected in self.exercise.expect(case, dict(inputs), dict(drawn)):
            self.judge(case, outcomes, expected)
            if case.autodiff:
                self.check_gradients(case, inputs, drawn, expected)

    def judge(self, case: Case, outcomes: Mapping[tuple[str, str], Outcome], expected: Expected) -> None:
        reference = expected.reference
        for name in reference.disagreements:
            self.add(
                name,
                STABLE_FORM,
                (),
                "",
                case.label,
                message="the definition and what is generated differ in exact arithmetic",
            )
        for quantity, name in expected.names.items():
            if quantity.endswith(BY_ADJOINTS):
                continue
            self.seen.add(quantity)
            found = {key: o.arrays[quantity] for key, o in outcomes.items() if quantity in o.arrays}
            for (backend, dtype), array in found.items():
                if array.dtype.name != dtype:
                    self.add(
                        quantity,
                        DEFINITION,
                        (backend,),
                        dtype,
                        case.label,
                        message=f"the result has dtype {array.dtype.name}",
                    )
            bounds = {dtype: reference.bounds[dtype][name] for dtype in case.dtypes if name in reference.bounds[dtype]}
            if name not in reference.values or not bounds:
                continue
            self.add("", STABLE_FORM, (), "", case.label)
            for (backend, dtype), array in found.items():
                if 0 not in case.sizes.values():  # an empty batch has a value where nothing else has one
                    self.tested.add((quantity, dtype))
                self.add(
                    quantity,
                    DEFINITION,
                    (backend,),
                    dtype,
                    case.label,
                    distance(reference.values[name], bounds[dtype], array),
                )
            self.judge_pairs(quantity, case, found, bounds)

    def judge_pairs(
        self, quantity: str, case: Case, found: Mapping[tuple[str, str], Any], bounds: Mapping[str, Any]
    ) -> None:
        for dtype in case.dtypes:
            tolerance = sum_of_errors(bounds[dtype], bounds[dtype])
            for a, b in itertools.combinations([p.name for p in self.packages if (p.name, dtype) in found], 2):
                self.add(quantity, PAIR, (a, b), dtype, case.label, apart(found[a, dtype], found[b, dtype], tolerance))
        standard = next((p.name for p in self.packages if is_reference(p.backend)), None)
        if (standard, "float64") not in found or len(bounds) < 2:
            return
        tolerance = sum_of_errors(*bounds.values())
        for (backend, dtype), array in found.items():
            if dtype == "float32" and standard is not None:
                self.add(
                    quantity,
                    REFERENCE,
                    (backend, standard),
                    dtype,
                    case.label,
                    apart(array, found[standard, "float64"], tolerance),
                )

    def check_gradients(
        self, case: Case, inputs: Mapping[str, Any], drawn: Mapping[str, Any], expected: Expected
    ) -> None:
        """Written gradients against the adjoints of the table, in exact arithmetic, and against each framework."""
        reference = expected.reference
        swept = [name.removesuffix(BY_ADJOINTS) for name in expected.names if name.endswith(BY_ADJOINTS)]
        swept = [name for name in swept if name in reference.values and name + BY_ADJOINTS in reference.values]
        for name in swept:
            differ = reference.differ(reference.values[name], reference.values[name + BY_ADJOINTS])
            self.add(
                name,
                ADJOINTS,
                (),
                "",
                case.label,
                message="the written gradient is not the derivative" if differ else "",
            )
        for package in self.packages if swept else ():
            if package.backend.autodiff is None or "float64" not in case.dtypes:
                continue
            try:
                found = self.exercise.autodiff(package, case, dict(inputs), dict(drawn), "float64")
            except Exception as error:  # whatever a generated package raises is a finding
                self.add(
                    "call",
                    AUTODIFF,
                    (package.name,),
                    "float64",
                    case.label,
                    message=f"raised {type(error).__name__}: {error}",
                )
                continue
            for name in swept:
                bounds = reference.bounds["float64"][name + BY_ADJOINTS]
                apart_by = distance(reference.values[name], bounds, found[name], ADJOINT_FACTOR)
                self.add(name, AUTODIFF, (package.name,), "float64", case.label, apart_by)


def is_reference(backend: Backend) -> bool:
    """Whether the backend's framework is one that eqgen itself needs, so that it is always there."""
    return backend.framework in core_requirements()


@cache
def core_requirements() -> frozenset[str]:
    """What this distribution requires without any extra."""
    found = importlib.metadata.requires("eqgen") or []
    return frozenset(re.split(r"[^\w-]", each, maxsplit=1)[0] for each in found if "extra ==" not in each)
