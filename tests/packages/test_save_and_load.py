"""All parameters and statistics go to a file and come back bit for bit, in any package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.packages.backends import array, every_backend, every_dtype, load

LAYERS = "ReLU;BatchNormalization;SReLU;ActivationDropout(Tanh, 0.5);Linear"
SIZES = [4, 5, 6, 3, 2]


def trained(p: Any, dtype: str = "float32") -> Any:
    """A perceptron that has seen a few batches, so that no parameter and no statistic has its initial value."""
    M = p.parse_multilayer_perceptron(LAYERS, SIZES, "Xavier", "Momentum(0.9)", dtype=dtype, seed=3)
    for seed in range(3):
        Y = M.feedforward(p.from_host(array(seed, 7, 4), dtype))
        M.backpropagate(Y, Y)
        M.optimize(0.1)
    return M


def contents(p: Any, M: Any) -> dict[tuple[int, str], NDArray[Any]]:
    return {(k, name): p.to_host(a) for k, layer in enumerate(M.layers) for name, a in layer.arrays().items()}


@every_backend
@every_dtype
def test_bit_for_bit(backend: str, dtype: str, tmp_path: Path) -> None:
    p = load(backend)
    M = trained(p, dtype)
    M.save(tmp_path / "weights.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.npz"]
    N = p.parse_multilayer_perceptron(LAYERS, SIZES, dtype=dtype)
    optimizer_target = N.layers[0].W
    N.load(tmp_path / "weights.npz")
    assert N.layers[0].W is optimizer_target
    saved, loaded = contents(p, M), contents(p, N)
    assert {name for _, name in saved} >= {"W", "b", "gamma", "beta", "mean", "variance", "al", "tl", "ar", "tr"}
    for key, expected in saved.items():
        assert loaded[key].dtype == dtype
        np.testing.assert_array_equal(loaded[key], expected, err_msg=str(key))
    for network in (M, N):
        network.eval()
    X = p.from_host(array(9, 7, 4), dtype)
    np.testing.assert_array_equal(p.to_host(N.feedforward(X)), p.to_host(M.feedforward(X)))


@every_backend
def test_files_are_the_same_in_every_package(backend: str, tmp_path: Path) -> None:
    p, other = load(backend), load("numpy")
    M = trained(p)
    M.save(tmp_path / "weights.npz")
    N = other.parse_multilayer_perceptron(LAYERS, SIZES)
    N.load(str(tmp_path / "weights.npz"))
    N.save(tmp_path / "again.npz")
    for key, expected in contents(p, M).items():
        np.testing.assert_array_equal(contents(other, N)[key], expected)
    M.load(tmp_path / "again.npz")


@every_backend
@pytest.mark.parametrize(
    ("layers", "sizes", "dtype", "message"),
    [
        ("ReLU;Linear", [4, 5, 2], "float32", r"missing 1\.LinearLayer\.W"),
        (
            "ReLU;BatchNormalization",
            [4, 5],
            "float32",
            r"unexpected 2\.SReLULayer\.W, .*; the file is for other layers",
        ),
        (f"{LAYERS};Linear", [*SIZES, 2], "float32", r"missing 5\.LinearLayer\.W"),
        (LAYERS, [4, 5, 6, 3, 7], "float32", r"4\.LinearLayer\.W has shape \(2, 3\).*expected \(7, 3\)"),
        (LAYERS, SIZES, "float64", r"has shape .* and dtype float32, expected .* and float64"),
    ],
)
def test_other_layers_are_refused_and_nothing_changes(
    backend: str, layers: str, sizes: list[int], dtype: str, message: str, tmp_path: Path
) -> None:
    p = load(backend)
    trained(p).save(tmp_path / "weights.npz")
    N = p.parse_multilayer_perceptron(layers, sizes, "Xavier", dtype=dtype, seed=1)
    before = contents(p, N)
    with pytest.raises(ValueError, match=rf"weights\.npz: .*{message}"):
        N.load(tmp_path / "weights.npz")
    for key, expected in before.items():
        np.testing.assert_array_equal(contents(p, N)[key], expected)


@every_backend
def test_files_of_another_kind_are_refused(backend: str, tmp_path: Path) -> None:
    p = load(backend)
    M = trained(p)
    for name, content in {"empty.npz": b"", "text.npz": b"no archive", "cut.npz": b"PK\x03\x04abc"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is not an .npz file of plain arrays"):
            M.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        M.load(tmp_path / "missing.npz")


@every_backend
def test_a_failed_save_leaves_the_old_file(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = load(backend)
    M = trained(p)
    M.save(tmp_path / "weights.npz")
    before = (tmp_path / "weights.npz").read_bytes()

    def interrupted(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(OSError, match="disk full"):
        M.save(tmp_path / "weights.npz")
    assert (tmp_path / "weights.npz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
