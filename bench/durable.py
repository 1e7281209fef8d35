"""Durable orders: through the engine's queue, against a bare COPY of the same rows in the same batches.

Both write into databases that start alike, on a PostgreSQL that syncs every commit. The bare side gets the rows as
bytes that are ready for COPY, decides nothing and checks nothing. It is measured twice: with the rows of `orders`
alone, and with every row of every table that the engine wrote, where the same counters move too. Each batch is one
transaction on either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psycopg

from bench import market
from bench.market import Cast
from bench.rows import BatchRows, copy_batches, rows_of
from bench.servers import copy_of, furnished, servers
from common.clock import MarketClock, SystemClock
from common.garbage import spare_the_collector
from market.engine import fence as fencing
from market.engine.batch import BatchProcessor
from market.engine.commands import Command
from market.engine.loop import EngineLoop
from market.engine.state import EngineState
from runtime.database import connect

_COMMANDS = 5_000
_ROUNDS = 3
_BATCHES = (100, 500)
_LEASE_SECONDS = 600.0
_STREAMS: dict[str, Callable[[Cast, int, int], Sequence[Command]]] = {
    "resting bids": market.resting,
    "mixed": market.mixed,
}


@dataclass(frozen=True, slots=True)
class _Round:
    """Seconds of one round, of the whole stream each."""

    engine: float
    orders_alone: float
    all_rows: float


def run() -> Iterator[str]:
    """Lines of the report."""
    with servers() as stack:
        cast, clock = furnished(stack)
        for name, stream in _STREAMS.items():
            for size in _BATCHES:
                rounds = [_round(stack.database_url, clock, stream(cast, clock.minute(), _COMMANDS), size)]
                rounds = [
                    _round(stack.database_url, clock, stream(cast, clock.minute(), _COMMANDS), size)
                    for _ in range(_ROUNDS)
                ]
                yield f"{name}, {size} a batch: " + _report(rounds)


def _report(rounds: list[_Round]) -> str:
    engine = median(one.engine for one in rounds)
    alone, whole = (median(one.orders_alone for one in rounds), median(one.all_rows for one in rounds))
    return (
        f"engine {_COMMANDS / engine:,.0f} commands a second; COPY of all its rows {_COMMANDS / whole:,.0f}, ratio"
        f" {median(one.all_rows / one.engine for one in rounds):.2f}; COPY into orders alone"
        f" {_COMMANDS / alone:,.0f}, ratio {median(one.orders_alone / one.engine for one in rounds):.2f}"
    )


def _round(url: str, clock: MarketClock, stream: Sequence[Command], size: int) -> _Round:
    with copy_of(url, "bench_engine") as engine_url:
        engine_seconds = _engine(engine_url, clock, stream, size)
        batches = rows_of(engine_url, market.ZONE)
    return _Round(
        engine_seconds,
        _copy(url, [BatchRows(batch.sequence, batch.rows[:1]) for batch in batches]),
        _copy(url, batches),
    )


def _engine(url: str, clock: MarketClock, stream: Sequence[Command], size: int) -> float:
    """Seconds until the last of the batches, handed over one after the other, is answered."""
    spare_the_collector()  # as in a deployment's engine process
    database = connect(url, application="bench engine", pool_size=2, by_key=True)
    with database.begin() as connection:
        fence = fencing.acquire(connection, market.ZONE, "bench", _LEASE_SECONDS)
    assert fence is not None
    processor = BatchProcessor(database, clock, EngineState(market.ZONE), fence, lease_seconds=_LEASE_SECONDS)
    try:
        return asyncio.run(_submit(processor, stream, size))
    finally:
        database.dispose()


async def _submit(processor: BatchProcessor, stream: Sequence[Command], size: int) -> float:
    loop = EngineLoop(processor)
    running = asyncio.create_task(loop.run())
    real = SystemClock()
    started = real.monotonic()
    for first in range(0, len(stream), size):
        await loop.submit(stream[first : first + size])
    seconds = real.monotonic() - started
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return seconds


def _copy(url: str, batches: Sequence[BatchRows]) -> float:
    real = SystemClock()
    with copy_of(url, "bench_copy") as copy_url, psycopg.connect(copy_url) as connection:
        started = real.monotonic()
        copy_batches(connection, batches)
        return real.monotonic() - started
