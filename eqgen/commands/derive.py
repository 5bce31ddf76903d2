"""`eqgen derive`: backward equations, from the forward equations alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eqgen.commands import console

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module, TypedDefinition
    from eqgen.algebra.derived_text import DerivedEquations
    from eqgen.algebra.hessian_text import CurvatureEquations
    from eqgen.algebra.verdict import EquationResult

    Derived = DerivedEquations | CurvatureEquations


def derive(
    what: Annotated[
        list[str], typer.Argument(metavar="FILE|NAME...", help="Definition files (.eq), or names of definitions.")
    ],
    hvp: Annotated[
        bool,
        typer.Option(
            "--hvp",
            help="Derive the R-forward and R-backward equations of Hessian-vector products instead (and f'', R{DY}).",
        ),
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Show each step with its rule.")] = False,
    json: console.Json = False,
) -> None:
    """Derive the equations of `backward`, f' and DY, ready to paste. All in FILEs, or those of these NAMEs."""
    with console.json_errors(json):
        from eqgen.algebra.derived_text import derive
        from eqgen.algebra.hessian_text import derive_hvp

        definitions, module = _chosen(what)
        results: list[tuple[Derived, list[EquationResult]]] = []
        for definition in definitions:
            try:
                derived = derive_hvp(definition, module) if hvp else derive(definition, module)
            except ValueError as error:
                hint = f"write {'other' if hvp else 'its'} equations out, or an operation that has a gradient"
                place = f"{definition.span.source.name}:{definition.span.line}"
                console.fail("E301", place, f"{definition.kind} {definition.name} cannot be derived: {error}", hint)
            results.append((derived, derived.check()))
    if json:
        console.emit({"definitions": [_json(derived, verdicts) for derived, verdicts in results]})
        return
    for number, (derived, verdicts) in enumerate(results):
        typer.echo(("\n" if number else "") + _text(derived, verdicts, steps))


def _chosen(what: list[str]) -> tuple[list[TypedDefinition], Module]:
    """The definitions that are meant, and the module of which they are."""
    from eqgen.algebra.checking import own_definitions
    from eqgen.algebra.derived_text import DERIVABLE
    from eqgen.algebra.library import library, load_files

    files = [Path(word) for word in what if word.endswith(".eq") or Path(word).is_file()]
    names = [word for word in what if Path(word) not in files]
    module = load_files(files)
    derivable = [d for d in module.definitions if d.kind in DERIVABLE]
    if not names:
        own = {id(d) for d in own_definitions(module, library())}
        return [d for d in derivable if id(d) in own], module
    console.require_known(names, (d.name for d in derivable), "FILE|NAME...")
    return [d for name in names for d in derivable if d.name == name], module


def _text(derived: Derived, verdicts: list[EquationResult], steps: bool) -> str:
    """Comments, then the lines to paste."""
    from eqgen.algebra.checking import verdict_text

    definition = derived.definition
    count = f"{derived.operations} operation{'s' if derived.operations != 1 else ''}"
    if derived.written_operations is not None:
        count += f", as written {derived.written_operations}"
    comments = [f"{definition.kind} {definition.name} ({definition.origin}): {count}"]
    if all(v.verdict == "proved" for v in verdicts):
        comments.append("proved (all sizes)")
    else:
        comments += [f"{v.target}: {line}" for v in verdicts for line in verdict_text(v).split("\n")]
    if steps:
        comments += ["", *derived.step_lines(), ""]
    return "\n".join([*(f"# {line}".rstrip() for line in comments), derived.text])


def _json(derived: Derived, verdicts: list[EquationResult]) -> dict[str, object]:
    return {**derived.to_json(), "verdicts": {v.target: v.verdict for v in verdicts}}
