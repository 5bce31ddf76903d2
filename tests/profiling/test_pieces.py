"""Functions in pieces: nothing is lost, nothing is added, and a step in pieces is the same step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eqgen.algebra.expressions import symbols
from eqgen.algebra.library import library
from eqgen.backends.model import PackageBuilder
from eqgen.commands.cost import network
from eqgen.commands.train import perceptron
from eqgen.optimize.cost_report import Reporter
from eqgen.optimize.lower import Lowering
from eqgen.optimize.pieces import measured_functions, pieces
from eqgen.optimize.program import Function
from eqgen.packages import find_backend, import_package
from eqgen.profiling.recorder import METHODS, Recorder, measured
from eqgen.profiling.run import Load, load

LAYERS, SIZES, LOSS = "ActivationDropout(SiLU, 0.5);BatchNormalization;Softmax", "7;6;3", "NegativeLogLikelihood"
OPTIMIZERS = "WeightDecay(0.01) | Adam;Nesterov(0.9);GradientDescent"
BATCH = 8

FUNCTIONS = [pytest.param(f, id=f.name) for _, _, f in measured_functions(Lowering(library()), library(), True)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_pieces_are_the_whole(function: Function) -> None:
    found = pieces(function)
    assert tuple(step for p in found for step in p.function.steps) == function.steps
    known = {a.name for a in function.arguments}
    for p in found:
        assert {a.name for a in p.function.arguments} <= known
        assert p.function.steps[-1].origin == p.origin and p.function.steps[-1].equation == p.equation
        known |= {name for name, _ in p.function.results}
    assert {name for name, _ in function.results} <= known


@pytest.mark.parametrize("function", FUNCTIONS)
def test_pieces_give_what_is_read_and_nothing_else(function: Function) -> None:
    found = pieces(function)
    for k, p in enumerate(found[:-1]):
        later = {n for other in found[k + 1 :] for step in other.function.steps for n in symbols(step.value)}
        wanted = later | {name for name, _ in function.results}
        assert {name for name, _ in p.function.results} == {s.target for s in p.function.steps} & wanted


def test_ordinary_packages_have_no_pieces() -> None:
    ordinary, measuring = (
        PackageBuilder(library(), find_backend("numpy")).build("p", pieces=pieces) for pieces in (False, True)
    )
    assert ordinary.pieces == () and measuring.pieces
    assert measuring.functions == (*ordinary.functions, *measuring.functions[len(ordinary.functions) :])
    assert len(measuring.functions) == len(ordinary.functions) + len(measuring.pieces)


def loaded(package: Any, layers: str = LAYERS, densities: str | None = None) -> Load:
    M = perceptron(
        package, layers, SIZES, "Xavier", OPTIMIZERS, dtype="float64", seed=3, densities=densities, overall_density=None
    )
    cost = network(library(), Reporter(Lowering(library())), layers, SIZES, OPTIMIZERS, LOSS, densities)
    return load(package, M, package.parse_loss_function(LOSS), cost, BATCH, "float64", seed=4)


SPARSE_LAYERS = "SiLU;BatchNormalization;Softmax"
DENSITIES = "0.5;1;0.7"


@pytest.mark.parametrize(("layers", "densities"), [(LAYERS, None), (SPARSE_LAYERS, DENSITIES)])
@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow", "jax", "cpp"])
def test_a_step_in_pieces_is_the_same_step(backend: str, layers: str, densities: str | None) -> None:
    chosen = find_backend(backend)
    if not chosen.is_available():
        pytest.skip(f"{backend} cannot run here")
    package = import_package([], chosen, pieces=True)
    own, recorded = (loaded(package, layers, densities) for _ in range(2))
    core = vars(package.functional).copy()
    recorder = Recorder(package, measured(library(), sparse=True))
    for _ in range(2):
        own.step()
        timings = recorder.record(recorded.M.layers, recorded.step)
    assert vars(package.functional) == core
    assert not any(name in vars(layer) for layer in recorded.M.layers for name in METHODS)
    for a, b in zip(own.M.layers, recorded.M.layers, strict=True):
        for name, array in a.arrays().items():
            x, y = package.runtime.to_host(array), package.runtime.to_host(b.arrays()[name])
            # Two ways to fuse the same operations; a few roundings apart.
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13, err_msg=f"{type(a).__name__}.{name}")
    parts = {(place.layer, place.part) for place in timings}
    assert parts >= {(k, part) for k in range(3) for part in ("forward", "backward", "optimizer")}
    assert {(1, "update"), (None, "loss")} <= parts
    assert all(t.seconds > 0 and t.calls > 0 for t in timings.values())


def test_what_was_replaced_comes_back_after_an_error() -> None:
    package = import_package([], find_backend("numpy"), pieces=True)
    what = loaded(package)
    core = vars(package.functional).copy()

    def interrupted() -> None:
        what.M.feedforward(what.X)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recorder(package, measured(library(), sparse=True)).record(what.M.layers, interrupted)
    assert vars(package.functional) == core
    assert not any(name in vars(layer) for layer in what.M.layers for name in METHODS)
