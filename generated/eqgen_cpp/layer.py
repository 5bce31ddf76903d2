"""The base class of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .checks import float_dtype, float_matrix
from .initializers import Initializer, parse_initializer
from .optimizers import CompositeOptimizer, Optimizer, default_optimizer, parse_optimizer
from .runtime import (
    ARRAY,
    Device,
    HostMatrix,
    Matrix,
    Variable,
    assign,
    dtype_name,
    from_host,
    full,
    is_matrix,
    to_host,
    value,
    variable,
    zeros,
)


class Layer:
    """Base class, with the paper's interface: `feedforward`, `backpropagate`, `optimize`.

    X, DX            the input of the last feedforward step and its gradient; plain matrices, set by these steps
    W, DW, ...       parameters and their gradients; variables: `layer.W = A` copies A into W, the object stays the same
    optimizer        what `optimize` calls; None stands for plain gradient descent
    training         whether feedforward draws random masks and updates statistics; see `train` and `eval`
    generator        source of random masks and weights, on the host; see `seed`
    """

    SIZES: ClassVar[tuple[str, ...]] = ()
    """Names of the sizes that the constructor takes."""
    INPUT_SIZE: ClassVar[str] = ""
    """The one of them that is the number of columns of X, or for an index layer the number of indices."""
    PARAMETERS: ClassVar[tuple[str, ...]] = ()
    WEIGHTS: ClassVar[tuple[str, ...]] = ()
    """The parameters that `set_weights` draws: those that are no vectors."""
    STATES: ClassVar[tuple[str, ...]] = ()
    VALUES: ClassVar[tuple[str, ...]] = ()
    """The attributes that its equations read, besides inputs and outputs."""

    X: Matrix
    DX: Matrix

    def __init__(self, dtype: str = "float32", device: Device = None) -> None:
        self.dtype = float_dtype(type(self).__name__, dtype)
        self.device = device
        self.training = True
        self.optimizer: Optimizer | None = None
        self.generator = np.random.default_rng()
        self._output_shape: tuple[int, ...] | None = None

    def feedforward(self, X: Matrix) -> Matrix:
        """The output Y for a batch X, one example a row."""
        raise NotImplementedError

    def checked_input(self, X: Matrix) -> Matrix:
        """The batch as the equations take it. TypeError or ValueError for what is no batch for this layer."""
        raise NotImplementedError

    def draw(self, X: Matrix) -> None:
        """Draw the random masks for a batch."""

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        """Compute DX and the gradients of the parameters from the output Y of the last feedforward and its gradient."""
        raise NotImplementedError

    def optimize(self, eta: float) -> None:
        """Update the parameters with learning rate eta."""
        if (optimizer := self.chosen_optimizer()) is not None:
            optimizer.update(eta)

    def chosen_optimizer(self) -> Optimizer | None:
        """The optimizer, which is plain gradient descent unless another was chosen; None without parameters."""
        if self.optimizer is None and self.PARAMETERS:
            self.set_optimizer(default_optimizer())
        return self.optimizer

    def set_optimizer(self, optimizer: str) -> None:
        """Give each parameter an optimizer, e.g. `Momentum(0.9)` or `WeightDecay(0.0001) | Nesterov(0.9)`."""
        parsed = [parse_optimizer(optimizer, self.entries(p), self.entries(f"D{p}")) for p in self.PARAMETERS]
        self.optimizer = CompositeOptimizer(*parsed)

    def set_weights(self, initializer: str | Initializer, generator: np.random.Generator | int | None = None) -> None:
        """Draw the weights, e.g. from `Xavier`, with this generator or seed; default: the layer's generator."""
        draw = parse_initializer(initializer) if isinstance(initializer, str) else initializer
        source = self.generator if generator is None else np.random.default_rng(generator)
        for name in self.WEIGHTS:
            rows, columns = getattr(self, name).shape
            setattr(self, name, draw(source, rows, columns))

    def train(self) -> None:
        """Training mode, in which a layer is constructed."""
        self.training = True

    def eval(self) -> None:
        """Evaluation mode: no random masks; statistics are used and not changed."""
        self.training = False

    def seed(self, seed: int | Sequence[int]) -> None:
        """Start the generator anew."""
        self.generator = np.random.default_rng(seed)

    def arrays(self) -> dict[str, Variable]:
        """All that is learned or kept, by name: parameters and statistics."""
        return {name: self.entries(name) for name in (*self.PARAMETERS, *self.STATES)}

    def entries(self, name: str) -> Variable:
        """What is stored of a parameter, a gradient or a statistic: the variable; of a sparse matrix its values."""
        found: Variable = getattr(self, name)
        return found

    def saved(self) -> dict[str, HostMatrix]:
        """What `MultilayerPerceptron.save` writes, by name."""
        return {name: to_host(array) for name, array in self.arrays().items()}

    def prepared(self, owner: str, arrays: dict[str, HostMatrix]) -> dict[str, Any]:
        """What has been saved, as `restore` takes it. ValueError where it does not fit; nothing changes."""
        for name, found in arrays.items():
            own = self.entries(name)
            if found.shape != tuple(own.shape) or found.dtype.name != dtype_name(own):
                raise ValueError(
                    f"{owner}{name} has shape {found.shape} and dtype {found.dtype.name}, "
                    f"expected {tuple(own.shape)} and {dtype_name(own)}"
                )
        return dict(arrays)

    def restore(self, arrays: dict[str, Any]) -> None:
        """Take what has been prepared."""
        for name, array in arrays.items():
            setattr(self, name, array)

    def values(self) -> dict[str, Any]:
        """What the equations read, besides inputs and outputs, by its name in the functional core."""
        return {name: getattr(self, name) for name in self.VALUES}

    def __setattr__(self, name: str, new: Any) -> None:
        old = self.__dict__.get(name)
        if old is new or not self._is_variable(name) or old is None:
            object.__setattr__(self, name, new)
            return
        self._assign(name, old, new)

    def _assign(self, name: str, old: Any, new: Any) -> None:
        """Put the entries of a matrix into a variable. TypeError or ValueError when it is none, or does not fit."""
        owner = f"{type(self).__name__}.{name}"
        if not isinstance(new, np.ndarray) and not is_matrix(new):
            raise TypeError(f"{owner}: found a {type(new).__name__}, expected a {ARRAY} or a NumPy array")
        if tuple(new.shape) != tuple(old.shape):
            raise ValueError(f"{owner}: found shape {tuple(new.shape)}, expected {tuple(old.shape)}")
        assign(old, value(new) if is_matrix(new) else from_host(new, self.dtype, self.device))

    def _is_variable(self, name: str) -> bool:
        return name in self.PARAMETERS or name in self.STATES or (name[:1] == "D" and name[1:] in self.PARAMETERS)

    def _set_parameter(self, name: str, rows: int, columns: int, initial: float) -> None:
        self._set_state(name, rows, columns, initial)
        setattr(self, f"D{name}", zeros(rows, columns, self.dtype, self.device))

    def _set_state(self, name: str, rows: int, columns: int, initial: float) -> None:
        setattr(self, name, variable(full(rows, columns, initial, self.dtype, self.device)))

    def _checked_output(self, Y: Matrix, DY: Matrix) -> tuple[Matrix, Matrix]:
        """Y and DY, when they have the shape of the last output and the dtype of the layer."""
        owner = f"{type(self).__name__}.backpropagate"
        if self._output_shape is None:
            raise RuntimeError(f"{owner}: there is no output to start from; call feedforward in training mode first")
        rows, columns = self._output_shape
        return (
            float_matrix(owner, "Y", Y, self.dtype, rows, columns),
            float_matrix(owner, "DY", DY, self.dtype, rows, columns),
        )

    def __repr__(self) -> str:
        sizes = "".join(f"{name}={getattr(self, name)}, " for name in self.SIZES)
        return f"{type(self).__name__}({sizes}dtype={self.dtype!r})"
