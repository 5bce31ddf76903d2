"""How much work a proof may do, and what stops it."""

from __future__ import annotations

import time


class LimitReached(Exception):
    """The proof needs more steps, time or depth than it may have."""


class Undefined(ArithmeticError):
    """The expression has a value nowhere, such as 1 / (x - x)."""


class Budget:
    """How much work a proof may do; raises LimitReached when it is spent."""

    __slots__ = ("deadline", "steps")

    def __init__(self, steps: int = 400_000, seconds: float = 20.0) -> None:
        self.renew(steps, time.process_time() + seconds)

    def renew(self, steps: int, deadline: float) -> None:
        """Work for the next proof; it ends when the processor time is `deadline`."""
        self.steps = steps
        self.deadline = deadline

    def spend(self, steps: int = 1) -> None:
        before = self.steps
        self.steps = before - steps
        if self.steps < 0:
            raise LimitReached("too many steps")
        if before >> 10 != self.steps >> 10 and time.process_time() > self.deadline:
            raise LimitReached("too much time")
