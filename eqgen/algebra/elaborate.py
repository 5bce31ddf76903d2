"""From parsed files to typed definitions: names, operations, shapes and the rules of each kind of definition.

Several errors are reported in one run: a statement that fails is skipped, and statements that read what it would have
assigned are skipped silently.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from eqgen.algebra.definitions import Assignment, Draw, Module, Number, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Constant, Invoke, Node, Shape, Symbol, shape_text
from eqgen.algebra.hints import did_you_mean
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.model import (
    Block,
    Call,
    Declaration,
    Definition,
    Equation,
    Expression,
    File,
    Name,
    Return,
    Span,
    Statement,
    Use,
)

DISTRIBUTIONS = {"uniform": 2, "normal": 2, "bernoulli": 1, "dropout": 1, "constant": 1}
"""Names of distributions and how many numbers each takes. `dropout(p)` is 0 with probability p, else 1 / (1 - p)."""

ROLES = {
    "layer": {"input", "param", "output", "state", "random"},
    "loss": {"input", "target"},
    "optimizer": {"state"},
    "activation": set(),
    "function": set(),
    "scheduler": set(),
    "initializer": {"param"},
    "lemma": {"variable", "input", "param", "target"},
}


def elaborate(files: Sequence[File], base: Module | None = None) -> Module:
    """Typed definitions of the files; their names hide those of `base` (the library).

    Raises DiagnosticError with every error found.
    """
    return Elaborator(files, base or Module(())).run()


@dataclass
class Elaborator:
    """One run over some files. Definitions are typed on demand, so that their order does not matter."""

    files: Sequence[File]
    base: Module
    diagnostics: list[Diagnostic] = field(default_factory=list)
    done: dict[int, TypedDefinition | None] = field(default_factory=dict)
    active: list[Definition] = field(default_factory=list)

    def run(self) -> Module:
        definitions = [d for f in self.files for d in f.definitions]
        self.reject_duplicates(definitions)
        typed = [self.definition(d) for d in definitions]
        if self.diagnostics:
            raise DiagnosticError(self.diagnostics)
        own = tuple(t for t in typed if t is not None)
        names = {(t.kind, t.name) for t in own}
        return Module(own + tuple(d for d in self.base.definitions if (d.kind, d.name) not in names))

    def reject_duplicates(self, definitions: Iterable[Definition]) -> None:
        seen: dict[tuple[str, str], Definition] = {}
        for d in definitions:
            key = ("callable" if d.kind in ("function", "activation") else d.kind, d.name.name)
            if key in seen:
                first = seen[key].name.span
                self.report(
                    Diagnostic(
                        "E102",
                        f"{d.kind} `{d.name.name}` is defined twice",
                        d.name.span,
                        "a new name",
                        f"the first definition is at {first.source.name}:{first.line}",
                    )
                )
            seen.setdefault(key, d)

    def report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)

    def definition(self, d: Definition) -> TypedDefinition | None:
        if id(d) not in self.done:
            self.active.append(d)
            try:
                self.done[id(d)] = DefinitionElaborator(self, d).run()
            except Abandoned:
                self.done[id(d)] = None
            finally:
                self.active.pop()
        return self.done[id(d)]

    def lookup(self, name: str, span: Span, *kinds: str) -> TypedDefinition | None:
        """A definition of one of the kinds; the files' own first. Raises Abandoned on a cycle or a failure."""
        for d in (d for f in self.files for d in f.definitions):
            if d.name.name == name and d.kind in kinds:
                if d in self.active:
                    path = " -> ".join([x.name.name for x in self.active[self.active.index(d) :]] + [name])
                    self.report(
                        Diagnostic(
                            "E104", f"`{name}` is defined by itself: {path}", span, "a definition without a cycle"
                        )
                    )
                    raise Abandoned
                typed = self.definition(d)
                if typed is None:
                    raise Abandoned
                return typed
        return self.base.find(name, *kinds)

    def names(self, *kinds: str) -> list[str]:
        own = [d.name.name for f in self.files for d in f.definitions if d.kind in kinds]
        return own + [d.name for d in self.base.of_kind(*kinds)]


