"""The libraries of matrix products that a compiled package can be linked with, and what they bring into a process.

MKL comes with three threading layers. GNU's and Intel's are OpenMP runtimes; a second one in a process oversubscribes
the processor and may end in a deadlock. PyTorch brings one, so a layer that needs another than PyTorch's is excluded
where PyTorch is installed. TBB and OpenBLAS keep threads of their own, which only wait while they have nothing to do.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from eqgen.backends.toolchain import Component, Toolchain, library_file

DEFAULT = "mkl"
"""Where nothing was measured and MKL is there."""

NONE = "eigen"
"""No library: what the package's own kernels leave over, Eigen multiplies."""

_MKL_PARTS = ("mkl_intel_lp64", "mkl_{}_thread", "mkl_core")
_RUNTIMES = re.compile(r"lib(?:gomp|iomp5|omp)(?=[-.])")


@dataclass(frozen=True, slots=True)
class Blas:
    """One way to link, found or not.

    name       as in settings and records
    title      for people, and what a package's `info()` says
    component  where it is, with the fix when it is missing
    macros     name -> value, defined for the units that ask for them
    links      flags of the linker
    openmp     the OpenMP runtime that it needs in the place of the compiler's, "" for none
    excluded   why it must not be used here although it was found, "" when it may
    """

    name: str
    title: str
    component: Component
    macros: dict[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    openmp: str = ""
    excluded: str = ""

    @property
    def is_usable(self) -> bool:
        return self.component.found and not self.excluded


def candidates(toolchain: Toolchain) -> tuple[Blas, ...]:
    """All that could be linked with, the default first; those that are missing too."""
    mkl, is_clang = toolchain.mkl, toolchain.is_clang
    gnu = () if is_clang else ("-lgomp",)
    return (
        _mkl(DEFAULT, "MKL", mkl, "gnu", gnu),
        _with_tbb(mkl),
        _with_intel(mkl),
        _openblas(toolchain.openblas),
        Blas(NONE, "Eigen", toolchain.eigen),
    )


def _mkl(name: str, title: str, mkl: Component, threads: str, links: tuple[str, ...], **more: str) -> Blas:
    folder = mkl.library_folder
    if not mkl.found or folder is None:
        return Blas(name, title, mkl)
    names = [part.format(threads) for part in _MKL_PARTS]
    files = [library_file(folder, part) for part in names]
    if not all(files):
        lacking = ", ".join(part for part, file in zip(names, files, strict=True) if not file)
        return Blas(name, title, _missing(title, f"{folder} has no {lacking}", "pip install mkl-devel"))
    # MKL's parts call each other without saying so: a linker that drops what seems unused would break them.
    flags = ("-Wl,--no-as-needed", f"-L{folder}", *(f"-l:{file}" for file in files), *links, f"-Wl,-rpath,{folder}")
    macros = {"EQGEN_MKL": "1", "EQGEN_BLAS": f'"{title}"', "EQGEN_BLAS_VERSION": f'"{mkl.version}"'}
    return Blas(name, title, mkl, macros, flags, **more)


def _with_tbb(mkl: Component) -> Blas:
    name, title = "mkl-tbb", "MKL (TBB threads)"
    library = library_file(mkl.library_folder, "tbb") if mkl.library_folder else ""
    is_header = mkl.include is not None and (mkl.include / "tbb" / "global_control.h").is_file()
    if mkl.found and not (library and is_header):
        return Blas(name, title, _missing(title, "TBB's library or headers are not beside MKL's", _TBB_FIX))
    # Named itself, although MKL's part names it too: only so is it looked for in the folder of this library's rpath.
    found = _mkl(name, title, mkl, "tbb", (f"-l:{library}",))
    return replace(found, macros={**found.macros, "EQGEN_TBB": "1"})


_TBB_FIX = "pip install tbb-devel"


def _with_intel(mkl: Component) -> Blas:
    """Intel's runtime knows the functions that GCC calls, and takes the place of GNU's rather than standing beside."""
    name, title, runtime = "mkl-intel", "MKL (Intel threads)", "libiomp5"
    library = library_file(mkl.library_folder, "iomp5") if mkl.library_folder else ""
    if mkl.found and not library:
        return Blas(name, title, _missing(title, "Intel's OpenMP is not beside MKL", "pip install intel-openmp"))
    theirs = torch_runtimes()
    clash = ", ".join(sorted(theirs - {runtime}))
    excluded = f"PyTorch is installed and uses {clash}: {runtime} would be a second OpenMP runtime" if clash else ""
    return _mkl(name, title, mkl, "intel", (f"-l:{library}", "-pthread"), openmp=runtime, excluded=excluded)


def _openblas(found: Component) -> Blas:
    name, title, folder = "openblas", "OpenBLAS", found.library_folder
    if not found.found:
        return Blas(name, title, found)
    macros = {"EQGEN_OPENBLAS": "1", "EQGEN_BLAS": f'"{title}"', "EQGEN_BLAS_VERSION": f'"{found.version}"'}
    files = tuple(f"-l:{file}" for file in found.libraries)
    return Blas(name, title, found, macros, (f"-L{folder}", *files, f"-Wl,-rpath,{folder}"))


def _missing(title: str, note: str, fix: str) -> Component:
    return Component(title, False, fix=fix, note=note, required=False)


def torch_runtimes() -> set[str]:
    """The OpenMP runtimes of the PyTorch that is installed: `libgomp`. Empty without PyTorch, which is not imported.

    By the library in which PyTorch lists what must be loaded first, else by the files that came with it.
    """
    spec = importlib.util.find_spec("torch")
    folders = [Path(p) / "lib" for p in (spec.submodule_search_locations or ())] if spec is not None else []
    found: set[str] = set()
    for folder in folders:
        for path in folder.glob("libtorch_global_deps.*"):
            found |= runtimes_in(path.read_bytes().decode("latin-1"))
        for beside in (folder, folder.parent.parent / "torch.libs"):
            found |= runtimes_in("\n".join(p.name for p in beside.glob("lib*omp*")))
    return found


def runtimes_in(text: str) -> set[str]:
    """The OpenMP runtimes that a text names, versions apart: of file names, or of `/proc/self/maps`."""
    return set(_RUNTIMES.findall(text))
