"""The tables of the documentation that follow from the code: operations, the library, error codes.

    python docs/tables.py [--check]

Writes them between the marks that stand in the documents, or with `--check` says which are out of date (exit code 1).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import permutations, takewhile
from pathlib import Path

DOCS = Path(__file__).resolve().parent


def mark(name: str, writer: str) -> tuple[str, str]:
    """The two lines around a table."""
    return f"<!-- {name}: written by {writer} -->", f"<!-- end of {name} -->"


def placed(text: str, name: str, writer: str, table: str) -> str:
    """A document with a new table between its marks. ValueError unless each stands there once."""
    begin, end = mark(name, writer)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"there is no place for the table {name}: expected `{begin}` and `{end}`, each once")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda match: f"{begin}\n{table}\n{end}", text)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold anything but line breaks."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


# --- operations ----------------------------------------------------------------------------------------------


def operations() -> str:
    """All rows of the operation table, with shapes of operands that fit, as an example."""
    from eqgen.algebra.expressions import Shape, shape_text
    from eqgen.algebra.operations import TABLE, Operation, ShapeMismatch

    operands: list[Shape] = [("m", "n"), ("n", "k"), ("n", "n"), ("k", 1), ("m", 1), (1, "k"), (1, "n")]

    def example(row: Operation) -> str:
        sizes = {0: (), 1: ("p",), 2: ("m", "n")}[max(row.size_counts)]
        different = [] if row.entrywise else list(permutations(operands, row.arity))
        for shapes in [*different, *((shape,) * row.arity for shape in operands)]:
            try:
                result = row.shape(shapes, sizes)
            except ShapeMismatch:
                continue
            names = [*(shape_text(s) for s in shapes), *sizes]
            return f"{', '.join(names)} → {shape_text(result)}" if names else shape_text(result)
        raise ValueError(f"no example of operands fits `{row.name}`: add one")

    rows = [
        [code(row.name), row.notation, example(row), ". ".join(filter(None, [row.domain, row.note]))]
        for row in TABLE.values()
    ]
    return markdown(["operation", "notation", "shapes, for example", "domain and notes"], rows)


# --- library -------------------------------------------------------------------------------------------------


def definitions(kind: str) -> Callable[[], str]:
    """All definitions of a kind."""

    def table() -> str:
        from eqgen.algebra.library import library

        rows = []
        for d in sorted(library().of_kind(kind), key=lambda d: d.name.lower()):
            header = d.span.text.splitlines()[0].removeprefix(kind).strip()
            rows.append([code(header), d.title, d.reference, code(d.origin.split(":")[0])])
        return markdown(["", "", "source", "file"], rows)

    return table


def lemmas() -> str:
    """The files of lemmas, each with its heading and how many it holds."""
    from eqgen.algebra.library import library

    counts: dict[Path, int] = {}
    for d in library().of_kind("lemma"):
        path = Path(d.span.source.name)
        counts[path] = counts.get(path, 0) + 1
    rows = []
    for path, count in sorted(counts.items()):
        lines = path.read_text(encoding="utf-8").splitlines()
        heading = " ".join(
            line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("# "), lines)
        )
        rows.append([code(path.name), heading, str(count)])
    return markdown(["file", "", "lemmas"], rows)


# --- errors --------------------------------------------------------------------------------------------------


def codes() -> str:
    """All error codes."""
    from eqgen.language.codes import catalogue

    return markdown(["code", "meaning"], [[entry.code, entry.title] for entry in catalogue().values()])


WRITER = "docs/tables.py"
KINDS = ("layer", "activation", "function", "loss", "optimizer", "scheduler", "initializer")
TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "design.md": {"operations": operations},
    "library.md": {**{kind: definitions(kind) for kind in KINDS}, "lemma": lemmas},
    "errors.md": {"codes": codes},
}
"""Document -> name of a table -> what makes it."""


def renewed(document: str) -> str:
    """A document with all of its tables as they should be."""
    text = (DOCS / document).read_text(encoding="utf-8")
    for name, make in TABLES[document].items():
        text = placed(text, name, WRITER, make())
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Renew the tables of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a table is out of date")
    options = parser.parse_args(arguments)
    stale = []
    for document in TABLES:
        path, text = DOCS / document, renewed(document)
        if path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/{document}")
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is out of date: run python docs/tables.py' if options.check else 'renewed'}")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
