"""How each kind of definition is called in a generated package, and what its equations say of the result.

Packages are called as a user calls them, through their classes, so that the object shell is tested with the functional
core. An `Exercise` knows no definition by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from eqgen.algebra.definitions import Module, TypedDefinition, Variable
from eqgen.algebra.expressions import Invoke, Node, Shape, apply, constant
from eqgen.optimize.program import Function
from eqgen.testing import cases
from eqgen.testing.cases import Case, draw, drawn, grid
from eqgen.testing.packages import HeaderNumber, Package
from eqgen.testing.reference import ChosenActivation, Reference
from eqgen.testing.reverse import reverse_sweep

Arrays = dict[str, Any]

BY_ADJOINTS = " by adjoints"
"""Suffix of the names under which a reference keeps gradients of a reverse sweep."""

TARGETS = ("one_hot", "probabilities", "unit", "normal")
RATES = (Fraction(1, 8), Fraction(1, 10), Fraction(1, 2))


@dataclass
class Outcome:
    """What a package computed: arrays by quantity, and the random matrices that it drew on the way."""

    arrays: Arrays
    drawn: Arrays = field(default_factory=dict)


@dataclass
class Expected:
    """A reference, and under which of its names each quantity is found."""

    reference: Reference
    names: dict[str, str]


class Exercise:
    """Base class: one definition."""

    def __init__(self, definition: TypedDefinition, module: Module) -> None:
        self.definition = definition
        self.module = module

    def cases(self, seed: int) -> Iterator[Case]:
        raise NotImplementedError

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        raise NotImplementedError

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        raise NotImplementedError

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        raise NotImplementedError

    def autodiff(self, package: Package, case: Case, inputs: Arrays, drawn: Arrays, dtype: str) -> Arrays:
        """Gradients by the framework's own differentiation of the forward function; nothing by default."""
        return {}

    def header(self, case: Case) -> tuple[HeaderNumber, ...]:
        """The numbers to construct with: none where the case has the defaults, which are tested so."""
        defaults = tuple(n.default for n in self.definition.numbers)
        return () if case.numbers == defaults else case.numbers

    def numbers(self, case: Case) -> dict[str, Fraction]:
        pairs = zip(self.definition.numbers, case.numbers, strict=True)
        return {n.name: value for n, value in pairs if isinstance(value, Fraction)}

    def reference(
        self, case: Case, inputs: Arrays, activations: Mapping[str, ChosenActivation] | None = None
    ) -> Reference:
        return Reference(
            self.module, case.sizes, inputs, self.numbers(case), activations, case.dtypes, case.conditioned
        )  # fmt: skip

    def add_reverse_sweep(
        self, reference: Reference, block: str, seeds: Mapping[str, Node], wanted: Sequence[Variable]
    ) -> dict[str, str]:
        """Gradients from the operation table's adjoints, as further names of the reference."""
        program = [(a.target, reference.with_activations(a.value)) for a in self.definition.block(block)]
        shapes: dict[str, Shape] = {v.name: v.shape for v in wanted}
        for name, node in reverse_sweep(program, seeds, shapes, reference.stable).items():
            reference.assign(f"D{name}{BY_ADJOINTS}", node)
        return {f"D{v.name}{BY_ADJOINTS}": f"D{v.name}{BY_ADJOINTS}" for v in wanted}


def differentiate(
    package: Package, function: Callable[..., Any], arguments: Mapping[str, Any], wanted: Sequence[str], seed: Any
) -> Arrays:
    """The framework's vector-Jacobian products of `function(**arguments)` for the wanted arguments."""
    vjp = package.backend.autodiff
    assert vjp is not None

    def forward(*values: Any) -> Any:
        result = function(**{**arguments, **dict(zip(wanted, values, strict=True))})
        return result[0] if isinstance(result, tuple) else result

    gradients = vjp(forward, [arguments[name] for name in wanted], seed)
    return {f"D{name}": package.host(g) for name, g in zip(wanted, gradients, strict=True)}


def by_name(function: Callable[..., Any], program: Function) -> Callable[..., Any]:
    """A function of the core with its arguments by name."""
    return lambda **values: function(*(values[a.name] for a in program.arguments))


