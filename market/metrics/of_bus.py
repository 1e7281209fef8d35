"""Figures of the bus and of the engines behind it. What does not answer is down, and has no further figure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from common import subjects
from common.errors import Unavailable
from market.engine.client import EngineClient
from market.engine.reads import LoadQuestion
from market.metrics.figures import Figure, Values, single
from runtime.bus import newest_consumer

_PATIENCE_SECONDS = 2.0
_CONSUMERS = {
    subjects.STATUS_CONSUMER: subjects.STATUS_STREAM,
    subjects.METERING_CONSUMER: subjects.USAGE_STREAM,
}


async def figures_of_bus(bus: Client) -> list[Figure]:
    """Whether the bus answers, and how far the worker's consumers are behind."""
    pending: Values = {}
    unacknowledged: Values = {}
    jetstream, is_up = bus.jetstream(), bus.is_connected
    for consumer, stream in _CONSUMERS.items() if is_up else ():
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                info = await newest_consumer(jetstream, stream)
        except nats.js.errors.NotFoundError:
            continue  # no worker has started yet
        except (nats.errors.Error, TimeoutError):
            is_up = False
            break
        if info is None:
            continue
        pending[consumer,] = float(info.num_pending or 0)
        unacknowledged[consumer,] = float(info.num_ack_pending or 0)
    return [
        single("bus_up", "1 if the bus and its streams answer.", is_up),
        Figure("consumer_pending", "gauge", "Messages that a consumer has not got yet.", ("consumer",), pending),
        Figure(
            "consumer_unacknowledged",
            "gauge",
            "Messages that it has got and not acknowledged yet.",
            ("consumer",),
            unacknowledged,
        ),
    ]


async def figures_of_engines(engine: EngineClient, zones: Sequence[str]) -> list[Figure]:
    """Whether the engine of each zone answers, and what waits before it."""
    answers = await asyncio.gather(*(_load(engine, zone) for zone in zones))
    up: Values = {(zone,): float(load is not None) for zone, load in zip(zones, answers, strict=True)}
    waiting: Values = {(zone,): load for zone, load in zip(zones, answers, strict=True) if load is not None}
    return [
        Figure("engine_up", "gauge", "1 if the engine of the zone answers.", ("zone",), up),
        Figure("engine_waiting_calls", "gauge", "Calls that wait for the engine's next batch.", ("zone",), waiting),
    ]


async def _load(engine: EngineClient, zone: str) -> float | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return float((await engine.ask(zone, LoadQuestion()))["waiting_calls"])
    except (Unavailable, TimeoutError):
        return None
