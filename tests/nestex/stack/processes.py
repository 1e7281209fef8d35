"""Whether processes run, as the kernel tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path


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
