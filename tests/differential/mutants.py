"""Mutants that are written down one by one: edits of primitives and of templates; and mutants that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """`old` becomes `new` in a file; the tests of `tried` (operations, or definitions) have to notice."""

    name: str
    file: str
    old: str
    new: str
    tried: tuple[str, ...]

    def __call__(self, text: str) -> str:
        return text.replace(self.old, self.new)


PRIMITIVES: tuple[Edit, ...] = tuple(
    Edit(name, "runtime.py", old, new, tuple(operations.split()))
    for name, old, new, operations in (
        ("erfc for erf", "_each(math.erf,", "_each(math.erfc,", "erf"),
        ("erf for erfc", "_each(math.erfc,", "_each(math.erf,", "erfc"),
        ("erfc with a difference", "return _each(math.erfc, x)", "return cast(Matrix, 1 - erf(x))", "erfc"),
        ("erf in single precision", "dtype=x.dtype, count=x.size", "dtype=np.float32, count=x.size", "erf erfc"),
        ("branches of the sigmoid", "1 / (1 + e), e / (1 + e)", "e / (1 + e), 1 / (1 + e)", "sigmoid"),
        ("sigmoid of large negative numbers", "e = np.exp(-np.abs(x))", "e = np.exp(-x)", "sigmoid"),
        ("sigmoid in single precision", "1 / (1 + e), e / (1 + e))",
         "1 / (1 + e), e / (1 + e)).astype(np.float32).astype(x.dtype)",
         "sigmoid"),
        ("softplus that overflows", "np.logaddexp(x, x.dtype.type(0))", "np.log1p(np.exp(x))", "softplus"),
        ("softplus that loses digits", "np.logaddexp(x, x.dtype.type(0))",
         "np.log(1 + np.exp(-np.abs(x))) + np.maximum(x, 0)",
         "softplus"),
        ("softplus in double precision", "x.dtype.type(0)", "np.float64(0)", "softplus"),
        ("sign of log_sigmoid", "return -softplus(-x)", "return softplus(-x)", "log_sigmoid"),
        ("argument of log_sigmoid", "return -softplus(-x)", "return -softplus(x)", "log_sigmoid"),
        ("log_sigmoid that underflows", "return -softplus(-x)", "return np.log(sigmoid(x))", "log_sigmoid"),
        ("root for inverse root", "1 / np.sqrt(x)", "np.sqrt(x)", "inv_sqrt"),
        ("inverse root in single precision", "1 / np.sqrt(x)", "(1 / np.sqrt(x.astype(np.float32))).astype(x.dtype)",
         "inv_sqrt"),
        ("operands of power", "np.power(x, exponent)", "np.power(exponent, x)", "power"),
        ("power of the absolute value", "np.power(x, exponent)", "np.power(np.abs(x), exponent)", "power"),
        ("sign of zero", "else np.sign(x)", "else np.where(x >= 0, 1, -1).astype(x.dtype)", "sign"),
        ("minimum for maximum", "np.maximum(a, b)", "np.minimum(a, b)", "max"),
        ("maximum for minimum", "np.minimum(a, b)", "np.maximum(a, b)", "min"),
        ("maximum with zero", "np.maximum(a, b)", "np.maximum(np.maximum(a, b), 0)", "max"),
        ("branches of where", "np.where(condition, a, b)", "np.where(condition, b, a)", "where"),
        ("dtype of two numbers", "a, b = like.dtype.type(a), like.dtype.type(b)",
         "a, b = np.float64(a), np.float64(b)", "where"),
        ("columns for rows", "np.take(E, x[:, 0], axis=0)", "np.take(E, x[:, 0], axis=1)", "row_gather"),
        ("order of rows", "np.take(E, x[:, 0], axis=0)", "np.take(E, x[::-1, 0], axis=0)", "row_gather"),
        ("rows for columns", "np.take(E, x[0, :], axis=1)", "np.take(E, x[0, :], axis=0)", "column_gather"),
        ("repeated indices overwrite", "np.add.at(result, x[:, 0], G)", "result[x[:, 0]] = G",
         "row_scatter_add column_scatter_add"),
        ("scattered gradients subtract", "np.add.at(", "np.subtract.at(", "row_scatter_add"),
        ("scattered into ones", "result = np.zeros(", "result = np.ones(", "row_scatter_add"),
        ("columns not turned back", "row_scatter_add(x.T, G.T, columns).T", "row_scatter_add(x.T, G.T, columns)",
         "column_scatter_add"),
        ("rows come in upside down", 'np.array(array, dtype=dtype, order="C")',
         'np.array(array[::-1], dtype=dtype, order="C")', "transpose"),
    )
)  # fmt: skip
"""Edits of the NumPy package's primitives."""

GRADIENT = 'assign(self.D{{ array.name }}{{ ".values" if array.is_sparse else "" }}, D{{ array.name }})'

