"""`eqgen doctor`: what is here to build and run packages with, and the fix for each thing that is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from eqgen.backends.requirements import Framework, Requirement
from eqgen.commands import console

FORMATTERS = ("ruff", "clang-format")
"""Programs that lay out generated text."""


@dataclass(frozen=True)
class Found:
    """A requirement that is no Python package."""

    name: str
    found: bool
    version: str = ""
    where: str = ""
    fix: str = ""
    note: str = ""
    required: bool = True


Tune = Annotated[
    bool, typer.Option("--tune", help="Measure which BLAS multiplies fastest here; later builds use it. Minutes.")
]
Rounds = Annotated[int, typer.Option(min=2, help="With --tune: how often each candidate is measured.")]
Forget = Annotated[bool, typer.Option("--forget-tuning", help="Remove what --tune found; builds use the default.")]


def doctor(json: console.Json = False, tune: Tune = False, rounds: Rounds = 5, forget_tuning: Forget = False) -> None:
    """Report compilers, libraries, frameworks, and the fix for what is missing. Exit code 1 when eqgen cannot work."""
    if tune and forget_tuning:
        raise typer.BadParameter("it cannot be asked for together with --tune", param_hint="--forget-tuning")
    with console.json_errors(json):
        if tune:
            return measure(rounds, json)
        if forget_tuning:
            return forget(json)
    report(json)


def measure(rounds: int, json: bool) -> None:
    """Measure, show it, and keep the choice; exit code 1 when the machine was too busy to choose."""
    from eqgen.backends.toolchain import find_mkl
    from eqgen.backends.tuning import measure as measuring
    from eqgen.backends.tuning import record
    from eqgen.commands.tuning_table import print_tuning, tuning_json

    def progress(message: str) -> None:
        console.say(f"{message} ...")

    found = measuring.tune(replace(measuring.EFFORT, rounds=rounds), progress, measuring.run_worker)
    path = record.write(found, find_mkl()) if found.is_steady else None
    if json:
        console.emit(tuning_json(found, path))
    else:
        print_tuning(found, path)
    if path is None:
        raise typer.Exit(console.CHECK_FAILED)


def forget(json: bool) -> None:
    """Remove the choice that was kept."""
    from eqgen.backends.toolchain import find_mkl
    from eqgen.backends.tuning import record

    path = record.forget(find_mkl())
    if json:
        console.emit({"removed": None if path is None else str(path)})
    elif path is None:
        typer.echo("nothing was measured on this machine: builds use the default")
    else:
        typer.echo(f"removed {shortened(str(path))}; builds use the default")


def report(json: bool) -> None:
    """What is there and what is missing."""
    from eqgen.backends.protocol import backends

    sections: dict[str, list[Requirement]] = {"eqgen": list(core())}
    for backend in backends().values():
        sections[f"backend {backend.name}"] = list(backend.requirements())
    if json:
        console.emit({
            "platform": platform.platform(),
            "sections": [
                {"name": name, "requirements": [plain(each) for each in found]} for name, found in sections.items()
            ],
        })  # fmt: skip
    else:
        typer.echo(f"eqgen {importlib.metadata.version('eqgen')}, {platform.platform()}, {os.cpu_count()} processors")
        for name, found in sections.items():
            typer.echo(f"\n{name}")
            for each in found:
                for text in lines(each):
                    typer.echo(f"  {text}")
    if any(each.required and not each.found for each in sections["eqgen"]):
        raise typer.Exit(console.CHECK_FAILED)


def core() -> Iterator[Requirement]:
    """What eqgen itself needs."""
    yield Found("Python", True, platform.python_version())
    for module in ("jinja2", "lark", "numpy", "rich", "sympy", "typer"):
        yield Framework(module)
    yield from map(_program, FORMATTERS)
    yield _cache()


def _program(name: str) -> Requirement:
    from eqgen.backends.render import executable
    from eqgen.language.diagnostics import DiagnosticError

    note = "generated text of some backends is laid out by it"
    try:
        return Found(name, True, _installed(name), executable(name))
    except DiagnosticError:
        return Found(name, False, fix=f"pip install {name}", note=note, required=False)


def _installed(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cache() -> Requirement:
    from eqgen.backends.locations import cache_folder

    fix = "set EQGEN_CACHE to a folder that can be written"
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Found("cache", True, where=str(folder))
    except (OSError, RuntimeError) as error:
        note = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Found("cache", False, fix=fix, note=note, required=False)


def lines(each: Requirement) -> Iterator[str]:
    """`yes  Eigen 3.4.1  /usr/include/eigen3`, or what is missing, what that means, and the fix."""
    mark = "yes" if each.found else "NO " if each.required else "no "
    yield "  ".join(filter(None, (mark, f"{each.name} {each.version}".strip(), shortened(each.where), each.note)))
    if not each.found and each.fix:
        yield f"     fix: {each.fix}"


def shortened(path: str) -> str:
    """A path below the home folder with ~."""
    home = str(Path.home())
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path


def plain(each: Requirement) -> dict[str, object]:
    return {name: getattr(each, name) for name in ("name", "found", "version", "where", "fix", "note", "required")}
