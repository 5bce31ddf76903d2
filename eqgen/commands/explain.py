"""`eqgen explain`: what a code means, or what a definition says and how it is rewritten."""

from __future__ import annotations

import difflib
import re
from typing import Annotated

import typer

from eqgen.commands import console


def explain(
    subject: Annotated[
        str, typer.Argument(metavar="CODE|NAME", help="A code such as E012, or a name such as Softmax.")
    ],
    files: console.Files = None,
) -> None:
    """Explain an error code, with a wrong and a right example, or show a definition of the library or of files.

    Of a definition, also how its equations are rewritten for speed and for accuracy, and what each rewrite costs.
    """
    from eqgen.language.codes import catalogue
    from eqgen.language.codes import explain as explain_code

    if subject.upper() in catalogue():
        typer.echo(explain_code(subject), nl=False)
        return
    if re.fullmatch(r"[Ee][0-9]+", subject):
        raise typer.BadParameter(f"there is no code {subject}; codes run from {min(catalogue())} to {max(catalogue())}")
    from eqgen.algebra.library import load_files
    from eqgen.commands.rewritings import rewriting_lines
    from eqgen.optimize.names import SUFFIXES, class_name

    module = load_files(console.source_files(files))
    found = [d for d in module.definitions if d.name == subject]
    if not found:
        close = difflib.get_close_matches(subject, [d.name for d in module.definitions], n=1)
        hint = f"did you mean {close[0]}?" if close else "`eqgen list` shows what there is"
        raise typer.BadParameter(f"there is no definition {subject}; {hint}")
    for number, definition in enumerate(found):
        generated = f", class {class_name(definition.kind, subject)}" if definition.kind in SUFFIXES else ""
        typer.echo(("\n" if number else "") + f"# {definition.origin}{generated}")
        typer.echo(definition.span.text.rstrip())
        for line in rewriting_lines(definition, module):
            typer.echo(line)
