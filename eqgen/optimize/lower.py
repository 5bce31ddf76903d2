"""Lowering: typed definitions become functions, lists of statements over matrices.

What is lost here is only the file's arrangement; every statement keeps its equation and its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from eqgen.algebra.definitions import Assignment, Module, TypedDefinition, Variable
from eqgen.algebra.expressions import (
    SCALAR,
    Apply,
    Dim,
    Invoke,
    Node,
    Shape,
    Size,
    Symbol,
    apply,
    children,
    constant,
    rewrite,
    sizes_used,
    symbols,
    walk,
)
from eqgen.algebra.inline import inline
from eqgen.algebra.rewrites import optimized, rules_for
from eqgen.optimize.names import function_name, identifier
from eqgen.optimize.program import Argument, Function, HostScalar, LoweredFunction, Step
from eqgen.optimize.sharing import shared

COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")


@dataclass(frozen=True)
class LoweredLayer:
    """The functions of a layer.

    saved   forward intermediates that backward or update read
    sparse  parameters of which the functions take and give the stored entries only; see `eqgen.optimize.storage`
    """

    definition: TypedDefinition
    saved: tuple[str, ...]
    forward: Function
    backward: Function
    evaluate: Function | None
    update: Function | None
    sparse: tuple[str, ...] = ()


def origin(assignment: Assignment) -> str:
    """`softmax.eq:15`."""
    span = assignment.span
    return f"{span.source.name.rsplit('/', 1)[-1]}:{span.line}"


def is_host(node: Node, scalars: Iterable[str]) -> bool:
    """A scalar that is computed from literals, sizes and the given numbers only: no matrix takes part."""
    if not node.is_scalar:
        return False
    names = set(scalars)
    return all(
        n.is_scalar and not isinstance(n, Invoke) and (not isinstance(n, Symbol) or n.name in names) for n in walk(node)
    )


class Lowering:
    """Lowers the definitions of a module."""

    def __init__(self, module: Module) -> None:
        self.module = module

    # --- expressions ---------------------------------------------------------------------------------

    def expression(self, node: Node, numbers: Sequence[str]) -> Node:
        """Prepare an expression for printing.

        Calls whose numbers are matrices (a trainable slope) are inlined; conditions used as numbers become `where`;
        names lose their primes.
        """

        def rule(n: Node) -> Node:
            if isinstance(n, Invoke):
                definition = self.module.find(n.function, "function", "activation")
                if definition is not None:
                    inputs = sum(1 for _ in definition.with_role("input"))
                    if not all(is_host(a, numbers) for a in n.args[inputs:]):
                        return self.expression(inline(n, self.module), numbers)
            if isinstance(n, Symbol) and n.name.endswith("'"):
                return replace(n, name=identifier(n.name))
            return n

        return numeric_conditions(rewrite(node, rule))

    def steps(self, assignments: Iterable[Assignment], numbers: Sequence[str]) -> tuple[Step, ...]:
        return tuple(
            Step(identifier(a.target), self.expression(a.value, numbers), a.text, origin(a)) for a in assignments
        )

    def rewritten(self, definition: TypedDefinition, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Every statement in its stable and cheapest proven form, with the identities that were used as notes."""
        rules = rules_for(definition)
        result = []
        for step in steps:
            better = optimized(step.value, rules)
            result.append(replace(step, value=better.value, notes=tuple(f"rewritten: {rule}" for rule in better.rules)))
        return tuple(result)

    def function(
        self,
        definition: TypedDefinition,
        name: str,
        candidates: Sequence[Argument],
        steps: tuple[Step, ...],
        results: Sequence[tuple[str, Shape]],
        keep: Sequence[str] = (),
    ) -> Function:
        """A function of the candidates that its steps read, in the order of the candidates.

        A size that no argument carries brings in the first candidate that does.
        """
        steps = shared(self.rewritten(definition, steps), {a.name for a in candidates} | set(definition.dims))
        return function_of_steps(name, candidates, steps, results, definition.title, definition.origin, keep)

    # --- kinds ---------------------------------------------------------------------------------------

    def layer(self, definition: TypedDefinition) -> LoweredLayer:
        d = definition
        numbers = [n.name for n in d.numbers]
        header = [Argument(a, SCALAR, "activation") for a in d.activations] + [
            Argument(n.name, n.shape, "number") for n in d.numbers
        ]
        declared = [matrix(v) for role in ("input", "param", "state", "random") for v in d.with_role(role)]
        forward = self.steps(d.block("forward"), numbers)
        backward = self.steps(d.block("backward"), numbers)
        update = self.steps(d.block("update"), numbers)
        outputs = [matrix(v) for v in d.with_role("output")]
        produced = {s.target: s.value.shape for s in forward}
        after = [s for s in (*backward, *update)]
        wanted = {n for s in after for n in symbols(s.value)} - {s.target for s in after} - {o.name for o in outputs}
        saved = tuple(name for name in produced if name in wanted)
        intermediates = [Argument(n, produced[n]) for n in saved]
        gradients = [Argument(f"D{o.name}", o.shape) for o in outputs]

        def stem(part: str) -> str:
            return function_name("layer", d.name, part)

        results = [(o.name, o.shape) for o in outputs]
        shapes = {s.target: s.value.shape for s in backward}
        wrt = [f"D{v.name}" for v in d.with_role("input", "param") if v.index_size is None]
        candidates = [*declared, *intermediates, *outputs, *gradients, *header]
        return LoweredLayer(
            d,
            saved,
            self.function(
                d, stem("forward"), [*declared, *header], forward, [*results, *((n, produced[n]) for n in saved)]
            ),
            self.function(d, stem("backward"), candidates, backward, [(n, shapes[n]) for n in wrt]),
            self.function(d, stem("evaluate"), [*declared, *header], self.steps(d.block("evaluate"), numbers), results)
            if d.block("evaluate")
            else None,
            self.function(
                d,
                stem("update"),
                [*declared, *intermediates, *outputs, *header],
                update,
                [(s.target, s.value.shape) for s in update],
            )
            if update
            else None,
        )

    def activation(self, definition: TypedDefinition) -> tuple[Function, Function]:
        numbers = [n.name for n in definition.numbers]
        arguments = [Argument("x", ("M", "N")), *(Argument(n.name, n.shape, "number") for n in definition.numbers)]
        keep = [a.name for a in arguments]
        value = self.steps(definition.block("f"), numbers)
        slope = self.steps(definition.block("derivative"), numbers)
        return (
            self.function(
                definition,
                function_name("activation", definition.name),
                arguments,
                tuple(replace(s, target="y") for s in value),
                [("y", ("M", "N"))],
                keep,
            ),
            self.function(
                definition,
                function_name("activation", definition.name, "gradient"),
                arguments,
                tuple(replace(s, target="dy") for s in slope),
                [("dy", ("M", "N"))],
                keep,
            ),
        )

    def matrix_function(self, definition: TypedDefinition) -> Function:
        """The stable form where there is one."""
        numbers = [n.name for n in definition.numbers]
        block = definition.block("stable") or definition.block("body")
        steps = self.steps(block, numbers)
        steps = (*steps[:-1], replace(steps[-1], target="result"))
        arguments = [matrix(v) for v in definition.with_role("input")] + [
            Argument(n.name, n.shape, "number") for n in definition.numbers
        ]
        return self.function(
            definition,
            function_name("function", definition.name),
            arguments,
            steps,
            [("result", steps[-1].value.shape)],
            [a.name for a in arguments],
        )

    def loss(self, definition: TypedDefinition) -> tuple[Function, Function, Function | None]:
        numbers = [n.name for n in definition.numbers]
        pair = [matrix(v) for v in definition.with_role("input", "target")]
        arguments = [*pair, *(Argument(n.name, n.shape, "number") for n in definition.numbers)]
        keep = [a.name for a in arguments]

        def part(block: str, suffix: str) -> Function:
            lets = definition.block("value")[:-1] if block != "value" else ()
            steps = needed_steps(self.steps((*lets, *definition.block(block)), numbers))
            return self.function(
                definition,
                function_name("loss", definition.name, suffix),
                arguments,
                steps,
                [(steps[-1].target, steps[-1].value.shape)],
                keep,
            )

        simplified = part("one_hot", "gradient_one_hot") if definition.block("one_hot") else None
        return part("value", ""), part("gradient", "gradient"), simplified

    def optimizer(self, definition: TypedDefinition) -> LoweredFunction:
        """One update. Scalar subexpressions (`1 - beta1 ^ t`) are computed by the caller in double precision."""
        numbers = [n.name for n in definition.numbers]
        scalars = [*numbers, "eta", "t"]
        hoisted: dict[Node, HostScalar] = {}

        def hoist(node: Node) -> Node:
            if isinstance(node, Apply) and is_host(node, scalars):
                if not symbols(node):
                    return node
                host = hoisted.setdefault(node, HostScalar(f"c{len(hoisted) + 1}", node))
                return Symbol(SCALAR, host.name, span=node.span)
            if not isinstance(node, (Apply, Invoke)):
                return node
            return replace(node, args=tuple(hoist(a) for a in children(node)))

        steps = self.steps(definition.block("step"), scalars)
        steps = tuple(replace(s, value=hoist(s.value)) for s in steps)
        matrices = [matrix(v) for v in definition.variables.values() if v.role in ("param", "gradient", "state")]
        arguments = [
            *matrices,
            *(Argument(n, SCALAR, "scalar") for n in (*scalars, *(h.name for h in hoisted.values()))),
        ]
        assigned = {s.target: s.value.shape for s in steps}
        primary = next(n for n in ("theta_new", "Dtheta_new") if n in assigned)
        states = [f"{v.name}_new" for v in definition.with_role("state")]
        results: list[tuple[str, Shape]] = [(n, ("M", "N")) for n in (primary, *states)]
        function = self.function(definition, function_name("optimizer", definition.name), arguments, steps, results)
        return LoweredFunction(function, tuple(hoisted.values()))


