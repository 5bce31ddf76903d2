"""The typed input of the templates: what a generated package contains, already printed.

Templates only place these strings; every decision is taken before (in `eqgen.backends.model`).
"""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.optimize.program import Function


@dataclass(frozen=True, slots=True)
class FunctionText:
    """One pure function of the functional core, printed in the target's language.

    name        `softmax_forward`
    arguments   `("X: Matrix", "W: Matrix", "act: Activation", "alpha: float")`, as declared
    results     `("Y", "Z")`; for a scheduler or a loss value a single name
    decorators  lines to put above a definition, e.g. a just-in-time compiler's
    docstring   lines
    body        statement lines, comments with the equation and its place included, without indentation
    """

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    decorators: tuple[str, ...]
    docstring: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberArgument:
    """A number in a header: `alpha = 0.01`; `default` is None where it must be given (`repr` of a float otherwise)."""

    name: str
    default: str | None
    is_vector: bool = False
    """True for `milestones: 1 x M`: a list of numbers."""


@dataclass(frozen=True, slots=True)
class ArrayText:
    """A parameter, state or random mask of a layer. `rows`, `columns`: names of sizes or digits ("1").

    initial     Python text of the initial number ("0.0", "1.0")
    is_weight   True when neither size is 1: `set_weights` initialises these
    draw        for random masks: host text, `distributions.dropout(generator, (K, D), p)`; sizes and numbers are locals
    is_sparse   True for a parameter of which only the entries of a pattern are stored
    """

    name: str
    rows: str
    columns: str
    initial: str = "0.0"
    is_weight: bool = False
    draw: str = ""
    is_sparse: bool = False


@dataclass(frozen=True, slots=True)
class CallText:
    """A call of a functional-core function from a method: `function(arguments) -> results`, all as Python texts.

    Arguments are spelled for use inside a method (`value(self.W)`, `self.Z`, `self.p`, `X`). Results are spelled as
    assignable targets: the output `Y` is a local, saved intermediates are `self.Z`, gradients are locals `DW`.
    """

    function: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanText:
    """A planned function in the tables of a package: its name, and the names of what it takes and returns."""

    function: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerPlanText:
    """The parts of a layer's training step; `products` holds (parameter, plan) where its gradient is a product.

    columns   whether the examples of a batch are the columns of what it takes and gives
    """

    forward: PlanText
    gradients: PlanText | None
    input_gradient: PlanText | None
    products: tuple[tuple[str, PlanText], ...]
    update: PlanText | None
    columns: bool


@dataclass(frozen=True, slots=True)
class OptimizerPlanText:
    """An optimizer's step, and the same over the factors of a gradient.

    by_rows       whether the latter is called for some rows at a time
    sampled_step  over the factors of a gradient that is kept on a pattern
    """

    step: PlanText
    product_step: PlanText | None = None
    by_rows: bool = False
    sampled_step: PlanText | None = None


@dataclass(frozen=True, slots=True)
class LayerText:
    """A layer class, e.g. name "Softmax", class_name "SoftmaxLayer"."""

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    """`softmax.eq:1`"""
    equations: tuple[str, ...]
    """The source lines of the definition, for the class docstring."""
    sizes: tuple[str, ...]
    """Constructor sizes in order, e.g. ("D", "K")."""
    activations: tuple[str, ...]
    numbers: tuple[NumberArgument, ...]
    input: str
    input_rows: str
    input_columns: str
    input_is_index: bool
    """True for an integer input (embedding): there is no gradient DX."""
    index_size: str
    """The size that the integers stay below, "" for other inputs."""
    output: str
    params: tuple[ArrayText, ...]
    states: tuple[ArrayText, ...]
    randoms: tuple[ArrayText, ...]
    values: tuple[str, ...]
    """The attributes that the equations read, besides inputs and outputs."""
    saved: tuple[str, ...]
    """Forward intermediates that backward or update read: attributes of the layer."""
    forward: CallText
    evaluate: CallText
    """What feedforward calls in evaluation mode (the forward call where the file has no `evaluate` block)."""
    backward: CallText
    update: CallText | None
    """New values of the states after a training forward pass; results are the state names."""
    plan: LayerPlanText | None = None
    """None where arrays never change."""
    dense_class: str = ""
    """For a layer with sparse parameters: the class of the same equations over dense ones."""

    @property
    def sparse(self) -> tuple[str, ...]:
        """The parameters that are stored sparsely; the constructor takes their density."""
        return tuple(p.name for p in self.params if p.is_sparse)


