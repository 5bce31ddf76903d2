"""Definitions as Python objects: what `eqgen.load` gives.

    definitions = eqgen.load("mine.eq")
    definitions["Swish"].check()                     # verdicts
    print(definitions["Swish"].derive())             # f'(x) = ...
    definitions["Swish"].sympy()["f"]["f"]           # a SymPy matrix expression
    definitions.compile("numpy").SwishActivation     # the generated class

Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

if TYPE_CHECKING:
    from eqgen.algebra.checking import DefinitionResult, Judge
    from eqgen.algebra.definitions import Module, TypedDefinition
    from eqgen.algebra.derived_text import DerivedEquations
    from eqgen.algebra.hessian_text import CurvatureEquations
    from eqgen.backends.build import Built

Paths: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"


def load(paths: Paths) -> Definitions:
    """The definitions of one or more `.eq` files, and of the files that these `use`.

    They may build on the library, and hide its definitions of the same kind and name. Raises DiagnosticError with every
    error in the files.
    """
    from eqgen.algebra.checking import own_definitions
    from eqgen.algebra.library import library, load_files

    files = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(p) for p in paths]
    if not files:
        return globals()["library"]()  # type: ignore[no-any-return]
    module = load_files(files)
    own = own_definitions(module, library())
    used = dict.fromkeys([*files, *(Path(d.span.source.name) for d in own)])
    return Definitions(own, module, tuple(used))


def loads(text: str, name: str = "<string>") -> Definitions:
    """The definitions in a text, reported under `name`. Raises DiagnosticError with every error in it."""
    from eqgen.algebra.checking import own_definitions
    from eqgen.algebra.library import library, load_text

    module = load_text(text, name)
    return Definitions(own_definitions(module, library()), module, (), text)


def library() -> Definitions:
    """The definitions that come with eqgen."""
    from eqgen.algebra.library import library

    module = library()
    return Definitions(module.definitions, module, ())


class Definition:
    """One definition: a layer, activation, function, loss, optimizer, scheduler, initializer or lemma."""

    def __init__(self, typed: TypedDefinition, module: Module) -> None:
        self.typed = typed
        self.module = module

    @property
    def kind(self) -> str:
        return self.typed.kind

    @property
    def name(self) -> str:
        return self.typed.name

    @property
    def title(self) -> str:
        return self.typed.title

    @property
    def reference(self) -> str:
        """What the definition names as its source."""
        return self.typed.reference

    @property
    def source(self) -> str:
        """Its text."""
        return self.typed.span.text

    @property
    def file(self) -> str:
        return self.typed.span.source.name

    @property
    def line(self) -> int:
        return self.typed.span.line

    def check(self, judge: Judge = "both") -> DefinitionResult:
        """The verdict on each equation: proved, checked, refuted (with a counterexample) or unknown."""
        from eqgen.algebra.checking import check_module
        from eqgen.algebra.verdict_store import default_store

        return check_module([self.typed], self.module, judge, store=default_store())[0]

    @overload
    def derive(self, *, hvp: Literal[False] = False) -> DerivedEquations: ...
    @overload
    def derive(self, *, hvp: Literal[True]) -> CurvatureEquations: ...
    def derive(self, *, hvp: bool = False) -> DerivedEquations | CurvatureEquations:
        """The backward equations of a layer, the derivative of an activation or the gradient of a loss, as derived from
        the equations of the forward pass: `print(...)` shows lines to paste, `.steps` how they came about.

        hvp   the equations of Hessian-vector products instead: R-forward and R-backward, R{DY}, or f''

        Raises ValueError for another kind of definition, and where something on the way has no gradient.
        """
        from eqgen.algebra.derived_text import derive
        from eqgen.algebra.hessian_text import derive_hvp

        if hvp:
            return derive_hvp(self.typed, self.module)
        return derive(self.typed, self.module)

    def sympy(self) -> dict[str, dict[str, Any]]:
        """The equations as SymPy expressions over symbolic sizes: block -> target -> MatrixExpr.

        The blocks of a layer are `forward`, `backward`, ...; a lemma has the block `claims`, text -> Eq(left, right).
        """
        from eqgen.algebra.presentation import symbolic_equations

        return symbolic_equations(self.typed, self.module)

    def latex(self) -> str:
        """All equations as one LaTeX `aligned` environment."""
        from eqgen.algebra.presentation import latex

        return latex(self.typed, self.module)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}, {self.typed.origin}>"


class Definitions(Mapping[str, Definition]):
    """Definitions by name, in their order.

    Where a layer and an activation share a name, the keys are `layer SReLU` and `activation SReLU`; such a key works
    for every definition. `text` is what was given to `loads`, else None.
    """

    def __init__(
        self, own: Sequence[TypedDefinition], module: Module, files: Sequence[Path], text: str | None = None
    ) -> None:
        self.module = module
        self.files = tuple(files)
        self.text = text
        self._own = tuple(own)

    @cached_property
    def _by_key(self) -> dict[str, Definition]:
        shared = _repeated(d.name for d in self._own)
        return {f"{d.kind} {d.name}" if d.name in shared else d.name: Definition(d, self.module) for d in self._own}

    def __getitem__(self, key: str) -> Definition:
        if key in self._by_key:
            return self._by_key[key]
        kind, _, name = key.rpartition(" ")
        found = [d for d in self._by_key.values() if d.name == name and kind in ("", d.kind)]
        if len(found) == 1:
            return found[0]
        if found:
            keys = " or ".join(repr(f"{d.kind} {d.name}") for d in found)
            raise KeyError(f"{key!r} is the name of {len(found)} definitions: use {keys}")
        raise KeyError(f"there is no definition {key!r}{_suggestion(name, [d.name for d in self._own])}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._own)

    def of_kind(self, kind: str) -> tuple[Definition, ...]:
        """The definitions of one kind, such as `layer`."""
        return tuple(d for d in self.values() if d.kind == kind)

    def check(self, judge: Judge = "both") -> list[DefinitionResult]:
        """The verdicts on all equations; what has been judged before is remembered."""
        from eqgen.algebra.checking import check_module
        from eqgen.algebra.verdict_store import default_store

        return check_module(self._own, self.module, judge, store=default_store())

    def compile(self, backend: str, *, hvp: bool = False) -> ModuleType:
        """The generated package of these definitions and the library, imported: `compile("numpy").SwishLayer`.

        hvp   with Hessian-vector products, in its module `hessian`

        It is kept in the cache, so that a second time, also in another process, takes no longer than its import. Raises
        DiagnosticError when an equation is refuted, and when a framework or a compiler is missing.
        """
        from eqgen.packages import find_backend, import_package

        return import_package(self._paths(), find_backend(backend), hvp=hvp)

    def build(
        self,
        out: str | os.PathLike[str] = "generated",
        backends: Sequence[str] | None = None,
        package: str = "eqgen",
        *,
        hvp: bool = False,
    ) -> list[Built]:
        """Write the packages `<package>_<backend>` of these definitions and the library into a folder.

        backends  by default all that can run here
        hvp       with Hessian-vector products, in their module `hessian`

        Raises DiagnosticError as `compile`, and when the folder cannot be written; what was there before then stays.
        """
        from eqgen.backends.build import Request, build
        from eqgen.packages import available_backends, find_backends

        chosen = available_backends()[0] if backends is None else find_backends(backends)
        return build(Request(self._paths(), chosen, package, Path(out), hvp=hvp))

    def _paths(self) -> tuple[Path, ...]:
        """The files to build from. A text becomes one, in the cache."""
        if self.text is None:
            return self.files
        from eqgen.packages import text_file

        return (text_file(self.text),)

    def __repr__(self) -> str:
        return f"<{len(self)} definitions: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{d.kind}</td><td>{escape(d.name)}</td><td>{escape(d.title)}</td><td>{escape(d.typed.origin)}</td></tr>"
            for d in self.values()
        )
        head = "<tr><th>kind</th><th>name</th><th>title</th><th>source</th></tr>"
        return f"<table>{head}{rows}</table>"


def _repeated(names: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _suggestion(name: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
