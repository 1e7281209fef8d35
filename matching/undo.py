"""The undo log: every change is recorded with its inverse, so that commands can be applied tentatively.

One mechanism for every need: a batch that could not be committed, a command that failed half-way, a preview.
"""

from __future__ import annotations

from typing import Any


class Undo:
    """Inverses of all changes since they were last forgotten, newest last.

    Whoever makes a change extends `log` by `(inverse, target, old)`, where `inverse(target, old)` takes it back. The
    log is one flat list for ever, and open to all: nearly every command makes changes, hardly any is taken back, and a
    tuple for each would give the garbage collector as much to do as the orders.
    """

    __slots__ = ("_forgotten", "log")

    def __init__(self) -> None:
        self.log: list[Any] = []
        self._forgotten = 0

    def mark(self) -> int:
        """A point to come back to."""
        return self._forgotten + len(self.log)

    def take_back(self, mark: int) -> None:
        """Takes every change since the mark back, newest first."""
        kept = mark - self._forgotten
        if not 0 <= kept <= len(self.log):
            raise AssertionError("the mark was forgotten, or lies behind something that was taken back")
        self.shorten(kept)

    def shorten(self, kept: int) -> None:
        """Takes changes back, newest first, until the log is so long again."""
        log = self.log
        while len(log) > kept:
            old, target, inverse = log.pop(), log.pop(), log.pop()
            inverse(target, old)

    def forget(self) -> None:
        """Makes everything so far final; earlier marks are void."""
        self._forgotten += len(self.log)
        self.log.clear()
