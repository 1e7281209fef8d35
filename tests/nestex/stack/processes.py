"""Whether processes run, as the kernel tells it, and whether those of a supervisor answer again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from nestex.stack.supervisor import Supervisor

T = TypeVar("T")


def is_running(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for by its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def all_end(pids: Iterable[int]) -> bool:
    """Whether all of them end within 10 s."""
    waiting = set(pids)
    for _ in range(200):
        waiting = {pid for pid in waiting if is_running(pid)}
        if not waiting:
            return True
        threading.Event().wait(0.05)
    return False


def once_back(supervisor: Supervisor, ask: Callable[[], T], away: tuple[type[Exception], ...]) -> T:
    """The first answer of a child that was killed and is started again meanwhile, for which half a minute is enough on
    any machine. Until then it raises one of `away`."""
    for _ in range(300):
        supervisor.watch(0.1)
        with suppress(*away):
            return ask()
    return ask()
