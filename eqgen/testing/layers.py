"""How layers are called, and what their equations say of the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Draw, Module, TypedDefinition
from eqgen.algebra.expressions import Symbol
from eqgen.optimize.lower import Lowering
from eqgen.testing import cases
from eqgen.testing.cases import Case, drawn
from eqgen.testing.exercises import Arrays, Exercise, Expected, Outcome, by_name, differentiate
from eqgen.testing.packages import Package
from eqgen.testing.reference import ChosenActivation

LARGE = (2, 200, 300, 100)
"""Sizes at which a random matrix has enough entries to know its distribution by."""


@dataclass(frozen=True)
class RandomMatrix:
    """A random matrix of a layer, another of the same seed, and how they are drawn."""

    name: str
    matrix: Any
    again: Any
    draw: Draw
    sizes: dict[str, int]
    numbers: dict[str, Fraction]


class LayerExercise(Exercise):
    """feedforward, backpropagate, statistics, and feedforward in evaluation mode."""

    def __init__(self, definition: TypedDefinition, module: Module) -> None:
        super().__init__(definition, module)
        d = definition
        self.x = next(d.with_role("input"))
        self.y = next(d.with_role("output"))
        self.params = list(d.with_role("param"))
        self.states = list(d.with_role("state"))
        self.randoms = list(d.with_role("random"))
        stored = [*self.params, *self.states, *self.randoms]
        self.constructor_sizes = [s for s in d.dims if any(s in v.shape for v in stored)]
        self.differentiable = [v for v in (self.x, *self.params) if v.index_size is None]

    def cases(self, seed: int) -> Iterator[Case]:
        return cases.layer_cases(self.definition, seed)

    def chosen(self, case: Case) -> dict[str, ChosenActivation]:
        """Activations for the layer's parameters, another one in every case."""
        available = sorted(self.module.of_kind("activation"), key=lambda d: d.name)
        result = {}
        for k, name in enumerate(self.definition.activations):
            d = available[(3 * case.activation + k) % len(available)]
            numbers = cases.header_numbers(d.numbers)[0]
            result[name] = ChosenActivation(d, tuple(n for n in numbers if isinstance(n, Fraction)))
        return result

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        own = case.values if case.values in ("normal", "dyadic", "positive") else "dyadic"
        found = {v.name: drawn(v, case.values if v is self.x else own, case.sizes, rng) for v in (self.x, *self.params)}
        found |= {v.name: drawn(v, "positive", case.sizes, rng) for v in self.states}
        found[f"D{self.y.name}"] = drawn(self.y, own, case.sizes, rng)
        return found

    def layer(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> tuple[Any, Arrays]:
        """A layer with the parameters of a case, and those it had first."""
        activations = [package.activation(chosen) for chosen in self.chosen(case).values()]
        sizes = [case.sizes[s] for s in self.constructor_sizes]
        layer = package.construct(self.definition, *sizes, *activations, numbers=self.header(case), dtype=dtype)
        initial = {f"initial {v.name}": package.host(getattr(layer, v.name)) for v in (*self.params, *self.states)}
        for v in (*self.params, *self.states):
            setattr(layer, v.name, inputs[v.name].astype(dtype))
        layer.seed(case.activation)
        return layer, initial

    def input(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Any:
        return package.matrix(inputs[self.x.name], dtype if self.x.index_size is None else "int64", case.layout)

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        y, host = self.y.name, package.host
        layer, arrays = self.layer(package, case, inputs, dtype)
        X = self.input(package, case, inputs, dtype)
        Y = layer.feedforward(X)
        arrays |= {y: host(Y)} | {f"{v.name}'": host(getattr(layer, v.name)) for v in self.states}
        random = {v.name: host(getattr(layer, v.name)).astype(np.float64) for v in self.randoms}
        for _ in range(2):  # gradients are set, not added to
            layer.backpropagate(Y, package.matrix(inputs[f"D{y}"], dtype, case.layout))
        if self.x in self.differentiable:
            arrays[f"D{self.x.name}"] = host(layer.DX)
        arrays |= {f"D{v.name}": host(getattr(layer, f"D{v.name}")) for v in self.params}
        for v in self.states:
            setattr(layer, v.name, inputs[v.name].astype(dtype))
        layer.eval()
        arrays[f"{y} in evaluation"] = host(layer.feedforward(X))
        return Outcome(arrays, random)

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        d, y = self.definition, self.y.name
        activations = self.chosen(case)
        training = self.reference(case, inputs | drawn, activations)
        for v in (*self.params, *self.states):
            training.give(f"initial {v.name}", np.full_like(inputs[v.name], float(v.initial or 0)))
        for block in ("forward", "backward", "update"):
            training.run(d.block(block))
        names = {y: y} | {f"D{v.name}": f"D{v.name}" for v in (*self.differentiable, *self.params)}
        names |= {f"{v.name}'": f"{v.name}'" for v in self.states}
        names |= {f"initial {v.name}": f"initial {v.name}" for v in (*self.params, *self.states)}
        if case.autodiff:
            seed = Symbol(self.y.shape, f"D{y}")
            names |= self.add_reverse_sweep(training, "forward", {y: seed}, self.differentiable)
        evaluation = self.reference(case, inputs | drawn, activations)
        evaluation.run(d.block("evaluate") or d.block("forward"))
        return [Expected(training, names), Expected(evaluation, {f"{y} in evaluation": y})]

    def autodiff(self, package: Package, case: Case, inputs: Arrays, drawn: Arrays, dtype: str) -> Arrays:
        program = Lowering(self.module).layer(self.definition).forward
        known: dict[str, Any] = {name: float(v) for name, v in self.numbers(case).items()}
        known |= {name: package.activation(chosen) for name, chosen in self.chosen(case).items()}
        known |= {v.name: package.matrix(inputs[v.name], dtype) for v in (*self.params, *self.states)}
        known |= {name: package.matrix(R, dtype) for name, R in drawn.items()}
        known[self.x.name] = self.input(package, case, inputs, dtype)
        forward = by_name(package.function("layer", self.definition.name, "forward"), program)
        seed = package.matrix(inputs[f"D{self.y.name}"], dtype)
        return differentiate(package, forward, known, [v.name for v in self.differentiable], seed)

    def random_matrices(self, package: Package) -> Iterator[RandomMatrix]:
        """Large random matrices as the layer draws them in training, with how they should be drawn."""
        if not self.randoms:
            return
        sizes = dict(zip(self.definition.dims, LARGE, strict=False))
        case = Case(sizes, numbers=cases.header_numbers(self.definition.numbers, own=Fraction(1, 4))[0])
        inputs = self.inputs(case, cases.generator(0, self.definition.name))
        drawn: list[Arrays] = []
        for _ in range(2):
            layer, _ = self.layer(package, case, inputs, "float64")
            layer.feedforward(self.input(package, case, inputs, "float64"))
            drawn.append({v.name: package.host(getattr(layer, v.name)) for v in self.randoms})
        for v in self.randoms:
            assert v.draw is not None
            yield RandomMatrix(v.name, drawn[0][v.name], drawn[1][v.name], v.draw, sizes, self.numbers(case))
