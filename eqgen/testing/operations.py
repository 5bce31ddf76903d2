"""Every operation of the table in every backend: one function an operation, against the explicit cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR, Constant, Node, Shape, Symbol, apply, constant
from eqgen.algebra.library import load_text
from eqgen.algebra.operations import TABLE
from eqgen.backends.protocol import Backend
from eqgen.testing.cases import draw, generator, indices, shapes, size_names
from eqgen.testing.packages import LAYOUTS, Package
from eqgen.testing.reference import Reference
from eqgen.testing.report import DEFINITION, Report, Result, distance
from eqgen.testing.rounding import PRECISIONS

PACKAGE = "operations"

M, N, P = "M", "N", "P"
COLUMN: Shape = (M, 1)
ROW: Shape = (1, N)
MATRIX: Shape = (M, N)

OPERANDS: dict[str, tuple[tuple[Shape, ...], tuple[tuple[int | str, ...], ...]]] = {
    "zeros": ((MATRIX,), ((M, N), (N,))), "ones": ((MATRIX,), ((M, N), (N,))), "identity": ((MATRIX,), ((N,),)),
    "diag": (((N, N),), ((),)), "Diag": ((COLUMN,), ((),)), "column_repeat": ((COLUMN, MATRIX), ((N,),)),
    "row_repeat": ((ROW, MATRIX), ((M,),)), "row": ((MATRIX,), ((0,),)), "column": ((MATRIX,), ((0,),)),
    "matmul": (((M, N), (N, P)), ((),)), "dot": ((COLUMN, COLUMN), ((),)), "scale": ((SCALAR, MATRIX), ((),)),
    "row_gather": (((P, N), COLUMN), ((),)), "column_gather": (((M, P), ROW), ((),)),
    "row_scatter_add": ((COLUMN, MATRIX, (P, N)), ((P,),)), "column_scatter_add": ((ROW, MATRIX, (M, P)), ((P,),)),
}  # fmt: skip
"""Operations whose operands are not all M x N: shapes, then the choices of size operands. An operand beyond the arity
is not used: it tells the function a size."""

INDEX: dict[tuple[str, int], str] = {
    ("row_gather", 1): P, ("column_gather", 1): P, ("row_scatter_add", 0): P, ("column_scatter_add", 0): P,
}  # fmt: skip
"""Operands that are indices, and what they stay below."""

LEMMAS_ONLY = ("row", "column")
"""Operations that choose a row or a column: an empty matrix has none."""

EXPONENTS = tuple(Fraction(n, 2) for n in (4, 6, 1, 3, -1, -2))
SCALARS = (Fraction(0), Fraction(-5, 4))
"""Literals beside a matrix, for operations with two operands."""


@dataclass(frozen=True)
class Probe:
    """One function of the package: an operation on named operands.

    variant   another spelling of an operation that another probe tries in all shapes; one shape will do
    any_sign  operands of any sign are in the domain: a whole power
    """

    name: str
    operation: str
    variables: tuple[Variable, ...]
    node: Node
    variant: bool = False
    any_sign: bool = False


def probes() -> Iterator[Probe]:
    """Every row of the table, in every form that is spelled differently: with matrices, 1 x 1 matrices and literals."""
    for name, row in TABLE.items():
        operand_shapes, choices = OPERANDS.get(name, ((MATRIX,) * max(row.arity, 1), ((),)))
        for k, sizes in enumerate(choices):
            yield probe(f"op_{name}{'_b' * k}", name, operand_shapes, sizes)
        if row.entrywise and row.arity == 2 and name not in ("scale", "power"):
            yield probe(f"op_{name}_scalar", name, (MATRIX, SCALAR))
            yield probe(f"op_{name}_by_scalar", name, (SCALAR, MATRIX))
            for k, value in enumerate(SCALARS):
                literal = constant(value)
                if name != "divide" or value:
                    yield probe(f"op_{name}_literal_{k}", name, (MATRIX,), literals={1: literal})
                yield probe(f"op_{name}_by_literal_{k}", name, (MATRIX,), literals={0: literal})
        if name == "power":
            for k, exponent in enumerate(EXPONENTS):
                whole = probe(f"op_power_{k}", name, (MATRIX,), literals={1: constant(exponent)})
                yield replace(whole, any_sign=exponent.denominator == 1)
        if name == "where":
            for k, literals in enumerate(
                ({1: constant(2)}, {2: constant(2)}, {1: constant(2), 2: constant(Fraction(1, 2))})
            ):
                yield probe(f"op_where_literals_{k}", name, (MATRIX,) * (3 - len(literals)), literals=literals)


def probe(
    name: str, operation: str, operand_shapes: Sequence[Shape], sizes: tuple[int | str, ...] = (),
    literals: Mapping[int, Constant | Node] | None = None,
) -> Probe:  # fmt: skip
    """An operation on operands X0, X1, ..., some of them literals."""
    variables = tuple(
        Variable(f"X{k}", shape, "input", None, index_size=INDEX.get((operation, k)))  # type: ignore[arg-type]  # no span
        for k, shape in enumerate(operand_shapes)
    )
    given = iter(Symbol(v.shape, v.name) for v in variables)
    operands: list[Node] = [(literals or {}).get(k) or next(given) for k in range(TABLE[operation].arity)]
    if operation == "where":
        operands[0] = apply("greater", operands[0], constant(0))
    node: Node = apply(operation, *operands, sizes=sizes)
    if node.is_scalar and not operands:
        # A number that no matrix takes part in stays one; beside a matrix it takes the matrix's dtype.
        node = apply("scale", node, variables[0].symbol)
    return Probe(name, operation, variables, node, variant=name != f"op_{operation}")


def probe_module(chosen: Sequence[Probe]) -> Module:
    """A module with one function for every probe."""
    text = "function probe(X: M x N)\n    = X\n"
    template = load_text(text, "operations.eq").find("probe", "function")
    assert template is not None
    return Module(tuple(_definition(template, p) for p in chosen))


def _definition(template: TypedDefinition, p: Probe) -> TypedDefinition:
    span = template.block("body")[-1].span
    assignment = replace(template.block("body")[-1], target=p.name, value=p.node, text="")
    variables = {v.name: replace(v, span=span) for v in p.variables}
    return replace(template, name=p.name, title=p.operation, variables=variables, blocks={"body": (assignment,)})


def write_probes(backend: Backend, folder: Path, chosen: Sequence[Probe] | None = None) -> Path:
    """Generate and build the package of the probes, all by default, in a subfolder."""
    from eqgen.backends.build import write_package

    place = folder / f"{PACKAGE}_{backend.name}"
    place.mkdir(parents=True)
    write_package(probe_module(list(probes()) if chosen is None else chosen), backend, place.name, place, compile=True)
    return place


def values_of(p: Probe, sizes: Mapping[str, int], rng: np.random.Generator, kind: str) -> dict[str, Any]:
    """Operands in the operation's domain: signs and zeros where it takes them, positive numbers where it does not."""
    domain = TABLE[p.operation].domain
    found = {}
    for k, v in enumerate(p.variables):
        shape = tuple(sizes[d] if isinstance(d, str) else d for d in v.shape)
        if v.index_size is not None:
            found[v.name] = indices(rng, shape, sizes[str(v.index_size)])  # type: ignore[arg-type]
        else:
            limited = not p.any_sign and k == 0 and any(w in domain for w in ("positive", "nonnegative", "-1"))
            found[v.name] = draw("positive" if limited else kind, rng, shape)  # type: ignore[arg-type]
            if "nonzero" in domain:
                found[v.name] = np.where(found[v.name] == 0, 0.5, found[v.name])
    return found


