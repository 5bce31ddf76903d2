"""Printing planned functions in Python: every operation writes into a buffer that the caller keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eqgen.algebra.definitions import Module
from eqgen.algebra.expressions import Apply, Invoke, Node, Shape, Symbol
from eqgen.algebra.notation import Column
from eqgen.backends.package import FunctionText
from eqgen.backends.protocol import InPlace
from eqgen.backends.spelling import PythonPrinter
from eqgen.backends.statements import ANNOTATIONS, commented, docstring
from eqgen.optimize.instructions import GEMM, Instruction
from eqgen.optimize.lower import is_host
from eqgen.optimize.plan import Plan, accumulator, planned
from eqgen.optimize.program import Function


def planned_function(
    function: Function,
    module: Module,
    views: Column,
    in_place: InPlace,
    replaces: Mapping[str, str] | None = None,
) -> FunctionText:
    """The function with an argument `out`, the buffers of its results and temporaries.

    views     the backend's column: how views of matrices are spelled
    replaces  result -> the argument whose place it takes
    """
    plan = planned(function, module, replaces, in_place.careful, in_place.scaled_sums)
    return _PlanPrinter(plan, views, in_place.column).function()


class ArgumentSizes:
    """Where a planned function finds sizes, and how it asks for its buffers."""

    def __init__(self, function: Function) -> None:
        reference = function.reference
        self.like = reference.name if reference else ""
        self.found: dict[str, str] = {}
        for a in function.arguments:
            if a.role in ("matrix", "index", "pattern"):
                for axis, dim in enumerate(a.shape):
                    if isinstance(dim, str):
                        self.found.setdefault(dim, f"{dim} = {a.name}.shape[{axis}]")

    def lines(self, text: str) -> list[str]:
        """`K = W.shape[0]` for the sizes that a text reads."""
        words = set(re.findall(r"\w+", text))
        return [line for dim, line in sorted(self.found.items()) if dim in words]

    def allocation(self, name: str, shape: Shape, mask: bool = False) -> str:
        return f'out.{"mask" if mask else "matrix"}("{name}", {shape[0]}, {shape[1]}, {self.like})'


class _PlanPrinter:
    def __init__(self, plan: Plan, views: Column, in_place: Column) -> None:
        self.plan = plan
        self.in_place = in_place
        self.named = {i.target for i in plan.code if i.named}
        self.buffers = {b.name: b for b in plan.buffers}
        numbers = [a.name for a in plan.function.arguments if a.role in ("number", "scalar")]
        self.sizes = ArgumentSizes(plan.function)
        self.like = self.sizes.like
        self.printer = PythonPrinter(
            views, self.like, symbol=lambda s: self.variable(s.name), host=lambda n: is_host(n, numbers), kinds={}
        )
        self.made: set[str] = set()

    def function(self) -> FunctionText:
        function = self.plan.function
        body: list[str] = []
        for instruction in self.plan.code:
            lines = self.statement(instruction)
            if instruction.step is not None:
                lines = [*commented(instruction.step, lambda s: "")[:-1], *lines]
            body += lines
        returned = tuple(self.plan.results[name] for name, _ in function.results)
        return FunctionText(
            function.name,
            (*(f"{a.name}: {ANNOTATIONS[a.role]}" for a in function.arguments), "out: Buffers"),
            returned,
            (),
            docstring(function),
            (*self.sizes.lines(" ".join(body)), *body),
        )

    def variable(self, value: str) -> str:
        """The name under which a value is found: its own where the equations name it, else that of its buffer."""
        place = self.plan.place.get(value, value)
        return value if value in self.named and not self.buffers[place].argument else place

    def statement(self, instruction: Instruction) -> list[str]:
        """The instruction, after what gives its target a name."""
        buffer = self.buffers[self.plan.place[instruction.target]]
        name = self.variable(instruction.target)
        lines = []
        if not buffer.argument and buffer.name not in self.made:
            self.made.add(buffer.name)
            lines.append(f"{buffer.name} = {self.sizes.allocation(buffer.name, buffer.shape, buffer.mask)}")
        if name != buffer.name:
            lines.append(f"{name} = {buffer.name}")
        return [*lines, *self.operation(instruction, name)]

    def operation(self, instruction: Instruction, target: str) -> list[str]:
        value = instruction.value
        if isinstance(value, Invoke):
            call = (
                "activation_product" if len(value.args) > 1 else ("activation", "activation_gradient")[value.derivative]
            )
            operands = ", ".join(self.printer(a) for a in value.args)
            return [f"out.{call}({value.function}, {operands}, {target})"]
        assert isinstance(value, Apply)
        if value.op == GEMM:
            return self.product(value, instruction.target, target)
        spelling = self.in_place[value.op]
        texts = []
        for arg, least in zip(value.args, spelling.operands, strict=False):
            text, level = self.printer.text(self.broadcast(arg, value))
            texts.append(f"({text})" if level < least else text)
        m, n = value.shape
        return [spelling.template.format(*texts, m=m, n=n, like=self.like, target=target)]

    def product(self, value: Apply, name: str, target: str) -> list[str]:
        """`alpha A B + beta C` in place of C, which is copied there if it is elsewhere."""
        lines = []
        base = accumulator(value)
        if base is not None and not (
            isinstance(base, Symbol) and self.plan.place.get(base.name, base.name) == self.plan.place[name]
        ):
            lines.append(self.in_place["copy"].template.format(self.printer(base), target=target))
        alpha, A, B, beta = (self.printer(a) for a in value.args[:4])
        return [*lines, self.in_place["gemm"].template.format(alpha, A, B, beta, target=target)]

    def broadcast(self, arg: Node, value: Apply) -> Node:
        """A repeated row or column as it is stored, where the other operands give the result its shape."""
        if not (isinstance(arg, Apply) and arg.op in ("row_repeat", "column_repeat") and len(value.args) > 1):
            return arg
        others = [a for a in value.args if a is not arg]
        return arg.args[0] if any(a.shape == value.shape and not _is_repeat(a) for a in others) else arg


def _is_repeat(node: Node) -> bool:
    return isinstance(node, Apply) and node.op in ("row_repeat", "column_repeat")
