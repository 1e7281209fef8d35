from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import nats.errors
import pytest
from nats.aio.msg import Msg

from tests.simulation.bus_contract import SOON, Connect, Run, new_consumer, new_stream, taken


def test_a_message_reaches_everybody_who_listens_to_its_subject(run: Run) -> None:
    async def story(connect: Connect) -> None:
        heard: list[tuple[str, str, bytes]] = []

        def ear(name: str) -> Callable[[Msg], Awaitable[None]]:
            async def hear(message: Msg) -> None:
                heard.append((name, message.subject, message.data))

            return hear

        listener, speaker = await connect(), await connect()
        await listener.subscribe("a.*.c", cb=ear("star"))
        await listener.subscribe("a.>", cb=ear("rest"))
        await listener.subscribe("a.b", cb=ear("other"))
        await listener.flush()
        await speaker.publish("a.b.c", b"1")
        await speaker.publish("a.b.c.d", b"")
        await speaker.publish("a", b"2")
        await speaker.flush()
        await asyncio.sleep(SOON)
        assert sorted(heard) == [("rest", "a.b.c", b"1"), ("rest", "a.b.c.d", b""), ("star", "a.b.c", b"1")]

    run(story)


def test_a_request_is_answered_or_refused_at_once_or_times_out(run: Run) -> None:
    async def story(connect: Connect) -> None:
        server, client = await connect(), await connect()

        async def answer(message: Msg) -> None:
            await message.respond(b"re " + message.data)

        async def silence(_message: Msg) -> None:
            return

        await server.subscribe("q", cb=answer)
        await server.subscribe("silent", cb=silence)
        await server.flush()
        assert (await client.request("q", b"1", timeout=5)).data == b"re 1"
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request("nobody", b"", timeout=5)
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("silent", b"", timeout=SOON)

    run(story)


def test_after_a_break_the_client_listens_again_and_misses_no_stored_message(run: Run) -> None:
    async def story(connect: Connect) -> None:
        told: list[str] = []

        def note(word: str) -> Callable[[], Awaitable[None]]:
            async def tell() -> None:
                told.append(word)

            return tell

        other = await connect()
        client = await connect(
            disconnected_cb=note("down"), reconnected_cb=note("up"), max_reconnect_attempts=-1, reconnect_time_wait=0.2
        )
        heard = asyncio.Event()

        async def hear(_message: Msg) -> None:
            heard.set()

        await client.subscribe("core", cb=hear)
        jetstream = await new_stream(other)
        subscription = await new_consumer(client)
        await client.force_reconnect()
        assert not client.is_connected
        await jetstream.publish("s.a", b"1")
        while not client.is_connected or "up" not in told:  # noqa: ASYNC110  the client tells it by its callback
            await asyncio.sleep(0.05)
        assert told == ["down", "up"]
        assert await taken(subscription) == [b"1"]
        await other.publish("core", b"")
        await asyncio.wait_for(heard.wait(), 5)

    run(story)
