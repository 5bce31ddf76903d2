"""Equations in a notebook: `%load_ext eqgen`, then cells that begin with `%%eqgen`.

    %%eqgen
    activation Swish
        f(x) = x * sigmoid(x)

Such a cell is read like a file, on top of the library. Its equations are shown as mathematics, each with its verdict.
Its definitions are bound to their names, `Swish.derive()`, and all of them to `definitions`,
`definitions.compile("numpy").SwishActivation(...)`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from eqgen.algebra.checking import JUDGES, DefinitionResult, undecided, verdict_text
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.presentation import LatexEquation, equations
from eqgen.algebra.refusal import refusal
from eqgen.algebra.verdict import EquationResult
from eqgen.api import loads
from eqgen.language.diagnostics import DiagnosticError

COLOURS = {
    "proved": "green",
    "checked": "teal",
    "refuted": "red",
    "unknown": "darkorange",
    "refuted as printed": "purple",
}
SOURCES = {"layer": "backward", "loss": "gradient", "activation": "derivative"}
"""The block that is derived where the text leaves it out."""


class Sheet:
    """What a cell shows: its definitions with their verdicts, as HTML for a notebook and as text for a terminal."""

    def __init__(self, results: Sequence[DefinitionResult], module: Module) -> None:
        self.results = tuple(results)
        self.module = module

    def __repr__(self) -> str:
        return "\n".join(str(result) for result in self.results)

    def _repr_html_(self) -> str:
        return "\n".join(_definition_html(result, self.module) for result in self.results)


def _definition_html(result: DefinitionResult, module: Module) -> str:
    d = result.definition
    rows = [_row(d, e, _verdict(d, e, result.equations)) for e in equations(d, module)]
    rows += [_misprint(r) for r in result.equations if r.verdict == "refuted as printed"]
    title = f" <small>{escape(d.title)}</small>" if d.title else ""
    table = f'<table style="text-align: left">{"".join(rows)}</table>'
    problems = "".join(f"<pre>{escape(text)}</pre>" for text in _problems(result))
    return f"<div><p>{d.kind} <b>{escape(d.name)}</b>{title}</p>{table}{problems}</div>"


def _row(d: TypedDefinition, e: LatexEquation, verdict: EquationResult | None) -> str:
    cells = [f"${escape(e.left)}$", f"${escape(e.sign)}$", f"${escape(e.right)}$"]
    if verdict is not None:
        text = verdict.verdict if verdict.verdict == "refuted" else verdict_text(verdict).split("\n")[0]
        if _is_derived(d, e.block):
            text = f"derived, {text}"
        cells.append(f'<span style="color: {COLOURS[verdict.verdict]}">{escape(text)}</span>')
    return "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>"


def _misprint(result: EquationResult) -> str:
    text = escape(verdict_text(result).split("\n")[0])
    colour = COLOURS[result.verdict]
    return (
        f'<tr><td colspan="3" style="text-align: left"><code>{escape(" ".join(result.target.split()))}</code></td>'
        f'<td style="text-align: left"><span style="color: {colour}">{text}</span></td></tr>'
    )


def _verdict(d: TypedDefinition, e: LatexEquation, results: Sequence[EquationResult]) -> EquationResult | None:
    """The verdict on an equation; None for one that only defines something."""
    wanted = {
        "backward": e.target,
        "derivative": e.target,
        "gradient": e.target,
        "claims": e.target,
        "one_hot": f"{e.target} when ",
        "stable": "stable" if e.target == d.name else None,
    }.get(e.block)
    if wanted is None:
        return None
    return next(
        (r for r in results if r.target == wanted or (e.block == "one_hot" and r.target.startswith(wanted))), None
    )


def _is_derived(d: TypedDefinition, block: str) -> bool:
    """Whether the text leaves these equations out: then they stand where the name of the definition stands."""
    return block == SOURCES.get(d.kind) and all(a.span == d.source.name.span for a in d.block(block))


def _problems(result: DefinitionResult) -> Iterator[str]:
    for e in result.equations:
        if e.verdict == "refuted":
            yield refusal(result.definition, e).render()
        elif e.verdict == "unknown":
            yield undecided(result.definition, e).render()


class _Options(argparse.ArgumentParser):
    """The words behind `%%eqgen`; a mistake in them is a message of the cell."""

    def __init__(self) -> None:
        super().__init__("%%eqgen", add_help=False)
        self.add_argument("name", nargs="?", default="definitions", help="what all definitions are bound to")
        self.add_argument("--judge", choices=JUDGES, default="both", help="who gives the verdicts")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage()}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext eqgen` calls."""

    def magic(line: str, cell: str) -> Sheet:
        options = _Options().parse_args(line.split())
        if not options.name.isidentifier():
            raise UsageError(f"`{options.name}` is not a name")
        try:
            definitions = loads(cell, "<cell>")
            sheet = Sheet(definitions.check(options.judge), definitions.module)
        except DiagnosticError as error:
            raise UsageError(f"these definitions cannot be read\n\n{error}") from None
        # A layer and an activation of one name are reached through `definitions` alone.
        count = Counter(d.name for d in definitions.values())
        shell.user_ns.update({d.name: d for d in definitions.values() if count[d.name] == 1})
        shell.user_ns[options.name] = definitions
        return sheet

    options = _Options().format_help()
    magic.__doc__ = f"Read definitions, show their equations with verdicts, and bind them.\n\n{options}"
    register: Any = shell.register_magic_function  # its annotation speaks of the undecorated method
    register(magic, "cell", "eqgen")
