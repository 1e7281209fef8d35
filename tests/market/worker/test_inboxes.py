"""Statuses, heartbeats and usage reports through a real bus, as the worker takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import select

from billing.tables import usage_minute
from common import codec, subjects
from common.agent_commands import Retell, Sync
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.wire import Capacity, GuestMinute, GuestStatus, Heartbeat, UsageReport
from market.tables import contract, node
from market.worker.inbox import Inbox
from market.worker.statuses import Statuses
from market.worker.timers import Timers
from market.worker.usage import UsageReports
from runtime import bus, outbox
from runtime.settings import Settings
from runtime.tables import deployment
from tests.conftest import NatsAccount
from tests.market.factories import World, contract_of

_PATIENCE_SECONDS = 30


class Later(SystemClock):
    """A minute has passed since the bus took anything in."""

    def wall_micros(self) -> int:
        return super().wall_micros() + 61_000_000


def worker(
    world: World,
    account: NatsAccount,
    story: Callable[[Client, Inbox, Settings], Awaitable[None]],
    clock: MarketClock | None = None,
) -> None:
    """Tell the story to both inboxes of a worker, which goes by the world's clock, or by another."""
    clock = clock or world.clock
    settings = Settings(database_url="postgresql://", nats_url=account.url, nats_credentials=account.credentials)

    async def tell() -> None:
        client = await bus.connect(settings, "test worker")
        jetstream = client.jetstream()
        await bus.ensure_streams(jetstream)
        streams: dict[str, Any] = {
            subjects.STATUS_STREAM: Statuses(world.database, clock, client).handle,
            subjects.USAGE_STREAM: UsageReports(world.database, clock, client).handle,
        }
        inboxes = []
        for stream, handle in streams.items():
            taken = subjects.STATUS_SUBJECTS if stream == subjects.STATUS_STREAM else subjects.USAGE_SUBJECTS
            subscription = await bus.subscribe_durable(jetstream, stream, f"test-{stream}", taken)
            inboxes.append(Inbox(subscription, handle, SystemClock(), lambda: client.is_connected))
        tasks = [asyncio.create_task(inbox.run()) for inbox in inboxes]
        try:
            await story(client, inboxes[0], settings)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()

    asyncio.run(tell())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110  what is waited for is in the database
            await asyncio.sleep(0.05)


def test_one_agents_nonsense_harms_nobody_else(world: World, nats_account: NatsAccount) -> None:
    row = contract_of(world)
    at = world.real.micros // 1000
    good = GuestStatus(row["node_id"], row["id"], 1, "ready", at)
    beat = Heartbeat(row["node_id"], "0.1.0", True, {row["id"]: 1}, Capacity(1, 1, 1), 0, at)

    async def story(client: Client, _inbox: Inbox, _settings: Settings) -> None:
        jetstream = client.jetstream()
        for nonsense in (b"", b"\xff", b"{}", codec.encode(good).replace(b'"revision":1', b'"revision":1e999')):
            await jetstream.publish(subjects.status("nod_bad", row["id"]), nonsense)
            await jetstream.publish(subjects.heartbeat("nod_bad"), nonsense)
            await jetstream.publish(subjects.usage("nod_bad"), nonsense)
        await jetstream.publish(subjects.status("nod_bad", row["id"]), codec.encode(good))  # speaks for another node
        await jetstream.publish(subjects.status(row["node_id"], row["id"]), codec.encode(good))
        await jetstream.publish(subjects.heartbeat(row["node_id"]), codec.encode(beat))
        await until(lambda: _node(world)["agent_version"] == "0.1.0")

    worker(world, nats_account, story)
    with world.begin() as connection:
        assert connection.execute(select(contract.c.state)).scalar_one() == "running"


def test_a_heartbeat_after_the_deadline_shows_that_a_guest_is_late(world: World, nats_account: NatsAccount) -> None:
    row = contract_of(world, minutes=30)
    at = (row["start_minute"] + 20) * 60_000
    clock = MarketClock(ClockAnchor(SystemClock().wall_micros(), at * 1000), SystemClock())
    news = Heartbeat(row["node_id"], "1", True, {}, Capacity(1, 1, 1), 0, at, told={row["id"]: at})
    beats = [
        news,
        replace(news, agent_version="2", told={}, applied={row["id"]: 1}),
        replace(news, agent_version="3", told={}, synced=False),
        replace(news, agent_version="4", told={}),
    ]
    states: list[str] = []

    async def story(client: Client, _inbox: Inbox, _settings: Settings) -> None:
        for beat in beats:
            await client.jetstream().publish(subjects.heartbeat(row["node_id"]), codec.encode(beat))
            await until(lambda version=beat.agent_version: _node(world)["agent_version"] == version)  # type: ignore[misc]  # a lambda's default has no type
            with world.begin() as connection:
                states.append(connection.execute(select(contract.c.state)).scalar_one())

    worker(world, nats_account, story, clock)
    assert states == ["scheduled", "scheduled", "scheduled", "failed"]


