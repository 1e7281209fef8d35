"""Entry and re-entry of an order: the checks before it meets the book, and what becomes of it after.

Stands between the command (`matching.shard`, `matching.amend`) and the rule (`matching.rule`).
"""

from __future__ import annotations

from matching.commands import Amend, EnterAsk, EnterBid
from matching.events import Amended, Entered
from matching.floor import Floor
from matching.orders import Ask, Order
from matching.rule import match, would_match

_CLOSED = {"halted": "instrument_halted", "cancel_only": "instrument_cancel_only"}
"""Modes in which no order enters, and the reason why one is rejected."""


def enter(order: Order, entry: EnterBid | EnterAsk, floor: Floor) -> None:
    """A new order is rejected, or meets the book; what it does not trade rests, or is canceled if it is `ioc`."""
    time_in_force = entry.time_in_force
    refusal = _refusal(order, entry, floor)
    if refusal is not None:
        floor.report_done(order.order, refusal)
        return
    if isinstance(order, Ask):
        floor.commit_capacity(order)
    mark, before = floor.undo.mark(), len(floor.events)
    floor.events.append(Entered(order.order))
    reason = match(order, floor)
    if time_in_force == "fok" and reason != "fully_filled":  # a bid: nothing that it met has happened
        floor.undo.take_back(mark)
        del floor.events[before:]
        floor.report_done(order.order, "fok_unfilled")
        return
    if reason is None and time_in_force == "ioc":
        reason = "ioc_remainder"
    _rest_or_finish(order, reason, floor)


def enter_again(order: Order, amendment: Amend, price_micros: int, floor: Floor) -> None:
    """A resting order meets the book at another price, or the same, behind all others.

    Nothing happens when the instrument takes no order, or when it or the order is `post_only` and the order would
    trade.
    """
    if amendment.mode in _CLOSED:
        return
    mark = floor.undo.mark()
    floor.reprice(order, price_micros)
    if (order.post_only or amendment.mode == "post_only") and would_match(order, floor):
        floor.undo.take_back(mark)
        return
    floor.events.append(Amended(order.order))
    _rest_or_finish(order, match(order, floor), floor)


def _refusal(order: Order, entry: EnterBid | EnterAsk, floor: Floor) -> str | None:
    if order.is_overdue(floor.minute):
        return "expires_at_passed"
    if order.expiry_minute <= floor.minute:
        return "window_unservable"
    if entry.mode in _CLOSED:
        return _CLOSED[entry.mode]
    if entry.time_in_force == "fok" and isinstance(order, Ask):
        return "fok_ask"
    if (order.post_only or entry.mode == "post_only") and would_match(order, floor):
        return "post_only_would_trade" if order.post_only else "instrument_post_only"
    return None


def _rest_or_finish(order: Order, reason: str | None, floor: Floor) -> None:
    if reason is None:
        floor.place(order)
    else:
        floor.finish(order, reason)
