"""The equation language: text to the surface model, messages about it, and its canonical layout.

layout          text -> logical lines, nested by indentation
syntax          line -> item (grammar.lark, items); syntax_errors says why a line cannot be read
assembly        items -> File (model)
parser          text or path -> File, through the three above
formatter       text -> canonical text (canonical, printer, line_printer)
diagnostics     messages with spans and carets; codes is the catalogue of their codes
spelling        the alphabet and the words of the language
"""

from eqgen.language.codes import explain
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.formatter import format_source
from eqgen.language.parser import parse, parse_file

__all__ = ["Diagnostic", "DiagnosticError", "explain", "format_source", "parse", "parse_file"]
