"""Who makes training steps over sparse weights: generated packages, PyTorch with masks, other sparse libraries."""

from __future__ import annotations

from functools import partial

from benchmarks.contestants import BACKENDS, Entry
from benchmarks.contestants.sparse.generated import generated
from benchmarks.contestants.sparse.masked import masked
from benchmarks.contestants.sparse.mkl import mkl
from benchmarks.contestants.sparse.rows import compressed_rows
from benchmarks.contestants.sparse.sparseprop import sparseprop

REFERENCE, AGAIN, FUSED = "masked", "masked-again", "masked-fused"
ROWS, SPARSEPROP, MKL = "torch-csr", "sparseprop", "mkl"

CONTESTANTS: dict[str, Entry] = {
    REFERENCE: Entry("PyTorch, dense with masks", masked),
    AGAIN: Entry("the same in another process: noise", masked),
    FUSED: Entry("the same with `fused=True`", partial(masked, fused=True)),
    **{b: Entry(f"**eqgen_{b}**", partial(generated, b)) for b in BACKENDS},
    ROWS: Entry("PyTorch, compressed rows by hand", compressed_rows),
    SPARSEPROP: Entry("sparseprop from PyPI", sparseprop),
    MKL: Entry("MKL's sparse BLAS by hand", mkl),
}
