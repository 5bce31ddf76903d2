"""From functions to kernels: loops over positions, products, reductions.

Whatever acts entry by entry, moves or repeats entries is fused into the loop that needs it; only products, reductions,
gathers and calls of activations get matrices of their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import (
    Apply,
    Invoke,
    Node,
    Shape,
    Symbol,
    apply,
    children,
    rewrite,
    size,
    symbols,
    with_children,
)
from eqgen.algebra.inline import body, formals, instantiate, instantiate_step
from eqgen.algebra.notation import Column
from eqgen.algebra.operations import TABLE
from eqgen.backends.entries import MOVED, Entry, EntryPrinter, Loop, Product, loop_body, loop_lines
from eqgen.backends.native import RESERVED, KernelArgument, KernelText, Temporary, identifier
from eqgen.backends.protocol import SPARSE_PRODUCTS
from eqgen.backends.row_groups import Group, Piece, Statement, grouped, moved_rows
from eqgen.optimize.program import Function, Step
from eqgen.optimize.sharing import repeated

KINDS = {
    "matrix": "input",
    "index": "index",
    "scalar": "number",
    "number": "number",
    "activation": "activation",
    "pattern": "pattern",
}
COMMENT_COLUMN = 72


def kernel(function: Function, module: Module, entries: Column, statements: Column) -> KernelText:
    """The kernel of a function; `entries` spells entrywise operations, `statements` those that fill a matrix."""
    return KernelWriter(function, module, entries, statements).write()


def with_plain_index(node: Apply) -> Apply:
    """A gather or scatter whose indices are not transposed: kernels read a vector from its first entry to its last."""
    position = TABLE[node.op].index if node.op in TABLE else None
    if position is None:
        return node
    index = node.args[position]
    while isinstance(index, Apply) and index.op == "transpose":
        index = index.args[0]
    return replace(node, args=(*node.args[:position], index, *node.args[position + 1 :]))


@dataclass
class KernelWriter:
    """Writes one kernel. `shapes` holds every matrix by its name in C++."""

    function: Function
    module: Module
    entries: Column
    statements: Column
    pieces: list[Piece] = field(default_factory=list)
    """Lines, and loops that are printed when it is known what the rest reads."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    computed: dict[Node, str] = field(default_factory=dict)
    """Subexpressions of the current step that have a name already."""
    written: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    local: dict[str, Shape] = field(default_factory=dict)
    """Temporaries; those that no piece but their own loop reads are numbers in it and no matrices."""
    current: Loop | None = None
    """The loop that further statements may join."""
    comments: list[str] = field(default_factory=list)
    """What stands above the next statement."""

    def write(self) -> KernelText:
        arguments: list[KernelArgument] = []
        for a in self.function.arguments:
            name = identifier(a.name)
            if a.role in ("matrix", "index", "pattern"):
                self.shapes[name] = a.shape
                arguments.append(KernelArgument(KINDS[a.role], name, str(a.shape[0]), str(a.shape[1])))  # type: ignore[arg-type]
            else:
                self.numbers.add(name)
                arguments.append(KernelArgument(KINDS[a.role], name))  # type: ignore[arg-type]
        results = {identifier(n): shape for n, shape in self.function.results}
        taken = set(self.shapes)
        self.renamed = {n: f"{n}_out" for n in results if n in taken}
        self.outputs = {self.renamed.get(n, n) for n in results}
        for step in self.function.steps:
            self.step(step, results)
        for name, shape in results.items():
            if name not in self.written:
                # A result that is an argument: the identity.
                self.assign(self.renamed.get(name, name), Symbol(shape, name))
        self.flush()
        for name, shape in results.items():
            arguments.append(KernelArgument("output", self.renamed.get(name, name), str(shape[0]), str(shape[1])))
        sizes = dict.fromkeys(d for a in arguments for d in (a.rows, a.columns) if d and not d.isdigit())
        return KernelText(
            self.function.name,
            f"{self.function.title.rstrip('.')} ({self.function.origin})",
            tuple(sizes),
            tuple(arguments),
            *self.finished(),
        )

    def step(self, step: Step, results: dict[str, Shape]) -> None:
        if step.equation:
            self.comments.append(f"// {step.equation:<{COMMENT_COLUMN}}  {step.origin}".rstrip())
            self.comments += [f"//   {note}" for note in step.notes]
        value = self.expanded(step.value)
        for node in reversed(repeated([value])):
            self.materialized(node)
        name = identifier(step.target)
        if name in results:
            target = self.renamed.get(name, name)
            self.shapes[target] = results[name]
        else:
            target = name if name not in self.shapes else self.fresh_name(name)
            self.local[target] = value.shape
            self.shapes[target] = value.shape
        if target != name:
            self.renamed[name] = target
        self.assign(target, value)
        self.written.add(name)
        self.computed = {}

    def expanded(self, node: Node) -> Node:
        """Calls of the library's functions become their stable forms, lets as matrices of their own."""

        def rule(n: Node) -> Node:
            if isinstance(n, Apply):
                return with_plain_index(n)
            if not isinstance(n, Invoke):
                return n
            definition = self.module.find(n.function, "function", "activation")
            if definition is None:
                return n
            if definition.kind == "activation":
                return self.expanded(instantiate(definition, body(definition, n.derivative), n.args))
            block = definition.block("stable") or definition.block("body")
            args = tuple(
                self.materialized(a) if isinstance(a, (Apply, Invoke)) and not a.is_scalar else a for a in n.args
            )
            local = dict(zip(formals(definition), args, strict=True))
            for a in block[:-1]:
                value = self.expanded(instantiate_step(definition, a.value, local))
                local[a.target] = self.materialized(value)
            return self.expanded(instantiate_step(definition, block[-1].value, local))

        return rewrite(node, rule)

    # --- matrices ------------------------------------------------------------------------------------

    def fresh_name(self, stem: str = "t") -> str:
        k = 1
        taken = self.taken()
        while f"{stem}{k}" in taken:
            k += 1
        return f"{stem}{k}"

    def taken(self) -> set[str]:
        """Names that mean something in this kernel."""
        return (
            set(self.shapes)
            | {identifier(n) for n, _ in self.function.results}
            | self.numbers
            | {identifier(s.target) for s in self.function.steps}
            | {str(d) for shape in self.shapes.values() for d in shape}
        )

    def materialized(self, node: Node) -> Symbol:
        """The value under a name, computed now unless this step did so already."""
        if isinstance(node, Symbol) and self.name(node) in self.shapes:
            return node
        if node not in self.computed:
            name = self.fresh_name()
            self.local[name] = node.shape
            self.shapes[name] = node.shape
            self.assign(name, node)
            self.computed[node] = name
        return Symbol(node.shape, self.computed[node])

    def name(self, symbol: Symbol) -> str:
        name = identifier(symbol.name)
        return self.renamed.get(name, name) if name in self.written else name

    def resolved(self, node: Node) -> Node:
        """The expression over the names that its matrices have now."""
        if node in self.computed:
            return Symbol(node.shape, self.computed[node])
        if isinstance(node, Symbol):
            return Symbol(node.shape, self.name(node))
        return with_children(node, tuple(self.resolved(c) for c in children(node)))

    # --- statements ----------------------------------------------------------------------------------

    def emit(self, statement: str | Statement) -> None:
        """A statement that is no loop over entries."""
        self.flush()
        self.pieces += [*self.take_comments(), statement]

    def take_comments(self) -> tuple[str, ...]:
        comments, self.comments = tuple(self.comments), []
        return comments

    def flush(self) -> None:
        """No statement joins the current loop any more."""
        if self.current is not None:
            self.pieces.append(self.current)
        self.current = None

    def finished(self) -> tuple[tuple[Temporary, ...], tuple[str, ...]]:
        """The temporaries that are matrices, in the order of their first use, and all lines."""
        stored: dict[int, set[str]] = {}
        read = set(self.outputs)
        for n, piece in reversed(list(enumerate(self.pieces))):
            if isinstance(piece, Loop):
                stored[n] = piece.stored(read)
            read |= _words(piece)
        named = [name for n, piece in enumerate(self.pieces) for name in _written(piece, stored.get(n, set()))]
        matrices = {name: self.local[name] for name in named if name in self.local}
        needed = {t for names in stored.values() for t in names}

        def printed(loop: Loop) -> list[str]:
            suffix = "k" if loop.is_flat() else "ij"
            names = {
                t: t if t in self.local and t not in matrices else self.entry_name(t, suffix) for t in loop.targets
            }
            return loop_lines(loop, self.entries, self.numbers, needed & set(loop.targets), names)

        patterns = {identifier(a.name): a.shape for a in self.function.arguments if a.role == "pattern"}
        lines: list[str] = []
        for part in grouped(self.pieces, patterns):
            if isinstance(part, Loop):
                lines += printed(part)
            elif isinstance(part, Group):
                lines += part.lines(printed)
            else:
                lines.append(part.text if isinstance(part, Statement) else part)
        return tuple(Temporary(name, str(m), str(n)) for name, (m, n) in matrices.items()), tuple(lines)

    def entry_name(self, target: str, suffix: str) -> str:
        """A number beside the matrix whose entry it is."""
        name = f"{target}_{suffix}"
        return name if name not in self.taken() | RESERVED else self.fresh_name(name)

    def assign(self, target: str, node: Node) -> None:
        """Statements that put the value into a matrix."""
        if isinstance(node, Invoke):
            operand = self.name(self.materialized(node.args[0]))
            call = f"{'apply_gradient' if node.derivative else 'apply'}({identifier(node.function)}, "
            by_rows = f"{call}rows.of({operand}), rows.of({target}));"
            self.emit(Statement(f"{call}{operand}, {target});", by_rows, node.shape[0], target))
        elif isinstance(node, Apply) and node.op in self.statements:
            self.fill(target, node)
        elif isinstance(node, Apply) and node.op == "transpose" and self.is_moved_at_once(node.args[0]):
            self.emit(f"transpose({self.name(self.materialized(node.args[0]))}, {target});")
        elif isinstance(node, Apply) and (product := _accumulated(node)) is not None:
            factor, rest, matmul = product
            operands = [self.factor(a) for a in matmul.args]
            self.assign(target, rest)
            self.emit(f"gemm({factor}, {operands[0]}, {operands[1]}, 1, {target});")
        else:
            self.loop(target, node)

    def fill(self, target: str, node: Apply) -> None:
        """An operation that fills a matrix by itself: a product, a reduction, a gather."""
        template = self.statements[node.op].template
        body, everywhere = "", frozenset[str]()
        if node.op in ("rows_mean", "columns_mean"):
            axis = 1 if node.op == "rows_mean" else 0
            total = apply("rows_sum" if axis else "columns_sum", node.args[0])
            self.fill(target, total)
            self.join(target, apply("divide", Symbol(node.shape, target), size(node.args[0].shape[axis])))
            return
        if node.op == "dot":
            node = apply("elements_sum", apply("hadamard", *node.args))
        if node.op == "matmul":
            operands = [self.factor(a) for a in node.args]
            if target not in self.outputs and _is_transpose(node.args[0]):
                # As large as a weight, it need not exist where each entry is used once, by the loop that follows.
                self.flush()
                self.current = Loop(node.shape, Product(target, operands[0], operands[1], self.take_comments()))
                return
        elif "{body}" in template:
            self.prepare(node.args[0])
            operands = []
            value = self.resolved(node.args[0])
            body = loop_body(f"return {EntryPrinter(self.entries, self.numbers).entry(value, 'i', 'j')[0]};")
            everywhere = moved_rows(value)
        else:
            operands = [self.name(self.materialized(a)) for a in node.args]
        rows, columns = node.args[0].shape
        text = template.format(*operands, body=body, target=target, m0=rows, n0=columns)
        self.emit(self.row_form(text, node, operands, target, everywhere) or text)

    def row_form(
        self, text: str, node: Apply, operands: Sequence[str], target: str, everywhere: frozenset[str]
    ) -> Statement | None:
        """The statement as one that can be restricted to a range of rows, if it can."""
        match node.op:
            case "rows_sum" | "rows_max":
                return Statement(text, text.replace("(", "(rows, ", 1), node.shape[0], target, everywhere)
            case "sparse_product":
                _, pattern, other = operands
                sparse = (pattern, str(node.shape[1]))
                return Statement("", text, node.shape[0], target, frozenset({other}), sparse)
            case "sampled_product":
                _, other, pattern = operands
                sparse = (pattern, str(node.args[0].shape[1]))
                return Statement("", text, self.shapes[pattern][0], target, frozenset({other}), sparse)
        return None

    def factor(self, node: Node) -> str:
        """A factor of a product: a matrix or its transpose, without moving an entry."""
        if isinstance(node, Apply) and node.op == "transpose":
            inner = node.args[0]
            if isinstance(inner, Apply) and inner.op == "transpose":
                return self.factor(inner.args[0])
            return f"{self.name(self.materialized(inner))}.transpose()"
        return self.name(self.materialized(node))

    def is_moved_at_once(self, node: Node) -> bool:
        """Whether the transpose is worth a pass in blocks, rather than jumps in the loop that reads it."""
        return isinstance(node, Symbol) or _is_sparse_product(node)

    # --- loops ---------------------------------------------------------------------------------------

    def prepare(self, node: Node) -> None:
        """Compute what cannot stand inside of a loop."""
        if node in self.computed:
            return
        if isinstance(node, Apply) and node.op == "transpose" and _is_sparse_product(node.args[0]):
            self.materialized(node)
            return
        if isinstance(node, Apply) and ((node.op in TABLE and TABLE[node.op].entrywise) or node.op in MOVED):
            for child in children(node):
                self.prepare(child)
        elif isinstance(node, (Apply, Invoke)):
            self.materialized(node)

    def loop(self, target: str, node: Node) -> None:
        self.prepare(node)
        self.join(target, self.resolved(node))

    def join(self, target: str, value: Node) -> None:
        """A statement over entries, in the current loop where it fits."""
        if self.current is None or not self.current.takes(target, value):
            self.flush()
            self.current = Loop(value.shape)
        self.current.entries.append(Entry(target, value, self.take_comments()))


