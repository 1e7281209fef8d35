"""The engine's loop: takes all that waits, runs it as one batch in a thread, answers, and keeps the lease and the time.

Batches do not overlap, and reads run between them, so nobody ever sees an uncommitted book.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, Command, Expire

log = logging.getLogger("nestex.engine")

LARGEST_BATCH = 500
"""No more is taken once so many commands are: each call's commands stay together."""
_WAITING_LIMIT = 2_000
_IDLE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _Call:
    """Commands, or a question about the committed books, and where the answer goes."""

    commands: Sequence[Command]
    question: Callable[[], Any] | None
    answer: asyncio.Future[Any]


class EngineLoop:
    """A queue before a BatchProcessor. `run` must be running for `submit` and `read` to be answered."""

    def __init__(self, processor: BatchProcessor) -> None:
        self.processor = processor
        self._queue: asyncio.Queue[_Call] = asyncio.Queue(_WAITING_LIMIT)
        self._renewed_at = self._now()

    async def submit(self, commands: Sequence[Command]) -> list[Answer]:
        """The answers, after the commit. Waits for room when too much waits already."""
        answers: list[Answer] = await self._enqueue(commands, None)
        return answers

    async def read(self, question: Callable[[], Any]) -> Any:
        """What `question` returns on the committed books, asked between two batches."""
        return await self._enqueue((), question)

    @property
    def waiting_calls(self) -> int:
        """Calls that no batch has taken up yet."""
        return self._queue.qsize()

    async def run(self) -> None:
        """Until cancelled, or until the engine is fenced or loses its database: then the error comes out here."""
        try:
            while True:
                await self._turn()
        finally:
            while not self._queue.empty():
                self._queue.get_nowait().answer.cancel()

    async def _enqueue(self, commands: Sequence[Command], question: Callable[[], Any] | None) -> Any:
        call = _Call(commands, question, asyncio.get_running_loop().create_future())
        await self._queue.put(call)
        return await call.answer

    async def _turn(self) -> None:
        waiting = await self._take()
        for call in waiting:
            if call.question is not None:
                _resolve(call.answer, call.question)
        calls = [call for call in waiting if call.question is None]
        if self._is_time_to_expire():
            calls.insert(0, _Call((Expire(),), None, asyncio.get_running_loop().create_future()))
        if calls:
            await self._batch(calls)
        elif self._now() - self._renewed_at > self.processor.lease_seconds / 3:
            await asyncio.to_thread(self.processor.renew)
            self._renewed_at = self._now()

    async def _take(self) -> list[_Call]:
        try:
            taken = [await asyncio.wait_for(self._queue.get(), _IDLE_SECONDS)]
        except TimeoutError:
            return []
        size = len(taken[0].commands)
        while size < LARGEST_BATCH and not self._queue.empty():
            taken.append(self._queue.get_nowait())
            size += len(taken[-1].commands)
        return taken

    async def _batch(self, calls: list[_Call]) -> None:
        commands = [command for call in calls for command in call.commands]
        try:
            answers = iter(await asyncio.to_thread(self.processor.process, commands))
        except BaseException:
            for call in calls:
                call.answer.cancel()
            raise
        for call in calls:
            of_call = list(islice(answers, len(call.commands)))
            if not call.answer.done():  # a caller that went away does not stop the others
                call.answer.set_result(of_call)

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
