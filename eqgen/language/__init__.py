"""The equation language: text to the surface model, messages about it, and its canonical layout."""

from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.parser import parse, parse_file

__all__ = ["Diagnostic", "DiagnosticError", "parse", "parse_file"]
