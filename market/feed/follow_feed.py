"""Following the event feed as it grows: one look at the heads of all streams serves every reader of a process.

Readers pull: each asks for what lies behind its own position, and waits while there is nothing. So a slow one holds up
nobody and fills no memory; one that is far behind reads from the database what is no longer remembered.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

from sqlalchemy import Engine

from market.feed.read_feed import streams
from runtime import feed
from runtime.database import transaction
from runtime.feed import FeedEvent

log = logging.getLogger("nestex.feed")

_LOOK_SECONDS = 0.1
_AT_ONCE = 500
_REMEMBERED = 2_000

Positioned = tuple[int, FeedEvent]


class FeedTail:
    """The newest events of a stream."""

    def __init__(self, database: Engine, stream: str, newest: int) -> None:
        self.stream = stream
        self.newest = newest
        self._database = database
        self._recent: deque[Positioned] = deque(maxlen=_REMEMBERED)
        self._grown = asyncio.Condition()

    async def after(self, position: int) -> list[Positioned]:
        """Some of the events behind the position, in order; waits until there is one."""
        async with self._grown:
            await self._grown.wait_for(lambda: self.newest > position)
        if self._recent and self._recent[0][0] <= position + 1:
            first = position + 1 - self._recent[0][0]
            return list(islice(self._recent, first, first + _AT_ONCE))
        return await self._read(position)

    async def grow(self, newest: int) -> None:
        """Take in what has been committed up to this position."""
        while self.newest < newest:
            events = await self._read(self.newest)
            async with self._grown:
                self._recent.extend(events)
                self.newest = events[-1][0]
                self._grown.notify_all()

    async def _read(self, position: int) -> list[Positioned]:
        return await asyncio.to_thread(
            transaction, self._database, lambda connection: feed.read(connection, self.stream, position, _AT_ONCE)
        )


class FeedHub:
    """The tails of all streams of this process. It looks at the feed while somebody is `following`."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._tails: dict[str, FeedTail] = {}
        self._followers = 0
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """For the length of a reader's life."""
        self._followers += 1
        if self._looking is None:
            self._tails = {}
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self._followers -= 1
            if self._followers == 0:
                self._looking.cancel()
                self._looking = None

    async def newest(self) -> dict[str, int]:
        """The position of the newest committed event of every stream. What is known of them is as new afterwards."""
        heads = await asyncio.to_thread(transaction, self._database, streams)
        for stream, newest in heads.items():
            self.tail(stream, newest)
        return heads

    def known(self) -> list[str]:
        """The streams that have been seen."""
        return list(self._tails)

    def tail(self, stream: str, newest: int = 0) -> FeedTail:
        """The stream's tail; `newest` is where it begins to remember, should it be unknown so far."""
        if stream not in self._tails:
            self._tails[stream] = FeedTail(self._database, stream, newest)
        return self._tails[stream]

    async def _look_on(self) -> None:
        while True:
            try:
                heads = await self.newest()
                for stream, newest in heads.items():
                    await self.tail(stream).grow(newest)
            except Exception:
                log.exception("the feed cannot be read and will be looked at again")
            await asyncio.sleep(_LOOK_SECONDS)
