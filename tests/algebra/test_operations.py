"""The operation table: no cell is empty, and every cell says the same as every other."""

from __future__ import annotations

import itertools
import random
from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from eqgen.algebra.definitions import Module
from eqgen.algebra.dual_numbers import Dual, DualField, slope_of
from eqgen.algebra.expressions import Apply, Constant, Dim, Symbol, apply, constant
from eqgen.algebra.fields import FloatField, MpmathField, NotPolynomial, RationalField, evaluate, filled
from eqgen.algebra.jacobians import EntryField, EntryValues, entry_symbols
from eqgen.algebra.operations import TABLE, Operand, Operation, ShapeMismatch
from eqgen.algebra.symbolic import to_sympy

NO_MODULE = Module(())
SHAPES = [(1, 1), (1, 3), (2, 1), (2, 3), (3, 2), (3, 3)]
LEMMAS_ONLY = ("row", "column")
INDEX_OPERANDS = {"row_gather": 1, "column_gather": 1, "row_scatter_add": 0, "column_scatter_add": 0}
CASES_AN_OPERATION = 8


def legal_nodes(row: Operation) -> list[Apply]:
    """The operation on operands of concrete shapes, all that its shape rule admits, up to a number."""
    sizes = [0, 1] if row.name in LEMMAS_ONLY else [1, 2, 4]
    found = []
    for shapes in itertools.product(SHAPES, repeat=row.arity):
        for count in row.size_counts:
            for chosen in itertools.product(sizes, repeat=count):
                operands = [Symbol(shape, name) for name, shape in zip("XYZ", shapes, strict=False)]
                try:
                    node = apply(row.name, *operands, sizes=chosen)
                except ShapeMismatch:
                    continue
                if row.name in LEMMAS_ONLY and chosen[0] >= shapes[0][row.name == "column"]:
                    continue
                found.append(node)
    assert found, f"{row.name} admits none of the shapes"
    return random.Random(0).sample(found, min(CASES_AN_OPERATION, len(found)))


ALL = [pytest.param(row, id=row.name) for row in TABLE.values()]
NODES = [
    pytest.param(node, id=f"{row.name}-{'-'.join(f'{m}x{n}' for m, n in (a.shape for a in node.args))}-{node.sizes}")
    for row in TABLE.values()
    for node in legal_nodes(row)
]


def extent(node: Apply, operand: int) -> int:
    """What the entries of an index operand stay below."""
    if node.sizes:
        return int(node.sizes[0])
    return int(node.args[0].shape[operand == 1 and node.op == "column_gather"])


def draw(node: Apply, seed: int = 0) -> dict[str, Any]:
    """Random rationals for the operands, inside the operation's domain; integers for an index operand."""
    rng = random.Random(seed)
    row = TABLE[node.op]
    positive = any(word in row.domain for word in ("positive", "nonnegative", "-1"))
    values = {}
    for position, operand in enumerate(node.args):
        if INDEX_OPERANDS.get(node.op) == position:
            bound = extent(node, position)
            values["XYZ"[position]] = filled(lambda i, j, n=bound: Fraction(rng.randrange(n)), operand.shape)  # type: ignore[arg-type, misc]
        elif (row.name, position) == ("where", 0):
            values["X"] = filled(lambda i, j: Fraction(rng.randrange(2)), operand.shape)  # type: ignore[arg-type]
        else:
            signs = (1,) if positive else (-1, 1)
            values["XYZ"[position]] = filled(
                lambda i, j, signs=signs: Fraction(rng.choice(signs) * rng.randint(1, 30), rng.choice((7, 11, 13))),  # type: ignore[misc]
                operand.shape,  # type: ignore[arg-type]
            )
    return values


def in_field(values: dict[str, Any], field: Any) -> dict[str, Any]:
    return {name: filled(lambda i, j, a=a: field.number(a[i, j]), a.shape) for name, a in values.items()}  # type: ignore[misc]


def assert_equal(actual: Any, expected: Any) -> None:
    assert actual.shape == expected.shape
    for position in np.ndindex(*expected.shape):
        a, e = actual[position], expected[position]
        assert a == e or abs(a - e) <= abs(e) * Fraction(1, 10**40) + Fraction(1, 10**40), (position, a, e)


