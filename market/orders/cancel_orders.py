"""Canceling: one order, or all open orders of a participant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from market.engine.client import EngineClient, error_of, order_of
from market.engine.commands import CancelAll, CancelOrder


async def cancel_order(engine: EngineClient, shard: str, order: str, participant: str) -> dict[str, Any]:
    """The order as it stands after the commit. Raises NotFound, and Conflict when it was filled or expired before."""
    [answer] = await engine.submit(shard, [CancelOrder(order, participant)])
    return order_of(answer)


async def cancel_all(engine: EngineClient, shards: Sequence[str], command: CancelAll) -> int:
    """How many orders it took off the books of these shards: again and again, until none is left.

    Raises Unavailable: then some may be canceled, and asking again cancels the rest.
    """
    total = 0
    for shard in shards:
        canceled = 1
        while canceled:
            [answer] = await engine.submit(shard, [command])
            if answer.problem is not None:
                raise error_of(answer.problem)
            canceled = answer.canceled
            total += canceled
    return total
