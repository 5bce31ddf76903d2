"""Normal forms as text, for messages and for debugging."""

from __future__ import annotations

from eqgen.algebra.atoms import Atom, Monomial, Rational
from eqgen.algebra.normal_form import Core, Form


def form_text(form: Form) -> str:
    """For example `2 N^-1 Σ_a X[i,a] W[j,a]`; free indices are i, j, k, ..., bound ones a, b, c, ..."""
    if not form.terms:
        return "0"
    parts = []
    for monomial, c in sorted(form.terms.items()):
        body = monomial_text(form.algebra, monomial)
        number = "" if abs(c) == 1 and body else str(abs(c))
        parts.append(("- " if c < 0 else "+ ") + " ".join(p for p in (number, body) if p))
    text = " ".join(parts)
    return text[2:] if text.startswith("+ ") else "-" + text[2:]


def monomial_text(algebra: Core, monomial: Monomial) -> str:
    return " ".join(_power(atom_text(algebra, algebra.atoms[s]), e) for s, e in monomial)


def _power(text: str, exponent: Rational) -> str:
    if exponent == 1:
        return text
    return f"{text}^{exponent}" if exponent.denominator == 1 else f"{text}^({exponent})"


def index_text(code: int) -> str:
    if code == 0:
        return "1"
    letters, k = ("ijklmnpqrstuvw", code - 1) if code > 0 else ("abcdefgh", -code - 1)
    return letters[k] if k < len(letters) else f"{letters[0]}{k}"


def atom_text(algebra: Core, atom: Atom) -> str:
    indices = ",".join(index_text(i) for i in atom.indices)
    match atom.kind:
        case "tensor":
            return f"{atom.name}[{indices}]"
        case "size" | "constant":
            return atom.name
        case "prime":
            return str(atom.extra)
        case "delta":
            return f"δ({indices})"
        case "selection":
            return f"[{form_text(atom.forms[0])} selects {indices}]"
        case "positive":
            return f"[{form_text(algebra.condition(atom))} > 0]"
        case "zero":
            return f"[{form_text(algebra.condition(atom))} = 0]"
        case "function":
            return f"{atom.name.replace('()', '')}({form_text(atom.forms[0])})"
        case "base":
            return f"({form_text(atom.forms[0])})"
        case "max":
            return f"max_{index_text(atom.labels[0])}({form_text(atom.forms[0])})"
    labels = "".join(f"Σ_{index_text(label)}" for label in atom.labels)
    return f"({labels} {monomial_text(algebra, atom.extra)})"
