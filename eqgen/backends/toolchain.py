"""What compiled packages are built with: compiler, Eigen, MKL, pybind11, Python's headers. Found, never assumed.

Nothing is downloaded and nothing is run but the compiler. Each result says what to do when a thing is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eqgen.language.diagnostics import DiagnosticError, file_diagnostic

MKL_LIBRARIES = ("mkl_intel_lp64", "mkl_gnu_thread", "mkl_core")
"""32-bit sizes, the threads of GNU OpenMP, and the kernels. Not `mkl_rt`, which loads a second OpenMP runtime when it
comes into a process before a library that was linked with GNU's."""

_COMPILERS = ("g++", "clang++", "c++")
_PROBE_SECONDS = 30


class ToolchainError(DiagnosticError):
    """A compiled package cannot be built here: E506 something is missing, E508 the compiler rejected a source."""

    def __init__(self, code: str, message: str, hint: str = "", details: str = "") -> None:
        super().__init__([file_diagnostic(code, "compiled package", message, hint)])
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details
        """All that the compiler said, where it ran."""


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that is needed, found or not.

    where     the path a person would look at, "" when missing
    fix       the command that installs it, "" when found
    note      what its absence means, or what is special about what was found
    required  whether nothing can be built without it
    command   how the compiler is called
    include   folder for the compiler's search path
    libraries folder and file names to link with
    identity  changes whenever products made with it must be made again
    """

    name: str
    found: bool
    where: str = ""
    version: str = ""
    fix: str = ""
    note: str = ""
    required: bool = True
    command: tuple[str, ...] = ()
    include: Path | None = None
    library_folder: Path | None = None
    libraries: tuple[str, ...] = ()
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Everything a build asks for."""

    compiler: Component
    eigen: Component
    mkl: Component
    openblas: Component
    pybind11: Component
    python: Component

    @property
    def components(self) -> tuple[Component, ...]:
        return (self.compiler, self.eigen, self.mkl, self.openblas, self.pybind11, self.python)

    @property
    def is_clang(self) -> bool:
        return self.compiler.version.startswith("clang")

    def require(self) -> None:
        """Raises ToolchainError (E506) that names all required things that are missing, with the commands that help."""
        missing = [component for component in self.components if component.required and not component.found]
        if missing:
            names = " and ".join(component.name for component in missing)
            notes = "; ".join(component.note for component in missing if component.note)
            message = f"cannot compile: {names} not found" + (f" ({notes})" if notes else "")
            raise ToolchainError("E506", message, "; ".join(component.fix for component in missing))


def find_toolchain(architecture: str = "native") -> Toolchain:
    """Look for everything. `architecture` is the processor to compile for, as the compiler's `-march` takes it."""
    return Toolchain(
        find_compiler(architecture), find_eigen(), find_mkl(), find_openblas(), find_pybind11(), find_python()
    )


def find_compiler(architecture: str = "native") -> Component:
    """The compiler that `$CXX` names, else the first of g++, clang++, c++ on the path.

    `identity` covers its path, version, target and what `-march=native` means here, so that products made on another
    processor are not taken for this one's.
    """
    name = "C++ compiler"
    fix = "apt-get install g++"
    chosen = os.environ.get("CXX", "").strip()
    candidates = [tuple(shlex.split(chosen))] if chosen else [(name,) for name in _COMPILERS]
    tried: list[str] = []
    for command in candidates:
        path = shutil.which(command[0])
        if path is None:
            tried.append(f"`{command[0]}` is not on the path")
            continue
        flags = architecture_flags(architecture)
        said = _probe((path, *command[1:], *flags, "-###", "-E", "-x", "c++", os.devnull))
        version = re.search(r"(?:gcc|clang) version (\S+)", said)
        if version is None:
            tried.append(f"`{shlex.join(command)}` is neither GCC nor Clang: {_last_line(said)}")
            continue
        family = "clang" if "clang version" in said else "gcc"
        return Component(
            name, True, path, f"{family} {version[1]}", command=(path, *command[1:]), identity=_hash(path, said)
        )
    note = ("$CXX: " if chosen else "") + "; ".join(tried)
    return Component(name, False, fix=fix if not chosen else f"{fix}, or set CXX to a compiler that exists", note=note)


