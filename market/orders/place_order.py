"""Placing: a use case builds the command and hands it to the shard's engine, which alone decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from common import fault_points
from common.errors import NestexError, Unavailable
from market.engine.client import EngineClient, error_of, order_of
from market.engine.commands import Placement
from market.instruments.instruments import zone_of

Placed = dict[str, Any] | NestexError
"""The order as it stands after the commit (a row of `orders`), or why there is none."""


async def place_order(engine: EngineClient, placement: Placement) -> dict[str, Any]:
    """The order as it stands after the commit: a row of `orders`. Raises what the engine raises."""
    [answer] = await engine.submit(zone_of(placement.instrument), [placement])
    fault_points.reach("market.answered")
    return order_of(answer)


async def place_orders(engine: EngineClient, placements: Sequence[Placement]) -> list[Placed]:
    """What became of each order, in their order. Those of one zone enter in this order; the zones work side by side."""
    by_zone: dict[str, list[int]] = {}
    for index, placement in enumerate(placements):
        by_zone.setdefault(zone_of(placement.instrument), []).append(index)
    answered = await asyncio.gather(
        *(_place_in(engine, zone, [placements[index] for index in indices]) for zone, indices in by_zone.items())
    )
    placed = {
        index: outcome
        for indices, outcomes in zip(by_zone.values(), answered, strict=True)
        for index, outcome in zip(indices, outcomes, strict=True)
    }
    return [placed[index] for index in range(len(placements))]


async def _place_in(engine: EngineClient, zone: str, placements: Sequence[Placement]) -> list[Placed]:
    """A zone without an answer is the problem of its own orders alone."""
    try:
        answers = await engine.submit(zone, placements)
    except Unavailable as error:
        return [error] * len(placements)
    return [order_of(answer) if answer.problem is None else error_of(answer.problem) for answer in answers]
