"""The market's side of the bus, for the agent's tests: the real nats-server in operator mode, streams, and one node's
consumer and user token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

from common import codec, subjects
from common.agent_commands import CommandAnswer
from common.clock import ClockAnchor
from common.wire import Allocation, GuestStatus, Heartbeat, UsageReport
from provisioner.identity import Identity, public_key
from runtime.agent_access import SERVER_CREDENTIALS, Authority
from runtime.bus import ensure_allocation_consumer, ensure_streams
from runtime.nats_jwt import new_seed

T = TypeVar("T")


@dataclass(frozen=True)
class Nats:
    """A running server: its URL, and the folder with its authority."""

    url: str
    home: Path

    def identity(self, node: str, anchor: ClockAnchor, seed: str | None = None) -> Identity:
        """What the market would have answered to the enrolment of this node's agent."""
        seed = seed or new_seed("user")
        jwt = Authority.load(self.home).agents.agent_jwt(node, public_key(seed), issued_at=0)
        return Identity(node, jwt, seed, (self.url,), anchor)


@dataclass
class Market:
    """What the market sends to one node's agent, and everything that it gets from it."""

    client: Client
    jetstream: JetStreamContext
    node: str
    statuses: list[GuestStatus] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    reports: list[UsageReport] = field(default_factory=list)

    async def allocate(self, allocation: Allocation) -> None:
        """Publish desired state as the relay does."""
        await self.jetstream.publish(subjects.allocation(self.node, allocation.contract), codec.encode(allocation))

    async def command(self, verb: str, message: Any) -> CommandAnswer:
        """Have the agent do something."""
        return await self.ask(verb, message, CommandAnswer)

    async def ask(self, verb: str, message: Any, kind: type[T]) -> T:
        """Ask the agent."""
        answer = await self.client.request(subjects.command(self.node, verb), codec.encode(message), timeout=5)
        return codec.decode(kind, answer.data)

    def states(self, contract: str) -> list[str]:
        """States of a contract's guest, in the order in which they arrived."""
        return [status.state for status in self.statuses if status.contract == contract]

    def seconds(self, contract: str) -> dict[int, int]:
        """Delivered seconds by minute, as metering counts them: reports by sequence, each minute once."""
        seconds: dict[int, int] = {}
        for report in sorted({report.sequence: report for report in self.reports}.values(), key=_sequence):
            for guest in report.guests:
                if guest.contract == contract:
                    assert report.minute not in seconds
                    seconds[report.minute] = guest.seconds
        return seconds

    async def _on_status(self, message: Msg) -> None:
        if message.subject == subjects.heartbeat(self.node):
            self.beats.append(codec.decode(Heartbeat, message.data))
        else:
            self.statuses.append(codec.decode(GuestStatus, message.data))

    async def _on_usage(self, message: Msg) -> None:
        self.reports.append(codec.decode(UsageReport, message.data))


@asynccontextmanager
async def market(server: Nats, node: str, *, from_the_beginning: bool = False) -> AsyncIterator[Market]:
    """Streams, the node's consumer, and ears for what its agent says. Plain subscriptions hear each publication, also
    one that its stream drops as a repetition; those from the beginning hear what the streams have kept."""
    client = await nats.connect(server.url, user_credentials=str(server.home / SERVER_CREDENTIALS))
    try:
        jetstream = client.jetstream()
        await ensure_streams(jetstream)
        await ensure_allocation_consumer(jetstream, node)
        side = Market(client, jetstream, node)
        for subject, heard in ((subjects.status(node, ">"), side._on_status), (subjects.usage(node), side._on_usage)):
            if from_the_beginning:
                await jetstream.subscribe(subject, cb=heard, ordered_consumer=True)
            else:
                await client.subscribe(subject, cb=heard)
        await client.flush()
        yield side
    finally:
        await client.close()


async def eventually(value: Callable[[], T], seconds: float = 30.0) -> T:
    """The value, as soon as it is true."""
    async with asyncio.timeout(seconds):
        while not (found := value()):  # noqa: ASYNC110  what is waited for happens in another process
            await asyncio.sleep(0.01)
    return found


def _sequence(report: UsageReport) -> int:
    return report.sequence
