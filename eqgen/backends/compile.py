"""Compiling a package's C++ sources: a shared library with a C interface, and a Python extension module.

Every translation unit becomes an object file in a cache under the hash of all that it depends on: its text and that of
the headers it includes, compiler, processor, flags, outside headers. Objects are compiled by concurrent processes of
our own rather than by a build tool: the cache is by content and not by time, several builds share it, a compiler's
words become one of our messages, and nothing else has to be installed.

Safe when two builds run at once (a lock an object, so that they share the work) and when one is killed (everything is
written under another name and moved into place).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from eqgen.backends.blas import Blas
from eqgen.backends.locations import cache_folder
from eqgen.backends.toolchain import (
    Toolchain,
    ToolchainError,
    architecture_flags,
    digest,
    extension_suffix,
    find_toolchain,
    processors,
)
from eqgen.backends.tuning.record import choose

PYTHON_UNIT = "module.cpp"
"""The one unit that sees Python; all others make up the library."""

_STALE_SECONDS = 24 * 3600
_UNUSED_SECONDS = 60 * 24 * 3600
_SHOWN_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compile.

    architecture  the processor: `native` (this one; the result may not run on older ones, and says so when imported),
                  a name that the compiler's `-march` knows such as `x86-64-v3`, or "" for the compiler's default
    blas          `auto`: what `eqgen doctor --tune` found fastest, else MKL where it is found, else Eigen, which is
                  said; or one of `eqgen.backends.blas` by name, and an error without it
    jobs          compilers that run at once; 0: as many as there are processors
    strict        warnings are errors
    """

    architecture: str = "native"
    blas: str = "auto"
    jobs: int = 0
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a build made. `compiled`: the units that went through the compiler; `reused`: those from the cache."""

    module: Path
    library: Path
    compiled: tuple[str, ...]
    reused: tuple[str, ...]
    messages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Unit:
    name: str
    flags: tuple[str, ...]
    key: str


@dataclass
class _Processes:
    """Compilers that run, so that they end with the build that started them."""

    running: set[subprocess.Popen[str]] = field(default_factory=set)
    stopped: bool = False

    def run(self, command: list[str], folder: Path) -> tuple[int, str]:
        if self.stopped:
            return 1, "the build was interrupted"
        with subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**os.environ, "LC_ALL": "C"},
        ) as process:  # fmt: skip
            self.running.add(process)
            try:
                output = process.communicate()[0]
            finally:
                self.running.discard(process)
        return process.returncode, output

    def stop(self) -> None:
        self.stopped = True
        for process in list(self.running):
            process.kill()


def compile_extension(
    sources: Mapping[str, str],
    out: Path,
    module: str,
    settings: Settings = Settings(),
    *,
    library: str = "",
    progress: Callable[[str], None] = lambda message: None,
) -> Compiled:
    """Compile sources (file name -> text) into `out/<module><suffix>` and `out/lib<library>.so`.

    `module.cpp` is linked into the extension module only, and without it there is none; the library holds all other
    units and needs no Python. Both stand alone. `library` is `module` without leading underscores unless it is given.
    `progress` is told which unit is compiled.

    Raises ToolchainError: E506 when a tool is missing, E508 when a source is rejected; OSError when `out` cannot be
    written. What was built before is then still in place.
    """
    start = time.perf_counter()
    toolchain = find_toolchain(settings.architecture)
    toolchain.require()
    blas, messages = choose(toolchain, settings.blas)
    plan = _plan(sources, toolchain, settings, blas)
    module_path, library_path = product_paths(out, module, library)
    products = {library_path: [unit for unit in plan if unit.name != PYTHON_UNIT]}
    links = _link_flags(blas)
    # The library is complete in itself; the module finds Python's functions when it is loaded.
    flags = {library_path: [*links, "-Wl,-z,defs"], module_path: links}
    if PYTHON_UNIT in sources:
        products = {module_path: plan, **products}
    keys = {path: digest([path.name, *(unit.key for unit in units), *flags[path]]) for path, units in products.items()}
    stale = [path for path in products if not _is_current(path, keys[path])]
    compiled: list[str] = []
    if stale:
        with _cache(messages) as cache, _work_folder(cache) as work, _stopping() as processes:
            for name, text in sources.items():
                (work / name).write_text(text, encoding="utf-8")
            compiled = _compile_units(plan, cache, work, toolchain, settings, processes, progress)
            out.mkdir(parents=True, exist_ok=True)
            for path in stale:
                progress(f"linking {path.name}")
                linked = work / path.name
                objects = [str(_object(cache, unit)) for unit in products[path]]
                command = [*toolchain.compiler.command, "-shared", f"-Wl,--build-id=0x{keys[path][:40]}", *objects]
                _checked(processes, [*command, *flags[path], "-o", str(linked)], work, path.name)
                _move_into_place(linked, path)
    reused = tuple(unit.name for unit in plan if unit.name not in compiled)
    return Compiled(module_path, library_path, tuple(compiled), reused, tuple(messages), time.perf_counter() - start)


def product_paths(out: Path, module: str, library: str = "") -> tuple[Path, Path]:
    """Where `compile_extension` puts the extension module and the library."""
    return out / f"{module}{extension_suffix()}", out / f"lib{library or module.lstrip('_')}.so"


# --- what is compiled how --------------------------------------------------------------------------------


def _system(include: Path | None) -> tuple[str, ...]:
    """An include folder whose warnings are not ours. The system's own must not be named: that breaks their order."""
    return () if include in (None, Path("/usr/include"), Path("/usr/local/include")) else ("-isystem", str(include))


