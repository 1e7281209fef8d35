"""What agents may do on a real nats-server: everything of their own node, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from common import subjects
from runtime.bus import ensure_allocation_consumer, ensure_streams
from tests.conftest import NatsAccount
from tests.runtime.agents import NODE, OTHER, agent

OWN_PUBLISH = (
    "usage.{node}",
    "status.{node}.con_1",
    "status.{node}.hb",
    "$JS.API.CONSUMER.MSG.NEXT.ALLOC.agent-{node}",
    "$JS.API.CONSUMER.INFO.ALLOC.agent-{node}",
    "$JS.ACK.ALLOC.agent-{node}.1.1.1.1.0",
)
OWN_SUBSCRIBE = ("_INBOX.{node}.>", "_INBOX.{node}.abc.*", "cmd.{node}.>", "cmd.{node}.sync")
NOBODYS_PUBLISH = (
    "alloc.nod_1.con_1",
    "cmd.nod_1.sync",
    "usage.nod_1.more",
    "usage",
    "status.nod_1",
    "status.nod_10",
    "usage.nod_10.more",
    "engine.zone.commands",
    "engine.zone.reads",
    "engine.zone.serving",
    "_INBOX.nod_1.answer",
    "_INBOX.nod_10.answer",
    "_INBOX.somebody.answer",
    "alloc.nod_10.con_1",
    "cmd.nod_10.sync",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.COPY",
    "$JS.API.STREAM.UPDATE.ALLOC",
    "$JS.API.STREAM.DELETE.ALLOC",
    "$JS.API.STREAM.MSG.DELETE.ALLOC",
    "$JS.API.STREAM.SNAPSHOT.ALLOC",
    "$JS.API.DIRECT.GET.ALLOC.alloc.nod_10.con_1",
    "$JS.API.CONSUMER.NAMES.ALLOC",
    "$JS.API.CONSUMER.LIST.ALLOC",
    "$JS.API.CONSUMER.CREATE.ALLOC.mine.alloc.nod_10.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.ALLOC.agent-nod_10",
    "$JS.API.CONSUMER.DELETE.ALLOC.agent-nod_10",
    "$JS.API.CONSUMER.PAUSE.ALLOC.agent-nod_10",
    "$JS.API.CONSUMER.INFO.USAGE.metering",
    "$JS.API.CONSUMER.MSG.NEXT.STATUS.status",
    "$JS.ACK.USAGE.metering.1.1.1.1.0",
    "$JS.ACK._.hash.ALLOC.agent-nod_10.1.1.1.1.0.token",
    "$JS.API.CONSUMER.INFO.ALLOC.agent-nod_10.more",
    "$JS.API.CONSUMER.INFO.STATUS.agent-nod_10",
    "$JS.API.CONSUMER.MSG.NEXT.STATUS.agent-nod_10",
    "$JS.ACK.STATUS.status.1.1.1.1.0",
    "$JS.FC.ALLOC.agent-nod_10.1",
    "$JS.API.STREAM.INFO.ALLOC",
    "$JS.API.STREAM.MSG.GET.ALLOC",
    "$JS.API.DIRECT.GET.ALLOC",
    "$JS.API.STREAM.PURGE.USAGE",
    "$JS.API.CONSUMER.CREATE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.DURABLE.CREATE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.DELETE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.MSG.NEXT.USAGE.agent-nod_1",
    "$SYS.REQ.CLAIMS.UPDATE",
)
NOBODYS_SUBSCRIBE = (
    ">",
    "*.>",
    "_INBOX.>",
    "_INBOX.*",
    "cmd.>",
    "cmd.*.sync",
    "alloc.>",
    "alloc.nod_1.>",
    "alloc.nod_10.>",
    "alloc.nod_10.con_1",
    "*.nod_10.>",
    "usage.nod_10",
    "status.nod_10.>",
    "status.nod_10.hb",
    "_INBOX.nod_10.*",
    "_INBOX.somebody.>",
    "$JS.API.>",
    "$JS.ACK.ALLOC.agent-nod_10.>",
    "$JS.EVENT.>",
    "usage.>",
    "usage.nod_1",
    "status.>",
    "engine.>",
    "$JS.ACK.>",
    "$SYS.>",
)


@asynccontextmanager
async def _market(account: NatsAccount) -> AsyncIterator[Client]:
    client = await nats.connect(account.url, user_credentials=str(account.credentials))
    try:
        yield client
    finally:
        await client.close()


async def _refused(client: Client, complaints: list[str]) -> bool:
    # A request goes out behind what was sent before, and complaints come before its answer. `flush` would not do:
    # its ping overtakes what the client still buffers.
    await client.request(f"$JS.API.CONSUMER.INFO.ALLOC.agent-{NODE}", b"", timeout=5)
    refused = any("permissions violation" in complaint.lower() for complaint in complaints)
    complaints.clear()
    return refused


def test_an_agent_publishes_on_the_subjects_of_its_own_node_only(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with agent(nats_account) as (client, complaints):
            allowed = {subject.format(node=NODE): True for subject in OWN_PUBLISH}
            forbidden = {subject.format(node=OTHER): False for subject in OWN_PUBLISH}
            for subject, may in {**allowed, **forbidden, **dict.fromkeys(NOBODYS_PUBLISH, False)}.items():
                await client.publish(subject, b"{}")
                assert await _refused(client, complaints) is not may, subject

    asyncio.run(story())


def test_an_agent_subscribes_to_its_own_inbox_and_commands_only(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with agent(nats_account) as (client, complaints):
            allowed = {subject.format(node=NODE): True for subject in OWN_SUBSCRIBE}
            forbidden = {subject.format(node=OTHER): False for subject in OWN_SUBSCRIBE}
            for subject, may in {**allowed, **forbidden, **dict.fromkeys(NOBODYS_SUBSCRIBE, False)}.items():
                for queue in ("", "group"):
                    await client.subscribe(subject, queue=queue)
                    assert await _refused(client, complaints) is not may, (subject, queue)

    asyncio.run(story())


def test_an_agent_takes_its_allocations_from_the_consumer_that_the_market_made(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, agent(nats_account) as (client, complaints):
            jetstream = market.jetstream()
            await ensure_streams(jetstream)
            await ensure_allocation_consumer(jetstream, NODE)
            await jetstream.publish(subjects.allocation(NODE, "con_1"), b"for this node")
            await jetstream.publish(subjects.allocation(OTHER, "con_2"), b"for the other")
            consumer = subjects.allocation_consumer(NODE)
            subscription = await client.jetstream().pull_subscribe_bind(consumer=consumer, stream="ALLOC")
            (message,) = await subscription.fetch(10, timeout=1)
            assert message.data == b"for this node"
            await message.ack()
            assert not await _refused(client, complaints)
            information = await jetstream.consumer_info("ALLOC", consumer)
            assert (information.num_ack_pending, information.num_pending) == (0, 0)
            acknowledged = await client.jetstream().publish(subjects.usage(NODE), b"report")
            assert (acknowledged.stream, acknowledged.seq) == ("USAGE", 1)
            assert complaints == []

    asyncio.run(story())


def test_an_agent_cannot_take_the_allocations_of_another_node(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, agent(nats_account) as (client, complaints):
            jetstream = market.jetstream()
            await ensure_streams(jetstream)
            await ensure_allocation_consumer(jetstream, OTHER)
            await jetstream.publish(subjects.allocation(OTHER, "con_2"), b"for the other")
            consumer = subjects.allocation_consumer(OTHER)
            subscription = await client.jetstream().pull_subscribe_bind(consumer=consumer, stream="ALLOC")
            with pytest.raises(NatsTimeout):
                await subscription.fetch(1, timeout=0.3)
            assert await _refused(client, complaints)
            assert (await jetstream.consumer_info("ALLOC", consumer)).delivered.consumer_seq == 0

    asyncio.run(story())


def test_an_agent_answers_a_command_once_and_to_nobody_else(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, agent(nats_account) as (client, complaints):
            asked: list[Msg] = []

            async def answer(message: Msg) -> None:
                asked.append(message)
                await message.respond(b"done")

            await client.subscribe(subjects.command(NODE, "*"), cb=answer)
            assert (await _asked(market, subjects.command(NODE, "sync"))).data == b"done"
            assert not await _refused(client, complaints)
            await asked[0].respond(b"done twice")
            assert await _refused(client, complaints)
            with pytest.raises(NoRespondersError):
                await market.request(subjects.command(OTHER, "sync"), b"{}", timeout=2)

    asyncio.run(story())


async def _asked(market: Client, subject: str) -> Msg:
    """The answer, once the server has heard of the subscription: `flush` does not wait for that."""
    for _ in range(100):
        try:
            return await market.request(subject, b"{}", timeout=2)
        except NoRespondersError:
            await asyncio.sleep(0.05)
    raise AssertionError(f"nobody answers on {subject}")
