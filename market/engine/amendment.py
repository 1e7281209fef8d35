"""An amendment of an open order: whether it may be, and what the order is after it. The auction has the last word.

Source: the design's market rules, "Orders", the row "amend".
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar, cast

from common.errors import Conflict, InvalidInput
from common.wire import Capacity
from market.engine.admission import check_ask_again, check_bid_again, check_takes_orders
from market.engine.commands import AmendOrder
from market.engine.facts import PlacementFacts
from market.engine.records import AskRecord, BidRecord, OrderRecord, Stamp
from market.engine.resale import check_rest
from market.engine.windows import ask_window
from matching.commands import Amend, InstrumentMode

Record = TypeVar("Record", BidRecord, AskRecord)


def check_revision(amendment: AmendOrder, record: OrderRecord) -> None:
    """Raises Conflict when the caller has seen another revision of the order."""
    if amendment.revision != record.revision:
        raise Conflict(
            "revision_mismatch",
            f"the order is at revision {record.revision}: read it again before you amend it",
            field="revision",
            limit=record.revision,
        )


def check_size(amendment: AmendOrder, record: OrderRecord) -> None:
    """Raises InvalidInput when the size is of the other side, not lower than the total, or lower than what has
    traded."""
    field, total, least = (
        ("guests", record.bid.guests, max(1, record.guests_filled))
        if isinstance(record, BidRecord)
        else ("slices", record.ask.slices, 1)
    )
    other = "slices" if field == "guests" else "guests"
    if getattr(amendment, other) is not None:
        raise InvalidInput("invalid_field", f"this order has no {other}", field=other, limit=field)
    if isinstance(record, AskRecord) and record.ask.contract is not None:
        raise InvalidInput("invalid_field", "the rest of a contract is sold as a whole", field=field, limit="price")
    size = getattr(amendment, field)
    if not least <= size < total:
        limit = f"{least} to {total - 1}"
        raise InvalidInput("invalid_field", f"{field} can only be lowered, to {limit}", field=field, limit=limit)


def with_price(record: OrderRecord, price_micros: int, facts: PlacementFacts, stamp: Stamp) -> OrderRecord:
    """The order as it enters again at this price, on terms of now, before it trades."""
    if isinstance(record, BidRecord):
        repriced = dataclasses.replace(record.bid, price_micros=price_micros)
        bid = dataclasses.replace(_next_revision(record, stamp), bid=repriced, terms=facts.terms)
        return dataclasses.replace(bid, reserved_micros=bid.reserve_micros(bid.bid.guests - bid.guests_filled))
    dearer = dataclasses.replace(record.ask, price_micros=price_micros)
    ask = dataclasses.replace(_next_revision(record, stamp), ask=dearer, terms=facts.terms)
    return dataclasses.replace(ask, reserved_micros=ask.bond_micros(ask.slice_minutes_left))


def check_entry_again(
    after: OrderRecord, facts: PlacementFacts, minute: int, more_micros: int, committed: Capacity
) -> None:
    """All entry checks, on facts of now. `more_micros` is what it reserves more than before, `committed` the node's
    peak in an ask's window, the ask included."""
    if isinstance(after, BidRecord):
        check_bid_again(after.bid, after.window, facts, minute, more_micros)
    elif after.ask.contract is not None:
        check_takes_orders(facts.instrument)
        check_rest(after.ask, ask_window(after.ask, minute), facts, minute)
    else:
        check_ask_again(after.ask, after.window, facts, minute, more_micros, committed)


def with_size(record: OrderRecord, amendment: AmendOrder, slice_minutes_left: int, stamp: Stamp) -> OrderRecord:
    """The order with fewer guests or slices. `slice_minutes_left` is what the auction has left of an ask."""
    if isinstance(record, BidRecord):
        assert amendment.guests is not None
        fewer = dataclasses.replace(record.bid, guests=amendment.guests)
        bid = dataclasses.replace(_next_revision(record, stamp), bid=fewer)
        return dataclasses.replace(bid, reserved_micros=bid.reserve_micros(amendment.guests - bid.guests_filled))
    assert amendment.slices is not None
    smaller = dataclasses.replace(record.ask, slices=amendment.slices)
    ask = dataclasses.replace(_next_revision(record, stamp), ask=smaller, slice_minutes_left=slice_minutes_left)
    return dataclasses.replace(ask, reserved_micros=ask.bond_micros(slice_minutes_left))


def on_book(amendment: AmendOrder, minute: int, facts: PlacementFacts | None) -> Amend:
    """The auction's command. `facts` come with a price.

    Raises InvalidInput when it names none or several of guests, slices and price.
    """
    amend = Amend(minute, amendment.order, amendment.guests, amendment.slices, amendment.price_micros)
    if facts is None:
        return amend
    return dataclasses.replace(amend, mode=cast(InstrumentMode, facts.instrument.mode))  # a CHECK of the table


def _next_revision(record: Record, stamp: Stamp) -> Record:
    return dataclasses.replace(record, revision=record.revision + 1, updated_at_micros=stamp.at_micros)
