"""The engine process: wait for the lease, recover, serve commands from NATS, end when fenced."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import Engine

from common import garbage, subjects
from common.clock import RealClock, SystemClock
from common.errors import NestexError
from market.engine import fence as fencing
from market.engine.batch import BatchProcessor
from market.engine.command_json import command_from_json
from market.engine.fence import Fence
from market.engine.loop import EngineLoop
from market.engine.reads import BookQuestion, LoadQuestion, OrderQuestion, Question, answer, question_from_json
from market.engine.recovery import recover
from runtime import bus, quick_json
from runtime.database import connect
from runtime.deployment import market_clock
from runtime.settings import Settings

log = logging.getLogger("nestex.engine")


async def run(settings: Settings, shard: str) -> None:
    """Serve the shard until cancelled. Raises Fenced when another engine took over."""
    database = connect(settings.database_url, application=f"nestex engine {shard}", pool_size=2, by_key=True)
    client = await bus.connect(settings, f"engine {shard}")
    try:
        await hold_shard(database, client, settings, shard, SystemClock(), recovered=garbage.spare_the_collector)
    finally:
        await client.close()
        database.dispose()


async def hold_shard(
    database: Engine,
    client: Client,
    settings: Settings,
    shard: str,
    real: RealClock,
    *,
    recovered: Callable[[], None] = lambda: None,
) -> None:
    """Wait for the shard's lease and serve it, until cancelled. `recovered` is called when its memory is complete.

    Raises Fenced when another engine took over.
    """
    processor = await _take_over(database, settings, shard, real)
    recovered()
    loop = EngineLoop(processor)
    running = asyncio.create_task(loop.run())
    await serve(client, shard, loop)
    await client.publish(subjects.engine_serving(shard))
    log.info("engine of %s serves, epoch %d", shard, processor.fence.epoch)
    try:
        await running
    finally:
        running.cancel()
        with database.begin() as connection:
            fencing.release(connection, processor.fence)


async def serve(client: Client, shard: str, loop: EngineLoop) -> None:
    """Answer the shard's subjects."""

    async def commands(message: Msg) -> None:
        try:
            parsed = json.loads(message.data)
            batch = [command_from_json(value) for value in parsed]
        except (ValueError, NestexError) as error:
            log.warning("a request that is no list of commands: %s", error)
            return
        try:
            answers = await loop.submit(batch)
        except asyncio.CancelledError:
            return  # no answer: the caller's time-out says that the outcome is unknown
        await message.respond(quick_json.encode(answers))

    async def reads(message: Msg) -> None:
        try:
            question = question_from_json(json.loads(message.data))
        except (ValueError, NestexError) as error:
            log.warning("a request that is no question: %s", error)
            return
        await message.respond(quick_json.encode(await _answer(loop, question)))

    tasks: set[asyncio.Task[None]] = set()

    def in_task(handler: Callable[[Msg], Coroutine[None, None, None]]) -> Callable[[Msg], Awaitable[None]]:
        """Requests wait for their batch side by side; one after the other would make every batch hold one request."""

        async def start(message: Msg) -> None:
            task = asyncio.create_task(handler(message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        return start

    await client.subscribe(subjects.engine_commands(shard), cb=in_task(commands))
    await client.subscribe(subjects.engine_reads(shard), cb=in_task(reads))


async def _answer(loop: EngineLoop, question: Question) -> Any:
    if isinstance(question, LoadQuestion):
        return {"waiting_calls": loop.waiting_calls}
    return await loop.read(lambda: _told(loop.processor, question))


def _told(processor: BatchProcessor, question: BookQuestion | OrderQuestion) -> dict[str, Any]:
    """What the committed books say, and the number of the newest command in them."""
    told = answer(processor.state, question, processor.clock.minute())
    return told | {"sequence": processor.next_sequence - 1}


async def _take_over(database: Engine, settings: Settings, shard: str, real: RealClock) -> BatchProcessor:
    holder = f"{socket.gethostname()}:{os.getpid()}"
    fence = await _wait_for_lease(database, shard, holder, settings.lease_seconds)

    def prepare() -> BatchProcessor:
        renewed_at = real.monotonic()

        def keep_lease() -> None:
            nonlocal renewed_at
            if real.monotonic() - renewed_at > settings.lease_seconds / 3:
                with database.begin() as own:
                    fencing.renew(own, fence, settings.lease_seconds)
                renewed_at = real.monotonic()

        with database.begin() as connection:
            clock = market_clock(connection, real)
            state = recover(connection, fence, keep_lease)
        return BatchProcessor(database, clock, state, fence, lease_seconds=settings.lease_seconds)

    return await asyncio.to_thread(prepare)


async def _wait_for_lease(database: Engine, shard: str, holder: str, lease_seconds: float) -> Fence:
    waiting = False
    while True:
        fence = await asyncio.to_thread(_try_lease, database, shard, holder, lease_seconds)
        if fence is not None:
            return fence
        if not waiting:
            log.info("standby: another engine holds the lease of %s", shard)
            waiting = True
        await asyncio.sleep(lease_seconds / 6)


def _try_lease(database: Engine, shard: str, holder: str, lease_seconds: float) -> Fence | None:
    with database.begin() as connection:
        return fencing.acquire(connection, shard, holder, lease_seconds)
