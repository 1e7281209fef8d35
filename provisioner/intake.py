"""Taking desired state in: receive, store, acknowledge, then act. What is not stored is not acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from nats.aio.msg import Msg

from common import fault_points, subjects
from common.clock import MarketClock
from common.errors import InvalidInput, Refused, Unavailable
from common.wire import Allocation
from provisioner.blocking import Blocking
from provisioner.desired import accept, read_allocation
from provisioner.link import Link
from provisioner.store import Store

log = logging.getLogger(__name__)

BATCH = 64
RETRY_SECONDS = 0.5


class Intake:
    """The task that empties the node's consumer. `accepted` is awaited whenever something new was stored."""

    def __init__(
        self, link: Link, storage: Blocking, store: Store, clock: MarketClock, accepted: Callable[[], Awaitable[None]]
    ) -> None:
        self._link = link
        self._storage = storage
        self._store = store
        self._clock = clock
        self._accepted = accepted

    async def run(self) -> None:
        """Until it is canceled."""
        while True:
            try:
                messages = await self._link.allocations(BATCH)
                if messages:
                    await self._take(messages)  # what could not be stored is not acknowledged, and comes again
            except Unavailable as error:
                log.log(logging.WARNING if self._link.is_up else logging.DEBUG, "intake: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _take(self, messages: list[Msg]) -> None:
        fault_points.reach("agent.received")
        allocations = [await _read(message) for message in messages]
        good = [allocation for allocation in allocations if allocation is not None]
        new = await self._storage(accept, self._store, good, self._clock.now_ms())
        fault_points.reach("agent.stored")
        for message, allocation in zip(messages, allocations, strict=True):
            if allocation is not None:
                await message.ack()
        fault_points.reach("agent.acknowledged")
        if new:
            await self._accepted()


def _generation(message: Msg) -> int:
    text = (message.headers or {}).get(subjects.GENERATION_HEADER, "0")
    if not text.isdecimal():
        raise InvalidInput("message_malformed", f"generation {text!r} is no number", field="generation")
    return int(text)


async def _read(message: Msg) -> Allocation | None:
    """None for a message that cannot be obeyed, which the consumer is told not to send again. The market sends what is
    lacking anew after a heartbeat: also to the agent that comes after an upgrade."""
    try:
        return replace(read_allocation(message.data), generation=_generation(message))
    except (InvalidInput, Refused) as error:
        log.error("allocation on %s refused: %s", message.subject, error)
        await message.term()
        return None
