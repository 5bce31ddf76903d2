"""Definitions: every line and block of the language."""

from __future__ import annotations

import pytest

from eqgen.language import DiagnosticError, parse
from eqgen.language.model import Draw, Name, Return, Use
from tests.language import examples
from tests.language.notation import block, definition, equation, prefix


def test_a_layer() -> None:
    layer = definition(examples.SOFTMAX_LAYER)
    assert (layer.kind, layer.name.name, layer.parameters) == ("layer", "Softmax", ())
    assert layer.title == "Linear map followed by a row-wise softmax."
    assert layer.reference == "Wesselink et al., eqs. (9)-(15)"
    assert [name.name for name in layer.dims] == ["N", "D", "K"]
    assert [(d.role, d.name.name, [prefix(size) for size in d.shape or ()]) for d in layer.declarations] == [
        ("input", "X", ["N", "D"]),
        ("param", "W", ["K", "D"]),
        ("param", "b", ["1", "K"]),
        ("output", "Y", ["N", "K"]),
    ]
    (forward,) = layer.blocks("forward")
    assert list(map(equation, forward.statements)) == ["Z = (+ (* X (.T W)) (row_repeat b N))", "Y = (softmax Z)"]
    (backward,) = layer.blocks("backward")
    assert [equation(statement).split()[0] for statement in backward.statements] == ["DZ", "DW", "Db", "DX"]
    assert layer.span.text == examples.SOFTMAX_LAYER.rstrip()
    assert backward.span.text.startswith("backward") and backward.span.text.endswith("DX = DZ * W")


def test_an_activation() -> None:
    activation = definition(examples.ACTIVATION)
    (alpha,) = activation.parameters
    assert alpha.name.name == "alpha" and alpha.default is not None and prefix(alpha.default) == "1/100"
    assert [equation(statement) for statement in activation.statements] == [
        "(f x) = (max (* alpha x) x)",
        "(f' x) = (where (< x (* alpha x)) alpha 1)",
    ]


def test_a_function_with_a_stable_form() -> None:
    function = definition(examples.FUNCTION)
    (parameter,) = function.parameters
    assert parameter.shape is not None and list(map(prefix, parameter.shape)) == ["N", "K"]
    value, stable = function.statements
    assert isinstance(value, Return) and len(value.steps) == 1
    assert block(stable).kind == "stable"
    binding, returned = block(stable).statements
    assert equation(binding) == "Z = (- X (column_repeat (rows_max X) K))"
    assert isinstance(returned, Return) and prefix(returned.steps[0]).startswith("(hadamard (exp Z)")


def test_a_function_with_names_of_its_own_and_a_chain() -> None:
    function = definition(
        "function f(X: N x K, c = 2)\n"
        "    let e = exp(X)\n"
        "          = exp(X)\n"
        "    = e\n"
        "    = exp(X)\n"
        "    stable with a = X, b = a\n"
        "    = b\n"
        "    = a\n"
    )
    let, value, stable = function.statements
    assert equation(block(let).statements[0]) == "e = (exp X) = (exp X)"
    assert isinstance(value, Return) and list(map(prefix, value.steps)) == ["e", "(exp X)"]
    assert [type(statement).__name__ for statement in block(stable).statements] == ["Equation", "Equation", "Return"]
    returned = block(stable).statements[-1]
    assert isinstance(returned, Return) and list(map(prefix, returned.steps)) == ["b", "a"]


def test_a_loss_with_a_simplification() -> None:
    loss = definition(examples.LOSS)
    assert [declaration.role for declaration in loss.declarations] == ["input", "target"]
    (when,) = loss.blocks("when")
    assert when.condition is not None and prefix(when.condition) == "(one_hot T)"
    assert list(map(equation, when.statements)) == ["DY = (- (softmax Y) T)"]


def test_an_optimizer() -> None:
    optimizer = definition(examples.OPTIMIZER)
    (delta,) = optimizer.declarations
    assert (delta.role, delta.name.name, delta.shape) == ("state", "delta", None)
    assert delta.initial is not None and prefix(delta.initial) == "0"
    assert list(map(equation, optimizer.statements)) == [
        "delta' = (- (* mu delta) (* eta Dtheta))",
        "theta' = (- (+ theta (* mu delta')) (* eta Dtheta))",
    ]


def test_a_scheduler_and_an_initializer() -> None:
    scheduler, initializer = parse(examples.SCHEDULER + examples.INITIALIZER).definitions
    assert equation(scheduler.statements[0]) == "(eta i) = (* eta0 (exp (* (neg d) i)))"
    (draw,) = initializer.statements
    assert isinstance(draw, Draw)
    assert (draw.target.name, prefix(draw.distribution)) == ("W", "(normal 0 (sqrt (/ 2 D)))")


def test_a_lemma_with_a_chain() -> None:
    lemma = definition(examples.LEMMA)
    assert lemma.title == "eq. (13)"
    *lets, claim = lemma.statements
    assert [equation(block(let).statements[0]) for let in lets] == [
        "e = (exp z)",
        "f = (rows_sum e)",
        "y = (softmax z)",
    ]
    assert equation(claim) == (
        "(jacobian y z) = (- (/ (Diag e) f) (/ (* (.T e) e) (* f f))) = (- (Diag y) (* (.T y) y))"
    )
    assert claim.span.text.endswith("= Diag(y) - y.T * y")