def check_probe(p: Probe, packages: Sequence[Package], report: Report, seed: int = 0) -> None:
    """One operation in all packages: shapes with a size 1 and 0, values up to 1000, all memory layouts, both dtypes."""
    empty = Module(())
    names = sorted(size_names(p.variables))
    batch = M if M in names else names[0]
    tested: set[str] = set()
    for number, (sizes, dtypes) in enumerate(shapes(names, batch, seed)):
        if (p.variant and number) or (p.operation in LEMMAS_ONLY and 0 in sizes.values()):
            continue
        kinds = ("normal", "dyadic", "tails", "hundred", "thousand") if number == 0 else ("normal",)
        for k, kind in enumerate(kinds):
            inputs = values_of(p, sizes, generator(seed, p.name, number, kind), kind)
            reference = Reference(empty, sizes, inputs, {}, dtypes=dtypes)
            reference.assign("result", p.node)
            if "result" not in reference.values:
                continue
            layout = LAYOUTS[k % len(LAYOUTS)]
            tested.update(dtypes)
            label = f"{' '.join(f'{n}={v}' for n, v in sizes.items())}, {kind}, {layout}"
            for package in packages:
                for dtype in dtypes:
                    outcome = _outcome(p, package, inputs, dtype, layout, reference)
                    report.add(
                        Result(p.operation, "operation", p.name, DEFINITION, (package.name,), dtype, label, *outcome)
                    )
    for dtype in sorted(set(PRECISIONS) - tested):
        names_of_all = tuple(package.name for package in packages)
        report.add(
            Result(
                p.operation,
                "operation",
                p.name,
                DEFINITION,
                names_of_all,
                dtype,
                "all cases",
                0.0,
                0.0,
                "nothing is tested",
            )
        )


def _outcome(
    p: Probe, package: Package, inputs: Mapping[str, Any], dtype: str, layout: str, reference: Reference
) -> tuple[float, float, str]:
    try:
        arguments = [
            package.matrix(inputs[v.name], "int64" if v.index_size is not None else dtype, layout) for v in p.variables
        ]
        found = package.host(package.function("function", p.name)(*arguments))
    except Exception as error:  # whatever a generated package raises is a finding
        return 0.0, 0.0, f"raised {type(error).__name__}: {error}"
    if found.dtype.name != dtype:
        return 0.0, 0.0, f"the result has dtype {found.dtype.name}"
    bounds = reference.bounds[dtype].get("result")
    if bounds is None:
        return 0.0, 0.0, ""
    return distance(reference.values["result"], bounds, found)


def missing_spellings(backend: Backend) -> list[str]:
    """Operations of the table that the backend's column does not spell; `full` is no operation, but spelled too."""
    return [name for name in (*TABLE, "full") if name not in backend.column]
