"""Verdicts kept on disk, each under a hash of all that it follows from.

That is the text of the definition, the texts of all definitions that it uses, which judges were asked, the judges'
own source and the version of SymPy. A stored verdict gives places relative to the beginning of the definition, so that
it holds wherever the same text stands.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.questions import subjects
from eqgen.algebra.verdict import Counterexample, EquationResult, Explanation
from eqgen.language.model import Span

SOURCES = ("algebra", "language")
"""The folders of eqgen that decide on a verdict."""


@dataclass(frozen=True, slots=True)
class VerdictStore:
    """A folder of verdicts. What cannot be read counts as missing, and what cannot be written is not kept."""

    folder: Path

    def load(self, key: str, definition: TypedDefinition) -> tuple[EquationResult, ...] | None:
        try:
            stored = json.loads(self._path(key).read_text(encoding="utf-8"))
            places = equation_places(definition)
            return tuple(_from_plain(value, place) for value, place in zip(stored, places, strict=True))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, key: str, definition: TypedDefinition, equations: Sequence[EquationResult]) -> None:
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps([_to_plain(e) for e in equations]), encoding="utf-8")
            os.replace(temporary, path)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def default_store() -> VerdictStore | None:
    """The user's store; None where there is no folder for it."""
    # A leaf module about paths: the only thing that the algebra takes from there.
    from eqgen.backends.locations import cache_folder

    try:
        return VerdictStore(cache_folder() / "verdicts")
    except RuntimeError:
        return None


def verdict_key(definition: TypedDefinition, module: Module, judge: str) -> str:
    """A hash of everything that a verdict on a definition follows from."""
    digest = hashlib.sha256()
    used = sorted((d.kind, d.name, d.span.text) for d in dependencies(definition, module))
    own = (judge, judges_key(), definition.kind, definition.span.text)
    for text in (*own, *(part for entry in used for part in entry)):
        content = text.encode("utf-8", "surrogatepass")
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()


@cache
def judges_key() -> str:
    """A hash of the source that gives verdicts, and of the libraries that it computes with."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".lark"):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()}:{len(content)}:".encode() + content)
    for library in ("sympy", "mpmath"):
        digest.update(f"{library} {importlib.metadata.version(library)}".encode())
    return digest.hexdigest()


def dependencies(definition: TypedDefinition, module: Module) -> list[TypedDefinition]:
    """All definitions that a definition may use, directly or through others; not itself."""
    by_name: dict[str, list[TypedDefinition]] = {}
    for d in module.definitions:
        by_name.setdefault(d.name, []).append(d)
    found: dict[int, TypedDefinition] = {id(definition): definition}
    queue = [definition]
    for current in queue:
        for name in dict.fromkeys(_words(current.source)):
            for used in by_name.get(name, ()):
                # A lemma cannot be called; that a claim is made elsewhere too changes nothing here.
                if id(used) not in found and used.kind != "lemma":
                    found[id(used)] = used
                    queue.append(used)
    return list(found.values())[1:]


def _words(part: object) -> Iterator[str]:
    """Every text in a surface definition, names and called functions among them, without primes."""
    if isinstance(part, str):
        yield part.rstrip("'")
    elif isinstance(part, tuple):
        for element in part:
            yield from _words(element)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            if field.compare:
                yield from _words(getattr(part, field.name))


def equation_places(definition: TypedDefinition) -> list[Span]:
    """Where the equations stand on which there are verdicts, in order. A layer's may stand in one that it uses."""
    steps = [step for subject in subjects(definition) for step in subject.steps if step.is_question]
    return [step.span for step in steps] + [misprint.span for misprint in definition.misprints]


def placed(equations: Sequence[EquationResult], places: Sequence[Span]) -> tuple[EquationResult, ...]:
    """Verdicts from another process, whose places refer to a copy of the source."""
    if len(equations) != len(places):
        return tuple(equations)  # one verdict on the definition as a whole
    return tuple(_at(equation, place) for equation, place in zip(equations, places, strict=True))


def _at(equation: EquationResult, place: Span) -> EquationResult:
    explanation = equation.explanation
    if explanation is not None:
        explanation = replace(explanation, span=replace(explanation.span, source=place.source))
    return replace(equation, span=place, explanation=explanation)


def _to_plain(equation: EquationResult) -> dict[str, Any]:
    """What does not follow from the definition itself; the place of a mistake counts from that of its equation."""
    plain = {f.name: getattr(equation, f.name) for f in dataclasses.fields(equation) if f.name not in ("span", "line")}
    example, explanation = equation.counterexample, equation.explanation
    plain["counterexample"] = None if example is None else example.to_json()
    if explanation is not None:
        texts = {f.name: getattr(explanation, f.name) for f in dataclasses.fields(explanation) if f.name != "span"}
        offset = equation.span.start
        place = [explanation.span.start - offset, explanation.span.end - offset]
        plain["explanation"] = {**texts, "place": place}
    return plain


def _from_plain(plain: dict[str, Any], span: Span) -> EquationResult:
    example, explanation = plain.pop("counterexample"), plain.pop("explanation")
    if example is not None:
        values = {name: tuple(tuple(row) for row in rows) for name, rows in example["values"].items()}
        example = Counterexample(**(example | {"values": values, "position": tuple(example["position"])}))
    if explanation is not None:
        start, end = (span.start + offset for offset in explanation.pop("place"))
        suggestions = tuple(explanation.pop("suggestions"))
        explanation = Explanation(**explanation, span=Span(span.source, start, end), suggestions=suggestions)
    return EquationResult(**plain, span=span, line=span.line, counterexample=example, explanation=explanation)
