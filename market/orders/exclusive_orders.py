"""Exclusive groups: bids of which only one is to trade go to the shard's engine as one command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from market.engine.client import EngineClient, error_of
from market.engine.commands import Answer, PlaceGroup, PreviewOrder
from market.instruments.instruments import zone_of


@dataclass(frozen=True, slots=True)
class PreviewedGroup:
    """The orders as they would stand (columns of `orders`), the first trades (columns of `trade`), and the price of all
    of them for their whole windows, without VAT."""

    orders: Sequence[dict[str, Any]]
    trades: Sequence[dict[str, Any]]
    value_micros: int


async def place_exclusive(engine: EngineClient, group: PlaceGroup) -> Sequence[dict[str, Any]]:
    """The orders as they stand after the commit: rows of `orders`. Raises what the engine raises."""
    return (await _answered(engine, group, group)).orders


async def preview_exclusive(engine: EngineClient, group: PlaceGroup) -> PreviewedGroup:
    """What placing the group would do now. Raises what placing it would raise."""
    answer = await _answered(engine, group, PreviewOrder(group))
    return PreviewedGroup(answer.orders, answer.trades, answer.value_micros)


async def _answered(engine: EngineClient, group: PlaceGroup, command: PlaceGroup | PreviewOrder) -> Answer:
    [answer] = await engine.submit(zone_of(group.bids[0].instrument), [command])
    if answer.problem is not None:
        raise error_of(answer.problem)
    return answer