TEMPLATES: tuple[Edit, ...] = tuple(
    Edit(name, file, old, new, tuple(definitions.split(", ")))
    for name, file, old, new, definitions in (
        ("DX is DY", "layers.py.jinja", "self.DX = D{{ layer.input }}", "self.DX = DY", "layer Linear"),
        ("gradients are negated", "layers.py.jinja", GRADIENT, GRADIENT.replace(", D", ", -D"), "layer Linear"),
        ("gradients accumulate", "layers.py.jinja", GRADIENT,
         GRADIENT.replace(", D", ", value(self.D{{ array.name }}) + D"), "layer Linear"),
        ("evaluation mode is training mode", "layers.py.jinja", "if not self.training:",
         "if not self.training and False:",
         "layer LinearDropout"),
        ("training mode is evaluation mode", "layers.py.jinja", "if not self.training:", "if True:",
         "layer BatchNormalization"),
        ("statistics stay", "layers.py.jinja", "            assign(self.{{ name }}, {{ name }})\n",
         "            pass\n",
         "layer BatchNormalization"),
        ("parameters start elsewhere", "layers.py.jinja", "{{ array.columns }}, {{ array.initial }}{{ \", density\"",
         "{{ array.columns }}, 0.5{{ \", density\"",
         "layer BatchNormalization"),
        ("parameters are float32", "layer.py", "full(rows, columns, initial, self.dtype, self.device)",
         'full(rows, columns, initial, "float32", self.device)', "layer Linear"),
        ("no mask", "layers.py.jinja", "from_host({{ array.name }}, self.dtype, self.device)",
         "from_host(0 * {{ array.name }} + 1, self.dtype, self.device)", "layer LinearDropout"),
        ("mask without its scale", "distributions.py", "(1 - bernoulli(generator, shape, p)) / (1 - p)",
         "1 - bernoulli(generator, shape, p)", "layer LinearDropout"),
        ("the rate keeps instead of drops", "distributions.py", "(1 - bernoulli(generator, shape, p))",
         "bernoulli(generator, shape, p)", "layer ActivationDropout"),
        ("variance for deviation", "distributions.py", "generator.normal(mean, deviation, shape)",
         "generator.normal(mean, deviation**2, shape)", "initializer He"),
        ("half the interval", "distributions.py", "generator.uniform(a, b, shape)",
         "generator.uniform((a + b) / 2, b, shape)",
         "initializer Xavier"),
        ("another seed", "distributions.py", "return generator.uniform(a, b, shape)",
         "return np.random.default_rng().uniform(a, b, (shape[0], shape[1] + 1))[:, :-1]", "initializer Xavier"),
        ("optimizer forgets its state", "optimizers.py.jinja", "{% for result in optimizer.results %}\n        assign",
         "{% for result in optimizer.results[:1] %}\n        assign", "optimizer Momentum"),
        ("state starts at one", "optimizers.py.jinja", "full_like(x, {{ initial }})", "full_like(x, 1.0)",
         "optimizer Adam"),
        ("steps counted from zero", "optimizers.py.jinja", "self.t += 1\n", "self.t += 1 if self.t else 0\n",
         "optimizer Adam"),
        ("step count stays one", "optimizers.py.jinja", "self.t += 1\n", "self.t = 1\n", "optimizer AdamW"),
        ("learning rate halved", "optimizers.py.jinja", 'real_number(type(self).__name__, "eta", eta)',
         'real_number(type(self).__name__, "eta", eta) / 2', "optimizer GradientDescent"),
        ("loss for its gradient", "losses.py.jinja", "functional.{{ loss.gradient }}(",
         "functional.{{ loss.value }}(", "loss SquaredError"),
        ("one-hot form for all targets", "losses.py.jinja", "if one_hot:", "if True:", "loss SoftmaxCrossEntropy"),
        ("loss of the targets", "losses.py.jinja", "functional.{{ loss.value }}(Y, T",
         "functional.{{ loss.value }}(T, Y", "loss KLDivergence"),
        ("loss as a row", "losses.py.jinja", "[0, 0]", "[0]", "loss SquaredError"),
        ("function for its derivative", "activations.py.jinja", "functional.{{ activation.gradient }}(",
         "functional.{{ activation.function }}(",
         "activation Tanh"),
        ("numbers of a header doubled", "activations.py.jinja", ", self.{{ number.name }}",
         ", 2 * self.{{ number.name }}", "activation LeakyReLU"),
        ("inputs for outputs", "initializers.py.jinja", "{{ size }} = {{ place }}",
         "{{ size }} = {{ 'columns' if place == 'rows' else 'rows' }}",
         "initializer He"),
        ("a step too far", "schedulers.py.jinja", '"the step", i)', '"the step", i + 1)', "scheduler Exponential"),
        ("results in another order", "functional.py.jinja", "return {{ function.results | join(\", \") }}",
         "return {{ function.results | reverse | join(\", \") }}", "optimizer Momentum"),
        ("defaults are zero", "macros.jinja", '" = " ~ number.default', '" = " ~ 0.0', "activation LeakyReLU"),
    )
)  # fmt: skip
"""Edits of templates, tried on the NumPy package."""


@dataclass(frozen=True)
class Equivalent:
    """A change of an equation that changes nothing: `matches` says which, `reason` why."""

    reason: str
    matches: Callable[[str], bool]


def contains(*parts: str) -> Callable[[str], bool]:
    return lambda name: all(part in name for part in parts)


EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent(
        "f is continuous at the threshold: both branches have the same value there",
        lambda name: "wrong at ties" in name and ", f: " in name and "TReLU" not in name,
    ),
    Equivalent(
        "where X is 0 the result is 0 times 1 / Z or log(Z), for every positive Z",
        contains("stable: Z = apply", "x == 0, 2, y"),
    ),
    Equivalent(
        "below zero min(x, 0) and min(x, 1) are x; above, where another branch is taken, neither overflows",
        contains("activation ELU", "min(y, 1)"),
    ),
    Equivalent(
        "at its threshold z - tl, or z - tr, is 0",
        lambda name: "layer SReLU" in name and any(p in name for p in ("x < tl, x - tl, 0", "x <= tr, 0, x - tr")),
    ),
    Equivalent(
        "softmax does not change when its argument is shifted, and Y is Z shifted",
        contains("layer LogSoftmax, backward: DZ = DY - hadamard(softmax(Y)"),
    ),
    Equivalent(
        "the entries that R is summed over have sum 0, so that X - R, the mean, drops out of the variance",
        lambda name: any(f"forward: Sigma = diag({p})" in name for p in ("X.T * R", "R.T * X", "X * R.T", "R * X.T")),
    ),
)