def _plan(sources: Mapping[str, str], toolchain: Toolchain, settings: Settings, blas: Blas) -> list[_Unit]:
    """All units with flags and keys, those that take longest first. Only units that ask depend on who multiplies.

    No `-ffast-math`: NaN and infinity must behave. What is given up instead is errno and floating-point traps, which
    nothing here reads and which stand in the way of vector instructions.
    """
    common = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-Wall", "-Wextra"]
    common += ["-Werror"] if settings.strict else []
    # Clang warns when it leaves a loop as it is, which is a matter of speed.
    common += ["-Wno-pass-failed"] if toolchain.is_clang else []
    kernel = ["-O3", *architecture_flags(settings.architecture), "-fno-math-errno", "-fno-trapping-math", "-fopenmp"]
    kernel += _system(toolchain.eigen.include)
    identities = [toolchain.compiler.identity, toolchain.eigen.identity]
    python = ["-O1", *_system(toolchain.pybind11.include), *_system(toolchain.python.include)]
    python_identities = [toolchain.compiler.identity, toolchain.pybind11.identity, toolchain.python.identity]
    units = []
    for name in sources:
        if name.endswith(".cpp"):
            flags, outside = (python, python_identities) if name == PYTHON_UNIT else (kernel, identities)
            texts = list(_with_headers(name, sources))
            asked = {name: value for name, value in blas.macros.items() if any(name in text for text in texts)}
            if asked:
                macros = (f"-D{name}={value}" for name, value in asked.items())
                flags = [*flags, *macros, *_system(blas.component.include)]
                outside = [*outside, blas.component.identity]
            units.append(_Unit(name, (*common, *flags), digest([*common, *flags, *outside, *texts])))
    return sorted(units, key=lambda unit: (unit.name != PYTHON_UNIT, -len(sources[unit.name]), unit.name))


def _with_headers(name: str, sources: Mapping[str, str]) -> Iterator[str]:
    """Names and texts of a source and of everything among the sources that it includes."""
    seen = [name]
    for current in seen:
        yield current
        yield sources[current]
        for header in re.findall(r'^\s*#\s*include\s*"([^"]+)"', sources[current], re.MULTILINE):
            if header in sources and header not in seen:
                seen.append(header)


