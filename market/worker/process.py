"""The worker process: relay, status and usage consumers, the bus itself, timers, resellers, seals, snapshots. Several
may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from nats.aio.client import Client
from nats.js.client import JetStreamContext
from sqlalchemy import Engine

from common import garbage, subjects
from common.clock import MarketClock, RealClock, SystemClock
from market.engine.client import RemoteEngine
from market.worker.bus_keeper import BusKeeper
from market.worker.cancel_timers import CancelTimers
from market.worker.failures import Failures
from market.worker.inbox import Inbox
from market.worker.nightly_check import NightlyCheck
from market.worker.relay import relay
from market.worker.reliability import Reliability
from market.worker.resellers import Resellers
from market.worker.sealer import Sealer
from market.worker.snapshotter import Snapshotter
from market.worker.statuses import Statuses
from market.worker.sweeper import Sweeper
from market.worker.timers import Timers
from market.worker.usage import UsageReports
from runtime import bus, deployment
from runtime.database import connect
from runtime.settings import Settings


async def run(settings: Settings) -> None:
    """Follow up until cancelled; the first part that fails for good ends all of them."""
    database = connect(settings.database_url, application="nestex worker")
    client = await bus.connect(settings, "worker")
    garbage.spare_the_collector()
    try:
        await follow_up(
            database,
            client,
            settings,
            SystemClock(),
            lambda jetstream: relay(database, settings.database_url, jetstream),
        )
    finally:
        await client.close()
        database.dispose()


async def follow_up(
    database: Engine,
    client: Client,
    settings: Settings,
    real: RealClock,
    relaying: Callable[[JetStreamContext], Coroutine[None, None, None]],
) -> None:
    """All parts, on connections that are there. `relaying` publishes the outbox for ever."""
    with database.begin() as connection:
        known = deployment.read(connection)
        clock = deployment.market_clock(connection, real)
    jetstream = client.jetstream()
    await bus.ensure_streams(jetstream)
    heartbeats, reports = await _inboxes(database, client, jetstream, clock, known.generation)
    engine = RemoteEngine(client)
    timers = Timers(database, clock, engine, settings, heartbeats, reports)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relaying(jetstream))
        tasks.create_task(heartbeats.run())
        tasks.create_task(reports.run())
        tasks.create_task(timers.settle())
        tasks.create_task(timers.watch_nodes())
        tasks.create_task(Failures(database, engine).run())
        tasks.create_task(BusKeeper(database, jetstream, known.generation).run())
        tasks.create_task(CancelTimers(database, engine).run())
        tasks.create_task(Resellers(database, clock, engine).run())
        tasks.create_task(Reliability(database, clock).run())
        tasks.create_task(NightlyCheck(database, clock).run())
        tasks.create_task(Sealer(database, clock).run())
        tasks.create_task(Sweeper(database).run())
        tasks.create_task(Snapshotter(database, settings.snapshot_commands).run())


async def _inboxes(
    database: Engine, client: Client, jetstream: JetStreamContext, clock: MarketClock, generation: int
) -> tuple[Inbox, Inbox]:
    """What agents tell: of their guests' states, and of their use."""
    statuses = await bus.subscribe_durable(
        jetstream, subjects.STATUS_STREAM, subjects.status_consumer(generation), subjects.STATUS_SUBJECTS
    )
    usage = await bus.subscribe_durable(
        jetstream, subjects.USAGE_STREAM, subjects.metering_consumer(generation), subjects.USAGE_SUBJECTS
    )

    def connected() -> bool:
        return client.is_connected

    heartbeats = Inbox(statuses, Statuses(database, clock, client).handle, clock.real, connected)
    return heartbeats, Inbox(usage, UsageReports(database, clock, client).handle, clock.real, connected)
