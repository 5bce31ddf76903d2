"""THE operation table: one row an operation, over which everything else folds.

Shape inference, the prover, the deriver, the cost model, the printers, the documentation and the tests read these rows.
Adding an operation is adding a row here and a spelling in every backend's column; a test fails on an empty cell and
evaluates the cells against each other.
"""

from __future__ import annotations

from eqgen.algebra.operations import entrywise, structural
from eqgen.algebra.operations.row import Field, IndexField, Operand, Operation, ShapeMismatch

TABLE: dict[str, Operation] = {row.name: row for row in (*structural.ROWS, *entrywise.ROWS)}

__all__ = ["TABLE", "Field", "IndexField", "Operand", "Operation", "ShapeMismatch"]
