"""Where eqgen's own files are, in a wheel and in a source checkout alike, and where it may keep build products."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def templates_folder() -> Path:
    """The Jinja templates: inside the package when it was installed from a wheel, beside it in a source checkout.

    Raises FileNotFoundError when the installation has neither.
    """
    return _first_folder("templates", PACKAGE / "templates", PACKAGE.parent / "templates")


def library_folder() -> Path:
    """The `.eq` files that come with eqgen.

    Raises FileNotFoundError when the installation lacks them.
    """
    return _first_folder("library", PACKAGE / "library")


def cache_folder() -> Path:
    """Where compiled products are kept between builds; it may not exist yet.

    `$EQGEN_CACHE`, else `$XDG_CACHE_HOME/eqgen`, else `~/.cache/eqgen`. As the XDG Base Directory Specification asks,
    a relative `$XDG_CACHE_HOME` is ignored. Raises RuntimeError when no home folder can be determined.
    """
    override = os.environ.get("EQGEN_CACHE")
    if override:
        return Path(override).expanduser().absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():
        return shared / "eqgen"
    try:
        return Path.home() / ".cache" / "eqgen"
    except RuntimeError as error:
        raise RuntimeError("no home folder for the cache of build products: set EQGEN_CACHE to a folder") from error


def _first_folder(content: str, *candidates: Path) -> Path:
    for folder in candidates:
        if folder.is_dir():
            return folder
    places = " or ".join(str(folder) for folder in candidates)
    raise FileNotFoundError(f"eqgen's {content} folder is missing: expected {places}; install eqgen again")
