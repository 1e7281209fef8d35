from __future__ import annotations

import asyncio

from sqlalchemy import Engine

from common import subjects
from market.worker.relay import publish_waiting
from runtime import bus, outbox
from runtime.outbox import OutboxMessage
from runtime.settings import Settings
from tests.conftest import NatsAccount


def settings(account: NatsAccount) -> Settings:
    return Settings(database_url="postgresql://", nats_url=account.url, nats_credentials=account.credentials)


def put(database: Engine, *numbers: int) -> None:
    with database.begin() as connection:
        messages = [OutboxMessage(f"con_{n}:1", subjects.allocation("nod_1", f"con_{n}"), b"x") for n in numbers]
        outbox.put(connection, messages)


def test_what_waits_is_published_once_and_marked(database: Engine, nats_account: NatsAccount) -> None:
    async def story() -> int:
        client = await bus.connect(settings(nats_account), "test")
        jetstream = client.jetstream()
        await bus.ensure_streams(jetstream)
        put(database, 1, 2)
        assert await publish_waiting(database, jetstream) == 2
        assert await publish_waiting(database, jetstream) == 0
        put(database, 3)
        assert await publish_waiting(database, jetstream) == 1
        held = (await jetstream.stream_info(subjects.ALLOC_STREAM)).state.messages
        await client.close()
        return held

    assert asyncio.run(story()) == 3


def test_what_the_bus_does_not_take_stays(database: Engine, nats_account: NatsAccount) -> None:
    async def story() -> int:
        client = await bus.connect(settings(nats_account), "test")
        put(database, 1)
        published = await publish_waiting(database, client.jetstream(timeout=0.2))  # there is no stream yet
        await client.close()
        return published

    assert asyncio.run(story()) == 0
    with database.begin() as connection:
        assert len(outbox.unpublished(connection, 10)) == 1


def test_a_message_that_is_published_again_after_a_crash_is_held_once(
    database: Engine, nats_account: NatsAccount
) -> None:
    async def story() -> int:
        client = await bus.connect(settings(nats_account), "test")
        jetstream = client.jetstream()
        await bus.ensure_streams(jetstream)
        put(database, 1)
        [message] = await asyncio.to_thread(lambda: _waiting(database))
        await jetstream.publish(message.subject, message.payload, headers={"Nats-Msg-Id": message.id})
        await publish_waiting(database, jetstream)  # as after a crash between publishing and marking
        state = (await jetstream.stream_info(subjects.ALLOC_STREAM)).state
        await client.close()
        return state.last_seq

    assert asyncio.run(story()) == 1


def _waiting(database: Engine) -> list[OutboxMessage]:
    with database.begin() as connection:
        return outbox.unpublished(connection, 10)
