"""The `eqgen` command: checks, builds, tests and trains. Exit codes: 0 fine, 1 a check failed, 2 bad input.

This module is thin: it puts the commands together and turns errors into messages.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from eqgen.commands import console
from eqgen.commands.build import build
from eqgen.commands.check import check
from eqgen.commands.cost import cost
from eqgen.commands.demo import demo
from eqgen.commands.derive import derive
from eqgen.commands.doctor import doctor
from eqgen.commands.explain import explain
from eqgen.commands.format import fmt
from eqgen.commands.inventory import inventory
from eqgen.commands.new import new
from eqgen.commands.profile import profile
from eqgen.commands.test import test
from eqgen.commands.train import train
from eqgen.language.diagnostics import DiagnosticError


class CommandGroup(TyperGroup):
    """Diagnostics become messages with carets and an exit code, whoever runs the command."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DiagnosticError as error:
            console.show(error.diagnostics)
            raise typer.Exit(console.exit_code(error.diagnostics)) from error
        except KeyboardInterrupt as error:
            console.say("interrupted")
            raise typer.Exit(console.INTERRUPTED) from error


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eqgen {importlib.metadata.version('eqgen')}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Neural-network layers as equations: checked, then generated for several frameworks."""
    # The command owns its process, so it may use all processors to check equations.
    os.environ.setdefault("EQGEN_JOBS", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))


COMMANDS: dict[str, Callable[..., None]] = {
    "new": new,
    "check": check,
    "derive": derive,
    "build": build,
    "test": test,
    "train": train,
    "fmt": fmt,
    "explain": explain,
    "cost": cost,
    "profile": profile,
    "list": inventory,
    "doctor": doctor,
    "demo": demo,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name="eqgen")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(console.FINE)