def architecture_flags(architecture: str) -> tuple[str, ...]:
    """The compiler's flags for a processor; none for "", the compiler's own default."""
    if not architecture:
        return ()
    return (f"-march={architecture}", *(("-mprefer-vector-width=512",) if _is_x86() else ()))


def find_eigen() -> Component:
    """Headers from `$EQGEN_EIGEN`, the wheel `cmeel-eigen`, the environment, or the system."""
    name, fix = "Eigen", "pip install cmeel-eigen"
    override = os.environ.get("EQGEN_EIGEN", "")
    if override:
        folders = [Path(override).expanduser()]
    else:
        wheels = [Path(p) / "cmeel.prefix" / "include" / "eigen3" for p in _package_folders()]
        folders = [*wheels, *(prefix / "include" / "eigen3" for prefix in _prefixes())]
    for folder in folders:
        macros = folder / "Eigen" / "src" / "Core" / "util" / "Macros.h"
        if (folder / "Eigen" / "Core").is_file():
            version = _macros(macros, "EIGEN_WORLD_VERSION", "EIGEN_MAJOR_VERSION", "EIGEN_MINOR_VERSION")
            return Component(name, True, str(folder), version, include=folder, identity=_hash(folder, version))
    note = f"$EQGEN_EIGEN is {override}, where there is no Eigen/Core" if override else ""
    return Component(name, False, fix=fix, note=note)


def find_mkl() -> Component:
    """Intel's MKL from `$MKLROOT`, the wheel `mkl-devel`, the environment, or the system; optional.

    The wheels hold libraries with the version in the file name and no links to them, so the names are looked up.
    """
    name, fix = "MKL", "pip install mkl-devel"
    if not _is_x86():
        note = f"MKL exists for x86-64 only, this is {platform.machine()}; matrix products are Eigen's own"
        return Component(name, False, note=note, required=False)
    root = os.environ.get("MKLROOT", "")
    prefixes = [Path(root)] if root else [*_prefixes(), Path("/opt/intel/oneapi/mkl/latest")]
    problem = ""
    for prefix in prefixes:
        includes = [f for f in (prefix / "include", prefix / "include" / "mkl") if (f / "mkl_cblas.h").is_file()]
        folders = [
            f for f in (prefix / "lib", prefix / "lib" / "intel64", prefix / "lib" / "x86_64-linux-gnu") if f.is_dir()
        ]
        for folder in folders:
            libraries = tuple(library_file(folder, library) for library in MKL_LIBRARIES)
            if not all(libraries):
                continue
            if not includes:
                problem = f"the libraries are in {folder}, their headers are missing; "
                continue
            version = _macros(
                includes[0] / "mkl_version.h", "__INTEL_MKL__", "__INTEL_MKL_MINOR__", "__INTEL_MKL_UPDATE__"
            )
            return Component(
                name, True, str(folder), version, required=False, include=includes[0], library_folder=folder,
                libraries=libraries, identity=_hash(folder, version, *libraries),
            )  # fmt: skip
    place = f"$MKLROOT is {root}, where it was not found; " if root else problem
    return Component(name, False, fix=fix, note=f"{place}matrix products are Eigen's own, and slower", required=False)


