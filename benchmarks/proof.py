"""What proving costs: the whole library, every layer, `eqgen check` from the shell, and the paper's method beside it.

    python benchmarks/proof.py [--peer-seconds 900] [--write]

Everything is CPU time of a fresh process, after imports where that is said; the median of some processes. The same
layers go through the paper's method in the same run (`explicit_simplify.py`): that takes minutes, and what takes longer
than `--peer-seconds` is ended and counted with that time. `--write` puts the figures into docs/proof.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.measuring import ROOT, machine

DOCUMENT = ROOT / "docs" / "proof.md"
NAME, WRITER = "proof", "benchmarks/proof.py"
PROCESSES = 5

SIGMOID_LAYER = """
layer Sigmoidal
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = sigmoid(Z)

    backward
        DZ = hadamard(DY, hadamard(Y, ones(N, K) - Y))
"""

COMPARED: dict[str, tuple[str, ...]] = {
    "linear": ("layer Linear",),
    "sigmoid": ("layer Sigmoidal",),
    "log-softmax": ("layer LogSoftmax",),
    "softmax": ("layer Softmax",),
    "activation": (
        "layer Activation", "activation LeakyReLU", "activation AllReLU", "activation Tanh", "activation Sigmoid",
    ),
}  # fmt: skip
"""What the paper's method is given, and the definitions that say the same here, for any activation and all sizes."""


# --- inside of a fresh process -------------------------------------------------------------------------------


def proofs() -> dict[str, float]:
    """CPU seconds for every definition of the library in a fresh process, one after the other; "" is reading them."""
    import eqgen.algebra.prover
    from eqgen.algebra.library import library, load_text

    started = time.process_time()
    library()
    seconds = {"": time.process_time() - started}
    module = load_text(SIGMOID_LAYER)
    for d in module.definitions:
        started = time.process_time()
        results = eqgen.algebra.prover.prove_definition(d, module)
        claimed = results[: len(results) - len(d.misprints)]
        assert all(r.verdict == "proved" for r in claimed), d.name
        seconds[f"{d.kind} {d.name}"] = time.process_time() - started
        seconds["equations"] = seconds.get("equations", 0.0) + len(claimed) * (d.name != "Sigmoidal")
    return seconds


# --- measuring -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """The paper's method on one layer; `ended` says that the time was not enough."""

    seconds: float
    ended: bool


def fresh(*arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def peer(layer: str, limit: float) -> Peer:
    try:
        command = [sys.executable, str(ROOT / "benchmarks" / "explicit_simplify.py"), layer]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return Peer(limit, True)
    result = json.loads(done.stdout)
    if not result["agrees"]:
        raise RuntimeError(f"the paper's method does not find {layer} right")
    return Peer(result["seconds"], False)


def shell(*options: str, cache: Path) -> float:
    """Seconds of `eqgen check` as a person waits for it."""
    environment = {**os.environ, "EQGEN_CACHE": str(cache)}
    started = time.perf_counter()
    command = [sys.executable, "-m", "eqgen", "check", *options]
    subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=environment)
    return time.perf_counter() - started


def checks() -> dict[str, float]:
    """`eqgen check` of the whole library: nothing known yet, and nothing changed."""
    found: dict[str, list[float]] = {}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder)
            found.setdefault("nothing known yet", []).append(shell(cache=cache))
            found.setdefault("nothing changed", []).append(shell(cache=cache))
    with tempfile.TemporaryDirectory() as folder:
        found["`--judge both`, nothing known yet"] = [shell("--judge", "both", cache=Path(folder))]
    return {name: statistics.median(values) for name, values in found.items()}


# --- what is told --------------------------------------------------------------------------------------------


def figures(runs: Sequence[dict[str, float]], shells: dict[str, float]) -> str:
    """The table of what eqgen alone takes."""
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    equations = int(median.pop("equations"))
    reading = median.pop("")
    median.pop("layer Sigmoidal")
    layers = {name: s for name, s in median.items() if name.startswith("layer ")}
    slowest = max(layers, key=lambda name: layers[name])
    rows = [
        (
            f"{equations} equations of the library proved and evaluated; CPU after imports",
            f"{sum(median.values()):.2f} s",
        ),
        ("reading and typing the library; CPU after imports", f"{reading:.2f} s"),
        ("one layer: the median", f"{1000 * statistics.median(layers.values()):.0f} ms"),
        (f"one layer: the slowest, `{slowest.removeprefix('layer ')}`", f"{1000 * layers[slowest]:.0f} ms"),
        *((f"`eqgen check`, the whole library, {name}; as one waits", f"{s:.2f} s") for name, s in shells.items()),
    ]
    return "\n".join(["| what | time |", "| --- | ---: |", *(f"| {what} | {time} |" for what, time in rows)])


def comparison(runs: Sequence[dict[str, float]], peers: dict[str, Peer]) -> str:
    """The table with the paper's method."""
    lines = ["| layer | the paper's method, s | eqgen, ms | ratio |", "| --- | ---: | ---: | ---: |"]
    total = own_total = 0.0
    for layer, found in peers.items():
        own = statistics.median(sum(run[name] for name in COMPARED[layer]) for run in runs)
        total, own_total = total + found.seconds, own_total + own
        least = "over " if found.ended else ""
        lines.append(f"| {layer} | {least}{found.seconds:.1f} | {1000 * own:.1f} | {least}{found.seconds / own:,.0f} |")
    lines.append(f"| all | {total:.1f} | {1000 * own_total:.1f} | {total / own_total:,.0f} |")
    return "\n".join(lines)


def conditions() -> str:
    import sympy

    return (
        f"Medians of {PROCESSES} processes, on {machine()}; "
        f"Python {platform.python_version()}, SymPy {sympy.__version__}. The paper's method: explicit matrices, "
        "of D, K and N one is 3 and the others are 2, each in turn; squared error; `simplify` of every difference; "
        "activation stands for four functions. Here: any loss, all sizes, any activation, and these four."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What proving costs, with the paper's method beside it.")
    parser.add_argument("--peer-seconds", type=float, default=900, help="for each layer; 0 leaves the method out")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/proof.md")
    parser.add_argument("--proofs", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.proofs:
        print(json.dumps(proofs()))
        return 0
    runs = [fresh(str(Path(__file__).resolve()), "--proofs") for _ in range(PROCESSES)]
    text = figures(runs, checks())
    print(text, flush=True)
    if options.peer_seconds:
        compared = comparison(runs, {layer: peer(layer, options.peer_seconds) for layer in COMPARED})
        print(f"\n{compared}")
        text = f"{text}\n\n{compared}\n\n{conditions()}"
    if options.write:
        measuring.write(text, NAME, WRITER, [DOCUMENT])
    return 0


if __name__ == "__main__":
    sys.exit(main())
