"""Who makes training steps in a benchmark: generated packages, frameworks by themselves, the paper's own packages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contestants.autodiff import jax_autodiff, keras_model
from benchmarks.contestants.generated import generated
from benchmarks.contestants.peers import peer
from benchmarks.contestants.pytorch import pytorch

if TYPE_CHECKING:
    from benchmarks.contestants.training import Contestant

BACKENDS = ("cpp", "torch", "numpy", "jax", "tensorflow")
REFERENCE, AGAIN = "pytorch", "pytorch-again"


@dataclass(frozen=True)
class Entry:
    """A contestant: its title in tables, and what makes its training."""

    title: str
    make: Contestant


CONTESTANTS: dict[str, Entry] = {
    REFERENCE: Entry("PyTorch: `nn.Module`, autograd, `torch.optim.SGD`", pytorch),
    AGAIN: Entry("the same in another process: noise", pytorch),
    "pytorch-foreach": Entry("the same with `foreach=True`", partial(pytorch, foreach=True)),
    "pytorch-fused": Entry("the same with `fused=True`", partial(pytorch, fused=True)),
    "pytorch-compile": Entry("`torch.compile`, `fused=True`", partial(pytorch, compiled=True, fused=True)),
    **{b: Entry(f"**eqgen_{b}**", partial(generated, b)) for b in BACKENDS},
    "jax-autodiff": Entry("JAX: `jit(value_and_grad)`, donated", jax_autodiff),
    "keras": Entry("Keras on TensorFlow: `train_on_batch`", keras_model),
    **{f"nerva-{f}": Entry(f"nerva-{f} from PyPI", partial(peer, f)) for f in ("torch", "numpy", "jax", "tensorflow")},
}
