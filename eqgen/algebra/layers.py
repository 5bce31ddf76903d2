"""The rules of layers: forward, backward, evaluation and updates of states, and layers built on layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eqgen.algebra.bindings import single
from eqgen.algebra.definitions import Assignment, TypedDefinition, Variable
from eqgen.algebra.expressions import Dim, Node, Symbol, constant, rename_sizes, shape_text, substitute
from eqgen.algebra.expressions import symbols as symbols_of
from eqgen.algebra.hints import did_you_mean
from eqgen.algebra.notation import notation
from eqgen.algebra.scope import Abandoned, Scope
from eqgen.language.model import Block, Equation, Name, Statement, Use

if TYPE_CHECKING:
    from eqgen.algebra.elaborate import DefinitionElaborator

BLOCKS = ("forward", "backward", "evaluate", "update")


@dataclass(frozen=True)
class Expansion:
    """A `use` with its names resolved: the used layer's names in terms of this layer's."""

    used: TypedDefinition
    names: dict[str, Node]
    dims: dict[str, Dim]
    result: str
    statement: Use


def layer(e: DefinitionElaborator) -> TypedDefinition:
    for s in e.source.statements:
        if not isinstance(s, Block) or s.kind not in BLOCKS:
            e.error(
                "E303",
                f"this does not belong in layer `{e.source.name.name}`",
                s.span,
                "`forward`, `backward`, `evaluate` or `update`",
            )
    _require_declarations(e)
    forward_scope = replace(e.scope, symbols=dict(e.scope.symbols))
    expansions: list[Expansion] = []
    blocks = {"forward": _straight_line(e, "forward", e.statements("forward"), forward_scope, expansions)}
    outputs = [v for v in e.variables.values() if v.role == "output"]
    for v in outputs:
        if not any(a.target == v.name for a in blocks["forward"]) and v.name not in forward_scope.poisoned:
            e.error(
                "E302", f"output `{v.name}` is never assigned in `forward`", v.span, f"an equation `{v.name} = ...`"
            )
    if any(True for _ in e.source.blocks("evaluate")):
        scope = replace(
            e.scope, symbols={n: s for n, s in e.scope.symbols.items() if n not in {v.name for v in outputs}}
        )
        blocks["evaluate"] = _straight_line(e, "evaluate", e.statements("evaluate"), scope, [], keep=False)
        for v in outputs:
            if not any(a.target == v.name for a in blocks["evaluate"]) and v.name not in scope.poisoned:
                e.error(
                    "E302",
                    f"output `{v.name}` is never assigned in `evaluate`",
                    v.span,
                    f"an equation `{v.name} = ...`",
                )
    if any(True for _ in e.source.blocks("update")):
        blocks["update"] = _update(e, forward_scope)
    if any(True for _ in e.source.blocks("backward")):
        blocks["backward"] = _Backward(e, forward_scope, expansions, blocks["forward"]).run()
    return e.build(blocks)


def _require_declarations(e: DefinitionElaborator) -> None:
    for role, example in (("input", "input X: N x D"), ("output", "output Y: N x K")):
        if not any(d.role == role for d in e.source.declarations):
            e.error("E302", f"layer `{e.source.name.name}` has no {role}", e.source.name.span, f"a line `{example}`")
    if not any(True for _ in e.source.blocks("forward")):
        e.error(
            "E302", f"layer `{e.source.name.name}` has no forward equations", e.source.name.span, "a `forward` block"
        )
        raise Abandoned
    # Outputs have no value before their equation.
    for v in e.variables.values():
        if v.role == "output":
            e.scope.symbols.pop(v.name, None)


def _straight_line(
    e: DefinitionElaborator,
    block: str,
    statements: Iterable[Statement],
    scope: Scope,
    expansions: list[Expansion],
    keep: bool = True,
) -> tuple[Assignment, ...]:
    """Equations in order; every name is assigned once and before it is read."""
    result: list[Assignment] = []
    pending = {s.target.name for s in statements if isinstance(s, Equation) and isinstance(s.target, Name)}

    def equation(s: Equation) -> None:
        if not isinstance(s.target, Name):
            raise scope.fail("E306", f"`{s.target.span.text}` cannot be assigned", s.target.span, "a name")
        name = s.target.name
        declared = e.variables.get(name)
        if name in scope.symbols or (declared is not None and declared.role not in ("output", "intermediate")):
            raise scope.fail("E304", f"`{name}` has a value already", s.target.span, "a new name")
        _reject_early_reads(scope, s, pending)
        expected = declared.shape if declared is not None and declared.role == "output" else None
        add(e.assign(s.target, scope.typed(single(e, s)), s.span, expected), s.target)

    def add(assignment: Assignment, target: Name) -> None:
        result.append(assignment)
        pending.discard(assignment.target)
        scope.symbols[assignment.target] = Symbol(assignment.shape, assignment.target, span=target.span)
        if keep and assignment.target not in e.variables:
            e.variables[assignment.target] = Variable(assignment.target, assignment.shape, "intermediate", target.span)

    def use(s: Use) -> None:
        expansion = resolve_use(e, s, scope, scope.symbols)
        expansions.append(expansion)
        for a in expansion.used.block(block) or expansion.used.block("forward"):
            renamed = _renamed(a, expansion)
            declared = e.variables.get(renamed.target)
            if declared is not None and declared.role == "output" and declared.shape != renamed.shape:
                raise scope.fail(
                    "E204",
                    f"`{renamed.target}` is {shape_text(declared.shape)}",
                    s.results[0].span,
                    shape_text(renamed.shape),
                )
            add(renamed, s.results[0])

    for s in statements:
        if isinstance(s, Equation):
            with e.guarded(s.target.name if isinstance(s.target, Name) else ""):
                equation(s)
        elif isinstance(s, Use):
            with e.guarded(s.results[0].name if s.results else ""):
                use(s)
        else:
            e.error("E303", f"this does not belong in `{block}`", s.span, "equations and `use`")
    return tuple(result)


def _reject_early_reads(scope: Scope, s: Equation, pending: set[str]) -> None:
    from eqgen.language.model import walk

    for x in walk(s.value):
        if isinstance(x, Name) and x.name in pending - scope.poisoned and x.name not in scope.symbols:
            raise scope.fail(
                "E305",
                f"`{x.name}` is used before it is assigned",
                x.span,
                "a name that has a value here",
                "move its equation up",
            )


def resolve_use(e: DefinitionElaborator, s: Use, scope: Scope, symbols: dict[str, Node]) -> Expansion:
    """`use Linear(X, W, b) -> Z`: operands stand for inputs, params and random masks in the order of their declaration.

    A number of the header that no equation reads need not be given: the p of a dropout layer
    only tells how its mask is drawn.
    """
    used = e.parent.lookup(s.definition.name, s.definition.span, "layer")
    if used is None:
        raise scope.fail(
            "E105",
            f"unknown layer `{s.definition.name}`",
            s.definition.span,
            "a layer of the library or of this file",
            did_you_mean(s.definition.name, e.parent.names("layer")),
        )
    formal = list(used.with_role("input", "param", "random", "state"))
    if len(s.arguments) != len(formal) or len(s.results) != 1:
        wanted = ", ".join(v.name for v in formal)
        raise scope.fail(
            "E106",
            f"`{used.name}` has {len(s.arguments)} operands and {len(s.results)} results here",
            s.span,
            f"`use {used.name}({wanted}) -> Z`",
        )
    read = frozenset().union(*(symbols_of(a.value) for block in BLOCKS for a in used.block(block)))
    missing = [*used.activations, *(n.name for n in used.numbers if n.default is None and n.name in read)]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise scope.fail(
            "E303",
            f"the equations of `{used.name}` read {listed} of its header, which `use` cannot give",
            s.definition.span,
            "a layer without them",
        )
    names: dict[str, Node] = {n.name: constant(n.default) for n in used.numbers if n.default is not None}
    dims: dict[str, Dim] = {}
    for v, argument in zip(formal, s.arguments, strict=True):
        node = scope.typed(argument)
        for symbolic, dim in zip(v.shape, node.shape, strict=True):
            if (isinstance(symbolic, str) and dims.setdefault(symbolic, dim) != dim) or (
                isinstance(symbolic, int) and symbolic != dim
            ):
                raise scope.fail(
                    "E203",
                    f"`{v.name}` of `{used.name}` is {shape_text(v.shape)}",
                    argument.span,
                    shape_text((dims.get(str(v.shape[0]), v.shape[0]), dims.get(str(v.shape[1]), v.shape[1]))),
                )
        names[v.name] = node
    result = s.results[0].name
    for v in used.variables.values():
        if v.role == "output":
            names[v.name] = Symbol(rename_shape(v, dims), result)
        elif v.role == "intermediate" and v.name not in names:
            fresh = f"{result}_{v.name}"
            names[v.name] = Symbol(rename_shape(v, dims), fresh)
    return Expansion(used, names, dims, result, s)


def rename_shape(v: Variable, dims: dict[str, Dim]) -> tuple[Dim, Dim]:
    return (dims.get(str(v.shape[0]), v.shape[0]), dims.get(str(v.shape[1]), v.shape[1]))


def _renamed(a: Assignment, expansion: Expansion, gradients: dict[str, Node] | None = None) -> Assignment:
    names = {**expansion.names, **(gradients or {})}
    marked = rename_sizes(a.value, {d: f"{d}\0" for d in expansion.dims})
    value = substitute(rename_sizes(marked, {f"{d}\0": dim for d, dim in expansion.dims.items()}), names)
    target = names.get(a.target)
    name = target.name if isinstance(target, Symbol) else a.target
    return replace(a, target=name, value=value, text=f"{name} = {notation(value)}")


def _update(e: DefinitionElaborator, forward: Scope) -> tuple[Assignment, ...]:
    """New values of the states after a training pass: `mean' = ...`."""
    scope = replace(forward, symbols=dict(forward.symbols))
    result: list[Assignment] = []
    states = {f"{v.name}'": v for v in e.variables.values() if v.role == "state"}
    for s in e.statements("update"):
        if not (isinstance(s, Equation) and isinstance(s.target, Name) and s.target.name in states):
            e.error(
                "E306",
                "this is not the new value of a state",
                s.span,
                ", ".join(f"`{n} = ...`" for n in states) or "no states are declared",
            )
            continue
        with e.guarded(s.target.name):
            result.append(e.assign(s.target, scope.typed(single(e, s)), s.span, states[s.target.name].shape))
            scope.symbols[s.target.name] = Symbol(states[s.target.name].shape, s.target.name)
    return tuple(result)


class _Backward:
    """The written backward equations, and those of used layers where their result's gradient is known."""

    def __init__(
        self, e: DefinitionElaborator, forward: Scope, expansions: list[Expansion], program: tuple[Assignment, ...]
    ) -> None:
        self.e = e
        self.expansions = list(reversed(expansions))
        self.result: list[Assignment] = []
        self.scope = replace(forward, symbols=dict(forward.symbols))
        self.gradients = {
            f"D{v.name}": v for v in e.variables.values() if v.role in ("input", "param", "intermediate", "output")
        }
        self.written = {
            s.target.name for s in e.statements("backward") if isinstance(s, Equation) and isinstance(s.target, Name)
        }
        for v in e.variables.values():
            if v.role == "output":
                self.scope.symbols[f"D{v.name}"] = Symbol(v.shape, f"D{v.name}")

    def run(self) -> tuple[Assignment, ...]:
        from eqgen.language.model import walk

        for s in self.e.statements("backward"):
            if not isinstance(s, Equation):
                self.e.error("E303", "this does not belong in `backward`", s.span, "equations")
                continue
            for x in walk(s.value):
                if (
                    isinstance(x, Name)
                    and x.name not in self.scope.symbols
                    and x.name in self.gradients
                    and x.name not in self.written
                ):
                    self.expand(x.name)
            with self.e.guarded(s.target.name if isinstance(s.target, Name) else ""):
                self.equation(s)
        self.expand(None)
        for name, v in self.gradients.items():
            if (
                v.role in ("input", "param")
                and v.index_size is None
                and name not in self.scope.symbols
                and name not in self.scope.poisoned
            ):
                self.e.error(
                    "E301",
                    f"the gradient `{name}` is missing",
                    v.span,
                    f"an equation `{name} = ...` in `backward`",
                    f"`eqgen explain E301` shows how to find it; it has the shape of {v.name}, {shape_text(v.shape)}",
                )
        return tuple(self.result)

    def equation(self, s: Equation) -> None:
        if not isinstance(s.target, Name):
            raise self.scope.fail("E306", f"`{s.target.span.text}` cannot be assigned", s.target.span, "a name")
        name = s.target.name
        if name in self.scope.symbols:
            raise self.scope.fail("E304", f"`{name}` has a value already", s.target.span, "a new name")
        _reject_early_reads(self.scope, s, self.written - set(self.scope.symbols) - {name})
        variable = self.gradients.get(name)
        expected = variable.shape if variable is not None else None
        self.add(self.e.assign(s.target, self.scope.typed(single(self.e, s)), s.span, expected))

    def add(self, a: Assignment) -> None:
        self.result.append(a)
        self.scope.symbols[a.target] = Symbol(a.shape, a.target)
        role = "gradient" if a.target in self.gradients else "intermediate"
        if a.target not in self.e.variables:
            self.e.variables[a.target] = Variable(
                a.target, a.shape, "backward" if role == "intermediate" else role, a.target_span
            )

    def expand(self, wanted: str | None) -> None:
        """Add the backward equations of used layers whose result's gradient is known."""
        for expansion in list(self.expansions):
            if f"D{expansion.result}" not in self.scope.symbols:
                continue
            targets = {f"D{n}" if not isinstance(x, Symbol) else f"D{x.name}" for n, x in expansion.names.items()}
            if wanted is not None and wanted not in targets:
                continue
            self.expansions.remove(expansion)
            renamed: dict[str, Node] = {}
            for formal, node in expansion.names.items():
                variable = expansion.used.variables.get(formal)
                if isinstance(node, Symbol) and variable is not None:
                    renamed[f"D{formal}"] = Symbol(rename_shape(variable, expansion.dims), f"D{node.name}")
            for a in expansion.used.block("backward"):
                assignment = _renamed(a, expansion, renamed)
                if assignment.target not in self.scope.symbols and assignment.target not in self.written:
                    self.add(assignment)
