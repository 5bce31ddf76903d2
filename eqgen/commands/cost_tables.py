"""Cost reports as tables, for people and for LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer
from rich.table import Table

from eqgen.algebra.polynomial import ZERO, Polynomial
from eqgen.commands import console
from eqgen.commands.cost_json import Scale, total_bytes
from eqgen.optimize.cost_report import DefinitionCost, PartCost
from eqgen.optimize.network_cost import ROLES, Totals
from eqgen.optimize.program_cost import Work

ROLE_NAMES = {
    "parameter": "parameters",
    "gradient": "gradients",
    "optimizer": "optimizer state",
    "statistic": "statistics",
    "activation": "activations kept for backward",
}
SAME = "="
"""In the column of what is rewritten: as it is written."""


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


def moved(value: Polynomial, scale: Scale) -> str:
    """Entries as a formula, or bytes when sizes are given."""
    return magnitude(value.value(scale.dims) * scale.itemsize, "B") if scale.dims else value.text(scale.order)


def print_definition(report: DefinitionCost, scale: Scale, subtitle: str = "") -> None:
    """A heading, and a table of the statements of all parts."""
    definition = report.definition
    heading = f"{definition.kind} {report.title}  {definition.origin}"
    typer.echo(f"{heading}  {subtitle}".rstrip())
    table = _table("", "FLOPs as written", "rewritten", f"{_unit(scale)} moved as written", "rewritten")
    for part in report.parts:
        table.add_row(f"[bold]{part.name}[/bold]")
        for row in _statement_rows(part, scale):
            table.add_row(*row)
    console.console().print(table)
    typer.echo()


def _unit(scale: Scale) -> str:
    return "bytes" if scale.dims else "entries"


def _statement_rows(part: PartCost, scale: Scale) -> Iterable[tuple[str, ...]]:
    for s in part.statements:
        flops = [amount(w.flops, scale) for w in (s.written, s.rewritten)]
        entries = [moved(w.traffic, scale) for w in (s.written, s.rewritten)]
        yield (_escaped(f"  {s.origin}  {' '.join(s.equation.split())}"), *_difference(flops), *_difference(entries))


def _difference(pair: Sequence[str]) -> tuple[str, str]:
    return (pair[0], SAME if pair[0] == pair[1] else pair[1])


def print_totals(totals: Totals, scale: Scale) -> None:
    """A table of the parts of a training step, and one of what is stored."""
    works = [(name, totals.written[name], totals.rewritten[name]) for name in totals.rewritten]
    works.append(("step", totals.step(rewritten=False), totals.step()))
    print_works(works, scale)
    print_storage(totals, scale)


def print_works(works: Sequence[tuple[str, Work, Work]], scale: Scale) -> None:
    """A column for each part; what is not said to be as written is as rewritten."""
    table = _table("", *(name for name, _, _ in works))
    columns = [_measures(written, rewritten, scale) for _, written, rewritten in works]
    for name in columns[0]:
        cells = [column[name] for column in columns]
        if any(cells):
            table.add_row(name, *cells)
    console.console().print(table)
    typer.echo()


def _measures(written: Work, rewritten: Work, scale: Scale) -> dict[str, str]:
    """What a table of parts says of one of them; "" for what is not known."""
    moved_entries = (rewritten.traffic, rewritten.least) if scale.dims else ()
    intensities = [scale.intensity(rewritten.flops, entries) for entries in moved_entries]
    unit = _unit(scale)
    return {
        "FLOPs as written": amount(written.flops, scale),
        "FLOPs": amount(rewritten.flops, scale),
        "FLOPs in products": amount(rewritten.products, scale),
        f"{unit} moved as written": moved(written.traffic, scale),
        f"{unit} moved": moved(rewritten.traffic, scale),
        f"{unit} moved at least": moved(rewritten.least, scale),
        "largest temporary as written": largest_temporary(written, scale),
        "largest temporary": largest_temporary(rewritten, scale),
        "FLOPs a byte": " to ".join(dict.fromkeys(f"{i:.3g}" for i in intensities if i is not None)),
    }


def largest_temporary(work: Work, scale: Scale) -> str:
    """`max(N^2, D K)`, or a number of bytes."""
    found = [moved(value, scale) for value in scale.largest(work)] or ["0"]
    return found[0] if len(found) == 1 else f"max({', '.join(found)})"


def print_storage(totals: Totals, scale: Scale) -> None:
    """What is kept between the parts of a step, by role. The bytes of what does not depend on open sizes are known."""
    table = _table("stored", "entries", "bytes", "")
    members = {ROLE_NAMES[role]: [s for s in totals.stored if s.role == role] for role in ROLES}
    for name, stored in [*members.items(), ("together", list(totals.stored))]:
        if stored:
            size = total_bytes(stored, scale)
            entries = sum((s.entries for s in stored), ZERO).text(scale.order)
            names = ", ".join(s.name for s in stored) if name in members else ""
            table.add_row(name, entries, "" if size is None else magnitude(size, "B"), _escaped(names))
    if table.row_count:
        console.console().print(table)
        typer.echo()


def print_notes(notes: Iterable[str]) -> None:
    table = Table.grid(padding=(0, 1))
    for note in notes:
        table.add_row("*", _escaped(note))
    console.console().print(table)


def latex_table(report: DefinitionCost, scale: Scale) -> str:
    """A `tabular` of all statements: FLOPs and entries moved, as written and as rewritten."""
    lines = [r"\begin{tabular}{llll}", r"& equation & FLOPs as written & FLOPs rewritten \\", r"\hline"]
    for part in report.parts:
        for k, s in enumerate(part.statements):
            cells = [f"${w.flops.latex(scale.order)}$" for w in (s.written, s.rewritten)]
            name = part.name if k == 0 else ""
            lines.append(" & ".join([name, rf"\texttt{{{_latex_text(s.equation)}}}", *cells]) + r" \\")
        cells = [f"${w.flops.latex(scale.order)}$" for w in (part.written, part.rewritten)]
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
