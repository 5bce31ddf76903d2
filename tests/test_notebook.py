"""`%%eqgen` in IPython: equations with verdicts, names that are bound, messages instead of tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

LAYER = """\
layer Scaled
    "Every feature times a factor."
    dims   N, D
    input  X: N x D
    param  s: 1 x D = 1
    output Y: N x D

    forward
        Y = hadamard(X, row_repeat(s, N))
"""
BACKWARD = """
    backward
        Ds = columns_sum(hadamard(DY, X))
        DX = hadamard(DY, row_repeat(s, N))
"""
ACTIVATION = """\
activation Swish
    f(x) = x * sigmoid(x)
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "eqgen")
    yield shell
    InteractiveShell.clear_instance()


def cell(shell: Any, text: str, line: str = "") -> Any:
    """What a cell gives; its failure is raised."""
    result = run(shell, text, line)
    result.raise_error()
    return result.result


def run(shell: Any, text: str, line: str) -> Any:
    """IPython's own account of a cell."""
    return shell.run_cell(f"%%eqgen {line}\n{text}", store_history=False)


def test_equations_are_shown_with_their_verdicts(shell: Any) -> None:
    html = cell(shell, LAYER + BACKWARD)._repr_html_()
    assert "<p>layer <b>Scaled</b> <small>Every feature times a factor.</small></p>" in html
    assert html.count("proved (all sizes)") == 2 and "derived, " not in html
    assert r"$DX$" in html and r"\circ" in html


def test_a_terminal_shows_text(shell: Any) -> None:
    assert repr(cell(shell, LAYER + BACKWARD)) == (
        "layer Scaled (<cell>:1)\n    Ds: proved (all sizes)\n    DX: proved (all sizes)"
    )


def test_what_is_left_out_is_derived(shell: Any) -> None:
    html = cell(shell, LAYER)._repr_html_()
    assert html.count("derived, proved (all sizes)") == 2


def test_definitions_are_bound(shell: Any) -> None:
    cell(shell, LAYER + "\n" + ACTIVATION)
    assert shell.ev("Swish.derive().equations") == {"f'": "sigmoid(x) * (1 - f(x)) + f(x)"}
    assert shell.ev("list(definitions)") == ["Scaled", "Swish"]
    cell(shell, ACTIVATION, "mine")
    assert shell.ev("mine['Swish'].kind") == "activation"


def test_two_definitions_of_one_name_are_reached_together(shell: Any) -> None:
    cell(shell, LAYER + "\n" + ACTIVATION.replace("Swish", "Scaled"))
    assert "Scaled" not in shell.user_ns
    assert shell.ev("definitions['layer Scaled'].kind") == "layer"


def test_a_refuted_equation_is_shown_with_the_message(shell: Any) -> None:
    html = cell(shell, LAYER + BACKWARD.replace("DX = hadamard(DY, row_repeat(s, N))", "DX = DY"))._repr_html_()
    assert '<span style="color: red">refuted</span>' in html
    assert "&lt;cell&gt;:13:" in html and "error E401" in html
    assert html.count("proved (all sizes)") == 1


def test_what_a_cell_says_is_not_markup(shell: Any) -> None:
    html = cell(shell, LAYER.replace("Every feature", "<script>"))._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_lemmas_and_misprints(shell: Any) -> None:
    lemma = (
        "lemma mean\n    X: M x N\n    columns_mean(X) = ones(1, M) * X / M\n"
        "    printed refuted at M = 1, N = 2\n        columns_mean(X) = ones(1, M) * X / N\n"
    )
    html = cell(shell, lemma, "--judge proof")._repr_html_()
    assert "proved (all sizes)" in html and "refuted as printed" in html


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        ("", "layer Scaled\n    dims N\n", "error E"),
        ("", "laier Scaled\n", "error E012"),
        ("not-a-name", ACTIVATION, "`not-a-name` is not a name"),
        ("--judge nobody", ACTIVATION, "invalid choice"),
    ],
)
def test_mistakes_are_messages(
    shell: Any, capsys: pytest.CaptureFixture[str], line: str, text: str, message: str
) -> None:
    result = run(shell, text, line)
    assert not result.success
    printed = "".join(capsys.readouterr())
    assert message in printed and "Traceback" not in printed


def test_the_help_names_the_options(shell: Any) -> None:
    magic = shell.find_cell_magic("eqgen")
    assert magic is not None and magic.__doc__ is not None and "--judge" in magic.__doc__
