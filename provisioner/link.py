"""The agent's connection to NATS: it publishes reports, takes desired state from its consumer, and answers commands.

Everything stays within what the node's user JWT allows: publish `usage.<node>`, `status.<node>.>` and the next, info
and acknowledgement subjects of its own consumer; subscribe its inbox and `cmd.<node>.>`. A denied call shows as a
time-out; the reason comes through the error callback, is kept here, and is put into what is raised.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

import nats
import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

from common import subjects
from common.errors import Unavailable
from provisioner.identity import Identity

log = logging.getLogger(__name__)

ACK_SECONDS = 5.0
FETCH_SECONDS = 5.0
AGAIN_SECONDS = 2.0
PING_SECONDS = 10
"""After three of which without an answer a connection is given up: a line that is cut resets none, and TCP alone would
try for a quarter of an hour."""
_REFUSED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)
_CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Link:
    """One connection for the life of the agent. It reconnects for ever; what cannot be sent meanwhile waits outside."""

    def __init__(
        self, identity: Identity, *, answer: Callable[[str, bytes], Awaitable[bytes]], connected: Callable[[], None]
    ) -> None:
        """`answer` gets the verb and the payload of a command; `connected` is called at every (re)connection."""
        self._identity = identity
        self._answer = answer
        self._connected = connected
        self._client = Client()
        self._allocations: JetStreamContext.PullSubscription | None = None
        self._closed = asyncio.Event()
        self._refusals: dict[str, str] = {}

    @property
    def is_up(self) -> bool:
        """Whether the server can be reached right now."""
        return self._client.is_connected and self._allocations is not None

    async def run(self) -> None:
        """Connect, however long it takes, and stay connected, until canceled.

        The client gives a connection up for good when the server refuses the user, as after a revocation. Then it is
        tried anew: what the agent does without the market must go on.
        """
        while True:
            try:
                await self._connect()
                await self._closed.wait()
            finally:
                await self._client.close()
            log.error("NATS ended the connection: %s", self._client.last_error)
            await asyncio.sleep(AGAIN_SECONDS)
            self._client, self._closed, self._allocations = Client(), asyncio.Event(), None

    async def publish(self, subject: str, payload: bytes, message_id: str | None = None) -> None:
        """To a stream, and until that has it on disk. A repeated `message_id` is stored once. Raises Unavailable."""
        if not self.is_up:
            raise Unavailable("bus_unavailable", "not connected to NATS")
        headers = {"Nats-Msg-Id": message_id} if message_id else None
        try:
            await self._client.jetstream(timeout=ACK_SECONDS).publish(subject, payload, headers=headers)
        except nats.errors.Error as error:
            reason = self._refusals.pop(subject, repr(error))
            raise Unavailable("bus_unavailable", f"publishing to {subject}: {reason}") from error

    async def allocations(self, batch: int) -> list[Msg]:
        """The next messages of the node's consumer, at least one unless a few seconds pass. Raises Unavailable."""
        if not self.is_up or self._allocations is None:
            raise Unavailable("bus_unavailable", "not connected to NATS")
        try:
            return await self._allocations.fetch(batch, timeout=FETCH_SECONDS)
        except TimeoutError as error:
            if reason := self._refusals.pop(_next_subject(self._identity.node), ""):
                raise Unavailable("bus_unavailable", f"fetching allocations: {reason}") from error
            return []
        except nats.errors.Error as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error  # which the client hides behind an error of its own
            raise Unavailable("bus_unavailable", f"fetching allocations: {error!r}") from error

    async def _connect(self) -> None:
        node = self._identity.node
        await self._client.connect(
            list(self._identity.nats_servers),
            name=f"agent {node}",
            user_credentials=RawCredentials(_CREDENTIALS.format(jwt=self._identity.jwt, seed=self._identity.seed)),
            inbox_prefix=subjects.inbox_prefix(node),
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=PING_SECONDS,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_connect,
            closed_cb=self._on_close,
        )
        await self._client.subscribe(subjects.command(node, ">"), cb=self._on_command)
        self._allocations = await self._client.jetstream().pull_subscribe_bind(
            consumer=subjects.allocation_consumer(node), stream=subjects.ALLOC_STREAM
        )
        await self._on_connect()

    async def _on_command(self, message: Msg) -> None:
        answer = await self._answer(message.subject.rpartition(".")[2], message.data)
        if message.reply:  # the market does not wait for the answer to everything that it says
            await message.respond(answer)

    async def _on_connect(self) -> None:
        log.info("connected to NATS")
        self._connected()

    async def _on_disconnect(self) -> None:
        log.warning("disconnected from NATS")

    async def _on_close(self) -> None:
        self._closed.set()

    async def _on_error(self, error: Exception) -> None:
        log.warning("NATS: %r", error)
        if refused := _REFUSED.search(str(error)):
            self._refusals[refused[1]] = str(error)


def _next_subject(node: str) -> str:
    return f"$JS.API.CONSUMER.MSG.NEXT.{subjects.ALLOC_STREAM}.{subjects.allocation_consumer(node)}"
