"""What a single line of a file says, before lines are put together to definitions.

A line that is a statement already is a statement of the model: an Equation, a Draw or a Use.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.language.model import Declaration, Draw, Equation, Expression, Import, Name, Parameter, Span, Use


@dataclass(frozen=True, slots=True)
class Header:
    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    title: Text | None


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between quotes, with the span of the whole string."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    text: Text


@dataclass(frozen=True, slots=True)
class Dims:
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Declarations:
    """`X, Y: M x N` declares several names at once."""

    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Assume:
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Let:
    equation: Equation


@dataclass(frozen=True, slots=True)
class StableWith:
    equations: tuple[Equation, ...]


@dataclass(frozen=True, slots=True)
class Opener:
    """A line that opens a block: `forward`, `when one_hot(T)`, `for each row i`, `then`, `printed refuted at M = 1`."""

    kind: str
    condition: Expression | None
    sizes: tuple[Equation, ...] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """`= a = b` without a target."""

    expressions: tuple[Expression, ...]


Item = (
    Header | Import | Text | Reference | Dims | Declarations | Assume | Let | StableWith | Opener | Steps | Use | Draw
    | Equation
)  # fmt: skip
