"""Both judges over the definitions of a module: verdicts are merged, and kept between runs.

    auto       proof, and the explicit check for what that leaves undecided
    proof      eqgen.algebra.prover: for all sizes
    explicit   eqgen.algebra.explicit_check: written out at several unequal sizes
    both       refuted when either refutes; proved when the prover proves; else checked when the explicit check agrees

A verdict is kept under a hash of all that it follows from, so that only what has changed is judged again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from eqgen.algebra.definitions import Module, TypedDefinition
from eqgen.algebra.influence import has_idle_matrices
from eqgen.algebra.printed import ILL_SHAPED, PRINTED
from eqgen.algebra.refusal import refusal
from eqgen.algebra.verdict import Counterexample, EquationResult, Verdict
from eqgen.algebra.verdict_store import VerdictStore, dependencies, equation_places, placed, verdict_key
from eqgen.language.diagnostics import Diagnostic, DiagnosticError

Judge: TypeAlias = Literal["auto", "both", "proof", "explicit"]
JUDGES: tuple[Judge, ...] = get_args(Judge)

WORKERS = "EQGEN_JOBS"
"""Environment variable: how many processes judge at once. The `eqgen` command sets it to the number of processors."""

ORDER: tuple[Verdict, ...] = ("refuted", "unknown", "checked", "proved", "refuted as printed")
"""Worst first."""


class UndecidedWarning(UserWarning):
    """An equation that neither judge could decide."""


class JudgesDisagree(RuntimeError):
    """One judge proves what the other refutes: an error of eqgen."""


@dataclass(frozen=True, slots=True)
class DefinitionResult:
    """The verdicts on a definition's equations, in their order; none where nothing is claimed."""

    definition: TypedDefinition
    equations: tuple[EquationResult, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict, None where nothing is claimed."""
        found = {e.verdict for e in self.equations}
        return next((v for v in ORDER if v in found), None)

    def to_json(self) -> dict[str, object]:
        """What is claimed under `equations`; recorded misprints, where there are any, under `misprints`."""
        d = self.definition
        claimed = [equation_json(e) for e in self.equations if e.verdict != PRINTED]
        misprints = [equation_json(e) for e in self.equations if e.verdict == PRINTED]
        value: dict[str, object] = {"name": d.name, "kind": d.kind, "file": d.span.source.name, "equations": claimed}
        return value | ({"misprints": misprints} if misprints else {})

    def __str__(self) -> str:
        lines = [f"{self.definition.kind} {self.definition.name} ({self.definition.origin})"]
        return "\n".join(lines + [f"    {e.target}: {verdict_text(e)}" for e in self.equations])


def equation_json(equation: EquationResult) -> dict[str, object]:
    """Stable keys; the sizes are part of the message, and there is an explanation only where something is explained."""
    value = equation.to_json()
    parts = [str(value.pop("sizes")), str(value["message"])]
    if equation.verdict == "proved":
        parts.reverse()
    value["message"] = "; ".join(filter(None, parts))
    return {key: part for key, part in value.items() if key != "explanation" or part is not None}


def verdict_text(equation: EquationResult) -> str:
    """`proved (all sizes)`, `checked at sizes N=4, D=3`, `refuted: ...` with the counterexample, or `unknown: ...`."""
    match equation.verdict:
        case "proved":
            return "proved (all sizes)"
        case "checked":
            return equation.sizes or "checked"
    text = f"{equation.verdict}: {equation.message}"
    if equation.verdict == PRINTED and equation.message.startswith(ILL_SHAPED):
        text = f"ill-shaped as printed{equation.message.removeprefix(ILL_SHAPED)}"
    if equation.counterexample is not None:
        text += f"\n{counterexample_text(equation.counterexample, indent=8)}"
    if equation.explanation is not None:
        text += "".join(f"\n        did you mean {suggestion}" for suggestion in equation.explanation.suggestions)
    return text


def counterexample_text(
    example: Counterexample, indent: int = 0, words: tuple[str, str] = ("as written", "derived")
) -> str:
    """Sizes, operands and the entry that differs, a line each; `words` say what its two values are."""
    lines = []
    if example.sizes:
        lines.append("with " + ", ".join(f"{name} = {size}" for name, size in example.sizes.items()))
    if example.activations:
        lines.append(example.activations)
    for name, rows in example.values.items():
        lines.append(f"{name} = [{'; '.join(' '.join(row) for row in rows)}]")
    i, j = example.position
    lines.append(f"entry ({i}, {j}): {words[0]} {example.yours}, {words[1]} {example.derived}")
    if example.finite_difference:
        lines[-1] += f", by finite differences {example.finite_difference}"
    return "\n".join(" " * indent + line for line in lines)


# --- checking --------------------------------------------------------------------------------------------


def check_module(
    definitions: Sequence[TypedDefinition],
    module: Module,
    judge: Judge = "both",
    *,
    store: VerdictStore | None = None,
    workers: int | None = None,
    progress: Callable[[DefinitionResult], None] = lambda result: None,
) -> list[DefinitionResult]:
    """The verdicts on some definitions of a module, in their order.

    store     where verdicts are kept; None judges everything anew
    workers   processes that judge at once; by default `$EQGEN_JOBS`, else none but this one
    progress  is told each result as it comes

    Raises JudgesDisagree where one judge proves and the other refutes.
    """
    known: dict[int, tuple[EquationResult, ...]] = {}
    keys: dict[int, str] = {}
    if store is not None:
        for position, definition in enumerate(definitions):
            keys[position] = verdict_key(definition, module, judge)
            found = store.load(keys[position], definition)
            if found is not None:
                known[position] = found
    missing = [p for p in range(len(definitions)) if p not in known]
    fresh = _judged([definitions[p] for p in missing], module, judge, workers or _default_workers())
    results = []
    for position, definition in enumerate(definitions):
        equations = known.get(position)
        if equations is None:
            equations = next(fresh)
            # What a limit left undecided may be decided another time, on a faster or idler machine.
            if store is not None and all(e.verdict != "unknown" for e in equations):
                store.save(keys[position], definition, equations)
        results.append(DefinitionResult(definition, equations))
        progress(results[-1])
    return results


def check_definition(definition: TypedDefinition, module: Module, judge: Judge = "both") -> tuple[EquationResult, ...]:
    """The verdicts of one or both judges on a definition, merged."""
    proofs: list[EquationResult] | None = None
    trials: list[EquationResult] | None = None
    if judge != "explicit":
        from eqgen.algebra.prover import prove_definition

        proofs = prove_definition(definition, module)
    undecided = proofs is not None and any(p.verdict == "unknown" for p in proofs)
    if judge in ("both", "explicit") or (judge == "auto" and undecided):
        from eqgen.algebra import explicit_check

        trials = explicit_check.check_definition(definition, module)
    results = proofs or trials or []
    if proofs is not None and trials is not None:
        results = [merged(definition, p, t) for p, t in zip(proofs, trials, strict=True)]
    return _explained(definition, module, results)


def _explained(
    definition: TypedDefinition, module: Module, results: Sequence[EquationResult]
) -> tuple[EquationResult, ...]:
    """The results with what teaches; where all is well nothing more is imported."""
    if all(e.verdict != "refuted" for e in results) and not has_idle_matrices(definition):
        return tuple(results)
    from eqgen.algebra.localisation import explained

    return explained(definition, module, results)


def merged(definition: TypedDefinition, proof: EquationResult, trial: EquationResult) -> EquationResult:
    """One verdict from those of the prover and of the explicit check.

    Raises JudgesDisagree when the explicit check refutes what is proved, or the judges speak of different equations.
    """
    if (proof.target, proof.line) != (trial.target, trial.line):
        places = " and ".join(f"`{e.target}` in line {e.line}" for e in (proof, trial))
        raise JudgesDisagree(f"{definition.origin}: one verdict is on {places}")
    seconds = proof.seconds + trial.seconds
    if PRINTED in (proof.verdict, trial.verdict):
        if "refuted" in (proof.verdict, trial.verdict):
            raise JudgesDisagree(
                f"{definition.origin}: `{proof.target}` in line {proof.line}, which is recorded as a misprint, is "
                f"{proof.verdict} ({proof.message}) and {trial.verdict} ({trial.message})"
            )
        return (proof if proof.verdict == PRINTED else trial).timed(seconds)
    if proof.verdict == "proved":
        if trial.verdict == "refuted":
            raise JudgesDisagree(
                f"{definition.origin}: `{proof.target}` in line {proof.line} is proved ({proof.message}) and refuted "
                f"({trial.message}); this is an error of eqgen, please report it"
            )
        return replace(proof, sizes=trial.sizes, seconds=seconds)
    if proof.verdict == "refuted" and trial.verdict != "refuted":
        return proof.timed(seconds)
    if trial.verdict == "unknown" and proof.message:
        return replace(trial, seconds=seconds, message=f"{trial.message}; proof: {proof.message}")
    return trial.timed(seconds)


def _default_workers() -> int:
    text = os.environ.get(WORKERS, "")
    return max(1, int(text)) if text.isdecimal() else 1


_task: tuple[Sequence[TypedDefinition], Module, Judge] | None = None
"""What a worker works on: inherited when it is forked, since typed definitions are costly to send."""


def _judged(
    definitions: Sequence[TypedDefinition], module: Module, judge: Judge, workers: int
) -> Iterator[tuple[EquationResult, ...]]:
    """The equations of each definition, in order; by several processes where that helps and can be done."""
    global _task
    workers = min(workers, len(definitions))
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        for definition in definitions:
            yield check_definition(definition, module, judge)
        return
    _preload(judge)
    _task = (definitions, module, judge)
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _end_when_interrupted) as pool:
            for definition, plain in zip(definitions, pool.map(_work, range(len(definitions))), strict=True):
                yield placed(plain, equation_places(definition))
    finally:
        _task = None


def _preload(judge: Judge) -> None:
    """Import what the judges need once, before the workers are forked."""
    if judge != "explicit":
        import eqgen.algebra.prover
    if judge in ("both", "explicit"):
        import eqgen.algebra.explicit_check  # noqa: F401


def _end_when_interrupted() -> None:
    """An interrupt from the keyboard reaches the workers too; they end at once and without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _work(position: int) -> tuple[EquationResult, ...]:
    assert _task is not None
    definitions, module, judge = _task
    return check_definition(definitions[position], module, judge)


# --- for builds ------------------------------------------------------------------------------------------


def refuse_refuted(module: Module) -> list[DefinitionResult]:
    """Check what a build must not take on trust: all definitions that are not the library's, and those of the library
    that call one of these; when the module is the library itself, all that is built from it (lemmas are not).

    Raises DiagnosticError (E401, E402) with every refuted equation; warns (UndecidedWarning) of undecided ones.
    """
    from eqgen.algebra.library import library
    from eqgen.algebra.verdict_store import default_store

    results = check_module(suspects(module, library()), module, store=default_store())
    refuted = [refusal(r.definition, e) for r in results for e in r.equations if e.verdict == "refuted"]
    if refuted:
        raise DiagnosticError(refuted)
    for result in results:
        for equation in result.equations:
            if equation.verdict == "unknown":
                warnings.warn(undecided(result.definition, equation).render(), UndecidedWarning, stacklevel=2)
    return results


def own_definitions(module: Module, base: Module) -> tuple[TypedDefinition, ...]:
    """The definitions of a module that are not taken over from `base`; all, when it is `base` itself."""
    if module is base:
        return module.definitions
    inherited = {id(d) for d in base.definitions}
    return tuple(d for d in module.definitions if id(d) not in inherited)


def suspects(module: Module, base: Module) -> list[TypedDefinition]:
    """What a build checks, see `refuse_refuted`."""
    if module is base:
        return [d for d in module.definitions if d.kind != "lemma"]
    own = own_definitions(module, base)
    new = {id(d) for d in own}
    return [d for d in module.definitions if id(d) in new or any(id(u) in new for u in dependencies(d, module))]


def undecided(definition: TypedDefinition, equation: EquationResult) -> Diagnostic:
    """An undecided equation as a warning."""
    message = f"`{equation.target}` of {definition.kind} `{definition.name}` is undecided: {equation.message}"
    return Diagnostic("E403", message, equation.span, severity="warning")


def elapsed(results: Sequence[DefinitionResult]) -> float:
    """The judges' own time in seconds."""
    return sum(e.seconds for r in results for e in r.equations)


def counts(results: Sequence[DefinitionResult]) -> str:
    """`12 definitions, 30 equations: 28 proved, 2 checked`."""
    equations = [e for r in results for e in r.equations]
    order = (*reversed(ORDER[:-1]), ORDER[-1])
    found = ", ".join(f"{n} {v}" for v in order if (n := sum(e.verdict == v for e in equations)))
    return f"{len(results)} definitions, {len(equations)} equations: {found or 'nothing to check'}"
