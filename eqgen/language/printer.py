"""Expressions as text: one line where it fits, else broken inside brackets.

The text parses to the same expression again: brackets stand exactly where the precedence of the grammar needs them.
"""

from __future__ import annotations

from eqgen.language.model import Call, Expression, Lambda, Name, Number

WIDTH = 100
INDENT = "    "
_MAX_NUMBER_LENGTH = 60
_MAX_MAGNITUDE = 300

# Precedence as in grammar.lark, from loose to tight.
_COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _POSTFIX = range(1, 7)
_BINARY = {
    **dict.fromkeys(("<", "<=", ">", ">=", "=="), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/"), _PRODUCT),
    "^": _POWER,
}


def expression_text(expression: Expression) -> str:
    """The expression on one line, in API notation: `hadamard(X, Y.T) * 2`."""
    if isinstance(expression, Number):
        return number_text(expression)
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, Lambda):
        return f"{_parameters(expression)} -> {expression_text(expression.body)}"
    assert isinstance(expression, Call)
    function, arguments = expression.function, expression.arguments
    if function == "neg":
        return "-" + _operand(arguments[0], _SIGN)
    if function == ".T":
        return _operand(arguments[0], _POSTFIX) + ".T"
    if function == "^":
        exponent = _operand(arguments[1], _POWER)
        return f"{_operand(arguments[0], _POSTFIX)}^{exponent}"
    if function in _BINARY:
        left, right = _sides(expression)
        return f"{_operand(arguments[0], left)} {function} {_operand(arguments[1], right)}"
    return f"{function}({', '.join(expression_text(argument) for argument in arguments)})"


def number_text(number: Number) -> str:
    """The exact decimal form, `0.01` or `1e-8`; very long literals stay as they were written."""
    value, exponent = number.value, 0
    while value.denominator > 1:
        value, exponent = value * 10, exponent - 1
    while value and exponent >= 0 and value % 10 == 0:
        value, exponent = value / 10, exponent + 1
    digits = str(value.numerator)
    magnitude = len(digits) + exponent - 1
    if len(digits) > _MAX_NUMBER_LENGTH or abs(magnitude) > _MAX_MAGNITUDE:
        return number.span.text
    if not -4 <= magnitude < 16:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{fraction}e{magnitude}"
    if exponent >= 0:
        return digits + "0" * exponent
    digits = digits.rjust(1 - exponent, "0")
    return f"{digits[:exponent]}.{digits[exponent:]}"


def broken(expression: Expression, column: int, indent: str, in_brackets: bool = False) -> list[str]:
    """Lines for an expression that begins at `column`; the lines after the first carry their indentation, at least
    `indent`. Line breaks need a bracket around them: without `in_brackets` one is added where there is none."""
    text = expression_text(expression)
    if column + len(text) <= WIDTH or isinstance(expression, (Name, Number)):
        return [text]
    if isinstance(expression, Lambda):
        head = f"{_parameters(expression)} -> "
        return _prefixed(head, broken(expression.body, column + len(head), indent, in_brackets))
    assert isinstance(expression, Call)
    function, arguments = expression.function, expression.arguments
    if function == "neg":
        return _prefixed("-", _broken_operand(arguments[0], _SIGN, column + 1, indent))
    if function == ".T":
        return _suffixed(_broken_operand(arguments[0], _POSTFIX, column, indent), ".T")
    if function == "^":
        base = _broken_operand(arguments[0], _POSTFIX, column, indent)
        exponent = _broken_operand(arguments[1], _POWER, len(base[-1]) + 1, indent)
        return [*base[:-1], *_prefixed(base[-1] + "^", exponent)]
    if function in _BINARY:
        return _broken_chain(expression, column, indent) if in_brackets else _bracketed(expression, indent)
    inner = indent + INDENT
    lines = [f"{function}("]
    for index, argument in enumerate(arguments):
        separator = "," if index < len(arguments) - 1 else ""
        rows = _suffixed(broken(argument, len(inner) + 1, inner, in_brackets=True), separator)
        lines.extend(_prefixed(inner, rows))
    return [*lines, f"{indent})"]


def _broken_chain(expression: Call, column: int, indent: str) -> list[str]:
    """`a + b - c` with an operand a line, each behind its operator."""
    level = _BINARY[expression.function]
    links: list[tuple[str, Expression]] = []
    first: Expression = expression
    while isinstance(first, Call) and _BINARY.get(first.function) == level and (level != _COMPARISON or not links):
        links.append((first.function, first.arguments[1]))
        first = first.arguments[0]
    left, right = _sides(expression)
    lines = _broken_operand(first, left, column, indent)
    for operator, operand in reversed(links):
        head = f"{indent}{operator} "
        lines.extend(_prefixed(head, _broken_operand(operand, right, len(head), indent)))
    return lines


def _broken_operand(operand: Expression, level: int, column: int, indent: str) -> list[str]:
    text = _operand(operand, level)
    if column + len(text) <= WIDTH:
        return [text]
    return _bracketed(operand, indent) if _precedence(operand) < level else broken(operand, column, indent)


def _bracketed(expression: Expression, indent: str) -> list[str]:
    inner = indent + INDENT
    return ["(", *_prefixed(inner, broken(expression, len(inner), inner, in_brackets=True)), f"{indent})"]


def _prefixed(prefix: str, lines: list[str]) -> list[str]:
    return [prefix + lines[0], *lines[1:]]


def _suffixed(lines: list[str], suffix: str) -> list[str]:
    return [*lines[:-1], lines[-1] + suffix]


def _operand(operand: Expression, level: int) -> str:
    text = expression_text(operand)
    return f"({text})" if _precedence(operand) < level else text


def _precedence(expression: Expression) -> int:
    if isinstance(expression, Call):
        return _SIGN if expression.function == "neg" else _BINARY.get(expression.function, _POSTFIX)
    return _POSTFIX


def _sides(expression: Call) -> tuple[int, int]:
    """The precedence that the operands of a binary operator need to stand without brackets."""
    level = _BINARY[expression.function]
    return (level + 1, level + 1) if level == _COMPARISON else (level, level + 1)


def _parameters(function: Lambda) -> str:
    return function.parameters[0] if len(function.parameters) == 1 else f"({', '.join(function.parameters)})"
