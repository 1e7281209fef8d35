"""Entry and re-entry of an order: the checks before it meets the book, and what becomes of it after.

Stands between the command (`matching.shard`, `matching.amend`) and the rule (`matching.rule`).
"""

from __future__ import annotations

from matching.commands import Amend
from matching.events import Amended, Entered
from matching.floor import Floor
from matching.load import NOTHING
from matching.orders import Ask, Order
from matching.rule import match, would_match

_CLOSED = {"halted": "instrument_halted", "cancel_only": "instrument_cancel_only"}
"""Modes in which no order enters, and the reason why one is rejected."""


def enter(order: Order, floor: Floor) -> None:
    """A new order is rejected, or meets the book; what it does not trade rests, or is canceled if it is `ioc`."""
    entry = order.entry
    time_in_force, events = entry.time_in_force, floor.events
    floor.admit(order)
    if order.expiry_minute <= floor.minute or time_in_force == "fok" or entry.post_only or entry.mode != "open":
        refusal = _refusal(order, floor)
        if refusal is not None:
            floor.reject(order, refusal)
            return
    if isinstance(order, Ask) and order.slice_vector != NOTHING:
        floor.commit_capacity(order)
    kept, before = len(floor.log), len(events)
    events.append(Entered(order.order))
    reason = match(order, floor)
    if time_in_force == "fok" and reason != "fully_filled":  # a bid: nothing that it met has happened
        floor.undo.shorten(kept)
        del events[before:]
        floor.reject(order, "fok_unfilled")
    elif reason is not None:
        floor.finish(order, reason)
    elif time_in_force == "ioc":
        floor.finish(order, "ioc_remainder")
    else:
        floor.place(order)


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
