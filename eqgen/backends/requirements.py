"""What must be installed for generated code to run: found or not, and the fix for what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from typing import Protocol


class Requirement(Protocol):
    """One thing that a backend needs.

    version, where   of what was found, "" where that is not known
    fix              the command that installs it, "" when it is there
    note             what its absence means, or what is special about what was found
    required         whether nothing works without it
    """

    @property
    def name(self) -> str: ...
    @property
    def found(self) -> bool: ...
    @property
    def version(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def fix(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def required(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Framework:
    """A Python package that generated code imports. It is looked for, never imported."""

    module: str
    extra: str = ""
    required: bool = True
    note: str = ""

    @property
    def name(self) -> str:
        return self.module

    @property
    def found(self) -> bool:
        return self.module in sys.modules or importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Of the distribution that the module came with, whatever its name."""
        try:
            return importlib.metadata.version(self.module)
        except importlib.metadata.PackageNotFoundError:
            names = importlib.metadata.packages_distributions().get(self.module, ())
            return importlib.metadata.version(names[0]) if names else ""

    @property
    def where(self) -> str:
        spec = importlib.util.find_spec(self.module)
        locations = list(spec.submodule_search_locations or ()) if spec is not None else []
        return locations[0] if locations else ""

    @property
    def fix(self) -> str:
        if self.found:
            return ""
        return f'pip install "eqgen[{self.extra}]"' if self.extra else f"pip install {self.module}"
