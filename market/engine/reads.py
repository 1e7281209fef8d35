"""Reads of the committed books, answered by the engine between two batches."""

from __future__ import annotations

from typing import Any

from market.engine.state import EngineState


def depth(state: EngineState, instrument: str) -> dict[str, Any]:
    """Price levels, best first: `[price_micros, slices]`. For bids, slices of guests still wanted; for asks, the most
    slices that stand free at some minute."""
    levels = state.shard.depth(instrument)
    return {
        "bids": [[level.price_micros, level.slices] for level in levels.bids],
        "asks": [[level.price_micros, level.slices] for level in levels.asks],
    }
