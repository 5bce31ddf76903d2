"""What messages about expressions suggest, and exact arithmetic on literals."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from eqgen.algebra.expressions import Constant, Node, constant
from eqgen.language.model import Call

MAX_EXPONENT = 1000
"""Powers of literals are folded only up to here, so that no literal can grow without bound."""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(set(candidates)), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def shape_hint(args: tuple[Node, ...], call: Call) -> str:
    """What usually repairs shapes that do not fit: a repeat or a transposition."""
    if len(args) != 2:
        return ""
    texts = [a.span.text for a in call.arguments[:2]]
    if call.function in ("+", "-", "hadamard"):
        for one, other, text in ((args[0], args[1], texts[0]), (args[1], args[0], texts[1])):
            if one.shape == (1, other.shape[1]):
                return f"there is no broadcasting: write `row_repeat({text}, {other.shape[0]})`"
            if one.shape == (other.shape[0], 1):
                return f"there is no broadcasting: write `column_repeat({text}, {other.shape[1]})`"
            if one.shape == (other.shape[1], other.shape[0]):
                return f"did you mean `{text}.T`?"
    if call.function == "*":
        (m, n), (p, k) = args[0].shape, args[1].shape
        if n == k:
            return f"did you mean `{texts[0]} * {texts[1]}.T`?"
        if m == p:
            return f"did you mean `{texts[0]}.T * {texts[1]}`?"
        if args[0].shape == args[1].shape:
            return f"for the entrywise product write `hadamard({texts[0]}, {texts[1]})`"
    return ""


def folded(name: str, args: tuple[Node, ...], call: Call) -> Node | None:
    """Exact arithmetic on literals: `-1/2` is the number -1/2."""
    if not all(isinstance(a, Constant) for a in args):
        return None
    values = [a.value for a in args if isinstance(a, Constant)]
    if name == "neg":
        return constant(-values[0], call.span)
    if name in ("+", "-", "*"):
        x, y = values
        return constant(x + y if name == "+" else x - y if name == "-" else x * y, call.span)
    if name == "/" and values[1] != 0:
        return constant(values[0] / values[1], call.span)
    if (
        name == "^"
        and values[1].denominator == 1
        and abs(values[1]) <= MAX_EXPONENT
        and max(abs(values[0].numerator), values[0].denominator) <= MAX_EXPONENT
    ):
        return constant(values[0] ** int(values[1]), call.span) if values[0] != 0 or values[1] > 0 else None
    return None
