"""Formulas against what the generated PyTorch package runs: products by PyTorch's own counter, all by its operators."""

from __future__ import annotations

from collections.abc import Mapping
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


def done(call: Any, *arguments: Any) -> tuple[int, int]:
    """Operations and entries written of a call."""
    with OperationCounter() as counter:
        call(*arguments)
    return counter.count, counter.written


def products(call: Any, *arguments: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        call(*arguments)
    return int(counter.get_total_flops())


def expected(work: Work, sizes: Mapping[str, int]) -> tuple[int, int]:
    return work.flops.value(sizes), work.written.value(sizes)


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
    assert done(layer.feedforward, X) == expected(forward + update, SIZES)
    assert products(layer.feedforward, X) == (forward + update).products.value(SIZES)
    Y = layer.feedforward(X)
    DY = torch.ones_like(Y)
    assert done(layer.backpropagate, Y, DY) == expected(backward, SIZES)
    assert products(layer.backpropagate, Y, DY) == backward.products.value(SIZES)
    layer.eval()
    assert done(layer.feedforward, X) == expected(evaluate if definition.block("evaluate") else forward, SIZES)


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
    flops, written = expected(cost.part("value").rewritten, sizes)
    assert done(activation, x) == (flops + extra, written + extra)
    assert done(activation.gradient, x) == expected(cost.part("derivative").rewritten, sizes)


@pytest.mark.parametrize("definition", definitions("loss"))
def test_losses(definition: TypedDefinition) -> None:
    loss = package().losses.parse_loss_function(definition.name)
    cost = report(definition)
    Y, T = matrix(3, OUTPUTS), matrix(4, OUTPUTS)
    assert done(loss.value, Y, T) == expected(cost.part("value").rewritten, SIZES)
    assert done(loss.gradient, Y, T) == expected(cost.part("gradient").rewritten, SIZES)


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
    step = report(definition).part("step").rewritten
    assert done(optimizer.update, 0.1) == expected(step, {"M": ROWS, "N": OUTPUTS})


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
    assert products(step) == small.value({"N": ROWS})
    large = network_cost(reporter, choices, [3072, 1024, 512, 10]).totals().at({"N": 100})
    assert (large.step().products - large.input_gradient).value() == 1_575_936_000


def test_the_counter_itself() -> None:
    x, y = torch.ones((2, 3)), torch.ones((3, 4))
    assert done(lambda: x @ y) == (2 * 2 * 3 * 4, 2 * 4) and products(lambda: x @ y) == 2 * 2 * 3 * 4
    assert done(lambda: 1 / x) == done(lambda: x + 1) == (x.numel(), x.numel())
    assert done(lambda: (1 / x) * 2) == (2 * x.numel(), 2 * x.numel())
    assert done(lambda: x.T.sum(dim=1)) == (x.numel(), 3)
    with pytest.raises(KeyError, match="cumsum"):
        done(lambda: x.cumsum(0))
