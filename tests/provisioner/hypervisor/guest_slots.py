"""Room for real guests: so many run at a time, whoever runs tests on this machine."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

GUESTS_AT_A_TIME = 2


@contextmanager
def room_for(guests: int) -> Iterator[None]:
    """Held until it is left. Who wants room for more than one waits in a queue of its own and takes the slots in order:
    so nobody waits for somebody who waits."""
    with ExitStack() as stack:
        if guests == 1:
            _take_one(stack)
        else:
            for name in ("more", *map(str, range(GUESTS_AT_A_TIME))):
                fcntl.flock(stack.enter_context(_file(name).open("w")), fcntl.LOCK_EX)
        yield


def _take_one(stack: ExitStack) -> None:
    """The first that is free, else the last."""
    for slot in range(GUESTS_AT_A_TIME):
        lock = stack.enter_context(_file(str(slot)).open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return
    fcntl.flock(lock, fcntl.LOCK_EX)


def _file(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"nestex-guest-slot-{name}"
