"""`eqgen build`: packages from equations. An unchanged one costs a hash; nothing heavy is imported then."""

from __future__ import annotations

import keyword
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.backends.build import Built
    from eqgen.backends.protocol import Backend


def build(
    files: console.Files = None,
    backend: console.Backends = None,
    package: Annotated[str, typer.Option(help="Packages are called PACKAGE_BACKEND.")] = "eqgen",
    out: Annotated[Path, typer.Option(help="The folder that they are written into.")] = Path("generated"),
    hvp: Annotated[
        bool, typer.Option("--hvp", help="With Hessian-vector products, in the packages' module `hessian`.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 and a diff when something is out of date.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the time of each stage.")] = False,
) -> None:
    """Check FILES and the library, and generate a package for each backend. What has not changed is left alone."""
    from eqgen.backends.build import Request, compare
    from eqgen.backends.build import build as build_packages

    if not package.isidentifier() or keyword.iskeyword(package):
        raise typer.BadParameter(f"{package!r} is not a name for a Python package", param_hint="--package")
    stages = Stages(verbose)
    chosen = _backends(backend, text_only=check)
    request = Request(console.source_files(files), chosen, package, out, hvp=hvp, progress=stages.begin)
    with console.plain_warnings():
        results = compare(request) if check else build_packages(request)
    stages.end()
    width = max((len(r.package) for r in results), default=0)
    for result in results:
        typer.echo(_line(result, width))
        for message in result.messages:
            console.say(f"  {message}")
        if result.difference:
            typer.echo(result.difference, nl=False)
    if any(r.state == "stale" for r in results):
        console.say("out of date: run `eqgen build` with the same options")
        raise typer.Exit(console.CHECK_FAILED)


def _backends(option: str | None, text_only: bool) -> list[Backend]:
    """The backends that are asked for. By default those that can run here; all, when only texts are compared."""
    from eqgen.packages import available_backends, find_backends, lack

    wanted = console.names(option)
    if wanted:
        chosen = find_backends(wanted)
        for each in chosen:
            if not text_only and not each.is_available():
                console.say(f"{each.name}: its package cannot run here: {lack(each)}")
        return chosen
    present, absent = available_backends()
    if text_only:
        return sorted([*present, *(b for b, _ in absent)], key=lambda b: b.name)
    for each, reason in absent:
        console.say(f"{each.name}: skipped, {reason}")
    return present


def _line(result: Built, width: int) -> str:
    return f"{result.package:{width}}  {result.state:9}  {result.seconds:6.2f} s  {result.folder}"


class Stages:
    """Times between the messages of a build."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self.name = "reading definitions"
        self.started = time.perf_counter()

    def begin(self, name: str) -> None:
        self.end()
        self.name = name
        if not self.shown:
            console.say(f"{name} ...")

    def end(self) -> None:
        now = time.perf_counter()
        if self.shown:
            console.say(f"{now - self.started:8.2f} s  {self.name}")
        self.started = now
