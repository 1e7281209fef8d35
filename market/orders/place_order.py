"""Placing and cancelling: a use case builds the command and hands it to the shard's engine, which alone decides."""

from __future__ import annotations

from typing import Any

from common import fault_points
from market.engine.client import EngineClient, order_of
from market.engine.commands import CancelOrder, Placement
from market.instruments.instruments import zone_of


async def place_order(engine: EngineClient, placement: Placement) -> dict[str, Any]:
    """The order as it stands after the commit: a row of `orders`. Raises what the engine raises."""
    [answer] = await engine.submit(zone_of(placement.instrument), [placement])
    fault_points.reach("market.answered")
    return order_of(answer)


async def cancel_order(engine: EngineClient, shard: str, order: str, participant: str) -> dict[str, Any]:
    """The order as it stands after the commit. Raises NotFound, and Conflict when it was filled or expired before."""
    [answer] = await engine.submit(shard, [CancelOrder(order, participant)])
    return order_of(answer)
