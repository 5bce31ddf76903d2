"""Hessian-vector products of generated packages against PyTorch's, against finite differences, and by symmetry."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import eqgen
from eqgen.language.diagnostics import DiagnosticError
from tests.packages.backends import FRAMEWORKS, array, load

torch = pytest.importorskip("torch")

Host = NDArray[np.float64]
Torch = Any

ROWS, INPUTS, HIDDEN, OUTPUTS = 7, 4, 5, 3
EPSILON = 1e-5


def linear(X: Torch, W: Torch, b: Torch) -> Torch:
    return X @ W.T + b


OUTSIDE: dict[str, Callable[..., Torch]] = {
    "Linear": linear,
    "Tanh": lambda X, W, b: torch.tanh(linear(X, W, b)),
    "Sigmoid": lambda X, W, b: torch.sigmoid(linear(X, W, b)),
    "ReLU": lambda X, W, b: torch.relu(linear(X, W, b)),
    "SiLU": lambda X, W, b: torch.nn.functional.silu(linear(X, W, b)),
    "GELU": lambda X, W, b: torch.nn.functional.gelu(linear(X, W, b)),
    "ELU(0.7)": lambda X, W, b: torch.nn.functional.elu(linear(X, W, b), alpha=0.7),
    "Softmax": lambda X, W, b: torch.softmax(linear(X, W, b), dim=1),
    "LogSoftmax": lambda X, W, b: torch.log_softmax(linear(X, W, b), dim=1),
    "BatchNormalization": lambda X, gamma, beta: torch.nn.functional.batch_norm(
        X, None, None, gamma.reshape(-1), beta.reshape(-1), training=True, eps=EPSILON
    ),
    "LayerNormalization": lambda X, gamma, beta: torch.nn.functional.layer_norm(
        X, (X.shape[1],), gamma.reshape(-1), beta.reshape(-1), eps=EPSILON
    ),
}
"""What PyTorch computes for a layer of this name."""

LOSSES: dict[str, Callable[[Torch, Torch], Torch]] = {
    "SquaredError": lambda Y, T: ((Y - T) ** 2).sum(),
    "SoftmaxCrossEntropy": lambda Y, T: torch.nn.functional.cross_entropy(Y, T, reduction="sum"),
    "CrossEntropy": lambda Y, T: -(T * torch.log(Y)).sum(),
    "LogisticCrossEntropy": lambda Y, T: -(T * torch.nn.functional.logsigmoid(Y)).sum(),
    "NegativeLogLikelihood": lambda Y, T: -torch.log((Y * T).sum(dim=1)).sum(),
}

NETWORKS = [
    ("Linear", "SquaredError"),
    ("Tanh;Linear", "SoftmaxCrossEntropy"),
    ("Sigmoid;Linear", "SquaredError"),
    ("ReLU;Linear", "SoftmaxCrossEntropy"),
    ("SiLU;GELU", "SquaredError"),
    ("ELU(0.7);Linear", "LogisticCrossEntropy"),
    ("Tanh;Softmax", "CrossEntropy"),
    ("Tanh;Softmax", "NegativeLogLikelihood"),
    ("Softmax;LogSoftmax", "SquaredError"),
    ("Linear;BatchNormalization;Linear", "SoftmaxCrossEntropy"),
    ("BatchNormalization;Tanh;LayerNormalization;LogSoftmax", "SquaredError"),
]


def package(backend: str) -> Any:
    if importlib.util.find_spec(FRAMEWORKS[backend]) is None:
        pytest.skip(f"{FRAMEWORKS[backend]} is not installed")
    return eqgen.library().compile(backend, hvp=True)


def network(p: Any, layers: str, dtype: str = "float64") -> Any:
    """A perceptron all of whose parameters are random."""
    count = sum(name not in ("BatchNormalization", "LayerNormalization") for name in layers.split(";"))
    M = p.parse_multilayer_perceptron(layers, [INPUTS, *[HIDDEN] * (count - 1), OUTPUTS], dtype=dtype)
    for k, layer in enumerate(M.layers):
        for j, name in enumerate(layer.PARAMETERS):
            setattr(layer, name, array(100 * k + j, *getattr(layer, name).shape))
    return M


def directions(p: Any, M: Any, seed: int, dtype: str = "float64") -> tuple[list[dict[str, Any]], list[dict[str, Host]]]:
    """Random directions, for the package and on the host."""
    host = [
        {name: array(seed + 10 * k + j, *getattr(layer, name).shape) for j, name in enumerate(layer.PARAMETERS)}
        for k, layer in enumerate(M.layers)
    ]
    return [{name: p.from_host(x, dtype) for name, x in blocks.items()} for blocks in host], host


def batch(loss: str) -> tuple[Host, Host]:
    X = array(1, ROWS, INPUTS)
    T = np.eye(OUTPUTS)[np.arange(ROWS) % OUTPUTS]
    return X, T if loss != "SquaredError" else array(2, ROWS, OUTPUTS)


def product(p: Any, M: Any, loss: str, v: Any, dtype: str = "float64") -> list[dict[str, Host]]:
    X, T = (p.from_host(x, dtype) for x in batch(loss))
    blocks = importlib.import_module(f"{p.__name__}.hessian").hessian_vector_product(M, X, T, loss, v)
    return [{name: np.array(p.to_host(x)) for name, x in block.items()} for block in blocks]


def by_torch(p: Any, M: Any, layers: str, loss: str, v: list[dict[str, Host]]) -> list[dict[str, Host]]:
    X, T = (torch.tensor(x) for x in batch(loss))
    names = [(k, name) for k, layer in enumerate(M.layers) for name in layer.PARAMETERS]
    point = tuple(torch.tensor(np.array(p.to_host(getattr(M.layers[k], name)))) for k, name in names)

    def value(*parameters: Torch) -> Torch:
        Y, left = X, list(parameters)
        for text, layer in zip(layers.split(";"), M.layers, strict=True):
            own, left = left[: len(layer.PARAMETERS)], left[len(layer.PARAMETERS) :]
            Y = OUTSIDE[text](Y, *own)
        return LOSSES[loss](Y, T)

    _, blocks = torch.autograd.functional.hvp(value, point, tuple(torch.tensor(v[k][name]) for k, name in names))
    found: list[dict[str, Host]] = [{} for _ in M.layers]
    for (k, name), block in zip(names, blocks, strict=True):
        found[k][name] = block.numpy()
    return found


def assert_close(actual: list[dict[str, Host]], expected: list[dict[str, Host]], tolerance: float) -> None:
    """Within a tolerance relative to the largest entry of all blocks."""
    scale = max(float(np.abs(x).max()) for block in expected for x in block.values())
    assert scale > 1e-3
    for a, e in zip(actual, expected, strict=True):
        assert a.keys() == e.keys()
        for name in e:
            assert a[name].shape == e[name].shape
            assert float(np.abs(a[name] - e[name]).max()) <= tolerance * scale, name


CASES = [
    pytest.param(backend, *case, id=f"{backend}-{'-'.join(case)}")
    for backend in FRAMEWORKS
    for case in (NETWORKS if backend == "numpy" else [NETWORKS[k] for k in (4, 6, 10)])
]
"""All networks in one package; the others print the same statements."""


@pytest.mark.parametrize(("backend", "layers", "loss"), CASES)
def test_products_are_those_of_torch(backend: str, layers: str, loss: str) -> None:
    p = package(backend)
    M = network(p, layers)
    v, host = directions(p, M, 7)
    assert_close(product(p, M, loss, v), by_torch(p, M, layers, loss, host), 1e-12)


@pytest.mark.parametrize("backend", ["numpy", "torch", "cpp"])
def test_single_precision(backend: str) -> None:
    p = package(backend)
    layers, loss = "Tanh;LayerNormalization;Softmax", "SquaredError"
    M = network(p, layers, "float32")
    v, _ = directions(p, M, 3, "float32")
    (block, *_) = product(p, M, loss, v, "float32")
    assert block["W"].dtype == np.float32
    double = network(p, layers)
    expected = product(p, double, loss, directions(p, double, 3)[0])
    assert_close(product(p, M, loss, v, "float32"), expected, 2e-5)


@pytest.mark.parametrize(
    ("layers", "loss"), [*NETWORKS[1:3], ("SReLU;Linear", "SquaredError"), ("LeakyReLU(0.1);Softplus", "SquaredError")]
)
def test_products_are_differences_of_gradients(layers: str, loss: str) -> None:
    """(gradient(theta + h v) - gradient(theta - h v)) / 2h, with the gradients that the package backpropagates."""
    p = package("numpy")
    M = network(p, layers)
    v, host = directions(p, M, 5)
    X, T = batch(loss)
    point = [{name: np.array(getattr(layer, name)) for name in layer.PARAMETERS} for layer in M.layers]
    h = 1e-5
    gradients = []
    for sign in (1, -1):
        for layer, at, along in zip(M.layers, point, host, strict=True):
            for name in layer.PARAMETERS:
                setattr(layer, name, at[name] + sign * h * along[name])
        Y = M.feedforward(X)
        M.backpropagate(Y, p.parse_loss_function(loss).gradient(Y, T))
        gradients.append([{n: np.array(getattr(x, f"D{n}")) for n in x.PARAMETERS} for x in M.layers])
    for layer, at in zip(M.layers, point, strict=True):
        for name in layer.PARAMETERS:
            setattr(layer, name, at[name])
    expected = [{n: (a[n] - b[n]) / (2 * h) for n in a} for a, b in zip(*gradients, strict=True)]
    assert_close(product(p, M, loss, v), expected, 1e-7)


OWN = """\
layer Bilinear
    dims    N, D, H, K
    input   A: N x D
    param   U: H x D
    param   V: K x H
    output  B: N x K

    forward
        Z = A * U.T
        B = tanh(Z) * V.T

