"""Strings such as `Momentum(0.9)` or `ActivationDropout(LeakyReLU(alpha=0.1), p=0.5)`, read without executing anything.

    specification = name [ "(" [ argument { "," argument } ] ")" ]
    argument      = [ name "=" ] ( number | list | specification )
    list          = "[" [ number { "," number } ] "]"

A name is looked up in a dictionary of classes, and the arguments are those of its constructor.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

Argument: TypeAlias = "float | tuple[float, ...] | Specification"

T = TypeVar("T")

MAX_LENGTH = 10_000
MAX_DEPTH = 20

TOKEN = re.compile(r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<mark>\S))")


@dataclass(frozen=True)
class Specification:
    """A name with arguments; `str` gives the canonical spelling."""

    name: str
    arguments: tuple[Argument, ...] = ()
    keywords: tuple[tuple[str, Argument], ...] = ()

    def __str__(self) -> str:
        written = [_spelled(a) for a in self.arguments] + [f"{k}={_spelled(a)}" for k, a in self.keywords]
        return f"{self.name}({', '.join(written)})" if written else self.name


def parse_specification(text: str) -> Specification:
    """Read one specification. ValueError shows the place of a mistake."""
    if not isinstance(text, str):
        raise TypeError(f"expected a string such as 'Momentum(0.9)', found {text!r}")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a specification has at most {MAX_LENGTH} characters, found {len(text)}")
    reader = _Reader(text)
    specification = reader.specification(0)
    reader.expect_end()
    return specification


def parse_number(text: str) -> float | None:
    """The number that the whole text spells, or None."""
    match = TOKEN.fullmatch(text.strip())
    return float(match["number"]) if match and match["number"] else None


def split(text: str, separator: str) -> list[str]:
    """The parts of `ReLU;ReLU;Linear` or `WeightDecay(0.1) | Momentum(0.9)`."""
    if not isinstance(text, str):
        raise TypeError(f"expected a string with parts between {separator!r}, found {text!r}")
    return [part.strip() for part in text.split(separator)]


def one_each(kind: str, text: str, count: int) -> list[str]:
    """As many parts as there are layers: one for each, or one for all."""
    parts = split(text, ";")
    if len(parts) not in (1, count):
        raise ValueError(f"{kind} {text!r}: found {len(parts)} parts, expected 1 or {count}, one for each layer")
    return parts * count if len(parts) == 1 else parts


def unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a name that does not exist: it lists what there is, and what may have been meant."""
    lowered = {k.lower(): k for k in known}
    close = [lowered[k] for k in difflib.get_close_matches(name.lower(), lowered, n=1)]
    hint = f"did you mean {close[0]!r}? " if close else ""
    return ValueError(
        f"unknown {kind} {name!r}: {hint}this package has {', '.join(sorted(lowered.values())) or 'none'}"
    )


def construct(
    kind: str,
    text: str | Specification,
    classes: Mapping[str, type[T]],
    leading: Sequence[Any] = (),
    nested: Callable[[Specification], Any] | None = None,
    **fixed: Any,
) -> T:
    """An object of the class that the text names, with the text's arguments after the `leading` ones.

    nested   what turns an argument that is a name, such as an activation, into an object
    fixed    keyword arguments that the text cannot give
    """
    specification = text if isinstance(text, Specification) else parse_specification(text)
    if specification.name not in classes:
        raise unknown(kind, specification.name, classes)
    signature = inspect.signature(classes[specification.name])
    arguments = [_resolved(a, nested) for a in specification.arguments]
    keywords = {k: _resolved(a, nested) for k, a in specification.keywords}
    try:
        if len(keywords) < len(specification.keywords):
            raise TypeError("multiple values for one argument")
        bound = signature.bind(*leading, *arguments, **keywords, **fixed)
    except TypeError as error:
        own = [p for p in list(signature.parameters.values())[len(leading) :] if p.name not in fixed]
        expected = f"{specification.name}({', '.join(_described(p) for p in own)})"
        raise ValueError(f"{kind} '{specification}': {error}; expected {expected}") from None
    return classes[specification.name](*bound.args, **bound.kwargs)


def _resolved(argument: Argument, nested: Callable[[Specification], Any] | None) -> Any:
    return nested(argument) if nested and isinstance(argument, Specification) else argument


def _described(parameter: inspect.Parameter) -> str:
    default = parameter.default
    return parameter.name if default is inspect.Parameter.empty else f"{parameter.name}={_spelled(default)}"


def _spelled(argument: Any) -> str:
    if isinstance(argument, tuple):
        return f"[{', '.join(_spelled(a) for a in argument)}]"
    return f"{argument:g}" if isinstance(argument, float) else str(argument)


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens(text))
        self.next = 0

    @staticmethod
    def _tokens(text: str) -> Iterable[tuple[str, str, int]]:
        """(kind, text, position), closed by an end token."""
        for match in TOKEN.finditer(text):
            kind = str(match.lastgroup)
            yield kind, match[kind], match.start(kind)
        yield "end", "", len(text)

    def specification(self, depth: int) -> Specification:
        if depth > MAX_DEPTH:
            self.fail(f"at most {MAX_DEPTH} levels of nesting")
        name = self.take("name", "a name")
        arguments: list[Argument] = []
        keywords: list[tuple[str, Argument]] = []
        if self.accept("("):
            while not self.accept(")"):
                if arguments or keywords:
                    self.expect(",")
                if self.peek("name") and self.tokens[self.next + 1][1] == "=":
                    keyword = self.take("name", "a name")
                    self.expect("=")
                    keywords.append((keyword, self.argument(depth)))
                elif keywords:
                    self.fail("name=value after the first such argument")
                else:
                    arguments.append(self.argument(depth))
        return Specification(name, tuple(arguments), tuple(keywords))

    def argument(self, depth: int) -> Argument:
        if self.accept("["):
            numbers: list[float] = []
            while not self.accept("]"):
                if numbers:
                    self.expect(",")
                numbers.append(self.number())
            return tuple(numbers)
        return self.number() if self.peek("number") else self.specification(depth + 1)

    def number(self) -> float:
        return float(self.take("number", "a number"))

    def peek(self, kind: str) -> bool:
        return self.tokens[self.next][0] == kind

    def take(self, kind: str, description: str) -> str:
        if not self.peek(kind):
            self.fail(description)
        self.next += 1
        return self.tokens[self.next - 1][1]

    def accept(self, mark: str) -> bool:
        found = self.tokens[self.next][:2] == ("mark", mark)
        self.next += found
        return found

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            self.fail(repr(mark))

    def expect_end(self) -> None:
        if not self.peek("end"):
            self.fail("the end")

    def fail(self, expected: str) -> None:
        _, found, position = self.tokens[self.next]
        shown = repr(found) if found else "the end"
        raise ValueError(f"{self.text!r}: found {shown} at character {position + 1}, expected {expected}")
