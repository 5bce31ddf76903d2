"""Generated packages: which backends there are here, and a package built on demand and imported from the cache.

A package is kept in the cache folder under a hash of all that it is made from, and imported under a name with that
hash, from its place: `sys.path` is not touched, and packages of different equations live side by side in one process.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from eqgen.backends.build import RECORDS, Request, build, input_key, is_current, write_atomically
from eqgen.backends.locations import cache_folder
from eqgen.backends.protocol import Backend, backends
from eqgen.language.diagnostics import Diagnostic, DiagnosticError, file_diagnostic

PACKAGE = "eqgen"
"""Generated packages are called `eqgen_<backend>`, unless the user says otherwise."""

_UNUSED_SECONDS = 60 * 24 * 3600


class BuildWarning(UserWarning):
    """What a build has to say about its result, such as a library that it had to do without."""


def find_backend(name: str) -> Backend:
    """The backend of this name. Raises DiagnosticError (E509)."""
    known = backends()
    if name not in known:
        raise DiagnosticError([_unknown_backend(name, known)])
    return known[name]


def find_backends(names: Sequence[str]) -> list[Backend]:
    """Backends by name, each once. Raises DiagnosticError (E509) that covers all unknown names."""
    known = backends()
    unknown = [_unknown_backend(name, known) for name in names if name not in known]
    if unknown:
        raise DiagnosticError(unknown)
    return [known[name] for name in dict.fromkeys(names)]


def _unknown_backend(name: str, known: Sequence[str] | dict[str, Backend]) -> Diagnostic:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean `{close[0]}`?" if close else ""
    message = f"there is no backend `{name}`"
    return replace(file_diagnostic("E509", "backend", message, hint), expected=", ".join(known) or "an installed one")


def available_backends() -> tuple[list[Backend], list[tuple[Backend, str]]]:
    """The backends that can run here, and the others with what they lack."""
    present, absent = [], []
    for backend in backends().values():
        if backend.is_available():
            present.append(backend)
        else:
            absent.append((backend, lack(backend)))
    return present, absent


def lack(backend: Backend) -> str:
    """What a backend misses, and the fix: `torch is not installed: pip install "eqgen[torch]"`."""
    missing = [r for r in backend.requirements() if r.required and not r.found]
    return "; ".join(f"{r.name} is not installed: {r.fix}" for r in missing)


def import_package(
    files: Sequence[Path],
    backend: Backend,
    progress: Callable[[str], None] = lambda message: None,
    *,
    hvp: bool = False,
    pieces: bool = False,
) -> ModuleType:
    """The package of the library with the definitions of some files on top, for a backend: built if need be, imported.

    files   the user's files, those included that they `use`
    hvp     whether it computes Hessian-vector products too, in its module `hessian`
    pieces  whether to have a package for measuring, in which each equation is a function too

    Raises DiagnosticError for a missing framework or compiler (E506, E507), for errors in the files, for refuted
    equations, and for a cache folder that cannot be written (E505).
    """
    if not backend.is_available():
        message = f"{backend.title} cannot run here: {lack(backend)}"
        raise DiagnosticError(
            [file_diagnostic("E507", f"backend {backend.name}", message, "`eqgen doctor` shows more")]
        )
    request = Request(files, (backend,), PACKAGE, Path(), hvp=hvp, pieces=pieces)
    key = input_key(request, backend)
    name = f"{PACKAGE}_{backend.name}_{key[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    root = cache_folder() / "packages"
    out = root / key[:16]
    folder = out / f"{PACKAGE}_{backend.name}"
    record = out / RECORDS / f"{folder.name}.json"
    if not (is_current(folder, record, key) and all(p.exists() for p in backend.products(folder))):
        try:
            (built,) = build(replace(request, out=out, progress=progress))
        except DiagnosticError as error:
            raise DiagnosticError(_about_cache(d) for d in error.diagnostics) from error
        for message in built.messages:
            warnings.warn(f"{folder.name}: {message}", BuildWarning, stacklevel=3)
        _forget_unused(root)
    with contextlib.suppress(OSError):
        record.touch()
    return import_folder(folder, name)


def import_folder(folder: Path, name: str) -> ModuleType:
    """The package in a folder under a name of its own."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    importlib.invalidate_caches()
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for loaded in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[loaded]
        raise
    return module


def text_file(text: str) -> Path:
    """A file in the cache that holds a text of definitions. Raises DiagnosticError (E505)."""
    content = text.encode()
    path = cache_folder() / "texts" / hashlib.sha256(content).hexdigest()[:16] / "text.eq"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_atomically(path, text)
    except OSError as error:
        message = f"the cache folder cannot be written: {error.strerror}"
        raise DiagnosticError([_about_cache(file_diagnostic("E505", str(path.parent), message))]) from error
    return path


def _about_cache(diagnostic: Diagnostic) -> Diagnostic:
    """The output folder of such a build is not the user's choice; the cache folder is."""
    if diagnostic.code != "E505":
        return diagnostic
    return replace(diagnostic, hint="choose another folder for the cache with the environment variable EQGEN_CACHE")


def _forget_unused(root: Path) -> None:
    """Remove packages that nothing has used for two months."""
    for folder in root.iterdir():
        with contextlib.suppress(OSError):
            used = max((p.stat().st_mtime for p in (folder / RECORDS).iterdir()), default=folder.stat().st_mtime)
            if time.time() - used > _UNUSED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
