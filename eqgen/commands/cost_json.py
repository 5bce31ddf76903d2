"""Cost reports as JSON: every amount as text, as LaTeX, and as a number where all sizes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.optimize.cost_notes import ratio
from eqgen.optimize.cost_report import DefinitionCost, PartCost, StatementCost, Stored
from eqgen.optimize.network_cost import PATTERN, ROLES, NetworkCost, Totals
from eqgen.optimize.program_cost import Work, largest

INDEX_BYTES = 8
"""Of an entry of an index matrix, whatever the dtype of the others."""
PATTERN_BYTES = 4
"""Of an index in the pattern of a sparse matrix, unless sizes or the number of entries need 64 bits."""


@dataclass(frozen=True)
class Scale:
    """How amounts become text and numbers.

    dims       the sizes that are given
    itemsize   bytes of an entry
    order      of sizes in formulas
    position   bytes of an index in the pattern of a sparse matrix
    """

    dims: Mapping[str, int]
    itemsize: int
    order: Sequence[str] = ()
    position: int = PATTERN_BYTES

    def value(self, amount: Polynomial) -> int | None:
        """The number, or None where a size is open."""
        return amount.value(self.dims) if amount.names <= self.dims.keys() else None

    def bytes(self, entries: Polynomial, positions: Polynomial = ZERO) -> int | None:
        """Of entries, and of indices in patterns."""
        value, further = self.value(entries), self.value(positions)
        return None if value is None or further is None else value * self.itemsize + further * self.position

    def stored_bytes(self, stored: Stored) -> int | None:
        value = self.value(stored.entries)
        if value is None:
            return None
        return value * (self.position if stored.role == PATTERN else INDEX_BYTES if stored.is_index else self.itemsize)

    def intensity(self, flops: Polynomial, entries: Polynomial, positions: Polynomial = ZERO) -> float | None:
        """Operations a byte."""
        operations, moved = self.value(flops), self.bytes(entries, positions)
        return None if operations is None or not moved else operations / moved

    def largest(self, work: Work) -> tuple[Polynomial, ...]:
        """The largest intermediate result; several, where it depends on open sizes which it is."""
        return largest(work.results, self.dims)


def amount_json(amount: Polynomial, scale: Scale) -> dict[str, Any]:
    return {"text": amount.text(scale.order), "latex": amount.latex(scale.order), "value": scale.value(amount)}


def work_json(work: Work, scale: Scale) -> dict[str, Any]:
    return {
        "flops": amount_json(work.flops, scale),
        "flops_in_products": amount_json(work.products, scale),
        "entries_written": amount_json(work.written, scale),
        "entries_moved": amount_json(work.traffic, scale),
        "entries_moved_at_least": amount_json(work.least, scale),
        "indices_moved": amount_json(work.indices, scale),
        "indices_moved_at_least": amount_json(work.least_indices, scale),
        "largest_temporaries": [amount_json(amount, scale) for amount in scale.largest(work)],
        "bytes_moved": scale.bytes(work.traffic, work.indices),
        "bytes_moved_at_least": scale.bytes(work.least, work.least_indices),
        "intensity": scale.intensity(work.flops, work.traffic, work.indices),
        "intensity_at_most": scale.intensity(work.flops, work.least, work.least_indices),
    }


def both_json(written: Work, rewritten: Work, scale: Scale) -> dict[str, Any]:
    return {"written": work_json(written, scale), "rewritten": work_json(rewritten, scale)}


def part_json(part: PartCost, scale: Scale, dense: PartCost | None = None) -> dict[str, Any]:
    """With the costs of the same statements over dense matrices, where these are given."""
    others = dense.statements if dense else [None] * len(part.statements)
    statements = [
        {
            "target": s.target,
            "equation": s.equation,
            "place": s.origin,
            "code": list(s.code),
            "rewrites": list(s.rules),
            "entries_of_result": amount_json(s.result, scale),
            **both_json(s.written, s.rewritten, scale),
            **dense_json(other, scale),
        }
        for s, other in zip(part.statements, others, strict=True)
    ]
    works = both_json(part.written, part.rewritten, scale) | dense_json(dense, scale)
    return {"name": part.name, "statements": statements, **works}


def dense_json(dense: PartCost | StatementCost | None, scale: Scale) -> dict[str, Any]:
    return {} if dense is None else {"dense": work_json(dense.rewritten, scale)}


def definition_json(report: DefinitionCost, scale: Scale) -> dict[str, Any]:
    dense = report.dense
    return {
        "kind": report.definition.kind,
        "name": report.title,
        "file": report.definition.span.source.name,
        "line": report.definition.span.line,
        "sizes": list(report.sizes),
        "parts": [part_json(part, scale, dense.part(part.name) if dense else None) for part in report.parts],
    }


def totals_json(totals: Totals, scale: Scale) -> dict[str, Any]:
    """Where layers are sparse also of the dense ones, and the share of their costs that is left."""
    value = _totals_json(totals, scale)
    dense = totals.dense
    if dense is not None:
        value["dense"] = _totals_json(dense, scale)
        value["share_of_dense"] = shares_of_dense(totals, dense, scale)
    return value


def shares_of_dense(sparse: Totals, dense: Totals, scale: Scale) -> dict[str, float | None]:
    """Operations, bytes moved by a step, and bytes stored: of sparse layers, divided by those of dense ones."""
    sides = [(t.step(), t.stored) for t in (sparse, dense)]
    measures = {
        "flops": [scale.value(work.flops) for work, _ in sides],
        "bytes_moved": [scale.bytes(work.traffic, work.indices) for work, _ in sides],
        "bytes_moved_at_least": [scale.bytes(work.least, work.least_indices) for work, _ in sides],
        "bytes_stored": [total_bytes(stored, scale) for _, stored in sides],
    }
    return {name: None if a is None or not b else a / b for name, (a, b) in measures.items()}


def saving(totals: Totals, scale: Scale) -> list[str]:
    """What is left of the costs of dense layers, as a note; nothing where no layer is sparse, or sizes are open."""
    if totals.dense is None:
        return []
    names = {"flops": "FLOPs", "bytes_moved": "bytes moved", "bytes_stored": "bytes stored"}
    shares = shares_of_dense(totals, totals.dense, scale)
    found = [f"{shares[key]:.4g} of the {name}" for key, name in names.items() if shares[key] is not None]
    return [f"A step takes {', '.join(found)} of one over dense weights."] if found else []


def _totals_json(totals: Totals, scale: Scale) -> dict[str, Any]:
    forward, backward = totals.rewritten.get("forward"), totals.rewritten.get("backward")
    return {
        "parts": {name: both_json(totals.written[name], totals.rewritten[name], scale) for name in totals.rewritten},
        "step": both_json(totals.step(rewritten=False), totals.step(), scale),
        "flops_for_the_gradient_of_the_input": amount_json(totals.input_gradient, scale),
        "backward_by_forward": None if not (forward and backward) else ratio(backward.flops, forward.flops),
        "backward_by_forward_in_products": None
        if not (forward and backward)
        else ratio(backward.products, forward.products),
        "stored": [
            {
                "name": s.name,
                "role": s.role,
                "entries": amount_json(s.entries, scale),
                "bytes": scale.stored_bytes(s),
            }
            for s in totals.stored
        ],
        "storage": {
            role: {
                "entries": amount_json(totals.storage(role), scale),
                "bytes": total_bytes([s for s in totals.stored if s.role == role], scale),
            }
            for role in ROLES
        },
    }


def total_bytes(stored: Sequence[Stored], scale: Scale) -> int | None:
    """Bytes of all, or None where a size is open."""
    each = [scale.stored_bytes(s) for s in stored]
    return None if any(b is None for b in each) else sum(b for b in each if b is not None)


def network_json(network: NetworkCost, scale: Scale) -> dict[str, Any]:
    layers = [
        {**definition_json(layer, scale), "bindings": dict(binding)}
        for layer, binding in zip(network.layers, network.bindings, strict=True)
    ]
    return {"layers": layers, "loss": definition_json(network.loss, scale) if network.loss else None}
