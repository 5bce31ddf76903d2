"""From functions to kernels: loops over positions, products, reductions.

Whatever acts entry by entry, moves or repeats entries is fused into the loop that needs it; only products, reductions,
gathers and calls of activations get matrices of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.expressions import (
    Apply,
    Constant,
    Dim,
    Invoke,
    Node,
    Shape,
    Size,
    Symbol,
    apply,
    children,
    rewrite,
    size,
    substitute,
)
from eqgen.algebra.inline import body, formals, instantiate
from eqgen.algebra.notation import Column, Level
from eqgen.algebra.operations import TABLE
from eqgen.backends.native import KernelArgument, KernelText, Temporary, identifier
from eqgen.optimize.program import Function, Step
from eqgen.optimize.sharing import repeated

KINDS = {"matrix": "input", "index": "index", "scalar": "number", "number": "number", "activation": "activation"}
MOVED = ("transpose", "column_repeat", "row_repeat", "diag", "Diag", "row", "column", "zeros", "ones", "identity")
"""Operations that only say where an entry comes from."""
COMMENT_COLUMN = 72


def kernel(function: Function, module: Module, entries: Column, statements: Column) -> KernelText:
    """The kernel of a function; `entries` spells entrywise operations, `statements` those that fill a matrix."""
    return KernelWriter(function, module, entries, statements).write()


@dataclass
class KernelWriter:
    """Writes one kernel. `shapes` holds every matrix by its name in C++."""

    function: Function
    module: Module
    entries: Column
    statements: Column
    lines: list[str] = field(default_factory=list)
    temporaries: list[Temporary] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    computed: dict[Node, str] = field(default_factory=dict)
    """Subexpressions of the current step that have a matrix already."""
    written: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)

    def write(self) -> KernelText:
        arguments: list[KernelArgument] = []
        for a in self.function.arguments:
            name = identifier(a.name)
            if a.role in ("matrix", "index"):
                self.shapes[name] = a.shape
                arguments.append(KernelArgument(KINDS[a.role], name, str(a.shape[0]), str(a.shape[1])))  # type: ignore[arg-type]
            else:
                self.numbers.add(name)
                arguments.append(KernelArgument(KINDS[a.role], name))  # type: ignore[arg-type]
        results = {identifier(n): shape for n, shape in self.function.results}
        taken = set(self.shapes)
        self.renamed = {n: f"{n}_out" for n in results if n in taken}
        for step in self.function.steps:
            self.step(step, results)
        for name, shape in results.items():
            if name not in self.written:
                # A result that is an argument: the identity.
                self.assign(self.renamed.get(name, name), Symbol(shape, name))
        for name, shape in results.items():
            arguments.append(KernelArgument("output", self.renamed.get(name, name), str(shape[0]), str(shape[1])))
        sizes = dict.fromkeys(d for a in arguments for d in (a.rows, a.columns) if d and not d.isdigit())
        return KernelText(
            self.function.name,
            f"{self.function.title.rstrip('.')} ({self.function.origin})",
            tuple(sizes),
            tuple(arguments),
            tuple(self.temporaries),
            tuple(self.lines),
        )

    def step(self, step: Step, results: dict[str, Shape]) -> None:
        if step.equation:
            self.lines.append(f"// {step.equation:<{COMMENT_COLUMN}}  {step.origin}".rstrip())
            self.lines += [f"//   {note}" for note in step.notes]
        self.computed = {}
        value = self.expanded(step.value)
        for node in reversed(repeated([value])):
            self.materialized(node)
        name = identifier(step.target)
        if name in results:
            target = self.renamed.get(name, name)
            self.shapes[target] = results[name]
        else:
            target = name if name not in self.shapes else self.fresh_name(name)
            self.temporaries.append(Temporary(target, str(value.shape[0]), str(value.shape[1])))
            self.shapes[target] = value.shape
        if target != name:
            self.renamed[name] = target
        self.assign(target, value)
        self.written.add(name)

    def expanded(self, node: Node) -> Node:
        """Calls of the library's functions become their stable forms, lets as matrices of their own."""

        def rule(n: Node) -> Node:
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
                value = self.expanded(_instantiated(definition, a.value, local))
                local[a.target] = self.materialized(value)
            return self.expanded(_instantiated(definition, block[-1].value, local))

        return rewrite(node, rule)

    # --- matrices ------------------------------------------------------------------------------------

    def fresh_name(self, stem: str = "t") -> str:
        k = 1
        taken = (
            set(self.shapes)
            | {identifier(n) for n, _ in self.function.results}
            | self.numbers
            | {identifier(s.target) for s in self.function.steps}
        )
        sizes = {str(d) for shape in self.shapes.values() for d in shape}
        while f"{stem}{k}" in taken | sizes:
            k += 1
        return f"{stem}{k}"

    def materialized(self, node: Node) -> Symbol:
        """The value as a named matrix, computed now unless this step did so already."""
        if isinstance(node, Symbol) and self.name(node) in self.shapes:
            return node
        if node not in self.computed:
            name = self.fresh_name()
            self.temporaries.append(Temporary(name, str(node.shape[0]), str(node.shape[1])))
            self.shapes[name] = node.shape
            self.assign(name, node)
            self.computed[node] = name
        return Symbol(node.shape, self.computed[node])

    def name(self, symbol: Symbol) -> str:
        name = identifier(symbol.name)
        return self.renamed.get(name, name) if name in self.written else name

    def assign(self, target: str, node: Node) -> None:
        """Statements that put the value into a matrix."""
        if isinstance(node, Invoke):
            operand = self.name(self.materialized(node.args[0]))
            self.lines.append(
                f"{'apply_gradient' if node.derivative else 'apply'}({identifier(node.function)}, {operand}, {target});"
            )
        elif isinstance(node, Apply) and node.op in self.statements:
            self.fill(target, node)
        elif isinstance(node, Apply) and (product := _accumulated(node)) is not None:
            factor, rest, matmul = product
            self.assign(target, rest)
            self.lines.append(
                f"gemm({factor}, {self.factor(matmul.args[0])}, {self.factor(matmul.args[1])}, 1, {target});"
            )
        else:
            self.loop(target, node)

    def fill(self, target: str, node: Apply) -> None:
        """An operation that fills a matrix by itself: a product, a reduction, a gather."""
        template = self.statements[node.op].template
        body = ""
        if node.op in ("rows_mean", "columns_mean"):
            axis = 1 if node.op == "rows_mean" else 0
            total = apply("rows_sum" if axis else "columns_sum", node.args[0])
            self.fill(target, total)
            self.loop(target, apply("divide", Symbol(node.shape, target), size(node.args[0].shape[axis])))
            return
        if node.op == "dot":
            node = apply("elements_sum", apply("hadamard", *node.args))
        if node.op == "matmul":
            operands = [self.factor(a) for a in node.args]
        elif "{body}" in template:
            self.prepare(node.args[0])
            operands = []
            body = loop_body(f"return {self.entry(node.args[0], 'i', 'j')[0]};")
        else:
            operands = [self.name(self.materialized(a)) for a in node.args]
        rows, columns = node.args[0].shape
        self.lines.append(template.format(*operands, body=body, target=target, m0=rows, n0=columns))

    def factor(self, node: Node) -> str:
        """A factor of a product: a matrix or its transpose, without moving an entry."""
        if isinstance(node, Apply) and node.op == "transpose":
            inner = node.args[0]
            if isinstance(inner, Apply) and inner.op == "transpose":
                return self.factor(inner.args[0])
            return f"{self.name(self.materialized(inner))}.transpose()"
        return self.name(self.materialized(node))

    # --- loops ---------------------------------------------------------------------------------------

    def prepare(self, node: Node) -> None:
        """Compute what cannot stand inside of a loop."""
        if isinstance(node, Apply) and ((node.op in TABLE and TABLE[node.op].entrywise) or node.op in MOVED):
            for child in children(node):
                self.prepare(child)
        elif isinstance(node, (Apply, Invoke)):
            self.materialized(node)

    def loop(self, target: str, node: Node) -> None:
        self.prepare(node)
        m, n = node.shape
        if self.is_flat(node, node.shape):
            count = _product(m, n)
            self.lines.append(
                f"elementwise({count}, [&](Index k) {{ {target}(k) = {self.entry(node, 'k', '')[0]}; }});"
            )
            return
        assignment = f"{target}(i, j) = {self.entry(node, 'i', 'j')[0]};"
        self.lines.append(f"elementwise({m}, {n}, {loop_body(assignment)});")

    def is_flat(self, node: Node, shape: Shape) -> bool:
        """Whether all matrices in a loop have its shape (or one entry), so that it may run over a flat array."""
        if isinstance(node, Apply) and node not in self.computed:
            if node.op in ("zeros", "ones"):
                return True
            return TABLE[node.op].entrywise and all(
                (a.is_scalar and not isinstance(a, Apply)) or self.is_flat(a, shape) for a in node.args
            )
        return node.shape in (shape, (1, 1))

    def entry(self, node: Node, i: str, j: str) -> tuple[str, Level]:
        """The entry at a position (flat where j is empty) and how tightly its text binds."""
        if node in self.computed:
            return self.access(self.computed[node], node.shape, i, j), Level.ATOM
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
            name = self.name(node)
            return (name if name in self.numbers else self.access(name, node.shape, i, j)), Level.ATOM
        assert isinstance(node, Apply), node
        if node.op in MOVED:
            return self.moved(node, i, j)
        if node.op == "power" and isinstance(node.args[1], Constant):
            p = node.args[1].value
            return f"power<{p.numerator}, {p.denominator}>({self.entry(node.args[0], i, j)[0]})", Level.ATOM
        spelling = self.entries[node.op]
        texts = []
        for arg, least in zip(node.args, spelling.operands, strict=False):
            text, level = self.entry(arg, i, j)
            texts.append(f"({text})" if level < least else text)
        return spelling.template.format(*texts), spelling.level

    def access(self, name: str, shape: Shape, i: str, j: str) -> str:
        if shape == (1, 1):
            return f"{name}(0)"
        if not j:
            return f"{name}({i})"
        if shape[0] == 1:
            return f"{name}({j})"
        return f"{name}({i})" if shape[1] == 1 else f"{name}({i}, {j})"

    def moved(self, node: Apply, i: str, j: str) -> tuple[str, Level]:
        if node.op in ("zeros", "ones"):
            return f"Scalar({int(node.op == 'ones')})", Level.ATOM
        if node.op == "identity":
            return f"Scalar({i} == {j})", Level.ATOM
        x = node.args[0]
        if node.op == "transpose":
            return self.entry(x, j, i)
        if node.op == "column_repeat":
            return self.entry(x, i, "0")
        if node.op == "row_repeat":
            return self.entry(x, "0", j)
        if node.op == "diag":
            return self.entry(x, i, i)
        if node.op == "row":
            return self.entry(x, str(node.sizes[0]), j)
        if node.op == "column":
            return self.entry(x, i, str(node.sizes[0]))
        text = self.entry(x, "0", i)[0] if x.shape[0] == 1 else self.entry(x, i, "0")[0]
        return f"where({i} == {j}, {text}, Scalar(0))", Level.ATOM


def loop_body(statement: str) -> str:
    """A lambda over positions; a position that the statement does not read has no name."""
    i, j = ("Index " + letter if re.search(rf"\b{letter}\b", statement) else "Index" for letter in "ij")
    return f"[&]({i}, {j}) {{ {statement} }}"


def _instantiated(definition: TypedDefinition, value: Node, local: dict[str, Node]) -> Node:
    """A formal expression of a function with its operands and its lets put in."""
    placeholders = tuple(local[name] for name in formals(definition))
    lets = {name: node for name, node in local.items() if name not in formals(definition)}
    hidden = {name: Symbol(node.shape, f"{name}\0") for name, node in lets.items()}
    marked = rewrite(
        value, lambda n: Symbol(n.shape, f"{n.name}\0") if isinstance(n, Symbol) and n.name in hidden else n
    )
    return substitute(instantiate(definition, marked, placeholders), {f"{name}\0": node for name, node in lets.items()})


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


def _product(m: Dim, n: Dim) -> str:
    if m == 1 or n == 1:
        return str(n if m == 1 else m)
    return f"{m} * {n}"
