"""A reconcile loop over a fake hypervisor, on a clock that tests drive by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from common import codec
from common.wire import Allocation, GuestState, GuestStatus, UsageReport
from provisioner import lives
from provisioner.blocking import Blocking
from provisioner.desired import accept
from provisioner.hypervisor.fake import FakeDriver
from provisioner.loop import ReconcileLoop
from provisioner.store import Store
from provisioner.sync import Agreement
from tests.provisioner.factories import CAPACITY, NODE, HandClock, contract, market_clock


@dataclass
class World:
    """A reconcile loop over a fake hypervisor, on a clock that is driven by hand."""

    loop: ReconcileLoop
    driver: FakeDriver
    store: Store
    agreement: Agreement
    storage: Blocking
    real: HandClock

    async def hand_over(self, *allocations: Allocation) -> None:
        await self.storage(accept, self.store, allocations, round(self.real.monotonic() * 1000))

    async def settle(self) -> None:
        """As the loop does it, until nothing is left to do."""
        for _ in range(20):
            if not await self.loop.step():
                return
        raise AssertionError("reconciling does not come to an end")

    async def go_to(self, minute: int, second: float = 0.0) -> None:
        self.real.micros = round((minute * 60 + second) * 1_000_000)
        await self.settle()

    async def states(self, number: int = 1) -> list[GuestState]:
        """What the market was told of a contract."""
        kept = [codec.decode(GuestStatus, payload) for _id, payload in await self.storage(self.store.statuses, 1000)]
        return [status.state for status in kept if status.contract == contract(number)]

    async def seconds(self) -> list[tuple[int, int]]:
        """Minute and delivered seconds of every report of one guest."""
        kept = await self.storage(self.store.usage_from, 0, 1000)
        reports = [codec.decode(UsageReport, payload) for _sequence, payload in kept]
        return [(report.minute, report.guests[0].seconds) for report in reports]


@asynccontextmanager
async def loop_world() -> AsyncIterator[World]:
    real, driver = HandClock(), FakeDriver()
    storage, hypervisor = Blocking("store"), Blocking("hypervisor")
    store = await storage(Store, Path(":memory:"), NODE)
    await storage(lives.begin, store, 0)
    agreement = Agreement(storage, store, lambda: None)
    loop = ReconcileLoop(
        store,
        driver,
        agreement,
        storage=storage,
        hypervisor=hypervisor,
        clock=market_clock(real),
        capacity=CAPACITY,
        told=lambda: None,
    )
    try:
        yield World(loop, driver, store, agreement, storage, real)
    finally:
        await storage(store.close)
        storage.close()
        hypervisor.close()
