from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from common.errors import Unavailable
from market.engine.commands import Answer, CancelOrder, Command
from market.engine.lane import Lane


class Engine:
    """Answers every command with its own order's id, once it is let; keeps what each message held."""

    def __init__(self) -> None:
        self.messages: list[list[str]] = []
        self.sizes: list[int] = []
        self.is_let = asyncio.Event()
        self.failure: Unavailable | None = None

    async def request(self, body: bytes) -> bytes:
        orders = [command["order"] for command in json.loads(body)]
        self.messages.append(orders)
        self.sizes.append(len(body))
        await self.is_let.wait()
        if self.failure is not None:
            raise self.failure
        return json.dumps([{"order": {"id": order}} for order in orders]).encode()


def cancels(*orders: str) -> Sequence[Command]:
    return [CancelOrder(order, "prt_1") for order in orders]


def ids(answers: list[Answer]) -> list[str]:
    return [answer.order["id"] for answer in answers if answer.order is not None]


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_comes_together_travels_together_and_each_caller_gets_its_own() -> None:
    async def story() -> None:
        engine = Engine()
        engine.is_let.set()
        lane = Lane(engine.request)
        first, second = await asyncio.gather(lane.submit(cancels("a", "b")), lane.submit(cancels("c")))
        assert (ids(first), ids(second)) == (["a", "b"], ["c"])
        assert engine.messages == [["a", "b", "c"]]

    asyncio.run(story())


def test_while_two_messages_are_under_way_what_comes_waits_and_goes_as_one() -> None:
    async def story() -> None:
        engine = Engine()
        lane = Lane(engine.request)
        calls = []
        for order in "abcd":
            calls.append(asyncio.create_task(lane.submit(cancels(order))))
            await turns()
        assert engine.messages == [["a"], ["b"]]
        engine.is_let.set()
        assert [ids(await call) for call in calls] == [["a"], ["b"], ["c"], ["d"]]
        assert engine.messages == [["a"], ["b"], ["c", "d"]]

    asyncio.run(story())


def test_messages_stay_below_what_the_bus_carries() -> None:
    async def story() -> None:
        engine = Engine()
        engine.is_let.set()
        orders = [str(number % 10) * (number * 300) for number in range(1000)]
        assert ids(await Lane(engine.request).submit(cancels(*orders))) == orders
        assert max(engine.sizes) < 1024 * 1024
        assert [order for message in engine.messages for order in message] == orders

    asyncio.run(story())


def test_where_some_answers_are_known_the_others_say_that_theirs_are_not() -> None:
    async def story() -> None:
        engine = Engine()
        engine.is_let.set()

        async def once(body: bytes) -> bytes:
            if engine.messages:
                raise Unavailable("engine_unavailable", "the outcome is unknown")
            return await engine.request(body)

        first, second = await Lane(once).submit(cancels("a" * 600_000, "b" * 600_000))
        assert (first.order, second.order) == ({"id": "a" * 600_000}, None)
        assert second.problem is not None
        assert (second.problem.error, second.problem.code) == ("Unavailable", "engine_unavailable")

    asyncio.run(story())


def test_when_the_engine_is_silent_who_was_under_way_is_told_so_and_who_waited_may_try_again() -> None:
    async def story() -> None:
        engine = Engine()
        engine.failure = Unavailable("engine_unavailable", "the outcome is unknown")
        lane = Lane(engine.request)
        calls = []
        for order in "abc":
            calls.append(asyncio.create_task(lane.submit(cancels(order))))
            await turns()
        engine.is_let.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert ["nothing was entered" in str(result) for result in results] == [False, False, True]
        assert all(isinstance(result, Unavailable) for result in results)
        engine.failure = None
        assert ids(await lane.submit(cancels("d"))) == ["d"]

    asyncio.run(story())


def test_a_caller_that_goes_away_takes_no_answer_from_the_others() -> None:
    async def story() -> None:
        engine = Engine()
        lane = Lane(engine.request)
        gone, stays = (asyncio.create_task(lane.submit(cancels(order))) for order in "ab")
        await turns()
        gone.cancel()
        engine.is_let.set()
        assert ids(await stays) == ["b"]

    asyncio.run(story())


def test_an_answer_that_makes_no_sense_leaves_nobody_waiting() -> None:
    async def story() -> None:
        async def senseless(_body: bytes) -> bytes:
            return b"{"

        with pytest.raises(Unavailable):
            await Lane(senseless).submit(cancels("a"))

    asyncio.run(story())
