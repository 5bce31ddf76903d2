"""What a definition's equations give for given inputs: the exact value, and how far a computed one may be from it.

The value is the fold over the operation table's explicit cells of the *definition*, with 50 digits or more. The bound
is a fold over the same expressions in the form that is generated (a function's stable form), in running error
analysis. Both folds give a value; they must agree, which tests every stable form where numbers are large, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import Apply, Constant, Invoke, Node, Size, Symbol, constant, rewrite
from eqgen.algebra.fields import concrete_shape, evaluate, filled
from eqgen.algebra.inline import inline
from eqgen.algebra.operations import TABLE
from eqgen.algebra.rewrites import accurate
from eqgen.optimize.lower import is_host
from eqgen.testing.bounded import (
    EXTREME_DIGITS,
    ORDINARY_DIGITS,
    Bounded,
    BoundedField,
    ConditionField,
    ReferenceField,
    as_float,
)
from eqgen.testing.rounding import DOUBLE, PRECISIONS

LARGE = 20.0
"""From this size of an input on the reference is computed with many digits: exp(-20) + 1 has lost eight."""

AGREEMENT = 1e-25
"""A definition and its stable form, or two forms of a gradient, differ by less, relative to the largest entry."""

Numbers = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class ChosenActivation:
    """An activation in the place of a layer's parameter `act`, with its numbers."""

    definition: TypedDefinition
    numbers: tuple[Fraction, ...]

    @property
    def label(self) -> str:
        return f"{self.definition.name}({', '.join(str(float(n)) for n in self.numbers)})"


CONDITION = "condition"
"""The name of the format in which nothing but inputs and constants is rounded, to a unit of `CONDITION_PRECISION`."""

CONDITION_PRECISION = DOUBLE


def with_stable_forms(module: Module) -> Module:
    """The module with the forms that are generated: of a function its stable form, or else what it is rewritten to for
    accuracy, and that of activations. (Rewriting for speed changes the order of additions, on which no bound depends.)
    """
    return Module(tuple(_generated(d) if d.kind in ("function", "activation") else d for d in module.definitions))


def _generated(d: TypedDefinition) -> TypedDefinition:
    if d.kind == "function" and d.block("stable"):
        return replace(d, blocks={**d.blocks, "body": d.block("stable")})
    blocks = {
        name: tuple(replace(a, value=accurate(a.value, d.name)) for a in block) for name, block in d.blocks.items()
    }
    return replace(d, blocks=blocks)


class Reference:
    """Values of names: inputs that are given, and what equations assign.

    values      name -> array of exact numbers, or absent where an equation has no value (1 / 0, a mean over nothing)
    bounds      precision -> name -> array of `Bounded`; with `conditioned` also of CONDITION
    missing     name -> why it has no value
    disagreements  names whose stable form differs from the definition
    """

    def __init__(
        self, module: Module, sizes: Mapping[str, int], inputs: Mapping[str, Any], numbers: Numbers,
        activations: Mapping[str, ChosenActivation] | None = None, dtypes: Sequence[str] = tuple(PRECISIONS),
        conditioned: bool = False,
    ) -> None:  # fmt: skip
        self.module = module
        self.stable = with_stable_forms(module)
        self.sizes = dict(sizes)
        self.numbers = dict(numbers)
        self.activations = dict(activations or {})
        large = any(np.abs(a).max(initial=0.0) >= LARGE for a in inputs.values())
        self.field = ReferenceField(EXTREME_DIGITS if large else ORDINARY_DIGITS)
        self.fields: dict[str, BoundedField] = {name: BoundedField(PRECISIONS[name], self.field) for name in dtypes}
        if conditioned:
            self.fields[CONDITION] = ConditionField(CONDITION_PRECISION, self.field)
        self.host = BoundedField(DOUBLE, self.field)
        self.values: dict[str, Any] = {}
        self.bounds: dict[str, dict[str, Any]] = {name: {} for name in self.fields}
        self.missing: dict[str, str] = {}
        self.disagreements: list[str] = []
        for name, array in inputs.items():
            self.give(name, array)

    def give(self, name: str, array: Any) -> None:
        """An input. Its entries are numbers of every precision under test, so they carry no error."""
        entries = filled(lambda i, j: Fraction(float(array[i, j])), array.shape)
        self.values[name] = filled(lambda i, j: self.field.number(entries[i, j]), array.shape)
        for dtype, field in self.fields.items():
            self.bounds[dtype][name] = filled(lambda i, j, f=field: f.given(entries[i, j]), array.shape)  # type: ignore[misc]

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.values.pop(name, None)
            for bounds in self.bounds.values():
                bounds.pop(name, None)

    def rename(self, names: Mapping[str, str]) -> None:
        """Give values another name: an optimizer's `delta'` becomes the next step's `delta`."""
        for table in (self.values, *self.bounds.values()):
            table.update({new: table[old] for old, new in names.items() if old in table})

    def run(self, assignments: Sequence[Assignment], numbers: Numbers | None = None) -> None:
        """Evaluate equations in order. `numbers` are further scalars that the host knows (eta, t)."""
        for assignment in assignments:
            self.assign(assignment.target, assignment.value, numbers)

    def assign(self, target: str, expression: Node, numbers: Numbers | None = None) -> None:
        known = {**self.numbers, **(numbers or {})}
        node = self.with_activations(expression)
        constants = {name: filled(lambda i, j, v=v: self.field.number(v), (1, 1)) for name, v in known.items()}  # type: ignore[misc]
        value, reason = None, ""
        try:
            value = evaluate(node, {**constants, **self.values}, self.sizes, self.field, self.module)
        except (ArithmeticError, ValueError) as error:
            reason = str(error)
        except KeyError as error:
            reason = f"{error} has no value"
        fallback = None
        found = {}
        generated = node if is_host(node, known) else accurate(node)
        for dtype, field in self.fields.items():
            try:
                bounds = Bounding(field, self.host, self.bounds[dtype], known, self.sizes, self.stable).evaluate(
                    generated
                )
            except (ArithmeticError, ValueError, KeyError):
                continue
            found[dtype] = bounds
            fallback = filled(lambda i, j, b=bounds: b[i, j].value, bounds.shape)  # type: ignore[misc]
        # Only now: a recursion reads the name that it assigns.
        self.forget((target,))
        for dtype, bounds in found.items():
            self.bounds[dtype][target] = bounds
        if value is None and fallback is None:
            self.missing[target] = reason
            return
        # Where only the stable form has a value (0 log 0) it extends the definition.
        self.values[target] = fallback if value is None else value
        if value is not None and fallback is not None and self.differ(value, fallback):
            self.disagreements.append(target)

    def differ(self, value: Any, other: Any) -> bool:
        """Whether two exact evaluations differ by more than their last digits."""
        scale = 1.0 + max((abs(as_float(v)) for v in value.flat), default=0.0)
        return any(abs(as_float(a - b)) > AGREEMENT * scale for a, b in zip(value.flat, other.flat, strict=True))

    def with_activations(self, expression: Node) -> Node:
        """Calls of a layer's activation parameters become calls of the chosen activations."""

        def rule(n: Node) -> Node:
            chosen = self.activations.get(n.function) if isinstance(n, Invoke) else None
            if chosen is None or not isinstance(n, Invoke):
                return n
            numbers = tuple(constant(v) for v in chosen.numbers)
            return replace(n, function=chosen.definition.name, args=(*n.args, *numbers))

        return rewrite(expression, rule)


