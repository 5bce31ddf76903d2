"""The networks of the five references learn what their pages in docs/ say, and draw their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqgen.packages import available_backends
from tests.examples.references import MNIST, NAMES, is_drawn, rows, script

ALL = ("paper_network", "character_model", "binary_classifier", "four_layer_network", "cost_and_curvature")
OTHERS = [backend.name for backend in available_backends()[0] if backend.name != "numpy"]

needs_mnist = pytest.mark.skipif(not MNIST.is_file(), reason=f"no MNIST at {MNIST}: set EQGEN_MNIST to an .npz file")
needs_names = pytest.mark.skipif(not NAMES.is_file(), reason=f"no names at {NAMES}: set EQGEN_NAMES to a text file")


def run(name: str, capsys: pytest.CaptureFixture[str], *options: object) -> str:
    """What a script prints."""
    script(name).main([str(option) for option in options])
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


# --- options -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "numpi"], "there is no backend `numpi`"),
        (["--epochs", "-1"], "found '-1', expected a whole number"),
        (["--seed", "x"], "found 'x', expected a whole number"),
    ],
)
def test_wrong_options_are_refused(
    name: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        script(name).main(options)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["paper_network", "character_model", "four_layer_network"])
def test_a_data_set_that_is_not_there_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        script(name).main(["--data", "nothing.npz"])
    assert caught.value.code == 2
    assert "--data: nothing.npz does not exist" in capsys.readouterr().err


def test_without_names_there_is_nothing_to_learn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EQGEN_NAMES", raising=False)
    printed = run("character_model", capsys)
    assert printed == (
        "character_model: skipped, there are no names; give a text file, one name in each line, with --data\n"
    )


# --- 1: the paper's network, and one of definitions of one's own ---------------------------------------------


def test_paper_network_on_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EQGEN_MNIST", raising=False)
    printed = run("paper_network", capsys, "--epochs", 15, "--narrow", 8, "--out", tmp_path)
    assert "the digits that come with eqgen are used" in printed
    (_, paper, paper_test, _), (_, own, own_test, _) = rows(printed, "numpy")
    assert min(paper, own) > 0.9 and min(paper_test, own_test) > 0.85, printed
    assert is_drawn(tmp_path / "paper_network.png")


@needs_mnist
def test_paper_network_on_mnist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network of one's own ends as docs/reference_1.md says. That of the paper is narrow here; it is trained in
    full, with every backend, in tests/benchmarks."""
    module = script("paper_network")
    monkeypatch.setattr(module, "PAPER", replace(module.PAPER, sizes=(256, 128)))
    printed = run("paper_network", capsys, "--data", MNIST, "--out", tmp_path)
    (_, paper, paper_test, _), (loss, own, own_test, _) = rows(printed, "numpy")
    assert min(paper, paper_test) > 0.92, printed
    assert loss == pytest.approx(0.074, abs=0.004)
    assert own == pytest.approx(0.945, abs=0.006) and own_test == pytest.approx(0.945, abs=0.006)


# --- 2: characters of names ----------------------------------------------------------------------------------


def test_contexts_and_what_follows() -> None:
    module = script("character_model")
    names = module.Names(["ab", "b"], [], ".ab")
    X, T = names.examples(names.train, context=2)
    assert X.tolist() == [[0, 0], [0, 1], [1, 2], [0, 0], [0, 2]]
    assert T.tolist() == [1, 2, 0, 2, 0]


def test_bigram_model() -> None:
    """Counted by hand."""
    module = script("character_model")
    names = module.Names(["ab", "ab", "b"], ["a"], ".ab")
    train, validation = module.bigram_losses(names)
    counts = {".a": 2, ".b": 1, "ab": 2, "b.": 3}
    totals = {".": 3, "a": 2, "b": 3}
    expected = -sum(n * np.log((n + 1) / (totals[pair[0]] + 3)) for pair, n in counts.items()) / 8
    assert train == pytest.approx(expected, rel=1e-12)
    assert validation == pytest.approx(-(np.log(3 / 6) + np.log(1 / 5)) / 2, rel=1e-12)


