"""A lane: the way of commands from this process to one shard's engine, which those that come together share.

While messages are under way, what comes waits, and then goes in one message. So the cost of a message is shared as the
cost of a commit is, the more the busier it gets; alone, a command leaves at once.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from common import codec
from common.errors import NestexError, Unavailable
from market.engine.commands import MOST_TRADES_TOLD, Answer, Command, PlaceGroup, PreviewOrder, Problem
from runtime import quick_json

_UNDER_WAY = 2
"""One message that the engine works on, and one that waits there for its turn."""
_LARGEST_MESSAGE_BYTES = 1024 * 1024
"""What a NATS server takes, unless it is told otherwise."""
_MARGIN_BYTES = 64 * 1024
_ROW_BYTES = 2048
"""More than an order's row has in an answer beyond what its command carried: both must fit into one message."""
_TRADE_BYTES = 512
"""More than a trade's row has in the answer to a preview."""

Request = Callable[[bytes], Awaitable[bytes]]
"""Sends a message to the engine; what it answered. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    encoded: bytes
    weight_bytes: int
    answer: asyncio.Future[Answer]


class Lane:
    """Commands to one shard, in the order in which they come."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def submit(self, commands: Sequence[Command]) -> list[Answer]:
        """One answer per command, in their order, in which they are also entered.

        Raises Unavailable: nothing was entered, or the outcome is unknown, as it says. Where some answers are known,
        the others say so.
        """
        loop = asyncio.get_running_loop()
        waiting = [_waiting(command, loop.create_future()) for command in commands]
        self._waiting.extend(waiting)
        loop.call_soon(self._send)  # after all that comes in this turn of the loop
        results = await asyncio.gather(*(one.answer for one in waiting), return_exceptions=True)
        return _answers(results)

    def _send(self) -> None:
        while self._waiting and len(self._under_way) < _UNDER_WAY:
            task = asyncio.create_task(self._carry(self._next()))
            self._under_way.add(task)
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._send()

    def _next(self) -> list[_Waiting]:
        """As many as one message carries, and as the message with their answers carries too."""
        taken: list[_Waiting] = []
        room = _LARGEST_MESSAGE_BYTES - _MARGIN_BYTES
        while self._waiting:
            room -= self._waiting[0].weight_bytes
            if taken and room < 0:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _carry(self, taken: list[_Waiting]) -> None:
        body = b"[" + b",".join(one.encoded for one in taken) + b"]"
        failure = _unavailable("the outcome is unknown: ask again with the same client_order_id")
        try:
            answers = json.loads(await self._request(body))
            for one, answer in zip(taken, answers, strict=True):
                if not one.answer.done():  # its caller may have gone away
                    one.answer.set_result(codec.from_json(Answer, answer))
        except Unavailable as error:
            failure = error
            _fail(self._waiting, _unavailable("nothing was entered: try again"))
            self._waiting.clear()
        finally:
            _fail(taken, failure)


def _waiting(command: Command, answer: asyncio.Future[Answer]) -> _Waiting:
    encoded = quick_json.encode(command)
    trades = MOST_TRADES_TOLD if isinstance(command, PreviewOrder) else 0
    placed = command.placement if isinstance(command, PreviewOrder) else command
    orders = len(placed.bids) if isinstance(placed, PlaceGroup) else 1
    return _Waiting(encoded, len(encoded) + orders * _ROW_BYTES + trades * _TRADE_BYTES, answer)


def _answers(results: Sequence[Answer | BaseException]) -> list[Answer]:
    """Raises the failure where there is nothing else."""
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures and len(failures) == len(results):
        raise failures[0]
    return [_told(result) for result in results]


def _told(result: Answer | BaseException) -> Answer:
    if isinstance(result, Answer):
        return result
    if isinstance(result, Unavailable):
        return Answer(problem=Problem("Unavailable", result.code, result.message))
    raise result


def _fail(those: Iterable[_Waiting], error: NestexError) -> None:
    """Tell those that have no answer yet."""
    for one in those:
        if not one.answer.done():
            one.answer.set_exception(error)


def _unavailable(so: str) -> Unavailable:
    return Unavailable("engine_unavailable", f"the engine does not answer; {so}")
