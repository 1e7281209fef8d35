"""Turns: what every job of the worker is made of. Each is idempotent, so one that failed is simply taken again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("nestex.worker")


async def take_turns(
    turn: Callable[[], Awaitable[object]], pause_seconds: float | Callable[[], float], what: str
) -> None:
    """Until cancelled, with a pause of real time after each, or one that is asked for each time. `what` names the job
    in the log when a turn fails."""
    while True:
        try:
            await turn()
        except Exception:
            log.exception("%s failed and will be tried again", what)
        await asyncio.sleep(pause_seconds() if callable(pause_seconds) else pause_seconds)


async def take_turns_in_thread(turn: Callable[[], object], pause_seconds: float, what: str) -> None:
    """The same for a turn that works on the database, and would hold the event loop up."""
    await take_turns(lambda: asyncio.to_thread(turn), pause_seconds, what)
