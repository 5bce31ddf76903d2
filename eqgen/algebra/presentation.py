"""Whole definitions in SymPy's form, and as LaTeX for a page or a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition
from eqgen.algebra.expressions import Invoke, Node, rewrite
from eqgen.algebra.symbolic import to_sympy


def symbolic_equations(definition: TypedDefinition, module: Module) -> dict[str, dict[str, Any]]:
    """Block -> target -> matrix expression, with called functions put in; for a lemma `claims` -> text -> Eq."""
    blocks = {
        name: {a.target: to_sympy(a.value, module) for a in assignments}
        for name, assignments in definition.blocks.items()
    }
    if definition.claims:
        blocks["claims"] = {
            c.text: sympy.Eq(to_sympy(c.left, module), to_sympy(c.right, module), evaluate=False)
            for c in definition.claims
        }
    return blocks


@dataclass(frozen=True, slots=True)
class LatexEquation:
    """An equation as LaTeX: left side, sign, right side; `block` and `target` say which one it is."""

    block: str
    target: str
    left: str
    sign: str
    right: str


def equations(definition: TypedDefinition, module: Module) -> Iterator[LatexEquation]:
    """All equations in their order; called functions stay calls. A claim of a lemma has its text as target."""
    for name, assignments in definition.blocks.items():
        for a in assignments:
            yield LatexEquation(name, a.target, _target(definition, a), "=", _latex(a.value, module))
    for claim in definition.claims:
        yield LatexEquation("claims", claim.text, _latex(claim.left, module), "=", _latex(claim.right, module))
    for target, draw in definition.draws:
        arguments = ", ".join(_latex(a, module) for a in draw.arguments)
        yield LatexEquation("draws", target, _name(target), r"\sim", rf"\mathrm{{{draw.distribution}}}({arguments})")


def latex(definition: TypedDefinition, module: Module) -> str:
    """All equations in one `aligned` environment, a heading above each block."""
    lines: list[str] = []
    block = ""
    for e in equations(definition, module):
        headed = e.block in definition.blocks and len(definition.blocks) > 1 and definition.kind != "activation"
        if headed and e.block != block:
            lines.append(rf"& \text{{{e.block.replace('_', ' ')}}}")
        block = e.block
        lines.append(f"{e.left} &{e.sign} {e.right}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _target(definition: TypedDefinition, assignment: Assignment) -> str:
    """The left side; that of a function shows its argument."""
    name = _name(assignment.target)
    return f"{name}(x)" if definition.kind == "activation" and assignment.target in ("f", "f'") else name


def _name(name: str) -> str:
    """A name as LaTeX: Greek letters as such, a trailing prime as a prime."""
    plain = name.rstrip("'")
    return f"{sympy.latex(sympy.Symbol(plain))}{name[len(plain) :]}"


def _latex(node: Node, module: Module) -> str:
    text = str(sympy.latex(to_sympy(node, None if _has_plain_calls(node) else module)))
    return text.replace("_{0,0}", "")  # the one entry of a number, which is a 1 x 1 matrix


def _has_plain_calls(node: Node) -> bool:
    """Whether all calls have one operand, as SymPy's form can show them."""
    plain = True

    def rule(n: Node) -> Node:
        nonlocal plain
        plain = plain and not (isinstance(n, Invoke) and len(n.args) != 1)
        return n

    rewrite(node, rule)
    return plain
