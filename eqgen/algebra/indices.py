"""What may select rows and columns: matrices that are declared to hold indices, and their transposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eqgen.algebra.expressions import Apply, Dim, Node, Symbol
from eqgen.language.model import Expression

if TYPE_CHECKING:
    from eqgen.algebra.scope import Scope


def require_index(scope: Scope, node: Node, argument: Expression, below: Dim) -> None:
    """Nothing but what is declared so is known to hold whole numbers below a size.

    below   what the indices must stay below

    Raises Abandoned after reporting E208.
    """
    while isinstance(node, Apply) and node.op == "transpose":
        node = node.args[0]
    text = argument.span.text
    bound = scope.indices.get(node.name) if isinstance(node, Symbol) else None
    expected = f"a matrix that is declared `index({below})`, or its transpose"
    if bound is None:
        raise scope.fail("E208", f"`{text}` does not hold indices", argument.span, expected)
    if bound != below:
        message = f"the indices in `{text}` stay below {bound}, and here they select from {below}"
        raise scope.fail("E208", message, argument.span, expected)
