"""Differential tests of generated packages: as a library, as `eqgen test`, and in the project's own test suite.

    cases, packages     what to compute, and with which package: sizes, values, layouts, header numbers
    exercises, host     how each kind of definition is called, and what its equations say of the result
    reference, bounded, rounding
                        the exact value, and how far from it a computed one may be: the table of tolerances
    reverse             gradients by the operation table's adjoints
    run, report         every definition, in every backend, against every oracle
    operations          the same for single operations
    mutation            wrong equations and wrong spellings, all of which must be found

The oracles are listed in `eqgen.testing.report.ORACLES`, the tolerances in `eqgen.testing.rounding.ROUNDING`.
"""

from __future__ import annotations

from eqgen.testing.report import ORACLES, Report, Result
from eqgen.testing.run import run, select, test_packages

__all__ = ["ORACLES", "Report", "Result", "run", "select", "test_packages"]
