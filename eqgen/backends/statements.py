"""Printing functions of the functional core in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from eqgen.algebra.expressions import Node
from eqgen.algebra.notation import Column
from eqgen.backends.package import FunctionText
from eqgen.backends.spelling import PythonPrinter
from eqgen.optimize.lower import is_host
from eqgen.optimize.program import Argument, Function, Step

ANNOTATIONS = {
    "matrix": "Matrix",
    "index": "Matrix",
    "scalar": "runtime.Scalar",
    "number": "float",
    "activation": "Activation",
    "pattern": "Indices",
}
COMMENT_COLUMN = 64


def python_function(function: Function, column: Column, kinds: dict[str, str]) -> FunctionText:
    """The function as Python text over a column of spellings."""
    numbers = [a.name for a in function.arguments if a.role == "number"]
    reference = function.reference
    printer = PythonPrinter(
        column, reference.name if reference else "", host=lambda n: is_host(n, numbers), kinds=kinds
    )
    statements: list[str] = []
    code: list[str] = []
    for step in function.steps:
        code.append(printer(step.value))
        statements += commented(step, lambda s: f"{s.target} = {code[-1]}")
    words = set(re.findall(r"\w+", " ".join(code)))
    body = [
        f"{name} = {argument}.shape[{axis}]" for name, argument, axis in function.sizes if name in words
    ] + statements
    return FunctionText(
        function.name,
        tuple(f"{a.name}: {ANNOTATIONS[a.role]}" for a in function.arguments),
        tuple(name for name, _ in function.results),
        ("@runtime.compiled",),
        docstring(function),
        tuple(body),
    )


def commented(step: Step, statement: Callable[[Step], str], mark: str = "#") -> list[str]:
    """The statement under its equation: `# DW = DZ.T * X      softmax.eq:16`."""
    lines = [f"{mark} {step.equation:<{COMMENT_COLUMN}}  {step.origin}".rstrip()] if step.equation else []
    lines += [f"{mark}   {note}" for note in step.notes]
    return [*lines, statement(step)]


def shape(argument: Argument | tuple[str, tuple[object, object]]) -> str:
    rows, columns = argument.shape if isinstance(argument, Argument) else argument[1]
    return f"{rows} x {columns}"


def docstring(function: Function) -> tuple[str, ...]:
    """Title, shapes of what goes in and what comes out, and the place of the definition."""
    title = function.title or function.name
    inputs = ", ".join(f"{a.name}: {shape(a)}" for a in function.arguments if a.role in ("matrix", "index", "pattern"))
    outputs = ", ".join(f"{name}: {shape((name, s))}" for name, s in function.results)
    place = f" From {function.origin}." if function.origin else ""
    return (title if title.endswith(".") else f"{title}.", "", f"{inputs} -> {outputs}.{place}", "")


def number_text(value: Fraction | None) -> str | None:
    """A default as a Python literal: `0.9`; None where there is none."""
    if value is None:
        return None
    return repr(value.numerator / value.denominator) if value.denominator != 1 else f"{value.numerator}.0"


def host_text(node: Node, symbol: Callable[[str], str]) -> str:
    """A scalar over header numbers and sizes as Python text."""
    return PythonPrinter({}, symbol=lambda s: symbol(s.name), host=lambda n: True)(node)
