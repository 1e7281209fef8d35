"""One open stream: takes the client's messages, says what its channels have to say, and knows when to end.

Nothing waits in memory for a client: each channel is read at the pace at which the client takes its messages. A client
that takes none for too long is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Annotated

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy.exc import DBAPIError

from common.errors import Busy, Conflict, InvalidInput, NestexError, Refused
from market.http.auth import FINANCE, READING, counted_caller, known_caller, require_any
from market.http.problems import problem_of, problem_of_validation
from market.http.services import Services
from market.http.stream.channels import channel_of
from market.http.stream.messages import (
    Authenticate,
    Authenticated,
    ClientMessage,
    Heartbeat,
    Problem,
    Sequenced,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
)
from market.http.stream.subscriptions import Subscription
from market.http.strict_route import parse
from market.participants.keys import Caller

log = logging.getLogger("nestex.http")

MOST_SUBSCRIPTIONS = 50
LARGEST_MESSAGE = 16 * 1024
HEARTBEAT_SECONDS = 10.0
SEND_SECONDS = 10.0
AUTHENTICATION_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_WIDEN_SECONDS = 0.5

NOT_AUTHENTICATED, TOO_SLOW, TOO_MANY, FAILED = 4401, 4408, 4429, 1011
"""Why the market ends a stream: the code of the closing frame, whose reason is an error's code."""

_client_message: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[Authenticate | Subscribe | Unsubscribe, Field(discriminator="op")]
)


class _Ended(Exception):
    """The market ends the stream."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """A stream that has been accepted."""

    def __init__(self, websocket: WebSocket, market: Services) -> None:
        self._websocket = websocket
        self._market = market
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard: dict[str, tuple[Subscription, list[asyncio.Task[None]]]] = {}
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, key: str | None) -> None:
        """Until one side ends it. `key` came with the request; else the first message has it."""
        try:
            who = await self._authenticated(key)
            with self._market.streams.opened(who.participant):
                async with self._market.feed.following():
                    await self._serve(who)
        except WebSocketDisconnect:
            return
        except _Ended as ended:
            await self._close(ended.code, ended.reason)
        except NestexError as error:
            await self._close(TOO_MANY if isinstance(error, Busy) else NOT_AUTHENTICATED, error.code)

    async def _authenticated(self, key: str | None) -> Caller:
        if key is None:
            try:
                async with asyncio.timeout(AUTHENTICATION_SECONDS):
                    first = parsed(await self._received())
            except (TimeoutError, InvalidInput):
                first = None
            if not isinstance(first, Authenticate):
                raise _Ended(NOT_AUTHENTICATED, "key_missing")
            key = first.key
            await counted_caller(self._market, key)
        self._key = key
        who = await known_caller(self._market, key)
        await self._send(Authenticated(participant=who.participant))
        return who

    async def _serve(self, who: Caller) -> None:
        self._start(self._listen(who))
        self._start(self._beat())
        self._start(self._widen())
        try:
            await self._end
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, who: Caller) -> None:
        while True:
            text = await self._received()
            try:
                self._market.limits.take(self._market.limits.bucket(who.key))
                await self._obey(who, parsed(text))
            except Busy as error:
                raise _Ended(TOO_MANY, error.code) from error
            except NestexError as error:
                await self._send(Problem(problem=problem_of(error)))

    async def _obey(self, who: Caller, message: ClientMessage) -> None:
        if isinstance(message, Subscribe):
            await self._subscribe(who, message)
        elif isinstance(message, Unsubscribe):
            if message.channel in self._heard:
                for task in self._heard.pop(message.channel)[1]:
                    task.cancel()
            await self._send(Unsubscribed(channel=message.channel))
        else:
            raise Conflict("state_forbids", "this stream is authenticated already", field="op")

    async def _subscribe(self, who: Caller, message: Subscribe) -> None:
        channel = channel_of(message.channel)
        require_any(who, *(FINANCE if channel.kind == "account" else READING))
        if channel.name in self._heard:
            raise Conflict("already_exists", "this channel is subscribed to already", field="channel")
        if len(self._heard) >= MOST_SUBSCRIPTIONS:
            problem = "a stream has as many channels as it may have"
            raise Refused("too_many_streams", problem, field="channel", limit=MOST_SUBSCRIPTIONS)
        if channel.instrument:
            await self._market.instruments.expect(channel.instrument)
        subscription = Subscription(self._market, who, channel)
        await subscription.begin(message.after)
        await self._send(Subscribed(channel=channel.name, sequences=dict(subscription.sequences)))
        tasks = [self._start(self._tell(source)) for source in subscription.sources()]
        self._heard[channel.name] = subscription, tasks

    async def _tell(self, source: AsyncGenerator[Sequenced, None]) -> None:
        async with aclosing(source):
            async for message in source:
                await self._send(message)

    async def _beat(self) -> None:
        """Also sees whether the key is still good."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await known_caller(self._market, self._key)
            heard = {name: dict(subscription.sequences) for name, (subscription, _) in self._heard.items()}
            await self._send(Heartbeat(sequences=heard))

    async def _widen(self) -> None:
        """Channels of all zones hear of streams that have come up since."""
        while True:
            await asyncio.sleep(_WIDEN_SECONDS)
            for subscription, tasks in self._heard.values():
                new = subscription.unheard(self._market.feed.known())
                tasks += [self._start(self._tell(subscription.stream(stream))) for stream in new]

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """The first part that fails ends the stream."""
        try:
            await work
        except (_Ended, WebSocketDisconnect, NestexError) as error:
            self._fail(error)
        except DBAPIError as error:
            log.warning("a stream ends because the database failed: %s", error)
            self._fail(_Ended(FAILED, "database_unavailable"))
        except Exception:
            log.exception("a stream failed")
            self._fail(_Ended(FAILED, "internal_error"))

    def _fail(self, error: Exception) -> None:
        if not self._end.done():
            self._end.set_exception(error)

    async def _received(self) -> str:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        return message.get("text") or (message.get("bytes") or b"").decode(errors="replace")

    async def _send(self, message: BaseModel) -> None:
        async with self._sending:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._websocket.send_text(message.model_dump_json())
            except TimeoutError as error:
                raise _Ended(TOO_SLOW, "reader_too_slow") from error

    async def _close(self, code: int, reason: str) -> None:
        """A reader that takes nothing does not take this either; the server then drops it."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._websocket.close(code, reason)
        except TimeoutError:
            log.info("a stream was cut off: %s", reason)


def parsed(text: str) -> ClientMessage:
    """Raises InvalidInput for what is no message of a client."""
    if len(text) > LARGEST_MESSAGE:
        raise InvalidInput("body_too_large", "the message is too large", limit=LARGEST_MESSAGE)
    value = parse(text.encode(errors="replace"))
    try:
        return _client_message.validate_python(value)
    except ValidationError as error:
        problem = problem_of_validation(error.errors(include_url=False))
        raise InvalidInput(problem.code, problem.detail, field=problem.field, limit=problem.limit) from error