def _link_flags(blas: Blas) -> list[str]:
    """`-Bsymbolic`: two generated packages in one process keep to their own functions, whatever their names."""
    return [*(() if blas.openmp else ("-fopenmp",)), "-Wl,-Bsymbolic", *blas.links]


# --- compiling -------------------------------------------------------------------------------------------


def _compile_units(
    units: list[_Unit],
    cache: Path,
    work: Path,
    toolchain: Toolchain,
    settings: Settings,
    processes: _Processes,
    progress: Callable[[str], None],
) -> list[str]:
    """Names of the units that had to be compiled; afterwards the objects of all are in the cache."""

    def compile_unit(unit: _Unit) -> bool:
        target = _object(cache, unit)
        with _locked(cache, unit.key):
            if target.is_file():  # another build may have made it while this one waited
                target.touch()
                return False
            progress(f"compiling {unit.name}")
            made = work / f"{unit.name}.o"
            command = [*toolchain.compiler.command, *unit.flags, "-I.", "-c", unit.name, "-o", str(made)]
            _checked(processes, command, work, unit.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(made, target)
            return True

    with ThreadPoolExecutor(settings.jobs or processors()) as pool:
        futures = [(unit, pool.submit(compile_unit, unit)) for unit in units]
        try:
            return [unit.name for unit, future in futures if future.result()]
        except BaseException:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise


def _checked(processes: _Processes, command: list[str], folder: Path, what: str) -> None:
    """Raises ToolchainError (E508) with the compiler's first errors."""
    try:
        code, output = processes.run(command, folder)
    except OSError as error:
        message = f"`{command[0]}` cannot be run: {error.strerror}"
        raise ToolchainError("E506", message, "`eqgen doctor` shows what is there") from error
    if code != 0:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in lines if re.search(r"\b(error|undefined reference|cannot find)\b", line)]
        shown = errors[:_SHOWN_ERRORS] or lines[-_SHOWN_ERRORS:] or [f"exit code {code}, without a word"]
        more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        message = f"{what} does not compile: {'; '.join(shown)}{more}"
        raise ToolchainError("E508", message, "the earlier build is unchanged", output)


# --- files -----------------------------------------------------------------------------------------------


def _object(cache: Path, unit: _Unit) -> Path:
    return cache / "objects" / unit.key[:2] / f"{unit.key}.o"


def _is_current(path: Path, key: str) -> bool:
    """Whether a product carries the key that the linker wrote into it: no record beside it that could disagree."""
    try:
        return bytes.fromhex(key[:40]) in path.read_bytes()
    except OSError:
        return False


def _move_into_place(made: Path, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        shutil.copyfile(made, temporary)
        temporary.chmod(0o755)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _cache(messages: list[str]) -> Iterator[Path]:
    """The cache folder; where it cannot be written, one that lasts as long as this build, which is said."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:
        messages.append(f"the cache cannot be written ({error}): everything is compiled again")
        with tempfile.TemporaryDirectory(prefix="eqgen-cache-") as temporary:
            yield Path(temporary)
    else:
        yield folder


@contextlib.contextmanager
def _work_folder(cache: Path) -> Iterator[Path]:
    """A folder of this build on the file system of the cache.

    What killed builds left is removed after a day, objects that no build has used after two months.
    """
    root = cache / "work"
    root.mkdir(parents=True, exist_ok=True)
    _forget(root.iterdir(), _STALE_SECONDS)
    _forget((cache / "objects").glob("*/*.o"), _UNUSED_SECONDS)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        yield Path(folder)


def _forget(paths: Iterable[Path], seconds: float) -> None:
    """Remove what has not been touched for so long."""
    for path in paths:
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > seconds:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


@contextlib.contextmanager
def _stopping() -> Iterator[_Processes]:
    processes = _Processes()
    try:
        yield processes
    finally:
        processes.stop()


@contextlib.contextmanager
def _locked(cache: Path, key: str) -> Iterator[None]:
    """One compiler an object, among all builds. A few lock files serve all keys: a needless wait is harmless."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    path = cache / "locks" / key[:2]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