@pytest.mark.parametrize("row", ALL)
def test_no_cell_is_empty(row: Operation) -> None:
    for cell in fields(row):
        value = getattr(row, cell.name)
        if cell.name in ("scalar", "partials"):
            assert (value is not None) == row.entrywise, cell.name
        elif cell.name == "index":
            assert value == INDEX_OPERANDS.get(row.name)
        elif cell.name not in ("domain", "note", "entrywise", "arity"):
            assert value not in (None, "", ()), cell.name
    assert TABLE[row.name] is row


INDEXED = [pytest.param(n, id=f"{n.op}-{k}") for name in INDEX_OPERANDS for k, n in enumerate(legal_nodes(TABLE[name]))]


@pytest.mark.parametrize("node", INDEXED)
def test_the_largest_index_fits_and_the_next_one_does_not(node: Apply) -> None:
    row, position = TABLE[node.op], INDEX_OPERANDS[node.op]
    below = int(row.index_below(tuple(a.shape for a in node.args), node.sizes))
    rows, columns = map(int, node.args[position].shape)
    values = draw(node)

    def value(index: int) -> Any:
        indices = filled(lambda i, j: Fraction(index), (rows, columns))
        numbers = in_field(values | {"XYZ"[position]: indices}, RationalField())
        return evaluate(node, numbers, {}, RationalField(), NO_MODULE)

    assert value(below - 1).shape == node.shape
    with pytest.raises(IndexError):
        value(below)


@pytest.mark.parametrize("node", NODES)
def test_shape_is_that_of_the_explicit_value(node: Apply) -> None:
    values = in_field(draw(node), MpmathField())
    assert evaluate(node, values, {}, MpmathField(), NO_MODULE).shape == node.shape


@pytest.mark.parametrize("node", NODES)
def test_shape_rule_is_the_same_over_names(node: Apply) -> None:
    """Sizes given by names lead to the shape that numbers lead to."""
    row = TABLE[node.op]
    if row.name in LEMMAS_ONLY:
        return
    names: dict[Dim, Dim] = {2: "M", 3: "N", 4: "K"}
    shapes = tuple((names.get(m, m), names.get(n, n)) for m, n in (a.shape for a in node.args))
    shape = row.shape(shapes, tuple(names.get(s, s) for s in node.sizes))
    sizes = {name: number for number, name in names.items()}
    assert tuple(sizes.get(d, d) for d in shape) == node.shape


@pytest.mark.parametrize("node", NODES)
def test_entry_is_explicit(node: Apply) -> None:
    field = MpmathField()
    values = in_field(draw(node), field)
    operands = [Operand(lambda i, j, a=values[n]: a[i, j], values[n].shape) for n in list(values)]  # type: ignore[misc]
    entries = filled(lambda i, j: TABLE[node.op].entry(field, operands, node.sizes, i, j), node.shape)  # type: ignore[arg-type]
    assert_equal(entries, evaluate(node, values, {}, field, NO_MODULE))


@pytest.mark.parametrize("node", NODES)
def test_symbolic_written_out_is_explicit(node: Apply) -> None:
    values = draw(node)
    matrix = to_sympy(node).subs({to_sympy(a): sympy.Matrix(values[n]) for a, n in zip(node.args, "XYZ", strict=False)})
    explicit = matrix.doit().as_explicit()
    field = MpmathField()
    actual = filled(lambda i, j: EntryValues({}, field)(explicit[i, j]), explicit.shape)
    assert_equal(actual, evaluate(node, in_field(values, field), {}, field, NO_MODULE))


@pytest.mark.parametrize("node", NODES)
def test_symbolic_has_the_shape_and_prints(node: Apply) -> None:
    matrix = to_sympy(node)
    assert matrix.shape == node.shape
    assert str(matrix)
    latex = sympy.latex(matrix)
    assert latex.count("{") == latex.count("}") and latex.count(r"\left(") == latex.count(r"\right)")
    assert sympy.pretty(matrix)