def matrix(v: Variable) -> Argument:
    return Argument(v.name, v.shape, "index" if v.index_size is not None else "matrix")


def read_names(steps: Iterable[Step]) -> set[str]:
    """What the steps read before they assign it: names of matrices, numbers and activations."""
    assigned: set[str] = set()
    read: set[str] = set()
    for step in steps:
        read |= (symbols(step.value) | _activations(step.value)) - assigned
        assigned.add(step.target)
    return read


def needed_arguments(steps: Sequence[Step], candidates: Sequence[Argument]) -> tuple[Argument, ...]:
    """The candidates that the steps read, and the first that carries each size which occurs in them."""
    names = read_names(steps)
    for size in sorted({s for step in steps for s in sizes_used(step.value)}):
        place = _place(size, [a for a in candidates if a.name in names]) or _place(size, candidates)
        if place is not None:
            names.add(place[0])
    return tuple(a for a in candidates if a.name in names)


def function_of_steps(
    name: str,
    candidates: Sequence[Argument],
    steps: tuple[Step, ...],
    results: Sequence[tuple[str, Shape]],
    title: str,
    origin: str,
    keep: Sequence[str] = (),
) -> Function:
    """A function of the candidates that its steps read, in the order of the candidates, and of those to `keep`.

    A size that no argument carries brings in the first candidate that does; so does the want of a dtype for constants.
    """
    used = [a for a in candidates if a.name in read_names(steps) | set(keep)]
    needed = sorted({s for step in steps for s in sizes_used(step.value) if _reads_size(step.value, s)})
    places: list[tuple[str, str, int]] = []
    for size in needed:
        place = _place(size, used) or _place(size, candidates)
        if place is None:
            continue
        if place[0] not in [a.name for a in used]:
            used = [a for a in candidates if a in used or a.name == place[0]]
        places.append((size, *place))
    if not any(a.role == "matrix" for a in used):
        used = [*(a for a in candidates if a.role == "matrix"), *used][:1] + used
    return Function(name, tuple(used), tuple(results), steps, title, origin, tuple(places))


