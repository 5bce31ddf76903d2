"""One epoch on MNIST with the settings of the paper's Table 2: every backend ends where the paper does.

The data set is `$EQGEN_MNIST`, or `../shared/data/mnist.npz` beside the project; without it the test is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eqgen.backends.protocol import backends

DATASET = Path(os.environ.get("EQGEN_MNIST") or Path(__file__).parents[2].parent / "shared" / "data" / "mnist.npz")
SETTINGS = {
    "layers": "ReLU;ReLU;Linear",
    "layer-sizes": "784;1024;512;10",
    "layer-weights": "XavierNormalized",
    "optimizers": "Nesterov(0.9)",
    "learning-rate": "0.01",
    "batch-size": "100",
    "epochs": "1",
    "seed": "0",
}


def train(backend: str) -> dict[str, float]:
    """The last epoch that `eqgen train --json` reports."""
    options = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    program = [sys.executable, "-c", "from eqgen.cli import main; main()"]
    command = [*program, "train", "--json", "--backend", backend, "--dataset", str(DATASET)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    epochs: list[dict[str, float]] = json.loads(done.stdout)["epochs"]
    return epochs[-1]


@pytest.mark.timeout(900)
@pytest.mark.skipif(not DATASET.is_file(), reason=f"no MNIST at {DATASET}: set EQGEN_MNIST to an .npz file")
def test_all_backends_end_where_the_paper_does() -> None:
    """Loss 0.204, train accuracy 0.940, test accuracy 0.939; seeds spread the loss by 0.004 either way."""
    last = {name: train(name) for name, backend in sorted(backends().items()) if backend.is_available()}
    losses = [epoch["loss"] for epoch in last.values()]
    assert max(losses) - min(losses) <= 1e-3, last
    for name, epoch in last.items():
        assert epoch["loss"] == pytest.approx(0.204, abs=0.006), name
        assert epoch["train_accuracy"] == pytest.approx(0.940, abs=0.004), name
        assert epoch["test_accuracy"] == pytest.approx(0.939, abs=0.004), name
