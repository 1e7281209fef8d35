"""Entry and re-entry of an order: the checks before it meets the book, and what becomes of it after.

Stands between the command (`matching.shard`, `matching.amend`) and the rule (`matching.rule`).
"""

from __future__ import annotations

from common.errors import Conflict
from matching.commands import Amend
from matching.events import Amended
from matching.floor import Floor
from matching.orders import Ask, Bid, Order
from matching.rule import match, would_match

_CLOSED = {"halted": "instrument_halted", "cancel_only": "instrument_cancel_only"}
"""Modes in which no order enters, and the reason why one is rejected."""


def enter(order: Order, floor: Floor) -> None:
    """A new order is rejected, or meets the book; what it does not trade rests, or is canceled if it is `ioc`.

    Raises Conflict (`duplicate_order`) when its id is open.
    """
    if order.order in floor.open:
        raise _is_open(order)
    floor.admit(order)
    entry = order.entry
    time_in_force = entry.time_in_force
    if order.expiry_minute <= floor.minute or entry.post_only or time_in_force == "fok" or entry.mode != "open":
        refusal = _refusal(order, floor)
        if refusal is not None:
            floor.reject(order, refusal)
            return
        if time_in_force == "fok":
            _fill_or_kill(order, floor)
            return
    if isinstance(order, Ask):
        floor.commit_capacity(order)
    reason = match(order, floor)
    if reason is not None:
        floor.finish(order, reason)
    elif time_in_force == "ioc":
        floor.finish(order, "ioc_remainder")
    else:
        floor.place(order)


def enter_group(bids: list[Bid], floor: Floor) -> None:
    """New bids enter in this order until one of them trades; those after it are canceled before they meet the book.

    Raises Conflict (`duplicate_order`) when the id of one is open.
    """
    for bid in bids:
        if bid.order in floor.open:
            raise _is_open(bid)
        bid.rivals = tuple(other.order for other in bids if other is not bid)
    has_traded = False
    for bid in bids:
        if not has_traded:
            enter(bid, floor)
            has_traded = bid.guests_left < bid.guests
        else:
            floor.admit(bid)
            floor.reject(bid, "exclusive_group")


def enter_again(order: Order, amendment: Amend, price_micros: int, floor: Floor) -> None:
    """A resting order meets the book at another price, or the same, behind all others.

    Nothing happens when the instrument takes no order, or when it or the order is `post_only` and the order would
    trade.
    """
    if amendment.mode in _CLOSED:
        return
    kept = len(floor.log)
    floor.readmit(order, price_micros)
    if (order.entry.post_only or amendment.mode == "post_only") and would_match(order, floor):
        floor.undo.shorten(kept)
        return
    floor.events.append(Amended(order.order))
    reason = match(order, floor)
    if reason is None:
        floor.place(order)
    else:
        floor.finish(order, reason)


def _is_open(order: Order) -> Conflict:
    return Conflict("duplicate_order", f"an order {order.order} is open", field="order")


def _fill_or_kill(bid: Order, floor: Floor) -> None:
    """If not every guest can trade at once, nothing that the bid met has happened."""
    kept, before = len(floor.log), len(floor.events)
    reason = match(bid, floor)
    if reason == "fully_filled":
        floor.finish(bid, reason)
    else:
        floor.undo.shorten(kept)
        del floor.events[before:]
        floor.reject(bid, "fok_unfilled")


def _refusal(order: Order, floor: Floor) -> str | None:
    entry = order.entry
    if order.is_overdue(floor.minute):
        return "expires_at_passed"
    if order.expiry_minute <= floor.minute:
        return "window_unservable"
    if entry.mode in _CLOSED:
        return _CLOSED[entry.mode]
    if entry.time_in_force == "fok" and isinstance(order, Ask):
        return "fok_ask"
    if (entry.post_only or entry.mode == "post_only") and would_match(order, floor):
        return "post_only_would_trade" if entry.post_only else "instrument_post_only"
    return None
