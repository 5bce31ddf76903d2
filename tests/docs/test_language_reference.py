"""docs/language.md is true: every block is accepted, or refused with the code that stands behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eqgen.algebra.checking import check_module, own_definitions
from eqgen.algebra.elaborate import DISTRIBUTIONS
from eqgen.algebra.library import library, load_text
from eqgen.algebra.operations import TABLE
from eqgen.language.codes import catalogue
from eqgen.language.diagnostics import DiagnosticError
from eqgen.language.formatter import format_source
from eqgen.language.spelling import ATTRIBUTES, BLOCKS, KINDS, ROLES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
TEXT = (DOCS / "language.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```eq(?: (E\d{3}))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

BLOCKS_SHOWN = [
    pytest.param(match[1], match[2], id=f"line{TEXT.count(chr(10), 0, match.start()) + 1}")
    for match in BLOCK.finditer(TEXT)
]
"""(expected code or None, text) of every block of definitions."""


@pytest.mark.parametrize(("code", "text"), BLOCKS_SHOWN)
def test_a_block_means_what_the_page_says(code: str | None, text: str) -> None:
    if code is not None:
        with pytest.raises(DiagnosticError) as caught:
            load_text(text)
        assert [d.code for d in caught.value.diagnostics] == [code], str(caught.value)
        return
    module = load_text(text)
    own = own_definitions(module, library())
    assert own
    for result in check_module(own, module):
        assert all(e.verdict in ("proved", "checked", "refuted as printed") for e in result.equations), str(result)


@pytest.mark.parametrize(("code", "text"), [b for b in BLOCKS_SHOWN if b.values[0] is None])
def test_the_canonical_form_of_a_block_means_the_same(code: str | None, text: str) -> None:
    canonical = format_source(text)
    assert format_source(canonical) == canonical
    before, after = (own_definitions(load_text(t), library()) for t in (text, canonical))
    assert [(d.kind, d.name) for d in before] == [(d.kind, d.name) for d in after]
    assert [dict(d.blocks).keys() for d in before] == [dict(d.blocks).keys() for d in after]


def test_every_word_of_the_language_is_used_in_a_block() -> None:
    shown = " ".join(str(block.values[1]) for block in BLOCKS_SHOWN)
    words = (
        *KINDS,
        *ROLES,
        *BLOCKS,
        "source",
        "dims",
        "assume",
        "let",
        "stable with",
        "when",
        "for each row",
        "printed",
        "use",
    )
    missing = [word for word in words if not re.search(rf"^\s*{word}\b", shown, re.MULTILINE)]
    assert not missing


def test_every_attribute_and_distribution_is_described() -> None:
    missing = [word for word in (*ATTRIBUTES, *DISTRIBUTIONS) if f"`{word}" not in TEXT]
    assert not missing


def test_codes_on_the_page_are_in_the_catalogue() -> None:
    assert set(re.findall(r"\bE\d{3}\b", TEXT)) <= catalogue().keys()


def test_the_page_names_operations_that_exist() -> None:
    """`rows_sum(X)` in running text is a row of the table, a distribution, or a word of the language."""
    plain = BLOCK.sub("", TEXT)
    known = {*TABLE, *DISTRIBUTIONS, "apply", "jacobian", "gradient", "one_hot", "eta", "act", "f", "pi", "index"}
    called = {name for code in re.findall(r"`([^`\n]+)`", plain) for name in re.findall(r"\b([a-z_]+)\(", code)}
    assert called <= known


def test_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", TEXT, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        if path:
            assert (DOCS / path).exists(), target
        else:
            assert anchor in anchors, target
