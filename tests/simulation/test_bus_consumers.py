from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from nats.js.errors import ServiceUnavailableError

from tests.simulation.bus_contract import SOON, Connect, Run, new_consumer, new_stream, taken


def test_a_consumer_of_the_last_of_each_subject_begins_there_and_goes_on(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        for subject, data in (("s.a", b"1"), ("s.b", b"2"), ("s.a", b"3")):
            await jetstream.publish(subject, data)
        subscription = await new_consumer(client, last=True)
        assert await taken(subscription) == [b"2", b"3"]
        await jetstream.publish("s.a", b"4")
        await jetstream.publish("s.a", b"5")
        assert await taken(subscription) == [b"4", b"5"]
        assert await taken(subscription) == []

    run(story)


def test_a_pull_waits_for_a_message_and_ends_with_it(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await new_consumer(client)
        waiting = asyncio.create_task(subscription.fetch(10, timeout=10))
        await asyncio.sleep(SOON)
        await jetstream.publish("s.a", b"1")
        [message] = await asyncio.wait_for(waiting, 5)
        assert message.data == b"1"
        with pytest.raises(TimeoutError):
            await subscription.fetch(10, timeout=SOON)

    run(story)


def test_what_is_not_acknowledged_in_time_comes_again(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await new_consumer(client, ack_wait=1.0)
        await jetstream.publish("s.a", b"1")
        await jetstream.publish("s.a", b"2")
        one, two = await subscription.fetch(2, timeout=5)
        await one.ack()
        assert await taken(subscription, ack=False) == []
        [again] = await subscription.fetch(2, timeout=5)
        assert (again.data, again.metadata.num_delivered) == (b"2", 2)
        assert again.metadata.sequence.stream == two.metadata.sequence.stream == 2
        await again.ack()
        await asyncio.sleep(1.2)
        assert await taken(subscription) == []

    run(story)


def test_a_refused_message_comes_again_after_its_delay_and_a_terminated_one_never(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await new_consumer(client, ack_wait=1.0)
        for data in (b"1", b"2", b"3"):
            await jetstream.publish("s.a", data)
        now, later, never = await subscription.fetch(3, timeout=5)
        await now.nak()
        await later.nak(0.6)
        await never.term()
        assert await taken(subscription) == [b"1"]
        assert await taken(subscription) == []
        assert [message.data for message in await subscription.fetch(3, timeout=5)] == [b"2"]

    run(story)


def test_a_durable_consumer_outlives_its_reader(run: Run) -> None:
    async def story(connect: Connect) -> None:
        first = await connect()
        jetstream = await new_stream(first)
        for data in (b"1", b"2", b"3"):
            await jetstream.publish("s.a", data)
        subscription = await new_consumer(first, ack_wait=1.0)
        assert await taken(subscription, 1) == [b"1"]
        assert await taken(subscription, 1, ack=False) == [b"2"]
        await first.close()
        second = await new_consumer(await connect(), ack_wait=1.0)
        assert await taken(second) == [b"3"]
        assert [message.data for message in await second.fetch(3, timeout=5)] == [b"2"]

    run(story)


def test_two_readers_of_a_consumer_share_its_messages(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        one, two = await new_consumer(client), await new_consumer(await connect())
        for number in range(4):
            await jetstream.publish("s.a", str(number).encode())
        assert await taken(one, 2) == [b"0", b"1"]
        assert await taken(two, 5) == [b"2", b"3"]

    run(story)


def test_no_more_than_so_many_messages_wait_for_their_acknowledgement(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await new_consumer(client, max_ack_pending=2)
        for data in (b"1", b"2", b"3"):
            await jetstream.publish("s.a", data)
        one, _two = await subscription.fetch(3, timeout=SOON)
        assert await taken(subscription) == []
        await one.ack()
        assert await taken(subscription) == [b"3"]

    run(story)


def test_a_message_tells_when_the_stream_took_it(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await new_consumer(client)
        await jetstream.publish("s.a", b"1")
        await asyncio.sleep(1)
        await jetstream.publish("s.a", b"2")
        one, two = await subscription.fetch(2, timeout=5)
        assert 1 <= (two.metadata.timestamp - one.metadata.timestamp).total_seconds() < 10
        assert one.metadata.timestamp > datetime(2026, 1, 1, tzinfo=UTC)

    run(story)


def test_a_pull_from_a_consumer_that_is_not_there_is_refused(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client)
        subscription = await jetstream.pull_subscribe_bind(consumer="c", stream="S")
        with pytest.raises(ServiceUnavailableError):
            await subscription.fetch(10, timeout=5)
        await new_consumer(client)
        await jetstream.publish("s.a", b"1")
        assert await taken(subscription) == [b"1"]

    run(story)
