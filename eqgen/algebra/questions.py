"""What there is to check in a definition, all kinds brought to one form.

A `Subject` is a straight-line program over free matrices with something known of its outputs' gradients; its steps are
equations to judge (a gradient, or an equality of two expressions) and names that later equations use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from eqgen.algebra.definitions import Assignment, TypedDefinition
from eqgen.algebra.expressions import Apply, Derivative, Dim, Invoke, Node, Shape, Symbol, rewrite, sizes_used, symbols
from eqgen.algebra.inline import body
from eqgen.language.model import Span

FREE_ROLES = ("input", "param", "target", "state", "random", "variable")


@dataclass(frozen=True, slots=True)
class Free:
    """A matrix whose entries may be anything that its declaration allows.

    default   the number that the header gives it
    bound     for a matrix of indices the size that its entries stay below
    """

    name: str
    shape: Shape
    positive: bool = False
    one_hot: bool = False
    bound: Dim | None = None
    default: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """`target = written`, judged against the gradient of `gradient_of`, the tangent of `tangent_of`, or `expected`; or
    just a name.

    index        ("row", "i", N): both sides are row i, for every i below N
    derivatives  what stands for the derivatives in `written` and `expected`, by name
    """

    target: str
    span: Span
    written: Node
    gradient_of: str | None = None
    tangent_of: str | None = None
    expected: Node | None = None
    index: tuple[str, str, Dim] | None = None
    derivatives: Mapping[str, Derivative] = field(default_factory=dict)

    @property
    def is_question(self) -> bool:
        return self.is_derivative or self.expected is not None

    @property
    def is_derivative(self) -> bool:
        return self.gradient_of is not None or self.tangent_of is not None


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything the steps need.

    seeds   for each output of the program the name of its free gradient; "" for the gradient 1 of a loss, or of a
            function that acts entry by entry
    at      the sizes of the counterexample that is wanted, where that matters
    moving  for each matrix that moves along a given direction the name of this direction
    """

    free: tuple[Free, ...]
    program: tuple[Assignment, ...]
    seeds: Mapping[str, str]
    steps: tuple[Step, ...]
    assumptions: tuple[Node, ...]
    activations: tuple[str, ...]
    sizes: tuple[str, ...]
    at: tuple[tuple[str, int], ...] = ()
    moving: Mapping[str, str] = field(default_factory=dict)


def tangent_subject(
    definition: TypedDefinition,
    program: tuple[Assignment, ...],
    directions: Mapping[str, Symbol],
    steps: tuple[Step, ...],
    more: tuple[Symbol, ...] = (),
) -> Subject:
    """Tangents of the program's values, along free directions. `more` are matrices that its values read besides those
    that the definition declares."""
    subject = _subject(definition, program, {}, steps)
    added = [Free(s.name, s.shape) for s in (*more, *directions.values())]
    return replace(
        subject,
        free=(*subject.free, *added),
        moving={name: direction.name for name, direction in directions.items()},
    )


def derivative_subject(definition: TypedDefinition, program: tuple[Assignment, ...], step: Step) -> Subject:
    """The derivative of a function that acts entry by entry, the last value of the program."""
    return _subject(definition, program, {program[-1].target: ""}, (step,))


def subjects(definition: TypedDefinition) -> Iterator[Subject]:
    """The questions of a definition; none for one that claims nothing, such as an optimizer."""
    match definition.kind:
        case "layer":
            yield _layer(definition)
        case "activation":
            yield derivative_subject(
                definition, definition.block("f"), _gradient(definition.block("derivative")[-1], "x")
            )
        case "loss":
            yield from _loss(definition)
        case "function" if definition.block("stable"):
            last = definition.block("stable")[-1]
            step = Step("stable", last.span, body(definition, False, "stable"), expected=body(definition, False))
            yield _subject(definition, (), {}, (step,))
        case "lemma":
            for claim in definition.claims:
                one_hot = tuple(h for h in claim.hypotheses if isinstance(h, Invoke))
                step = _named(Step(claim.text, claim.span, claim.right, expected=claim.left, index=claim.index))
                yield _subject(definition, (), {}, (step,), claim.hypotheses, one_hot)


def _layer(definition: TypedDefinition) -> Subject:
    program = definition.block("forward")
    known = {v.name for v in definition.with_role("input", "param", "state")} | {a.target for a in program}
    steps = tuple(
        _gradient(a, a.target[1:]) if a.target[:1] == "D" and a.target[1:] in known else Step(a.target, a.span, a.value)
        for a in definition.block("backward")
    )
    return _subject(definition, program, {v.name: f"D{v.name}" for v in definition.with_role("output")}, steps)


def _loss(definition: TypedDefinition) -> Iterator[Subject]:
    (y,) = definition.with_role("input")
    program = definition.block("value")
    for a in definition.block("gradient"):
        yield _subject(definition, program, {"L": ""}, (_gradient(a, y.name),))
    for a in definition.block("one_hot"):
        (t,) = definition.with_role("target")
        step = replace(_gradient(a, y.name), target=f"{a.target} when one_hot({t.name})")
        condition = Invoke((1, 1), "one_hot", (t.symbol,))
        yield _subject(definition, program, {"L": ""}, (step,), (), (condition,))


def _gradient(a: Assignment, variable: str) -> Step:
    return Step(a.target, a.span, a.value, gradient_of=variable)


def _named(step: Step) -> Step:
    """The derivatives inside a step get names, so that what is left can be evaluated."""
    derivatives: dict[str, Derivative] = {}

    def rule(n: Node) -> Node:
        if not isinstance(n, Derivative):
            return n
        name = f"derivative {len(derivatives) + 1}"
        derivatives[name] = n
        return Symbol(n.shape, name, span=n.span)

    assert step.expected is not None
    expected, written = rewrite(step.expected, rule), rewrite(step.written, rule)
    return replace(step, expected=expected, written=written, derivatives=derivatives)


def _subject(
    definition: TypedDefinition,
    program: tuple[Assignment, ...],
    seeds: Mapping[str, str],
    steps: tuple[Step, ...],
    more: tuple[Node, ...] = (),
    conditions: tuple[Invoke, ...] = (),
) -> Subject:
    assumptions = definition.assumptions + more
    one_hot = {
        a.args[0].name
        for a in (*assumptions, *conditions)
        if isinstance(a, Invoke) and a.function == "one_hot" and isinstance(a.args[0], Symbol)
    }
    free = [
        Free(v.name, v.shape, v.positive, v.name in one_hot, v.index_size) for v in definition.with_role(*FREE_ROLES)
    ]
    free += [Free(n.name, n.shape, default=n.default) for n in definition.numbers]
    outputs = {a.target: a.shape for a in program}
    nodes = [*(a.value for a in program), *assumptions, *(d for s in steps for d in s.derivatives.values())]
    nodes += [n for s in steps for n in (s.written, s.expected) if n is not None]
    # A statistic or a number of another block would only clutter a counterexample.
    read = {s.gradient_of for s in steps}.union(*map(symbols, nodes))
    free = [f for f in free if f.name in read]
    free += [Free(seed, outputs[name]) for name, seed in seeds.items() if seed]
    used = {d for f in free for d in (*f.shape, f.bound) if isinstance(d, str)}.union(*map(sizes_used, nodes))
    sizes = [d for d in definition.dims if d in used] + sorted(used - set(definition.dims))
    inequalities = tuple(a for a in assumptions if isinstance(a, Apply))
    return Subject(tuple(free), program, seeds, steps, inequalities, definition.activations, tuple(sizes))
