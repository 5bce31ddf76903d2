"""The parts of a definition that compute: each equation as it is written, beside the statements that it becomes.

layer        forward, backward, update, evaluate
activation   value, derivative
function     value
loss         value, gradient, and the gradient for one-hot targets
optimizer    step
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eqgen.algebra.definitions import Assignment, TypedDefinition
from eqgen.algebra.inline import DERIVATIVES
from eqgen.optimize.lower import Lowering, needed_steps
from eqgen.optimize.program import Function, Step
from eqgen.optimize.storage import sparse_layer

KINDS = ("layer", "activation", "function", "loss", "optimizer")
"""What computes with matrices. Schedulers and initializers run on the host."""
ONE_HOT = "gradient, one-hot targets"
"""The part of a loss that is its gradient where every row of the targets is a unit vector."""


@dataclass(frozen=True)
class Part:
    """A list of equations. `numbers` are the names that stand for numbers in what is written."""

    name: str
    written: tuple[Step, ...]
    function: Function
    numbers: tuple[str, ...]

    @property
    def passed_numbers(self) -> tuple[str, ...]:
        """The names that stand for numbers in the function; the caller has computed some of them."""
        return tuple(a.name for a in self.function.arguments if a.role in ("number", "scalar"))

    def pairs(self) -> Iterator[tuple[Step, tuple[Step, ...]]]:
        """Each equation with its statements: the last one computes it, it is the first to use those before.

        They are none where nothing reads its result. A statement that belongs to no equation stands for itself.
        """
        left = groups(self.function.steps)
        for step in self.written:
            group = next((g for g in left if _place(g[-1]) == _place(step)), ())
            if group:
                left.remove(group)
            yield step, group
        for group in left:
            yield group[-1], group


def parts_of(lowering: Lowering, d: TypedDefinition, sparse: bool = False) -> tuple[Part, ...]:
    """The parts of a definition; with `sparse`, what they become over the stored entries of its sparse parameters.

    Raises ValueError for a kind that does not compute with matrices, DiagnosticError (E207) where an equation has no
    sparse form.
    """
    numbers = tuple(n.name for n in d.numbers) + (("eta", "t") if d.kind == "optimizer" else ())

    def written(assignments: Sequence[Assignment]) -> tuple[Step, ...]:
        return lowering.steps(assignments, numbers)

    found: list[tuple[str, tuple[Step, ...], Function | None]]
    match d.kind:
        case "layer":
            layer = sparse_layer(lowering, d) if sparse else lowering.layer(d)
            functions = (layer.forward, layer.backward, layer.update, layer.evaluate)
            names = ("forward", "backward", "update", "evaluate")
            found = [(name, written(d.block(name)), f) for name, f in zip(names, functions, strict=True)]
        case "activation":
            value, slope = lowering.activation(d)
            found = [("value", written(d.block("f")), value), ("derivative", written(d.block("derivative")), slope)]
        case "function":
            found = [("value", written(body_block(d)), lowering.matrix_function(d))]
        case "loss":
            lets = d.block("value")[:-1]
            blocks = (("value", "value"), ("gradient", "gradient"), ("one_hot", ONE_HOT))
            found = [
                (name, needed_steps(written(d.block(block) if block == "value" else (*lets, *d.block(block)))), f)
                for (block, name), f in zip(blocks, lowering.loss(d), strict=True)
                if f is not None
            ]
        case "optimizer":
            found = [("step", written(d.block("step")), lowering.optimizer(d).function)]
        case _:
            raise ValueError(f"{d.kind} {d.name} does not compute with matrices")
    return tuple(Part(name, steps, f, numbers) for name, steps, f in found if f is not None)


def body_block(definition: TypedDefinition, derivative: int = 0) -> tuple[Assignment, ...]:
    """The assignments of a function, in the stable form where there is one, or of an activation."""
    if definition.kind == "function":
        return definition.block("stable") or definition.block("body")
    return definition.block(DERIVATIVES[derivative])


def groups(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Statements by the equation that is the first to use them, and ends its group."""
    found: list[tuple[Step, ...]] = []
    pending: list[Step] = []
    for step in steps:
        pending.append(step)
        if step.equation:
            found.append(tuple(pending))
            pending = []
    return [*found, tuple(pending)] if pending else found


def _place(step: Step) -> tuple[str, str]:
    return (step.origin, step.equation)
