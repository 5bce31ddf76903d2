"""Reference 5, "Mathematical Foundations for Deep Neural Networks, part I": what a step costs, and how losses curve.

    python examples/cost_and_curvature.py [--backend all] [--epochs 300]

The first tables follow from equations: the cost of operations and of a network, its memory, and the identities that are
proven. The others are computed by the generated packages: norms and clipping, the condition number and gradient
descent, and the curvature of a small network along its training, from Hessian-vector products. `--epochs` is the number
of its steps, each on the whole batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import common
import numpy as np

import eqgen
from eqgen.commands.descriptions import layer_choices
from eqgen.optimize.cost_report import Reporter
from eqgen.optimize.lower import Lowering
from eqgen.optimize.network_cost import Totals, network_cost

WIDTHS = (784, 1024, 512, 10)
BATCH, BYTES = 100, 4
"""Rows of a batch, and bytes of an entry in single precision."""
CONDITIONS = (1.0, 3.0, 10.0, 30.0, 100.0)
PRECISION = 1e-6
HIDDEN, EXAMPLES, LEARNING_RATE, INTERVAL = 8, 300, 1.0, 10

Product = Callable[[Any], Any]
"""A symmetric matrix H, as the function v -> H v."""


# --- what follows from equations -----------------------------------------------------------------------------


def costs(definitions: eqgen.Definitions, reporter: Reporter) -> None:
    """What operations cost: as the reference has it, as counted, and the entries of the result."""
    rows = []
    for each in definitions.of_kind("function"):
        section, _, printed = each.reference.partition(": ")
        part = reporter.report(each.typed).part("value")
        entries = part.statements[-1].result
        rows.append([each.name.replace("_", " "), section, printed, part.rewritten.flops.text(), entries.text()])
    common.show("Operations", ["", "section", "printed", "FLOPs counted", "entries"], rows)


def step_of(definitions: eqgen.Definitions, reporter: Reporter) -> Totals:
    """A training step of the network of reference 1 for one batch, with Nesterov momentum."""
    layers = ";".join(["ReLU"] * (len(WIDTHS) - 2) + ["Linear"])
    choices = layer_choices(definitions.module, layers, "Nesterov(0.9)")
    return network_cost(reporter, choices, WIDTHS).totals().at({"N": BATCH})


def network_tables(step: Totals) -> None:
    """FLOPs of the parts of a step, the rule that backward is 2 and both are 3 times forward, and memory."""
    flops = {name: work.flops.value({}) for name, work in step.rewritten.items()}
    forward, backward, unread = flops["forward"], flops["backward"], step.input_gradient.value({})
    rows = [[name, f"{value / 1e6:.1f}", f"{value / forward:.3f}"] for name, value in flops.items()]
    rows.append(["forward + backward", f"{(forward + backward) / 1e6:.1f}", f"{(forward + backward) / forward:.3f}"])
    without = forward + backward - unread
    rows.append(["without the gradient of the input", f"{without / 1e6:.1f}", f"{without / forward:.3f}"])
    title = f"A step of {'-'.join(map(str, WIDTHS))}, {BATCH} examples"
    common.show(title, ["", "MFLOP", "to forward"], rows)
    memory = {role: step.storage(role).value({}) for role in ("parameter", "gradient", "optimizer", "activation")}
    memory["of the activations, the batch"] = BATCH * WIDTHS[0]
    common.show("Memory", ["", "entries", "MB"], [[k, v, f"{v * BYTES / 1e6:.2f}"] for k, v in memory.items()])


def identities(definitions: eqgen.Definitions) -> None:
    """The lemmas of cost_and_curvature.eq with their verdicts."""
    lemmas = {each.name for each in definitions.of_kind("lemma")}
    rows = []
    for result in definitions.check():
        if result.definition.name in lemmas:
            rows += [[result.definition.name.replace("_", " "), equation.verdict] for equation in result.equations]
    common.show("Identities", ["", "verdict"], rows)


# --- Hessians as products ------------------------------------------------------------------------------------


def parameters(package: Any, M: Any) -> Any:
    """All parameters of a network as one vector."""
    arrays = [package.to_host(getattr(layer, name)) for layer in M.layers for name in layer.PARAMETERS]
    return np.concatenate([array.ravel() for array in arrays])


def gradients(package: Any, M: Any) -> Any:
    """Their gradients, in the same order."""
    arrays = [package.to_host(getattr(layer, f"D{name}")) for layer in M.layers for name in layer.PARAMETERS]
    return np.concatenate([array.ravel() for array in arrays])


def hessian_of(package: Any, M: Any, X: Any, T: Any, loss: Any, scale: float = 1.0) -> Product:
    """v -> H v for the Hessian of `scale` times the loss of a batch, by the package's own R-forward and R-backward."""

    def product(v: Any) -> Any:
        directions, start = [], 0
        for layer in M.layers:
            blocks = {}
            for name in layer.PARAMETERS:
                rows, columns = getattr(layer, name).shape
                block = v[start : start + rows * columns].reshape(rows, columns)
                blocks[name] = package.from_host(block, "float64")
                start += rows * columns
            directions.append(blocks)
        found = package.hessian.hessian_vector_product(M, X, T, loss, directions)
        return scale * np.concatenate([package.to_host(block).ravel() for each in found for block in each.values()])

    return product


