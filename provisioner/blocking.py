"""One thread for one thing that blocks: SQLite has one, the hypervisor has another, the event loop has neither.

A file that cannot be written is an outage like any other: it passes, and what could not be stored was not done.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from common.errors import Unavailable

_PRIMARY = 0xFF
_OUTAGES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""SQLite's primary codes for what is wrong with the disk, and not with us."""

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """Runs calls one after the other in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns or raises. A call that has begun ends even if nobody waits for it any more.

        Raises Unavailable (`storage_failed`) where SQLite has no room or cannot write its file.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, partial(function, *args, **kwargs))
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & _PRIMARY not in _OUTAGES:
                raise
            raise Unavailable("storage_failed", f"the agent's file cannot be written: {error}") from error

    def close(self) -> None:
        """Waits for the calls that were handed in."""
        self._executor.shutdown(wait=True)
