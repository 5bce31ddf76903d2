"""`eqgen demo`: the bundled digits with every backend that is installed, and one table."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import typer

from eqgen.commands import console

SETTINGS = {
    "--layers": "ReLU;ReLU;Linear",
    "--layer-sizes": "64;128;64;10",
    "--layer-weights": "XavierNormalized",
    "--optimizers": "Nesterov(0.9)",
    "--learning-rate": "0.05",
    "--batch-size": "20",
    "--epochs": "10",
}


def demo() -> None:
    """Train a small network on 1797 handwritten digits with every installed backend, from the same weights."""
    from rich.table import Table

    from eqgen.packages import available_backends

    present, absent = available_backends()
    table = Table("backend", "loss", "train accuracy", "test accuracy", "seconds")
    failed = []
    typer.echo(f"eqgen train {' '.join(f'{name} {_quoted(value)}' for name, value in SETTINGS.items())} --shuffle")
    for backend in present:
        console.say(f"{backend.title} ...")
        record = _trained(backend.name)
        if record is None:
            failed.append(backend.name)
            continue
        numbers = [f"{record[name]:.4f}" for name in ("loss", "train_accuracy", "test_accuracy")]
        table.add_row(backend.title, *numbers, f"{record['seconds']:.2f}")
    console.console().print(table)
    for backend, reason in absent:
        console.say(f"{backend.title}: skipped, {reason}")
    if failed:
        console.say(f"failed: {', '.join(failed)}")
        raise typer.Exit(console.CHECK_FAILED)


def _trained(backend: str) -> dict[str, Any] | None:
    """The last epoch, with the seconds of all; None when training failed, which has been reported then.

    Each backend has a process of its own: frameworks in one process compete for threads and memory.
    """
    options = [part for option in SETTINGS.items() for part in option] + ["--shuffle"]
    command = [sys.executable, "-m", "eqgen", "train", "--json", "--backend", backend, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return None
    epochs = json.loads(done.stdout)["epochs"]
    return {**epochs[-1], "seconds": sum(e["seconds"] for e in epochs)}


def _quoted(value: str) -> str:
    return f"'{value}'" if set(value) & set(";()") else value
