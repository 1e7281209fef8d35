"""The product's processes on simulated connections: engine, worker, agent, and the market that the traders use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nats.js.client import JetStreamContext

from common.clock import ClockAnchor, MarketClock
from market.engine.client import RemoteEngine
from market.engine.process import hold_shard
from market.worker.process import follow_up
from market.worker.relay import publish_waiting
from provisioner.agent import Agent
from provisioner.blocking import Blocking
from provisioner.guest import GuestRecord
from provisioner.identity import Identity
from provisioner.store import Store
from runtime import bus as product_bus
from runtime.bus import ensure_allocation_consumer, ensure_streams
from runtime.settings import Settings
from tests.market.factories import ZONE
from tests.simulation.bus import URL
from tests.simulation.clocks import SimulatedClock
from tests.simulation.database import SimulatedDatabase
from tests.simulation.hosts import Main
from tests.simulation.hypervisor import WatchedDriver
from tests.simulation.market import CAPACITY

HEARTBEAT_SECONDS = 2.0
GRACE_MINUTES = 75
"""Longer than the bus takes to deliver again what a killed worker had taken, and the agents to send again."""
SETTINGS = Settings(
    database_url="postgresql://",
    nats_url=URL,
    nats_credentials=Path(),
    lease_seconds=1.5,
    node_lost_seconds=6.0,
    lost_after_minutes=15,
    snapshot_commands=25,
    grace_minutes=GRACE_MINUTES,
)
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Server:
    """What the server processes have in common."""

    database: SimulatedDatabase

    async def engine(self, clock: SimulatedClock) -> None:
        """As `market.engine.process.run`."""
        client = await product_bus.connect(SETTINGS, "engine")
        await hold_shard(self.database.engine, client, SETTINGS, ZONE, clock)

    async def worker(self, clock: SimulatedClock) -> None:
        """As `market.worker.process.run`; the relay looks by itself, for no NOTIFY wakes it on simulated time."""
        client = await product_bus.connect(SETTINGS, "worker")
        await follow_up(self.database.engine, client, SETTINGS, clock, self._relay)

    async def _relay(self, jetstream: JetStreamContext) -> None:
        while True:
            await publish_waiting(self.database.engine, jetstream)
            await asyncio.sleep(_LOOK_SECONDS)


class WatchedStore(Store):
    """The agent's memory; `note` is told what it writes down of contracts."""

    def __init__(self, path: Path, node: str, note: Callable[[GuestRecord], None]) -> None:
        super().__init__(path, node)
        self._note = note

    def put_guest(self, record: GuestRecord) -> None:
        super().put_guest(record)
        self._note(record)


def market(nodes: tuple[str, ...], traders: Callable[[RemoteEngine], list[Coroutine[Any, Any, None]]]) -> Main:
    """The market process: it makes what the agents bind to, and serves the traders."""

    async def main(_clock: SimulatedClock) -> None:
        client = await product_bus.connect(SETTINGS, "market")
        jetstream = client.jetstream()
        await ensure_streams(jetstream)
        for node in nodes:
            await ensure_allocation_consumer(jetstream, node)
        async with asyncio.TaskGroup() as tasks:
            for trader in traders(RemoteEngine(client)):
                tasks.create_task(trader)

    return main


def agent(node: str, anchor: ClockAnchor, file: Callable[[], Path], driver: WatchedDriver) -> Main:
    """As `provisioner.agent`, on the file of the moment."""

    async def main(clock: SimulatedClock) -> None:
        storage, hypervisor = Blocking("store"), Blocking("hypervisor")
        store = await storage(WatchedStore, file(), node, driver.note)
        await Agent(
            Identity(node, "", "", (URL,), anchor),
            store,
            driver,
            storage=storage,
            hypervisor=hypervisor,
            clock=MarketClock(anchor, clock),
            capacity=CAPACITY,
            heartbeat_seconds=HEARTBEAT_SECONDS,
        ).serve()

    return main
