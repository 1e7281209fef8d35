"""How use cases reach an engine: a small port, and its way over NATS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from common import codec, errors, subjects
from common.errors import NestexError, Unavailable
from market.engine.commands import Answer, Command, Problem
from market.engine.lane import Lane
from market.engine.reads import Question

_ANSWER_SECONDS = 10.0


class EngineClient(Protocol):
    """A shard's engine, as seen from a use case."""

    async def submit(self, shard: str, commands: Sequence[Command]) -> list[Answer]:
        """One answer per command, after the commit, in their order, in which they are also entered.

        Raises Unavailable: then the outcome of all is unknown. Where the first are known, the others' answers say so.
        """

    async def ask(self, shard: str, question: Question) -> dict[str, Any]:
        """What the committed books say, as `market.engine.reads.answer` gives it, and the `sequence` number of the
        newest command in them. Raises Unavailable."""


class RemoteEngine:
    """Engines in other processes, found by their shard's subject on NATS."""

    def __init__(self, bus: Client) -> None:
        self.bus = bus
        self._lanes: dict[str, Lane] = {}
        self._replacements: dict[str, asyncio.Future[None]] = {}
        self._listens = False

    async def submit(self, shard: str, commands: Sequence[Command]) -> list[Answer]:
        """See EngineClient."""
        lane = self._lanes.get(shard)
        if lane is None:
            subject = subjects.engine_commands(shard)
            lane = self._lanes[shard] = Lane(lambda body: self._request(subject, body, shard))
        return await lane.submit(commands)

    async def ask(self, shard: str, question: Question) -> dict[str, Any]:
        """See EngineClient."""
        body = codec.encode(question)
        answer: dict[str, Any] = json.loads(await self._request(subjects.engine_reads(shard), body, shard))
        return answer

    async def _request(self, subject: str, body: bytes, shard: str) -> bytes:
        try:
            return await self._answer(subject, body, shard)
        except nats.errors.NoRespondersError as error:
            reason = f"no engine of zone {shard} is running; nothing was entered: try again"
            raise Unavailable("engine_unavailable", reason) from error
        except (nats.errors.Error, TimeoutError) as error:
            reason = f"the engine of {shard} did not answer; the outcome is unknown"
            raise Unavailable("engine_unavailable", f"{reason}: ask again with the same client_order_id") from error

    async def _answer(self, subject: str, body: bytes, shard: str) -> bytes:
        """Raises TimeoutError, also as soon as another engine begins to serve: one that stands still never answers."""
        if not self._listens:
            self._listens = True
            await self.bus.subscribe(subjects.engine_serving("*"), cb=self._on_serving)
        if shard not in self._replacements:
            self._replacements[shard] = asyncio.get_running_loop().create_future()
        answer = asyncio.create_task(self.bus.request(subject, body, timeout=_ANSWER_SECONDS))
        try:
            either: tuple[asyncio.Future[Any], ...] = (answer, self._replacements[shard])
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise TimeoutError
            return answer.result().data
        finally:
            answer.cancel()

    async def _on_serving(self, message: Msg) -> None:
        replacement = self._replacements.pop(message.subject.split(".")[1], None)
        if replacement is not None:
            replacement.set_result(None)


def order_of(answer: Answer) -> dict[str, Any]:
    """The order in an answer. Raises the error that the engine answered with."""
    if answer.problem is not None:
        raise error_of(answer.problem)
    assert answer.order is not None
    return answer.order


def error_of(problem: Problem) -> NestexError:
    """The engine's error, as it was raised there."""
    kind: type[NestexError] = getattr(errors, problem.error)
    return kind(problem.code, problem.message, field=problem.field, limit=problem.limit)
