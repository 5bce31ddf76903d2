"""The equations of Hessian-vector products as text, with the prover's verdicts: what `eqgen derive --hvp` shows.

No file contains these equations: the language has no blocks for them. Their right sides are written in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from eqgen.algebra.accumulation import DerivationStep
from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.derivation import Derivation
from eqgen.algebra.derived_text import scalar_notation
from eqgen.algebra.expressions import Node
from eqgen.algebra.hessian import derive_curvature, with_curvature
from eqgen.algebra.hessian_module import judged_curvature
from eqgen.algebra.notation import notation
from eqgen.algebra.prover import Limits
from eqgen.algebra.verdict import EquationResult
from eqgen.language import format_source


@dataclass(frozen=True)
class CurvatureEquations:
    """The R-forward and R-backward equations of a layer, the R-gradient of a loss, or f'' of an activation."""

    definition: TypedDefinition
    module: Module
    derivations: Mapping[str, Derivation]

    @cached_property
    def typed(self) -> TypedDefinition:
        """The definition with these equations as further blocks."""
        return with_curvature(self.definition, self.derivations)

    def check(self, limits: Limits | None = None) -> list[EquationResult]:
        """The verdict on each equation: is it the directional derivative of the one that it comes from?"""
        return judged_curvature(self.typed, self.module, limits)

    def latex(self) -> str:
        """The equations as a LaTeX `aligned` environment."""
        from eqgen.algebra.presentation import latex

        blocks = {name: self.typed.block(name) for name in self.derivations}
        return latex(replace(self.typed, blocks=blocks), self.module)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @property
    def blocks(self) -> dict[str, dict[str, str]]:
        """Block -> target -> right side, in order."""
        return {
            block: {target: self._right(value) for target, value in derivation.equations}
            for block, derivation in self.derivations.items()
        }

    @property
    def equations(self) -> dict[str, str]:
        """Target -> right side, in order."""
        return {target: value for block in self.blocks.values() for target, value in block.items()}

    @property
    def steps(self) -> tuple[DerivationStep, ...]:
        return tuple(step for derivation in self.derivations.values() for step in derivation.steps)

    @property
    def operations(self) -> int:
        return sum(derivation.operations for derivation in self.derivations.values())

    @property
    def text(self) -> str:
        """The equations, each block under its name."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for block, equations in self.blocks.items():
            match self.definition.kind:
                case "activation":
                    yield from (f"    {target}(x) = {value}" for target, value in equations.items())
                case "loss":
                    yield from (line.removeprefix("    ") for line in _laid_out(equations))
                case _:
                    yield f"    {block}"
                    yield from _laid_out(equations)

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.definition.name,
            "kind": self.definition.kind,
            "file": self.definition.span.source.name,
            "equations": [
                {"block": block, "target": target, "value": value}
                for block, equations in self.blocks.items()
                for target, value in equations.items()
            ],
            "operations": self.operations,
            "written_operations": None,
            "text": self.text,
            "steps": [
                {"target": s.target, "relation": s.relation, "value": self._right(s.value), "rule": s.rule}
                for s in self.steps
            ],
        }

    @property
    def written_operations(self) -> None:
        """No file gives these equations."""
        return None

    def step_lines(self) -> list[str]:
        """Every step, its rule above the equation that it gives."""
        return [line for s in self.steps for line in (s.rule, f"    {s.target} {s.relation} {self._right(s.value)}")]

    def __str__(self) -> str:
        return self.text

    def _right(self, value: Node) -> str:
        return scalar_notation(value) if self.definition.kind == "activation" else notation(value)


def _laid_out(equations: Mapping[str, str]) -> Iterator[str]:
    """The equations as they would stand in a block of a layer, broken into lines by the formatter."""
    lines = [f"        {target} = {value}" for target, value in equations.items()]
    text = format_source("\n".join(["layer Shown", "    backward", *lines]) + "\n", "equations")
    yield from text.rstrip("\n").split("\n")[2:]


def derive_hvp(definition: TypedDefinition, module: Module) -> CurvatureEquations:
    """The equations of Hessian-vector products through a layer, an activation or a loss.

    Raises ValueError for another kind of definition, and where something on the way has no second derivative.
    """
    return CurvatureEquations(definition, module, derive_curvature(definition, module))
