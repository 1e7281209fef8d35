"""Taking messages off a durable consumer: a batch is handled, committed, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

from common.clock import RealClock

log = logging.getLogger("nestex.worker")

_BATCH = 500
_WAIT_SECONDS = 1.0
_RETRY_SECONDS = 1.0


class Inbox:
    """A durable consumer, emptied batch by batch. `connected` tells an empty stream from a bus that is away."""

    def __init__(
        self,
        subscription: JetStreamContext.PullSubscription,
        handle: Callable[[Sequence[Msg]], Awaitable[None]],
        clock: RealClock,
        connected: Callable[[], bool],
    ) -> None:
        self._subscription = subscription
        self._handle = handle
        self._clock = clock
        self._connected = connected
        self._steady_since: float | None = None

    def steady_seconds(self) -> float:
        """For how many real seconds it has now followed the stream without a break or a backlog."""
        return 0.0 if self._steady_since is None else self._clock.monotonic() - self._steady_since

    async def run(self) -> None:
        """Hand over batches for ever. A batch whose handling fails is not acknowledged, and comes again."""
        while True:
            try:
                messages = await self._subscription.fetch(_BATCH, timeout=_WAIT_SECONDS)
            except TimeoutError:
                self._followed(backlog=not self._connected())
                continue
            except nats.errors.Error as error:
                log.warning("the bus does not answer: %s", error)
                self._steady_since = None
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await self._take(messages)

    async def _take(self, messages: Sequence[Msg]) -> None:
        try:
            await self._handle(messages)
        except Exception:
            log.exception("a batch of %d messages failed and will come again", len(messages))
            self._steady_since = None
            await asyncio.gather(*(message.nak(_RETRY_SECONDS) for message in messages))
            return
        await asyncio.gather(*(message.ack() for message in messages))
        self._followed(backlog=len(messages) == _BATCH)

    def _followed(self, *, backlog: bool) -> None:
        if backlog:
            self._steady_since = None
        elif self._steady_since is None:
            self._steady_since = self._clock.monotonic()