def _is_sparse_product(node: Node) -> bool:
    return isinstance(node, Apply) and node.op in SPARSE_PRODUCTS


def _accumulated(node: Apply) -> tuple[str, Node, Apply] | None:
    """A sum with a product in it, `A * B + R` or `R - A * B`: (factor, R, A * B), for one product that adds to R."""
    if node.op not in ("add", "subtract"):
        return None
    left, right = node.args
    if isinstance(right, Apply) and right.op == "matmul" and left.shape == node.shape:
        return ("1" if node.op == "add" else "-1"), left, right
    if node.op == "add" and isinstance(left, Apply) and left.op == "matmul" and right.shape == node.shape:
        return "1", right, left
    return None


def _words(piece: Piece) -> set[str]:
    """The matrices that a piece of a kernel mentions, and other words."""
    if not isinstance(piece, Loop):
        return set(re.findall(r"\w+", _text(piece).partition("//")[0]))
    words = {name for e in piece.entries for name in symbols(e.value)}
    return words | (set(re.findall(r"\w+", f"{piece.product.left} {piece.product.right}")) if piece.product else set())


def _text(piece: str | Statement) -> str:
    return piece.by_rows if isinstance(piece, Statement) else piece


def _written(piece: Piece, stored: Collection[str]) -> list[str]:
    if not isinstance(piece, Loop):
        return re.findall(r"\w+", _text(piece).partition("//")[0])
    return [t for t in piece.targets if t in stored]


def _is_transpose(node: Node) -> bool:
    return isinstance(node, Apply) and node.op == "transpose"
