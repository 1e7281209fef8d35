"""Status messages and heartbeats from agents, in: contracts follow their guests, silent differences are told again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import Connection, Engine

from billing import metering
from common import codec, subjects
from common.clock import MarketClock
from common.errors import InvalidInput
from common.wire import CommandAnswer, GuestStatus, Heartbeat, Sync
from market.contracts.desired_state import repeat
from market.contracts.follow_guest import follow_guest
from market.nodes.liveness import live_revisions, record_heartbeat
from runtime import outbox
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_SYNC_SECONDS = 5.0


class Statuses:
    """Handles batches of the STATUS stream."""

    def __init__(self, database: Engine, clock: MarketClock, bus: Client) -> None:
        self.database = database
        self.clock = clock
        self.bus = bus

    async def handle(self, messages: Sequence[Msg]) -> None:
        """Statuses in the order in which they came, each in a transaction of its own; of heartbeats the newest per
        node."""
        beats: dict[str, Heartbeat] = {}
        for message in messages:
            try:
                if message.subject.endswith(".hb"):
                    beat = codec.decode(Heartbeat, message.data, lenient=True)
                    beats[_sender(message)] = beat
                else:
                    status = codec.decode(GuestStatus, message.data, lenient=True)
                    await self._follow(message, status)
            except InvalidInput as error:
                log.warning("%s: %s", message.subject, error)
        for node, beat in beats.items():
            if node == beat.node:
                await self._beat(beat)

    async def _follow(self, message: Msg, status: GuestStatus) -> None:
        if _sender(message) != status.node:
            log.warning("%s speaks for node %s", message.subject, status.node)
            return
        at_micros = self.clock.now_micros()
        await asyncio.to_thread(
            transaction, self.database, lambda connection: follow_guest(connection, status, at_micros)
        )

    async def _beat(self, beat: Heartbeat) -> None:
        sync = await asyncio.to_thread(transaction, self.database, lambda connection: _compare(connection, beat))
        if beat.synced:
            return
        try:
            subject = subjects.command(beat.node, "sync")
            reply = await self.bus.request(subject, codec.encode(sync), timeout=_SYNC_SECONDS)
        except (nats.errors.Error, TimeoutError):
            log.info("node %s did not answer its sync; its next heartbeat brings another", beat.node)
            return
        answer = codec.decode(CommandAnswer, reply.data, lenient=True)
        if not answer.ok:
            log.info("node %s is not in sync yet: %s", beat.node, answer.reason)


def _compare(connection: Connection, beat: Heartbeat) -> Sync:
    """Record the heartbeat, and put what the agent lacks into the outbox once more."""
    record_heartbeat(connection, beat)
    wanted = live_revisions(connection, beat.node)
    lacking = [contract for contract, revision in wanted.items() if beat.applied.get(contract, 0) < revision]
    if lacking:
        outbox.put(connection, repeat(connection, lacking, again=str(beat.at_ms)))
    return Sync(revisions=wanted, usage_sequence=metering.watermark(connection, beat.node))


def _sender(message: Msg) -> str:
    """The node that the server let publish on this subject."""
    return message.subject.split(".")[1]
