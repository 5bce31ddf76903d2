"""Cost reports as tables, for people and for LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import typer
from rich.table import Table

from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.commands import console
from eqgen.commands.cost_json import Scale, total_bytes
from eqgen.optimize.cost_report import DefinitionCost, PartCost, StatementCost
from eqgen.optimize.network_cost import ROLES, Totals
from eqgen.optimize.program_cost import Work

ROLE_NAMES = {
    "parameter": "parameters",
    "pattern": "patterns, as indices",
    "gradient": "gradients",
    "optimizer": "optimizer state",
    "statistic": "statistics",
    "activation": "activations kept for backward",
}
SAME = "="
"""In a second column: as in the first one."""


@dataclass(frozen=True)
class Headings:
    """What is compared: `first` with `second`. `key` begins the rows of the second one in tables of parts."""

    first: str
    second: str
    key: str = ""


REWRITTEN = Headings("as written", "rewritten")
STORED = Headings("dense", "sparse", " sparse")
"""Both as rewritten."""


def magnitude(value: float, unit: str = "") -> str:
    """`1.258 GB`: four digits, decimal prefixes."""
    for prefix in ("", "k", "M", "G", "T", "P"):
        if abs(value) < 1000 or prefix == "P":
            break
        value /= 1000
    return f"{value:.4g} {prefix}{unit}".rstrip()


def amount(value: Polynomial, scale: Scale) -> str:
    """A formula, or a number when sizes are given."""
    return magnitude(value.value(scale.dims)) if scale.dims else value.text(scale.order)


def moved(value: Polynomial, scale: Scale, positions: Polynomial = ZERO) -> str:
    """Entries, and indices of patterns, as formulas; or bytes when sizes are given."""
    if scale.dims:
        return magnitude(value.value(scale.dims) * scale.itemsize + positions.value(scale.dims) * scale.position, "B")
    text = value.text(scale.order)
    return f"{text}, {positions.text(scale.order)} indices" if positions else text


def print_definition(report: DefinitionCost, scale: Scale, subtitle: str = "") -> None:
    """A heading, and a table of the statements of all parts; of a sparse layer beside those of the dense one."""
    dense = report.dense
    definition = report.definition
    heading = f"{definition.kind} {report.title}  {definition.origin}"
    typer.echo(f"{heading}  {subtitle}".rstrip())
    words = STORED if dense else REWRITTEN
    table = _table("", f"FLOPs {words.first}", words.second, f"{_unit(scale)} moved {words.first}", words.second)
    for part in report.parts:
        table.add_row(f"[bold]{part.name}[/bold]")
        for row in _statement_rows(part, scale, dense.part(part.name) if dense else None):
            table.add_row(*row)
    console.console().print(table)
    typer.echo()


def _unit(scale: Scale) -> str:
    return "bytes" if scale.dims else "entries"


def _statement_rows(part: PartCost, scale: Scale, dense: PartCost | None) -> Iterable[tuple[str, ...]]:
    for s, before, after in _compared(part, dense):
        flops = [amount(w.flops, scale) for w in (before, after)]
        entries = [moved(w.traffic, scale, w.indices) for w in (before, after)]
        yield (_escaped(f"  {s.origin}  {' '.join(s.equation.split())}"), *_difference(flops), *_difference(entries))


def _compared(part: PartCost, dense: PartCost | None) -> Iterator[tuple[StatementCost, Work, Work]]:
    """Each statement with what stands in the first and in the second column."""
    if dense is None:
        yield from ((s, s.written, s.rewritten) for s in part.statements)
    else:
        yield from ((s, d.rewritten, s.rewritten) for s, d in zip(part.statements, dense.statements, strict=True))


def _difference(pair: Sequence[str]) -> tuple[str, str]:
    return (pair[0], SAME if pair[0] == pair[1] else pair[1])


def print_totals(totals: Totals, scale: Scale) -> None:
    """A table of the parts of a training step, and one of what is stored; where layers are sparse beside dense ones."""
    dense = totals.dense
    if dense is None:
        works = [(name, totals.written[name], totals.rewritten[name]) for name in totals.rewritten]
        works.append(("step", totals.step(rewritten=False), totals.step()))
        print_works(works, scale)
    else:
        works = [(name, dense.rewritten[name], totals.rewritten[name]) for name in totals.rewritten]
        print_works([*works, ("step", dense.step(), totals.step())], scale, STORED)
    print_storage(totals, scale)


def print_works(works: Sequence[tuple[str, Work, Work]], scale: Scale, words: Headings = REWRITTEN) -> None:
    """A column for each part; what is not said to be as written is as rewritten."""
    table = _table("", *(name for name, _, _ in works))
    columns = [_measures(before, after, scale, words) for _, before, after in works]
    for name in columns[0]:
        cells = [column[name] for column in columns]
        if any(cells):
            table.add_row(name, *cells)
    console.console().print(table)
    typer.echo()


def _measures(before: Work, after: Work, scale: Scale, words: Headings) -> dict[str, str]:
    """What a table of parts says of one of them; "" for what is not known."""
    moves = ((after.traffic, after.indices), (after.least, after.least_indices)) if scale.dims else ()
    intensities = [scale.intensity(after.flops, *pair) for pair in moves]
    unit, first, second = _unit(scale), words.first, words.key
    return {
        f"FLOPs {first}": amount(before.flops, scale),
        f"FLOPs{second}": amount(after.flops, scale),
        f"FLOPs in products{second}": amount(after.products, scale),
        f"{unit} moved {first}": moved(before.traffic, scale, before.indices),
        f"{unit} moved{second}": moved(after.traffic, scale, after.indices),
        f"{unit} moved at least{second}": moved(after.least, scale, after.least_indices),
        f"largest temporary {first}": largest_temporary(before, scale),
        f"largest temporary{second}": largest_temporary(after, scale),
        f"FLOPs a byte{second}": " to ".join(dict.fromkeys(f"{i:.3g}" for i in intensities if i is not None)),
    }


def largest_temporary(work: Work, scale: Scale) -> str:
    """`max(N^2, D K)`, or a number of bytes."""
    found = [moved(value, scale) for value in scale.largest(work)] or ["0"]
    return found[0] if len(found) == 1 else f"max({', '.join(found)})"


def print_storage(totals: Totals, scale: Scale) -> None:
    """What is kept between the parts of a step, by role. The bytes of what does not depend on open sizes are known."""
    dense = totals.dense
    first, second = STORED.first, STORED.second
    columns = (f"entries {first}", second, f"bytes {first}", second) if dense else ("entries", "bytes")
    table = _table("stored", *columns, "")
    for role in (*ROLES, ""):
        stored, *others = (
            [s for s in step.stored if not role or s.role == role] for step in ((totals, dense) if dense else (totals,))
        )
        if stored:
            sides = [*others, stored]
            entries = [sum((s.entries for s in side), ZERO).text(scale.order) for side in sides]
            sizes = [total_bytes(side, scale) for side in sides]
            names = ", ".join(s.name for s in stored) if role else ""
            texts = ["" if size is None else magnitude(size, "B") for size in sizes]
            table.add_row(ROLE_NAMES.get(role, "together"), *entries, *texts, _escaped(names))
    if table.row_count:
        console.console().print(table)
        typer.echo()


def print_notes(notes: Iterable[str]) -> None:
    table = Table.grid(padding=(0, 1))
    for note in notes:
        table.add_row("*", _escaped(note))
    console.console().print(table)


def latex_table(report: DefinitionCost, scale: Scale) -> str:
    """A `tabular` of the FLOPs of all statements: as written and as rewritten, or of the dense and the sparse layer."""
    dense = report.dense
    words = STORED if dense else REWRITTEN
    heading = rf"& equation & FLOPs {words.first} & FLOPs {words.second} \\"
    lines = [r"\begin{tabular}{llll}", heading, r"\hline"]
    for part in report.parts:
        other = dense.part(part.name) if dense else None
        for k, (s, before, after) in enumerate(_compared(part, other)):
            cells = [f"${w.flops.latex(scale.order)}$" for w in (before, after)]
            name = part.name if k == 0 else ""
            lines.append(" & ".join([name, rf"\texttt{{{_latex_text(s.equation)}}}", *cells]) + r" \\")
        first = other.rewritten if other else part.written
        cells = [f"${w.flops.latex(scale.order)}$" for w in (first, part.rewritten)]
        lines += [" & ".join(["", "total", *cells]) + r" \\", r"\hline"]
    return "\n".join([*lines, r"\end{tabular}"])


def _latex_text(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"} | {c: f"\\{c}" for c in "_&%$#{}"}
    return "".join(special.get(c, c) for c in text)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="left" if k == 0 or column == "" else "right")
    return table


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
