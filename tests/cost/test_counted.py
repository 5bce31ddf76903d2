"""Every formula against a count of what is done, at sizes that are all different: operations, equations, programs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.expressions import Shape, Symbol, apply
from eqgen.algebra.library import library
from eqgen.algebra.operations import TABLE, Operation
from eqgen.optimize.cost_report import Reporter
from eqgen.optimize.lower import Lowering, needed_steps
from eqgen.optimize.parts import KINDS, ONE_HOT, body_block
from eqgen.optimize.program import Function, Step
from eqgen.optimize.program_cost import WorkCounter, named_sizes
from tests.cost.counting import Run

SIZES = {"M": 2, "N": 3, "D": 4, "K": 5, "V": 6}
DEFINITIONS = [pytest.param(d, id=f"{d.kind} {d.name}") for d in library().definitions if d.kind in KINDS]
OPERATIONS = [name for name, row in TABLE.items() if row.arity and name not in ("row", "column")]
"""All but those that create matrices, and those that stand in lemmas only."""


@cache
def lowering() -> Lowering:
    return Lowering(library())


def chosen(definition: TypedDefinition) -> dict[str, TypedDefinition]:
    """An activation for each one in the header: one whose derivative shares a subexpression."""
    activation = library().find("SiLU", "activation")
    assert activation is not None
    return dict.fromkeys(definition.activations, activation)


def programs(d: TypedDefinition) -> dict[str, tuple[tuple[Step, ...], Function]]:
    """The parts of a definition, as written and as rewritten."""
    low, numbers = lowering(), [n.name for n in d.numbers]
    if d.kind == "layer":
        layer = low.layer(d)
        parts = {
            "forward": layer.forward,
            "backward": layer.backward,
            "update": layer.update,
            "evaluate": layer.evaluate,
        }
        return {name: (low.steps(d.block(name), numbers), f) for name, f in parts.items() if f is not None}
    if d.kind == "activation":
        value, slope = low.activation(d)
        blocks = {"value": ("f", value), "derivative": ("derivative", slope)}
        return {name: (low.steps(d.block(block), numbers), f) for name, (block, f) in blocks.items()}
    if d.kind == "function":
        return {"value": (low.steps(body_block(d), numbers), low.matrix_function(d))}
    if d.kind == "optimizer":
        return {"step": (low.steps(d.block("step"), [*numbers, "eta", "t"]), low.optimizer(d).function)}
    lets = d.block("value")[:-1]
    found = {}
    for (block, name), f in zip(
        (("value", "value"), ("gradient", "gradient"), ("one_hot", ONE_HOT)), low.loss(d), strict=True
    ):
        if f is not None:
            steps = d.block(block) if block == "value" else (*lets, *d.block(block))
            found[name] = (needed_steps(low.steps(steps, numbers)), f)
    return found


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_definitions(definition: TypedDefinition) -> None:
    report = Reporter(lowering()).report(definition, chosen(definition))
    parts = programs(definition)
    assert [p.name for p in report.parts] == list(parts)
    for name, (written, function) in parts.items():
        part = report.part(name)
        numbers = [*(n.name for n in definition.numbers), *(["eta", "t"] if definition.kind == "optimizer" else [])]
        before = Run(lowering(), SIZES, chosen(definition), rewritten=False)
        before.steps(written, {}, numbers)
        assert part.written.flops.value(SIZES) == before.count, name
        after = Run(lowering(), SIZES, chosen(definition), rewritten=True)
        after.steps(function.steps, {}, [a.name for a in function.arguments if a.role in ("number", "scalar")])
        assert part.rewritten.flops.value(SIZES) == after.count, name


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations(op: str) -> None:
    """One operation on matrices of different shapes that fit."""
    row = TABLE[op]
    fitting: dict[str, tuple[Shape, ...]] = {
        "matmul": (("M", "N"), ("N", "K")), "dot": (("M", 1), ("M", 1)), "diag": (("N", "N"),), "Diag": (("N", 1),),
        "column_repeat": (("M", 1),), "row_repeat": ((1, "M"),), "row_gather": (("M", "N"), ("K", 1)),
        "column_gather": (("M", "N"), (1, "K")), "row_scatter_add": (("M", 1), ("M", "N")),
        "column_scatter_add": ((1, "N"), ("M", "N")),
    }  # fmt: skip
    shapes = fitting.get(op, (("M", "N"),) * row.arity)
    node = apply(op, *(Symbol(s, f"X{k}") for k, s in enumerate(shapes)), sizes=("V",) * max(row.size_counts))
    run = Run(lowering(), SIZES, {}, rewritten=False)
    run.value(node, {}, ())
    work = WorkCounter(lowering(), {}, rewritten=False).expression(node, named_sizes, ())
    assert work.flops.value(SIZES) == run.count


def test_an_outer_product_has_nothing_to_add() -> None:
    node = apply("matmul", Symbol(("M", 1), "x"), Symbol((1, "N"), "y"))
    run = Run(lowering(), SIZES, {}, rewritten=False)
    run.value(node, {}, ())
    assert run.count == SIZES["M"] * SIZES["N"]


@pytest.mark.parametrize("op", ["matmul", "rows_sum", "columns_mean", "exp", "where"])
def test_a_wrong_formula_is_noticed(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of this file can fail."""
    cell = TABLE[op].flops
    monkeypatch.setitem(TABLE, op, _with_flops(op, lambda out, args: cell(out, args) + out[0]))
    with pytest.raises(AssertionError):
        test_operations(op)


def _with_flops(op: str, flops: object) -> Operation:
    return replace(TABLE[op], flops=flops)  # type: ignore[arg-type]
