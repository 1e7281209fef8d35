"""The heartbeat, in real time: the agent lives, and this is what it holds."""

from __future__ import annotations

import asyncio
import logging

from common import codec, subjects
from common.clock import MarketClock
from common.errors import Unavailable
from common.wire import Capacity, Heartbeat
from provisioner import generations, lives
from provisioner.blocking import Blocking
from provisioner.link import Link
from provisioner.own_work import OwnWork
from provisioner.settings import agent_version
from provisioner.steps import told
from provisioner.store import Store
from provisioner.sync import Agreement

log = logging.getLogger(__name__)


class Pulse:
    """Sends a heartbeat every `seconds`, and at once when something worth telling has happened."""

    def __init__(
        self,
        link: Link,
        storage: Blocking,
        store: Store,
        agreement: Agreement,
        *,
        clock: MarketClock,
        capacity: Capacity,
        seconds: float,
        own_work: OwnWork | None = None,
    ) -> None:
        self._link = link
        self._storage = storage
        self._store = store
        self._agreement = agreement
        self._clock = clock
        self._capacity = capacity
        self._seconds = seconds
        self._own_work = own_work
        self._now = asyncio.Event()

    def beat(self) -> None:
        """Do not wait for the next one's time."""
        self._now.set()

    async def run(self) -> None:
        """Until it is canceled. A heartbeat that cannot be sent is not kept: it would be stale."""
        while True:
            self._now.clear()
            try:
                await self._send()
            except Unavailable as error:
                log.log(logging.WARNING if self._link.is_up else logging.DEBUG, "heartbeat: %s", error)
            try:
                async with asyncio.timeout(self._seconds):
                    await self._now.wait()
            except TimeoutError:
                continue

    async def _send(self) -> None:
        heartbeat = await self._storage(self._heartbeat)
        await self._link.publish(subjects.heartbeat(self._store.node), codec.encode(heartbeat))

    def _heartbeat(self) -> Heartbeat:
        """In the store's thread."""
        life = lives.running(self._store)
        return Heartbeat(
            node=self._store.node,
            agent_version=agent_version(),
            synced=self._agreement.is_reached,
            applied=generations.held_revisions(self._store),
            capacity=self._capacity,
            usage_sequence=life.sequence,
            at_ms=self._clock.now_ms(),
            life=life.name,
            generation=generations.newest(self._store),
            told=told(self._store),
            own_work=self._measured(),
        )

    def _measured(self) -> Capacity | None:
        """What own work uses, where /proc tells."""
        try:
            return None if self._own_work is None else self._own_work.measure()
        except (OSError, ValueError, LookupError) as error:
            log.warning("own work is not measured: %r", error)
            self._own_work = None
            return None