def test_names_are_split_without_overlap(tmp_path: Path) -> None:
    module = script("character_model")
    path = tmp_path / "names.txt"
    path.write_text("\n".join(["Anna ", *(f"n{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(99)), "anna", ""]))
    names = module.read(path, 0)
    assert len(names.train) == 90 and len(names.validation) == 10
    assert not set(names.train) & set(names.validation) and "anna" in {*names.train, *names.validation}
    assert names.characters[0] == module.END and names != module.read(path, 1)
    path.write_text("anna\nberta\n")
    with pytest.raises(ValueError, match="has 2 names, expected at least 20"):
        module.read(path, 0)
    path.write_text("\n".join(f"a.{k}" for k in range(30)))
    with pytest.raises(ValueError, match="occurs in a name"):
        module.read(path, 0)


@pytest.mark.parametrize("backend", ["numpy", *OTHERS])
def test_context_embedding_is_that_of_torch(backend: str) -> None:
    """Indices that are repeated, within a context and in several: their gradients accumulate."""
    torch = pytest.importorskip("torch")
    module, package = script("character_model"), script("common").package(backend)
    random = np.random.default_rng(0)
    X, DY = np.array([[1, 1, 0], [4, 1, 2], [0, 4, 4], [1, 0, 1]]), random.normal(size=(4, 6))
    layer = module.context_embedding(package, 5, 2)
    layer.E = random.normal(size=(5, 2)).astype(np.float32)
    table = torch.nn.Embedding(5, 2)
    with torch.no_grad():
        table.weight.copy_(torch.from_numpy(package.to_host(layer.E)))
    expected = table(torch.from_numpy(X)).reshape(4, 6)
    expected.backward(torch.from_numpy(DY.astype(np.float32)))

    Y = layer.feedforward(package.from_host(X))
    layer.backpropagate(Y, package.from_host(DY, "float32"))
    np.testing.assert_array_equal(package.to_host(Y), expected.detach().numpy())
    np.testing.assert_allclose(package.to_host(layer.DE), table.weight.grad.numpy(), rtol=1e-5, atol=1e-6)
    assert not package.to_host(layer.DE)[3].any(), "3 does not occur"


def syllables(path: Path) -> Path:
    """Names that a model with more than one character of memory can predict better than one with one."""
    random = np.random.default_rng(0)
    parts = ["ana", "ati", "anu", "bel", "bor", "bix"]
    path.write_text("\n".join({"".join(random.choice(parts, 3)) for _ in range(300)}))
    return path


def test_character_model_on_syllables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = syllables(tmp_path / "names.txt")
    options = ("--data", names, "--epochs", 6, "--hidden", 32, "--out", tmp_path)
    printed = run("character_model", capsys, *options)
    ((bigram_train, bigram),), ((train, validation, _),) = rows(printed, "bigram model"), rows(printed, "numpy")
    assert train < bigram_train - 0.1 and validation < bigram - 0.1, printed
    assert is_drawn(tmp_path / "character_model.png")
    assert run("character_model", capsys, *options).partition("new names")[2] == printed.partition("new names")[2]


@needs_names
def test_character_model_on_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As docs/reference_2.md says; other seeds end 0.01 to either side."""
    printed = run("character_model", capsys, "--data", NAMES, "--out", tmp_path)
    ((_, bigram),), ((train, validation, _),) = rows(printed, "bigram model"), rows(printed, "numpy")
    assert bigram == pytest.approx(2.359, abs=0.02)
    assert train == pytest.approx(1.922, abs=0.03) and validation == pytest.approx(1.999, abs=0.03)
    assert validation < bigram - 0.3


# --- 3: two interleaved classes ------------------------------------------------------------------------------


def test_binary_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run("binary_classifier", capsys, "--out", tmp_path)
    ((loss, train, test),) = rows(printed, "numpy")
    assert loss < 0.12 and train > 0.96 and test > 0.96, printed
    assert is_drawn(tmp_path / "binary_classifier.png")


def test_no_line_separates_the_two_classes() -> None:
    """Least squares, the best that a line does here, stays clearly behind what the network reaches."""
    module = script("binary_classifier")
    X, T = module.crescents(400, 0)
    features = np.column_stack([X, np.ones(len(X))])
    line = features @ np.linalg.lstsq(features, T, rcond=None)[0]
    assert module.accuracy(line, T) < 0.93


# --- 4: four layers ------------------------------------------------------------------------------------------


@needs_mnist
def test_four_layer_network_on_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run("four_layer_network", capsys, "--data", MNIST, "--out", tmp_path)
    ((loss, train, test_loss, test, _),) = rows(printed, "numpy")
    assert loss < 0.11 and train > 0.966, printed
    assert test_loss < 0.14 and test > 0.957, printed
    assert is_drawn(tmp_path / "four_layer_network.png")


def test_the_deltas_are_what_automatic_differentiation_gives() -> None:
    """The loss of the reference, a mean over the batch, with the network written out for PyTorch."""
    torch = pytest.importorskip("torch")
    module, package = script("four_layer_network"), script("common").package("torch")
    M = module.network(package, (6, 5, 3), 1)
    layer = M.layers[0]
    random = np.random.default_rng(0)
    X = torch.from_numpy(random.normal(size=(7, 6)).astype(np.float32))
    T = torch.eye(3)[random.integers(0, 3, 7)]
    P = {name: getattr(layer, name).clone().requires_grad_() for name in layer.PARAMETERS}
    A = X
    for k in (1, 2, 3):
        A = torch.relu(A @ P[f"W{k}"] + P[f"b{k}"])
    torch.nn.functional.cross_entropy(A @ P["W4"] + P["b4"], T).backward()

    loss = package.parse_loss_function("SoftmaxCrossEntropy")
    Y = M.feedforward(X)
    M.backpropagate(Y, loss.gradient(Y, T, one_hot=True) / 7)
    for name, parameter in P.items():
        found = package.to_host(getattr(layer, f"D{name}"))
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


# --- 5: cost and curvature -----------------------------------------------------------------------------------


def test_cost_and_curvature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run("cost_and_curvature", capsys, "--epochs", 20, "--out", tmp_path)
    assert rows(printed, "forward + backward")[0][1] == pytest.approx(3, abs=0.01), "the rule of 3"
    assert printed.count("│  proved │") == 8
    (parameters,), (activations,) = rows(printed, "parameter"), rows(printed, "activation")
    assert parameters[0] == 784 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 10 + 10
    assert activations[0] == 100 * (784 + 2 * 1024 + 2 * 512)
    for kappa in (3, 10, 30, 100):
        ((steps, factor, predicted),) = rows(printed, f"{kappa}.000")
        assert factor == pytest.approx(predicted, abs=1e-3)
        assert steps == pytest.approx(np.log(1e-6) / np.log((kappa - 1) / (kappa + 1)), abs=1.5)
    assert [row[-1] for row in rows(printed, "gradient of W1")] == [1.0], "clipped"
    ((loss, _, _, largest),) = rows(printed, "numpy")
    assert loss < 2 and f"largest {largest:.4f}" in printed, "power iteration and the whole Hessian agree"
    assert is_drawn(tmp_path / "cost_and_curvature.png")


def test_hessian_products_are_differences_of_gradients() -> None:
    module, package = script("cost_and_curvature"), script("common").package("numpy", hvp=True)
    M, X, T = module.digits_network(package, 3)
    loss = package.SoftmaxCrossEntropyLossFunction()
    v = np.random.default_rng(1).normal(size=module.parameters(package, M).size)
    Hv = module.hessian_of(package, M, X, T, loss)(v)

    def gradient(sign: float, step: float = 1e-5) -> Any:
        start = 0
        saved = [{name: package.to_host(getattr(layer, name)) for name in layer.PARAMETERS} for layer in M.layers]
        for layer, arrays in zip(M.layers, saved, strict=True):
            for name, array in arrays.items():
                setattr(layer, name, array + sign * step * v[start : start + array.size].reshape(array.shape))
                start += array.size
        Y = M.feedforward(X)
        M.backpropagate(Y, loss.gradient(Y, T))
        for layer, arrays in zip(M.layers, saved, strict=True):
            for name, array in arrays.items():
                setattr(layer, name, array)
        return module.gradients(package, M)

    np.testing.assert_allclose(Hv, (gradient(1) - gradient(-1)) / 2e-5, rtol=1e-5, atol=1e-5)


# --- the other backends --------------------------------------------------------------------------------------


@pytest.mark.timeout(1200)  # C++ is compiled
@pytest.mark.parametrize("backend", OTHERS)
def test_every_backend_learns_the_same(backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = f"numpy,{backend}"
    names = syllables(tmp_path / "names.txt")
    for name, measured, options in (
        ("binary_classifier", 3, ["--epochs", 20]),
        ("four_layer_network", 4, ["--epochs", 1, "--hidden", 8, "--data", script("common").digits()]),
        ("character_model", 2, ["--epochs", 1, "--hidden", 8, "--data", names]),
    ):
        printed = run(name, capsys, "--backend", both, "--out", tmp_path, *options)
        (expected,), (found,) = rows(printed, "numpy"), rows(printed, backend)
        assert found[:measured] == pytest.approx(expected[:measured], abs=2e-3), printed
