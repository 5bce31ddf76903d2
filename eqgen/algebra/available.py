"""What could have been written at a place: the names known there, and the expressions that a derivation consists of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import Apply, Constant, Invoke, Node, Shape, Size, Symbol, apply, constant, walk
from eqgen.algebra.operations import TABLE
from eqgen.algebra.positions import count
from eqgen.algebra.questions import Subject

LARGEST = 16
"""Operations and names in an expression that could be missing; what is larger is no slip."""
MOST = 400
"""Expressions in all."""


@dataclass
class Available:
    """Expressions by shape, each once.

    names   symbols, transposed symbols, and vectors that are repeated to a shape that occurs
    parts   sub-expressions of the derived equation, of the forward equations, and derivatives of functions in these
    """

    names: dict[Shape, dict[Node, None]] = field(default_factory=dict)
    parts: dict[Shape, dict[Node, None]] = field(default_factory=dict)

    def named(self, shape: Shape) -> tuple[Node, ...]:
        return tuple(self.names.get(shape, ()))

    def all(self, shape: Shape) -> Iterator[Node]:
        yield from self.names.get(shape, ())
        yield from (n for n in self.parts.get(shape, ()) if n not in self.names.get(shape, ()))


def available(
    definition: TypedDefinition, subject: Subject, position: int, derived: Node | None, module: Module
) -> Available:
    """What may be read in a step of a subject, as the definition writes it."""
    found = Available()
    symbols = {f.name: Symbol(f.shape, f.name) for f in subject.free}
    # The value of a loss, or of an activation, is not there to be read.
    hidden = {name for name, seed in subject.seeds.items() if not seed}
    symbols |= {a.target: Symbol(a.shape, a.target) for a in subject.program if a.target not in hidden}
    symbols |= {s.target: Symbol(s.written.shape, s.target) for s in subject.steps[:position]}
    step = subject.steps[position]
    values = [a.value for a in subject.program]
    if derived is not None:
        values.insert(0, derived)
    sides = [n for n in (step.written, step.expected) if n is not None]
    shapes = dict.fromkeys(n.shape for side in (*values, *sides) for n in walk(side) if not n.is_scalar)
    for symbol in symbols.values():
        _add(found.names, symbol)
        if 1 not in symbol.shape:
            _add(found.names, apply("transpose", symbol))
        for repeated in _repeated(symbol, shapes):
            _add(found.names, repeated)
    if definition.kind != "activation":  # its sizes have no names
        for shape in shapes:
            _add(found.parts, apply("ones", sizes=shape))
    _add(found.parts, constant(1))
    for node in _parts(values, module):
        if sum(map(len, found.parts.values())) >= MOST:
            break
        _add(found.parts, node)
    return found


def _add(into: dict[Shape, dict[Node, None]], node: Node) -> None:
    if count(node) <= LARGEST:
        into.setdefault(node.shape, {}).setdefault(node)


def _repeated(vector: Node, shapes: Iterable[Shape]) -> Iterator[Node]:
    for m, n in shapes:
        if vector.shape == (1, n) and m != 1:
            yield apply("row_repeat", vector, sizes=(m,))
        elif vector.shape == (m, 1) and n != 1:
            yield apply("column_repeat", vector, sizes=(n,))


def _parts(values: Iterable[Node], module: Module) -> Iterator[Node]:
    for value in values:
        for node in walk(value):
            if isinstance(node, (Symbol, Constant, Size)):
                continue
            yield node
            for derivative in _derivatives(node, module):
                yield from (n for n in walk(derivative) if not isinstance(n, (Symbol, Constant, Size)))


def _derivatives(node: Node, module: Module) -> Iterator[Node]:
    """f'(u) for an entrywise function f(u)."""
    if isinstance(node, Invoke):
        if module.find(node.function, "function") is None:
            yield Invoke(node.shape, node.function, node.args, not node.derivative)
    elif isinstance(node, Apply) and len(node.args) == 1 and not isinstance(node.args[0], Constant):
        partials = TABLE[node.op].partials
        if partials is not None:
            for partial in partials(*node.args):
                if partial is not None and partial.shape == node.shape:
                    yield partial