class DefinitionElaborator:
    """Types one definition. The methods for the single kinds stand in `eqgen.algebra.kinds`."""

    def __init__(self, parent: Elaborator, source: Definition) -> None:
        self.parent = parent
        self.source = source
        self.variables: dict[str, Variable] = {}
        self.numbers: list[Number] = []
        self.called = frozenset(_called(source))
        self.activations = tuple(
            p.name.name
            for p in source.parameters
            if source.kind in ("layer", "lemma") and p.shape is None and p.name.name in self.called
        )
        self.scope = Scope(
            report=parent.report,
            lookup=lambda name, span: parent.lookup(name, span, "function", "activation"),
            known_functions=lambda: parent.names("function", "activation"),
            activations=self.activations,
            open_sizes=not source.dims,
        )

    # --- services for the kinds ----------------------------------------------------------------------

    def error(self, code: str, message: str, span: Span, expected: str = "", hint: str = "") -> None:
        self.parent.report(Diagnostic(code, message, span, expected, hint))

    @contextlib.contextmanager
    def guarded(self, poison: str = "") -> Iterator[None]:
        """What is abandoned inside is skipped: its error is recorded, and later reads of `poison` stay silent."""
        try:
            yield
        except Abandoned:
            if poison:
                self.scope.poisoned.add(poison)

    def add(self, variable: Variable) -> None:
        existing = self.variables.get(variable.name)
        if existing is not None or variable.name in self.scope.sizes or variable.name in self.activations:
            what = f"`{variable.name}` is declared already"
            self.error("E102", what, variable.span, "a new name")
            raise Abandoned
        self.variables[variable.name] = variable
        self.scope.symbols[variable.name] = variable.symbol
        if variable.index_size is not None:
            self.scope.indices[variable.name] = variable.index_size

    def assign(self, target: Expression, value: Node, text_span: Span, expected: Shape | None = None) -> Assignment:
        assert isinstance(target, Name)
        if expected is not None and value.shape != expected:
            raise self.scope.fail(
                "E204",
                f"`{target.name}` is {shape_text(expected)} but its equation gives {shape_text(value.shape)}",
                value.span or text_span,
                shape_text(expected),
                f"did you mean the transpose, `({value.span.text if value.span else ''}).T`?"
                if value.shape == expected[::-1]
                else "",
            )
        return Assignment(target.name, value, canonical_text(text_span), text_span, target.span)

    def draw(self, call: Call) -> Draw:
        """A distribution with numbers as arguments."""
        count = DISTRIBUTIONS.get(call.function)
        if count is None:
            raise self.scope.fail(
                "E307",
                f"unknown distribution `{call.function}`",
                call.function_span,
                f"one of {', '.join(DISTRIBUTIONS)}",
                did_you_mean(call.function, DISTRIBUTIONS),
            )
        if len(call.arguments) != count:
            raise self.scope.fail(
                "E307", f"`{call.function}` has {len(call.arguments)} arguments", call.span, f"{count}"
            )
        scope = replace(self.scope, entrywise=True)
        return Draw(call.function, tuple(scope.scalar(a) for a in call.arguments), call.span)

    def initial(self, expression: Expression | None) -> Fraction | None:
        if expression is None:
            return None
        node = self.scope.scalar(expression)
        if not isinstance(node, Constant):
            raise self.scope.fail(
                "E205", "the initial value is not a number", expression.span, "a literal such as 0 or 1"
            )
        return node.value

    def statements(self, block: str) -> tuple[Statement, ...]:
        return tuple(s for b in self.source.blocks(block) for s in b.statements)

    # --- common parts --------------------------------------------------------------------------------

    def run(self) -> TypedDefinition:
        from eqgen.algebra.kinds import KINDS
        from eqgen.algebra.lemmas import lemma

        for name in self.source.dims:
            if name.name in self.scope.sizes:
                self.error("E102", f"size `{name.name}` is declared twice", name.span, "a new name")
            self.scope.sizes[name.name] = None
        self.header()
        for declaration in self.source.declarations:
            with self.guarded(declaration.name.name):
                self.declare(declaration)
        kind = {**KINDS, "lemma": lemma}[self.source.kind]
        before = len(self.parent.diagnostics)
        typed = kind(self)
        if len(self.parent.diagnostics) > before:
            raise Abandoned
        return replace(typed, assumptions=self.assumptions())

    def assumptions(self) -> tuple[Node, ...]:
        return tuple(self.assumption(a) for a in self.source.assumptions)

    def assumption(self, a: Expression) -> Node:
        """`one_hot(T)`, or a comparison such as `x > 0` of entries or `columns_sum(Z) == zeros(1, D)` of matrices."""
        if isinstance(a, Call) and a.function == "one_hot" and len(a.arguments) == 1:
            return Invoke(SCALAR, "one_hot", (self.scope.typed(a.arguments[0]),), span=a.span)
        entrywise = isinstance(a, Call) and a.function in ("<", ">", "<=", ">=")
        return replace(self.scope, entrywise=entrywise).typed(a)

    def header(self) -> None:
        for parameter in self.source.parameters:
            name = parameter.name.name
            if name in self.activations:
                continue
            if name in self.scope.symbols:
                self.error("E102", f"`{name}` stands twice in the header", parameter.name.span, "a new name")
                continue
            if parameter.shape is not None and self.source.kind == "function":
                shape = self.scope.shape(parameter.shape)
                self.add(Variable(name, shape, "input", parameter.name.span))
                continue
            shape = SCALAR if parameter.shape is None else self.scope.shape(parameter.shape)
            default = self.initial(parameter.default)
            self.numbers.append(Number(name, default, shape, parameter.name.span))
            self.scope.symbols[name] = Symbol(shape, name, span=parameter.name.span)

    def declare(self, d: Declaration) -> None:
        if d.role not in ROLES[self.source.kind]:
            allowed = ", ".join(sorted(ROLES[self.source.kind])) or "no declarations"
            raise self.scope.fail(
                "E303", f"`{d.role}` does not belong in {_article(self.source.kind)}", d.span, allowed
            )
        shape = self.optimizer_shape() if d.shape is None else self.scope.shape(d.shape)
        words = dict(d.attributes)
        index = words.get("index")
        if "index" in words and index is None:
            raise self.scope.fail("E203", "`index` needs the size its entries stay below", d.span, "`index(V)`")
        self.add(
            Variable(
                d.name.name,
                shape,
                d.role,
                d.name.span,
                index_size=self.scope.dim(index) if index is not None else None,
                sparse="sparse" in words,
                positive="positive" in words,
                initial=self.initial(d.initial),
                draw=self.draw(d.draw) if d.draw is not None else None,
            )
        )

    def optimizer_shape(self) -> Shape:
        if self.source.kind != "optimizer":
            raise self.scope.fail("E203", "a shape is missing", self.source.name.span, "`name: rows x columns`")
        return ("M", "N")

    def build(self, blocks: dict[str, tuple[Assignment, ...]]) -> TypedDefinition:
        return TypedDefinition(
            self.source.kind,
            self.source.name.name,
            self.source.title,
            self.source.reference,
            self.source,
            tuple(self.numbers),
            self.activations,
            tuple(self.scope.sizes),
            dict(self.variables),
            blocks,
        )


def canonical_text(span: Span) -> str:
    """The equation on one line, as it stands in the file."""
    line = " ".join(line.split("#", 1)[0].strip() for line in span.text.splitlines()).strip()
    return line.replace("( ", "(").replace(" )", ")")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _called(source: Definition) -> Iterable[str]:
    """Names of all functions called in a definition, without primes."""
    from eqgen.language.model import walk

    def expressions(statements: Iterable[Statement]) -> Iterable[Expression]:
        for s in statements:
            if isinstance(s, (Equation, Return)):
                yield from s.steps
            elif isinstance(s, Block):
                yield from expressions(s.statements)
            elif isinstance(s, Use):
                yield from s.arguments

    for expression in expressions(source.statements):
        for e in walk(expression):
            if isinstance(e, Call):
                yield e.function.rstrip("'")
                if e.function == "apply" and e.arguments and isinstance(e.arguments[0], Name):
                    yield e.arguments[0].name.rstrip("'")
