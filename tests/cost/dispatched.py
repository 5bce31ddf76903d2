"""Counting what PyTorch really runs: every operator that is dispatched, by a table of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


def _numel(x: Any) -> int:
    return math.prod(x.shape)


def _of_result(args: Sequence[Any], result: Any) -> int:
    return _numel(result)


def _of_operand(args: Sequence[Any], result: Any) -> int:
    return _numel(args[0])


def _mean(args: Sequence[Any], result: Any) -> int:
    return _numel(args[0]) + _numel(result)


def _product(args: Sequence[Any], result: Any) -> int:
    return 2 * _numel(result) * int(args[-1].shape[0])


ENTRYWISE = [
    "add", "sub", "rsub", "mul", "div", "neg", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal", "pow",
    "abs", "sgn", "sign", "floor", "tanh", "sigmoid", "erf", "erfc", "maximum", "minimum", "clamp",
    "clamp_min", "clamp_max", "where", "lt", "le", "gt", "ge", "eq",
]  # fmt: skip
"""One operation for each entry of the result."""
VIEWS = [
    "t", "permute", "transpose", "view", "expand", "select", "slice", "unsqueeze", "squeeze", "detach", "alias",
    "diagonal", "scalar_tensor", "lift_fresh",
]  # fmt: skip
"""What creates no matrix."""
COPIES = ["copy_", "_to_copy", "new_zeros"]
"""Gradients that move into the variables of a layer; the zeros from which a sum by indices starts."""
CREATION = ["clone", "ones", "new_full", "full", "full_like", "empty", "index_select"]
"""Matrices that cost no operation."""

RULES: Mapping[str, Callable[[Sequence[Any], Any], int]] = {
    **dict.fromkeys(ENTRYWISE, _of_result),
    **dict.fromkeys([*VIEWS, *COPIES, *CREATION], lambda args, result: 0),
    "sum": _of_operand,
    "amax": _of_operand,
    "amin": _of_operand,
    "mean": _mean,
    "mm": _product,
    "index_add": lambda args, result: _numel(args[3]),
    "log_sigmoid_forward": lambda args, result: _numel(result[0]),
}


class OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations of all operators that run inside of it, and the entries of the matrices that they make.

    Raises KeyError for an operator without a rule. PyTorch divides a number by a tensor in two operators, a reciprocal
    and a product with the number. They count 1.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self.written = 0
        self._inverse: Any = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        if not (name == "mul" and args[0] is self._inverse and isinstance(args[1], (int, float))):
            rule = RULES.get(name) or RULES[name.removesuffix("_")]
            self.count += rule(args, result)
            is_number = name == "new_full" and result.dim() == 0
            if name not in VIEWS and name not in COPIES and not is_number:
                self.written += _numel(result[0] if isinstance(result, tuple) else result)
        self._inverse = result if name == "reciprocal" else None
        return result