def largest_eigenvalue(product: Product, start: Any, steps: int = 200, tolerance: float = 1e-10) -> tuple[float, Any]:
    """The eigenvalue of largest size and its vector, by power iteration."""
    v, value = start / np.linalg.norm(start), np.inf
    for _ in range(steps):
        image = product(v)
        value, previous = float(v @ image), value
        v = image / np.linalg.norm(image)
        if abs(value - previous) <= tolerance * abs(value):
            break
    return value, v


# --- the condition number ------------------------------------------------------------------------------------


def descent(package: Any, condition: float, seed: int) -> tuple[float, int, float]:
    """Gradient descent on a quadratic loss whose Hessian has eigenvalues from 1 to `condition`.

    The condition number as found by power iteration, the steps until the error has shrunk to PRECISION, and the factor
    of each, to be compared with (kappa - 1) / (kappa + 1).
    """
    generator = np.random.default_rng(seed)
    eigenvalues = np.geomspace(1, condition, 4)
    # Columns of norm 1 that are orthogonal to each other and to a column of ones, so that the bias stays 0.
    U = np.linalg.qr(np.column_stack([np.ones(8), generator.normal(size=(8, 4))]))[0][:, 1:]
    X = U * np.sqrt(eigenvalues / 2)  # the Hessian of the squared error is 2 X'X
    M = package.MultilayerPerceptron([package.LinearLayer(4, 1, dtype="float64")])
    layer, loss = M.layers[0], package.SquaredErrorLossFunction()
    layer.W = np.array([[1.0, 0.0, 0.0, 1.0]])  # as far from the solution, 0, along the steepest as along the flattest
    batch, target = package.from_host(X, "float64"), package.from_host(np.zeros((8, 1)), "float64")

    whole = hessian_of(package, M, batch, target, loss)

    def product(w: Any) -> Any:
        return whole(np.append(w, 0.0))[:4]

    largest, _ = largest_eigenvalue(product, generator.normal(size=4))
    gap, _ = largest_eigenvalue(lambda v: largest * v - product(v), generator.normal(size=4))
    smallest = largest - gap if condition > 1 else largest
    first = error = float(np.linalg.norm(package.to_host(layer.W)))
    steps = 0
    while error > PRECISION * first:
        Y = M.feedforward(batch)
        M.backpropagate(Y, loss.gradient(Y, target))
        M.optimize(2 / (largest + smallest))
        error, steps = float(np.linalg.norm(package.to_host(layer.W))), steps + 1
    return largest / smallest, steps, (error / first) ** (1 / steps)


