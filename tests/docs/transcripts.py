"""Documents that can be run: their blocks of shell, Python, definitions and terminal sessions, in order, in one folder.

    ```sh        commands; every one succeeds
    ```python    a program that succeeds
    ```console   `$ command` and what it prints, standard output and error together; `...` stands for any text in a
                 line, or alone on its line for any lines
    ```eq, c     nothing, unless it is a file

A block below a line `<!-- file: NAME -->` is that file: it is written, or is there already and must be the same. One
below `<!-- excerpt: NAME -->` stands in that file of the project, and one below `<!-- not run: REASON -->` is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_BLOCK = re.compile(
    r"(?:^<!-- (file|excerpt|not run): ([^\n]*?) -->\n)?^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
LANGUAGES = ("sh", "python", "console", "eq", "c")


@dataclass(frozen=True)
class Block:
    """A block of a document. `mark` and `argument` are what the line above it says, such as `file` and `swish.eq`."""

    language: str
    text: str
    line: int
    mark: str = ""
    argument: str = ""


def blocks(document: Path) -> Iterator[Block]:
    """The blocks of a document in a language that something is done with."""
    text = document.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        mark, argument, language, body = match.groups(default="")
        if language in LANGUAGES:
            yield Block(language, body, text.count("\n", 0, match.start(3)) + 1, mark, argument)


def workplace(folder: Path) -> dict[str, str]:
    """A folder like a fresh clone as far as documents see it; gives the environment of its commands."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "generated").symlink_to(ROOT / "generated", target_is_directory=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(ROOT)}


def run(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Do what a block says. AssertionError when it is not true."""
    if block.mark == "not run":
        return
    if block.mark == "excerpt":
        assert block.text in (ROOT / block.argument).read_text(encoding="utf-8"), f"{block.argument} has changed"
        return
    if block.mark == "file":
        _file(folder / block.argument, block.text)
    if block.language == "sh":
        _succeed(["bash", "-e", "-c", block.text], folder, environment)
    elif block.language == "python":
        program = [block.argument] if block.mark == "file" else ["-c", block.text]
        _succeed([sys.executable, *program], folder, environment)
    elif block.language == "console":
        for command, expected in sessions(block.text):
            printed = _printed(["bash", "-c", command], folder, environment)
            assert matches(expected, printed), f"$ {command}\n--- printed\n{printed}\n--- documented\n{expected}"


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a terminal session, each with what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def matches(expected: str, printed: str) -> bool:
    """Whether what was printed is what was expected, but for spaces at the ends of lines and empty lines around."""
    patterns = [
        r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + r"\n"
        for line in _lines(expected)
    ]
    return re.fullmatch("".join(patterns), "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n").split("\n")


def _file(path: Path, text: str) -> None:
    if path.exists():
        assert path.read_text(encoding="utf-8") == text, f"the document shows another {path.name}"
    else:
        path.write_text(text, encoding="utf-8")


def _succeed(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{command[-1]}\n--- exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def _printed(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=900,
    )  # fmt: skip
    return done.stdout
