"""Reports on their way to the market: kept in the store, published in order, dropped when they are safe.

A status message is safe when the stream has it. A usage report is money: it is safe only when the market says that it
is committed (the watermark), and until then it is published again after a reconnection, when the market asks for it,
and when no watermark comes for a while.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from common import codec, fault_points, subjects
from common.clock import RealClock
from common.errors import Unavailable
from common.wire import GuestStatus, UsageReport
from provisioner.blocking import Blocking
from provisioner.link import Link
from provisioner.metering import USAGE_SEQUENCE
from provisioner.store import Store

log = logging.getLogger(__name__)

BATCH = 100
ALL = 2**62
"""Above every sequence number, and every count of kept reports."""
RETRY_SECONDS = 1.0
REPUBLISH_SECONDS = 30.0
"""Real time without a watermark after which everything unconfirmed is published again."""

WATERMARK = "usage_watermark"


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
        real: RealClock,
        *,
        republish_seconds: float = REPUBLISH_SECONDS,
    ) -> None:
        self._link = link
        self._storage = storage
        self._store = store
        self._real = real
        self._republish_seconds = republish_seconds
        self._wake = asyncio.Event()
        self._next = 0
        self._asked_until = 0
        self._heard_at = real.monotonic()

    def wake(self) -> None:
        """There may be something to publish."""
        self._wake.set()

    def republish(self) -> None:
        """Everything unconfirmed again, as after a reconnection."""
        self._next, self._asked_until = 0, 0
        self._heard_at = self._real.monotonic()
        self._wake.set()

    async def confirm(self, sequence: int) -> None:
        """The market has committed everything up to `sequence`.

        A number above our own means that our file is new or was restored: what is kept, and whatever comes, is numbered
        after it, and published under the new numbers.
        """
        self._heard_at = self._real.monotonic()
        if await self._storage(_confirm, self._store, sequence):
            self._next = sequence + 1
            self._wake.set()

    async def resend(self, sequence: int) -> bool:
        """Publish again from `sequence` on; False when reports from there were dropped as committed.

        These go without a message id: the stream may remember the id of a message that its reader lost.
        """
        first, last = await self._storage(_kept_range, self._store)
        if sequence < first:
            return False
        self._next, self._asked_until = sequence, last
        self._wake.set()
        return True

    async def run(self) -> None:
        """Until it is canceled."""
        while True:
            self._wake.clear()
            try:
                while kept := await self._storage(self._store.usage_from, self._next, BATCH):
                    await self._publish(kept)
            except Unavailable as error:
                log.log(logging.WARNING if self._link.is_up else logging.DEBUG, "usage: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._wait()

    async def _publish(self, kept: list[tuple[int, bytes]]) -> None:
        for sequence, payload in kept:
            begun = self._next
            message_id = None if sequence <= self._asked_until else f"{self._store.node}:{sequence}"
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


def _confirm(store: Store, sequence: int) -> bool:
    """Whether reports were numbered anew."""
    with store.transaction():
        own = store.number(USAGE_SEQUENCE)
        restored = own is None or sequence > own
        if restored:
            _number_after(store, sequence)
        else:
            store.drop_usage(sequence)
        store.set_number(WATERMARK, max(sequence, store.number(WATERMARK) or 0))
    return restored


def _number_after(store: Store, sequence: int) -> None:
    """Nothing that is kept was committed under its number in this file's life. What was in another is only repeated."""
    kept = store.usage_from(0, ALL)
    store.drop_usage(ALL)
    for number, (_, payload) in enumerate(kept, start=sequence + 1):
        report = replace(codec.decode(UsageReport, payload), sequence=number)
        store.add_usage(number, codec.encode(report))
    store.set_number(USAGE_SEQUENCE, sequence + len(kept))


def _kept_range(store: Store) -> tuple[int, int]:
    """The first number that may still be asked for, and the newest one."""
    return (store.number(WATERMARK) or 0) + 1, store.number(USAGE_SEQUENCE) or 0
