"""`import eqgen`: definitions as Python objects, and their packages as modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import eqgen
from eqgen.language.diagnostics import DiagnosticError

SWISH = """activation Swish(beta = 1)
    f(x)  = x * sigmoid(beta * x)
    f'(x) = sigmoid(beta * x) + beta * x * sigmoid(beta * x) * (1 - sigmoid(beta * x))

layer Swish
    "A linear map with a Swish behind it."
    source "Ramachandran et al."
    dims   N, D, K
    input  X: N x D
    param  W: K x D
    output Y: N x K

    forward
        Z = X * W.T
        Y = Swish(Z, 1)

    backward
        DZ = hadamard(DY, Swish'(Z, 1))
        DW = DZ.T * X
        DX = DZ * W

lemma doubling
    X: M x N
    X + X = 2 * X
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.eq"
    path.write_text(SWISH)
    return path


def test_importing_eqgen_imports_nothing_heavy() -> None:
    code = (
        "import sys, eqgen\n"
        "print([m for m in ('numpy', 'sympy', 'lark', 'jinja2', 'typer', 'rich', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_definitions_are_a_mapping(file: Path) -> None:
    definitions = eqgen.load(file)
    assert list(definitions) == ["activation Swish", "layer Swish", "doubling"] and len(definitions) == 3
    assert definitions["doubling"].kind == "lemma" and definitions["lemma doubling"].name == "doubling"
    assert "layer Swish" in definitions and "Softmax" not in definitions
    with pytest.raises(KeyError, match="'activation Swish' or 'layer Swish'"):
        definitions["Swish"]
    with pytest.raises(KeyError, match="did you mean 'doubling'"):
        definitions["doublin"]
    assert [d.name for d in definitions.of_kind("layer")] == ["Swish"]


def test_several_files_and_those_that_they_use(tmp_path: Path) -> None:
    (tmp_path / "a.eq").write_text('use "b.eq"\n\nfunction twice(X: N x K)\n    = double(X)\n')
    (tmp_path / "b.eq").write_text("function double(X: N x K)\n    = X + X\n")
    (tmp_path / "c.eq").write_text("function half(X: N x K)\n    = X / 2\n")
    definitions = eqgen.load([tmp_path / "a.eq", str(tmp_path / "c.eq")])
    assert set(definitions) == {"twice", "double", "half"}
    assert {p.name for p in definitions.files} == {"a.eq", "b.eq", "c.eq"}


def test_a_definition_tells_what_it_says(file: Path) -> None:
    layer = eqgen.load(file)["layer Swish"]
    assert (layer.kind, layer.name, layer.file, layer.line) == ("layer", "Swish", str(file), 5)
    assert layer.source.startswith("layer Swish\n") and layer.source.endswith("DX = DZ * W")
    assert layer.title.startswith("A linear map") and layer.reference == "Ramachandran et al."
    assert repr(layer) == "<layer Swish, mine.eq:5>"


@pytest.mark.parametrize("judge", ["both", "proof", "explicit"])
def test_check(file: Path, judge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    definitions = eqgen.load(file)
    result = definitions["layer Swish"].check(judge=judge)  # type: ignore[arg-type]
    assert [e.target for e in result.equations] == ["DZ", "DW", "DX"]
    assert result.verdict == ("checked" if judge == "explicit" else "proved")
    assert [r.definition.name for r in definitions.check()] == ["Swish", "Swish", "doubling"]


def test_check_shows_what_is_wrong(file: Path) -> None:
    file.write_text(SWISH.replace("DX = DZ * W", "DX = -DZ * W"))
    result = eqgen.load(file)["layer Swish"].check()
    assert result.verdict == "refuted" and result.equations[-1].counterexample is not None
    assert "entry (1, 1): as written" in str(result) and "did you mean DX = DZ * W" in str(result)


def test_equations_are_sympy_expressions() -> None:
    softmax = eqgen.library()["Softmax"].sympy()
    N, D, K = sympy.symbols("N D K", integer=True, positive=True)
    X, W, b = sympy.MatrixSymbol("X", N, D), sympy.MatrixSymbol("W", K, D), sympy.MatrixSymbol("b", 1, K)
    assert softmax["forward"]["Z"].atoms(sympy.MatrixSymbol) == {X, W, b}
    assert softmax["backward"]["DX"] == sympy.MatrixSymbol("DZ", N, K) * W
    Y = softmax["forward"]["Y"].subs({N: 1, K: 2})
    values = Y.subs(sympy.MatrixSymbol("Z", 1, 2), sympy.Matrix([[0, sympy.log(3)]])).as_explicit()
    assert sympy.simplify(values) == sympy.Matrix([[sympy.Rational(1, 4), sympy.Rational(3, 4)]])


def test_claims_are_equations(file: Path) -> None:
    (equation,) = eqgen.load(file)["doubling"].sympy()["claims"].values()
    X = sympy.MatrixSymbol("X", *sympy.symbols("M N", integer=True, positive=True))
    assert isinstance(equation, sympy.Eq) and equation.lhs.doit() == equation.rhs.doit() == 2 * X
    assert str(equation.lhs) == "X + X"


def test_every_definition_has_latex_and_sympy() -> None:
    for definition in eqgen.library().values():
        blocks = definition.sympy()
        assert blocks or definition.kind == "initializer"
        text = definition.latex()
        assert text.startswith(r"\begin{aligned}") and text.count("{") == text.count("}")
        assert "&" in text


def test_notebooks_show_equations() -> None:
    library = eqgen.library()
    latex = library["Softmax"]._repr_latex_()
    assert latex.startswith("$$") and r"\mathrm{softmax}(Z)" in latex and r"\text{backward}" in latex
    assert r"f'(x) &= " in library["ReLU"].latex()
    assert r"W &\sim \mathrm{normal}(0, \sqrt{2 / D})" in library["He"].latex()
    html = library._repr_html_()
    assert "<td>Softmax</td>" in html and html.count("<tr>") == len(library) + 1


# --- packages --------------------------------------------------------------------------------------------


def test_compile_gives_the_class_at_once(file: Path) -> None:
    package = eqgen.load(file).compile("numpy")
    layer = package.SwishLayer(3, 2)
    assert layer.feedforward(np.ones((1, 3), "float32")).shape == (1, 2)
    assert package.SoftmaxLayer(3, 2).W.shape == (2, 3), "the library is there too"


def test_compile_twice_and_beside_other_definitions(file: Path) -> None:
    path = list(sys.path)
    first = eqgen.load(file).compile("numpy")
    assert eqgen.load(file).compile("numpy") is first
    file.write_text(SWISH.replace("Swish", "Twist"))
    other = eqgen.load(file).compile("numpy")
    assert hasattr(other, "TwistLayer") and not hasattr(other, "SwishLayer") and hasattr(first, "SwishLayer")
    assert sys.path == path
    assert sys.modules[first.__name__] is first and first.__name__ != other.__name__
    assert isinstance(first.SwishLayer(1, 1), first.Layer) and not isinstance(first.SwishLayer(1, 1), other.Layer)


def test_every_backend_compiles(file: Path) -> None:
    """Those that are installed; of one file, side by side in one process."""
    from eqgen.packages import available_backends

    definitions = eqgen.load(file)
    for backend in available_backends()[0]:
        package = definitions.compile(backend.name)
        layer = package.SwishLayer(3, 2)
        layer.set_weights("Xavier", 1)
        Y = layer.feedforward(package.from_host(np.ones((1, 3)), "float32"))
        reference = definitions.compile("numpy").SwishLayer(3, 2)
        reference.set_weights("Xavier", 1)
        expected = reference.feedforward(np.ones((1, 3), "float32"))
        np.testing.assert_allclose(package.to_host(Y), expected, rtol=1e-5)


def test_texts_compile_too() -> None:
    definitions = eqgen.loads(SWISH)
    assert definitions["doubling"].file == "<string>"
    assert definitions.compile("numpy").SwishLayer(1, 1).W.shape == (1, 1)


def test_the_library_compiles() -> None:
    assert eqgen.library().compile("numpy").SoftmaxLayer is eqgen.library().compile("numpy").SoftmaxLayer


def test_build_writes_packages(file: Path, tmp_path: Path) -> None:
    (built,) = eqgen.load(file).build(tmp_path / "out", ["numpy"], package="mine")
    assert built.state == "built" and (tmp_path / "out" / "mine_numpy" / "__init__.py").is_file()


def test_errors_are_diagnostics(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DiagnosticError, match="E501"):
        eqgen.load(tmp_path / "nothing.eq")
    with pytest.raises(DiagnosticError, match=r"E509(.|\n)*did you mean `numpy`"):
        eqgen.load(file).compile("nunpy")
    with pytest.raises(DiagnosticError) as caught:
        eqgen.loads(SWISH.replace("DX = DZ * W", "DX = DZ * V"))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span.source.name, diagnostic.span.line) == ("E101", "<string>", 20)
    file.write_text(SWISH.replace("DX = DZ * W", "DX = -DZ * W"))
    with pytest.raises(DiagnosticError, match="E401"):
        eqgen.load(file).compile("numpy")


def test_a_cache_that_cannot_be_written_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(file / "below"))
    file.write_text(SWISH.replace("Swish", "NotYetImported"))
    with pytest.raises(DiagnosticError, match=r"E505(.|\n)*EQGEN_CACHE"):
        eqgen.load(file).compile("numpy")
    with pytest.raises(DiagnosticError, match=r"E505(.|\n)*EQGEN_CACHE"):
        eqgen.loads(SWISH + "\n").compile("numpy")


def test_a_package_that_fails_to_import_leaves_no_trace(file: Path, tmp_path: Path) -> None:
    from eqgen.packages import import_folder

    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "__init__.py").write_text("from . import part\nraise RuntimeError('broken')\n")
    (folder / "part.py").write_text("")
    with pytest.raises(RuntimeError, match="broken"):
        import_folder(folder, "a_broken_package")
    assert not [m for m in sys.modules if m.startswith("a_broken_package")]
