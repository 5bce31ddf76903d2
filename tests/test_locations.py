"""Where eqgen finds its files and keeps its build products."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqgen.backends import locations


def test_source_checkout_has_templates_beside_the_package() -> None:
    repository = Path(__file__).resolve().parent.parent
    assert locations.templates_folder() == repository / "templates"
    assert locations.library_folder() == repository / "eqgen" / "library"


def test_templates_inside_the_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "eqgen"
    (tmp_path / "templates").mkdir()
    (package / "templates").mkdir(parents=True)
    monkeypatch.setattr(locations, "PACKAGE", package)
    assert locations.templates_folder() == package / "templates"


def test_missing_folders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locations, "PACKAGE", tmp_path / "eqgen")
    with pytest.raises(FileNotFoundError, match=r"templates.* or .*templates"):
        locations.templates_folder()
    with pytest.raises(FileNotFoundError, match="library"):
        locations.library_folder()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EQGEN_CACHE": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b"),
        ({"EQGEN_CACHE": "~/b"}, "/home/someone/b"),
        ({"EQGEN_CACHE": "", "XDG_CACHE_HOME": "/c"}, "/c/eqgen"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/someone/.cache/eqgen"),
        ({}, "/home/someone/.cache/eqgen"),
    ],
)
def test_cache_folder(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EQGEN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert locations.cache_folder() == Path(expected)


def test_relative_cache_override_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EQGEN_CACHE", "products")
    assert locations.cache_folder() == tmp_path / "products"


def test_no_home_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EQGEN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(RuntimeError, match="EQGEN_CACHE"):
        locations.cache_folder()
