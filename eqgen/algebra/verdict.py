"""What a judge says about an equation: one dataclass for the prover and for the explicit check.

Verdicts, never mixed up:
    proved    for all sizes
    refuted   wrong, with a counterexample that was evaluated independently
    checked   neither proved nor refuted; explicit evaluation at several unequal sizes agrees
    unknown   a limit was reached
    refuted as printed   recorded as what a source prints; refuted, or ill-shaped, as the record says
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from eqgen.language.model import Span

Verdict: TypeAlias = Literal["proved", "checked", "refuted", "unknown", "refuted as printed"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Where two sides differ.

    sizes              concrete sizes, N = 1, D = 2
    values             the operands there, as rows of numbers in text form ("-1", "1/2")
    position           row and column of the entry, counted from one
    yours              the entry as written
    derived            the entry as derived
    finite_difference  the entry as a central difference of the forward equations, "" where no derivative is meant
    activations        what an activation of the header is here, "act(x) = x^3 + 2 x", else ""
    """

    sizes: Mapping[str, int]
    values: Mapping[str, tuple[tuple[str, ...], ...]]
    position: tuple[int, int]
    yours: str
    derived: str
    finite_difference: str = ""
    activations: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "sizes": dict(self.sizes),
            "values": {name: [list(row) for row in rows] for name, rows in self.values.items()},
            "position": list(self.position),
            "yours": self.yours,
            "derived": self.derived,
            "finite_difference": self.finite_difference,
            "activations": self.activations,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is wrong with a refuted equation.

    mistake      its name: "sign", "axis", "missing factor", ... (`eqgen.algebra.mistakes`)
    message      one sentence
    span         the sub-expression that is wrong
    written      the equation as it stands
    derived      the derived equation in matrix notation, "" where the derivation is not known
    suggestions  full equations that are proven for all sizes, the closest first
    """

    mistake: str
    message: str
    span: Span = field(compare=False, repr=False)
    written: str
    derived: str
    suggestions: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        line, column = self.span.source.position(self.span.start)
        end_line, end_column = self.span.source.position(self.span.end)
        return {
            "mistake": self.mistake,
            "message": self.message,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "text": self.span.text,
            "written": self.written,
            "derived": self.derived,
            "suggestions": list(self.suggestions),
        }


@dataclass(frozen=True, slots=True)
class EquationResult:
    """The verdict on one equation.

    target          what the equation gives: `DX`, `f'`, `stable`, or the left side of a lemma's claim
    line            its line in the file
    sizes           for `checked`: "checked at sizes N=4, D=3, K=2; N=3, D=2, K=4", else ""
    message         what decided, or what is wrong and what would be right
    explanation     of a refuted equation: where it is wrong, and what was meant
    """

    target: str
    line: int
    span: Span = field(compare=False, repr=False)
    verdict: Verdict
    sizes: str = ""
    seconds: float = field(default=0.0, compare=False)
    message: str = ""
    counterexample: Counterexample | None = None
    explanation: Explanation | None = None

    @property
    def holds(self) -> bool:
        return self.verdict in ("proved", "checked")

    def to_json(self) -> dict[str, object]:
        return {
            "target": self.target,
            "line": self.line,
            "verdict": self.verdict,
            "sizes": self.sizes,
            "seconds": round(self.seconds, 6),
            "message": self.message,
            "counterexample": None if self.counterexample is None else self.counterexample.to_json(),
            "explanation": None if self.explanation is None else self.explanation.to_json(),
        }

    def timed(self, seconds: float) -> EquationResult:
        return replace(self, seconds=seconds)
