"""Wrong equations and wrong packages, to see whether they are found.

`equation_mutants` changes one place of one equation so that it still has a shape. `spelling_mutants` lets a backend
spell one operation as another. `with_overlay` and `edited_copy` change a template, or a file of a package. Who has to
find a mutant is not decided here: the check for wrong gradients, the differential tests for the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import (
    Apply,
    Constant,
    Invoke,
    Node,
    Shape,
    Size,
    Symbol,
    apply,
    children,
    constant,
    size,
    with_children,
)
from eqgen.algebra.notation import notation
from eqgen.algebra.operations import TABLE
from eqgen.backends.locations import templates_folder
from eqgen.backends.protocol import Backend

Edit = tuple[str, Node]
"""What was done, and the expression that results."""

EXCHANGED: dict[str, str] = {
    "exp": "expm1", "expm1": "exp", "log": "log1p", "log1p": "log", "tanh": "sigmoid", "sigmoid": "tanh", "erf": "tanh",
    "erfc": "erf", "softplus": "log_sigmoid", "log_sigmoid": "softplus", "sqrt": "square", "inv_sqrt": "reciprocal",
    "reciprocal": "inv_sqrt", "max": "min", "min": "max", "less": "greater_equal", "less_equal": "greater",
    "equal": "less", "rows_sum": "rows_mean", "rows_mean": "rows_sum", "columns_sum": "columns_mean",
    "columns_mean": "columns_sum", "rows_max": "rows_sum", "columns_max": "columns_sum", "floor": "sign",
}  # fmt: skip
"""Operations of equal shapes that are taken for each other."""

AT_TIES = {"less": "less_equal", "less_equal": "less", "greater": "greater_equal", "greater_equal": "greater"}

ACROSS = {
    "rows_sum": "columns_sum", "rows_mean": "columns_mean", "rows_max": "columns_max",
    "columns_sum": "rows_sum", "columns_mean": "rows_mean", "columns_max": "rows_max",
}  # fmt: skip
"""Reductions along the other axis."""


@dataclass(frozen=True, slots=True)
class EquationMutant:
    """A definition with one changed equation."""

    name: str
    operator: str
    definition: TypedDefinition
    equation: str

    def within(self, module: Module) -> Module:
        """The module with the mutant in the place of the original."""
        same = (self.definition.kind, self.definition.name)
        return Module(tuple(self.definition if (d.kind, d.name) == same else d for d in module.definitions))


def equation_mutants(definition: TypedDefinition) -> Iterator[EquationMutant]:
    """Every mutant of every equation of a definition."""
    for block, assignments in definition.blocks.items():
        for position, assignment in enumerate(assignments):
            known = known_symbols(definition, assignments[:position], block)
            for operator, node in edits(assignment.value, definition, known):
                text = f"{assignment.target} = {notation(node)}"
                changed = (
                    *assignments[:position],
                    replace(assignment, value=node, text=text),
                    *assignments[position + 1 :],
                )
                mutated = replace(definition, blocks={**definition.blocks, block: changed})
                name = f"{definition.kind} {definition.name}, {block}: {text} ({operator})"
                yield EquationMutant(name, operator, mutated, text)
    for position, (target, draw) in enumerate(definition.draws):
        for place, argument in enumerate(draw.arguments):
            for operator, node in edits(argument, definition, {}):
                changed_draw = replace(draw, arguments=(*draw.arguments[:place], node, *draw.arguments[place + 1 :]))
                draws = (*definition.draws[:position], (target, changed_draw), *definition.draws[position + 1 :])
                text = f"{target} ~ {draw.distribution}({', '.join(map(notation, changed_draw.arguments))})"
                name = f"{definition.kind} {definition.name}: {text} ({operator})"
                yield EquationMutant(name, operator, replace(definition, draws=draws), text)


def sample(mutants: Sequence[EquationMutant], most: int) -> list[EquationMutant]:
    """At most that many, the operators taking turns, spread over the equations."""
    by_operator: dict[str, list[EquationMutant]] = {}
    for mutant in mutants:
        by_operator.setdefault(mutant.operator, []).append(mutant)
    chosen: list[EquationMutant] = []
    while len(chosen) < most and by_operator:
        for operator in list(by_operator):
            waiting = by_operator[operator]
            if len(chosen) < most:
                chosen.append(waiting.pop(len(waiting) // 2))
            if not waiting:
                del by_operator[operator]
    return chosen


def known_symbols(definition: TypedDefinition, before: Sequence[Assignment], block: str) -> dict[Shape, list[Symbol]]:
    """What may be named at a place, by shape."""
    roles = ("input", "param", "target", "state", "random") + ("gradient",) * (definition.kind == "optimizer")
    names = {v.name: v.shape for v in definition.with_role(*roles)}
    if definition.kind == "layer" and block == "backward":
        names |= {v.name: v.shape for v in definition.with_role("output")}
        names |= {f"D{v.name}": v.shape for v in definition.with_role("output")}
        names |= {a.target: a.shape for a in definition.block("forward")}
    names |= {n.name: n.shape for n in definition.numbers}
    names |= {a.target: a.shape for a in before}
    found: dict[Shape, list[Symbol]] = {}
    for name, shape in names.items():
        found.setdefault(shape, []).append(Symbol(shape, name))
    return found


def edits(node: Node, definition: TypedDefinition, known: Mapping[Shape, Sequence[Symbol]]) -> Iterator[Edit]:
    """Every way to change one place of an expression and keep its shape."""
    for operator, changed in local_edits(node, definition, known):
        if changed.shape == node.shape and changed != node:
            yield operator, changed
    for position, child in enumerate(children(node)):
        for operator, changed in edits(child, definition, known):
            args = (*children(node)[:position], changed, *children(node)[position + 1 :])
            yield operator, with_children(node, args)


def local_edits(node: Node, definition: TypedDefinition, known: Mapping[Shape, Sequence[Symbol]]) -> Iterator[Edit]:
    """Changes of the node itself; some may not fit its shape."""
    match node:
        case Constant():
            yield "wrong constant", constant(node.value + 1)
        case Size():
            yield from (("wrong size", size(other)) for other in definition.dims if other != node.name)
        case Symbol():
            others = [s for s in known.get(node.shape, ()) if s.name != node.name]
            yield from (("wrong name", other) for other in others[:2])
        case Invoke(derivative=True):
            yield "prime dropped", replace(node, derivative=False)
        case Apply():
            yield from operation_edits(node)


def operation_edits(node: Apply) -> Iterator[Edit]:
    a = node.args[0] if node.args else node
    b = node.args[1] if len(node.args) > 1 else node
    match node.op:
        case "add" | "subtract":
            yield "sign flipped", apply("subtract" if node.op == "add" else "add", a, b)
            yield "term dropped", a
            yield "term dropped", b if node.op == "add" else apply("negate", b)
        case "negate":
            yield "sign flipped", a
        case "hadamard":
            yield from (("factor dropped", a), ("factor dropped", b), ("sum for product", apply("add", a, b)))
        case "scale" | "divide":
            yield "factor dropped", b if node.op == "scale" else a
            if node.op == "divide" and a.shape == b.shape:
                yield "operands swapped", apply("divide", b, a)
        case "power":
            yield "factor dropped", a
        case "matmul":
            if a.shape == (b.shape[1], b.shape[0]) or a.shape == b.shape:
                yield "operands swapped", apply("matmul", b, a)
        case "where":
            yield "branches swapped", apply("where", a, node.args[2], b)
        case "column_repeat" | "row_repeat":
            yield from other_axis(node, a)
    if node.op in EXCHANGED:
        yield "wrong operation", apply(EXCHANGED[node.op], *node.args, sizes=node.sizes)
    if node.op in AT_TIES:
        yield "wrong at ties", apply(AT_TIES[node.op], *node.args)


def other_axis(node: Apply, reduced: Node) -> Iterator[Edit]:
    """Repeated sums of rows become repeated sums of columns, and the other way round."""
    over_rows = node.op == "column_repeat"
    if not isinstance(reduced, Apply):
        return
    if reduced.op in ACROSS and reduced.args[0].shape == node.shape:
        other = apply(ACROSS[reduced.op], reduced.args[0])
        repeat, count = ("row_repeat", node.shape[0]) if over_rows else ("column_repeat", node.shape[1])
        yield "wrong axis", apply(repeat, other, sizes=(count,))
    inner = reduced if over_rows else reduced.args[0] if reduced.op == "transpose" else reduced
    if (
        isinstance(inner, Apply)
        and inner.op == "diag"
        and isinstance(inner.args[0], Apply)
        and inner.args[0].op == "matmul"
    ):
        x, y = inner.args[0].args
        turned = apply("diag", apply("matmul", apply("transpose", x), apply("transpose", y)))
        if over_rows and turned.shape[0] == node.shape[1]:
            yield "wrong axis", apply("row_repeat", apply("transpose", turned), sizes=(node.shape[0],))
        elif not over_rows and turned.shape[0] == node.shape[0]:
            yield "wrong axis", apply("column_repeat", turned, sizes=(node.shape[1],))


# --- packages -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpellingMutant:
    """A backend that spells one operation wrongly."""

    name: str
    operation: str
    backend: Backend


SPELLED_AS: dict[str, str] = {
    **EXCHANGED, **ACROSS, **AT_TIES, "add": "subtract", "subtract": "add", "hadamard": "add", "scale": "add",
    "divide": "hadamard", "zeros": "ones", "ones": "zeros", "identity": "ones", "square": "abs", "abs": "negate",
    "sign": "abs", "negate": "abs", "greater": "less", "equal": "less_equal", "column_repeat": "zeros",
    "row_repeat": "ones", "row_gather": "column_gather", "column_gather": "row_gather",
    "row_scatter_add": "column_scatter_add", "column_scatter_add": "row_scatter_add", "power": "hadamard",
    "floor": "abs", "matmul": "hadamard", "dot": "elements_sum", "row": "column", "column": "row", "diag": "transpose",
    "elements_sum": "rows_sum", "Diag": "transpose",
}  # fmt: skip
"""For each operation another whose spelling takes its place. Not for pi: a number without a matrix beside it is spelled
by the host's column."""


