"""Which outputs of a kernel may be the same array as one of its inputs, so that an update needs no second array.

Decided on the printed statements, one by one; whatever is not understood is taken for unsafe. An output may replace an
input of its shape when no statement reads the input after the output was first written, and the statement that first
writes the output is a loop that reads the input, if at all, at the position that it writes, and before writing it. A
loop over the entries of a product reads the factors everywhere. In a loop over ranges of rows, whose statements run for
some rows before they run for the others, the input must be read at such positions only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eqgen.backends.native import KernelText

_POSITIONS = ("k", "i, j")
_LOOPS = ("elementwise(", "product_epilogue<")
_ROWS = "each_rows<"


def replaceable(kernel: KernelText) -> dict[str, tuple[str, ...]]:
    """Output -> the inputs whose place it may take."""
    statements = list(split_statements(kernel.statements))
    inputs = [a for a in kernel.arguments if a.kind == "input"]
    outputs = [a for a in kernel.arguments if a.kind == "output"]
    return {
        output.name: tuple(
            input.name
            for input in inputs
            if (input.rows, input.columns) == (output.rows, output.columns)
            and _is_safe(statements, input.name, output.name)
        )
        for output in outputs
    }


def split_statements(lines: Sequence[str]) -> Iterator[str]:
    """Statements without comments: texts that end in a semicolon outside of brackets."""
    depth, current = 0, ""
    for character in "\n".join(line.partition("//")[0] for line in lines):
        depth += (character in "([{") - (character in ")]}")
        current += character
        if character == ";" and depth == 0:
            yield current.strip()
            current = ""
    if current.strip():
        yield current.strip()


def _is_safe(statements: Sequence[str], input: str, output: str) -> bool:
    first = next((n for n, s in enumerate(statements) if _mentions(s, output)), None)
    if first is None or any(_mentions(s, input) for s in statements[first + 1 :]):
        return False
    statement = statements[first]
    if not _mentions(statement, input):
        return True
    if statement.startswith(_ROWS):
        body = statement.partition("{")[2].rpartition("}")[0]
        elsewhere = re.search(rf"\b{re.escape(input)}\b(?!\((?:k|i, j)\))", body)
        return elsewhere is None and _is_safe(list(split_statements(body.splitlines())), input, output)
    if not statement.startswith(_LOOPS):
        return False
    statement = statement.rpartition("}")[0]  # behind its body, a loop names matrices but does not read them
    for position in _POSITIONS:
        write = f"{output}({position}) ="
        before, found, after = statement.partition(write)
        if found:
            value, _, rest = after.partition(";")
            read = before + value
            everywhere = len(re.findall(rf"\b{re.escape(input)}\b", read))
            in_place = len(re.findall(rf"\b{re.escape(input)}\({re.escape(position)}\)", read))
            return everywhere == in_place and not _mentions(rest, input) and not _mentions(before, output)
    return False


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None