@dataclass(frozen=True, slots=True)
class ActivationText:
    """`LeakyReLU` -> class `LeakyReLUActivation`, functions `leaky_relu`, `leaky_relu_gradient`."""

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    numbers: tuple[NumberArgument, ...]
    function: str
    gradient: str
    product: str = ""
    """Of the planned function D f'(x); "" where arrays never change."""


@dataclass(frozen=True, slots=True)
class LossText:
    """`value(Y, T, *numbers)` is 1 x 1, `gradient` N x K; `simplified` is the gradient for one-hot targets or ""."""

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    numbers: tuple[NumberArgument, ...]
    value: str
    gradient: str
    simplified: str
    general: str = ""
    one_hot: str = ""
    """Planned functions of value and gradient; "" where arrays never change."""


@dataclass(frozen=True, slots=True)
class OptimizerText:
    """`function(theta, Dtheta, *states, eta, t, *numbers) -> (theta | Dtheta, *states)`, reading only what it uses.

    arguments   the matrices, as texts: `value(self.x)`, `value(self.Dx)`, `value(self.delta)`
    results     what the function returns, in order, as attribute names: "x" or "Dx", then states
    states      (name, initial number text); each has the parameter's shape
    """

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    numbers: tuple[NumberArgument, ...]
    states: tuple[tuple[str, str], ...]
    function: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    scalars: tuple[str, ...]
    """The names of the numbers among the arguments, which follow the matrices."""
    scalar_texts: tuple[str, ...]
    """How they are computed, as texts in terms of `eta`, `t`, `self.mu`, `self.x`."""
    plan: OptimizerPlanText | None = None
    """None where arrays never change."""


@dataclass(frozen=True, slots=True)
class SchedulerText:
    """A pure function of the step, on the host. `body` are Python lines ending in a `return`; numbers are locals."""

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    numbers: tuple[NumberArgument, ...]
    step: str
    """The name of the step argument, e.g. `i`."""
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InitializerText:
    """A draw of entries of a weight matrix on the host. `draw` is a text over locals: `generator`, the `shape` of what
    is drawn, header numbers, and the `sizes` of the weight that it reads, ("D", "columns")."""

    name: str
    class_name: str
    title: str
    reference: str
    origin: str
    numbers: tuple[NumberArgument, ...]
    sizes: tuple[tuple[str, str], ...]
    draw: str


@dataclass(frozen=True, slots=True)
class SecondDerivativeText:
    """`act''(Z)` as a matrix: its name in the call of the R-backward pass, and where the layer keeps its operand."""

    name: str
    activation: str
    operand: str


@dataclass(frozen=True, slots=True)
class LayerCurvatureText:
    """The R passes of a layer. Arguments and results are texts in terms of `layer` and of `v`, a dictionary of the
    matrices that the layer does not keep: `layer.Z`, `value(layer.W)`, `v["RW"]`.

    stem  `softmax`, in the names of functions
    """

    stem: str
    class_name: str
    input: str
    output: str
    forward: CallText
    backward: CallText
    seconds: tuple[SecondDerivativeText, ...]


@dataclass(frozen=True, slots=True)
class EntrywiseCurvatureText:
    """A class, the function of its second derivatives, and the numbers that this takes last."""

    class_name: str
    function: str
    numbers: tuple[NumberArgument, ...]


@dataclass(frozen=True, slots=True)
class HessianText:
    """What the module `hessian` is made of; a definition without these equations is left out."""

    layers: tuple[LayerCurvatureText, ...]
    activations: tuple[EntrywiseCurvatureText, ...]
    losses: tuple[EntrywiseCurvatureText, ...]


@dataclass(frozen=True, slots=True)
class PackageText:
    """Everything a package's templates see, under the name `package`."""

    name: str
    backend: str
    title: str
    imports: tuple[str, ...]
    """What the functional core imports, `import numpy as np`."""
    functions: tuple[FunctionText, ...]
    """Matrix functions, activations, layers, losses, optimizers, in that order."""
    activations: tuple[ActivationText, ...]
    layers: tuple[LayerText, ...]
    losses: tuple[LossText, ...]
    optimizers: tuple[OptimizerText, ...]
    schedulers: tuple[SchedulerText, ...]
    initializers: tuple[InitializerText, ...]
    planned: tuple[FunctionText, ...]
    """The functional core over buffers; empty where arrays never change."""
    activation_layer: str
    """Class name of the layer whose only header parameter is an activation: what 'ReLU' in a layer string means."""
    hessian: HessianText | None = None
    """Hessian-vector products, where they were asked for."""
    pieces: tuple[Function, ...] = ()
    """Single equations as functions, to be timed; only in packages for measuring. `functions` holds their text."""
    is_sparse: bool = False
    """Whether there are modules for sparse matrices, as the backend has their products."""
