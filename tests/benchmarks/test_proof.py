"""The benchmark of the prover: what it counts, what it compares with, and where it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import explicit_simplify, proof
from docs import tables


@pytest.fixture(scope="module")
def run() -> dict[str, float]:
    """One process."""
    return proof.fresh(str(Path(proof.__file__).resolve()), "--proofs")


def test_everything_that_is_compared_is_measured(run: dict[str, float]) -> None:
    names = {name for compared in proof.COMPARED.values() for name in compared}
    assert names <= run.keys()
    assert run["equations"] > 400 and all(seconds > 0 for seconds in run.values())
    assert tuple(proof.COMPARED) == explicit_simplify.LAYERS


def test_figures_are_medians_of_the_runs() -> None:
    runs = [
        {"": 0.5, "equations": 3.0, "layer A": s, "layer B": 3 * s, "layer Sigmoidal": 9.0} for s in (1.0, 2.0, 9.0)
    ]
    text = proof.figures(runs, {"nothing changed": 0.25})
    assert "| 3 equations of the library proved and evaluated; CPU after imports | 8.00 s |" in text
    assert "| one layer: the slowest, `B` | 6000 ms |" in text
    assert "nothing changed; as one waits | 0.25 s |" in text


def test_the_comparison_says_what_was_ended() -> None:
    run = {name: 0.01 for compared in proof.COMPARED.values() for name in compared}
    peers = {"linear": proof.Peer(5.0, False), "softmax": proof.Peer(20.0, True)}
    assert proof.comparison([run], peers).splitlines()[2:] == [
        "| linear | 5.0 | 10.0 | 500 |",
        "| softmax | over 20.0 | 10.0 | over 2,000 |",
        "| all | 25.0 | 20.0 | 1,250 |",
    ]


def test_the_other_method_finds_right_and_wrong_equations() -> None:
    (linear,) = explicit_simplify.variants("linear")
    assert explicit_simplify.agrees(*linear, 2, 1, 2)
    assert not explicit_simplify.agrees(linear[0], lambda Z, Y, DY: 2 * DY, 2, 1, 2)


def test_the_other_method_is_ended_in_time() -> None:
    assert proof.peer("activation", 0.1) == proof.Peer(0.1, True)


def test_there_is_a_place_for_the_figures() -> None:
    text = proof.DOCUMENT.read_text(encoding="utf-8")
    assert "| x |" in tables.placed(text, proof.NAME, proof.WRITER, "| x |")
