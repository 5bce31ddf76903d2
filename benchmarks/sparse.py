"""Training steps over sparse weights, beside PyTorch with masked dense weights and with compressed rows.

    python benchmarks/sparse.py [--rounds 5] [--steps 20] [--densities 0.5 0.1 0.01] [--write]

A step (forward, backward, optimizer) of 3072-1024-512-10 (ReLU, ReLU, linear), softmax cross-entropy, batches of 100
random examples of the shape of CIFAR-10, all weights at one density. Everybody has the same patterns and weights. The
contestants take turns in one process, a burst of steps each, so that what else happens on the machine meets everybody
alike. After the first burst the losses are compared. `--write` puts the table into docs/sparse.md.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generated")]

from benchmarks.measuring import Spread, machine, rotated, write  # noqa: E402

SIZES = (3072, 1024, 512, 10)
BATCH, RATE = 100, 0.001
DENSITIES = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
MASKED = "PyTorch, masked"
Step = Callable[[int], float]


def starting_weights(density: float) -> list[Any]:
    """Weights with zeros outside of a random pattern."""
    Pattern = importlib.import_module("eqgen_numpy").Pattern
    rng = np.random.default_rng(1)
    shapes = [(K, D) for D, K in pairwise(SIZES)]
    masks = [Pattern.random(shape, density, rng).mask() for shape in shapes]
    return [np.where(m, rng.uniform(-1, 1, m.shape) / np.sqrt(m.shape[1]), 0).astype("float32") for m in masks]


def batches() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(2)
    eye = np.eye(SIZES[-1], dtype="float32")
    return [
        (rng.normal(size=(BATCH, SIZES[0])).astype("float32"), eye[rng.integers(SIZES[-1], size=BATCH)])
        for _ in range(20)
    ]


def masked_pytorch(weights: list[Any], data: list[tuple[Any, Any]], momentum: float) -> Step:
    """Dense layers; weights are multiplied by their masks after every step, as is usual."""
    import torch

    layers: list[Any] = []
    for W in weights:
        linear = torch.nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.zero_()
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    masks = [torch.from_numpy((W != 0).astype("float32")) for W in weights]
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=momentum, nesterov=momentum > 0)
    pairs = [(torch.from_numpy(X), torch.from_numpy(T)) for X, T in data]

    def step(k: int) -> float:
        X, T = pairs[k % len(pairs)]
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(X), T)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for linear, mask in zip(layers[::2], masks, strict=True):
                linear.weight.mul_(mask)
        return float(loss.detach())

    return step


def generated(backend: str, weights: list[Any], data: list[tuple[Any, Any]], momentum: float) -> Step:
    """A generated package; that of PyTorch computes with `torch.sparse_csr_tensor` and `sampled_addmm`."""
    p = importlib.import_module(f"eqgen_{backend}")
    layers = []
    for k, W in enumerate(weights):
        K, D = W.shape
        header = [p.ReLUActivation()] if k < len(weights) - 1 else []
        layer = (p.SparseActivationLayer if header else p.SparseLinearLayer)(D, K, *header, density=0.0)
        layer.set_pattern(W)
        layer.W = W
        layer.set_optimizer(f"Nesterov({momentum})" if momentum else "GradientDescent")
        layers.append(layer)
    M = p.MultilayerPerceptron(layers)
    loss = p.parse_loss_function("SoftmaxCrossEntropy")
    pairs = [(p.from_host(X), p.from_host(T)) for X, T in data]

    def step(k: int) -> float:
        return float(M.train_step(*pairs[k % len(pairs)], loss, RATE, True))

    return step


CONTESTANTS: dict[str, Callable[[list[Any], list[tuple[Any, Any]], float], Step]] = {
    MASKED: masked_pytorch,
    "eqgen_cpp": lambda *arguments: generated("cpp", *arguments),
    "eqgen_torch": lambda *arguments: generated("torch", *arguments),
    "eqgen_numpy": lambda *arguments: generated("numpy", *arguments),
}


def measured(density: float, momentum: float, rounds: int, steps: int) -> dict[str, Spread]:
    """Milliseconds of a step. RuntimeError when losses differ."""
    weights, data = starting_weights(density), batches()
    running = {name: make(weights, data, momentum) for name, make in CONTESTANTS.items()}
    losses = {name: [step(k) for k in range(5)] for name, step in running.items()}
    for name, found in losses.items():
        if not np.allclose(found, losses[MASKED], rtol=1e-4):
            raise RuntimeError(f"density {density}: losses of {name} are {found}, those of masking {losses[MASKED]}")
    times: dict[str, list[float]] = {name: [] for name in running}
    for turn in range(rounds):
        for name in rotated(list(running), turn):
            for k in range(steps):
                start = time.perf_counter()
                running[name](k)
                if k >= steps // 4:  # the threads of the one before have gone to sleep
                    times[name].append(1e3 * (time.perf_counter() - start))
    return {name: Spread.of(found) for name, found in times.items()}


def table(momentum: float, densities: list[float], rounds: int, steps: int) -> str:
    names = list(CONTESTANTS)
    lines = [f"| sparsity | {' | '.join(names)} | eqgen_cpp to masked |", "| --- " * (len(names) + 2) + "|"]
    for density in densities:
        found = measured(density, momentum, rounds, steps)
        cells = [found[name].text() for name in names]
        ratio = found[MASKED].median / found["eqgen_cpp"].median
        lines.append(f"| {100 * (1 - density):g} % | {' | '.join(cells)} | {ratio:.1f} x |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--densities", type=float, nargs="+", default=list(DENSITIES))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/sparse.md")
    options = parser.parse_args()
    sections = []
    for title, momentum in (("Plain gradient descent", 0.0), ("Nesterov momentum 0.9", 0.9)):
        print(title, flush=True)
        sections.append(f"{title}:\n\n{table(momentum, options.densities, options.rounds, options.steps)}")
    text = "\n\n".join(sections)
    text += f"\n\nMilliseconds, median (least to most) of {options.rounds} interleaved bursts on {machine()}."
    print(text)
    if options.write:
        write(text, "sparse", "benchmarks/sparse.py", [ROOT / "docs" / "sparse.md"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