def needed_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps that the last one depends on."""
    wanted = {steps[-1].target}
    result: list[Step] = []
    for step in reversed(steps):
        if step.target in wanted:
            result.append(step)
            wanted |= symbols(step.value)
    return tuple(reversed(result))


def numeric_conditions(node: Node) -> Node:
    """A condition that is used as a number becomes `where(condition, 1, 0)`."""

    def number(n: Node) -> Node:
        if isinstance(n, Apply) and n.op in COMPARISONS:
            return apply("where", n, constant(1), constant(0), span=n.span)
        return n

    def rule(n: Node) -> Node:
        if isinstance(n, Apply) and n.op == "where":
            condition = n.args[0]
            if not (isinstance(condition, Apply) and condition.op in COMPARISONS):
                condition = apply("greater", condition, constant(0), span=condition.span)
            return replace(n, args=(condition, number(n.args[1]), number(n.args[2])))
        if isinstance(n, (Apply, Invoke)):
            return replace(n, args=tuple(number(a) for a in n.args))
        return n

    return number(rewrite(node, rule))


def _activations(node: Node) -> frozenset[str]:
    return frozenset(n.function for n in walk(node) if isinstance(n, Invoke))


def _reads_size(node: Node, size: str) -> bool:
    """Whether printing may need the size: it is a number, an operand, or the shape of a creation or repeat."""
    return any(
        (isinstance(n, Size) and n.name == size)
        or (isinstance(n, Apply) and (size in n.sizes or (size in n.shape and n.sizes != ())))
        for n in walk(node)
    )


def _place(size: Dim, arguments: Iterable[Argument]) -> tuple[str, int] | None:
    for a in arguments:
        if a.role in ("matrix", "index", "pattern") and size in a.shape:
            return a.name, a.shape.index(size)
    return None
