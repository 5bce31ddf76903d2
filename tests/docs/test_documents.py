"""README.md and docs/ are true: what they show is run, what they link to exists, their tables follow from the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import tables
from eqgen.packages import available_backends
from tests.docs import transcripts

ROOT = transcripts.ROOT
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
NEEDED = {
    "README.md": {"cpp"},
    "c_interface.md": {"cpp"},
    "reproducibility.md": {"torch"},
    "sparse.md": {"cpp", "torch"},
}
"""Backends besides NumPy that a document uses."""

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@pytest.mark.timeout(1200)  # README.md compiles a package
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if list(transcripts.blocks(d))], ids=lambda path: path.name)
def test_what_a_document_shows_is_what_happens(document: Path, tmp_path: Path) -> None:
    missing = NEEDED.get(document.name, set()) - {backend.name for backend in available_backends()[0]}
    if missing:
        pytest.skip(f"{', '.join(sorted(missing))} cannot run here")
    if document.name == "c_interface.md" and not list((ROOT / "generated" / "eqgen_cpp").glob("*.so")):
        pytest.skip("generated/eqgen_cpp is not compiled: run `eqgen build`")
    environment = transcripts.workplace(tmp_path)
    for block in transcripts.blocks(document):
        try:
            transcripts.run(block, tmp_path, environment)
        except AssertionError as error:
            raise AssertionError(f"{document.name}, line {block.line}: {error}") from None


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), f"{document.name} links to {target}, which does not exist"
        assert not anchor or anchor in anchors(place), f"{document.name} links to {target}: no such heading"


def anchors(document: Path) -> set[str]:
    """The headings of a document as links name them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", tables.TABLES)
def test_tables_follow_from_the_code(document: str) -> None:
    text = (tables.DOCS / document).read_text(encoding="utf-8")
    assert tables.renewed(document) == text, f"docs/{document} is out of date: run python docs/tables.py"


def test_a_table_is_put_between_its_marks_or_nowhere() -> None:
    begin, end = tables.mark("x", "w")
    assert tables.placed(f"a\n{begin}\nold\n{end}\nb", "x", "w", r"\1") == f"a\n{begin}\n\\1\n{end}\nb"
    for text in ("nothing", f"{begin}\n{end}\n{begin}\n{end}", begin):
        with pytest.raises(ValueError, match="no place for the table x"):
            tables.placed(text, "x", "w", "new")


# --- the machinery itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a", "b", False),
        ("a", "a\nb", False),
        ("took ... s", "took 1.5 s", True),
        ("took ... s", "took\n1.5 s", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nd", True),
        ("a\n...", "b\na", False),
        ("padded", "padded   \n", True),
        ("", "something", False),
        ("1 + 1 (x)", "1 + 1 (x)", True),
    ],
)
def test_expected_output_is_compared(expected: str, printed: str, same: bool) -> None:
    assert transcripts.matches(expected, printed) == same


def test_a_false_document_is_found(tmp_path: Path) -> None:
    environment = transcripts.workplace(tmp_path / "place")
    for text in (
        "```sh\nfalse\ntrue\n```\n",
        "```console\n$ echo 1\n2\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "<!-- file: examples/swish.eq -->\n```eq\nlayer Other\n```\n",
        "<!-- excerpt: README.md -->\n```eq\nlayer Nowhere\n```\n",
    ):
        document = tmp_path / "document.md"
        document.write_text(text)
        (block,) = transcripts.blocks(document)
        with pytest.raises(AssertionError):
            transcripts.run(block, tmp_path / "place", environment)
