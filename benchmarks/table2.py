"""The paper's Table 2 on MNIST: native PyTorch beside the five generated packages, in one run.

    python benchmarks/table2.py --dataset mnist.npz [--repeats 5] [--write]

A multilayer perceptron 784-1024-512-10 (ReLU, ReLU, linear) is trained for one epoch with softmax cross-entropy,
batches of 100, learning rate 0.01 and Nesterov momentum 0.9; XavierNormalized draws the initial weights. Everybody
starts from the same weights and sees the same batches, in the order of the file. Each run is a process of its own; the
runs are interleaved, so that what else happens on the machine meets everybody alike. Batches are prepared beforehand,
and a few steps of another network of the same sizes come first, so that the seconds hold training alone: no data
loading, and no compilation by JAX and TensorFlow. What these first steps take is given beside it.

`--write` puts the table into README.md and docs/benchmarks.md, between the marks that stand there. Exit code 1 when
losses differ by more than 0.001.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import measuring
from benchmarks.measuring import ROOT, Spread, environment, machine, rotated, versions

DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
NAME, WRITER = "table2", "benchmarks/table2.py"
"""What the marks around the table say."""

NATIVE, PROGRAM = "native", "program"
TITLES = {
    NATIVE: "PyTorch, `nn.Module` and autograd",
    PROGRAM: "eqgen_cpp, from a program in C++",
    "torch": "eqgen_torch",
    "numpy": "eqgen_numpy",
    "jax": "eqgen_jax",
    "tensorflow": "eqgen_tensorflow",
    "cpp": "eqgen_cpp, from Python",
}
HIDDEN = (1024, 512)
BATCH, LEARNING_RATE, MOMENTUM = 100, 0.01, 0.9
WARM_UP_STEPS = 5
MAX_DIFFERENCE = 1e-3

Batches = list[tuple[Any, Any]]


# --- one run, in a process of its own ------------------------------------------------------------------------


def run(who: str, dataset: Path, weights: Path, limit: int | None) -> dict[str, Any]:
    """Train once; what was measured."""
    found = {NATIVE: run_native, PROGRAM: run_program}.get(who, run_generated)
    return found(who, dataset, weights, limit)


def run_program(who: str, dataset: Path, weights: Path, limit: int | None) -> dict[str, Any]:
    """With the C interface of the package for C++ and no Python; the package evaluates what was learned."""
    import numpy as np

    from benchmarks.contestants import program

    package = importlib.import_module("eqgen_cpp")
    data, sizes = read(package, dataset, limit)
    layers = ";".join(["ReLU"] * len(HIDDEN) + ["Linear"])
    M = package.parse_multilayer_perceptron(layers, sizes, "XavierNormalized", seed=0)
    M.load(weights)
    training, test = (
        list(package.DataLoader(X, T, BATCH, shuffle=False, one_hot=data.classes))
        for X, T in ((data.Xtrain, data.Ttrain), (data.Xtest, data.Ttest))
    )
    X, T = map(np.concatenate, zip(*training, strict=True))
    start = [(layer.W, layer.b) for layer in M.layers]
    trained, warm_up, seconds = program.train(Path(package.__file__).parent, X, T, start, BATCH, WARM_UP_STEPS)
    for layer, (W, b) in zip(M.layers, trained, strict=True):
        layer.W, layer.b = W, b
    loss = package.parse_loss_function("SoftmaxCrossEntropy")
    mean, accuracy = package.evaluate(M, loss, training)
    return {
        "loss": mean,
        "train_accuracy": accuracy,
        "test_accuracy": package.evaluate(M, loss, test)[1],
        "seconds": seconds,
        "warm_up": warm_up,
        "examples": len(data.Xtrain),
        "info": package.info(),
    }


def run_generated(who: str, dataset: Path, weights: Path, limit: int | None) -> dict[str, Any]:
    """With a generated package and its own objects, a call of `train_step` for each batch."""
    package = importlib.import_module(f"eqgen_{who}")
    data, sizes = read(package, dataset, limit)
    loss = package.parse_loss_function("SoftmaxCrossEntropy")

    def network(path: Path | None) -> Any:
        layers = ";".join(["ReLU"] * len(HIDDEN) + ["Linear"])
        M = package.parse_multilayer_perceptron(layers, sizes, "XavierNormalized", f"Nesterov({MOMENTUM})", seed=0)
        if path is not None:
            M.load(path)
        return M

    def train(M: Any, batches: Batches) -> None:
        for X, T in batches:
            M.train_step(X, T, loss, LEARNING_RATE, one_hot=True)
        M.wait()

    def evaluate(M: Any, batches: Batches) -> tuple[float, float]:
        found: tuple[float, float] = package.evaluate(M, loss, batches)
        return found

    return measured(package, data, lambda first: network(None if first else weights), train, evaluate, package.info())


def run_native(who: str, dataset: Path, weights: Path, limit: int | None) -> dict[str, Any]:
    """With what PyTorch offers: `nn.Module`, autograd, `torch.optim.SGD` and `nn.CrossEntropyLoss`."""
    import numpy as np
    import torch

    package = importlib.import_module("eqgen_torch")
    data, sizes = read(package, dataset, limit)
    criterion = torch.nn.CrossEntropyLoss()

    def network(path: Path | None) -> Any:
        modules: list[torch.nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        model = torch.nn.Sequential(*modules[:-1])
        if path is not None:
            arrays = np.load(path)
            for k, layer in enumerate(m for m in model if isinstance(m, torch.nn.Linear)):
                for name, parameter in (("W", layer.weight), ("b", layer.bias)):
                    stored = next(arrays[key] for key in arrays.files if re.fullmatch(rf"{k}\.\w+\.{name}", key))
                    with torch.no_grad():
                        parameter.copy_(torch.from_numpy(stored).reshape(parameter.shape))
        return model

    def train(model: Any, batches: Batches) -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=True)
        for X, T in batches:
            optimizer.zero_grad()
            criterion(model(X), T).backward()
            optimizer.step()

    def evaluate(model: Any, batches: Batches) -> tuple[float, float]:
        total, correct, examples = 0.0, 0, 0
        with torch.no_grad():
            for X, T in batches:
                Y = model(X)
                total += float(criterion(Y, T)) * len(T)
                correct += int((Y.argmax(dim=1) == T).sum())
                examples += len(T)
        return total / examples, correct / examples

    def prepared(batches: Batches) -> Batches:
        return [(X, T.argmax(dim=1)) for X, T in batches]  # class numbers, as nn.CrossEntropyLoss takes them

    information = {**package.info(), "framework": "torch"}
    return measured(
        package, data, lambda first: network(None if first else weights), train, evaluate, information, prepared
    )


def read(package: Any, dataset: Path, limit: int | None) -> tuple[Any, list[int]]:
    """The data set, or its first examples, and the sizes of the network."""
    data = package.load_npz(dataset)
    return data._replace(**{name: getattr(data, name)[:limit] for name in data._fields}), [
        data.Xtrain.shape[1],
        *HIDDEN,
        data.classes,
    ]


def measured(
    package: Any,
    data: Any,
    network: Callable[[bool], Any],
    train: Callable[[Any, Batches], None],
    evaluate: Callable[[Any, Batches], tuple[float, float]],
    information: dict[str, Any],
    prepared: Callable[[Batches], Batches] = lambda batches: batches,
) -> dict[str, Any]:
    """Warm up, train for an epoch, evaluate. `network` is told whether it is the one for warming up."""
    classes = max(int(data.Ttrain.max()), int(data.Ttest.max())) + 1
    training = prepared(list(package.DataLoader(data.Xtrain, data.Ttrain, BATCH, shuffle=False, one_hot=classes)))
    test = prepared(list(package.DataLoader(data.Xtest, data.Ttest, BATCH, shuffle=False, one_hot=classes)))
    start = time.perf_counter()
    train(network(True), training[:WARM_UP_STEPS])
    warm_up = time.perf_counter() - start
    M = network(False)
    start = time.perf_counter()
    train(M, training)
    seconds = time.perf_counter() - start
    loss, train_accuracy = evaluate(M, training)
    return {
        "loss": loss,
        "train_accuracy": train_accuracy,
        "test_accuracy": evaluate(M, test)[1],
        "seconds": seconds,
        "warm_up": warm_up,
        "examples": len(data.Xtrain),
        "info": information,
    }


# --- all runs ------------------------------------------------------------------------------------------------


def benchmark(names: Sequence[str], dataset: Path, repeats: int, limit: int | None) -> dict[str, list[dict[str, Any]]]:
    """Interleaved runs, each round in another order, so that nobody always comes first."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="eqgen-table2-") as folder:
        weights = Path(folder) / "weights.npz"
        subprocess.run(command("--initial-weights", weights, "--dataset", dataset), env=environment(), check=True)
        for k in range(repeats):
            for name in rotated(names, k):
                extra = [] if limit is None else ["--limit", limit]
                line = command("--run", name, "--weights", weights, "--dataset", dataset, *extra)
                done = subprocess.run(line, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
                results[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"round {k + 1}/{repeats}  {name:<11} {results[name][-1]['seconds']:8.3f} s", file=sys.stderr)
    return results


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(Path(__file__).resolve()), *map(str, arguments)]