class ActivationExercise(Exercise):
    """The function and its derivative, entry by entry."""

    VARIABLE = Variable("x", ("M", "N"), "input", None)  # type: ignore[arg-type]  # it stands in no file

    def cases(self, seed: int) -> Iterator[Case]:
        return cases.activation_cases(self.definition, seed)

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        shape = (case.sizes["M"], case.sizes["N"])
        return {"x": grid(shape, case.numbers, rng) if case.values == "grid" else draw(case.values, rng, shape)}

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        activation = package.construct(self.definition, numbers=self.header(case))
        x = package.matrix(inputs["x"], dtype, case.layout)
        return Outcome({"f": package.host(activation(x)), "f'": package.host(activation.gradient(x))})

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        reference = self.reference(case, inputs)
        reference.run((*self.definition.block("f"), *self.definition.block("derivative")))
        names = {"f": "f", "f'": "f'"}
        if case.autodiff:
            names |= self.add_reverse_sweep(reference, "f", {"f": apply("ones", sizes=("M", "N"))}, [self.VARIABLE])
            reference.rename({"f'": "Dx"})
        return [Expected(reference, names)]

    def autodiff(self, package: Package, case: Case, inputs: Arrays, drawn: Arrays, dtype: str) -> Arrays:
        activation = package.construct(self.definition, numbers=self.header(case))
        x, seed = package.matrix(inputs["x"], dtype), package.matrix(np.ones_like(inputs["x"]), dtype)
        return differentiate(package, lambda **v: activation(v["x"]), {"x": x}, ["x"], seed)