def descents(package: Any, seed: int) -> list[tuple[float, int, float]]:
    """One descent for each condition number, and their table."""
    found, rows = [], []
    for condition in CONDITIONS:
        kappa, steps, factor = descent(package, condition, seed)
        found.append((kappa, steps, factor))
        rows.append([f"{kappa:.3f}", steps, f"{factor:.4f}", f"{(kappa - 1) / (kappa + 1):.4f}"])
    common.show(
        f"Gradient descent until the error is {PRECISION:g} of the first",
        ["condition number", "steps", "factor of a step", "(k - 1) / (k + 1)"],
        rows,
    )
    return found


# --- a small network -----------------------------------------------------------------------------------------


def digits_network(package: Any, seed: int) -> tuple[Any, Any, Any]:
    """A network 64-8-10 with tanh in double precision, and the batch that it is trained on."""
    data = package.load_npz(common.digits())
    X = package.from_host(data.Xtrain[:EXAMPLES], "float64")
    T = package.from_host(package.one_hot(data.Ttrain[:EXAMPLES], 10), "float64")
    M = package.parse_multilayer_perceptron("Tanh;Linear", [64, HIDDEN, 10], "Xavier", dtype="float64", seed=seed)
    return M, X, T


def norms(package: Any, seed: int) -> None:
    """Norms of the first gradient of W of each layer, and of the step that is made of it when it is clipped."""
    M, X, T = digits_network(package, seed)
    loss, rows = package.SoftmaxCrossEntropyLossFunction(), []
    for layer in M.layers:
        layer.set_optimizer("ClipByNorm(1) | GradientDescent")
    Y = M.feedforward(X)
    M.backpropagate(Y, 10 * loss.gradient(Y, T) / EXAMPLES)  # ten times the mean, to have something to clip
    gradient = [package.to_host(layer.DW) for layer in M.layers]
    before = [package.to_host(layer.W) for layer in M.layers]
    M.optimize(1.0)
    for k, (layer, G, W) in enumerate(zip(M.layers, gradient, before, strict=True)):
        measured = (np.abs(G).sum(), np.linalg.norm(G), np.abs(G).max(), np.linalg.norm(package.to_host(layer.W) - W))
        rows.append([f"gradient of W{k + 1}", *(f"{value:.4f}" for value in measured)])
    common.show("Norms", ["", "sum of sizes", "Euclidean", "largest", "step, clipped at 1"], rows)


def curvature(package: Any, epochs: int, seed: int, title: str) -> dict[str, Any]:
    """Train by gradient descent on the mean loss; every INTERVAL steps, and in the end, its largest eigenvalue.

    `steps`, `losses`, `eigenvalues` (of these steps), and `product`, the Hessian in the end.
    """
    M, X, T = digits_network(package, seed)
    loss = package.SoftmaxCrossEntropyLossFunction()
    product = hessian_of(package, M, X, T, loss, 1 / EXAMPLES)
    v = np.random.default_rng(seed).normal(size=parameters(package, M).size)
    steps, losses, eigenvalues = [], [], []
    with common.progress(epochs + 1, title) as advance:
        for step in range(epochs + 1):
            Y = M.feedforward(X)
            if step % INTERVAL == 0 or step == epochs:
                value, v = largest_eigenvalue(product, v, steps=60, tolerance=1e-6)
                steps.append(step)
                losses.append(float(loss(Y, T)) / EXAMPLES)
                eigenvalues.append(value)
                Y = M.feedforward(X)
            if step < epochs:
                M.backpropagate(Y, loss.gradient(Y, T) / EXAMPLES)
                M.optimize(LEARNING_RATE)
            advance()
    norm = float(np.linalg.norm(gradients(package, M)))
    return {
        "steps": steps,
        "losses": losses,
        "eigenvalues": eigenvalues,
        "norm": norm,
        "product": product,
        "size": v.size,
    }


