"""Status messages and heartbeats from agents, in: contracts follow their guests, silent differences are told again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import Connection, Engine

from common import codec, fault_points, subjects
from common.agent_commands import CommandAnswer, Retell, Sync
from common.clock import MarketClock
from common.errors import InvalidInput
from common.minutes import MICROS_PER_MINUTE
from common.wire import GuestStatus, Heartbeat
from market.contracts.follow_guest import follow_guest
from market.contracts.watch_delivery import fail_late
from market.desired_state import repeat
from market.nodes.liveness import live_revisions, record_heartbeat, untold
from market.worker.agent_messages import read_heartbeat, read_status
from runtime import deployment, outbox
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_SYNC_SECONDS = 5.0
_SET_BACK = (
    "node %s has heard of generation %d, this database is of %d: was it set back by other means than `nestex restore`?"
    " Then run `nestex restore --as-it-is`"
)


class Statuses:
    """Handles batches of the STATUS stream."""

    def __init__(self, database: Engine, clock: MarketClock, bus: Client) -> None:
        self.database = database
        self.clock = clock
        self.bus = bus
        self._syncing: dict[str, asyncio.Task[None]] = {}

    async def handle(self, messages: Sequence[Msg]) -> None:
        """Statuses in the order in which they came, each in a transaction of its own; of heartbeats the newest per
        node.

        A message that makes no sense is dropped alone. Raises when the database fails: then the batch comes again.
        """
        beats: dict[str, tuple[Heartbeat, datetime]] = {}
        for message in messages:
            sender = message.subject.split(".")[1]  # the server lets a node publish under its own name only
            try:
                if message.subject == subjects.heartbeat(sender):
                    beats[sender] = read_heartbeat(message.data, sender), message.metadata.timestamp
                else:
                    await self._follow(read_status(message.data, sender))
            except InvalidInput as error:
                log.warning("%s: %s", message.subject, error)
        for beat, at in beats.values():
            await self._beat(beat, at)
        fault_points.reach("statuses.handled")

    async def _follow(self, status: GuestStatus) -> None:
        at_micros = self.clock.now_micros()
        await asyncio.to_thread(
            transaction, self.database, lambda connection: follow_guest(connection, status, at_micros)
        )

    async def _beat(self, beat: Heartbeat, at: datetime) -> None:
        now_micros = self.clock.now_micros()
        is_news = self.clock.minute_at(at) == now_micros // MICROS_PER_MINUTE
        found = await asyncio.to_thread(
            transaction, self.database, lambda connection: _compare(connection, beat, at, now_micros, is_news)
        )
        for late in found.late:
            log.warning("contract %s of node %s has failed: its guest was not ready in time", late, beat.node)
        if found.untold:
            retell = codec.encode(Retell(tuple(found.untold)))
            await self.bus.publish(subjects.command(beat.node, "retell"), retell)
        if beat.generation > found.sync.generation:
            log.error(_SET_BACK, beat.node, beat.generation, found.sync.generation)
        elif (not beat.synced or beat.generation < found.sync.generation) and beat.node not in self._syncing:
            task = asyncio.create_task(self._sync(beat.node, found.sync))
            self._syncing[beat.node] = task
            task.add_done_callback(lambda _: self._syncing.pop(beat.node))

    async def _sync(self, node: str, sync: Sync) -> None:
        """Beside the batches, so that an agent that hangs holds nobody up."""
        try:
            reply = await self.bus.request(subjects.command(node, "sync"), codec.encode(sync), timeout=_SYNC_SECONDS)
            answer = codec.decode(CommandAnswer, reply.data, lenient=True)
        except (nats.errors.Error, TimeoutError, InvalidInput) as error:
            log.info("node %s did not answer its sync, its next heartbeat brings another: %r", node, error)
            return
        if not answer.ok:
            log.info("node %s is not in sync yet: %s", node, answer.reason)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the agent should hold, of which contracts the newest status has not come, and which have failed because
    their guests are late."""

    sync: Sync
    untold: list[str]
    late: Sequence[str]


def _compare(connection: Connection, beat: Heartbeat, at: datetime, now_micros: int, is_news: bool) -> _Found:
    """Record the heartbeat, judge what is late, and put what the agent lacks into the outbox once more.

    Only a heartbeat of the running minute is news: after an older one, a guest may have become ready and be metered.
    """
    record_heartbeat(connection, beat, at)
    missing = untold(connection, beat)
    late: Sequence[str] = ()
    if beat.synced and is_news:
        unsaid = {*missing, *(beat.applied.keys() - beat.told.keys())}  # its statuses are not all in the stream yet
        late = fail_late(connection, beat.node, now_micros // MICROS_PER_MINUTE, now_micros, unsaid)
    generation = deployment.generation(connection)
    wanted = live_revisions(connection, beat.node)
    applied = beat.applied if beat.generation >= generation else {}
    lacking = [contract for contract, revision in wanted.items() if applied.get(contract, 0) < revision]
    if lacking:
        outbox.put(connection, repeat(connection, lacking, again=str(beat.at_ms)))
    return _Found(Sync(wanted, generation), missing, late)
