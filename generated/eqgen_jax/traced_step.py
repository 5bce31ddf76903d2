"""The code of a training step, traced: its objects run with symbolic matrices in their variables."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .activations import Activation
from .cell import Cell
from .compilation import CompiledFunction, outside_of_traces, rehearse
from .composed_step import composed_step
from .layers import Layer
from .losses import LossFunction
from .optimizers import Optimizer
from .runtime import Matrix, is_integer, is_matrix, scalar

if TYPE_CHECKING:
    from .multilayer_perceptron import MultilayerPerceptron

ON_THE_HOST = {"draw": Layer, "prepare": Optimizer}
"""The methods that compute something anew in each step, and whose they are."""


SHADOWS = {*ON_THE_HOST, "checked_input", "_compiled_steps"}
"""Attributes of objects that are none of theirs."""

VALUES = (bool, int, float, str, Activation)
"""What is compared by value."""

Attributes = list[dict[str, Any]]


class Untraceable(Exception):
    """Why a step cannot be compiled as a whole."""


class Unwritten:
    """Stands where a matrix is that the step has not computed yet; to compute with it is an error."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype = dtype


class NoGenerator:
    """Stands for a layer's generator while the step is traced: what is drawn would be a constant of all steps."""

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(f"generator.{name} is called outside of the method `draw`, where random numbers are drawn")


class TracedStep:
    """A training step for one kind of batch: `step(X, T, eta)`.

    objects    the perceptron, its layers and their optimizers: all whose attributes the step may read
    variables  what the step may change: all variables that these hold, except the gradients of parameters
    host       calls that the host makes before the compiled part
    inputs     the attributes that these calls set; inputs of the compiled part

    Raises Untraceable when the objects cannot be run with symbolic matrices, or keep a state besides their variables.
    """

    def __init__(
        self, M: MultilayerPerceptron, X: Matrix, T: Matrix, loss: LossFunction, eta: float, one_hot: bool
    ) -> None:
        self.M, self.loss, self.one_hot = M, loss, one_hot
        layers = [each for each in objects(M) if isinstance(each, Layer)]
        for layer in layers:
            layer.chosen_optimizer()
        self.objects = objects(M)
        gradients = {id(layer.entries(f"D{name}")) for layer in layers for name in layer.PARAMETERS}
        held = {id(cell): cell for each in self.objects for cell in contained(vars(each).values(), Cell)}
        self.variables: list[Any] = [cell for key, cell in held.items() if key not in gradients]
        self.gradients: list[Any] = [cell for key, cell in held.items() if key in gradients]
        self.host: list[tuple[Any, str, tuple[Unwritten, ...]]] = []
        self.inputs: list[tuple[Any, str]] = []
        self.checked: list[Layer] = []
        self.traces = 0
        self._trace(X, T, eta)

    def __call__(self, X: Matrix, T: Matrix, eta: float) -> Matrix:
        for layer in self.checked:
            layer.checked_input(X)
        for each, name, batch in self.host:
            getattr(each, name)(*(batch or (eta,)))
        mean: Matrix = self.function(self.variables, (X, T, scalar(eta, T), self._prepared(T)))
        return mean

    def is_current(self) -> bool:
        """Whether all that the trace has read in attributes, and not written itself, is the same as then."""
        return all(
            vars(each).keys() <= names and all(same(vars(each).get(name), then) for name, then in seen)
            for each, names, seen in self.read
        )

    def _prepared(self, like: Matrix) -> list[Any]:
        """What the host has computed for this step."""
        found = [vars(each)[name] for each, name in self.inputs]
        return [scalar(each, like) if isinstance(each, (int, float)) else each for each in found]

    def _trace(self, X: Matrix, T: Matrix, eta: float) -> None:
        """Run the step twice: first to see what the host computes, then with this as inputs."""
        start = attributes(self.objects)
        with self._restored():
            try:
                variables = [each.value for each in self.variables]
                rehearse(lambda v, i: self._first_run(v, i, eta), variables, (X, T, scalar(eta, T)))
                first = attributes(self.objects)
                prepared = self._prepared(T)
                self._forget(start)
                rehearse(self._run, variables, (X, T, scalar(eta, T), prepared))
                second = attributes(self.objects)
            except Exception as error:
                reason = (str(error).strip() or "no message").splitlines()[0]
                raise Untraceable(f"{type(error).__name__}: {reason}") from error
        self.read = self._read(start, first, second)
        self.function = CompiledFunction(self._computation)

    def _forget(self, start: Attributes) -> None:
        """Matrices that the first run has put into attributes are not there for the second: a step has no memory."""
        for each, before in zip(self.objects, start, strict=True):
            for name, new in list(vars(each).items()):
                if is_matrix(new) and not isinstance(new, Cell) and new is not before.get(name):
                    vars(each)[name] = Unwritten(tuple(new.shape), new.dtype)

    def _read(
        self, start: Attributes, first: Attributes, second: Attributes
    ) -> list[tuple[Any, set[str], list[tuple[str, Any]]]]:
        """The attributes that both runs have left alone. Untraceable when others do not become what they were."""
        found = []
        for each, before, then, now in zip(self.objects, start, first, second, strict=True):
            untouched = []
            for name in now.keys() - SHADOWS:
                if before.get(name) is then.get(name) is now[name]:
                    untouched.append((name, kept(now[name])))
                elif not alike(then.get(name), now[name]) and (each, name) not in self.inputs:
                    raise Untraceable(f"{type(each).__name__}.{name} changes from step to step, and is no variable")
            found.append((each, {*before, *now}, untouched))
        return found

    def _first_run(self, variables: Sequence[Matrix], inputs: Any, eta: float) -> Any:
        """Run the step, and note which calls the host makes. The generators of the layers do not move."""
        X, T, symbolic_eta = inputs
        self.host, self.inputs, self.checked = [], [], []
        for each in self.objects:
            for name, kind in ON_THE_HOST.items():
                if isinstance(each, kind):
                    vars(each)[name] = self._noted(each, name, eta, vars(each).get("generator"))
            if isinstance(each, Layer):
                vars(each)["generator"] = NoGenerator()
                vars(each)["checked_input"] = self._noted_check(each, X)
        return self._step(variables, X, T, symbolic_eta)

    def _noted(self, each: Any, name: str, eta: float, generator: Any) -> Callable[..., None]:
        def noted(*arguments: Any) -> None:
            if any(owner is each and known == name for owner, known, _ in self.host):
                raise RuntimeError(f"{type(each).__name__}.{name} is called twice in one step")
            own = vars(each)
            before = dict(own)
            if isinstance(each, Layer):
                own["generator"] = copy.deepcopy(generator)
            # A mask depends on the shape of a batch, not on its entries.
            batch = tuple(Unwritten(tuple(x.shape), x.dtype) for x in arguments) if name == "draw" else ()
            with outside_of_traces():
                getattr(type(each), name)(each, *(batch or (eta,)))
            if isinstance(each, Layer):
                own["generator"] = before["generator"]
            self.host.append((each, name, batch))
            self.inputs += [(each, key) for key, new in own.items() if new is not before.get(key)]

        return noted

    def _noted_check(self, layer: Layer, X: Matrix) -> Callable[[Matrix], Matrix]:
        """Indices are checked on the host: they cannot be read in a trace."""

        def noted(x: Matrix) -> Matrix:
            if x is X and is_integer(x):
                self.checked.append(layer)
            return type(layer).checked_input(layer, x)

        return noted

    def _computation(self, variables: Sequence[Matrix], inputs: Any) -> Any:
        """What is compiled: new values of the variables, and the mean loss."""
        self.traces += 1
        with self._restored():
            return self._run(variables, inputs)

    def _run(self, variables: Sequence[Matrix], inputs: Any) -> Any:
        """Run the step from what the host has computed before."""
        X, T, eta, prepared = inputs
        for (each, name), new in zip(self.inputs, prepared, strict=True):
            vars(each)[name] = new
        for each in self.objects:
            for name, kind in ON_THE_HOST.items():
                if isinstance(each, kind):
                    vars(each)[name] = lambda *_: None
            if isinstance(each, Layer):
                vars(each)["generator"] = NoGenerator()
                vars(each).pop("checked_input", None)
        return self._step(variables, X, T, eta)

    def _step(self, variables: Sequence[Matrix], X: Matrix, T: Matrix, eta: Any) -> tuple[list[Matrix], Matrix]:
        for cell, new in zip(self.variables, variables, strict=True):
            cell.value = new
        for cell in self.gradients:
            cell.value = Unwritten(cell.shape, cell.dtype)
        mean = composed_step(self.M, X, T, self.loss, eta, self.one_hot)
        return [cell.value for cell in self.variables], mean

    @contextmanager
    def _restored(self) -> Iterator[None]:
        """Leave all objects as they were: nothing symbolic may stay in them."""
        before = attributes(self.objects)
        contents = [(cell, cell.held) for cell in (*self.variables, *self.gradients)]
        try:
            yield
        finally:
            for each, old in zip(self.objects, before, strict=True):
                vars(each).clear()
                vars(each).update(old)
            for cell, held in contents:
                cell.held = held


