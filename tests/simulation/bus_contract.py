"""The contract of the bus: a story is told to the twin, and to a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.client import JetStreamContext

from tests.conftest import NatsAccount
from tests.simulation.bus import URL, bus
from tests.simulation.loop import new_loop

Connect = Callable[..., Awaitable[Client]]
Story = Callable[[Connect], Awaitable[None]]
Run = Callable[[Story], None]

EPOCH_NS = 1_790_000_000_000_000_000
SOON = 0.3
"""Seconds after which what must not come would have come."""


def on_server(account: NatsAccount, story: Story) -> None:
    """In real time, on the run's nats-server."""

    async def connect(**options: object) -> Client:
        return await nats.connect(account.url, user_credentials=str(account.credentials), **options)

    asyncio.run(_whole(story, connect))


def on_twin(story: Story) -> None:
    """In simulated time."""
    loop = new_loop()

    async def connect(**options: object) -> Client:
        return await nats.connect(URL, **options)

    with bus(loop, lambda: EPOCH_NS + loop.time_micros() * 1000, delay=lambda: 0.001):
        loop.run(_whole(story, connect))


async def _whole(story: Story, connect: Connect) -> None:
    clients = []

    async def noted(**options: object) -> Client:
        clients.append(await connect(**options))
        return clients[-1]

    async with asyncio.timeout(30):
        await story(noted)
        for client in clients:
            await client.close()


async def new_consumer(client: Client, *, last: bool = False, **options: float) -> JetStreamContext.PullSubscription:
    """Of the stream S; of everything in it, or of the last of each subject."""
    policy = DeliverPolicy.LAST_PER_SUBJECT if last else DeliverPolicy.ALL
    config = ConsumerConfig(
        durable_name="c",
        deliver_policy=policy,
        ack_policy=AckPolicy.EXPLICIT,
        filter_subject="s.>",
        **options,  # type: ignore[arg-type]  # numbers only
    )
    jetstream = client.jetstream()
    await jetstream.add_consumer("S", config)
    return await jetstream.pull_subscribe_bind(consumer="c", stream="S")


async def new_stream(client: Client, **options: float) -> JetStreamContext:
    """S, with the subjects `s.>`."""
    jetstream = client.jetstream()
    await jetstream.add_stream(StreamConfig(name="S", subjects=["s.>"], **options))  # type: ignore[arg-type]  # numbers only
    return jetstream


async def taken(subscription: JetStreamContext.PullSubscription, batch: int = 10, *, ack: bool = True) -> list[bytes]:
    """What comes soon."""
    try:
        messages = await subscription.fetch(batch, timeout=SOON)
    except TimeoutError:
        return []
    for message in messages:
        if ack:
            await message.ack()
    return [message.data for message in messages]
