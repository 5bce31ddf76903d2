"""Runs over sparse weights: steps take from less than a millisecond to seconds, and who fails holds up nobody.

Bursts of everybody take about as long, so that each contestant makes as many steps in them as it can. Losses are
compared after the same number of steps, before anything is timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks.contestants.problem import Problem
from benchmarks.measuring import rotated
from benchmarks.measuring.bursts import Failed, Process, Result, Run, asleep

WARM_UP, COMPARED = 2, 10
"""Steps before losses are compared for the first time, and between that and the second time."""
MOST_STEPS = 200
SLOW, SELDOM = 10.0, 3
"""Whose step takes longer than so many bursts takes part in every third round alone."""
PATIENCE = 120.0
"""Seconds to wait for an answer, of which a framework needs most for what it imports, compiles, and does first."""


class Paced(Result):
    """steps   in a burst
    every   1, or how seldom a round is taken part in
    """

    def __init__(self, warm_up: float, info: dict[str, Any], step: float, seconds: float) -> None:
        super().__init__(warm_up, info)
        self.steps = min(MOST_STEPS, max(1, round(seconds / step)))
        self.every = SELDOM if step > SLOW * seconds else 1


def run(
    problem: Problem, contestants: Mapping[str, Process], rounds: int, seconds: float, compared: int = COMPARED
) -> Run:
    """Compare the losses, then rounds with a burst of each, every round in another order.

    seconds    of a burst, about; it has at least one step
    compared   steps before losses are compared for the second time

    A contestant that fails, or does not answer, is left out of the results, with the reason; its process starts anew.
    """
    found = Run(problem)
    for process in contestants.values():
        with held(found, process):
            prepare(found, process, seconds, compared)
    turns: dict[str, int] = {name: result.every for name, result in found.results.items() if isinstance(result, Paced)}
    asleep_seconds = all_seconds = 0.0
    for turn in range(rounds):
        for name in rotated(list(turns), turn):
            if name in found.results and turn % turns[name] == 0:
                with held(found, contestants[name]):
                    used, passed = burst(found.results[name], contestants, name)
                    asleep_seconds += used
                    all_seconds += passed
    # Of all bursts together: the system counts in hundredths of a second, which is much of a single one.
    found.idle_share = asleep_seconds / all_seconds if all_seconds else 0.0
    return found


def prepare(found: Run, process: Process, seconds: float, compared: int) -> None:
    """The first steps of a contestant, with its losses; how many steps a burst has."""
    answer = process.ask(problem=found.problem.fields(), warm_up=WARM_UP)
    if "unavailable" in answer:
        found.skipped[process.name] = answer["unavailable"]
        return
    losses = [process.ask(loss=True)["loss"]]
    step = process.ask(steps=compared, lead=0)["seconds"]
    losses.append(process.ask(loss=True)["loss"])
    found.results[process.name] = result = Paced(answer["seconds"], answer["info"], step, seconds)
    result.losses = losses


def burst(result: Result, contestants: Mapping[str, Process], name: str) -> tuple[float, float]:
    """The steps of one contestant; a quarter as many before, which are not timed. Processor seconds that the others
    have used meanwhile, and seconds."""
    assert isinstance(result, Paced)
    before, began = asleep(contestants, name), time.perf_counter()
    answer = contestants[name].ask(steps=result.steps, lead=-(-result.steps // 4) if result.steps > 1 else 0)
    passed = time.perf_counter() - began
    result.seconds.append(answer["seconds"])
    return asleep(contestants, name) - before, passed


@contextmanager
def held(found: Run, process: Process) -> Iterator[None]:
    """Who fails in here is left out."""
    try:
        yield
    except Failed as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        found.results.pop(process.name, None)
        found.skipped[process.name] = " ".join(dict.fromkeys([lines[0], lines[-1]]))
        print(f"left out: {error}", file=sys.stderr, flush=True)
        process.restart()
