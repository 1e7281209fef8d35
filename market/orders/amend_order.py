"""Amending an open order: the engine alone decides."""

from __future__ import annotations

from typing import Any

from market.engine.client import EngineClient, order_of
from market.engine.commands import AmendOrder


async def amend_order(engine: EngineClient, shard: str, amendment: AmendOrder) -> dict[str, Any]:
    """The order as it stands after the commit. Raises Conflict when it was amended before or is not open any more, and
    what its entry at another price raises."""
    [answer] = await engine.submit(shard, [amendment])
    return order_of(answer)
