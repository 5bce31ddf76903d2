"""Reading definitions: the library that comes with eqgen, and a user's files on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from eqgen.algebra.definitions import Module
from eqgen.algebra.derivation import completed
from eqgen.algebra.elaborate import elaborate
from eqgen.language import parse, parse_file
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.model import File

LIBRARY = Path(__file__).resolve().parent.parent / "library"
MAX_FILES = 100


@cache
def library() -> Module:
    """The definitions that come with eqgen."""
    return elaborate([parse_file(path) for path in sorted(LIBRARY.rglob("*.eq"))])


def load_files(paths: Sequence[Path]) -> Module:
    """The library with the definitions of some files on top; files that they `use` are read too.

    Raises DiagnosticError with every error found.
    """
    return completed(elaborate(with_imports(paths), library())) if paths else library()


def load_text(text: str, name: str = "<string>") -> Module:
    """The library with the definitions of a text on top."""
    return completed(elaborate([parse(text, name)], library()))


def with_imports(paths: Sequence[Path]) -> list[File]:
    """Parse files and what they `use`, each once. A path in `use` is relative to its file and stays below its folder.

    Raises DiagnosticError with every error found.
    """
    files: list[File] = []
    problems: list[Diagnostic] = []
    seen: dict[Path, None] = {}
    active: list[Path] = []

    def visit(path: Path) -> None:
        resolved = path.resolve()
        if resolved in seen:
            return
        seen[resolved] = None
        active.append(resolved)
        try:
            file = parse_file(path)
        except DiagnosticError as error:
            problems.extend(error.diagnostics)
            active.pop()
            return
        for used in file.imports:
            target = (path.parent / used.path).resolve()
            if Path(used.path).is_absolute() or not target.is_relative_to(path.resolve().parent):
                problems.append(
                    Diagnostic(
                        "E501",
                        f"`{used.path}` is outside of the file's folder",
                        used.span,
                        "a file beside this one or below it",
                    )
                )
            elif target in active:
                chain = " -> ".join(p.name for p in [*active[active.index(target) :], target])
                problems.append(
                    Diagnostic("E104", f"the files use each other: {chain}", used.span, "a `use` without a cycle")
                )
            elif len(seen) >= MAX_FILES:
                problems.append(Diagnostic("E503", f"more than {MAX_FILES} files are used", used.span))
            else:
                visit(path.parent / used.path)
        active.pop()
        files.append(file)

    for path in paths:
        visit(Path(path))
    if problems:
        raise DiagnosticError(problems)
    return files
