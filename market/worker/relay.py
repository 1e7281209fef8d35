"""The relay: what the outbox holds goes out on JetStream, at least once.

It asks for unpublished rows, never for ids above the last one: a transaction that commits late would be skipped. NOTIFY
only wakes it before its next look.
"""

from __future__ import annotations

import asyncio
import logging

import nats.errors
import psycopg
from nats.js.client import JetStreamContext
from nats.js.errors import Error as JetStreamError
from sqlalchemy import Engine

from common import fault_points, subjects
from runtime import deployment, outbox
from runtime.outbox import OutboxMessage

log = logging.getLogger("nestex.relay")

_BATCH = 500
_LOOK_SECONDS = 0.5


async def relay(database: Engine, database_url: str, jetstream: JetStreamContext) -> None:
    """Publish for ever."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute(f"LISTEN {outbox.CHANNEL}")
        while True:
            if await publish_waiting(database, jetstream) < _BATCH:
                async for _ in listener.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    pass


async def publish_waiting(database: Engine, jetstream: JetStreamContext) -> int:
    """Publish one batch of what waits, and mark what the bus has acknowledged. How many that were."""
    waiting, generation = await asyncio.to_thread(_unpublished, database)
    results = await asyncio.gather(*(_publish(jetstream, message, generation) for message in waiting))
    published = [message.id for message, done in zip(waiting, results, strict=True) if done]
    if published:
        fault_points.reach("relay.published")
        await asyncio.to_thread(_mark, database, published)
        fault_points.reach("relay.marked")
    return len(published)


async def _publish(jetstream: JetStreamContext, message: OutboxMessage, generation: int) -> bool:
    headers = {"Nats-Msg-Id": message.id, subjects.GENERATION_HEADER: str(generation)}
    try:
        await jetstream.publish(message.subject, message.payload, headers=headers)
    except (nats.errors.Error, JetStreamError, TimeoutError) as error:
        log.warning("%s stays in the outbox: %s", message.id, error)
        return False
    return True


def _unpublished(database: Engine) -> tuple[list[OutboxMessage], int]:
    """What waits, and the generation of the database that wants it told."""
    with database.begin() as connection:
        return outbox.unpublished(connection, _BATCH), deployment.generation(connection)


def _mark(database: Engine, ids: list[str]) -> None:
    with database.begin() as connection:
        outbox.mark_published(connection, ids)
