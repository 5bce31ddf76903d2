"""The FLOPs of every equation of a step, counted where PyTorch runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from eqgen.algebra.library import library  # noqa: E402
from eqgen.commands.cost import network  # noqa: E402
from eqgen.optimize.cost_report import Reporter  # noqa: E402
from eqgen.optimize.lower import Lowering  # noqa: E402
from eqgen.optimize.network_cost import BATCH  # noqa: E402
from eqgen.optimize.program import Function  # noqa: E402
from eqgen.packages import find_backend, import_package  # noqa: E402
from eqgen.profiling.recorder import Place, Recorder, measured  # noqa: E402
from eqgen.profiling.report import joined  # noqa: E402
from eqgen.profiling.run import load  # noqa: E402
from tests.cost.dispatched import OperationCounter  # noqa: E402

ROWS = 5


class CountingRecorder(Recorder):
    """Counts the operations of every equation, those in products by PyTorch's own counter."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.operations: dict[Place, int] = {}
        self.products = 0

    def _timed(
        self, place: Place, function: Function, call: Callable[..., Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        def counted(*operands: Any) -> Any:
            with FlopCounterMode(display=False) as products:
                call(*operands)
            self.products += int(products.get_total_flops())
            with OperationCounter() as counter:
                result = call(*operands)
            self.operations[place] = self.operations.get(place, 0) + counter.count
            return result

        return super()._timed(place, function, counted, values)


@pytest.mark.parametrize(
    ("layers", "sizes", "optimizers", "loss"),
    [
        ("ReLU;ReLU;Linear", "7;6;5;3", "Nesterov(0.9)", "SoftmaxCrossEntropy"),
        ("SiLU;BatchNormalization;Softmax", "6;5;3", "WeightDecay(0.1) | Adam", "SquaredError"),
    ],
)
def test_every_equation(layers: str, sizes: str, optimizers: str, loss: str) -> None:
    package = import_package([], find_backend("torch"), pieces=True)
    M = package.parse_multilayer_perceptron(layers, sizes, "Xavier", optimizers, dtype="float64", seed=1)
    cost = network(library(), Reporter(Lowering(library())), layers, sizes, optimizers, loss)
    what = load(package, M, package.parse_loss_function(loss), cost, ROWS, "float64", seed=2)
    recorder = CountingRecorder(package, measured(library(), sparse=True))
    timings = recorder.record(M.layers, what.step)
    at_size = cost.at({BATCH: ROWS})
    for place, e in zip(timings, joined(at_size, {p: [t] for p, t in timings.items()}, 8), strict=True):
        assert e.flops == recorder.operations[place], place
    assert at_size.totals().step().products.value() == recorder.products
