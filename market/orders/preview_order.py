"""A preview: the engine applies the order, tells what came of it, and takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from market.engine.client import EngineClient, order_of
from market.engine.commands import Placement, PreviewOrder
from market.instruments.instruments import zone_of


@dataclass(frozen=True, slots=True)
class Previewed:
    """The order as it would stand (columns of `orders`), its first trades (columns of `trade`), and the price of all of
    them for their whole windows, without VAT."""

    order: dict[str, Any]
    trades: tuple[dict[str, Any], ...]
    value_micros: int


async def preview_order(engine: EngineClient, placement: Placement) -> Previewed:
    """What placing the order would do now. Raises what placing it would raise."""
    [answer] = await engine.submit(zone_of(placement.instrument), [PreviewOrder(placement)])
    return Previewed(order_of(answer), answer.trades, answer.value_micros)
