"""The neighbours of an expression: all that one slip of the pen leads to, of the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from eqgen.algebra.axes import exchanged
from eqgen.algebra.expressions import Apply, Constant, Invoke, Node, Size, apply, constant, size
from eqgen.algebra.mistakes import Edit, Mistake
from eqgen.algebra.operations import TABLE, ShapeMismatch
from eqgen.algebra.positions import Path, count, is_term, positions

UNARY = tuple(r.name for r in TABLE.values() if r.entrywise and r.arity == 1 and r.name != "negate")
COMPARISONS = {
    "less": ("<", "greater_equal"), "less_equal": ("<=", "greater"),
    "greater": (">", "less_equal"), "greater_equal": (">=", "less"),
}  # fmt: skip
"""How a comparison is written, and its contrary."""
CREATIONS = ("zeros", "ones", "identity")
WRAPPERS = ("square", "sqrt", "reciprocal", "inv_sqrt", "exp", "log", "tanh", "sigmoid")
"""Functions that are left out more often than others."""
SUM_OR_MEAN = {
    "rows_sum": "rows_mean", "columns_sum": "columns_mean", "rows_mean": "rows_sum", "columns_mean": "columns_sum",
}  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """Names that an equation may use without declaring them.

    functions  those of one matrix, with a result of its shape
    """

    sizes: tuple[str, ...]
    activations: frozenset[str]
    functions: tuple[str, ...]


def structural_edits(root: Node, words: Vocabulary) -> Iterator[Edit]:
    """Signs, numbers, sizes, order, transposes, axes, and what is too much."""
    for path, node in positions(root):
        if isinstance(node, Constant):
            yield from _constants(node, path)
        elif isinstance(node, Size):
            yield from _sizes(node, path, words.sizes)
        elif isinstance(node, Apply):
            yield from _signs(node, path)
            yield from _orders(node, path)
            yield from _axes(node, path)
            yield from _left_out(node, path)
        if is_term(root, path) and not isinstance(node, (Constant, Size)):
            cost = 1.5 + 0.01 * len(path)
            yield Edit(Mistake.SIGN, path, apply("negate", node), cost, "a minus sign is missing")
        yield from _transposed(node, path)


def operation_edits(root: Node, words: Vocabulary) -> Iterator[Edit]:
    """Another operation, one that is too much, or one that was left out."""
    for path, node in positions(root):
        if isinstance(node, Invoke):
            yield from _calls(node, path, words)
        elif isinstance(node, Apply):
            yield from _operations(node, path, words)
        yield from _wrapped(node, path, words)


# --- signs, numbers, sizes -------------------------------------------------------------------------------


def _signs(node: Apply, path: Path) -> Iterator[Edit]:
    if node.op in ("add", "subtract"):
        other, what = ("subtract", "subtracted") if node.op == "add" else ("add", "added")
        a, b = node.args
        yield Edit(
            Mistake.SIGN, path, apply(other, a, b), 1.0,
            f"the sign of {{}} is wrong: it should be {what}", (b,), (*path, 1), operator=True,
        )  # fmt: skip
    if node.op == "negate":
        yield Edit(Mistake.SIGN, path, node.args[0], 1.0, "the minus sign is too much")


def _constants(node: Constant, path: Path) -> Iterator[Edit]:
    c = node.value
    near = (-c, 2 * c, c / 2, c + 1, c - 1, Fraction(0), Fraction(1), Fraction(2), Fraction(1, 2), 3 * c, c / 3)
    for value in dict.fromkeys(near):
        if value != c:
            yield number_edit(node, path, constant(value))


def number_edit(node: Node, path: Path, new: Node) -> Edit:
    """A number in place of another one."""
    flipped = isinstance(node, Constant) and isinstance(new, Constant) and new.value == -node.value
    mistake = Mistake.SIGN if flipped else Mistake.COEFFICIENT if isinstance(new, Constant) else Mistake.SIZE_FACTOR
    cost = 1.2 if flipped else 1.0 if isinstance(new, Constant) else 2.4
    return Edit(mistake, path, new, cost, "{} should be {}", (node, new))


def _sizes(node: Size, path: Path, sizes: tuple[str, ...]) -> Iterator[Edit]:
    for name in sizes:
        if name != node.name:
            new = size(name)
            yield Edit(Mistake.SIZE_FACTOR, path, new, 1.0, "the size {} should be {}", (node, new))


# --- order, transposes, axes -----------------------------------------------------------------------------


def _orders(node: Apply, path: Path) -> Iterator[Edit]:
    args = node.args
    if node.op == "matmul":
        yield from _products(node, path)
    elif node.op in ("subtract", "divide", *COMPARISONS) and args[0].shape == args[1].shape:
        yield Edit(
            Mistake.OPERAND_ORDER, path, apply(node.op, args[1], args[0]), 1.0,
            "the operands of {} are the wrong way round", (node,),
        )  # fmt: skip
    elif node.op == "where":
        yield Edit(
            Mistake.OPERAND_ORDER, path, apply("where", args[0], args[2], args[1]), 0.9,
            "the two branches are the wrong way round",
        )  # fmt: skip


def _products(node: Apply, path: Path) -> Iterator[Edit]:
    """The factors of a matrix product in both orders, each as it is or transposed, where the shapes fit."""
    for swap, first, second in product((False, True), repeat=3):
        left, right = (_transpose(a) if t else a for a, t in zip(node.args, (first, second), strict=True))
        try:
            new = apply("matmul", right, left) if swap else apply("matmul", left, right)
        except ShapeMismatch:
            continue
        if new.shape != node.shape or new == node:
            continue
        if swap:
            yield Edit(
                Mistake.OPERAND_ORDER, path, new, 1.0 + 0.5 * (first + second),
                "the factors of {} are the wrong way round", (node,),
            )  # fmt: skip
        else:
            focus = path if first and second else (*path, 0 if first else 1)
            yield Edit(
                Mistake.TRANSPOSE, path, new, 1.0 + 0.5 * (first and second),
                *_transposes(node.args[:1] * first + node.args[1:] * second), focus,
            )  # fmt: skip


def _transposes(factors: tuple[Node, ...]) -> tuple[str, tuple[Node, ...]]:
    """A sentence about factors of which the transposes are wrong."""
    if all(isinstance(f, Apply) and f.op == "transpose" for f in factors):
        return " and ".join("{}" for _ in factors) + " should not be transposed", factors
    return "{} should be transposed" if len(factors) == 1 else "the transposes in {} and {} are wrong", factors


def _transpose(node: Node) -> Node:
    return node.args[0] if isinstance(node, Apply) and node.op == "transpose" else apply("transpose", node)


def _transposed(node: Node, path: Path) -> Iterator[Edit]:
    """Only a square matrix can be transposed where it stands."""
    if node.shape[0] == node.shape[1] and not node.is_scalar:
        new = _transpose(node)
        if isinstance(node, Apply) and node.op == "matmul":
            new = apply("matmul", _transpose(node.args[1]), _transpose(node.args[0]))
        yield Edit(Mistake.TRANSPOSE, path, new, 1.0, *_transposes((node,)))


def _axes(node: Apply, path: Path) -> Iterator[Edit]:
    new = exchanged(node)
    if new is not None:
        yield Edit(
            Mistake.AXIS, path, new, 1.0, "rows and columns are swapped: {} is meant", (new,),
            brief="rows and columns are swapped",
        )  # fmt: skip


# --- what is too much ------------------------------------------------------------------------------------


def _left_out(node: Apply, path: Path) -> Iterator[Edit]:
    """One operand of a sum or a product less."""
    if node.op in ("add", "subtract", "hadamard", "matmul", "scale", "divide") and len(node.args) == 2:
        for kept, dropped in ((0, 1), (1, 0)):
            new = node.args[kept]
            if new.shape != node.shape or (node.op == "divide" and kept == 1):
                continue
            gone = node.args[dropped]
            focus, cost = (*path, dropped), 0.9 if of_sizes(gone) else 1.0 + 0.25 * count(gone)
            if node.op in ("add", "subtract"):
                result = apply("negate", new) if node.op == "subtract" and kept == 1 else new
                yield Edit(
                    Mistake.EXTRA_TERM, path, result, cost,
                    "the term {} is too much", (gone,), focus, operator=dropped == 1, brief="this term is too much",
                )  # fmt: skip
            else:
                verb = "the division by" if node.op == "divide" else "the factor"
                yield Edit(
                    _factor_mistake(gone), path, new, cost,
                    f"{verb} {{}} is too much", (gone,), focus, operator=dropped == 1, brief="this factor is too much",
                )  # fmt: skip


def _factor_mistake(factor: Node) -> Mistake:
    """What a factor that is too much is called."""
    if isinstance(factor, Constant):
        return Mistake.COEFFICIENT
    return Mistake.SIZE_FACTOR if of_sizes(factor) else Mistake.EXTRA_FACTOR


def of_sizes(node: Node) -> bool:
    """Whether an expression is made of sizes and numbers only."""
    if isinstance(node, (Size, Constant)):
        return True
    return isinstance(node, Apply) and node.is_scalar and bool(node.args) and all(map(of_sizes, node.args))


# --- operations ------------------------------------------------------------------------------------------


def _operations(node: Apply, path: Path, words: Vocabulary) -> Iterator[Edit]:
    """Another operation on the same operands, or none."""
    others: tuple[str, ...] = ()
    mistake = Mistake.WRONG_OPERATION
    if node.op in UNARY:
        others = UNARY
        yield Edit(mistake, path, node.args[0], 1.5, f"`{node.op}` is too much")
        yield from _other_functions(node.op, node, path, words)
    elif node.op in SUM_OR_MEAN:
        others, mistake = (SUM_OR_MEAN[node.op],), Mistake.SIZE_FACTOR
    elif node.op in COMPARISONS:
        others = (COMPARISONS[node.op][1], *COMPARISONS)
    elif node.op in ("max", "min"):
        others = ("max", "min")
    elif node.op in CREATIONS:
        others = CREATIONS
    elif node.op in ("hadamard", "matmul"):
        others = ("hadamard", "matmul")
    for op in others:
        sizes = node.sizes
        if op in CREATIONS:
            sizes = node.shape[:1] if op == "identity" else node.shape
        try:
            new = apply(op, *node.args, sizes=sizes)
        except ShapeMismatch:
            continue
        if op != node.op and new.shape == node.shape:
            yours, right = (COMPARISONS[o][0] if o in COMPARISONS else o for o in (node.op, op))
            cost = 0.95 if op in COMPARISONS else 1.5 if op == "zeros" else 1.0
            yield Edit(mistake, path, new, cost, f"`{yours}` should be `{right}`")


def _other_functions(name: str, node: Apply | Invoke, path: Path, words: Vocabulary) -> Iterator[Edit]:
    """Another function of the same operand: one that is defined in a file, or an operation."""
    operand = node.args[0]
    if operand.shape != node.shape:
        return
    functions = () if node.is_scalar else words.functions
    others: list[tuple[str, Node]] = [(f, Invoke(node.shape, f, node.args)) for f in functions]
    if isinstance(node, Invoke):
        others += [(op, apply(op, operand)) for op in UNARY]
    for other, new in others:
        if new != node:
            yield Edit(Mistake.WRONG_OPERATION, path, new, 1.0, f"`{name}` should be `{other}`")


def _calls(node: Invoke, path: Path, words: Vocabulary) -> Iterator[Edit]:
    name, other = node.function + "'" * node.derivative, node.function + "'" * (not node.derivative)
    if node.function in words.activations:
        toggled = Invoke(node.shape, node.function, node.args, not node.derivative)
        yield Edit(Mistake.WRONG_OPERATION, path, toggled, 1.0, f"`{name}` should be `{other}`")
    if len(node.args) == 1:
        yield from _other_functions(name, node, path, words)
    for k, argument in enumerate(node.args):
        if argument.shape == node.shape:
            yield Edit(Mistake.WRONG_OPERATION, path, argument, 1.5 + k, f"`{name}` is too much")
    if len(node.args) > 1 and node.args[0].shape == node.args[1].shape:
        swapped = Invoke(node.shape, node.function, (node.args[1], node.args[0], *node.args[2:]), node.derivative)
        say = f"the operands of `{name}` are the wrong way round"
        yield Edit(Mistake.OPERAND_ORDER, path, swapped, 1.0, say)


def _wrapped(node: Node, path: Path, words: Vocabulary) -> Iterator[Edit]:
    """A function that was left out."""
    if isinstance(node, (Constant, Size)):
        return
    wrapped: list[tuple[str, Node]] = [(op, apply(op, node)) for op in WRAPPERS]
    wrapped += [(f, Invoke(node.shape, f, (node,))) for f in words.functions if not node.is_scalar]
    for op, new in wrapped:
        cost = 1.8 + 0.01 * count(node)
        yield Edit(Mistake.WRONG_OPERATION, path, new, cost, f"`{op}` of {{}} is meant", (node,))
