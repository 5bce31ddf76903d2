"""Loops of kernels: entrywise statements over one shape become one body that computes an entry of each.

A value that only the loop itself reads is a number in it and never a matrix. Results are stored behind everything that
the body reads, so that they may take the place of the operands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from eqgen.algebra.expressions import Apply, Constant, Dim, Node, Shape, Size, Symbol, children, walk
from eqgen.algebra.notation import Column, Level
from eqgen.algebra.operations import TABLE

MOVED = ("transpose", "column_repeat", "row_repeat", "diag", "Diag", "row", "column", "zeros", "ones", "identity")
"""Operations that only say where an entry comes from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement of a loop: the matrix `target` has the entries of `value`, whose symbols are names in C++."""

    target: str
    value: Node
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A product whose entries a loop takes one by one, `target = left * right`; the factors are texts."""

    target: str
    left: str
    right: str
    comments: tuple[str, ...] = ()


@dataclass
class Loop:
    """Statements over the positions of one shape, in order; at most one product feeds them."""

    shape: Shape
    product: Product | None = None
    entries: list[Entry] = field(default_factory=list)
    over: str = ""
    """Where the loop runs over a range of `rows`: what stands before its body."""
    is_over_entries: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """What the loop computes, in order."""
        return (*([self.product.target] if self.product else []), *(e.target for e in self.entries))

    def takes(self, target: str, value: Node) -> bool:
        """Whether a further statement fits: of this shape, reading what the loop computes where it computes it."""
        return value.shape == self.shape and target not in self.targets and not _moves(value, self.targets)

    def stored(self, read: Collection[str]) -> set[str]:
        """The targets that must be matrices, where `read` is what stands behind the loop and reads matrices."""
        found = {t for t in self.targets if t in read}
        if self.product is not None and not self.reads_product():
            found.add(self.product.target)
        return found

    def reads_product(self) -> bool:
        return self.product is not None and any(_reads(e.value, self.product.target) for e in self.entries)

    def is_flat(self) -> bool:
        """Whether the loop may run over flat arrays."""
        if self.over:
            return self.is_over_entries
        return self.product is None and all(is_flat(e.value, self.shape) for e in self.entries)


@dataclass
class EntryPrinter:
    """Spells the entries of expressions. `numbers` are the names that are numbers and not matrices."""

    column: Column
    numbers: Collection[str]
    local: dict[str, str] = field(default_factory=dict)
    """Matrices whose entry at the current position is a number of the loop, with the name of that number."""

    def entry(self, node: Node, i: str, j: str) -> tuple[str, Level]:
        """The entry at a position (flat where j is empty) and how tightly its text binds."""
        if isinstance(node, Constant):
            value = node.value
            text = (
                str(value.numerator)
                if value.denominator == 1 and abs(value) < 2**31
                else repr(value.numerator / value.denominator)
            )
            return f"Scalar({text})", Level.ATOM
        if isinstance(node, Size):
            return f"Scalar({node.name})", Level.ATOM
        if isinstance(node, Symbol):
            if node.name in self.numbers:
                return node.name, Level.ATOM
            return self.local.get(node.name) or access(node.name, node.shape, i, j), Level.ATOM
        assert isinstance(node, Apply), node
        if node.op in MOVED:
            return self._moved(node, i, j)
        if node.op == "power" and isinstance(node.args[1], Constant):
            p = node.args[1].value
            return f"power<{p.numerator}, {p.denominator}>({self.entry(node.args[0], i, j)[0]})", Level.ATOM
        spelling = self.column[node.op]
        texts = []
        for arg, least in zip(node.args, spelling.operands, strict=False):
            text, level = self.entry(arg, i, j)
            texts.append(f"({text})" if level < least else text)
        return spelling.template.format(*texts), spelling.level

    def _moved(self, node: Apply, i: str, j: str) -> tuple[str, Level]:
        if node.op in ("zeros", "ones"):
            return f"Scalar({int(node.op == 'ones')})", Level.ATOM
        if node.op == "identity":
            return f"Scalar({i} == {j})", Level.ATOM
        x = node.args[0]
        match node.op:
            case "transpose":
                return self.entry(x, j, i)
            case "column_repeat":
                return self.entry(x, i, "0")
            case "row_repeat":
                return self.entry(x, "0", j)
            case "diag":
                return self.entry(x, i, i)
            case "row":
                return self.entry(x, str(node.sizes[0]), j)
            case "column":
                return self.entry(x, i, str(node.sizes[0]))
        text = self.entry(x, "0", i)[0] if x.shape[0] == 1 else self.entry(x, i, "0")[0]
        return f"where({i} == {j}, {text}, Scalar(0))", Level.ATOM


