from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from market.engine.batch import BatchProcessor
from market.engine.fence import Fenced
from market.engine.loop import EngineLoop
from market.engine.reads import depth
from tests.market.factories import CODE, World


def running(processor: BatchProcessor, story: Callable[[EngineLoop], Awaitable[None]]) -> None:
    """Tell the story to a running loop."""

    async def tell() -> None:
        loop = EngineLoop(processor)
        task = asyncio.create_task(loop.run())
        try:
            await story(loop)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Fenced):
                await task

    asyncio.run(tell())


def test_callers_that_wait_together_are_answered_each_with_its_own_order(world: World) -> None:
    buyer = world.participant(10_000_000)
    bids = [world.bid(buyer, start_by=world.minute + 30) for _ in range(40)]

    async def story(loop: EngineLoop) -> None:
        answers = await asyncio.gather(*(loop.submit([bid]) for bid in bids))
        assert [answer.order and answer.order["id"] for [answer] in answers] == [bid.order for bid in bids]

    engine = world.engine()
    running(engine, story)
    assert engine.next_sequence == 41


def test_a_caller_that_goes_away_stops_nobody(world: World) -> None:
    buyer = world.participant(10_000_000)

    async def story(loop: EngineLoop) -> None:
        gone = asyncio.create_task(loop.submit([world.bid(buyer, start_by=world.minute + 30)]))
        reading = asyncio.create_task(loop.read(lambda: 1 // 0))
        await asyncio.sleep(0)
        gone.cancel()
        reading.cancel()
        [answer] = await loop.submit([world.bid(buyer, start_by=world.minute + 30)])
        assert answer.order is not None

    running(world.engine(), story)


def test_a_read_sees_what_was_committed_before_it(world: World) -> None:
    buyer = world.participant(10_000_000)
    engine = world.engine()

    async def story(loop: EngineLoop) -> None:
        await loop.submit([world.bid(buyer, guests=3, start_by=world.minute + 30)])
        assert (await loop.read(lambda: depth(engine.state, CODE)))["bids"] == [[200, 3]]

    running(engine, story)


def test_an_engine_that_was_replaced_ends_and_leaves_its_callers_without_an_answer(world: World) -> None:
    buyer = world.participant(10_000_000)
    old = world.engine("old")
    world.engine("new")

    async def story() -> None:
        loop = EngineLoop(old)
        task = asyncio.create_task(loop.run())
        with pytest.raises(asyncio.CancelledError):
            await loop.submit([world.bid(buyer, start_by=world.minute + 30)])
        with pytest.raises(Fenced):
            await task

    asyncio.run(story())


def test_orders_expire_without_a_command(world: World) -> None:
    buyer = world.participant(10_000_000)

    async def story(loop: EngineLoop) -> None:
        [answer] = await loop.submit([world.bid(buyer, start_by=world.minute + 2)])
        assert answer.order is not None
        world.real.pass_minutes(2)
        async with asyncio.timeout(20):
            while world.order_row(answer.order["id"])["state"] != "expired":  # noqa: ASYNC110  a row, not a task
                await asyncio.sleep(0.05)

    running(world.engine(), story)