layer Hidden(act)
    dims    N, D
    input   X: N x D
    output  Y: N x D

    forward
        Y = act(2 * X)
"""


def test_names_and_derived_gradients_of_ones_own() -> None:
    """Every entry of the Hessian, from products with unit vectors, is that of PyTorch."""
    p = eqgen.loads(OWN.partition("layer Hidden")[0]).compile("numpy", hvp=True)
    hessian = importlib.import_module(f"{p.__name__}.hessian")
    M = p.MultilayerPerceptron([p.BilinearLayer(3, 2, 2, dtype="float64")])
    (layer,) = M.layers
    layer.U, layer.V = array(1, 2, 3), array(2, 2, 2)
    X, T = array(3, 4, 3), array(4, 4, 2)
    rows = []
    for unit in np.eye(10):
        v = [{"U": unit[:6].reshape(2, 3), "V": unit[6:].reshape(2, 2)}]
        (block,) = hessian.hessian_vector_product(M, X, T, "SquaredError", v)
        rows.append(np.concatenate([block["U"].reshape(-1), block["V"].reshape(-1)]))

    def value(theta: Torch) -> Torch:
        Z = torch.tensor(X) @ theta[:6].reshape(2, 3).T
        return ((torch.tanh(Z) @ theta[6:].reshape(2, 2).T - torch.tensor(T)) ** 2).sum()

    theta = torch.tensor(np.concatenate([np.array(layer.U).reshape(-1), np.array(layer.V).reshape(-1)]))
    expected = torch.autograd.functional.hessian(value, theta).numpy()
    assert np.abs(np.array(rows) - expected).max() <= 1e-12 * np.abs(expected).max()


def test_a_layer_that_does_not_keep_what_is_needed_says_so() -> None:
    with pytest.raises(DiagnosticError) as error:
        eqgen.loads(OWN.partition("\nlayer Hidden")[2].join(["layer Hidden", ""])).compile("numpy", hvp=True)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E301" and "`Hidden` has no Hessian-vector products" in diagnostic.message
    assert "give the operand of act a name" in diagnostic.hint


def test_an_embedding_is_a_first_layer() -> None:
    """Its input does not move; the rows of its table do."""
    p = package("numpy")
    M = p.MultilayerPerceptron(
        [p.EmbeddingLayer(6, 4, dtype="float64"), p.ActivationLayer(4, 3, p.TanhActivation(), dtype="float64")]
    )
    for k, layer in enumerate(M.layers):
        for name in layer.PARAMETERS:
            setattr(layer, name, array(k, *getattr(layer, name).shape))
    X, T = np.array([[0], [3], [3], [5]]), array(9, 4, 3)
    v, _ = directions(p, M, 1)
    u, _ = directions(p, M, 2)
    hessian = importlib.import_module(f"{p.__name__}.hessian")
    Hv, Hu = (hessian.hessian_vector_product(M, X, T, "SquaredError", w) for w in (v, u))
    assert not Hv[0]["E"][[1, 2, 4]].any() and Hv[0]["E"][[0, 3, 5]].all()
    # H is symmetric: u' H v = v' H u.
    left, right = (
        sum(float((a[n] * b[n]).sum()) for a, b in zip(x, y, strict=True) for n in a) for x, y in ((u, Hv), (v, Hu))
    )
    assert abs(left - right) <= 1e-12 * abs(left)


def test_nothing_else_changes() -> None:
    p = package("numpy")
    M = network(p, "BatchNormalization;Linear")
    v, _ = directions(p, M, 1)
    before = [{n: np.array(x) for n, x in layer.arrays().items()} for layer in M.layers]
    gradients = [np.array(M.layers[1].DW), np.array(M.layers[0].Dgamma)]
    product(p, M, "SquaredError", v)
    for layer, old in zip(M.layers, before, strict=True):
        for name, x in layer.arrays().items():
            assert (np.array(x) == old[name]).all(), name
    assert (gradients[0] == M.layers[1].DW).all() and (gradients[1] == M.layers[0].Dgamma).all()


def test_a_missing_direction_is_zero() -> None:
    p = package("numpy")
    M = network(p, "Tanh;Linear")
    v, _ = directions(p, M, 1)
    zero = [{**block, "b": np.zeros_like(block["b"])} for block in v]
    assert_close(product(p, M, "SquaredError", [{"W": block["W"]} for block in v]),
                 product(p, M, "SquaredError", zero), 0)  # fmt: skip


def test_what_does_not_fit_is_refused() -> None:
    p = package("numpy")
    M = network(p, "Tanh;Linear")
    v, _ = directions(p, M, 1)
    with pytest.raises(ValueError, match="directions for 1 layers, expected 2"):
        product(p, M, "SquaredError", v[:1])
    with pytest.raises(ValueError, match="layer 0, ActivationLayer, has no parameter V, only W, b"):
        product(p, M, "SquaredError", [{"V": v[0]["W"]}, {}])
    with pytest.raises(ValueError, match=r"directions\[0\]\['W'\]"):
        product(p, M, "SquaredError", [{"W": v[1]["W"]}, {}])
    M.eval()
    with pytest.raises(RuntimeError, match=r"evaluation mode; call train\(\) first"):
        product(p, M, "SquaredError", v)
    M.train()

    class Other(p.TanhActivation):  # type: ignore[name-defined, misc]
        pass

    M.layers[0].act = Other()
    with pytest.raises(TypeError, match="f'' of Other is not known"):
        product(p, M, "SquaredError", v)


def test_packages_have_them_on_request_only() -> None:
    plain = load("numpy")
    assert importlib.util.find_spec(f"{plain.__name__}.hessian") is None
    assert not [name for name in dir(plain.functional) if "_r_" in name or "second_derivative" in name]


@pytest.mark.parametrize("backend", FRAMEWORKS)
@pytest.mark.parametrize("loss", ["cross_entropy", "kl_divergence", "binary_cross_entropy"])
def test_conventions_of_losses_hold_at_probabilities_of_0_and_1(backend: str, loss: str) -> None:
    """What the target does not select is 0 in the gradient for every probability, so its tangent is 0, too."""
    p = package(backend)
    Y = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.5], [0.5, 1.0, 0.0]])
    T = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.25, 1.0, 0.0]])
    RY = array(7, 3, 3)
    terms = [(T, Y)] + [(1 - T, 1 - Y)] * (loss == "binary_cross_entropy")
    expected = sum(RY * np.divide(t, y**2, out=np.zeros_like(y), where=t != 0) for t, y in terms)
    function = getattr(p.functional, f"{loss}_loss_r_gradient")
    found = p.to_host(function(*(p.from_host(x, "float64") for x in (Y, T, RY))))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    selected = p.to_host(function(*(p.from_host(x, "float64") for x in (Y[:1], T[:1] + 0.5, abs(RY[:1])))))
    assert np.isposinf(selected[0, 0]) and np.isfinite(selected[0, 1:]).all()
