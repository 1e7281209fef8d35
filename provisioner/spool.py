"""Reports on their way to the market: kept in the store, published in order, dropped when they are safe.

A status message is safe when the stream has it. A usage report is money: it is safe only when the market says that it
is committed (the watermark), and until then it is published again after a reconnection, when the market asks for it,
and when no watermark comes for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from common import codec, fault_points, subjects
from common.clock import MarketClock
from common.errors import Unavailable
from common.wire import GuestStatus
from provisioner import lives
from provisioner.blocking import Blocking
from provisioner.link import Link
from provisioner.lives import Life
from provisioner.steps import tell_again
from provisioner.store import Store

log = logging.getLogger(__name__)

BATCH = 100
RETRY_SECONDS = 1.0
REPUBLISH_SECONDS = 30.0
"""Real time without a watermark after which everything unconfirmed is published again."""


class StatusSpool:
    """Publishes status messages in the order of the steps that they tell."""

    def __init__(self, link: Link, storage: Blocking, store: Store) -> None:
        self._link = link
        self._storage = storage
        self._store = store
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to publish."""
        self._wake.set()

    async def tell_again(self, contracts: Iterable[str]) -> None:
        """The market lacks the newest status of these."""
        await self._storage(tell_again, self._store, contracts)
        self._wake.set()

    async def run(self) -> None:
        """Until it is canceled."""
        while True:
            self._wake.clear()
            try:
                while kept := await self._storage(self._store.statuses, BATCH):
                    await self._publish(kept)
            except Unavailable as error:
                log.log(logging.WARNING if self._link.is_up else logging.DEBUG, "status: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._wake.wait()

    async def _publish(self, kept: list[tuple[int, bytes]]) -> None:
        for number, payload in kept:
            status = codec.decode(GuestStatus, payload)
            message_id = f"{status.contract}:{status.revision}:{status.state}:{status.at_ms}"
            await self._link.publish(subjects.status(self._store.node, status.contract), payload, message_id)
            await self._storage(self._store.drop_statuses, number)


class UsageSpool:
    """Publishes usage reports by their gapless sequence, and forgets what the market has committed."""

    def __init__(
        self,
        link: Link,
        storage: Blocking,
        store: Store,
        clock: MarketClock,
        *,
        republish_seconds: float = REPUBLISH_SECONDS,
    ) -> None:
        self._link = link
        self._storage = storage
        self._store = store
        self._clock = clock
        self._real = clock.real
        self._republish_seconds = republish_seconds
        self._wake = asyncio.Event()
        self._next = 0
        self._asked_until = 0
        self._heard_at = self._real.monotonic()

    def wake(self) -> None:
        """There may be something to publish."""
        self._wake.set()

    def republish(self) -> None:
        """Everything unconfirmed again, as after a reconnection."""
        self._next, self._asked_until = 0, 0
        self._heard_at = self._real.monotonic()
        self._wake.set()

    async def confirm(self, life: int, sequence: int) -> None:
        """The market has committed everything of a life up to `sequence`. What it says of an earlier life is old news.

        A number above our own means that this node, with this very process, was set back to an earlier moment: a new
        life begins.
        """
        own = await self._storage(_confirm, self._store, life, sequence, self._clock.minute())
        if own:
            self._heard_at = self._real.monotonic()
        elif own is None:
            self.republish()

    async def resend(self, life: int, sequence: int) -> bool:
        """Publish again from `sequence` on; False when reports from there were dropped as committed, or have numbers of
        another life by now.

        These go without a message id: the stream may remember the id of a message that its reader lost.
        """
        running = await self._storage(lives.running, self._store)
        if life != running.name or sequence <= running.watermark:
            return False
        self._next, self._asked_until = sequence, running.sequence
        self._wake.set()
        return True

    async def run(self) -> None:
        """Until it is canceled."""
        while True:
            self._wake.clear()
            try:
                while (batch := await self._storage(_batch, self._store, self._next))[1]:
                    await self._publish(*batch)
            except Unavailable as error:
                log.log(logging.WARNING if self._link.is_up else logging.DEBUG, "usage: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._wait()

    async def _publish(self, life: Life, kept: list[tuple[int, bytes]]) -> None:
        for sequence, payload in kept:
            begun = self._next
            message_id = None if sequence <= self._asked_until else f"{self._store.node}:{life.name}:{sequence}"
            await self._link.publish(subjects.usage(self._store.node), payload, message_id)
            fault_points.reach("agent.published")
            if self._next != begun:
                return  # meanwhile it was asked to begin elsewhere
            self._next = sequence + 1

    async def _wait(self) -> None:
        silence = self._real.monotonic() - self._heard_at
        try:
            async with asyncio.timeout(max(0.0, self._republish_seconds - silence)):
                await self._wake.wait()
        except TimeoutError:
            self.republish()


def _batch(store: Store, first: int) -> tuple[Life, list[tuple[int, bytes]]]:
    """The next reports from a number on, and the life that all of them belong to."""
    return lives.running(store), store.usage_from(first, BATCH)


def _confirm(store: Store, life: int, sequence: int, minute: int) -> bool | None:
    """Whether it was this life that was confirmed; None when a new one had to begin."""
    with store.transaction():
        running = lives.running(store)
        if life != running.name:
            return False
        if sequence > running.sequence:
            lives.begin_again(store, minute)
            return None
        lives.confirm(store, sequence)
        return True
