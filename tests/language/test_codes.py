"""The catalogue of codes: complete, and its examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import eqgen
from eqgen.algebra.elaborate import elaborate
from eqgen.language import DiagnosticError, explain, parse
from eqgen.language.codes import catalogue

PACKAGE = Path(eqgen.__file__).parent
SYNTAX = [code for code in catalogue() if code.startswith("E0")]


def test_every_code_in_the_source_is_in_the_catalogue() -> None:
    raised = {
        (path.name, code)
        for path in PACKAGE.rglob("*.py")
        for code in re.findall(r"""["'](E[0-9]{3})["']""", path.read_text(encoding="utf-8"))
    }
    assert {code for _, code in raised} >= {"E001", "E003", "E501"}, "the search itself found nothing"
    assert {(name, code) for name, code in raised if code not in catalogue()} == set()


def test_every_syntax_code_is_raised_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "language").glob("*.py"))
    assert [code for code in SYNTAX if f'"{code}"' not in text] == []


def test_codes_are_in_order_and_explained() -> None:
    assert list(catalogue()) == sorted(catalogue())
    for entry in catalogue().values():
        assert len(entry.explanation) > 60, entry.code
        assert explain(entry.code).startswith(f"{entry.code}: {entry.title}\n")


def test_explain_takes_lower_case_and_rejects_unknown_codes() -> None:
    assert explain("e012") == explain("E012")
    with pytest.raises(ValueError, match="there is no code 'E999'; codes run from E001 to E"):
        explain("E999")


@pytest.mark.parametrize("code", [code for code in catalogue() if catalogue()[code].example("Wrong")])
def test_examples(code: str) -> None:
    entry = catalogue()[code]
    wrong, right = entry.example("Wrong"), entry.example("Right")
    assert wrong is not None and right is not None
    parse(right)
    if code in SYNTAX:
        with pytest.raises(DiagnosticError) as caught:
            parse(wrong)
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]
    else:
        parse(wrong)  # a later stage rejects it


ELABORATED = [
    code
    for code in catalogue()
    if code[1] in "123"
    and any(f'"{code}"' in path.read_text(encoding="utf-8") for path in (PACKAGE / "algebra").rglob("*.py"))
]


@pytest.mark.parametrize("code", ELABORATED)
def test_examples_of_names_shapes_and_definitions(code: str) -> None:
    entry = catalogue()[code]
    wrong, right = entry.example("Wrong"), entry.example("Right")
    assert wrong is not None and right is not None
    elaborate([parse(right)])
    with pytest.raises(DiagnosticError) as caught:
        elaborate([parse(wrong)])
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def test_every_syntax_code_but_the_size_limit_has_an_example() -> None:
    assert [code for code in SYNTAX if not catalogue()[code].example("Wrong")] == ["E011"]
