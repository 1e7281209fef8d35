from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from common import codec, subjects
from common.agent_commands import CommandAnswer, Watermark
from common.clock import ClockAnchor
from common.errors import Unavailable
from provisioner.identity import Identity, public_key
from provisioner.link import Link
from tests.conftest import NatsAccount
from tests.provisioner.bus import Nats, eventually, market
from tests.provisioner.factories import allocation, contract

ANCHOR = ClockAnchor(0, 0)


async def _answer(verb: str, payload: bytes) -> bytes:
    return codec.encode(CommandAnswer(True, f"{verb} {payload.decode()}"))


def _link(server: Nats, node: str) -> AbstractAsyncContextManager[Link]:
    return _link_of(server.identity(node, ANCHOR))


@asynccontextmanager
async def _link_of(identity: Identity) -> AsyncIterator[Link]:
    link = Link(identity, answer=_answer, connected=lambda: None)
    task = asyncio.create_task(link.run())
    try:
        await eventually(lambda: link.is_up or task.done())
        yield link
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_desired_state_is_taken_from_the_consumer_that_the_market_made(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with market(nats_server, node) as side, _link(nats_server, node) as link:
            await side.allocate(allocation(number=1))
            await side.allocate(allocation(number=2))
            messages = await link.allocations(10)
            while len(messages) < 2:
                messages += await link.allocations(10)
            assert [message.subject for message in messages] == [
                subjects.allocation(node, contract(1)),
                subjects.allocation(node, contract(2)),
            ]
            await messages[0].ack()
            await messages[1].ack()
            consumer = subjects.allocation_consumer(node)
            for _ in range(100):
                info = await side.jetstream.consumer_info(subjects.ALLOC_STREAM, consumer)
                if info.num_ack_pending == 0:
                    break
            assert info.num_ack_pending == 0
            assert info.num_pending == 0

    asyncio.run(story())


def test_a_repeated_message_id_is_stored_once(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with market(nats_server, node) as side, _link(nats_server, node) as link:
            before = (await side.jetstream.stream_info(subjects.USAGE_STREAM)).state.messages
            for _ in range(2):
                await link.publish(subjects.usage(node), codec.encode(Watermark(1)), f"{node}:1")
            after = (await side.jetstream.stream_info(subjects.USAGE_STREAM)).state.messages
            assert after == before + 1

    asyncio.run(story())


def test_a_denied_publication_raises_with_the_servers_reason(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with market(nats_server, node), _link(nats_server, node) as link:
            foreign = subjects.usage("somebody-else")
            with pytest.raises(Unavailable, match=f"permissions violation .*{foreign}"):
                await link.publish(foreign, b"{}")
            await link.publish(subjects.usage(node), codec.encode(Watermark(1)))

    asyncio.run(story())


def test_commands_are_answered_and_those_without_a_reply_subject_only_heard(
    nats_server: Nats, node: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with market(nats_server, node) as side, _link(nats_server, node):
            await side.client.publish(subjects.command(node, "watermark"), codec.encode(Watermark(1)))
            assert await side.command("watermark", Watermark(2)) == CommandAnswer(
                True, 'watermark {"sequence":2,"life":0}'
            )

    asyncio.run(story())
    assert "NATS: " not in caplog.text  # where nats-py tells what went wrong in the handling of a message


def test_an_agent_that_was_thrown_out_comes_back_when_it_may(nats_account: NatsAccount, node: str) -> None:
    server = Nats(nats_account.url, nats_account.credentials.parent)

    async def story() -> None:
        identity = server.identity(node, ANCHOR)
        revoked = nats_account.authority.revoke(public_key(identity.seed), 10**9)
        async with market(server, node) as side, _link_of(identity) as link:
            await asyncio.to_thread(nats_account.push, revoked)
            await eventually(lambda: not link.is_up)
            with pytest.raises(Unavailable):
                await link.publish(subjects.usage(node), b"{}")
            await asyncio.to_thread(nats_account.push, nats_account.authority)
            await eventually(lambda: link.is_up)
            await link.publish(subjects.usage(node), codec.encode(Watermark(1)))
            assert (await side.command("watermark", Watermark(2))).ok

    asyncio.run(story())


def test_nothing_is_sent_before_the_server_is_reached(node: str, nats_server: Nats) -> None:
    async def story() -> None:
        link = Link(nats_server.identity(node, ANCHOR), answer=_answer, connected=lambda: None)
        with pytest.raises(Unavailable, match="not connected"):
            await link.publish(subjects.usage(node), b"{}")
        with pytest.raises(Unavailable, match="not connected"):
            await link.allocations(1)

    asyncio.run(story())
