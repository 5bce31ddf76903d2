"""The standard library: what must be in it, how its files look, and that its lemmas hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.explicit_check import check_definition
from eqgen.algebra.expressions import symbols
from eqgen.algebra.fields import FloatField, evaluate
from eqgen.algebra.library import LIBRARY, library, load_text
from eqgen.algebra.prover import prove_definition
from eqgen.language import format_source, parse_file

REQUIRED = {
    "layer": "Linear Activation Softmax LogSoftmax BatchNormalization LinearDropout ActivationDropout SReLU Embedding "
    "LayerNormalization",
    "activation": "ReLU LeakyReLU AllReLU SReLU TReLU Tanh Sigmoid ELU Softplus SiLU GELU",
    "function": "softmax log_softmax",
    "loss": "SquaredError MeanSquaredError CrossEntropy SoftmaxCrossEntropy LogisticCrossEntropy BinaryCrossEntropy "
    "NegativeLogLikelihood KLDivergence",
    "optimizer": "GradientDescent Momentum Nesterov Adam AdamW RMSProp WeightDecay ClipByNorm ClipByValue",
    "scheduler": "Constant TimeBased StepBased MultiStep Exponential",
    "initializer": "Uniform Normal Xavier XavierNormalized He Zero",
}
FILES = sorted(LIBRARY.rglob("*.eq"))
LEMMAS = sorted((LIBRARY / "lemmas").glob("*.eq"))


@pytest.fixture(scope="module")
def module() -> Module:
    return library()


def find(module: Module, name: str, kind: str) -> TypedDefinition:
    definition = module.find(name, kind)
    assert definition is not None, f"{kind} {name}"
    return definition


def relative(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


# --- what is in it, and how it looks ---------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in REQUIRED.items() for name in names.split()])
def test_required_definition(module: Module, kind: str, name: str) -> None:
    definition = find(module, name, kind)
    assert definition.title and definition.reference
    path = Path(definition.span.source.name)
    assert path.parent.name == f"{kind}s".replace("sss", "sses")
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", path.stem)
    assert path.stem.replace("_", "") == name.lower().replace("_", "")


@pytest.mark.parametrize("path", [p for p in FILES if p not in LEMMAS], ids=relative)
def test_one_definition_a_file(path: Path) -> None:
    assert len(parse_file(path).definitions) == 1


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_the_formatter_changes_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(text, str(path)) == text


def test_everything_is_proved(module: Module) -> None:
    for definition in module.definitions:
        proven = prove_definition(definition, module)
        for result in proven[: len(proven) - len(definition.misprints)]:
            assert result.verdict == "proved", (definition.kind, definition.name, result.target, result.message)
        for result in proven[len(proven) - len(definition.misprints) :]:
            assert result.verdict == "refuted as printed", (definition.name, result.target, result.message)


# --- lemmas ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LEMMAS, ids=relative)
def test_lemmas_hold_at_several_sizes(module: Module, path: Path) -> None:
    for parsed in parse_file(path).definitions:
        lemma = find(module, parsed.name.name, "lemma")
        results = check_definition(lemma, module, seconds=60.0)
        expected = ["checked"] * len(lemma.claims) + ["refuted as printed"] * len(lemma.misprints)
        assert [r.verdict for r in results] == expected, (lemma.name, [(r.target, r.message) for r in results])


def equation_numbers(text: str) -> Iterator[int]:
    """The numbers in `eqs. (9)-(11), (40)`: 9, 10, 11, 40."""
    for first, last in re.findall(r"\((\d+)\)(?:-\((\d+)\))?", text):
        yield from range(int(first), int(last or first) + 1)


def test_every_numbered_equation_of_the_paper_is_a_lemma(module: Module) -> None:
    titles = [d.title for d in module.of_kind("lemma") if d.reference.startswith("Wesselink et al.")]
    assert set().union(*map(equation_numbers, titles)) == set(range(1, 51))


def test_lemmas_say_where_they_come_from(module: Module) -> None:
    for lemma in module.of_kind("lemma"):
        assert lemma.title
        assert bool(lemma.reference) == lemma.origin.startswith("paper"), lemma.name


# --- conventions -----------------------------------------------------------------------------------------


def slope(module: Module, name: str, x: float, **numbers: float) -> float:
    """The derivative of an activation at a point."""
    definition = find(module, name, "activation")
    values = {"x": x, **{n.name: float(n.default) for n in definition.numbers if n.default is not None}, **numbers}
    arrays = {key: np.array([[value]], dtype=object) for key, value in values.items()}
    sizes = {"M": 1, "N": 1}
    result = evaluate(definition.block("derivative")[0].value, arrays, sizes, FloatField(sizes), module)
    return float(result[0, 0])


def test_the_derivative_of_relu_at_zero_is_one(module: Module) -> None:
    assert slope(module, "ReLU", 0.0) == 1.0


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 2.0])
def test_the_derivative_of_leaky_relu_follows_its_condition(module: Module, alpha: float) -> None:
    for x in (-1.0, 0.0, 1.0):
        assert slope(module, "LeakyReLU", x, alpha=alpha) == (alpha if x < alpha * x else 1.0)


@pytest.mark.parametrize("name", ["AllReLU", "TReLU", "ELU"])
def test_other_kinks_take_the_slope_from_the_right(module: Module, name: str) -> None:
    numbers = {n.name: 0.0 for n in find(module, name, "activation").numbers}
    assert slope(module, name, 0.0, **numbers) == 1.0


def test_srelu_takes_the_outer_slopes_at_its_thresholds(module: Module) -> None:
    numbers = {"al": 2.0, "tl": -1.0, "ar": 3.0, "tr": 1.0}
    at = [slope(module, "SReLU", x, **numbers) for x in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert at == [2.0, 2.0, 1.0, 3.0, 3.0]


@pytest.mark.parametrize("name", ["xlogy", "xdivy"])
def test_zero_times_infinity_is_zero(module: Module, name: str) -> None:
    definition = find(module, name, "function")
    arrays = {"X": np.array([[0.0, 2.0]], dtype=object), "Y": np.array([[0.0, 1.0]], dtype=object)}
    sizes = {"M": 1, "N": 2}
    values = dict(arrays)
    for assignment in definition.block("stable"):
        values[assignment.target] = evaluate(assignment.value, values, sizes, FloatField(sizes), module)
    assert list(values[name][0]) == [0.0, 0.0 if name == "xlogy" else 2.0]


# --- modes of layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["LinearDropout", "ActivationDropout"])
def test_evaluation_drops_nothing(module: Module, name: str) -> None:
    definition = find(module, name, "layer")
    assert any("R" in symbols(a.value) for a in definition.block("forward"))
    assert definition.block("evaluate")
    assert not any("R" in symbols(a.value) for a in definition.block("evaluate"))


def test_batch_normalization_evaluates_with_its_running_statistics(module: Module) -> None:
    definition = find(module, "BatchNormalization", "layer")
    read = frozenset().union(*(symbols(a.value) for a in definition.block("evaluate")))
    assert {"mean", "variance"} <= read and "Sigma" not in read
    assert {a.target for a in definition.block("update")} == {"mean'", "variance'"}


@pytest.mark.parametrize("name", ["Activation", "LogSoftmax", "SReLU"])
def test_layers_built_on_linear_have_its_equations(module: Module, name: str) -> None:
    backward = {a.target: a.text for a in find(module, name, "layer").block("backward")}
    assert [backward[target] for target in ("DW", "Db", "DX")] == [
        "DW = DZ.T * X",
        "Db = columns_sum(DZ)",
        "DX = DZ * W",
    ]


# --- what follows from the lemmas ------------------------------------------------------------------------

FOUR_LAYERS = """
lemma four_layers "Gradients for FF NN, section 2.2"
    x: 1 x D
    V: D x H
    U, T: H x H
    W: H x C
    a, b, c: 1 x H
    d, y: 1 x C
    assume  one_hot(y)
    let z1 = x * V + a
    let z2 = ReLU(z1) * U + b
    let z3 = ReLU(z2) * T + c
    let z4 = ReLU(z3) * W + d
    let L = -elements_sum(hadamard(y, log_softmax(z4)))
    let delta4 = softmax(z4) - y
    let delta3 = hadamard(delta4 * W.T, ReLU'(z3))
    let delta2 = hadamard(delta3 * T.T, ReLU'(z2))
    let delta1 = hadamard(delta2 * U.T, ReLU'(z1))
    gradient(L, d) = delta4
    gradient(L, W) = ReLU(z3).T * delta4
    gradient(L, c) = delta3
    gradient(L, T) = ReLU(z2).T * delta3
    gradient(L, b) = delta2
    gradient(L, U) = ReLU(z1).T * delta2
    gradient(L, a) = delta1
    gradient(L, V) = x.T * delta1
"""


def test_the_delta_recursion_gives_all_gradients_of_four_layers() -> None:
    # Not in the library: it follows from ff_four_layers_fourth and _hidden, and takes as long as all the rest.
    module = load_text(FOUR_LAYERS)
    results = prove_definition(find(module, "four_layers", "lemma"), module)
    assert [r.verdict for r in results] == ["proved"] * 8