class LossExercise(Exercise):
    """The value, its gradient, and for one-hot targets the gradient's simplified form."""

    def __init__(self, definition: TypedDefinition, module: Module) -> None:
        super().__init__(definition, module)
        self.y = next(definition.with_role("input"))
        self.t = next(definition.with_role("target"))
        self.gradient = definition.block("gradient")[-1].target

    def cases(self, seed: int) -> Iterator[Case]:
        return cases.matrix_cases(self.definition, TARGETS, seed)

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        T = drawn(self.t, case.targets, case.sizes, rng)
        return {
            self.t.name: T,
            self.y.name: T if case.values == "equal" else drawn(self.y, case.values, case.sizes, rng),
        }

    def pair(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> tuple[Any, Any]:
        return package.matrix(inputs[self.y.name], dtype, case.layout), package.matrix(
            inputs[self.t.name], dtype, case.layout
        )

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        loss = package.construct(self.definition, numbers=self.header(case))
        Y, T = self.pair(package, case, inputs, dtype)
        arrays = {"L": package.host(loss.value(Y, T)), self.gradient: package.host(loss.gradient(Y, T))}
        number = package.host(loss(Y, T))
        arrays["L as a number"] = number.reshape(1, 1) if number.ndim == 0 else number
        if case.targets == "one_hot":
            arrays[f"{self.gradient} when one_hot"] = package.host(loss.gradient(Y, T, one_hot=True))
        return Outcome(arrays)

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        d = self.definition
        reference = self.reference(case, inputs)
        reference.run(d.block("value"))
        value = d.block("value")[-1].target
        reference.run(d.block("gradient"))
        reference.rename({self.gradient: "gradient"})
        names = {"L": value, "L as a number": value, self.gradient: "gradient"}
        if case.targets == "one_hot":
            # The simplified form has to agree with the general one.
            reference.run(d.block("one_hot"))
            general, simplified = (reference.values.get(name) for name in ("gradient", self.gradient))
            if general is not None and simplified is not None and reference.differ(general, simplified):
                reference.disagreements.append(f"{self.gradient} when one_hot")
            names[f"{self.gradient} when one_hot"] = self.gradient
        if case.autodiff:
            names |= self.add_reverse_sweep(reference, "value", {value: constant(1)}, [self.y])
        return [Expected(reference, names)]

    def autodiff(self, package: Package, case: Case, inputs: Arrays, drawn: Arrays, dtype: str) -> Arrays:
        loss = package.construct(self.definition, numbers=self.header(case))
        Y, T = self.pair(package, case, inputs, dtype)
        y = self.y.name
        return differentiate(
            package, lambda **v: loss.value(v[y], T), {y: Y}, [y], package.matrix(np.ones((1, 1)), dtype)
        )


class FunctionExercise(Exercise):
    """A matrix function of the core, in its stable form."""

    def __init__(self, definition: TypedDefinition, module: Module) -> None:
        super().__init__(definition, module)
        self.variables = list(definition.with_role("input"))

    def cases(self, seed: int) -> Iterator[Case]:
        return cases.matrix_cases(self.definition, ("one_hot",), seed)

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        if case.values == "equal":
            first = np.abs(drawn(self.variables[0], "dyadic", case.sizes, rng))
            return {
                v.name: first if v.shape == self.variables[0].shape else drawn(v, "positive", case.sizes, rng)
                for v in self.variables
            }
        kinds = (case.values, "positive" if case.values == "dyadic" else case.values)
        return {v.name: drawn(v, kinds[k > 0], case.sizes, rng) for k, v in enumerate(self.variables)}

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        function = package.function("function", self.definition.name)
        arguments = [
            package.matrix(inputs[v.name], "int64" if v.index_size is not None else dtype, case.layout)
            for v in self.variables
        ]
        numbers = [float(n) for n in case.numbers if isinstance(n, Fraction)]
        return Outcome({"result": package.host(function(*arguments, *numbers))})

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        reference = self.reference(case, inputs)
        # As a call, so that each fold takes the form that it wants.
        shape = self.definition.block("body")[-1].value.shape
        numbers = (constant(n) for n in case.numbers if isinstance(n, Fraction))
        reference.assign("result", Invoke(shape, self.definition.name, (*(v.symbol for v in self.variables), *numbers)))
        return [Expected(reference, {"result": "result"})]


class OptimizerExercise(Exercise):
    """Three updates in a row, with a gradient of its own each."""

    def cases(self, seed: int) -> Iterator[Case]:
        return cases.optimizer_cases(self.definition, seed)

    def variables(self) -> tuple[list[Variable], list[Variable]]:
        d = self.definition
        return list(d.with_role("param", "gradient")), list(d.with_role("state"))

    def inputs(self, case: Case, rng: np.random.Generator) -> Arrays:
        shape = (case.sizes["M"], case.sizes["N"])
        own = "normal" if case.values == "thousand" else case.values
        gradients = {f"Dtheta {k}": draw(case.values, rng, shape) for k in range(len(RATES))}
        return {"theta": draw(own, rng, shape)} | gradients

    def call(self, package: Package, case: Case, inputs: Arrays, dtype: str) -> Outcome:
        runtime = package.runtime
        x = runtime.variable(package.matrix(inputs["theta"], dtype))
        Dx = runtime.variable(package.matrix(np.zeros_like(inputs["theta"]), dtype))
        optimizer = package.construct(self.definition, x, Dx, numbers=self.header(case))
        arrays: Arrays = {}
        for k, eta in enumerate(RATES):
            runtime.assign(Dx, package.matrix(inputs[f"Dtheta {k}"], dtype))
            optimizer.update(float(eta))
            arrays |= {f"theta, step {k + 1}": package.host(x), f"Dtheta, step {k + 1}": package.host(Dx)}
            arrays |= {f"{v.name}, step {k + 1}": package.host(getattr(optimizer, v.name)) for v in self.variables()[1]}
        return Outcome(arrays)

    def expect(self, case: Case, inputs: Arrays, drawn: Arrays) -> list[Expected]:
        states = self.variables()[1]
        initial = {v.name: np.full_like(inputs["theta"], float(v.initial or 0)) for v in states}
        reference = self.reference(case, {"theta": inputs["theta"]} | initial)
        names: dict[str, str] = {}
        for k, eta in enumerate(RATES):
            reference.give("Dtheta", inputs[f"Dtheta {k}"])
            reference.run(self.definition.block("step"), {"eta": eta, "t": Fraction(k + 1)})
            assigned = [a.target for a in self.definition.block("step") if a.target.endswith("'")]
            # Where a new value does not exist, the old one must not stand in for it.
            reference.forget(n.removesuffix("'") for n in assigned)
            reference.rename({n: n.removesuffix("'") for n in assigned})
            kept = {n: f"{n}, step {k + 1}" for n in ("theta", "Dtheta", *(v.name for v in states))}
            reference.rename(kept)
            names |= {n: n for n in kept.values()}
        return [Expected(reference, names)]