def find_openblas() -> Component:
    """OpenBLAS from the wheel `scipy-openblas32`, whose functions have names of their own; optional."""
    name, fix = "OpenBLAS", 'pip install "eqgen[openblas]"'
    spec = importlib.util.find_spec("scipy_openblas32")
    for folder in [Path(p) for p in (spec.submodule_search_locations or ())] if spec is not None else []:
        include, libraries = folder / "include", folder / "lib"
        file = library_file(libraries, "scipy_openblas")
        if file and (include / "cblas.h").is_file():
            version = importlib.metadata.version("scipy-openblas32")
            return Component(
                name, True, str(libraries), version, required=False, include=include, library_folder=libraries,
                libraries=(file,), identity=_hash(libraries, version, file),
            )  # fmt: skip
    return Component(name, False, fix=fix, note="`eqgen doctor --tune` compares it with MKL", required=False)


def find_pybind11() -> Component:
    """Headers of pybind11, from its wheel or the system."""
    name = "pybind11"
    spec = importlib.util.find_spec("pybind11")
    folders = [Path(p) / "include" for p in (spec.submodule_search_locations or ())] if spec is not None else []
    for folder in [*folders, *(prefix / "include" for prefix in _prefixes())]:
        common = folder / "pybind11" / "detail" / "common.h"
        if common.is_file():
            version = _macros(
                common,
                "PYBIND11_VERSION_MAJOR",
                "PYBIND11_VERSION_MINOR",
                "PYBIND11_VERSION_PATCH|PYBIND11_VERSION_MICRO",
            )
            return Component(name, True, str(folder), version, include=folder, identity=_hash(folder, version))
    return Component(name, False, fix="pip install pybind11")


def find_python() -> Component:
    """Headers of this interpreter. `identity` is its binary interface: the suffix of extension modules."""
    name = "Python headers"
    folder = Path(sysconfig.get_paths()["include"])
    version = platform.python_version()
    if not (folder / "Python.h").is_file():
        return Component(
            name, False, version=version, fix=f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-dev",
            note=f"no Python.h in {folder}",
        )  # fmt: skip
    return Component(
        name, True, str(folder), version, include=folder, identity=_hash(folder, version, extension_suffix())
    )


def extension_suffix() -> str:
    """What file names of extension modules end in: `.cpython-311-x86_64-linux-gnu.so`."""
    return str(sysconfig.get_config_var("EXT_SUFFIX"))


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def processor_name() -> str:
    """The model as Linux knows it, else what Python knows."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _package_folders() -> list[str]:
    """Where packages are installed, nearest first."""
    paths = sysconfig.get_paths()
    return list(dict.fromkeys([paths["purelib"], paths["platlib"], *sys.path, site.getusersitepackages()]))


def _prefixes() -> list[Path]:
    """Roots of `include` and `lib`: this environment, the user's packages, the system."""
    user = site.getuserbase()
    return [Path(p) for p in dict.fromkeys([sys.prefix, user, sys.base_prefix, "/usr/local", "/usr"])]


def library_file(folder: Path, name: str) -> str:
    """The file name of a shared library, preferably without a version, else the newest; "" when there is none."""
    files = [p.name for p in folder.glob(f"lib{name}.so*")]
    return max(
        files,
        key=lambda f: (f.endswith(".so"), [int(n) for n in re.findall(r"\d+", f.partition(".so")[2])]),
        default="",
    )


def _macros(header: Path, *names: str) -> str:
    """The numbers that a header defines, joined by dots; a name may list alternatives. "" when one is missing."""
    try:
        text = header.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    numbers = [re.search(rf"^\s*#\s*define\s+(?:{name})\s+\"?(\w+)", text, re.MULTILINE) for name in names]
    return ".".join(match[1] for match in numbers if match) if all(numbers) else ""


def _probe(command: Sequence[str]) -> str:
    """What a command says, on both streams; its failure to start is part of that."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=_PROBE_SECONDS, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it said nothing"


def _hash(*parts: object) -> str:
    return digest(str(part) for part in parts)


def digest(parts: Iterable[str]) -> str:
    """A hash of a sequence of texts."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode()
        total.update(f"{len(content)}:".encode() + content)
    return total.hexdigest()