def test_a_lemma_about_rows() -> None:
    lemma = definition(examples.ROW_LEMMA)
    assert [(d.role, d.name.name) for d in lemma.declarations] == [
        ("variable", "X"),
        ("variable", "Y"),
        ("variable", "Z"),
    ]
    rows, then = map(block, lemma.statements)
    assert (rows.kind, rows.condition) == ("for each row", Name(rows.span, "i"))
    assert equation(rows.statements[0]) == "z_i = (* (* x_i (.T y_i)) y_i)"
    assert then.kind == "then"


def test_a_lemma_may_equate_any_expressions() -> None:
    lemma = definition("lemma l\n    for each  column j\n        a = b\n    (A * B).T = B.T * A.T\n    A + 0_N = A\n")
    assert block(lemma.statements[0]).kind == "for each column"
    assert equation(lemma.statements[1]) == "(.T (* A B)) = (* (.T B) (.T A))"
    assert equation(lemma.statements[2]) == "(+ A (zeros N)) = A"


def test_use_and_random_and_attributes() -> None:
    layer = definition(examples.DROPOUT)
    assert [parameter.name.name for parameter in layer.parameters] == ["act", "p"]
    by_name = {declaration.name.name: declaration for declaration in layer.declarations}
    assert by_name["W"].attributes == (("sparse", None),)
    draw = by_name["R"].draw
    assert draw is not None and prefix(draw) == "(bernoulli (- 1 p))"
    (forward,) = layer.blocks("forward")
    use = forward.statements[0]
    assert isinstance(use, Use)
    assert (use.definition.name, list(map(prefix, use.arguments))) == ("LinearDropout", ["X", "W", "b", "R"])
    assert [name.name for name in use.results] == ["Z"]


def test_attributes_and_sizes() -> None:
    lemma = definition("lemma l\n    x: 1 x N\n    i, j: 1×3 positive index(V)\n    k: 2x4\n    a = b\n")
    x, i, j, k = lemma.declarations
    assert x.shape is not None and list(map(prefix, x.shape)) == ["1", "N"]
    assert i.attributes == j.attributes
    assert [(word, argument and prefix(argument)) for word, argument in i.attributes] == [
        ("positive", None),
        ("index", "V"),
    ]
    assert k.shape is not None and list(map(prefix, k.shape)) == ["2", "4"]


def test_assumptions() -> None:
    lemma = definition("lemma l\n    assume x > 0, N >= 2\n    assume -1 < y\n    assume (z) == 1\n    x = x\n")
    assert list(map(prefix, lemma.assumptions)) == ["(> x 0)", "(>= N 2)", "(< (neg 1) y)", "(== z 1)"]


def test_header_parameters() -> None:
    function = definition("function f(A: N x K, b, c: 1 x K = 2, d = -1)\n    = A\n")
    assert [(p.name.name, p.shape and tuple(map(prefix, p.shape)), p.default and prefix(p.default))
            for p in function.parameters] == [
        ("A", ("N", "K"), None),
        ("b", None, None),
        ("c", ("1", "K"), "2"),
        ("d", None, "(neg 1)"),
    ]  # fmt: skip
    assert definition("layer L()\n    forward\n        Y = X\n").parameters == ()


def test_several_definitions_imports_and_comments() -> None:
    file = parse('# top\nuse "a.eq"  # one\nuse   "b/c.eq"\n\n' + examples.FILE + "# end")
    assert [item.path for item in file.imports] == ["a.eq", "b/c.eq"]
    assert len(file.definitions) == len(examples.ALL)
    assert parse("").definitions == parse("\n  # only a comment\n\n").definitions == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["  ", "\t", "    "])
def test_line_ends_and_indentation(newline: str, indent: str) -> None:
    text = examples.FILE.replace("    ", indent).replace("\n", newline)
    assert parse(text).definitions == parse(examples.FILE).definitions


def test_keywords_may_be_names() -> None:
    layer = definition(
        "layer state\n"
        "    dims dims, input\n"
        "    input input: dims x input\n"
        "    state state = 0\n"
        "    forward\n"
        "        use = let + source\n"
        "        forward = for\n"
        "        state = output * input\n"
    )
    assert [declaration.name.name for declaration in layer.declarations] == ["input", "state"]
    (forward,) = layer.blocks("forward")
    assert [equation(statement).split()[0] for statement in forward.statements] == ["use", "forward", "state"]


def test_a_comment_sign_inside_a_string_is_text() -> None:
    assert definition('loss l\n    "a # b"  # c\n    L = x\n').title == "a # b"


def test_definitions_around_an_error_are_read() -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse(
            examples.SOFTMAX_LAYER + "loss A\n    L = (\nloss B\n    L = )\n" + examples.LOSS + "loss C\n    L = 1 +\n"
        )
    assert [(d.code, d.span.line) for d in caught.value.diagnostics] == [("E004", 21), ("E005", 23), ("E002", 33)]