def spectrum(product: Product, size: int) -> Any:
    """All eigenvalues, from as many products as there are parameters; feasible for a small network only."""
    with common.progress(size, "the whole Hessian") as advance:
        columns = []
        for unit in np.eye(size):
            columns.append(product(unit))
            advance()
    H = np.array(columns)
    return np.linalg.eigvalsh((H + H.T) / 2)


# --- the example ---------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    options = common.parsed(common.parser("Costs, norms, condition numbers and curvature.", 300), arguments)
    definitions = eqgen.load(common.HERE / "cost_and_curvature.eq")
    reporter = Reporter(Lowering(definitions.module))
    costs(definitions, reporter)
    step = step_of(definitions, reporter)
    network_tables(step)
    identities(definitions)

    rows = []
    for k, backend in enumerate(options.backends):
        package = common.package(backend, hvp=True)
        if k == 0:
            norms(package, options.seed)
            found = descents(package, options.seed)
        course = curvature(package, options.epochs, options.seed, backend)
        first, last = course["eigenvalues"][0], course["eigenvalues"][-1]
        rows.append([backend, f"{course['losses'][-1]:.4f}", f"{course['norm']:.4f}", f"{first:.4f}", f"{last:.4f}"])
    eigenvalues = spectrum(course["product"], course["size"])
    common.show(
        f"Curvature of a network with {course['size']} parameters, {options.epochs} steps of {LEARNING_RATE:g}",
        ["backend", "loss", "gradient norm", "largest eigenvalue at first", "in the end"],
        rows,
    )
    negative = int((eigenvalues < -1e-6 * eigenvalues[-1]).sum())
    print(
        f"all {len(eigenvalues)} eigenvalues in the end: largest {eigenvalues[-1]:.4f}, smallest {eigenvalues[0]:.4f}, "
        f"{negative} negative"
    )
    draw(options, step, found, course, eigenvalues)


def draw(options: Any, step: Totals, found: Any, course: Any, eigenvalues: Any) -> None:
    """FLOPs of a step, convergence and condition number, curvature along the training, all eigenvalues in the end."""
    with common.picture(options.out, "cost_and_curvature.png", width=8, height=6) as figure:
        (cost, steps), (sharpness, all_of_them) = figure.subplots(2, 2)
        flops = {name: work.flops.value({}) / 1e6 for name, work in step.rewritten.items()}
        bars = cost.bar(list(flops), list(flops.values()), color=common.ACCENT)
        cost.bar_label(bars, [f"{value:.0f}" for value in flops.values()])
        cost.set(title="A training step", ylabel="MFLOP")
        cost.margins(y=0.15)
        steps.loglog([f[0] for f in found], [f[1] for f in found], "o", color=common.SECOND, label="taken")
        kappa = np.geomspace(1.2, CONDITIONS[-1], 100)
        predicted = np.log(PRECISION) / np.log((kappa - 1) / (kappa + 1))
        steps.loglog(kappa, predicted, color=common.INK, linewidth=1, label="by (k - 1) / (k + 1)")
        steps.set(title="Steps of gradient descent", xlabel="condition number k")
        steps.legend()
        sharpness.plot(course["steps"], course["eigenvalues"], color=common.ACCENT, label="largest eigenvalue")
        sharpness.axhline(2 / LEARNING_RATE, color=common.INK, linestyle=":", label="2 / learning rate")
        sharpness.plot(course["steps"], course["losses"], color=common.SECOND, label="loss")
        sharpness.set(title="Curvature along the training", xlabel="step")
        sharpness.legend()
        all_of_them.plot(eigenvalues[::-1], color=common.ACCENT)
        all_of_them.set(title="Eigenvalues in the end", xlabel="number", yscale="symlog")
        all_of_them.set_yscale("symlog", linthresh=1e-3)


if __name__ == "__main__":
    main(sys.argv[1:])
