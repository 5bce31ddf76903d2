"""How the papers fare: which of their equations are proved, and what they print that does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from eqgen.algebra.checking import ORDER, DefinitionResult, counterexample_text, equation_json
from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.printed import ILL_SHAPED, PRINTED
from eqgen.algebra.verdict import EquationResult, Verdict


@dataclass(frozen=True, slots=True)
class PrintedEquation:
    """An equation as it is printed, its verdict, and the lemma that has it right."""

    lemma: TypedDefinition
    result: EquationResult
    corrected: str
    """The claim of its lemma that comes closest to it."""
    verdict: Verdict
    """The worst verdict on what the lemma claims."""

    @property
    def is_ill_shaped(self) -> bool:
        return self.result.message.startswith(ILL_SHAPED)

    @property
    def explained(self) -> bool:
        """Whether it is refuted or ill-shaped as recorded, and everything that its lemma claims holds."""
        return self.result.verdict == PRINTED and self.verdict in ("proved", "checked")

    def __str__(self) -> str:
        result = self.result
        facts = [("printed", _flat(result.target))]
        if result.verdict != PRINTED:
            facts.append((result.verdict, result.message))
        elif self.is_ill_shaped:
            facts.append((ILL_SHAPED, result.message.removeprefix(f"{ILL_SHAPED}: ")))
        if result.verdict == PRINTED and result.counterexample is not None:
            example = counterexample_text(result.counterexample, words=("as printed", "right"))
            facts.append(("refuted", example.replace("\n", ", ")))
        facts.append((self.verdict, f"{self.corrected} (lemma {self.lemma.name})"))
        head = f"{self.lemma.reference}, {self.lemma.title} ({self.lemma.origin})"
        return "\n".join([head, *(f"    {word:<10}  {text}" for word, text in facts)])


@dataclass(frozen=True, slots=True)
class PaperScore:
    """The lemmas that name one source."""

    source: str
    results: tuple[DefinitionResult, ...]

    @property
    def equations(self) -> list[EquationResult]:
        """What the lemmas claim."""
        return [e for r in self.results for e in r.equations[: len(r.definition.claims)]]

    @property
    def proved(self) -> int:
        return sum(e.verdict == "proved" for e in self.equations)

    @property
    def printed(self) -> list[PrintedEquation]:
        return [p for r in self.results for p in _printed(r)]

    def row(self) -> tuple[str, ...]:
        """The columns of HEADINGS."""
        printed = self.printed
        return (
            self.source,
            str(len(self.results)),
            str(len(self.equations)),
            str(self.proved),
            str(sum(not p.is_ill_shaped for p in printed)),
            str(sum(p.is_ill_shaped for p in printed)),
            f"{sum(p.explained for p in printed)} of {len(printed)}",
        )

    def to_json(self) -> dict[str, object]:
        return {
            "source": self.source,
            "lemmas": len(self.results),
            "equations": len(self.equations),
            "proved": self.proved,
            "printed": [
                {
                    "lemma": p.lemma.name,
                    "title": p.lemma.title,
                    "file": p.lemma.span.source.name,
                    "ill_shaped": p.is_ill_shaped,
                    "corrected": p.corrected,
                    "explained": p.explained,
                    **equation_json(p.result),
                }
                for p in self.printed
            ],
        }


HEADINGS = ("paper", "lemmas", "equations", "proved", "refuted as printed", "ill-shaped as printed", "explained")


def scores(results: Iterable[DefinitionResult]) -> list[PaperScore]:
    """A score for every source that lemmas name, in the order of the lemmas."""
    by_source: dict[str, list[DefinitionResult]] = {}
    for result in results:
        if result.definition.kind == "lemma" and result.definition.reference:
            by_source.setdefault(result.definition.reference, []).append(result)
    return [PaperScore(source, tuple(found)) for source, found in by_source.items()]


def _printed(result: DefinitionResult) -> Iterator[PrintedEquation]:
    claims = len(result.definition.claims)
    proven = result.equations[:claims]
    worst: Verdict = next((v for v in ORDER if v in {e.verdict for e in proven}), "unknown")
    for misprint in result.equations[claims:]:
        near = get_close_matches(_flat(misprint.target), _chained(proven), n=1, cutoff=0.0)
        yield PrintedEquation(result.definition, misprint, near[0] if near else "", worst)


def _chained(equations: Sequence[EquationResult]) -> list[str]:
    """`a = b`, `a = c` for the chain a = b = c, whose claims are a = b and b = c."""
    result: list[str] = []
    first, last = "", ""
    for equation in equations:
        left, _, right = _flat(equation.target).partition(" = ")
        first = first if left == last else left
        last = right
        result.append(f"{first} = {right}")
    return result


def _flat(text: str) -> str:
    return " ".join(text.split())
