"""A module whose definitions have the equations of Hessian-vector products as further blocks, proven before use."""

from __future__ import annotations

import warnings

from eqgen.algebra.checking import UndecidedWarning, undecided
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.evaluated_check import with_checks
from eqgen.algebra.hessian import BLOCKS, curvature_subject, derive_curvature, with_curvature
from eqgen.algebra.prover import Limits, prove_subject
from eqgen.algebra.refusal import refusal
from eqgen.algebra.verdict import EquationResult
from eqgen.language.diagnostics import Diagnostic, DiagnosticError


def judged_curvature(definition: TypedDefinition, module: Module, limits: Limits | None = None) -> list[EquationResult]:
    """The verdict on each equation of these blocks: proved, refuted, checked at some sizes, or unknown."""
    subject = curvature_subject(definition)
    return with_checks(subject, module, prove_subject(subject, module, limits))


def with_hessian_products(module: Module) -> Module:
    """The module with R-forward and R-backward equations in its layers, R{DY} in its losses, f'' in its activations.

    A definition for which they cannot be derived stays as it is, and says why (UndecidedWarning); so does an equation
    that is undecided. Raises DiagnosticError (E401) with every equation that is refuted.
    """
    definitions: list[TypedDefinition] = []
    refuted: list[Diagnostic] = []
    for d in module.definitions:
        if d.kind in BLOCKS:
            try:
                d = with_curvature(d, derive_curvature(d, module))
            except ValueError as error:
                warnings.warn(
                    f"{d.kind} {d.name} has no Hessian-vector products: {error}", UndecidedWarning, stacklevel=2
                )
            else:
                for result in judged_curvature(d, module):
                    if result.verdict == "refuted":
                        refuted.append(refusal(d, result))
                    elif result.verdict == "unknown":
                        warnings.warn(undecided(d, result).render(), UndecidedWarning, stacklevel=2)
        definitions.append(d)
    if refuted:
        raise DiagnosticError(refuted)
    return Module(tuple(definitions))
