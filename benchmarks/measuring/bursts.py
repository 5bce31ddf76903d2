"""Contestants in processes of their own, which make bursts of training steps when they are told to.

Only one computes at a time. All others are stopped (SIGSTOP), so that neither their threads that spin for new work nor
what their runtimes do in the background takes a processor; no thread runtime has to be told how to wait for that.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training, Unavailable
from benchmarks.measuring import environment, rotated

if TYPE_CHECKING:
    from benchmarks.contestants import Entry

LEAD = 2
"""Steps at the beginning of a burst that are made and not timed: they fill caches and wake threads."""
WARM_UP = 5
KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


class Failed(RuntimeError):
    """A process that ended before its time."""


# --- the process of a contestant -----------------------------------------------------------------------------


def serve(entry: Entry, kind: type[Problem] = Problem) -> int:
    """Obey the commands that come in, one line of JSON each, until the input ends. `kind` is that of the problems."""
    ctypes.CDLL(None).prctl(KILL_WITH_PARENT, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what frameworks print is no answer
    training: Training | None = None
    problem: Problem | None = None
    for line in sys.stdin:
        command = json.loads(line)
        if "problem" in command:
            training, problem = None, kind.read(command["problem"])
            started = time.perf_counter()
            try:
                training = entry.make(problem)
                training.steps(command["warm_up"])
            except (Unavailable, ImportError) as error:
                answer: dict[str, Any] = {"unavailable": " ".join(str(error).split())}
            else:
                answer = {"seconds": time.perf_counter() - started, "info": training.info}
        elif training is None or problem is None:
            raise RuntimeError("there is no problem yet")
        elif "steps" in command:
            training.steps(command["lead"])
            started = time.perf_counter()
            training.steps(command["steps"])
            answer = {"seconds": (time.perf_counter() - started) / command["steps"]}
        else:
            answer = {"loss": training.loss(problem)}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


# --- the process that measures -------------------------------------------------------------------------------


class Process:
    """A contestant's process, stopped unless it has been asked something.

    patience   seconds after which an answer is not waited for any longer
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        threads: int,
        paths: Sequence[Path],
        errors: IO[str],
        patience: float | None = None,
    ) -> None:
        self.name = name
        self.errors = errors
        self.patience = patience
        self.command = [*command, name]
        self.threads = threads
        self.environment = limited(environment(), threads, paths)
        self.start()

    def start(self) -> None:
        self.popen = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=self.environment,
        )
        os.sched_setaffinity(self.popen.pid, sorted(os.sched_getaffinity(0))[: self.threads])

    def end(self) -> None:
        self.popen.kill()
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # a command that was never read
                    stream.close()

    def restart(self) -> None:
        """A new process in the place of one that has failed; it sleeps until it is asked something."""
        self.end()
        self.errors.seek(0)
        self.errors.truncate()
        self.start()
        self.popen.send_signal(signal.SIGSTOP)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Wake it, give a command, wait for the answer, stop it. Raises Failed."""
        assert self.popen.stdin is not None and self.popen.stdout is not None
        self.popen.send_signal(signal.SIGCONT)
        try:
            self.popen.stdin.write(json.dumps(command) + "\n")
            self.popen.stdin.flush()
            if not select.select([self.popen.stdout], [], [], self.patience)[0]:
                self.popen.kill()
                raise Failed(f"{self.name} gave no answer in {self.patience:g} s")
            line = self.popen.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.popen.wait()
            self.errors.seek(0)
            raise Failed(f"{self.name} ended with code {self.popen.returncode}:\n{self.errors.read()[-4000:]}")
        self.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED)  # all of its threads
        answer: dict[str, Any] = json.loads(line)
        return answer

    def processor_seconds(self) -> float:
        """What all of its threads have used so far."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def limited(variables: dict[str, str], threads: int, paths: Sequence[Path] = ()) -> dict[str, str]:
    """An environment in which thread pools have a size, with further folders at the end of Python's path."""
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    path = os.pathsep.join([variables["PYTHONPATH"], *map(str, paths)])
    return {**variables, **dict.fromkeys(pools, str(threads)), "PYTHONPATH": path}


@contextmanager
def processes(
    names: Sequence[str],
    command: Sequence[str],
    threads: int,
    paths: Sequence[Path] = (),
    patience: float | None = None,
) -> Iterator[dict[str, Process]]:
    """All contestants, ended in any case."""
    with ExitStack() as stack:
        found = {}
        for name in names:
            errors = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
            found[name] = stack.enter_context(Process(name, command, threads, paths, errors, patience))
        yield found


class Result:
    """What one contestant did with one problem: seconds a step in each round, its losses, what it is."""

    def __init__(self, warm_up: float, info: dict[str, Any]) -> None:
        self.warm_up = warm_up
        self.info = info
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def fields(self) -> dict[str, Any]:
        return vars(self)


class Run:
    """One problem for everybody: the results, why some did not take part, and what those that slept used of a
    processor meanwhile (the largest share in a burst)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.results: dict[str, Result] = {}
        self.skipped: dict[str, str] = {}
        self.idle_share = 0.0

    def fields(self) -> dict[str, Any]:
        return {
            "problem": self.problem.fields(),
            "results": {name: result.fields() for name, result in self.results.items()},
            "skipped": self.skipped,
            "idle_share": self.idle_share,
        }

    def difference(self) -> float:
        """The largest difference between two losses after the same number of steps."""
        moments = zip(*(r.losses for r in self.results.values()), strict=True)
        return max((max(losses) - min(losses) for losses in moments), default=0.0)


def run(problem: Problem, contestants: dict[str, Process], rounds: int, steps: int) -> Run:
    """Warm everybody up, then rounds in which each makes a burst, every round in another order."""
    found = Run(problem)
    for name, process in contestants.items():
        answer = process.ask(problem=problem.fields(), warm_up=WARM_UP)
        if "unavailable" in answer:
            found.skipped[name] = answer["unavailable"]
            continue
        found.results[name] = Result(answer["seconds"], answer["info"])
        found.results[name].losses.append(process.ask(loss=True)["loss"])
    names = list(found.results)
    for turn in range(rounds):
        for name in rotated(names, turn):
            before, started = asleep(contestants, name), time.perf_counter()
            answer = contestants[name].ask(steps=steps, lead=LEAD)
            passed = time.perf_counter() - started
            found.results[name].seconds.append(answer["seconds"])
            found.idle_share = max(found.idle_share, (asleep(contestants, name) - before) / passed)
    for name in names:
        found.results[name].losses.append(contestants[name].ask(loss=True)["loss"])
    return found


def asleep(contestants: Mapping[str, Process], awake: str) -> float:
    """Processor seconds of all but one, so far."""
    return sum(process.processor_seconds() for name, process in contestants.items() if name != awake)
