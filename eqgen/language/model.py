"""The surface model: what a `.eq` file says, as immutable dataclasses that know where they came from.

Nothing in this module gives meaning to a name. Shapes, operations and derivatives are the business of
`eqgen.algebra`; this is the typed output of the parser and the input of the formatter and the elaborator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name it is reported under (a path as the user wrote it, or `<string>`)."""

    name: str
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """One-based line and column of a character offset."""
        line = self.text.count("\n", 0, offset) + 1
        return line, offset - (self.text.rfind("\n", 0, offset) + 1) + 1

    def line_text(self, line: int) -> str:
        lines = self.text.split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Span:
    """The half-open range of characters [start, end) of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        return Span(self.source, self.start, max(self.end, other.end))


# --- expressions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expression:
    """Base class; `span` never takes part in comparisons."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A literal, kept exactly: `0.01` is 1/100."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """An identifier, Greek letters already spelled out (`γ` is `gamma`), primes kept (`delta'`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """An operation applied to arguments.

    `function` is an identifier (`rows_sum`, `softmax`, `act`, `act'`) or one of the operator symbols
    `+ - * / ^ < <= > >= ==`, `neg` (prefix minus) and `.T` (transposition). `*` covers `*`, `·`, `@`: which product it
    is (scalar, matrix or entrywise) depends on the shapes. `⊙` is the call `hadamard`; `1_N` is the call `ones(N)`.
    """

    function: str
    arguments: tuple[Expression, ...]
    function_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Lambda(Expression):
    """A function of scalars, `x -> max(x, 0)` or `(x, y) -> x * y`; only as first argument of `apply`."""

    parameters: tuple[str, ...]
    body: Expression


# --- statements ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Equation(Statement):
    """`target = value`, or a chain `target = a = b = c` in which every step is a claim.

    For `f(x) = ...` and `eta(i) = ...` the target is a `Call`; for `jacobian(y, z) = ...` and
    `gradient(L, y) = ...` too.
    """

    target: Expression
    steps: tuple[Expression, ...]

    @property
    def value(self) -> Expression:
        return self.steps[0]


@dataclass(frozen=True, slots=True)
class Draw(Statement):
    """`W ~ normal(0, sqrt(2 / D))`: the target is drawn from a distribution."""

    target: Name
    distribution: Call


@dataclass(frozen=True, slots=True)
class Use(Statement):
    """`use Linear(X, W, b) -> Z` inside a block: the equations of another layer with these names."""

    definition: Name
    arguments: tuple[Expression, ...]
    results: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """`= expression`: the value of a function."""

    steps: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Block(Statement):
    """An indented or inline group.

    `kind` is forward, backward, update, evaluate, then, when, `for each row`, `for each column`, `printed refuted`,
    `printed ill-shaped`, let (one Equation) or stable (the equations behind `with`, and a Return).
    `condition` holds the expression after `when` (a call such as `one_hot(T)`) and the index name after `for each
    row`/`for each column`; `sizes` the equations after `printed refuted at` and `printed ill-shaped unless`.
    """

    kind: str
    statements: tuple[Statement, ...]
    condition: Expression | None = None
    sizes: tuple[Equation, ...] = ()


# --- declarations and definitions ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declaration:
    """`input X: N x D`, `param b: 1 x K = 0`, `state delta = 0`, `z: 1 x K`, ...

    role        input, param, output, target, state, random or variable (a bare `z: 1 x K`)
    shape       two sizes, each a `Name` or a `Number`; None where the kind leaves it open (optimizer states)
    attributes  the words after the shape: sparse, positive, index(V) as (word, argument or None)
    initial     the expression after `=`
    draw        the distribution after `~` (role random)
    """

    role: str
    name: Name
    shape: tuple[Expression, Expression] | None
    attributes: tuple[tuple[str, Expression | None], ...]
    initial: Expression | None
    draw: Call | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name in a definition's header, `alpha = 0.01` in `LeakyReLU(alpha = 0.01)` or `X: N x K` in a function's."""

    name: Name
    default: Expression | None
    shape: tuple[Expression, Expression] | None


@dataclass(frozen=True, slots=True)
class Definition:
    """One `layer`, `activation`, `function`, `loss`, `optimizer`, `scheduler`, `initializer` or `lemma`."""

    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    title: str
    """The description: the string under the header (for a lemma also the string behind its name)."""
    reference: str
    """What `source "..."` says."""
    dims: tuple[Name, ...]
    declarations: tuple[Declaration, ...]
    assumptions: tuple[Expression, ...]
    """The expressions after `assume`."""
    statements: tuple[Statement, ...]
    """Everything else in order: equations of the body and blocks."""
    span: Span = field(compare=False, repr=False)

    def blocks(self, kind: str) -> Iterator[Block]:
        for statement in self.statements:
            if isinstance(statement, Block) and statement.kind == kind:
                yield statement


@dataclass(frozen=True, slots=True)
class Import:
    """A `use "other.eq"` at the top of a file (the library needs no import)."""

    path: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A parsed `.eq` file."""

    source: Source
    imports: tuple[Import, ...]
    definitions: tuple[Definition, ...]


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all expressions inside it, outermost first."""
    yield expression
    if isinstance(expression, Call):
        for argument in expression.arguments:
            yield from walk(argument)
    elif isinstance(expression, Lambda):
        yield from walk(expression.body)