def spelling_mutants(backend: Backend) -> Iterator[SpellingMutant]:
    """The backend with one spelling of its column exchanged for that of another operation."""
    for operation, other in SPELLED_AS.items():
        column = {**backend.column, operation: backend.column[other]}
        yield SpellingMutant(f"{operation} spelled as {other}", operation, replace(backend, column=column))
    for operation, spelling in backend.column.items():
        template = spelling.template
        if (
            operation in TABLE
            and template.count("{0}") == 1
            and template.count("{1}") == 1
            and operation in NOT_COMMUTATIVE
        ):
            swapped = template.replace("{0}", "\0").replace("{1}", "{0}").replace("\0", "{1}")
            column = {**backend.column, operation: replace(spelling, template=swapped)}
            yield SpellingMutant(f"{operation} with its operands swapped", operation, replace(backend, column=column))


NOT_COMMUTATIVE = ("subtract", "divide", "matmul", "power", "less", "less_equal", "greater", "greater_equal")


def with_overlay(backend: Backend, folder: Path, files: Mapping[str, Callable[[str], str]]) -> Backend:
    """The backend with some templates edited: path -> edit of the text that would be used. The edited files go into
    `folder`. Raises ValueError when an edit changes nothing."""
    present = {p.name: p for place in (templates_folder(), *backend.template_folders) for p in place.glob("*.*")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, edit in files.items():
        text = present[name].read_text(encoding="utf-8")
        changed = edit(text)
        if changed == text:
            raise ValueError(f"the edit of {name} changes nothing")
        (folder / name).write_text(changed, encoding="utf-8")
    own = [place for place in backend.template_folders if place.name not in backend.shared]
    return replace(backend, folders=(*own, folder))


def edited_copy(package: Path, folder: Path, name: str, edit: Callable[[str], str]) -> Path:
    """A copy of a generated package in which one file is edited. Raises ValueError when the edit changes nothing."""
    copy = folder / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / name).read_text(encoding="utf-8")
    changed = edit(text)
    if changed == text:
        raise ValueError(f"the edit of {name} changes nothing")
    (copy / name).write_text(changed, encoding="utf-8")
    return copy
