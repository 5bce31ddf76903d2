"""`eqgen list`: what there is: definitions, and the operations of the table with their spelling in each backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.definitions import TypedDefinition
    from eqgen.backends.protocol import Backend

KINDS = ("layer", "activation", "function", "loss", "optimizer", "scheduler", "initializer", "lemma")


def inventory(files: console.Files = None, json: console.Json = False) -> None:
    """List the definitions of FILES, or of the library, and the operations that each backend has."""
    with console.json_errors(json):
        from eqgen.algebra.checking import own_definitions
        from eqgen.algebra.library import library, load_files
        from eqgen.algebra.operations import TABLE
        from eqgen.backends.protocol import backends

        definitions = own_definitions(load_files(files or []), library())
        columns = backends()
    if json:
        operations = {name: {b.name: spelling(b, name) for b in columns.values()} for name in TABLE}
        console.emit({"definitions": [plain(d) for d in definitions], "operations": operations})
        return
    _print_definitions(definitions)
    if not files:
        _print_operations(list(columns.values()))


def plain(definition: TypedDefinition) -> dict[str, object]:
    return {
        "kind": definition.kind,
        "name": definition.name,
        "header": header(definition),
        "title": definition.title,
        "file": definition.span.source.name,
        "line": definition.span.line,
    }


def header(definition: TypedDefinition) -> str:
    """`LeakyReLU(alpha=0.01)`: the name with the arguments it takes in a string."""
    from eqgen.algebra.notation import literal

    arguments = [*definition.activations]
    arguments += [n.name if n.default is None else f"{n.name}={literal(n.default)}" for n in definition.numbers]
    return f"{definition.name}({', '.join(arguments)})" if arguments else definition.name


def spelling(backend: Backend, operation: str) -> str | None:
    """How a backend spells an operation; None where it has none."""
    found = backend.column.get(operation)
    return None if found is None else found.template


def _print_definitions(definitions: tuple[TypedDefinition, ...]) -> None:
    from rich.table import Table

    out = console.console()
    for kind in KINDS:
        members = sorted((d for d in definitions if d.kind == kind), key=lambda d: d.name)
        if not members:
            continue
        table = Table.grid(padding=(0, 2))
        table.title, table.title_justify, table.title_style = f"{kind} ({len(members)})", "left", "bold"
        for d in members:
            table.add_row("", header(d), d.title, d.origin)
        out.print(table)
        typer.echo()


def _print_operations(columns: list[Backend]) -> None:
    from rich.table import Table

    from eqgen.algebra.operations import TABLE

    table = Table(
        "operation", "notation", *(b.title for b in columns), title=f"operations ({len(TABLE)})", title_justify="left"
    )
    for name, row in TABLE.items():
        table.add_row(name, row.notation, *("yes" if name in b.column else "-" for b in columns))
    console.console().print(table)
