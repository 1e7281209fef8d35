"""Following a book: its price levels as the engine has committed them, and what changes from one view to the next.

One question to the engine serves every reader of a process. It is asked when the feed has grown, and not more often
than the pause between two looks: what changes twice meanwhile is told once.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from common.errors import NestexError
from common.price import Price
from market.engine.client import EngineClient
from market.engine.reads import BookQuestion
from market.feed.follow_feed import FeedHub, FeedTail
from market.instruments.instruments import zone_of

log = logging.getLogger("nestex.feed")

Levels = dict[int, int]
"""Price in micros -> slices, best price first."""

_PAUSE_SECONDS = 0.1
_ASK_AGAIN_SECONDS = 5.0
_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class BookView:
    """The book after the command with this number in its shard's journal.

    checksum: CRC-32 of all levels as they are told: `price:slices`, bids and then asks, best first, with `|` between.
    """

    sequence: int
    bids: Levels
    asks: Levels
    checksum: int

    @classmethod
    def of(cls, sequence: int, bids: Levels, asks: Levels) -> BookView:
        """With its checksum, made once for all who will be told."""
        levels = (*bids.items(), *asks.items())
        told = "|".join(f"{Price(price).hourly()}:{slices}" for price, slices in levels)
        return cls(sequence, bids, asks, zlib.crc32(told.encode()))


@dataclass(frozen=True, slots=True)
class BookDelta:
    """Levels that are different in `view` from what they were at `previous_sequence`; 0 slices: the level is gone."""

    previous_sequence: int
    view: BookView
    bids: Levels
    asks: Levels


class BookTail:
    """The newest view of a book, and the deltas that lead to it."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.view: BookView | None = None
        self._deltas: deque[BookDelta] = deque(maxlen=_REMEMBERED)
        self._changed = asyncio.Condition()

    async def after(self, sequence: int | None) -> BookView | list[BookDelta]:
        """What leads from the view with this number to the newest, once there is anything; the newest view itself
        for None, and for a number from which the deltas are not remembered."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.view is not None and self.view.sequence != sequence)
        assert self.view is not None
        found = [number for number, delta in enumerate(self._deltas) if delta.previous_sequence == sequence]
        return list(self._deltas)[found[0] :] if found else self.view

    async def take(self, view: BookView) -> None:
        """The book looks like this now."""
        before = self.view
        if before is not None and (before.bids, before.asks) == (view.bids, view.asks):
            return
        async with self._changed:
            if before is not None:
                bids, asks = _changes(before.bids, view.bids), _changes(before.asks, view.asks)
                self._deltas.append(BookDelta(before.sequence, view, bids, asks))
            self.view = view
            self._changed.notify_all()


class BookHub:
    """The books that somebody of this process is `following`."""

    def __init__(self, engine: EngineClient, feed: FeedHub) -> None:
        self._engine = engine
        self._feed = feed
        self._followed: dict[str, tuple[BookTail, asyncio.Task[None]]] = {}
        self._followers: dict[str, int] = {}

    @asynccontextmanager
    async def following(self, instrument: str) -> AsyncIterator[BookTail]:
        """The instrument's book for the length of a reader's life. The feed is followed already."""
        if instrument not in self._followed:
            tail = BookTail(instrument)
            self._followed[instrument] = tail, asyncio.create_task(self._look_on(tail))
        self._followers[instrument] = self._followers.get(instrument, 0) + 1
        try:
            yield self._followed[instrument][0]
        finally:
            self._followers[instrument] -= 1
            if self._followers[instrument] == 0:
                self._followed.pop(instrument)[1].cancel()

    async def _look_on(self, tail: BookTail) -> None:
        zone = zone_of(tail.instrument)
        feed = self._feed.tail(f"engine.{zone}")
        while True:
            known = feed.newest
            try:
                told = await self._engine.ask(zone, BookQuestion(tail.instrument))
                await tail.take(BookView.of(told["sequence"], _levels(told["bids"]), _levels(told["asks"])))
            except NestexError as error:
                log.info("the book of %s is not to be had now: %s", tail.instrument, error)
                known = feed.newest
            await asyncio.sleep(_PAUSE_SECONDS)
            await _growth(feed, known)


async def _growth(feed: FeedTail, known: int) -> None:
    """Wait until the feed has grown; not for ever, as an engine that was away may be back."""
    try:
        async with asyncio.timeout(_ASK_AGAIN_SECONDS):
            await feed.after(known)
    except TimeoutError:
        pass


def _levels(told: list[list[Any]]) -> Levels:
    return {int(price): int(slices) for price, slices in told}


def _changes(before: Levels, after: Levels) -> Levels:
    gone = dict.fromkeys(before.keys() - after.keys(), 0)
    return gone | {price: slices for price, slices in after.items() if before.get(price) != slices}
