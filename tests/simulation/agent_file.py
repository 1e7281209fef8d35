"""An agent's file as faults see it: it can be lost, and be set back to an earlier copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class AgentFile:
    """An agent's file: the one that it uses now, and a copy of an earlier moment. `changed` is set once it was lost or
    restored: minutes may then be missing, and none may be doubled."""

    folder: Path
    name: str
    generation: int = 0
    changed: bool = False

    def path(self) -> Path:
        """Where it is."""
        return self.folder / f"{self.name}-{self.generation}.sqlite"

    def back_up(self) -> None:
        """Remember it as it is."""
        if self.path().exists():
            with _open(self.path()) as now, _open(self._copy()) as copy:
                now.backup(copy)

    def lose(self) -> None:
        """The next agent finds none."""
        self.generation += 1
        self.changed = True

    def restore(self) -> None:
        """The next agent finds the copy, if there is one."""
        if not self._copy().exists():
            return
        self.generation += 1
        self.changed = True
        with _open(self._copy()) as copy, _open(self.path()) as connection:
            copy.backup(connection)

    def _copy(self) -> Path:
        return self.folder / f"{self.name}-copy.sqlite"


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()
