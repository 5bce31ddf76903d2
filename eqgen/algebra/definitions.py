"""Typed definitions: what a `.eq` file means, ready to be proven and lowered.

Input of the prover, the deriver, the cost model and the lowering; output of `eqgen.algebra.elaborate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from eqgen.algebra.expressions import Dim, Node, Shape, Symbol
from eqgen.language.model import Definition, Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a definition's header. `shape` is 1 x 1, or 1 x M for a list of numbers such as milestones."""

    name: str
    default: Fraction | None
    shape: Shape
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared or assigned matrix.

    role        input, param, output, target, state, random, variable, intermediate, gradient
    index_size  for an integer input the size its entries stay below, else None
    initial     the number a parameter or state starts with
    """

    name: str
    shape: Shape
    role: str
    span: Span = field(compare=False, repr=False)
    index_size: Dim | None = None
    sparse: bool = False
    positive: bool = False
    initial: Fraction | None = None
    draw: Draw | None = None

    @property
    def symbol(self) -> Symbol:
        return Symbol(self.shape, self.name, span=self.span)


@dataclass(frozen=True, slots=True)
class Draw:
    """`target ~ distribution(arguments)`; arguments are scalar expressions over header numbers and sizes."""

    distribution: str
    arguments: tuple[Node, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Assignment:
    """`target = value`. `text` is the equation in canonical spelling, for comments and reports."""

    target: str
    value: Node
    text: str
    span: Span = field(compare=False, repr=False)
    target_span: Span = field(compare=False, repr=False)

    @property
    def shape(self) -> Shape:
        return self.value.shape


@dataclass(frozen=True, slots=True)
class Claim:
    """`left = right`, to be proven. Under `for each row i` both sides are row i, and `index` is ("row", "i", size)."""

    left: Node
    right: Node
    text: str
    span: Span = field(compare=False, repr=False)
    index: tuple[str, str, Dim] | None = None
    hypotheses: tuple[Node, ...] = ()
    """Conditions of the form `one_hot(T)` under which it is claimed."""


@dataclass(frozen=True, slots=True)
class Misprint:
    """An equation as a source prints it, which does not hold.

    statement  the lemma that claims it alone; for an ill-shaped one where `condition` holds, None without one
    at         sizes at which it is refuted
    problem    what does not fit, "" where the shapes do
    condition  `N = K`: sizes at which the shapes fit all the same
    """

    text: str
    span: Span = field(compare=False, repr=False)
    statement: TypedDefinition | None
    at: tuple[tuple[str, int], ...] = ()
    problem: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True)
class TypedDefinition:
    """One definition with shapes, names and operations resolved.

    numbers, activations   the header: `epsilon = 1e-5`; `act`
    dims                   sizes in order of declaration
    variables              every declared or assigned name, in order
    blocks                 straight-line programs by name:
        layer       forward, backward, evaluate, update (targets are state names with a prime)
        activation  f and derivative: one assignment each to `f` and `f'`, over the symbol `x` of shape m x n
        function    body: lets, then an assignment to the function's own name; stable: the same, better in floats
        loss        value (lets, then L), gradient (DY), one_hot (DY for one-hot targets)
        optimizer   step: assignments to theta', Dtheta', states with a prime, or lets
        scheduler   value: lets, then an assignment to the function name `eta`; or `first` and `next` for a recursion
        lemma       let
    claims                 lemmas: what is to be proven
    misprints              lemmas: what the source prints instead
    draws                  initializers: what the weight is drawn from
    """

    kind: str
    name: str
    title: str
    reference: str
    source: Definition = field(compare=False, repr=False)
    numbers: tuple[Number, ...] = ()
    activations: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    variables: Mapping[str, Variable] = field(default_factory=dict)
    blocks: Mapping[str, tuple[Assignment, ...]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    misprints: tuple[Misprint, ...] = ()
    assumptions: tuple[Node, ...] = ()
    draws: tuple[tuple[str, Draw], ...] = ()

    @property
    def span(self) -> Span:
        return self.source.span

    @property
    def origin(self) -> str:
        """`softmax.eq:1`: base name of the file and line."""
        span = self.source.name.span
        return f"{span.source.name.rsplit('/', 1)[-1]}:{span.line}"

    def with_role(self, *roles: str) -> Iterator[Variable]:
        return (v for v in self.variables.values() if v.role in roles)

    def block(self, name: str) -> tuple[Assignment, ...]:
        return self.blocks.get(name, ())


@dataclass(frozen=True, slots=True)
class Module:
    """Typed definitions by (kind, name): the library, or the library with a user's files on top."""

    definitions: tuple[TypedDefinition, ...]

    def find(self, name: str, *kinds: str) -> TypedDefinition | None:
        for definition in self.definitions:
            if definition.name == name and (not kinds or definition.kind in kinds):
                return definition
        return None

    def of_kind(self, *kinds: str) -> tuple[TypedDefinition, ...]:
        return tuple(d for d in self.definitions if d.kind in kinds)
