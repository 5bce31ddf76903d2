"""Layers whose weights are sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .initializers import Initializer, parse_initializer
from .layer import Layer
from .optimizers import optimizer_parts
from .pattern import Pattern
from .runtime import HostMatrix, Variable, assign, from_host, to_host, value, variable, zeros
from .sparse_matrix import SparseMatrix, pattern_of


class SparseLayer(Layer):
    """Base class of layers with parameters of which only the entries of a pattern are stored.

    W, DW   a SparseMatrix each, on one pattern; `layer.W = A` copies the entries of A, which has no others
    """

    SPARSE: ClassVar[tuple[str, ...]] = ()
    """The parameters that are stored sparsely."""
    DENSE: ClassVar[type[Layer]]
    """The class of the same equations over dense parameters."""
    HEADER: ClassVar[tuple[str, ...]] = ()
    """What the constructors of both take after the sizes."""

    _drawn: float | None = None
    """The density from which the pattern has been drawn at construction, as long as that is the pattern."""

    def set_pattern(self, pattern: Any, generator: np.random.Generator | int | None = None) -> None:
        """Give the sparse parameters a pattern: a density, a Pattern, a mask, a SparseMatrix, or a sparse matrix of
        SciPy or of the package's framework, whose stored entries it takes.

        Entries that are in the old and the new pattern keep their values, and their states in the optimizer; others
        start at zero, and at the initial numbers of the states. A density is drawn with the generator or seed, by
        default with the generator of the layer.
        """
        source = self.generator if generator is None else np.random.default_rng(generator)
        for name in self.SPARSE:
            self.move(name, pattern_of(getattr(self, name).shape, pattern, source))

    def set_weights(self, initializer: str | Initializer, generator: np.random.Generator | int | None = None) -> None:
        draw = parse_initializer(initializer) if isinstance(initializer, str) else initializer
        source = self.generator if generator is None else np.random.default_rng(generator)
        for name in self.WEIGHTS:
            matrix = getattr(self, name)
            rows, columns = matrix.shape
            if name in self.SPARSE:
                self.set_entries(name, draw(source, rows, columns, matrix.nnz))
            else:
                setattr(self, name, draw(source, rows, columns))

    def entries(self, name: str) -> Variable:
        found: Variable = getattr(self, name).values if self._is_sparse(name) else getattr(self, name)
        return found

    def saved(self) -> dict[str, HostMatrix]:
        found = super().saved()
        for name in self.SPARSE:
            pattern = getattr(self, name).pattern
            found |= {f"{name}.row_pointers": pattern.row_pointers, f"{name}.column_numbers": pattern.column_numbers}
        return found

    def prepared(self, owner: str, arrays: dict[str, HostMatrix]) -> dict[str, Any]:
        dense = {name: array for name, array in arrays.items() if name.partition(".")[0] not in self.SPARSE}
        found = super().prepared(owner, dense)
        for name in self.SPARSE:
            values, shape = arrays[name], getattr(self, name).shape
            try:
                pattern = Pattern(shape, arrays[f"{name}.row_pointers"], arrays[f"{name}.column_numbers"])
            except (TypeError, ValueError) as error:
                raise ValueError(f"{owner}{name}: {error}, in a matrix of shape {shape}") from None
            if values.shape != (1, pattern.count) or values.dtype.name != self.dtype:
                raise ValueError(
                    f"{owner}{name} has shape {values.shape} and dtype {values.dtype.name}, "
                    f"expected {(1, pattern.count)} and {self.dtype}"
                )
            found[name] = (pattern, values)
        return found

    def restore(self, arrays: dict[str, Any]) -> None:
        for name in self.SPARSE:
            pattern, values = arrays[name]
            self.move(name, pattern)
            self.set_entries(name, values)
        super().restore({name: array for name, array in arrays.items() if name not in self.SPARSE})

    def set_entries(self, name: str, values: HostMatrix) -> None:
        """Overwrite the stored entries of a parameter, 1 x count."""
        assign(getattr(self, name).values, from_host(values, self.dtype, self.device))

    def dense(self) -> Layer:
        """A layer of the dense class with the same parameters, in memory of its own."""
        header = [getattr(self, name) for name in (*self.SIZES, *self.HEADER)]
        twin = self.DENSE(*header, dtype=self.dtype, device=self.device)
        for name in (*self.PARAMETERS, *self.STATES):
            setattr(twin, name, getattr(self, name).to_dense() if name in self.SPARSE else value(getattr(self, name)))
        twin.training = self.training
        return twin

    def seed(self, seed: int | Sequence[int]) -> None:
        """Start the generator anew. The pattern of a layer that has been given a density alone is drawn anew, too."""
        super().seed(seed)
        if self._drawn is not None:
            density = self._drawn
            self.set_pattern(density)
            self._drawn = density

    def values(self) -> dict[str, Any]:
        found = super().values()
        for name in self.SPARSE:
            found |= {name: getattr(self, name).values, f"{name}_pattern": getattr(self, name).indices}
        return found

    def _is_sparse(self, name: str) -> bool:
        return name in self.SPARSE or (name[:1] == "D" and name[1:] in self.SPARSE)

    def _assign(self, name: str, old: Any, new: Any) -> None:
        if not isinstance(old, SparseMatrix):
            super()._assign(name, old, new)
            return
        try:
            old.assign(new)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{type(self).__name__}.{name}: {error}") from None

    def _set_sparse_parameter(self, name: str, rows: int, columns: int, initial: float, density: float) -> None:
        pattern = pattern_of((rows, columns), density, self.generator)
        W = SparseMatrix(pattern, initial, self.dtype, self.device)
        setattr(self, name, W)
        DW = SparseMatrix.__new__(SparseMatrix)
        DW.dtype, DW.device = W.dtype, W.device
        DW.move(pattern, zeros(1, pattern.count, self.dtype, self.device), like=W)
        setattr(self, f"D{name}", DW)
        self._drawn = density

    def move(self, name: str, pattern: Pattern) -> None:
        """Give one parameter another pattern; its gradient and its optimizer follow."""
        self._drawn = None
        W, DW = getattr(self, name), getattr(self, f"D{name}")
        numbers = pattern.numbers_in(W.pattern)
        optimizers = [each for each in optimizer_parts(self.optimizer) if getattr(each, "x", None) is W.values]
        W.move(pattern, self._taken(W.values, numbers, 0.0))
        DW.move(pattern, self._taken(DW.values, numbers, 0.0), like=W)
        for optimizer in optimizers:
            optimizer.x, optimizer.Dx = W.values, DW.values
            for state, initial in zip(optimizer.STATES, optimizer.INITIAL, strict=True):
                setattr(optimizer, state, self._taken(getattr(optimizer, state), numbers, initial))

    def _taken(self, values: Variable, numbers: Any, number: float) -> Variable:
        """A variable with the entries of these numbers; where there is none (-1), the given number."""
        old = to_host(values)
        new = np.full((1, len(numbers)), number, dtype=old.dtype)
        new[0, numbers >= 0] = old[0, numbers[numbers >= 0]]
        return variable(from_host(new, self.dtype, self.device))
