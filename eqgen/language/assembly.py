"""The lines of a file put together: definitions, their parts, blocks, and equations that go on in the next line.

Says which lines may stand where in any definition. What a particular kind of definition needs (a loss a target, a
layer an output) is checked where the definition gets its meaning, in `eqgen.algebra`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from eqgen.language.diagnostics import Diagnostic, Related
from eqgen.language.items import (
    Assume,
    Declarations,
    Dims,
    Header,
    Item,
    Let,
    Opener,
    Reference,
    StableWith,
    Steps,
    Text,
)
from eqgen.language.layout import Group, each
from eqgen.language.model import (
    Block,
    Call,
    Declaration,
    Definition,
    Draw,
    Equation,
    Expression,
    File,
    Import,
    Name,
    Return,
    Source,
    Span,
    Statement,
    Use,
)
from eqgen.language.spelling import OUTER_BLOCKS

_PART = {Text: "title", Reference: "source", Dims: "dims", Declarations: "a declaration", Assume: "assume"}


class Assembler:
    """Turns groups of lines into the model; `read` parses the line of a group, or gives None after reporting it."""

    def __init__(
        self, source: Source, diagnostics: list[Diagnostic], read: Callable[[Group, str], Item | None]
    ) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.read = read
        self.values: set[int] = set()

    def report(self, code: str, message: str, span: Span, expected: str = "", hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, expected, hint))

    def file(self, groups: list[Group]) -> File:
        imports: list[Import] = []
        definitions: list[Definition] = []
        for group in groups:
            item = self.read(group, "top")
            if isinstance(item, Import):
                if definitions:
                    hint = "write it above the first definition"
                    self.report("E013", "`use` of a file below a definition", item.span, hint=hint)
                imports.append(item)
                self.unexpected_children(group)
            elif isinstance(item, Header):
                definitions.append(self.definition(item, group))
            else:
                self.check_syntax(group.children)
        return File(self.source, tuple(imports), tuple(definitions))

    def definition(self, header: Header, group: Group) -> Definition:
        if not group.children:
            hint = "indent the lines of the definition below its header"
            self.report("E009", f"{header.kind} `{header.name.name}` is empty", group.line.span(self.source), hint=hint)
        body = _Body(self, header)
        statements = body.statements(group.children, ())
        end = max(inner.line.end for inner, _ in each([group]))
        return Definition(
            kind=header.kind,
            name=header.name,
            parameters=header.parameters,
            title=body.title.value if body.title else "",
            reference=body.reference.value if body.reference else "",
            dims=body.dims or (),
            declarations=tuple(body.declarations),
            assumptions=tuple(body.assumptions),
            statements=statements,
            span=Span(self.source, group.line.start, end),
        )

    def check_syntax(self, groups: list[Group]) -> None:
        """Report what cannot be read below a line that could not be read itself."""
        for group, _ in each(groups):
            self.read(group, "line")

    def unexpected_children(self, group: Group) -> None:
        if group.children:
            self.report(
                "E008",
                "this line is indented, but the line above opens no block",
                group.children[0].line.span(self.source),
                hint="an equation goes on inside brackets, or with a line that begins with `=`",
            )
            self.check_syntax(group.children)


class _Body:
    """The lines of one definition."""

    def __init__(self, assembler: Assembler, header: Header) -> None:
        self.assembler = assembler
        self.kind = header.kind
        self.title = header.title
        self.reference: Text | None = None
        self.dims: tuple[Name, ...] | None = None
        self.declarations: list[Declaration] = []
        self.assumptions: list[Expression] = []
        self.places: dict[str, Span] = {"title": header.title.span} if header.title else {}

    def statements(self, groups: list[Group], inside: tuple[str, ...]) -> tuple[Statement, ...]:
        """The statements of a group of lines; `inside` names the blocks around them, outermost first."""
        statements: list[Statement] = []
        previous: Item | None = None
        readable = True
        for group in groups:
            item = self.assembler.read(group, "line")
            span = group.line.span(self.assembler.source)
            if isinstance(item, Opener):
                statements.append(self.block(item, group, inside))
            elif isinstance(item, Steps):
                if readable:
                    previous = self.proceed(item, group, previous, statements, inside)
            elif isinstance(item, (Text, Reference, Dims, Declarations, Assume)):
                self.part(item, span, inside)
            elif item is not None:
                statements.extend(self.plain(item, span))
            if not isinstance(item, Opener):
                self.below(group, item)
            if not isinstance(item, Steps):
                previous, readable = item, item is not None
        return tuple(statements)

    def below(self, group: Group, item: Item | None) -> None:
        """Lines indented below a line that opens no block."""
        if item is not None:
            self.assembler.unexpected_children(group)
        elif group.children and not group.line.broken and self.assembler.diagnostics[-1].code != "E002":
            # below a line that ended too early stands its rest, which cannot be read on its own
            self.assembler.check_syntax(group.children)

    def plain(self, item: Item, span: Span) -> Iterator[Statement]:
        if isinstance(item, Let):
            self.check_target(item.equation)
            yield Block(span, "let", (item.equation,))
        elif isinstance(item, StableWith):
            yield Block(span, "stable", item.equations)
        elif isinstance(item, (Equation, Draw, Use)):
            if isinstance(item, Equation):
                self.check_target(item)
            yield item

    def check_target(self, equation: Equation) -> None:
        """Outside of lemmas an equation defines something; a lemma may equate any two expressions."""
        target = equation.target
        defines = isinstance(target, Name) or (isinstance(target, Call) and target.function_span.text[0].isalpha())
        if self.kind != "lemma" and not defines:
            self.assembler.report(
                "E014",
                "an equation cannot define this",
                target.span,
                "a name, or a function of names such as `f(x)`",
                "write the name that is defined on the left of `=`",
            )

    def proceed(
        self, item: Steps, group: Group, previous: Item | None, statements: list[Statement], inside: tuple[str, ...]
    ) -> Item | None:
        """A line `= a`: the value of a function, or the next step of the equation above. Gives what a further line
        of this sort goes on with."""
        span = group.line.span(self.assembler.source)
        last = statements[-1] if statements else None
        if isinstance(previous, StableWith) and isinstance(last, Block):
            self.assembler.values.add(group.line.start)
            returned = last.statements[-1]
            if isinstance(returned, Return):
                returned = replace(returned, span=returned.span.to(span), steps=returned.steps + item.expressions)
                rest = last.statements[:-1]
            else:
                returned, rest = Return(span, item.expressions), last.statements
            statements[-1] = replace(last, span=last.span.to(span), statements=(*rest, returned))
            return previous
        returns = any(isinstance(statement, Return) for statement in statements)
        value_of_function = self.kind == "function" and not inside and not returns and not group.deeper
        if value_of_function:
            statements.append(Return(span, item.expressions))
            self.assembler.values.add(group.line.start)
            return item
        if isinstance(previous, Let) and isinstance(last, Block):
            equation = last.statements[0]
            assert isinstance(equation, Equation)
            equation = replace(equation, span=equation.span.to(span), steps=equation.steps + item.expressions)
            statements[-1] = replace(last, span=last.span.to(span), statements=(equation,))
        elif isinstance(last, (Equation, Return)) and isinstance(previous, (Equation, Steps)):
            if isinstance(last, Return):
                self.assembler.values.add(group.line.start)
            statements[-1] = replace(last, span=last.span.to(span), steps=last.steps + item.expressions)
        else:
            self.assembler.report(
                "E015",
                "there is no equation above that this line could continue",
                span,
                hint="write the name that is defined on the left of `=`",
            )
        return previous

    def block(self, opener: Opener, group: Group, inside: tuple[str, ...]) -> Block:
        span = group.line.span(self.assembler.source)
        if opener.kind in OUTER_BLOCKS:
            if inside:
                message = f"`{opener.kind}` inside of `{inside[-1]}`"
                hint = f"indent it like the other blocks of the {self.kind}"
                self.assembler.report("E013", message, span, hint=hint)
            else:
                self.once(f"`{opener.kind}`", span)
        if not group.children:
            hint = f"indent the equations below `{opener.kind}`"
            self.assembler.report("E009", f"`{opener.kind}` is empty", span, hint=hint)
        statements = self.statements(group.children, (*inside, opener.kind))
        end = max(inner.line.end for inner, _ in each([group]))
        return Block(Span(span.source, span.start, end), opener.kind, statements, opener.condition, opener.sizes)

    def part(self, item: Text | Reference | Dims | Declarations | Assume, span: Span, inside: tuple[str, ...]) -> None:
        if inside:
            message = f"{_PART[type(item)]} inside of `{inside[-1]}`"
            hint = f"write it above the blocks of the {self.kind}"
            self.assembler.report("E013", message, span, hint=hint)
            return
        if isinstance(item, (Text, Reference, Dims)):
            self.once(_PART[type(item)], span)
        if isinstance(item, Text):
            self.title = item
        elif isinstance(item, Reference):
            self.reference = item.text
        elif isinstance(item, Dims):
            self.dims = item.names
        elif isinstance(item, Declarations):
            self.declarations.extend(item.declarations)
        else:
            self.assumptions.extend(item.expressions)

    def once(self, what: str, span: Span) -> None:
        if what in self.places:
            related = (Related("the first is here", self.places[what]),)
            self.assembler.diagnostics.append(
                Diagnostic("E018", f"a second {what} in one {self.kind}", span, hint="remove one", related=related)
            )
        self.places.setdefault(what, span)
