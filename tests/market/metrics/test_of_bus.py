"""The bus's figures: how far consumers are behind, and that a bus that is away is down."""

from __future__ import annotations

import asyncio

from common import subjects
from market.metrics.figures import Values
from market.metrics.of_bus import figures_of_bus
from runtime import bus
from runtime.settings import Settings
from tests.conftest import NatsAccount


def test_messages_that_wait_and_those_that_are_not_acknowledged_are_told(nats_account: NatsAccount) -> None:
    settings = Settings(
        database_url="postgresql://", nats_url=nats_account.url, nats_credentials=nats_account.credentials
    )

    async def story() -> list[dict[str, Values]]:
        client = await bus.connect(settings, "test")
        jetstream = client.jetstream()
        await bus.ensure_streams(jetstream)
        told = [{figure.name: figure.values for figure in await figures_of_bus(client)}]
        subscription = await bus.subscribe_durable(
            jetstream, subjects.USAGE_STREAM, subjects.METERING_CONSUMER, subjects.USAGE_SUBJECTS
        )
        for number in range(3):
            await jetstream.publish(subjects.usage("nod_1"), str(number).encode())
        await subscription.fetch(1, timeout=5)
        told.append({figure.name: figure.values for figure in await figures_of_bus(client)})
        await client.close()
        told.append({figure.name: figure.values for figure in await figures_of_bus(client)})
        return told

    before, behind, away = asyncio.run(story())
    assert before == {"bus_up": {(): 1}, "consumer_pending": {}, "consumer_unacknowledged": {}}
    consumer = (subjects.METERING_CONSUMER,)
    assert behind == {
        "bus_up": {(): 1},
        "consumer_pending": {consumer: 2},
        "consumer_unacknowledged": {consumer: 1},
    }
    assert away == {"bus_up": {(): 0}, "consumer_pending": {}, "consumer_unacknowledged": {}}