def test_an_old_heartbeat_shows_nobody_late(world: World, nats_account: NatsAccount) -> None:
    """After it, the guest may have become ready: the news of that waits behind it in the stream."""
    row = contract_of(world, minutes=30)
    at = (row["start_minute"] + 20) * 60_000
    clock = MarketClock(ClockAnchor(Later().wall_micros(), at * 1000), Later())
    beat = Heartbeat(row["node_id"], "1", True, {}, Capacity(1, 1, 1), 0, at)

    async def story(client: Client, _inbox: Inbox, _settings: Settings) -> None:
        await client.jetstream().publish(subjects.heartbeat(row["node_id"]), codec.encode(beat))
        await until(lambda: _node(world)["agent_version"] == "1")

    worker(world, nats_account, story, clock)
    with world.begin() as connection:
        assert connection.execute(select(contract.c.state)).scalar_one() == "scheduled"


def test_reports_are_committed_and_then_released(world: World, nats_account: NatsAccount) -> None:
    row = contract_of(world)
    node_id = row["node_id"]
    world.real.pass_minutes(5)
    start = row["start_minute"]
    reports = [UsageReport(node_id, n + 1, start + n, (GuestMinute(row["id"], 60, 1),)) for n in range(3)]
    heard: list[bytes] = []

    async def story(client: Client, _inbox: Inbox, _settings: Settings) -> None:
        async def hear(message: Msg) -> None:
            heard.append(message.subject.encode() + b" " + message.data)

        await client.subscribe(subjects.command(node_id, "*"), cb=hear)
        jetstream = client.jetstream()
        await jetstream.publish(subjects.usage(node_id), codec.encode(reports[2]))
        await until(lambda: any(b"resend" in said for said in heard))
        for report in (reports[0], reports[1], reports[0]):
            await jetstream.publish(subjects.usage(node_id), codec.encode(report))
        await until(lambda: any(b'watermark {"sequence":3,"life":0}' in said for said in heard))

    worker(world, nats_account, story)
    with world.begin() as connection:
        minutes = [tuple(row) for row in connection.execute(select(usage_minute.c.minute, usage_minute.c.seconds))]
    assert sorted(minutes) == [(start + n, 60) for n in range(3)]


def test_a_heartbeat_shows_what_an_agent_has_not_heard_and_what_the_market_has_not(
    world: World, nats_account: NatsAccount
) -> None:
    """The database was restored: the agent's generation is behind, and a status was given up with the rest."""
    row = contract_of(world)
    node_id, name, at = row["node_id"], row["id"], world.real.micros // 1000
    with world.begin() as connection:
        connection.execute(deployment.update().values(generation=5))
    beat = Heartbeat(node_id, "0.1.0", True, {name: 9}, Capacity(1, 1, 1), 0, at, generation=4, told={name: at})
    heard: dict[str, bytes] = {}

    async def story(client: Client, _inbox: Inbox, _settings: Settings) -> None:
        async def hear(message: Msg) -> None:
            heard[message.subject.rpartition(".")[2]] = message.data

        await client.subscribe(subjects.command(node_id, "*"), cb=hear)
        await client.jetstream().publish(subjects.heartbeat(node_id), codec.encode(beat))
        await until(lambda: len(heard) == 2)

    worker(world, nats_account, story)
    assert codec.decode(Sync, heard["sync"]) == Sync({name: 1}, 5)
    assert codec.decode(Retell, heard["retell"]) == Retell((name,))
    with world.begin() as connection:
        waiting = [message.id for message in outbox.unpublished(connection, 10)]
    assert f"{name}:1:{at}" in waiting, "its revision counts for nothing under an older generation"


def test_nodes_are_not_judged_by_a_silence_of_ours(world: World, nats_account: NatsAccount) -> None:
    world.node(world.provider())
    with world.begin() as connection:
        connection.exec_driver_sql("UPDATE node SET heartbeat_at = now() - interval '1 hour'")

    async def story(client: Client, inbox: Inbox, settings: Settings) -> None:
        strict = settings.model_copy(update={"node_lost_seconds": 1.5})
        timers = Timers(world.database, world.clock, None, strict, inbox, inbox)  # type: ignore[arg-type]  # no ask, no engine
        await timers.watch_once()
        assert _node(world)["state"] == "online"
        await until(lambda: inbox.steady_seconds() > 1.5)
        await timers.watch_once()
        assert _node(world)["state"] == "lost"

    worker(world, nats_account, story)


def _node(world: World) -> dict[str, Any]:
    with world.begin() as connection:
        return dict(connection.execute(select(node)).mappings().one())