def objects(M: MultilayerPerceptron) -> list[Any]:
    """The perceptron, and all layers, optimizers and perceptrons that are held by it, directly or not."""
    from .multilayer_perceptron import MultilayerPerceptron  # which imports `step`

    found = {id(M): M}
    new: list[Any] = [M]
    while new:
        inner = list(contained(vars(new.pop(0)).values(), (Layer, Optimizer, MultilayerPerceptron)))
        new += [each for each in inner if id(each) not in found]
        found |= {id(each): each for each in inner}
    return list(found.values())


def contained(values: Iterable[Any], kinds: type | tuple[type, ...]) -> Iterator[Any]:
    """Those of some kinds among the values, and in lists, tuples and dictionaries among them."""
    for each in values:
        if isinstance(each, kinds):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from contained(each, kinds)
        elif isinstance(each, dict):
            yield from contained(each.values(), kinds)


def attributes(objects: Sequence[Any]) -> Attributes:
    return [dict(vars(each)) for each in objects]


def kept(value: Any) -> Any:
    """A value of an attribute to compare with later: a list may have changed by then."""
    return tuple(value) if isinstance(value, list) else value


def same(now: Any, then: Any) -> bool:
    """Whether an attribute has its old value: matrices and objects by identity, numbers and texts by value."""
    if isinstance(now, np.random.Generator):
        return True
    if isinstance(now, (list, tuple)) and isinstance(then, tuple):
        return len(now) == len(then) and all(map(same, now, then))
    return now is then or (type(now) is type(then) and isinstance(now, VALUES) and bool(now == then))


def alike(then: Any, now: Any) -> bool:
    """Whether two runs have left the same: equal numbers, or matrices (which differ in every step) in equal places."""
    if isinstance(then, (list, tuple)) and type(then) is type(now):
        return len(now) == len(then) and all(map(alike, then, now))
    return (is_matrix(then) and is_matrix(now)) or isinstance(now, NoGenerator) or same(now, then)
