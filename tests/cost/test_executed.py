"""Formulas against what the generated PyTorch package runs: products by PyTorch's own counter, all by its operators."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from eqgen.algebra.definitions import TypedDefinition  # noqa: E402
from eqgen.algebra.library import library  # noqa: E402
from eqgen.commands.descriptions import layer_choices  # noqa: E402
from eqgen.optimize.cost_report import DefinitionCost, Reporter  # noqa: E402
from eqgen.optimize.lower import Lowering  # noqa: E402
from eqgen.optimize.network_cost import network_cost  # noqa: E402
from eqgen.optimize.program_cost import Work  # noqa: E402
from eqgen.packages import find_backend, import_package  # noqa: E402
from tests.cost.dispatched import OperationCounter  # noqa: E402

ROWS, INPUTS, OUTPUTS = 7, 5, 3
SIZES = {"N": ROWS, "D": INPUTS, "K": OUTPUTS, "V": INPUTS, "M": ROWS}
HEADERS = {"act": "SiLU", "p": "0.5"}
EXTRA_IN_SOFTPLUS = 2
"""PyTorch's package computes softplus(x) as -log_sigmoid(-x)."""


@cache
def package() -> Any:
    return import_package([], find_backend("torch"))


def definitions(kind: str) -> list[Any]:
    return [pytest.param(d, id=d.name) for d in library().of_kind(kind)]


def report(d: TypedDefinition) -> DefinitionCost:
    activation = library().find(HEADERS["act"], "activation")
    assert activation is not None
    return Reporter(Lowering(library())).report(d, dict.fromkeys(d.activations, activation))


def operations(call: Any, *arguments: Any) -> tuple[Any, int]:
    with OperationCounter() as counter:
        result = call(*arguments)
    return result, counter.count


def products(call: Any, *arguments: Any) -> tuple[Any, int]:
    with FlopCounterMode(display=False) as counter:
        result = call(*arguments)
    return result, counter.get_total_flops()


def flops(*works: Work) -> int:
    return sum(w.flops.value(SIZES) for w in works)


def matrix(seed: int, columns: int, rows: int = ROWS) -> Any:
    """Probabilities, so that all functions are defined."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand((rows, columns), generator=generator, dtype=torch.float64) + 0.1
    return x / x.sum(dim=1, keepdim=True)


def layer_and_input(d: TypedDefinition) -> tuple[Any, Any]:
    arguments = [HEADERS[name] for name in (*d.activations, *(n.name for n in d.numbers if n.default is None))]
    text = f"{d.name}({', '.join(arguments)})" if arguments else d.name
    cls, _ = package().layers.layer_class(text)
    layer = package().layers.parse_layer(text, [SIZES[s] for s in cls.SIZES], dtype="float64")
    layer.seed(1)
    if next(d.with_role("input")).index_size is not None:
        return layer, torch.arange(ROWS).reshape(-1, 1) % INPUTS
    return layer, matrix(1, INPUTS)


@pytest.mark.parametrize("definition", definitions("layer"))
def test_layers(definition: TypedDefinition) -> None:
    layer, X = layer_and_input(definition)
    cost = report(definition)
    forward, update, backward, evaluate = (
        cost.part(name).rewritten for name in ("forward", "update", "backward", "evaluate")
    )
    Y, executed = operations(layer.feedforward, X)
    assert executed == flops(forward, update)
    DY = torch.ones_like(Y)
    assert operations(layer.backpropagate, Y, DY)[1] == flops(backward)
    assert products(layer.feedforward, X)[1] == (forward + update).products.value(SIZES)
    assert products(layer.backpropagate, Y, DY)[1] == backward.products.value(SIZES)
    layer.eval()
    assert operations(layer.feedforward, X)[1] == flops(evaluate if definition.block("evaluate") else forward)


@pytest.mark.parametrize("definition", definitions("activation"))
def test_activations(definition: TypedDefinition) -> None:
    arguments = ["0.5" for n in definition.numbers if n.default is None]
    activation = package().activations.parse_activation(
        f"{definition.name}({', '.join(arguments)})" if arguments else definition.name
    )
    cost = report(definition)
    sizes = {"M": ROWS, "N": OUTPUTS}
    x = matrix(2, OUTPUTS)
    extra = EXTRA_IN_SOFTPLUS * x.numel() if "softplus" in definition.span.text else 0
    assert operations(activation, x)[1] == cost.part("value").rewritten.flops.value(sizes) + extra
    assert operations(activation.gradient, x)[1] == cost.part("derivative").rewritten.flops.value(sizes)


@pytest.mark.parametrize("definition", definitions("loss"))
def test_losses(definition: TypedDefinition) -> None:
    loss = package().losses.parse_loss_function(definition.name)
    cost = report(definition)
    Y, T = matrix(3, OUTPUTS), matrix(4, OUTPUTS)
    assert operations(loss.value, Y, T)[1] == cost.part("value").rewritten.flops.value(SIZES)
    assert operations(loss.gradient, Y, T)[1] == cost.part("gradient").rewritten.flops.value(SIZES)


@pytest.mark.parametrize("definition", definitions("optimizer"))
def test_optimizers(definition: TypedDefinition) -> None:
    arguments = ["0.5" for n in definition.numbers if n.default is None]
    text = f"{definition.name}({', '.join(arguments)})" if arguments else definition.name
    x, Dx = (package().runtime.variable(matrix(seed, OUTPUTS)) for seed in (5, 6))
    if not any(a.target == "theta'" for a in definition.block("step")):
        optimizer = package().optimizers.construct(
            "optimizer", package().specification.parse_specification(text), package().optimizers.OPTIMIZERS, (x, Dx)
        )
    else:
        optimizer = package().optimizers.parse_optimizer(text, x, Dx)
    step = report(definition).part("step").rewritten.flops.value({"M": ROWS, "N": OUTPUTS})
    assert operations(optimizer.update, 0.1)[1] == step


def test_a_network() -> None:
    """Products of a whole step, and the paper's CIFAR-10 shape, whose step without the first DX is 1576 MFLOP."""
    layers, sizes = "ReLU;ReLU;Linear", [6, 5, 4, 3]
    M = package().parse_multilayer_perceptron(layers, ";".join(map(str, sizes)), "Xavier", seed=1)
    X = torch.ones((ROWS, sizes[0]), dtype=torch.float32)

    def step() -> None:
        Y = M.feedforward(X)
        M.backpropagate(Y, torch.ones_like(Y))

    choices = layer_choices(library(), layers, None)
    reporter = Reporter(Lowering(library()))
    small = network_cost(reporter, choices, sizes).totals().step().products
    assert products(step)[1] == small.value({"N": ROWS})
    large = network_cost(reporter, choices, [3072, 1024, 512, 10]).totals().at({"N": 100})
    assert (large.step().products - large.input_gradient).value() == 1_575_936_000


def test_the_counter_itself() -> None:
    x, y = torch.ones((2, 3)), torch.ones((3, 4))
    assert operations(lambda: x @ y)[1] == products(lambda: x @ y)[1] == 2 * 2 * 3 * 4
    assert operations(lambda: 1 / x)[1] == operations(lambda: x + 1)[1] == x.numel()
    assert operations(lambda: (1 / x) * 2)[1] == 2 * x.numel()
    assert operations(lambda: x.T.sum(dim=1))[1] == x.numel()
    with pytest.raises(KeyError, match="cumsum"):
        operations(lambda: x.cumsum(0))
