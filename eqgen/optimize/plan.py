"""Buffers: which instruction writes where, so that a function allocates nothing after its first call.

Every value lives from the instruction that computes it to the last one that reads it. Values of one shape share a
buffer when they do not live at the same time; an operation that acts entry by entry may write over an operand that
nothing reads any more. A result takes the place of an argument (a new parameter that of the old one) where every
instruction that reads the argument comes before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Node, Shape, Symbol
from eqgen.algebra.operations import TABLE
from eqgen.optimize.instructions import ADD_SCALED, COPY, GEMM, Instruction, instructions, leaves
from eqgen.optimize.program import Function


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory for matrices of one shape. `argument`: it is the caller's, the place of an argument."""

    name: str
    shape: Shape
    mask: bool = False
    argument: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A function with a buffer for every value.

    place    name of a value -> its buffer; arguments stand for themselves
    results  name of a result -> the buffer where it is found afterwards
    """

    function: Function
    code: tuple[Instruction, ...]
    buffers: tuple[Buffer, ...]
    place: Mapping[str, str]
    results: Mapping[str, str]


def planned(
    function: Function,
    module: Module,
    in_place: Mapping[str, str] | None = None,
    careful: Collection[str] = (),
    scaled_sums: bool = False,
) -> Plan:
    """The function with its buffers.

    in_place      result -> the argument whose place it takes
    careful       entrywise operations that may not write over their operands in the target
    scaled_sums   whether X + c Y is one operation in the target
    """
    code = instructions(function, module, scaled_sums)
    return _Planner(function, code, in_place or {}, frozenset(careful)).run()


@dataclass
class _Range:
    """From the instruction that writes a value to the last one that reads it."""

    begin: int
    end: int


class _Planner:
    def __init__(
        self, function: Function, code: tuple[Instruction, ...], in_place: Mapping[str, str], careful: frozenset[str]
    ) -> None:
        self.function = function
        self.code = list(code)
        self.careful = careful
        self.arguments = {a.name: a for a in function.arguments}
        self.results = self.result_values()
        self.in_place = {self.results[r]: a for r, a in in_place.items() if r in self.results}
        self.place: dict[str, str] = {}
        self.buffers: dict[str, Buffer] = {}
        self.busy: dict[str, list[tuple[str, _Range]]] = {}
        """Buffer -> the values in it, with the time for which they need it."""

    def result_values(self) -> dict[str, str]:
        """Result -> the value that is returned under its name: the last one that was called so."""
        targets = [i.target for i in self.code]
        found = {}
        for name, _ in self.function.results:
            found[name] = name if name in targets else f"{name}_new"
        return found

    def run(self) -> Plan:
        self.ranges = self.lifetimes()
        for name, given in self.arguments.items():
            if given.role == "matrix":
                self.buffers[name] = Buffer(name, given.shape, argument=True)
                self.busy[name] = [(name, _Range(-1, self.ranges[name].end))]
        places = dict(self.in_place)
        for value in (v for v in self.results.values() if v not in places):
            self.settle(value, self.new_buffer(value, self.code[self.defined[value]]))
        for value, argument in places.items():
            if self.fits(value, argument):
                self.settle(value, argument)
            else:
                self.settle(value, self.new_buffer(value, self.code[self.defined[value]]))
        for index in reversed(range(len(self.code))):
            value = self.code[index].target
            if value not in self.place:
                self.settle(value, self.choose(index))
        self.copies(places)
        used = dict.fromkeys(self.place.values())
        return Plan(
            self.function,
            tuple(self.code),
            tuple(self.buffers[name] for name in used),
            self.place,
            {r: places.get(v, self.place[v]) for r, v in self.results.items()},
        )

    # --- lifetimes ---------------------------------------------------------------------------------------

    def lifetimes(self) -> dict[str, _Range]:
        self.defined = {i.target: n for n, i in enumerate(self.code)}
        ranges = {i.target: _Range(n, n) for n, i in enumerate(self.code)}
        ranges |= {a: _Range(-1, -1) for a in self.arguments}
        for n, i in enumerate(self.code):
            for symbol, _ in leaves(i.value):
                if symbol.name in ranges:
                    ranges[symbol.name].end = n
        for value in self.results.values():
            ranges[value].end = len(self.code)
        return ranges

    def fits(self, value: str, buffer: str) -> bool:
        """Whether the value can be in the buffer while it lives."""
        own = self.ranges[value]
        instruction = self.code[own.begin]
        known = self.buffers[buffer]
        if known.shape != instruction.shape or known.mask != instruction.mask:
            return False
        for other, time in self.busy[buffer]:
            if own.begin < time.begin:
                before, after, later = own, time, self.code[time.begin]
                earlier = value
            else:
                before, after, later = time, own, instruction
                earlier = other
            if before.end > after.begin or (before.end == after.begin and not self.overwrites(later, earlier)):
                return False
        return True

    def overwrites(self, instruction: Instruction, operand: str) -> bool:
        """Whether the instruction may write over this operand: it reads an entry only before it writes that entry."""
        value = instruction.value
        if not isinstance(value, Apply) or value.op in self.careful:
            return False
        read = [as_it_stands for symbol, as_it_stands in leaves(value) if symbol.name == operand]
        if value.op == GEMM:
            return [s.name for s, _ in leaves(value)].count(operand) == 1 and _is_symbol(value.args[-1], operand)
        return (value.op in (COPY, ADD_SCALED) or (value.op in TABLE and TABLE[value.op].entrywise)) and all(read)

    # --- buffers -----------------------------------------------------------------------------------------

    def settle(self, value: str, buffer: str) -> None:
        self.place[value] = buffer
        self.busy[buffer].append((value, self.ranges[value]))

    def new_buffer(self, name: str, instruction: Instruction) -> str:
        self.buffers[name] = Buffer(name, instruction.shape, instruction.mask)
        self.busy[name] = []
        return name

    def choose(self, index: int) -> str:
        """The buffer of a value that is no result: that of the value which it becomes, else one that is free."""
        value = self.code[index].target
        last = self.ranges[value].end
        wish = self.place.get(self.code[last].target) if last > index else None
        owned = [b for b in self.buffers.values() if not b.argument]
        for candidate in [wish, *(b.name for b in owned)]:
            if candidate is not None and self.fits(value, candidate):
                return candidate
        return self.new_buffer(value, self.code[index])

    def copies(self, places: Mapping[str, str]) -> None:
        """Results whose argument was still needed are put into its place in the end."""
        for value, argument in places.items():
            if self.place[value] != argument:
                shape = self.buffers[self.place[value]].shape
                copy = f"{value}_placed"
                self.code.append(Instruction(copy, Apply(shape, COPY, (Symbol(shape, value),))))
                self.place[copy] = argument


def _is_symbol(node: Node, name: str) -> bool:
    return isinstance(node, Symbol) and node.name == name


def accumulator(value: Apply) -> Node | None:
    """The C of alpha A B + beta C; None where beta is 0."""
    return value.args[4] if len(value.args) == 5 else None
