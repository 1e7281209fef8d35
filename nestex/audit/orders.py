"""Rows of `orders` as they must be: made at the entry, and moved on by the auditor's events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common import codec
from market.engine.commands import PlaceBid, PlaceGroup, Placement
from market.engine.digests import content_sha256, group_sha256
from market.tables import orders
from matching.commands import Amend, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk
from matching.events import Done, Trade
from matching.journal import JournalEntry

Row = dict[str, Any]

_COLUMNS = tuple(column.name for column in orders.columns)


def entered_rows(shard: str, entry: JournalEntry, placements: Sequence[Placement]) -> list[Row]:
    """The rows of the orders that the entry enters, before they meet the book."""
    command = entry.command
    if isinstance(command, EnterBid | EnterAsk):
        [placement] = placements
        return [_entered_row(shard, entry, command, placement) | _content(content_sha256(placement))]
    if isinstance(command, EnterLinkedAsk):
        [placement] = placements
        linked = {"linked": True, "remaining": []}
        row = _entered_row(shard, entry, command.ask, placement)
        return [row | linked | _content(content_sha256(placement))]
    if not isinstance(command, EnterGroup):
        return []
    group = PlaceGroup(tuple(placed for placed in placements if isinstance(placed, PlaceBid)))
    together = {"exclusive_group": command.bids[0].order}
    return [
        _entered_row(shard, entry, bid, placed) | together | _content(content)
        for bid, placed, content in zip(command.bids, group.bids, group_sha256(group), strict=True)
    ]


def traded(row: Row, trade: Trade, at_micros: int) -> None:
    """The order has traded."""
    row["state"], row["updated_at_micros"] = "partially_filled", at_micros
    if row["side"] == "bid":
        row["guests_filled"] += trade.guests
    else:
        row["slice_minutes_sold"] += trade.guests * trade.slices_per_guest * (trade.end - trade.start)


def amended(row: Row, amend: Amend, at_micros: int) -> None:
    """The order was amended."""
    row["revision"] += 1
    row["updated_at_micros"] = at_micros
    for column in ("guests", "slices", "price_micros"):
        if (value := getattr(amend, column)) is not None:
            row[column] = value


def cut(row: Row, at_micros: int) -> None:
    """The order has lost what it shared with one that sold."""
    row["updated_at_micros"] = at_micros


def ended(row: Row, done: Done, at_micros: int) -> None:
    """The order is done."""
    row.update(state=done.state, reason=done.reason, reserved_micros=0, updated_at_micros=at_micros)
    if row["remaining"] is not None:
        row["remaining"] = []


def told(row: Row, reason: str | None = None) -> Row:
    """What the feed tells of the order; the reason is of a change of one that is open."""
    return {
        "participant": row["participant_id"],
        "side": row["side"],
        "state": row["state"],
        "reason": row["reason"] or reason,
        "revision": row["revision"],
    }


def _bid_columns(command: EnterBid | EnterAsk, bid: PlaceBid) -> Row:
    assert isinstance(command, EnterBid)
    return {
        "side": "bid",
        "guests": bid.guests,
        "guests_filled": 0,
        "slices_per_guest": bid.slices_per_guest,
        "duration_minutes": bid.duration_minutes,
        "start_from": command.start_from,
        "start_by": command.start_by,
        "nodes": list(bid.nodes),
        "avoid_providers": list(bid.avoid_providers),
        "min_reliability_ppm": bid.min_reliability_ppm,
        "template": codec.to_json(bid.template),
        "replace_on_failure": bid.replace_on_failure,
        "replaces": bid.replaces,
        "grows": bid.grows,
    }


def _ask_columns(command: EnterBid | EnterAsk) -> Row:
    assert isinstance(command, EnterAsk)
    return {
        "side": "ask",
        "node_id": command.node if command.contract is None else None,
        "backing_contract_id": command.contract,
        "slices": command.slices,
        "available_from": command.available_from,
        "available_until": command.available_until,
        "min_minutes": command.min_minutes,
        "slice_minutes_sold": 0,
        "replace_on_failure": False,
        "linked": False,
    }


def _content(digest: str) -> Row:
    return {"content_sha256": bytes.fromhex(digest)}


def _entered_row(shard: str, entry: JournalEntry, command: EnterBid | EnterAsk, placement: Placement) -> Row:
    return dict.fromkeys(_COLUMNS) | {
        "id": placement.order,
        "shard": shard,
        "sequence": entry.sequence,
        "participant_id": placement.participant,
        "client_order_id": placement.client_order_id,
        "instrument": placement.instrument,
        "price_micros": placement.price_micros,
        "time_in_force": placement.time_in_force,
        "expires_at": placement.expires_at,
        "post_only": placement.post_only,
        "self_trade_prevention": placement.self_trade_prevention,
        "state": "new",
        "revision": 1,
        "reserved_micros": 0,
        "entered_minute": command.minute,
        "entered_at_micros": entry.at_micros,
        "updated_at_micros": entry.at_micros,
        **(_bid_columns(command, placement) if isinstance(placement, PlaceBid) else _ask_columns(command)),
    }
