"""From a module of proven definitions to the text of a package: everything a template places."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from eqgen.algebra.definitions import Draw, Module, Number, TypedDefinition, Variable
from eqgen.algebra.expressions import SCALAR
from eqgen.algebra.notation import Column, Level, call, infix
from eqgen.backends.hessian_text import hessian_functions, hessian_text
from eqgen.backends.package import (
    ActivationText,
    ArrayText,
    CallText,
    FunctionText,
    InitializerText,
    LayerPlanText,
    LayerText,
    LossText,
    NumberArgument,
    OptimizerPlanText,
    OptimizerText,
    PackageText,
    PlanText,
    SchedulerText,
)
from eqgen.backends.protocol import SHELL_WORDS, Backend
from eqgen.backends.spelling import HOST, PythonPrinter
from eqgen.backends.statements import commented, host_text, number_text
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.optimize.columns import columns_of_layer
from eqgen.optimize.elimination import read_once
from eqgen.optimize.lower import LoweredLayer, Lowering, is_host, numeric_conditions
from eqgen.optimize.names import class_name, identifier
from eqgen.optimize.pieces import additional_functions
from eqgen.optimize.products import product_step, sampled_product, sampled_step, transposed_product
from eqgen.optimize.program import Function, LoweredFunction, Step
from eqgen.optimize.storage import dense_name, lowered_layers, pattern_name
from eqgen.optimize.training import activation_product, backward_parts, losses_with_gradients

HOST_MATRICES: Column = {
    **HOST,
    "ones": call("np.ones(({m}, {n}))"),
    "zeros": call("np.zeros(({m}, {n}))"),
    "full": call("np.full(({m}, {n}), {0})"),
    "elements_sum": call("float(np.sum({0}))"),
    "rows_sum": call("np.sum({0}, axis=1, keepdims=True)"),
    "columns_sum": call("np.sum({0}, axis=0, keepdims=True)"),
    "rows_max": call("np.max({0}, axis=1, keepdims=True)"),
    "where": call("np.where({0}, {1}, {2})"),
    "max": call("np.maximum({0}, {1})"),
    "min": call("np.minimum({0}, {1})"),
    "exp": call("np.exp({0})"),
    "log": call("np.log({0})"),
    "sqrt": call("np.sqrt({0})"),
    "floor": call("np.floor({0})"),
    "abs": call("np.abs({0})"),
    "sign": call("np.sign({0})"),
    "tanh": call("np.tanh({0})"),
    "matmul": infix("@", Level.PRODUCT),
    "transpose": call("np.transpose({0})"),
}
"""NumPy over lists of numbers, for schedulers: the same in every package."""

FACTORS = ("factor 1", "factor 2", "factor pattern")
"""What the factors of a gradient, and the pattern on which it is kept, are called beside an optimizer's matrices; no
name in a file has a space."""


def check_names(module: Module, backend: Backend) -> None:
    """Raises DiagnosticError (E103) where a definition uses a word that the generated code needs for itself."""
    found: list[Diagnostic] = []
    for d in module.definitions:
        if d.kind == "lemma":
            continue
        place = d.source.name.span
        reserved = backend.reserved_words | SHELL_WORDS.get(d.kind, frozenset())
        declared = [
            v for v in d.variables.values() if v.role in ("param", "state", "random", "input", "output", "intermediate")
        ]
        builtin = {"theta", "Dtheta", "x", "t"} if d.kind in ("optimizer", "activation") else set()
        names = [(d.name, place), *((v.name, v.span) for v in declared), *((n.name, n.span) for n in d.numbers)]
        names += [(name, place) for name in (*d.dims, *d.activations)]
        found += [
            Diagnostic("E103", f"`{name}` is a word that {backend.title} code needs for itself", span, "another name")
            for name, span in names
            if (name in reserved or name.startswith("_")) and name not in builtin
        ]
    if found:
        raise DiagnosticError(found)


class PackageBuilder:
    """Prints a module for one backend."""

    def __init__(self, module: Module, backend: Backend) -> None:
        self.module = module
        self.backend = backend
        self.lowering = Lowering(module)
        self.kinds = {d.name: d.kind for d in module.of_kind("function", "activation")}
        self.functions: list[FunctionText] = []
        self.planned: list[FunctionText] = []

    def build(self, name: str, pieces: bool = False) -> PackageText:
        """The package of this name; with `pieces` for measuring, each equation being a function too."""
        check_names(self.module, self.backend)
        of = self.module.of_kind
        for d in sorted(of("function"), key=lambda d: d.name):
            self.place(self.lowering.matrix_function(d))
        activations = tuple(self.activation(d) for d in ordered(of("activation")))
        layers = tuple(self.layer(x) for x in lowered_layers(self.lowering, self.module, self.backend.stores_sparsely))
        losses = tuple(self.loss(d) for d in ordered(of("loss")))
        optimizers = tuple(self.optimizer(d) for d in ordered(of("optimizer")))
        self.plan(transposed_product())
        if self.in_columns:
            self.plan(sampled_product())
        self.place(*hessian_functions(self.module, self.lowering))
        single = additional_functions(self.lowering, self.module, self.backend.stores_sparsely) if pieces else ()
        self.place(*single)
        wrapper = [x for x in layers if len(x.activations) == 1 and not x.numbers]
        return PackageText(
            name=name,
            backend=self.backend.name,
            title=self.backend.title,
            imports=self.backend.imports,
            functions=tuple(self.functions),
            planned=tuple(self.planned),
            activations=activations,
            layers=layers,
            losses=losses,
            optimizers=optimizers,
            schedulers=tuple(self.scheduler(d) for d in ordered(of("scheduler"))),
            initializers=tuple(self.initializer(d) for d in ordered(of("initializer"))),
            activation_layer=wrapper[0].class_name if wrapper else "",
            hessian=hessian_text(self.module, self.lowering, numbers),
            pieces=single,
            is_sparse=self.backend.stores_sparsely,
        )

    def place(self, *functions: Function | None) -> None:
        self.functions += [self.backend.function(f, self.kinds) for f in functions if f is not None]

    def plan(self, function: Function | None, replaces: Mapping[str, str] | None = None) -> PlanText | None:
        """Place a planned function too; what the tables of the package say of it. None where arrays never change."""
        text = None if function is None else self.backend.planned(function, self.module, replaces)
        if function is None or text is None:
            return None
        self.planned.append(text)
        arguments = tuple(a.name for a in function.arguments)
        return PlanText(function.name, arguments, tuple(name for name, _ in function.results))

    # --- kinds ---------------------------------------------------------------------------------------

    def activation(self, d: TypedDefinition) -> ActivationText:
        value, slope = self.lowering.activation(d)
        self.place(value, slope)
        planned = None
        if self.backend.in_place is not None and self.backend.in_place.calls_activations:
            self.plan(value)
            self.plan(slope)
            planned = self.plan(activation_product(self.lowering, d))
        product = planned.function if planned else ""
        return ActivationText(*heading("activation", d), numbers(d), value.name, slope.name, product)

    def loss(self, d: TypedDefinition) -> LossText:
        value, gradient, simplified = self.lowering.loss(d)
        self.place(value, gradient, simplified)
        plans = [plan.function for f in losses_with_gradients(self.lowering, d) if (plan := self.plan(f)) is not None]
        pair = (plans[0], plans[-1]) if plans else ("", "")
        name = simplified.name if simplified else ""
        return LossText(*heading("loss", d), numbers(d), value.name, gradient.name, name, *pair)

    def layer(self, lowered: LoweredLayer) -> LayerText:
        d = lowered.definition
        self.place(lowered.forward, lowered.evaluate, lowered.backward, lowered.update)
        x = next(d.with_role("input"))
        y = next(d.with_role("output"))
        stored = {s for v in d.with_role("param", "state") for s in v.shape}
        drawn = {s for v in d.with_role("random") for s in v.shape} - set(x.shape)
        sizes = tuple(s for s in d.dims if s in stored | drawn)
        return LayerText(
            *heading("layer", d),
            equations(d),
            sizes,
            d.activations,
            numbers(d),
            x.name,
            str(x.shape[0]),
            str(x.shape[1]),
            x.index_size is not None,
            str(x.index_size or ""),
            y.name,
            tuple(replace(array(v), is_sparse=v.name in lowered.sparse) for v in d.with_role("param")),
            tuple(array(v) for v in d.with_role("state")),
            tuple(random_mask(v) for v in d.with_role("random")),
            (*(v.name for v in d.with_role("param", "state", "random")), *d.activations, *(n.name for n in d.numbers)),
            lowered.saved,
            self.call(lowered.forward, lowered, "forward"),
            self.call(lowered.evaluate or lowered.forward, lowered, "evaluate"),
            self.call(lowered.backward, lowered, "backward"),
            self.call(lowered.update, lowered, "update") if lowered.update else None,
            self.layer_plan(lowered),
            class_name("layer", dense_name(d)) if lowered.sparse else "",
        )

    @property
    def in_columns(self) -> bool:
        """Whether sparse layers are trained on transposed batches."""
        return self.backend.in_place is not None and self.backend.in_place.columns

    def layer_plan(self, lowered: LoweredLayer) -> LayerPlanText | None:
        if self.backend.in_place is None:
            return None
        columns = columns_of_layer(lowered, self.module) if self.in_columns else None
        forward_function, parts = columns or (lowered.forward, backward_parts(lowered))
        forward = self.plan(forward_function)
        assert forward is not None
        update = lowered.update
        return LayerPlanText(
            forward,
            self.plan(parts.gradients),
            self.plan(parts.input_gradient),
            tuple((name, self.product_plan(name, lowered, factors)) for name, factors in parts.products.items()),
            self.plan(update, {n: n.removesuffix("_new") for n, _ in update.results} if update else None),
            columns is not None,
        )

    def product_plan(self, name: str, lowered: LoweredLayer, factors: tuple[str, str]) -> PlanText:
        """How the gradient of a parameter is computed from its factors."""
        if name in lowered.sparse:
            return PlanText(sampled_product().name, (*factors, name, pattern_name(name)), ("C",))
        return PlanText(transposed_product().name, factors, ("C",))

    def call(self, function: Function, lowered: LoweredLayer, part: str) -> CallText:
        """The function called from a method: where each argument is kept, and where each result goes."""
        d = lowered.definition
        place = {v.name: f"value(self.{v.name})" for v in d.with_role("param", "state")}
        for name in lowered.sparse:
            place |= {name: f"value(self.{name}.values)", pattern_name(name): f"self.{name}.indices"}
        place |= {v.name: f"self.{v.name}" for v in d.with_role("random")} | {n: f"self.{n}" for n in lowered.saved}
        place |= {a: f"self.{a}" for a in d.activations} | {n.name: f"self.{n.name}" for n in d.numbers}
        if part in ("backward", "update"):
            place |= {v.name: f"self.{v.name}" for v in d.with_role("input")}
        targets = {n: f"self.{n}" for n in lowered.saved} if part == "forward" else {}
        if part == "evaluate":
            targets = {n: "_" for n in lowered.saved}
        results = tuple(targets.get(n, n.removesuffix("_new") if part == "update" else n) for n, _ in function.results)
        if part == "forward":
            # The output may be saved too (backward reads it): its first occurrence is the local one.
            outputs = {v.name for v in d.with_role("output")}
            results = tuple(n if n in outputs else r for r, (n, _) in zip(results, function.results, strict=True))
        return CallText(function.name, tuple(place.get(a.name, a.name) for a in function.arguments), results)

    def optimizer(self, d: TypedDefinition) -> OptimizerText:
        lowered = self.lowering.optimizer(d)
        function = lowered.function
        self.place(function)
        states = list(d.with_role("state"))
        place = {"theta": "value(self.x)", "Dtheta": "value(self.Dx)", "eta": "eta", "t": "t"}
        place |= {v.name: f"value(self.{v.name})" for v in states}
        scalars = {n.name: f"self.{n.name}" for n in d.numbers} | {"eta": "eta", "t": "t"}
        place |= {h.name: host_text(h.value, lambda n: scalars[n]) for h in lowered.scalars}
        matrices = tuple(place[a.name] for a in function.arguments if a.role != "scalar")
        numbers_read = tuple(a.name for a in function.arguments if a.role == "scalar")
        texts = tuple(f"scalar({(place | scalars)[n]}, self.x)" for n in numbers_read)
        first = {"theta_new": "x", "Dtheta_new": "Dx"}
        results = tuple(first.get(n) or n.removesuffix("_new") for n, _ in function.results)
        return OptimizerText(
            *heading("optimizer", d),
            numbers(d),
            tuple((v.name, number_text(v.initial) or "0.0") for v in states),
            function.name,
            matrices,
            results,
            numbers_read,
            texts,
            self.optimizer_plan(d, lowered),
        )

    def optimizer_plan(self, d: TypedDefinition, lowered: LoweredFunction) -> OptimizerPlanText | None:
        function = lowered.function
        replaces = {n: n.removesuffix("_new") for n, _ in function.results}
        step = self.plan(function, replaces)
        if step is None:
            return None
        product = product_step(self.lowering, d)
        if product is None or not set(replaces.values()) <= {a.name for a in product.function.arguments}:
            return OptimizerPlanText(step)

        def over_factors(function: Function) -> PlanText:
            planned = self.plan(function, replaces)
            assert planned is not None
            keys = dict(zip([a for a in planned.arguments if a not in step.arguments], FACTORS, strict=False))
            return replace(planned, arguments=tuple(keys.get(a, a) for a in planned.arguments))

        function = self.accumulating(product.function, {a.name for a in lowered.function.arguments})
        sampled = sampled_step(self.lowering, d) if self.in_columns else None
        return OptimizerPlanText(
            step,
            over_factors(function),
            self.backend.runs_by_rows(function, self.module),
            over_factors(sampled.function) if sampled is not None else None,
        )

    def accumulating(self, function: Function, known: Collection[str]) -> Function:
        """The step over factors with the gradient read once, where products are added to what is there."""
        if self.backend.in_place is None or not self.backend.in_place.accumulates:
            return function
        gradient = next(s.target for s in function.steps if s.target in known)
        scalars = [a.name for a in function.arguments if a.role == "scalar"]
        steps = read_once(function.steps, gradient, lambda n: is_host(n, scalars), self.module)
        return function if steps is None else replace(function, steps=steps)

    def scheduler(self, d: TypedDefinition) -> SchedulerText:
        names = [n.name for n in d.numbers if n.shape == SCALAR] + ["i", "eta"]
        printer = PythonPrinter(HOST_MATRICES, host=lambda n: is_host(n, names), kinds=self.kinds)

        def lines(block: str) -> list[str]:
            steps = [
                Step(
                    identifier(a.target),
                    numeric_conditions(a.value),
                    a.text,
                    f"{d.origin.rsplit(':', 1)[0]}:{a.span.line}",
                )
                for a in d.block(block)
            ]
            return [line for s in steps for line in commented(s, lambda s: f"{s.target} = {printer(s.value)}")]

        if d.block("value"):
            return SchedulerText(*heading("scheduler", d), numbers(d), "i", (*lines("value"), "return float(eta)"))
        inner = [f"    {line}" for line in lines("next")]
        return SchedulerText(
            *heading("scheduler", d),
            numbers(d),
            "step",
            (*lines("first"), "for i in range(step):", *inner, "return float(eta)"),
        )

    def initializer(self, d: TypedDefinition) -> InitializerText:
        weight = next(d.with_role("param"))
        text = distribution(d.draws[0][1], "shape")
        places = zip(map(str, weight.shape), ("rows", "columns"), strict=True)
        sizes = tuple((size, place) for size, place in places if size in re.findall(r"\w+", text))
        return InitializerText(*heading("initializer", d), numbers(d), sizes, text)


def ordered(definitions: Iterable[TypedDefinition]) -> Sequence[TypedDefinition]:
    return sorted(definitions, key=lambda d: d.name)


def heading(kind: str, d: TypedDefinition) -> tuple[str, str, str, str, str]:
    """name, class name, title, reference, origin."""
    title, reference = (text.replace("\\", "\\\\") for text in (d.title, d.reference))
    return d.name, class_name(kind, d.name), title, reference, d.origin


def numbers(d: TypedDefinition) -> tuple[NumberArgument, ...]:
    return tuple(_number(n) for n in d.numbers)


def _number(n: Number) -> NumberArgument:
    return NumberArgument(n.name, number_text(n.default), n.shape != SCALAR)


def array(v: Variable) -> ArrayText:
    return ArrayText(v.name, str(v.shape[0]), str(v.shape[1]), number_text(v.initial) or "0.0", 1 not in v.shape)


def random_mask(v: Variable) -> ArrayText:
    assert v.draw is not None
    return replace(array(v), draw=distribution(v.draw, f"({v.shape[0]}, {v.shape[1]})"))


def distribution(draw: Draw, shape: str) -> str:
    """`distributions.normal(generator, (K, D), 0, math.sqrt(2 / D))`; sizes and header numbers are locals."""
    arguments = [host_text(a, lambda n: n) for a in draw.arguments]
    return f"distributions.{draw.distribution}({', '.join(['generator', shape, *arguments])})"


def equations(d: TypedDefinition) -> tuple[str, ...]:
    """The equations of the definition as they stand in its file, block by block."""
    lines: list[str] = []
    for block in ("forward", "backward", "evaluate", "update"):
        if d.block(block):
            lines += [block, *(f"    {a.text}" for a in d.block(block))]
    return tuple(lines)
