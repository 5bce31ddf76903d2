"""The catalogue of error codes, kept as a document (`codes.md`) that `eqgen explain` and the documentation share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEADING = re.compile(r"^## (E[0-9]{3}) (.+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^(Wrong|Right):\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A code with a short title, the explanation as Markdown, and the example definitions it shows."""

    code: str
    title: str
    explanation: str

    def example(self, which: str) -> str | None:
        """The text under `Wrong:` or `Right:`, without its indentation; None where there is none."""
        for match in _EXAMPLE.finditer(self.explanation + "\n"):
            if match.group(1) == which:
                return "\n".join(line[4:] for line in match.group(2).rstrip().split("\n")) + "\n"
        return None


@cache
def catalogue() -> dict[str, Entry]:
    """All codes in order."""
    text = files("eqgen.language").joinpath("codes.md").read_text(encoding="utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        heading.group(1): Entry(heading.group(1), heading.group(2), text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    }


def explain(code: str) -> str:
    """Title and explanation of a code, with examples of wrong and right. Raises ValueError for an unknown code."""
    entry = catalogue().get(code.upper())
    if entry is None:
        raise ValueError(f"there is no code {code!r}; codes run from {min(catalogue())} to {max(catalogue())}")
    return f"{entry.code}: {entry.title}\n\n{entry.explanation}\n"
