"""The rule: price, then time, among compatible counterparts. `match` is the whole of it; the rest are its pieces.

Most resting orders at crossing prices are incompatible. Comparing a few integers tells that for most of them, and the
steps of the ask for the others; the two loops over a level do nothing else, because nothing in the auction runs as
often. They take the orders that leave out of the level when they are through it.

Source: the design's market rules, "Matching", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from bisect import bisect_right

from matching.book import Level
from matching.events import Side
from matching.exclusive import end_rivals
from matching.floor import Floor
from matching.orders import Ask, Bid, LinkedAsk, Order


def match(taker: Order, floor: Floor) -> str | None:
    """Trades an incoming order with what rests on the other side, as far as it goes.

    Gives the reason with which the incoming order is done, or None while something of it is left.
    """
    against = taker.side.opposite
    keys, limit = against.keys, against.sign * taker.price_micros
    index, reason = 0, None
    while reason is None and index < len(keys) and keys[index] <= limit:
        key = keys[index]
        level = against.levels[against.sign * key]
        if isinstance(taker, Bid):
            reason = _meet_asks(taker, level, floor)
        else:
            assert isinstance(taker, Ask)
            reason = _meet_bids(taker, level, floor)
        if index < len(keys) and keys[index] == key:
            index += 1
        else:  # all orders of the level have left, and with them rivals that were alone at a better price
            index = bisect_right(keys, key)
    return reason


def would_match(taker: Order, floor: Floor) -> bool:
    """Whether any compatible counterpart rests, one of its own participant included."""
    against, next_minute = taker.side.opposite, floor.minute + 1
    limit = against.sign * taker.price_micros
    for key in against.keys:
        if key > limit:
            break
        for resting in against.levels[against.sign * key].values():
            if _are_compatible(taker, resting, next_minute):
                return True
    return False


def _meet_asks(bid: Bid, level: Level, floor: Floor) -> str | None:
    slices, duration, start_by = bid.slices_per_guest, bid.duration_minutes, bid.start_by
    participant, next_minute = bid.entry.participant, floor.minute + 1
    first = bid.start_from if bid.start_from > next_minute else next_minute
    earliest_end = first + duration
    reason: str | None = None
    leaving: list[Order] = []
    for resting in level.values():
        ask: Ask = resting  # type: ignore[assignment]  # against a bid there are asks, and a test would cost a third more
        if (
            ask.open_until < earliest_end
            or ask.open_from > start_by
            or ask.most_slices < slices
            or ask.min_minutes > duration
        ):
            continue
        steps = ask.steps
        if steps is None:
            start = ask.earliest_start(slices, duration, first, start_by)
        else:
            start = steps.earliest_start(slices, duration, first, start_by)
        if start is None or not bid.accepts(ask):
            continue
        if participant == ask.entry.participant:
            reason = _prevent_self_trade(bid, ask, leaving, floor)
        else:
            _trade(bid, ask, start, floor, "bid", leaving)
            if not ask.most_slices or ask.open_until <= next_minute:
                floor.finish(ask, "fully_filled")
                leaving.append(ask)
            if not bid.guests_left:
                reason = "fully_filled"
        if reason is not None:
            break
    for resting in leaving:
        floor.leave(resting)
    return reason


def _meet_bids(ask: Ask, level: Level, floor: Floor) -> str | None:
    open_from, open_until, most_slices = ask.open_from, ask.open_until, ask.most_slices  # at most, once it has traded
    participant, next_minute, min_minutes = ask.entry.participant, floor.minute + 1, ask.min_minutes
    reason: str | None = None
    leaving: list[Order] = []
    for resting in level.values():
        bid: Bid = resting  # type: ignore[assignment]  # against an ask there are bids: see above
        duration = bid.duration_minutes
        if (
            bid.earliest_end > open_until
            or bid.start_by < open_from
            or bid.slices_per_guest > most_slices
            or duration < min_minutes
        ):
            continue
        first = bid.start_from if bid.start_from > next_minute else next_minute
        steps = ask.steps
        if steps is None:
            start = ask.earliest_start(bid.slices_per_guest, duration, first, bid.start_by)
        else:
            start = steps.earliest_start(bid.slices_per_guest, duration, first, bid.start_by)
        if start is None or not bid.guests_left or not bid.accepts(ask):  # a rival that is leaving wants none
            continue
        if participant == bid.entry.participant:
            reason = _prevent_self_trade(ask, bid, leaving, floor)
        else:
            _trade(bid, ask, start, floor, "ask", leaving)
            if not bid.guests_left:
                floor.finish(bid, "fully_filled")
                leaving.append(bid)
            if not ask.most_slices or ask.open_until <= next_minute:
                reason = "fully_filled"
        if reason is not None:
            break
    for resting in leaving:
        floor.leave(resting)
    return reason


def _trade(bid: Bid, ask: Ask, first: int, floor: Floor, taker_side: Side, leaving: list[Order]) -> None:
    """Guests go to the earliest start, as many as fit there; then to the next, until none fits or none is left."""
    start: int | None = first
    while start is not None:
        floor.trade(bid, ask, start, taker_side)
        if floor.linked and isinstance(ask, LinkedAsk):
            floor.cut_linked(ask, leaving)
        if bid.rivals:
            end_rivals(bid, leaving, floor)
        if not bid.guests_left or ask.most_slices < bid.slices_per_guest:
            break
        start = ask.earliest_start(bid.slices_per_guest, bid.duration_minutes, start, bid.start_by)


def _are_compatible(taker: Order, resting: Order, next_minute: int) -> bool:
    """Conditions 2 to 4."""
    bid, ask = (taker, resting) if isinstance(taker, Bid) else (resting, taker)
    assert isinstance(bid, Bid)
    assert isinstance(ask, Ask)
    if bid.duration_minutes < ask.min_minutes or not bid.accepts(ask):
        return False
    first = max(bid.start_from, next_minute)
    return ask.earliest_start(bid.slices_per_guest, bid.duration_minutes, first, bid.start_by) is not None


def _prevent_self_trade(taker: Order, resting: Order, leaving: list[Order], floor: Floor) -> str | None:
    prevention = taker.entry.self_trade_prevention
    if prevention != "cancel_taker":
        floor.finish(resting, "self_trade")
        leaving.append(resting)
    return None if prevention == "cancel_maker" else "self_trade"