class Bounding:
    """One expression in running error analysis.

    Scalars that no matrix takes part in are computed on the host in double precision, then brought to the matrix's.
    """

    def __init__(
        self, field: BoundedField, host: BoundedField, bounds: Mapping[str, Any], numbers: Numbers,
        sizes: Mapping[str, int], stable: Module,
    ) -> None:  # fmt: skip
        self.field = field
        self.host = host
        self.bounds = bounds
        self.numbers = numbers
        self.sizes = sizes
        self.stable = stable
        self.known: dict[tuple[int, bool], Any] = {}

    def evaluate(self, expression: Node) -> Any:
        """An array of `Bounded`. Raises what the reference field raises outside a function's domain."""
        root = inline(expression, self.stable)
        return self.value(root, self.field)

    def value(self, n: Node, field: BoundedField) -> Any:
        key = (id(n), field is self.host)
        if key not in self.known:
            self.known[key] = self.compute(n, field)
        return self.known[key]

    def compute(self, n: Node, field: BoundedField) -> Any:
        if isinstance(n, Apply) and field is not self.host and is_host(n, self.numbers):
            exact = self.value(n, self.host)
            return filled(
                lambda i, j: field.rounded(exact[i, j].value, exact[i, j].error, exact[i, j].grid), exact.shape
            )
        match n:
            case Symbol() if n.name in self.numbers:
                return filled(lambda i, j: field.number(self.numbers[n.name]), (1, 1))
            case Symbol():
                return self.bounds[n.name]
            case Constant():
                return filled(lambda i, j: field.number(n.value), (1, 1))
            case Size():
                return filled(lambda i, j: field.number(Fraction(self.sizes[n.name])), (1, 1))
            case Apply():
                operands = [self.value(a, field) for a in n.args]
                if TABLE[n.op].entrywise:
                    return self.entrywise(n, operands, field)
                concrete = tuple(d if isinstance(d, int) else self.sizes[d] for d in n.sizes)
                result = TABLE[n.op].explicit(field, operands, concrete)
                return filled(lambda i, j: result[i, j].settled(), result.shape)
        raise TypeError(f"{type(n).__name__} has no value")

    def entrywise(self, n: Apply, operands: Sequence[Any], field: BoundedField) -> Any:
        shape = concrete_shape(n.shape, self.sizes)
        spread = [np.broadcast_to(a, shape) for a in operands]
        return filled(lambda i, j: field.entrywise(n.op, *(a[i, j] for a in spread)), shape)


def errors(bounds: Any) -> Any:
    """The error bounds of an array of `Bounded`, as doubles."""
    result = np.empty(bounds.shape)
    for position in np.ndindex(*bounds.shape):
        entry: Bounded = bounds[position]
        result[position] = entry.error
    return result
