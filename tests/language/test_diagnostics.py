"""Messages: their exact text and JSON, whatever the source line contains."""

from __future__ import annotations

import json

import pytest

from eqgen.language import Diagnostic, DiagnosticError, parse
from eqgen.language.diagnostics import Related, file_diagnostic, printable
from eqgen.language.model import Source, Span


def diagnostic(text: str, start: str, end: str = "", code: str = "E201") -> Diagnostic:
    """A diagnostic from the first occurrence of `start` to the end of the first `end` behind it."""
    first = text.index(start)
    last = text.index(end, first) + len(end) if end else first + len(start)
    return Diagnostic(code, "shapes differ", Span(Source("f.eq", text), first, last))


def excerpt(item: Diagnostic) -> str:
    return "\n".join(item.render().split("\n")[1:])


def test_all_parts_of_a_message() -> None:
    text = "loss A\n    L = X + b\n"
    source = Source("dir/f.eq", text)
    item = Diagnostic(
        "E201",
        "`X` is N x K but `b` is 1 x K",
        Span(source, 15, 20),
        expected="a term of shape N x K",
        hint="write `row_repeat(b, N)`",
        related=(Related("`b` is declared here", Span(source, 0, 4)),),
    )
    assert (
        item.render()
        == """\
dir/f.eq:2:9: error E201: `X` is N x K but `b` is 1 x K
   2 |     L = X + b
     |         ^^^^^
    expected: a term of shape N x K
dir/f.eq:1:1: note: `b` is declared here
   1 | loss A
     | ^^^^
    hint: write `row_repeat(b, N)`"""
    )
    assert json.loads(json.dumps(item.to_json())) == {
        "code": "E201",
        "severity": "error",
        "message": "`X` is N x K but `b` is 1 x K",
        "expected": "a term of shape N x K",
        "hint": "write `row_repeat(b, N)`",
        "file": "dir/f.eq",
        "line": 2,
        "column": 9,
        "end_line": 2,
        "end_column": 14,
        "text": "    L = X + b",
        "related": [
            {
                "message": "`b` is declared here",
                "file": "dir/f.eq",
                "line": 1,
                "column": 1,
                "end_line": 1,
                "end_column": 5,
                "text": "loss A",
            }
        ],
    }


def test_tabs_are_shown_as_columns() -> None:
    assert excerpt(diagnostic("\tL =\tX + b", "X + b")) == "   1 |     L = X + b\n     |         ^^^^^"


def test_wide_and_combining_characters() -> None:
    assert excerpt(diagnostic('"漢字" X', "X")) == '   1 | "漢字" X\n     |        ^'
    assert excerpt(diagnostic("e\u0301e\u0301 X", "X")) == "   1 | e\u0301e\u0301 X\n     |    ^"
    assert excerpt(diagnostic("a 漢 b", "漢")) == "   1 | a 漢 b\n     |   ^^"
    assert excerpt(diagnostic("1_Nᵀ·Σ", "Σ")) == "   1 | 1_Nᵀ·Σ\n     |      ^"


def test_control_characters_cannot_reach_the_terminal() -> None:
    item = diagnostic("\x1b[2J\u202e X\r", "X")
    assert excerpt(item) == "   1 | \ufffd[2J\ufffd X\n     |       ^"
    assert printable("a\x1bb") == "a\ufffdb"
    nasty = Diagnostic("E101", "\x1b[31m", Span(Source("\x07.eq", "x"), 0, 1), "\x00", "\x9b")
    assert "\x1b" not in nasty.render() and nasty.render().replace("\n", "").isprintable()


def test_several_lines() -> None:
    text = "loss A\n    L = f(\n        a,\n        b\n    )\n"
    assert (
        excerpt(diagnostic(text, "f(", ")"))
        == """\
   2 |     L = f(
     |         ^^
   3 |         a,
     |         ^^
   4 |         b
     |         ^
   5 |     )
     |     ^"""
    )


def test_many_lines_are_cut() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 121))
    assert (
        excerpt(diagnostic(text, "line 1", "line 120"))
        == """\
    1 | line 1
      | ^^^^^^
    2 | line 2
      | ^^^^^^
  ... |
  120 | line 120
      | ^^^^^^^^"""
    )


def test_a_span_that_ends_with_a_line_break() -> None:
    assert excerpt(diagnostic("first\nsecond", "first\n")) == "   1 | first\n     | ^^^^^"


def test_the_end_of_a_file() -> None:
    for text in ("L =", "L =\n"):
        item = Diagnostic("E002", "the line ends too early", Span(Source("f.eq", text), 3, 3))
        assert item.render() == "f.eq:1:4: error E002: the line ends too early\n   1 | L =\n     |    ^"
    item = Diagnostic("E002", "nothing", Span(Source("f.eq", "L =\n"), 4, 4))
    assert item.render() == "f.eq:2:1: error E002: nothing\n   2 |\n     | ^"


def test_a_long_line_is_cut_around_the_place() -> None:
    item = diagnostic("a" * 500 + "XYZ" + "b" * 500, "XYZ")
    line, carets = (text.split(" | ")[1] for text in excerpt(item).split("\n"))
    assert line == "..." + "a" * 80 + "XYZ" + "b" * 77 + "..."
    assert line[carets.index("^") : carets.index("^") + carets.count("^")] == "XYZ"


def test_a_file_as_a_whole() -> None:
    item = file_diagnostic("E501", "f.eq", "cannot be read", "check the path")
    assert item.render() == "f.eq: error E501: cannot be read\n    hint: check the path"
    assert (item.to_json()["file"], item.to_json()["line"]) == ("f.eq", None)


def test_the_exception_shows_all_messages() -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse("x\ny\n", "f.eq")
    assert str(caught.value) == "\n\n".join(item.render() for item in caught.value.diagnostics)
    assert len(caught.value.diagnostics) == 2
