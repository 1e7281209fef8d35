"""A trade as its table holds it, and as the answer to a preview tells it."""

from __future__ import annotations

from typing import Any

from market.engine.records import Stamp
from matching.events import Trade


def trade_row(stamp: Stamp, ordinal: int, executed: Trade, instrument: str) -> dict[str, Any]:
    """All columns of the `trade` table."""
    return {
        "shard": stamp.shard,
        "sequence": stamp.sequence,
        "ordinal": ordinal,
        "instrument": instrument,
        "bid_order_id": executed.bid,
        "ask_order_id": executed.ask,
        "taker_side": executed.taker_side,
        "price_micros": executed.price_micros,
        "start_minute": executed.start,
        "end_minute": executed.end,
        "guests": executed.guests,
        "slices_per_guest": executed.slices_per_guest,
        "at_micros": stamp.at_micros,
    }
