"""Settlement: contract-minutes a second, against a bare SQL function that writes the same rows and against a
transaction for each; and from NATS to the ledger with a whole worker.

Times are processor times, of Python and of PostgreSQL's backend or of all its processes; the elapsed ones are told too,
and are worth what the machine's other users leave of them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from nats.aio.client import Client
from sqlalchemy import Connection, Engine, text

from bench import settled
from bench.processor_time import child_named, own_seconds, parent_of, seconds_of, seconds_of_family
from bench.servers import copy_of, servers
from billing.settlement import settle
from common import codec, subjects
from common.clock import SystemClock
from common.garbage import spare_the_collector
from common.wire import GuestMinute, UsageReport
from nestex.bootstrap import NewDeployment, prepare
from nestex.stack.stack import Stack
from runtime import bus
from runtime.database import connect
from runtime.settings import Settings

_CONTRACTS, _NODES = 20_000, 200
_SETTLED = 5_000
_BATCH = 1_000
_ALONE = 300
_ROUNDS = 5
_MINUTES = 5
_PATIENCE_SECONDS = 600
_NOW = settled.AT + 15_000 * 60_000_000


@dataclass(frozen=True, slots=True)
class _Cost:
    """Microseconds of a contract-minute."""

    elapsed: float
    python: float
    postgres: float

    @property
    def processor(self) -> float:
        return self.python + self.postgres


def run() -> Iterator[str]:
    """The figures, one sentence each."""
    with servers() as stack:
        prepare(stack.database_url, NewDeployment(market_micros=_NOW))
        with _connected(stack.database_url) as database:
            settled.furnish(database, _CONTRACTS, _NODES)
        spare_the_collector()  # as the worker does
        with copy_of(stack.database_url, "bench_settlement") as copied, _connected(copied) as database:
            yield from _ratios(database)
        with _connected(stack.database_url) as database:
            yield from _from_the_bus(stack, database)


@contextmanager
def _connected(url: str) -> Iterator[Engine]:
    database = connect(url, application="bench", pool_size=1)
    yield database
    database.dispose()


def _ratios(database: Engine) -> Iterator[str]:
    def ours(connection: Connection) -> int:
        return settle(connection, settled.AT, _BATCH).contracts

    def bare(connection: Connection) -> int:
        return int(connection.execute(text("SELECT bare_settlement(:batch)"), {"batch": _BATCH}).scalar_one())

    def alone(connection: Connection) -> int:
        return settle(connection, settled.AT, 1).contracts

    kinds = {"in batches": (ours, _SETTLED), "bare": (bare, _SETTLED), "one a transaction": (alone, _ALONE)}
    costs: dict[str, list[_Cost]] = {name: [] for name in kinds}
    for _ in range(_ROUNDS + 1):  # the first warms up
        for name, (work, count) in kinds.items():
            with database.begin() as connection:
                connection.execute(settled.DELIVER, {"count": count})
            costs[name].append(_measured(database, work, count))
    middle = {name: _middle(found[1:]) for name, found in costs.items()}
    for name, cost in middle.items():
        yield (
            f"settled {name}: {1e6 / cost.elapsed:,.0f} contract-minutes a second; processor time"
            f" {cost.python:.0f} us of Python and {cost.postgres:.0f} us of PostgreSQL each"
        )
    whole, base, slow = middle["in batches"], middle["bare"], middle["one a transaction"]
    yield (
        f"ratio to the bare function: {base.processor / whole.processor:.2f} of processor time,"
        f" {base.elapsed / whole.elapsed:.2f} of elapsed; to one a transaction: {slow.processor / whole.processor:.0f}"
        f" and {slow.elapsed / whole.elapsed:.0f}"
    )


def _measured(database: Engine, work: Callable[[Connection], int], count: int) -> _Cost:
    with database.begin() as connection:
        backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    clock, done = SystemClock(), 0
    began, python, postgres = clock.monotonic(), own_seconds(), seconds_of(backend)
    while done < count:
        with database.begin() as connection:
            done += work(connection)
    taken = clock.monotonic() - began, own_seconds() - python, seconds_of(backend) - postgres
    return _Cost(*(1e6 * seconds / count for seconds in taken))


def _middle(costs: list[_Cost]) -> _Cost:
    return _Cost(*(median(getattr(cost, name) for cost in costs) for name in _Cost.__dataclass_fields__))


def _from_the_bus(stack: Stack, database: Engine) -> Iterator[str]:
    """A real worker takes the reports of all nodes from NATS, and settles what it has metered."""
    command = [sys.executable, "-m", "nestex", "worker"]
    worker = subprocess.Popen(command, env=os.environ | stack.environment(), stderr=subprocess.DEVNULL)
    try:
        yield asyncio.run(_flood(stack, database, worker.pid))
    finally:
        worker.terminate()
        worker.wait()


async def _flood(stack: Stack, database: Engine, worker: int) -> str:
    with database.begin() as connection:
        backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    postgres = parent_of(backend) or backend
    nats_server = child_named("nats-server", os.getpid())
    settings = Settings(
        database_url=stack.database_url, nats_url=stack.nats_url, nats_credentials=stack.nats_credentials
    )
    client = await bus.connect(settings, "bench agents")
    jetstream = client.jetstream()
    await bus.ensure_streams(jetstream)
    before = _billed(database)
    await _publish(client, 0)  # one minute to warm up
    await _until(database, before + _CONTRACTS)
    clock = SystemClock()
    parts = {"worker": seconds_of, "PostgreSQL": seconds_of_family, "nats-server": seconds_of}
    pids = {"worker": worker, "PostgreSQL": postgres, "nats-server": nats_server}
    used = {name: parts[name](pid) for name, pid in pids.items()}
    began = clock.monotonic()
    for minute in range(1, _MINUTES + 1):  # the next one comes when this is settled: no posting is of two minutes
        await _publish(client, minute)
        await _until(database, before + _CONTRACTS * (minute + 1))
    elapsed = clock.monotonic() - began
    await client.close()
    count = _CONTRACTS * _MINUTES
    each = {name: 1e6 * (parts[name](pid) - used[name]) / count for name, pid in pids.items()}
    told = ", ".join(f"{name} {micros:.0f}" for name, micros in each.items())
    return (
        f"from NATS to the ledger: {count / elapsed:,.0f} contract-minutes a second beside what else runs here;"
        f" processor time {told} us each: two cores do {2e6 / sum(each.values()):,.0f}, and one worker at most"
        f" {1e6 / each['worker']:,.0f}"
    )


async def _publish(client: Client, offset: int) -> None:
    jetstream = client.jetstream()
    minute = settled.START + 10_000 + offset
    for node in range(_NODES):
        guests = tuple(
            GuestMinute(name, 60, 1, offset * 10**9, 500_000, offset * 4096, 0)
            for name in settled.names(_CONTRACTS, node, _NODES)
        )
        report = UsageReport(f"nod_{node}", offset + 1, minute, guests)
        await jetstream.publish(subjects.usage(report.node), codec.encode(report), timeout=60)


async def _until(database: Engine, billed: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await asyncio.to_thread(_billed, database) < billed:  # noqa: ASYNC110  what is waited for is a table's
            await asyncio.sleep(0.2)


def _billed(database: Engine) -> int:
    with database.begin() as connection:
        return int(connection.execute(text("SELECT sum(billed_minutes) FROM billable_contract")).scalar_one())
