"""Placing printed text in templates, and formatting what comes out."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from eqgen.algebra.definitions import Module
from eqgen.backends.locations import templates_folder
from eqgen.backends.package import PackageText
from eqgen.backends.protocol import Backend
from eqgen.language.diagnostics import Diagnostic, DiagnosticError
from eqgen.language.model import Source, Span

LINE_LENGTH = "120"


HESSIAN = "hessian"
"""The folder of templates for Hessian-vector products, used where they are asked for."""


def template_files(backend: Backend, folders: Sequence[Path] = ()) -> dict[str, Path]:
    """Output path inside the package -> template; later folders hide earlier ones, and `folders` come first."""
    found: dict[str, Path] = {}
    for folder in (*folders, *backend.template_folders):
        if not folder.is_dir():
            raise FileNotFoundError(f"the templates of backend `{backend.name}` are missing: {folder} is not a folder")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[path.relative_to(folder).as_posix().removesuffix(".jinja")] = path
    return found


def render(module: Module, backend: Backend, package: PackageText) -> dict[str, str]:
    """The files of a package by path, not yet formatted."""
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

    folders = [*reversed(backend.template_folders), templates_folder()]
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(str(f)) for f in folders]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    files = {}
    extra = () if package.hessian is None else (templates_folder() / HESSIAN,)
    for name, path in template_files(backend, extra).items():
        text = path.read_text(encoding="utf-8")
        files[name] = environment.from_string(text).render(package=package) if path.suffix == ".jinja" else text
    return files | backend.files(module, package)


def format_folder(folder: Path) -> None:
    """Format Python with ruff (unused imports go, imports are sorted) and C++ with clang-format, in place.

    Raises DiagnosticError (E507) when a formatter is missing, RuntimeError when it rejects a file.
    """
    common = ["--isolated", "--no-cache", "--quiet", "--line-length", LINE_LENGTH, "--target-version", "py311"]
    python = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.py"))
    if python:
        _run("ruff", ["check", *common, "--fix", "--select", "I,F401", "--exit-zero", *python], folder)
        _run("ruff", ["format", *common, *python], folder)
    native = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in (".cpp", ".hpp", ".h"))
    if native:
        style = f"--style={{BasedOnStyle: Google, ColumnLimit: {LINE_LENGTH}, IndentWidth: 4}}"
        _run("clang-format", ["-i", style, *native], folder)


def _run(tool: str, arguments: list[str], folder: Path) -> None:
    """Run a formatter in a folder, so that what lies around it cannot matter."""
    done = subprocess.run([executable(tool), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{tool} rejects generated code: {(done.stderr or done.stdout).strip()[:2000]}")


def executable(tool: str) -> str:
    """A formatter that pip installed beside this interpreter, or one on the path."""
    import shutil
    import sys

    beside = Path(sys.executable).parent / tool
    path = str(beside) if beside.is_file() else shutil.which(tool)
    if path is None:
        raise DiagnosticError(
            [
                Diagnostic(
                    "E507",
                    f"`{tool}` is not installed",
                    Span(Source("eqgen build", ""), 0, 0),
                    hint=f"pip install {tool}",
                )
            ]
        )
    return path
