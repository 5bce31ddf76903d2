"""The message about a refuted equation: the mistake, its place, what was derived, and numbers to follow by hand."""

from __future__ import annotations

from eqgen.algebra.definitions import TypedDefinition
from eqgen.algebra.verdict import Counterexample, EquationResult
from eqgen.language.diagnostics import Diagnostic


def refusal(definition: TypedDefinition, equation: EquationResult) -> Diagnostic:
    """A refuted equation as an error (E401 for a gradient, E402 for another claim).

    One that is recorded as a misprint, but holds, has no counterexample (E404).
    """
    what = f"`{equation.target}` of {definition.kind} `{definition.name}`"
    example, explanation = equation.counterexample, equation.explanation
    if example is None:
        return Diagnostic(
            "E404", f"{what} is {equation.message}", equation.span, hint="correct the record, or remove it"
        )
    gradient = definition.kind not in ("lemma", "function") and " when " not in equation.target
    details = []
    hint = ""
    span = equation.span
    if explanation is not None:
        span = explanation.span
        details += [f"written: {explanation.written}"]
        details += [f"derived: {explanation.derived}"] * bool(explanation.derived)
        if explanation.suggestions:
            offered = " or ".join(f"`{s}`" for s in explanation.suggestions)
            hint = f"did you mean {offered}? (proved for all sizes)"
    words = ("yours", "derived" if gradient else "other side")
    lines = example_lines(example, equation.target if gradient else "", words)
    details += ["counterexample:", *(f"    {line}" for line in lines)]
    return Diagnostic(
        "E401" if gradient else "E402",
        f"{what} is refuted: {equation.message}",
        span,
        hint=hint,
        details=tuple(details),
    )


def example_lines(example: Counterexample, target: str, words: tuple[str, str]) -> list[str]:
    """Sizes, operands and the entry that differs, a line each; `words` say what its two values are."""
    lines = []
    if example.sizes:
        lines.append(", ".join(f"{name} = {size}" for name, size in example.sizes.items()))
    if example.activations:
        lines.append(example.activations)
    lines += [f"{name} = [{'; '.join(' '.join(row) for row in rows)}]" for name, rows in example.values.items()]
    i, j = example.position
    place = f"entry ({i}, {j}){f' of {target}' if target else ''}"
    entry = f"{place}: {words[0]} {example.yours}, {words[1]} {example.derived}"
    if example.finite_difference:
        entry += f", finite difference {example.finite_difference}"
    return [*lines, entry]