def initial_weights(path: Path, dataset: Path) -> None:
    """Draw the weights that every run starts from."""
    import eqgen_numpy as package

    _, sizes = read(package, dataset, None)
    layers = ";".join(["ReLU"] * len(HIDDEN) + ["Linear"])
    package.parse_multilayer_perceptron(layers, sizes, "XavierNormalized", seed=1).save(path)


# --- the table -----------------------------------------------------------------------------------------------


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown: medians, minimum and maximum, ratios of medians."""
    reference = statistics.median(r["seconds"] for r in results[NATIVE]) if NATIVE in results else None
    lines = [
        "| | loss | train accuracy | test accuracy | seconds, median (min to max) | to PyTorch | first steps |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, runs in results.items():
        seconds = Spread.of(r["seconds"] for r in runs)
        ratio = "" if reference is None else f"{seconds.median / reference:.2f}"
        warm_up = statistics.median(r["warm_up"] for r in runs)
        accuracies = f"{runs[0]['train_accuracy']:.3f} | {runs[0]['test_accuracy']:.3f}"
        cells = [TITLES[name], f"{runs[0]['loss']:.3f}", accuracies, seconds.text(), ratio, f"{warm_up:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def conditions(results: dict[str, list[dict[str, Any]]]) -> str:
    """Under which circumstances the table was measured."""
    first = next(iter(results.values()))
    return (
        f"One epoch over {first[0]['examples']} examples, {len(first)} interleaved runs, each in a process of its own, "
        f"on {machine()}. {versions(runs[0]['info'] for runs in results.values())}."
    )


def write(text: str, documents: Sequence[Path] = DOCUMENTS) -> None:
    measuring.write(text, NAME, WRITER, documents)


def difference(results: dict[str, list[dict[str, Any]]]) -> float:
    """The largest difference between two losses."""
    losses = [float(r["loss"]) for runs in results.values() for r in runs]
    return max(losses) - min(losses)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Table 2 of the paper, on MNIST.")
    parser.add_argument("--dataset", type=Path, help="MNIST as an .npz file with Xtrain, Ttrain, Xtest, Ttest")
    parser.add_argument("--backends", default=",".join(TITLES), help=f"default: {','.join(TITLES)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=int, help="use only so many examples: to try the script, not to measure")
    parser.add_argument("--json", type=Path, help="write every single run into this file")
    parser.add_argument("--write", action="store_true", help="put the table into README.md and docs/benchmarks.md")
    parser.add_argument("--run", choices=TITLES, help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--initial-weights", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.dataset is None:
        print("table2: skipped, there is no data set; give MNIST with --dataset")
        return 0
    if not options.dataset.is_file():
        parser.error(f"--dataset: {options.dataset} is not a file")
    if options.initial_weights:
        initial_weights(options.initial_weights, options.dataset)
        return 0
    if options.run:
        print(json.dumps(run(options.run, options.dataset, options.weights, options.limit)))
        return 0
    names = [name for name in options.backends.split(",") if name]
    if unknown := set(names) - set(TITLES):
        parser.error(f"--backends: there is no {', '.join(sorted(unknown))}; expected some of {', '.join(TITLES)}")
    if options.write and (options.limit is not None or set(names) != set(TITLES)):
        parser.error("--write: only a full run of all backends belongs into the documents")
    results = benchmark(names, options.dataset, options.repeats, options.limit)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    text = f"{table(results)}\n\n{conditions(results)}"
    print(text)
    if options.write:
        write(text)
    print(f"\nlosses differ by at most {difference(results):.1e}")
    return 0 if difference(results) <= MAX_DIFFERENCE else 1


if __name__ == "__main__":
    sys.exit(main())
