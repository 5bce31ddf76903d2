"""Building packages: check, print, format, compile, and move into place; nothing is done twice."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eqgen.backends.locations import PACKAGE, library_folder, templates_folder
from eqgen.backends.protocol import Backend
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.model import Source, Span

if TYPE_CHECKING:
    from eqgen.algebra.definitions import Module

RECORDS = ".eqgen"
"""Folder beside the packages: what each was built from, and the lock. Not under version control."""


@dataclass(frozen=True)
class Built:
    """What happened to one package. `state`: built, unchanged, stale (with `check`)."""

    package: str
    backend: str
    folder: Path
    state: str
    seconds: float
    messages: tuple[str, ...] = ()
    difference: str = ""


@dataclass
class Request:
    """What to build: the user's files on top of the library, for some backends, into a folder."""

    files: Sequence[Path]
    backends: Sequence[Backend]
    package: str
    out: Path
    check_equations: bool = True
    hvp: bool = False
    """Whether the packages compute Hessian-vector products too."""
    pieces: bool = False
    """Whether each equation is a function too: a package for measuring, see `eqgen.optimize.pieces`."""
    progress: Callable[[str], None] = field(default=lambda message: None)


def library_files() -> list[Path]:
    return sorted(p for p in library_folder().rglob("*.eq"))


def input_key(request: Request, backend: Backend) -> str:
    """A hash of all that the output depends on: equations, eqgen itself, templates, names, what was tuned."""
    digest = hashlib.sha256()

    def add(label: str, content: bytes) -> None:
        digest.update(f"{label}\0{len(content)}\0".encode() + content)

    for label, paths in (
        ("own", request.files),
        ("library", library_files()),
        ("code", sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".lark"))),
        (
            "template",
            sorted(
                p
                for root in (templates_folder(), *backend.template_folders)
                for p in root.rglob("*")
                if p.is_file() and p.suffix != ".pyc"
            ),
        ),
    ):
        for path in paths:
            add(f"{label}:{path.name}", path.read_bytes())
    options = (request.check_equations, request.hvp, request.pieces)
    add("names", "\0".join(map(str, (request.package, backend.name, *options))).encode())
    add("tuning", backend.tuning().encode())
    return digest.hexdigest()


def folder_key(folder: Path) -> str:
    """A hash of a package's text files."""
    digest = hashlib.sha256()
    for name, content in sorted(text_files(folder).items()):
        digest.update(f"{name}\0{len(content)}\0{content}".encode())
    return digest.hexdigest()


def text_files(folder: Path) -> dict[str, str]:
    """The generated files of a package: everything but compiled products."""
    return {
        p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix not in (".so", ".pyc", ".o") and "__pycache__" not in p.parts
    }


def build(request: Request) -> list[Built]:
    """Build all packages of the request.

    Raises DiagnosticError for errors in the files, for refuted equations, and for an output folder that cannot be
    written. Packages already on disk stay as they were unless their successor is complete.
    """
    _prepare(request.out)
    result: list[Built] = []
    with locked(request.out):
        module = None
        for backend in request.backends:
            start = time.perf_counter()
            name = f"{request.package}_{backend.name}"
            target = request.out / name
            record = request.out / RECORDS / f"{name}.json"
            key = input_key(request, backend)
            if is_current(target, record, key) and all(p.exists() for p in backend.products(target)):
                result.append(Built(name, backend.name, target, "unchanged", time.perf_counter() - start))
                continue
            if module is None:
                module = checked_module(request)
            request.progress(f"printing {name}")
            with staged(request.out, name) as staging:
                messages = write_package(
                    module, backend, name, staging, compile=True, pieces=request.pieces, progress=request.progress
                )
                replace_folder(staging, target)
            content = folder_key(target)
            write_atomically(record, json.dumps({"input": key, "output": content}))
            result.append(Built(name, backend.name, target, "built", time.perf_counter() - start, tuple(messages)))
    return result


def compare(request: Request) -> list[Built]:
    """What `build` would change, without writing: state `unchanged` or `stale` with a unified diff."""
    module = checked_module(request)
    result = []
    for backend in request.backends:
        start = time.perf_counter()
        name = f"{request.package}_{backend.name}"
        target = request.out / name
        with tempfile.TemporaryDirectory(prefix="eqgen-") as folder:
            write_package(module, backend, name, Path(folder) / name, compile=False)
            fresh = text_files(Path(folder) / name)
        present = text_files(target) if target.is_dir() else {}
        lines: list[str] = []
        for path in sorted(fresh.keys() | present.keys()):
            old, new = present.get(path, ""), fresh.get(path, "")
            if old != new:
                lines += difflib.unified_diff(
                    old.splitlines(True),
                    new.splitlines(True),
                    f"{name}/{path} (on disk)",
                    f"{name}/{path} (from the equations)",
                )
        state = "stale" if lines else "unchanged"
        result.append(Built(name, backend.name, target, state, time.perf_counter() - start, (), "".join(lines)))
    return result


def checked_module(request: Request) -> Module:
    """The typed definitions. Raises DiagnosticError for errors in the files and for refuted equations."""
    from eqgen.algebra.library import load_files

    module = load_files(request.files)
    if request.check_equations:
        from eqgen.algebra.checking import refuse_refuted

        request.progress("checking equations")
        refuse_refuted(module)
    if request.hvp:
        from eqgen.algebra.hessian_module import with_hessian_products

        request.progress("deriving Hessian-vector products")
        module = with_hessian_products(module)
    return module


def write_package(
    module: Module,
    backend: Backend,
    name: str,
    folder: Path,
    *,
    compile: bool,
    pieces: bool = False,
    progress: Callable[[str], None] = lambda m: None,
) -> Sequence[str]:
    """Write a package's files into a new folder, formatted, and compile them if asked."""
    from eqgen.backends.model import PackageBuilder
    from eqgen.backends.render import format_folder, render

    package = PackageBuilder(module, backend).build(name, pieces)
    for path, text in render(module, backend, package).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    format_folder(folder)
    if not compile:
        return ()
    progress(f"compiling {name}")
    return backend.compile(folder, package)


# --- files -----------------------------------------------------------------------------------------------


def _prepare(out: Path) -> None:
    try:
        (out / RECORDS).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out / RECORDS):
            pass
    except OSError as error:
        place = Span(Source(str(out), ""), 0, 0)
        raise DiagnosticError(
            [
                Diagnostic(
                    "E505",
                    f"the output folder cannot be written: {error.strerror}",
                    place,
                    "a folder that can be written",
                    "choose another one with `--out`",
                )
            ]
        ) from error


def is_current(target: Path, record: Path, key: str) -> bool:
    """Whether the package was built from these inputs and has not been changed since."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        isinstance(known, dict)
        and known.get("input") == key
        and target.is_dir()
        and known.get("output") == folder_key(target)
    )


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """One build at a time in a folder; a second one waits."""
    import fcntl

    with open(out / RECORDS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def staged(out: Path, name: str) -> Iterator[Path]:
    """A new folder on the same file system; removed if it was not moved away."""
    for leftover in (out / RECORDS).glob(f"{name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}.new-", dir=out / RECORDS))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, target: Path) -> None:
    """Put a complete folder in the place of another; on failure the old one stays."""
    old = new.with_name(new.name.replace(".new-", ".old-"))
    had = target.exists()
    if had:
        os.rename(target, old)
    try:
        os.rename(new, target)
    except OSError:
        if had:
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
