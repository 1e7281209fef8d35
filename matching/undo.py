"""The undo log: every change is recorded with its inverse, so that commands can be applied tentatively.

One mechanism for every need: a batch that could not be committed, a command that failed half-way, a preview.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Inverse = tuple[Callable[[Any, Any], None], Any, Any]
"""A function and its two arguments: a tuple is cheaper than a closure, and most changes are never taken back."""


class Undo:
    """Inverses of all changes since they were last forgotten, newest last."""

    __slots__ = ("_forgotten", "_inverses")

    def __init__(self) -> None:
        self._inverses: list[Inverse] = []
        self._forgotten = 0

    def record(self, inverse: Callable[[Any, Any], None], target: Any, old: Any) -> None:
        """Remembers that `inverse(target, old)` takes the change back that is being made."""
        self._inverses.append((inverse, target, old))

    def mark(self) -> int:
        """A point to come back to."""
        return self._forgotten + len(self._inverses)

    def take_back(self, mark: int) -> None:
        """Takes every change since the mark back, newest first."""
        inverses = self._inverses
        kept = mark - self._forgotten
        if not 0 <= kept <= len(inverses):
            raise AssertionError("the mark was forgotten, or lies behind something that was taken back")
        while len(inverses) > kept:
            inverse, target, old = inverses.pop()
            inverse(target, old)

    def forget(self) -> None:
        """Makes everything so far final; earlier marks are void."""
        self._forgotten += len(self._inverses)
        self._inverses.clear()
