"""How far a long command is: a bar for people, once it has taken more than a second; nothing for programs."""

from __future__ import annotations

from types import TracebackType

from rich import progress as bars
from rich.console import Console

from common.clock import RealClock, SystemClock

_PATIENCE_SECONDS = 1


class Progress:
    """A bar over so many `things`, gone when the command ends."""

    def __init__(self, console: Console, things: str, clock: RealClock | None = None) -> None:
        self._console = console
        self._things = things
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._bar: bars.Progress | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if self._bar is None:
            if not self._console.is_terminal or self._clock.monotonic() - self._began < _PATIENCE_SECONDS:
                return
            columns = (bars.BarColumn(), bars.MofNCompleteColumn(), bars.TextColumn(self._things))
            self._bar = bars.Progress(*columns, bars.TimeRemainingColumn(), console=self._console, transient=True)
            self._bar.add_task(self._things)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)