def loop_lines(
    loop: Loop, column: Column, numbers: Collection[str], stored: Collection[str], names: Mapping[str, str]
) -> list[str]:
    """The lines of a loop. `stored` are the targets that are matrices; `names` the numbers that hold entries.

    A product that is stored is computed first; else its entries are a parameter of the body.
    """
    lines: list[str] = []
    printer = EntryPrinter(column, numbers)
    product = loop.product
    if product is not None:
        lines += product.comments
        if product.target in stored:
            lines.append(f"gemm(1, {product.left}, {product.right}, 0, {product.target});")
            if not loop.entries:
                return lines
            loop = Loop(loop.shape, None, loop.entries)
            product = None
        else:
            printer.local[product.target] = names[product.target]
    i, j = ("k", "") if loop.is_flat() else ("i", "j")
    entries = loop.entries
    comments: list[str] = []
    body: list[str] = []
    pending: list[str] = []
    for n, entry in enumerate(entries):
        (comments if len(entries) == 1 else body).extend(entry.comments)
        text = printer.entry(entry.value, i, j)[0]
        place = f"{entry.target}({i}, {j})" if j else f"{entry.target}({i})"
        is_read = any(_reads(later.value, entry.target) for later in entries[n + 1 :])
        if entry.target in stored and n == len(entries) - 1:
            body.append(f"{place} = {text};")
        elif is_read or entry.target in stored:
            name = names[entry.target]
            body.append(f"const Scalar {name} = {text};")
            printer.local[entry.target] = name
            if entry.target in stored:
                pending.append(f"{place} = {name};")
    body += pending
    if not any(not line.startswith("//") for line in body):  # nothing reads any of it
        return [*lines, *comments, *body]
    m, n_columns = loop.shape
    if product is not None:
        head = f"product_epilogue<Scalar>({product.left}, {product.right}, "
        parameters = [*_positions(body), f"Scalar {names[product.target]}"]
    elif j:
        head, parameters = f"elementwise({loop.over or f'{m}, {n_columns}'}, ", _positions(body)
    elif loop.over:
        head, parameters = f"elementwise({loop.over}, ", ["Index k"]
    else:
        head, parameters = f"elementwise({count(m, n_columns)}, ", ["Index k"]
    lines += comments
    end = "});" if product is None else "".join(["}", *(f", {name}" for name in _near(loop, numbers, stored)), ");"])
    if len(body) == 1:
        return [*lines, f"{head}[&]({', '.join(parameters)}) {{ {body[0]} {end}"]
    return [*lines, f"{head}[&]({', '.join(parameters)}) {{", *(f"    {line}" for line in body), end]


def _near(loop: Loop, numbers: Collection[str], stored: Collection[str]) -> list[str]:
    """The matrices of the loop's shape, those that it reads first."""
    read = [s for e in loop.entries for s in walk(e.value) if isinstance(s, Symbol) and s.shape == loop.shape]
    names = dict.fromkeys(s.name for s in read if s.name not in loop.targets and s.name not in numbers)
    return [*names, *(e.target for e in loop.entries if e.target in stored)]


def loop_body(statement: str) -> str:
    """A lambda over positions; a position that the statement does not read has no name."""
    return f"[&]({', '.join(_positions([statement]))}) {{ {statement} }}"


def _positions(body: Sequence[str]) -> list[str]:
    code = "\n".join(line.partition("//")[0] for line in body)
    return ["Index " + letter if re.search(rf"\b{letter}\b", code) else "Index" for letter in "ij"]


def access(name: str, shape: Shape, i: str, j: str) -> str:
    """An entry of a matrix."""
    if shape == (1, 1):
        return f"{name}(0)"
    if not j:
        return f"{name}({i})"
    if shape[0] == 1:
        return f"{name}({j})"
    return f"{name}({i})" if shape[1] == 1 else f"{name}({i}, {j})"


def is_flat(node: Node, shape: Shape) -> bool:
    """Whether all matrices in an expression have its shape (or one entry), so that a loop may run over flat arrays."""
    if isinstance(node, Apply):
        if node.op in ("zeros", "ones"):
            return True
        return TABLE[node.op].entrywise and all(
            (a.is_scalar and not isinstance(a, Apply)) or is_flat(a, shape) for a in node.args
        )
    return node.shape in (shape, (1, 1))


def count(m: Dim, n: Dim) -> str:
    """The number of entries."""
    if m == 1 or n == 1:
        return str(n if m == 1 else m)
    return f"{m} * {n}"


def _reads(node: Node, name: str) -> bool:
    return (isinstance(node, Symbol) and node.name == name) or any(_reads(c, name) for c in children(node))


def _moves(node: Node, names: Collection[str]) -> bool:
    """Whether an entry of one of the matrices is read at another position than its own."""
    if isinstance(node, Apply) and node.op in MOVED:
        return any(_reads(node, name) for name in names)
    return any(_moves(c, names) for c in children(node))