@pytest.mark.parametrize("node", NODES)
def test_adjoint_is_what_sympy_derives(node: Apply) -> None:
    """For L = sum of D o f(X, Y), dL/dX by SymPy is the adjoint's value, for a free D."""
    if node.op in LEMMAS_ONLY:
        return
    row = TABLE[node.op]
    values = draw(node, seed=1)
    index = INDEX_OPERANDS.get(node.op)
    leaves = {
        name: values[name] if position == index else entry_symbols(name, operand.shape)  # type: ignore[arg-type]
        for position, (name, operand) in enumerate(zip("XYZ", node.args, strict=False))
    }
    result = evaluate(node, leaves, {}, EntryField(), NO_MODULE)
    weights = draw(Apply(node.shape, "negate", (Symbol(node.shape, "X"),)), seed=2)["X"]
    loss = sum(
        (sympy.Rational(w.numerator, w.denominator) * y for w, y in zip(weights.flat, result.flat, strict=True)),
        sympy.Integer(0),
    )
    field = MpmathField()
    point = {
        symbol: field.number(values[name][position])
        for position_in, name in enumerate(leaves)
        if position_in != index
        for position, symbol in np.ndenumerate(leaves[name])
    }
    by_sympy = EntryValues(point, field)
    gradients = row.adjoint(node, Symbol(node.shape, "D"))
    assert len(gradients) == row.arity
    known = in_field({**values, "D": weights}, field)
    for position, (name, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        derived = None
        if position != index:
            derived = filled(lambda i, j, n=name: by_sympy(sympy.diff(loss, leaves[n][i, j])), leaves[name].shape)  # type: ignore[misc]
        if gradient is None:
            # Only what has no gradient may leave it out: an index, a condition, operands of a condition.
            assert derived is None or all(d == 0 for d in derived.flat), name
            continue
        assert derived is not None
        assert gradient.shape in (node.args[position].shape, (1, 1)), "a scalar gradient is spread over its operand"
        value = evaluate(gradient, known, {}, field, NO_MODULE)
        assert_equal(np.broadcast_to(value, derived.shape), derived)


def duals(array: Any, along: Any) -> Any:
    return filled(lambda i, j: Dual(array[i, j], along[i, j]), array.shape)


@pytest.mark.parametrize("node", NODES)
def test_tangent_is_what_dual_numbers_carry(node: Apply) -> None:
    """Along random directions of all operands at once, and of the first one alone."""
    field = MpmathField()
    values = in_field(draw(node, seed=1), field)
    index = INDEX_OPERANDS.get(node.op, 0 if node.op == "where" else None)
    moving = [name for position, name in enumerate(values) if position != index]
    for names in (moving, moving[:1], []):
        directions = {
            name: in_field(
                draw(Apply(values[name].shape, "negate", (Symbol(values[name].shape, "X"),)), seed=k), field
            )["X"]
            for k, name in enumerate(names, start=2)
        }
        moved = {name: duals(values[name], along) for name, along in directions.items()}
        carried = evaluate(node, values | moved, {}, DualField(field), NO_MODULE)
        expected = filled(lambda i, j, c=carried: slope_of(c[i, j]) + field.number(Fraction(0)), node.shape)  # type: ignore[arg-type, misc]
        tangents = [Symbol(a.shape, f"R{n}") if n in names else None for a, n in zip(node.args, values, strict=True)]
        tangent = TABLE[node.op].tangent(node, tangents)
        if tangent is None:
            assert all(e == 0 for e in expected.flat)
            continue
        assert tangent.shape == node.shape
        known = values | {f"R{name}": along for name, along in directions.items()}
        assert_equal(evaluate(tangent, known, {}, field, NO_MODULE), expected)


@pytest.mark.parametrize("row", [pytest.param(r, id=r.name) for r in TABLE.values() if r.entrywise])
def test_partials_are_what_sympy_derives(row: Operation) -> None:
    assert row.scalar is not None and row.partials is not None
    field = MpmathField()
    operands = [Symbol((1, 1), name) for name in "XYZ"[: row.arity]]
    for seed in range(5):
        values = in_field(draw(Apply((1, 1), row.name, tuple(operands)), seed), field)
        xs = {name: sympy.Symbol(name, real=True) for name in "XYZ"[: row.arity]}
        scalar = sympy.sympify(row.scalar(EntryField(), *xs.values()))
        for name, partial in zip(xs, row.partials(*operands), strict=True):
            expected = EntryValues({xs[n]: values[n][0, 0] for n in xs}, field)(sympy.diff(scalar, xs[name]))
            actual = 0 if partial is None else evaluate(partial, values, {}, field, NO_MODULE)[0, 0]
            assert abs(actual - expected) <= abs(expected) * 10**-40 + 10**-40, name


@pytest.mark.parametrize("exponent", [Fraction(n, d) for n in (-3, -2, -1, 1, 2, 3, 4) for d in (1, 2)] + [Fraction(0)])
def test_constant_powers(exponent: Fraction) -> None:
    """The exponent is mostly a literal; SymPy agrees on its derivative."""
    field = MpmathField()
    node = apply("power", Symbol((1, 1), "X"), constant(exponent))
    assert isinstance(node.args[1], Constant)
    partial = TABLE["power"].partials(*node.args)[0]  # type: ignore[misc]
    assert partial is not None
    x = sympy.Symbol("x", positive=True)
    value = {"X": filled(lambda i, j: field.number(Fraction(5, 3)), (1, 1))}
    slope = sympy.diff(x ** sympy.Rational(exponent.numerator, exponent.denominator), x)
    expected = EntryValues({x: value["X"][0, 0]}, field)(slope)
    assert abs(evaluate(partial, value, {}, field, NO_MODULE)[0, 0] - expected) < 10**-40


@pytest.mark.parametrize("node", NODES)
def test_costs_are_numbers(node: Apply) -> None:
    row = TABLE[node.op]
    shapes = tuple(a.shape for a in node.args)
    assert int(row.flops(node.shape, shapes)) >= 0 and int(row.memory(node.shape, shapes)) >= 0
    symbolic = tuple((sympy.Symbol("m"), sympy.Symbol("n")) for _ in node.args)
    out = (sympy.Symbol("m"), sympy.Symbol("k"))
    for cost in (row.flops, row.memory):
        assert sympy.sympify(cost(out, symbolic)).is_polynomial()


@pytest.mark.parametrize("node", NODES)
def test_fields_agree(node: Apply) -> None:
    """Rationals, 50 digits and double precision give the same value, where there is a rational one."""
    values = draw(node, seed=3)
    precise = evaluate(node, in_field(values, MpmathField()), {}, MpmathField(), NO_MODULE)
    double = evaluate(node, in_field(values, FloatField()), {}, FloatField(), NO_MODULE)
    assert np.allclose(double.astype(float), precise.astype(float), rtol=1e-12, atol=1e-12)
    try:
        exact = evaluate(node, values, {}, RationalField(), NO_MODULE)
    except NotPolynomial:
        return
    assert_equal(in_field({"exact": exact}, MpmathField())["exact"], precise)


def test_means_divide_by_the_length_of_what_they_run_along() -> None:
    """Table 1 of the paper has the two divisors the wrong way round."""
    x = {"X": filled(lambda i, j: Fraction(3 * i + j), (2, 3))}
    by_column = evaluate(apply("columns_mean", Symbol((2, 3), "X")), x, {}, RationalField(), NO_MODULE)
    by_row = evaluate(apply("rows_mean", Symbol((2, 3), "X")), x, {}, RationalField(), NO_MODULE)
    assert by_column.tolist() == [[Fraction(3, 2), Fraction(5, 2), Fraction(7, 2)]]
    assert by_row.tolist() == [[1], [4]]


@pytest.mark.parametrize(("op", "at_tie"), [("max", (0, 1)), ("min", (0, 1))])
def test_at_a_tie_the_second_operand_counts(op: str, at_tie: tuple[int, int]) -> None:
    row = TABLE[op]
    x, y = Symbol((1, 1), "X"), Symbol((1, 1), "Y")
    one = filled(lambda i, j: Fraction(1), (1, 1))
    partials = row.partials(x, y)  # type: ignore[misc]
    point = {"X": one, "Y": one}
    slopes = [evaluate(p, point, {}, RationalField(), NO_MODULE)[0, 0] for p in partials if p is not None]
    assert tuple(slopes) == at_tie
