"""Taking messages off a durable consumer: a batch is handled, committed, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

log = logging.getLogger("nestex.worker")

_BATCH = 500
_WAIT_SECONDS = 1.0
_RETRY_SECONDS = 1.0


async def consume(
    subscription: JetStreamContext.PullSubscription, handle: Callable[[Sequence[Msg]], Awaitable[None]]
) -> None:
    """Hand over batches for ever. A batch whose handling fails is not acknowledged, and comes again."""
    while True:
        try:
            messages = await subscription.fetch(_BATCH, timeout=_WAIT_SECONDS)
        except (nats.errors.TimeoutError, TimeoutError):
            continue
        except nats.errors.Error as error:
            log.warning("the bus does not answer: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        try:
            await handle(messages)
        except Exception:
            log.exception("a batch of %d messages failed and will come again", len(messages))
            await asyncio.gather(*(message.nak(_RETRY_SECONDS) for message in messages))
            continue
        await asyncio.gather(*(message.ack() for message in messages))
