from __future__ import annotations

import asyncio

import pytest
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NoStreamResponseError

from common import subjects
from runtime.bus import ensure_allocation_consumer, ensure_streams, mend, subscribe_durable
from tests.simulation.bus_contract import Connect, Run, new_consumer, new_stream, taken


def test_what_a_stream_has_acknowledged_it_holds_once_per_message_id(run: Run) -> None:
    async def story(connect: Connect) -> None:
        jetstream = await new_stream(await connect(), duplicate_window=0.5)
        first = await jetstream.publish("s.a", b"1", headers={"Nats-Msg-Id": "x"})
        again = await jetstream.publish("s.a", b"1", headers={"Nats-Msg-Id": "x"})
        plain = await jetstream.publish("s.a", b"1")
        assert (first.seq, first.duplicate, again.seq, again.duplicate, plain.seq) == (1, None, 1, True, 2)
        await asyncio.sleep(0.8)
        late = await jetstream.publish("s.a", b"1", headers={"Nats-Msg-Id": "x"})
        assert (late.seq, late.duplicate) == (3, None)
        with pytest.raises(NoStreamResponseError):
            await jetstream.publish("elsewhere", b"1")

    run(story)


def test_a_stream_keeps_the_newest_of_each_subject_where_it_is_told_to(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = await new_stream(client, max_msgs_per_subject=1)
        for subject, data in (("s.a", b"1"), ("s.b", b"2"), ("s.a", b"3")):
            await jetstream.publish(subject, data)
        state = (await jetstream.stream_info("S")).state
        assert (state.messages, state.first_seq, state.last_seq) == (2, 2, 3)
        assert await taken(await new_consumer(client, last=True)) == [b"2", b"3"]

    run(story)


def test_the_products_streams_and_consumers_are_made_once_and_found_again(run: Run) -> None:
    async def story(connect: Connect) -> None:
        client = await connect()
        jetstream = client.jetstream()
        for _ in range(2):
            await ensure_streams(jetstream)
            await ensure_allocation_consumer(jetstream, "nod_1")
            await subscribe_durable(jetstream, subjects.USAGE_STREAM, "metering", subjects.USAGE_SUBJECTS)
        await jetstream.publish(subjects.allocation("nod_1", "con_1"), b"old")
        await jetstream.publish(subjects.allocation("nod_2", "con_2"), b"of another")
        await jetstream.publish(subjects.allocation("nod_1", "con_1"), b"new")
        bound = await jetstream.pull_subscribe_bind(consumer="agent-nod_1", stream=subjects.ALLOC_STREAM)
        assert await taken(bound) == [b"new"]
        with pytest.raises(APIError):
            await jetstream.add_stream(StreamConfig(name=subjects.ALLOC_STREAM, subjects=["else"]))

    run(story)


def test_what_the_bus_has_lost_is_made_anew_and_the_rest_left_alone(run: Run) -> None:
    async def story(connect: Connect) -> None:
        jetstream = (await connect()).jetstream()
        nodes = [f"nod_{number:03}" for number in range(300)]  # more than a page of nats-server's answer
        assert len(await mend(jetstream, nodes, 0)) == 3 + len(nodes) + 2
        assert await mend(jetstream, nodes, 0) == []
        assert await mend(jetstream, [*nodes, "nod_new"], 0) == ["ALLOC/agent-nod_new"]
        await jetstream.publish(subjects.usage("nod_1"), b"report")
        usage = await subscribe_durable(jetstream, "USAGE", subjects.metering_consumer(0), subjects.USAGE_SUBJECTS)
        assert await taken(usage) == [b"report"]
        await jetstream.delete_consumer("USAGE", subjects.metering_consumer(0))
        with pytest.raises(APIError):
            await usage.fetch(1, timeout=1)
        assert await mend(jetstream, nodes, 0) == ["USAGE/metering"]
        assert await taken(usage) == [b"report"], "the same subscription goes on, from the beginning"

    run(story)
