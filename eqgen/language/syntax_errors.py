"""What to say about a line that cannot be read: Lark's exception as a diagnostic in the words of the language."""

from __future__ import annotations

from difflib import get_close_matches

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from eqgen.language.diagnostics import Diagnostic, one_of
from eqgen.language.model import Source, Span
from eqgen.language.spelling import KEYWORDS, KINDS, USAGE

_OPERAND = {"NAME", "NUMBER", "LPAR", "CONSTANT", "MINUS"}
_OPERATOR = {"COMPARE", "PLUS", "MINUS", "TIMES", "CARET", "TRANSPOSE", "SUPERSCRIPT", "GRADIENT"}
_SPELLING = {
    "BY": "`x`",
    "EQUALS": "`=`",
    "COLON": "`:`",
    "TILDE": "`~`",
    "ARROW": "`->`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": 'a string "..."',
    "$END": "the end of the line",
}

_CHARACTER_HINTS = {
    "[": "there is no indexing; rows and columns are spoken of with `for each row i` and names such as `x_i`",
    "'": "a prime belongs to a name, as in `f'(x)`; the transpose of an expression is `.T`",
    "′": "a prime belongs to a name, as in `f'(x)`; the transpose of an expression is `.T`",
    "×": "`×` stands between the two sizes of a shape; a product is written `*`",
    "∗": "a product is written `*`, `·` or `@`",
    "∘": "the entrywise product is written `⊙` or `hadamard(X, Y)`",
    "∑": "sums are written `rows_sum(X)`, `columns_sum(X)` or `elements_sum(X)`",
    "√": "a root is written `sqrt(X)`",
    "⊤": "a transpose is written `X.T` or `Xᵀ`",
    "!": "the comparisons are `<`, `<=`, `>`, `>=` and `==`",
    "≠": "the comparisons are `<`, `<=`, `>`, `>=` and `==`",
    "%": "there is no remainder",
    ";": "a line holds one equation",
    "\\": "a line goes on only inside brackets, or with a line below that begins with `=`",
    "{": "braces occur only in `1_{M,N}` and `0_{M,N}`; use round brackets",
    "]": "use round brackets",
    "_": "a name begins with a letter",
    "“": 'strings use straight quotes: "..."',
    "”": 'strings use straight quotes: "..."',
    "–": "this is a dash; a minus is written `-`",
    "—": "this is a dash; a minus is written `-`",
    "\N{NO-BREAK SPACE}": "this is a no-break space; use an ordinary one",
    ".": "after a dot only `.T` and `.gradient(...)` are known; numbers begin with a digit, as in `0.5`",
    "^": "a power is written `X^2`; a transpose is written `X.T`",
}


def syntax_diagnostic(error: UnexpectedInput, source: Source, start: int, end: int, symbol: str) -> Diagnostic:
    """The diagnostic for a line at [start, end) of the source that begins with the grammar's `symbol`."""
    text = source.text[start:end]
    if isinstance(error, UnexpectedCharacters):
        assert error.pos_in_stream is not None
        at = start + error.pos_in_stream
        return _character(Span(source, at, at + 1), text, symbol)
    assert isinstance(error, UnexpectedToken)
    token = error.token
    if symbol == "top" and token.start_pos in (0, None):
        return _not_a_definition(source, start, end)
    accepted = set(error.interactive_parser.accepts())  # type: ignore[no-untyped-call]
    expected = _expected(accepted)
    misspelled = _misspelled(text)
    if misspelled:
        first = text.split()[0]
        span = Span(source, start, start + len(first))
        return Diagnostic("E023", f"unknown word `{first}` at the beginning of a line", span, hint=misspelled)
    if token.type == "$END":
        span = Span(source, end, end)
        hint = _usage(text)
        if not hint and accepted >= _OPERAND:
            hint = "an equation goes on over several lines inside brackets"
        return Diagnostic("E002", "the line ends too early", span, expected, hint)
    assert token.start_pos is not None and token.end_pos is not None
    span = Span(source, start + token.start_pos, start + token.end_pos)
    if token.type == "COMPARE" and "COMPARE" not in accepted and "PLUS" in accepted:
        hint = "compare each pair: `(a < b) * (b < c)`, or `assume a < b, b < c`"
        return Diagnostic("E017", f"a second comparison `{token}` in one expression", span, hint=hint)
    if token.type == "ARROW" and not text.startswith("use"):
        hint = "a function such as `x -> max(x, 0)` is written only as an argument, as in `apply(x -> max(x, 0), X)`"
        return Diagnostic("E016", "a function outside of a call", span, hint=hint)
    return Diagnostic("E003", f"unexpected {_describe(token)}", span, expected, _advice(token, accepted, text))


def _character(span: Span, text: str, symbol: str) -> Diagnostic:
    character = span.text
    shown = f"`{character}`" if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
    hint = _CHARACTER_HINTS.get(character, "")
    if not hint and not character.isascii():
        hint = "names consist of letters from A to Z, Greek letters, digits and underscores"
    return Diagnostic("E001", f"unexpected character {shown}", span, hint=hint)


def _not_a_definition(source: Source, start: int, end: int) -> Diagnostic:
    text = source.text[start:end]
    words = text.split()
    first = words[0]
    close = get_close_matches(first, KINDS, n=1)
    if close and len(words) > 1:
        hint = f"did you mean `{close[0]}`?"
    elif first in KEYWORDS or "=" in text:
        hint = "the lines of a definition are indented"
    else:
        hint = ""
    span = Span(source, start, end)
    return Diagnostic("E012", "this is not the beginning of a definition", span, one_of(KINDS), hint)


def _expected(accepted: set[str]) -> str:
    parts: list[str] = []
    rest = set(accepted)
    if rest >= _OPERAND:
        parts.append("an expression")
        rest -= _OPERAND
    elif {"TIMES", "PLUS"} <= rest:
        parts.append("an operator")
    rest -= _OPERATOR
    if "COMMA" in rest:
        rest.discard("ARROW")
    parts.extend(spelling for terminal, spelling in _SPELLING.items() if terminal in rest)
    return one_of(parts)


def _describe(token: Token) -> str:
    return {"NAME": "name ", "NUMBER": "number ", "STRING": "string "}.get(token.type, "") + f"`{token}`"


def _misspelled(text: str) -> str:
    """A line such as `inptu X: N x D` or `forwrd`: the first word is almost a keyword."""
    first, _, rest = text.partition(" ")
    rest = rest.lstrip()
    if first in KEYWORDS or not first.isidentifier() or (rest and not rest[0].isalpha() and rest[0] != '"'):
        return ""
    close = get_close_matches(first, KEYWORDS, n=1, cutoff=0.7)
    return f"did you mean `{close[0]}`?" if close else ""


def _usage(text: str) -> str:
    first = text.split(maxsplit=1)[0]
    return f"such a line reads: {USAGE[first]}" if first in USAGE else ""


def _advice(token: Token, accepted: set[str], text: str) -> str:
    if token.type in _OPERAND and {"TIMES", "PLUS"} <= accepted and not _usage(text):
        return "arguments are separated by `,`, factors by `*`" if "COMMA" in accepted else "write a product with `*`"
    if token.type == "BY":
        return _CHARACTER_HINTS["×"]
    if token.type == "EQUALS" and "COMPARE" in accepted:
        return "inside an expression equality is written `==`"
    if token.type == "TRANSPOSE":
        return "a transpose stands behind what it transposes: `X.T`"
    if token.type == "COMPARE" and token == "==" and "EQUALS" in accepted:
        return "an equation is written with one `=`"
    return _usage(text)
