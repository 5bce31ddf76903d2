"""The equation language: text to the surface model, messages about it, and its canonical layout.

layout          text -> logical lines, nested by indentation
syntax          line -> pieces of the model (grammar.lark); syntax_errors says what is wrong with a line
assembly        pieces -> File
diagnostics     messages with codes, spans and carets; codes is their catalogue
formatter       File -> canonical text
"""

from eqgen.language.codes import explain
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.formatter import format_source
from eqgen.language.parser import parse, parse_file

__all__ = ["Diagnostic", "DiagnosticError", "explain", "format_source", "parse", "parse_file"]
