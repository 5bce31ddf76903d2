"""What a backend is: a column of spellings, a folder of templates, and what its target needs.

A backend is registered by an entry point of the group `eqgen.backends` whose value is a `Backend`; nothing else in
eqgen knows its name.
"""

from __future__ import annotations

import importlib.metadata
import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from eqgen.algebra.definitions import Module
from eqgen.algebra.notation import Column
from eqgen.backends.locations import templates_folder
from eqgen.backends.package import FunctionText, PackageText
from eqgen.backends.requirements import Framework, Requirement
from eqgen.optimize.program import Function

GROUP = "eqgen.backends"

SPARSE_PRODUCTS = ("sparse_product", "sparse_transposed_product", "sampled_product")
"""The instructions of `eqgen.optimize.storage`: a backend that spells them has layers over sparse matrices."""

PYTHON_WORDS = frozenset(keyword.kwlist) | frozenset(
    {"math", "runtime", "self", "annotations", "float", "tuple", "range", "abs", "max", "min"}
)
"""Names that generated Python needs for itself."""

Autodiff: TypeAlias = Callable[[Callable[..., Any], Sequence[Any], Any], Sequence[Any]]
"""`autodiff(function, arguments, seed)`: the gradients of <seed, function(*arguments)>, one for each argument."""

SHELL_WORDS: dict[str, frozenset[str]] = {
    kind: frozenset(words.split())
    for kind, words in {
        "layer": "DX dtype device training optimizer generator SIZES INPUT_SIZE PARAMETERS WEIGHTS STATES feedforward "
        "backpropagate optimize set_optimizer set_weights train eval seed arrays value assign from_host functional "
        "distributions owner np SPARSE density set_pattern entries values",
        "activation": "gradient functional np",
        "loss": "value gradient gradient_matrix checked functional np",
        "optimizer": "x Dx eta step update STATES functional scalar value np",
        "scheduler": "rate np i",
        "initializer": "draw rows columns generator distributions np",
    }.items()
}
"""Names that a generated class of a kind has for itself, besides the matrices and numbers of its definition."""


@dataclass(frozen=True)
class InPlace:
    """How operations write into memory that is there already.

    column        spellings over {target}, and those of `gemm`, alpha A B + beta C, and of `copy`
    careful       entrywise operations whose target may not be an operand
    scaled_sums   whether `add_scaled`, X + c Y, is spelled too
    calls_activations  whether an activation that is a parameter is a planned function too
    accumulates   whether a gradient that is a product is best added to a state, rather than used entry by entry
    columns       whether a sparse layer is trained on transposed batches, with the examples in columns
    """

    column: Column
    careful: frozenset[str] = frozenset()
    scaled_sums: bool = False
    accumulates: bool = True
    calls_activations: bool = True
    columns: bool = False


@dataclass(frozen=True)
class Backend:
    """A target of code generation whose packages are Python modules over arrays.

    name        as on the command line; the generated package is called `<package>_<name>`
    title       how people write it
    column      a spelling for each operation of the table (a test fails when one is missing)
    imports     lines that the functional core needs
    framework   the module that must be importable to run what is generated
    extra       the extra of this distribution that installs the framework, "" if it is always there
    shared      folders of eqgen's templates that this backend builds on; a later file hides an earlier one of its name
    folders     the backend's own template folders; by default the one among eqgen's templates that is called like it
    reserved    names that a `.eq` file cannot use with this target, besides those that Python itself needs
    in_place    how results are written into given memory; None where arrays never change
    autodiff    the framework's own differentiation, an oracle for tests alone; None where there is none
    """

    name: str
    title: str
    column: Column
    imports: tuple[str, ...]
    framework: str
    extra: str = ""
    shared: tuple[str, ...] = ("package",)
    folders: tuple[Path, ...] = ()
    reserved: frozenset[str] = field(default_factory=frozenset)
    in_place: InPlace | None = None
    autodiff: Autodiff | None = None

    @property
    def template_folders(self) -> tuple[Path, ...]:
        root = templates_folder()
        return (*(root / name for name in self.shared), *(self.folders or (root / self.name,)))

    @property
    def stores_sparsely(self) -> bool:
        """Whether the column has the products of sparse matrices."""
        return set(SPARSE_PRODUCTS) <= set(self.column)

    @property
    def reserved_words(self) -> frozenset[str]:
        imported = {line.split()[-1].split(".")[0] for line in self.imports}
        return PYTHON_WORDS | self.reserved | imported

    def function(self, function: Function, kinds: dict[str, str]) -> FunctionText:
        """Print one function of the functional core."""
        from eqgen.backends.statements import python_function

        return python_function(function, self.column, kinds)

    def planned(
        self, function: Function, module: Module, replaces: Mapping[str, str] | None = None
    ) -> FunctionText | None:
        """Print a function that writes into the buffers of its caller; None where arrays never change.

        replaces   result -> the argument whose place it takes
        """
        if self.in_place is None:
            return None
        from eqgen.backends.planned import planned_function

        return planned_function(function, module, self.column, self.in_place, replaces)

    def runs_by_rows(self, function: Function, module: Module) -> bool:
        """Whether a planned function is called for some rows at a time, since it passes over them repeatedly."""
        from eqgen.optimize.instructions import instructions

        return len(instructions(function, module)) > 1

    def files(self, module: Module, package: PackageText) -> dict[str, str]:
        """Files that are not rendered from templates over `package` alone, by path inside the package."""
        return {}

    def compile(self, folder: Path, package: PackageText) -> Sequence[str]:
        """Build what must be built in a written package; messages for the user. Nothing by default."""
        return ()

    def tuning(self) -> str:
        """Changes whenever a package must be compiled again though its text is the same. "" by default."""
        return ""

    def products(self, folder: Path) -> Sequence[Path]:
        """Compiled files that must exist for the package to be complete."""
        return ()

    def requirements(self) -> Sequence[Requirement]:
        """What must be installed to run what is generated, found or not. Nothing is imported."""
        return (Framework(self.framework, self.extra),)

    def is_available(self) -> bool:
        """Whether all that is required is there."""
        return all(each.found for each in self.requirements() if each.required)


def backends() -> dict[str, Backend]:
    """All registered backends by name, in the order of their names.

    Raises RuntimeError when an entry point does not hold a backend of its own name.
    """
    found: dict[str, Backend] = {}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda e: e.name):
        backend = entry.load()
        if not isinstance(backend, Backend) or backend.name != entry.name:
            raise RuntimeError(
                f"entry point `{entry.name}` of {GROUP} is {entry.value}, which is not a backend of that name"
            )
        found[entry.name] = backend
    return found
