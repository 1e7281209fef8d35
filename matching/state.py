"""The canonical form of everything that decides how a shard behaves from now on, and its hash.

Two shards with the same hash answer the same commands with the same events. What follows from other parts (indexes,
bounds, expiry minutes) is left out, and so is what can no longer matter (load of minutes that have passed).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from matching.floor import Floor
from matching.orders import Ask, Bid, LinkedAsk, Order


def state_hash(floor: Floor) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    text = json.dumps(canonical_state(floor), separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_state(floor: Floor) -> dict[str, Any]:
    """The state as plain dicts, lists, strings and integers."""
    return {
        "minute": floor.minute,
        "entered": floor.entered,
        "orders": [
            _order_state(order, floor) for order in sorted(floor.open.values(), key=lambda order: order.priority)
        ],
        "load": [
            [node, vector, profile.minutes, profile.levels]
            for node, vector, profile in floor.load.committed(floor.minute)
        ],
    }


def _order_state(order: Order, floor: Floor) -> dict[str, Any]:
    shared = {
        "order": order.order,
        "participant": order.entry.participant,
        "instrument": order.entry.instrument,
        "price_micros": order.price_micros,
        "priority": order.priority,
        "expires_at": order.expires_at,
        "post_only": order.entry.post_only,
        "self_trade_prevention": order.entry.self_trade_prevention,
    }
    if isinstance(order, Bid):
        return shared | {
            "side": "bid",
            "guests": order.guests,
            "guests_left": order.guests_left,
            "slices_per_guest": order.slices_per_guest,
            "duration_minutes": order.duration_minutes,
            "start_from": order.start_from,
            "start_by": order.start_by,
            "nodes": sorted(set(order.entry.nodes)),
            "avoid_providers": sorted(set(order.entry.avoid_providers)),
            "min_reliability_ppm": order.entry.min_reliability_ppm,
            **_rivals(order, floor),
        }
    assert isinstance(order, Ask)
    if order.entry.contract is not None:
        shared |= {"contract": order.entry.contract, "deliverer": order.entry.deliverer}
    vector = order.vector if isinstance(order, LinkedAsk) else order.slice_vector
    return shared | {
        "side": "ask",
        "node": order.node,
        "slices": order.slices,
        "reliability_ppm": order.entry.reliability_ppm,
        "min_minutes": order.min_minutes,
        "slice_vector": vector,
        "minutes": order.profile.minutes,
        "levels": order.profile.levels,
        **({"offered": order.offered} if isinstance(order, LinkedAsk) else {}),
    }


def _rivals(bid: Bid, floor: Floor) -> dict[str, list[str]]:
    """Nothing for a bid of its own, or the last of its group: what is done matters no more."""
    rivals = [rival for rival in bid.rivals if rival in floor.open]
    return {"rivals": rivals} if rivals else {}
