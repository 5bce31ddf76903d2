"""Gradients in index form, by the chain rule over straight-line programs.

D(V)[a,b] = sum over the statements U = F(V, ...) that read V of  sum_ij DU[i,j] dF[i,j] / dV[a,b]

where V is a leaf in all later statements and DY, the gradient of an output, is a free tensor: never the gradient of a
particular loss, for which wrong equations may hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqgen.algebra.expressions import Node, Shape, symbols
from eqgen.algebra.index_form import Algebra, Definition, Reader, fits
from eqgen.algebra.normal_form import Form


class Backpropagation:
    """A program whose gradients are wanted: inlined values in order, and each output's free gradient ("" for 1)."""

    def __init__(self, program: Mapping[str, Node], seeds: Mapping[str, str]) -> None:
        self.program = dict(program)
        self.seeds = dict(seeds)
        self.reads = {target: symbols(value) for target, value in self.program.items()}

    def consumers(self, name: str) -> list[str]:
        return [target for target, names in self.reads.items() if name in names]

    def downstream(self, name: str) -> frozenset[str]:
        """The values that depend on a name."""
        reached = {name}
        for target, names in self.reads.items():
            if not reached.isdisjoint(names):
                reached.add(target)
        return frozenset(reached - {name})


class Gradients:
    """Derived gradients in one algebra. `opaque` names the tensors that stand for gradients that are known already."""

    def __init__(self, chain: Backpropagation, algebra: Algebra, opaque: Mapping[str, str]) -> None:
        self.chain = chain
        self.algebra = algebra
        self.opaque = opaque
        self.reader = Reader(algebra)
        self._known: dict[tuple[str, int, int], Form] = {}

    def derived(self, name: str, a: int, b: int) -> Form:
        """D(name)[a,b] from the statements that read the name, whether it is opaque or not."""
        key = (name, a, b)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._derived(name, a, b)
        return found

    def _derived(self, name: str, a: int, b: int) -> Form:
        algebra = self.algebra
        seed = self.chain.seeds.get(name)
        total = algebra.zero_form if seed is None else algebra.tensor(seed, a, b) if seed else algebra.one
        for target in self.chain.consumers(name):
            total = total + self._contribution(target, (name, a, b))
        return total

    def _upstream(self, name: str, i: int, j: int) -> Form:
        known = self.opaque.get(name)
        return self.derived(name, i, j) if known is None else self.algebra.tensor(known, i, j)

    def _contribution(self, target: str, variable: tuple[str, int, int]) -> Form:
        """sum_ij D(target)[i,j] d target[i,j] / d variable"""
        algebra = self.algebra
        value = self.chain.program[target]
        before = algebra.top
        i, j = fits(value.shape, before + 1, before + 2)
        algebra.top = before + 2
        try:
            slope = algebra.derivative(self.reader.entry(value, i, j), variable)
            if not slope.terms:
                return slope
            product = algebra.multiply(self._upstream(target, i, j), slope)
            return algebra.close(
                tuple((code, dim) for code, dim in zip((i, j), value.shape, strict=True) if code), product
            )
        finally:
            algebra.top = before


class Directional:
    """Directional derivatives of a program's values in one algebra, by the chain rule in the other direction.

    R(U)[i,j] = sum over the names V that U = F(V, ...) reads of  sum_ab dF[i,j] / dV[a,b] R(V)[a,b]

    `opaque` names the tensors that stand for tangents that are given, or known already; `shapes` gives those of all
    names.
    """

    def __init__(
        self, program: Mapping[str, Node], algebra: Algebra, opaque: Mapping[str, str], shapes: Mapping[str, Shape]
    ) -> None:
        self.program = program
        self.algebra = algebra
        self.opaque = opaque
        self.shapes = shapes
        self.reader = Reader(algebra)
        self._known: dict[tuple[str, int, int], Form] = {}

    def derived(self, name: str, i: int, j: int) -> Form:
        """R(name)[i,j] from the names that its statement reads, whether it is opaque or not."""
        key = (name, i, j)
        found = self._known.get(key)
        if found is None:
            value = self.program[name]
            found = self.algebra.zero_form
            for variable in sorted(symbols(value)):
                if variable in self.opaque or variable in self.program:
                    found = found + self._contribution(value, variable, i, j)
            self._known[key] = found
        return found

    def _contribution(self, value: Node, variable: str, i: int, j: int) -> Form:
        """sum_ab d value[i,j] / d variable[a,b] R(variable)[a,b]"""
        algebra = self.algebra
        shape = self.shapes[variable]
        before = algebra.top
        a, b = fits(shape, before + 1, before + 2)
        algebra.top = before + 2
        try:
            slope = algebra.derivative(self.reader.entry(value, i, j), (variable, a, b))
            if not slope.terms:
                return slope
            known = self.opaque.get(variable)
            moved = self.derived(variable, a, b) if known is None else algebra.tensor(known, a, b)
            product = algebra.multiply(slope, moved)
            return algebra.close(tuple((code, dim) for code, dim in zip((a, b), shape, strict=True) if code), product)
        finally:
            algebra.top = before


def entries(reader: Reader, node: Node) -> Definition:
    """An expression as a function of two indices."""
    return lambda i, j: reader.entry(node, i, j)


def derived_entries(gradients: Gradients | Directional, name: str, shape: Shape) -> Definition:
    """A derived gradient or tangent as a function of two indices."""
    return lambda i, j: gradients.derived(name, *fits(shape, i, j))
