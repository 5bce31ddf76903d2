"""A progress bar of one line on standard error, shown only when that is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

INTERVAL = 0.1
"""Seconds between two drawings."""


class ProgressBar:
    """`with ProgressBar(total, "epoch 1/3") as bar: ... bar.advance()`.

    total   number of steps, or None where it is not known
    shown   None: where standard error is a terminal
    """

    def __init__(self, total: int | None, title: str, shown: bool | None = None) -> None:
        self.total = total
        self.title = title
        self.done = 0
        self.shown = sys.stderr.isatty() if shown is None else shown
        self._drawn_at = float("-inf")

    def advance(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.shown and now - self._drawn_at >= INTERVAL:
            self._drawn_at = now
            self._draw(self.line(shutil.get_terminal_size().columns))

    def line(self, width: int) -> str:
        """The text of the bar in at most `width` - 1 characters."""
        if not self.total:
            return f"{self.title}  {self.done}"[: width - 1]
        count = f"{self.done}/{self.total}"
        room = max(width - len(self.title) - len(count) - 7, 0)
        filled = room * min(self.done, self.total) // self.total
        return f"{self.title}  [{'=' * filled}{' ' * (room - filled)}]  {count}"[: width - 1]

    def _draw(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.shown:
            self._draw("")
