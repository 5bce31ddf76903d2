"""`eqgen new`: a definition to start from, about ten lines, whose equations are right."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from eqgen.commands import console

SKELETONS = {
    "layer": '''layer {name}
    "A linear map, its result scaled entry by entry."

    dims   N, D, K
    input  X: N x D
    param  W: K x D
    param  s: 1 x K = 1
    output Y: N x K

    forward
        Z = X * W.T
        Y = hadamard(Z, row_repeat(s, N))

    backward
        DZ = hadamard(DY, row_repeat(s, N))
        Ds = columns_sum(hadamard(DY, Z))
        DW = DZ.T * X
        DX = DZ * W
''',
    "activation": '''activation {name}(beta = 1)
    "x times a sigmoid."

    f(x)  = x * sigmoid(beta * x)
    f'(x) = sigmoid(beta * x) + beta * x * sigmoid(beta * x) * (1 - sigmoid(beta * x))
''',
    "function": '''function {name}(X: N x K)
    "The rows of X, divided by their sums."

    = hadamard(X, column_repeat(reciprocal(rows_sum(X)), K))
''',
    "loss": '''loss {name}
    "Half the sum of all squared differences."

    dims   N, K
    input  Y: N x K
    target T: N x K

    L  = elements_sum(square(Y - T)) / 2
    DY = Y - T
''',
    "optimizer": '''optimizer {name}(mu = 0.9)
    "Gradient descent along a decaying sum of gradients."

    state  delta = 0

    delta' = mu * delta - eta * Dtheta
    theta' = theta + delta'
''',
    "scheduler": '''scheduler {name}(eta0, d)
    "A learning rate that decays with the inverse of time."

    eta(i) = eta0 / (1 + d * i)
''',
    "initializer": '''initializer {name}(gain = 1)
    "Normal, with a variance of gain / D."

    W ~ normal(0, sqrt(gain / D))
''',
    "lemma": '''lemma {name}
    "The sum of all entries of a product, by the sums of its factors."

    X: M x N
    Y: N x K

    elements_sum(X * Y) = columns_sum(X) * rows_sum(Y)
''',
}  # fmt: skip

Kind = Enum("Kind", {name: name for name in SKELETONS}, type=str)  # type: ignore[misc]


def new(
    kind: Annotated[Kind, typer.Argument(help="What to define.")],
    name: Annotated[str, typer.Argument(help="Its name, such as GatedLinear.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; by default the name in lower case.")
    ] = None,
) -> None:
    """Write a definition file of about ten lines to start from. An existing file is left alone."""
    from eqgen.algebra.library import load_text
    from eqgen.language.formatter import format_source
    from eqgen.optimize.names import snake_case

    if not name.isidentifier() or not name.isascii() or name.startswith("_"):
        raise typer.BadParameter(f"{name!r} is not a name: letters, digits and _, a letter first", param_hint="NAME")
    path = out or Path(f"{snake_case(name)}.eq")
    text = format_source(SKELETONS[kind.value].format(name=name), str(path))
    load_text(text, str(path))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        console.fail("E505", str(path), "exists already", "choose another name, or another file with --out")
    except OSError as error:
        console.fail("E505", str(path), f"cannot be written: {error.strerror}")
    place = os.path.relpath(path)
    typer.echo(f"wrote {place}; next: eqgen check {place}, eqgen build {place}")
