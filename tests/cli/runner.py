"""Running the command inside the test process, and in a process of its own; definitions that tests build."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from eqgen.cli import app

# One process: a test process may hold frameworks whose threads do not survive a fork.
ENVIRONMENT = {"EQGEN_JOBS": "1", "COLUMNS": "200", "NO_COLOR": "1"}

SCALED = """layer Scaled
    dims   N, D
    input  X: N x D
    param  s: 1 x D = 1
    output Y: N x D

    forward
        Y = hadamard(X, row_repeat(s, N))

    backward
        Ds = columns_sum(hadamard(DY, X))
        DX = hadamard(DY, row_repeat(s, N))
"""

WRONG = SCALED.replace("DX = hadamard(DY, row_repeat(s, N))", "DX = hadamard(DY, X)")
"""A gradient that is refuted."""


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def eqgen(*arguments: object, input: str | bytes | None = None) -> Outcome:
    """Run the command in this process. Any exception but SystemExit is passed on: no command may end in a traceback."""
    result = CliRunner(env=ENVIRONMENT).invoke(app, [str(a) for a in arguments], input=input, prog_name="eqgen")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def process(*arguments: object, **variables: str) -> Outcome:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "eqgen", *map(str, arguments)]
    environment = {**os.environ, **ENVIRONMENT, **variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    return Outcome(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder by a hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
