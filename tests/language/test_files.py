"""Reading files, and limits on size and depth."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from eqgen.language import DiagnosticError, parse, parse_file
from eqgen.language.layout import MAX_BRACKETS, MAX_LINE
from eqgen.language.parser import MAX_DIAGNOSTICS, MAX_SIZE
from eqgen.language.syntax import MAX_DEPTH
from tests.language import examples


def errors(text: str) -> list[str]:
    with pytest.raises(DiagnosticError) as caught:
        parse(text)
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def file_error(path: Path) -> str:
    with pytest.raises(DiagnosticError) as caught:
        parse_file(path)
    return str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.eq"
    for start in (b"", b"\xef\xbb\xbf"):  # a byte order mark is no text
        path.write_bytes(start + examples.FILE.encode())
        file = parse_file(path)
        assert file.source.name == str(path)
        assert file.definitions == parse(examples.FILE).definitions
    assert parse_file(str(path)).definitions == file.definitions


def test_unreadable_files(tmp_path: Path) -> None:
    missing = tmp_path / "missing.eq"
    hint = "\n    hint: check the path and its permissions"
    assert file_error(missing) == f"{missing}: error E501: cannot be read: No such file or directory{hint}"
    assert file_error(tmp_path) == f"{tmp_path}: error E501: this is not a file"
    assert "E501" in file_error(Path("a\0b"))
    pipe = tmp_path / "pipe.eq"
    os.mkfifo(pipe)  # opening it would wait for ever
    assert "E501" in file_error(pipe)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.eq"
    path.write_bytes("# one\n# é\n".encode("latin-1"))
    assert file_error(path) == (
        f"{path}: error E502: is not UTF-8: byte 0xe9 on line 2\n    hint: save the file as UTF-8"
    )


def test_size(tmp_path: Path) -> None:
    path = tmp_path / "large.eq"
    path.write_bytes(b"#" * MAX_SIZE)
    assert parse_file(path).definitions == ()
    path.write_bytes(b"#" * (MAX_SIZE + 1))
    assert "E503" in file_error(path)
    assert errors("#" * (MAX_SIZE + 1)) == ["E503"]


def test_depth_of_brackets() -> None:
    def nested(depth: int) -> str:
        return f"loss A\n    L = {'(' * depth}x{')' * depth}\n"

    parse(nested(MAX_BRACKETS))
    assert errors(nested(MAX_BRACKETS + 1)) == ["E504"]


@pytest.mark.parametrize("sign", ["+", "*", "^"])
def test_depth_of_operations(sign: str) -> None:
    parse("loss A\n    L = " + sign.join("a" * (MAX_DEPTH // 2)) + "\n")
    assert errors("loss A\n    L = " + sign.join("a" * (2 * MAX_DEPTH)) + "\n") == ["E504"]


def test_depth_of_signs_and_functions() -> None:
    assert errors("loss A\n    L = " + "-" * (2 * MAX_DEPTH) + "a\n") == ["E504"]
    assert errors("loss A\n    L = a" + ".T" * (2 * MAX_DEPTH) + "\n") == ["E504"]


def test_depth_of_indentation() -> None:
    assert "E504" in errors("loss A\n" + "".join(f"{' ' * depth}when a\n" for depth in range(1, 50)))


def test_length_of_a_statement() -> None:
    def line(count: int) -> str:
        return "loss A\n    L = f(" + "a, " * count + "a)\n"

    parse(line(MAX_LINE // 2 - 10))
    assert errors(line(MAX_LINE // 2)) == ["E011"]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200_000,
        ")" * 200_000,
        '"' * 200_000,
        "a" * 200_000,
        "loss A\n" + "    L = a + b * c\n" * 4_000,
        "loss A\n" + "    L = (\n" * 25_000,
        "loss A\n" + "    L = )\n" * 25_000,
        "a\n b\n" * 50_000,
        "".join(" " * depth + "a\n" for depth in range(700)),
        "loss A\n    L = " + "1" * 9_000 + "\n",
        "loss A\n    L = 1e999999999\n",
        "loss A\n    L = x" + "²" * 9_000 + "\n",
        "loss A\n    L = 0_" + "1" * 9_000 + "\n",
    ],
)
def test_hostile_texts_end_soon(text: str) -> None:
    started = time.monotonic()
    try:
        parse(text)
    except DiagnosticError as error:
        assert len(error.diagnostics) <= MAX_DIAGNOSTICS
        assert len(str(error)) < 2000 * len(error.diagnostics)
    assert time.monotonic() - started < 30
