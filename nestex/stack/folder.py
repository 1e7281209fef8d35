"""The data folder of an embedded stack: who holds it, and what the stack remembers from one start to the next.

The lock's file descriptor is inherited by every child of the stack, so the folder counts as held until the last of them
is gone: a start that comes right after a crash never meets a half-dead server on its own files.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from common.errors import Unavailable
from common.private_files import write_private

_ORPHANS_SECONDS = 20
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A held data folder. `lock` is the file descriptor that holds it; children of the stack inherit it."""

    path: Path
    lock: int

    @classmethod
    def hold(cls, path: Path) -> Self:
        """Make the folder where it is missing, and hold it until `close`.

        Children of a holder that was killed are waited for. Raises Unavailable (`stack_failed`), naming the holder's
        process, if it is held by a living one, and if the folder belongs to another user.
        """
        path = path.resolve()
        if not path.exists():
            path.mkdir(parents=True)
            path.chmod(0o711)  # a server that runs as another user must get through to its own folder; secrets are 0600
        lock = _open_lock(path)
        try:
            _lock(path, lock)
        except BaseException:
            os.close(lock)
            raise
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return cls(path, lock)

    def close(self) -> None:
        """Let the folder go. It stays held until the children that inherited the lock are gone too."""
        os.ftruncate(self.lock, 0)
        os.close(self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subfolder(self, name: str) -> Path:
        """A folder inside, made where it is missing, for the owner only."""
        path = self.path / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def recall(self, name: str) -> str | None:
        """What was recorded under this name, by this start or an earlier one."""
        path = self.path / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def record(self, name: str, text: str) -> None:
        """Remember `text` under this name; readable by the owner only."""
        write_private(self.path / name, text)


def _open_lock(path: Path) -> int:
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise Unavailable("stack_failed", f"{path} belongs to another user, or cannot be written") from error
    if (owner := os.fstat(lock).st_uid) != os.geteuid():  # root would leave files that the owner cannot use again
        os.close(lock)
        raise Unavailable("stack_failed", f"{path} belongs to the user with id {owner}: start it as that user")
    return lock


def _lock(path: Path, lock: int) -> None:
    pause = Event()
    for _ in range(round(_ORPHANS_SECONDS / _POLL_SECONDS)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode()
            if _is_running(holder):
                raise Unavailable("stack_failed", f"{path} is in use by process {holder}") from None
            pause.wait(_POLL_SECONDS)
        else:
            return
    raise Unavailable("stack_failed", f"{path} is still in use by children of an earlier start, which is gone")


def _is_running(pid: str) -> bool:
    """Whether the process runs, and is no zombie. A holder that lets go, or has yet to write its own, is empty."""
    try:
        after_name = Path("/proc", pid, "stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:
        return False
    return bool(pid) and after_name.split()[0] not in "ZX"
