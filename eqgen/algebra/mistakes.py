"""Mistakes in equations: their names, and the edit that would repair one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from eqgen.algebra.expressions import Node
from eqgen.algebra.positions import Path


class Mistake(StrEnum):
    """What a refuted equation suffers from."""

    SIGN = "sign"
    COEFFICIENT = "coefficient"
    SIZE_FACTOR = "size factor"
    AXIS = "axis"
    TRANSPOSE = "transpose"
    OPERAND_ORDER = "operand order"
    MISSING_FACTOR = "missing factor"
    EXTRA_FACTOR = "extra factor"
    MISSING_TERM = "missing term"
    EXTRA_TERM = "extra term"
    WRONG_VARIABLE = "wrong variable"
    WRONG_OPERATION = "wrong operation"
    WRONG_EXPRESSION = "wrong expression"
    SEVERAL = "several"
    INDEPENDENT = "independent"
    VANISHES = "vanishes"


Show: TypeAlias = Callable[[Node], str]
"""An expression as text for a message."""
TOO_LONG = "this"
"""What stands for an expression that is too long for a sentence."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of an expression.

    path      the place whose sub-expression `new` replaces
    cost      how far the result is from what was written: about the number of operations and names that change
    say       the mistake in words, with `{}` for each of `nodes`
    focus     the place of what is wrong, inside of `path`; by default all of it
    operator  whether the operator before the focus belongs to what is wrong
    brief     what is said instead where a node is too long for a sentence
    """

    mistake: Mistake
    path: Path
    new: Node
    cost: float
    say: str
    nodes: tuple[Node, ...] = ()
    focus: Path | None = None
    operator: bool = False
    brief: str = ""

    @property
    def place(self) -> Path:
        return self.path if self.focus is None else self.focus

    def sentence(self, show: Show) -> str:
        texts = [show(node) for node in self.nodes]
        return self.brief if self.brief and TOO_LONG in texts else self.say.format(*texts)
