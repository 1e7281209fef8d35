"""The engine's loop: takes all that waits, runs it as one batch in a thread, answers, and keeps the lease and the time.

Batches do not overlap, and reads run between them, so nobody ever sees an uncommitted book.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, Command, Expire

log = logging.getLogger("nestex.engine")

LARGEST_BATCH = 500
_WAITING_LIMIT = 20_000
_IDLE_SECONDS = 0.25


class EngineLoop:
    """A queue before a BatchProcessor. `run` must be running for `submit` and `read` to be answered."""

    def __init__(self, processor: BatchProcessor) -> None:
        self.processor = processor
        self._queue: asyncio.Queue[tuple[Command | Callable[[], Any], asyncio.Future[Any]]] = asyncio.Queue(
            _WAITING_LIMIT
        )
        self._renewed_at = self._now()

    async def submit(self, commands: Sequence[Command]) -> list[Answer]:
        """The answers, after the commit. Waits for room when too much waits already."""
        futures = [await self._enqueue(command) for command in commands]
        return list(await asyncio.gather(*futures))

    async def read(self, question: Callable[[], Any]) -> Any:
        """What `question` returns on the committed books, asked between two batches."""
        return await (await self._enqueue(question))

    async def run(self) -> None:
        """Until cancelled, or until the engine is fenced or loses its database: then the error comes out here."""
        try:
            while True:
                await self._turn()
        finally:
            while not self._queue.empty():
                self._queue.get_nowait()[1].cancel()

    async def _enqueue(self, item: Command | Callable[[], Any]) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self._queue.put((item, future))
        return future

    async def _turn(self) -> None:
        waiting = await self._take()
        for question, future in ((item, future) for item, future in waiting if callable(item)):
            _resolve(future, question)
        commands = [(item, future) for item, future in waiting if not callable(item)]
        if self._is_time_to_expire():
            commands.insert(0, (Expire(), asyncio.get_running_loop().create_future()))
        if commands:
            await self._batch(commands)
        elif self._now() - self._renewed_at > self.processor.lease_seconds / 3:
            await asyncio.to_thread(self.processor.renew)
            self._renewed_at = self._now()

    async def _take(self) -> list[tuple[Command | Callable[[], Any], asyncio.Future[Any]]]:
        try:
            taken = [await asyncio.wait_for(self._queue.get(), _IDLE_SECONDS)]
        except TimeoutError:
            return []
        while len(taken) < LARGEST_BATCH and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken

    async def _batch(self, commands: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        try:
            answers = await asyncio.to_thread(self.processor.process, [command for command, _ in commands])
        except BaseException:
            for _, future in commands:
                future.cancel()
            raise
        for (_, future), answer in zip(commands, answers, strict=True):
            if not future.done():  # a caller that went away does not stop the others
                future.set_result(answer)

    def _is_time_to_expire(self) -> bool:
        due = self.processor.state.shard.next_expiry()
        return due is not None and due <= self.processor.clock.minute()

    def _now(self) -> float:
        return self.processor.clock.real.monotonic()


def _resolve(future: asyncio.Future[Any], question: Callable[[], Any]) -> None:
    try:
        answer = question()
    except Exception as error:
        log.exception("a read failed")
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(answer)
