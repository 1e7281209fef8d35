"""The rule: price, then time, among compatible counterparts. `match` is the whole of it; the rest are its pieces.

Source: the design's market rules, "Matching", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from collections.abc import Iterator

from matching.events import Side
from matching.floor import Floor
from matching.orders import Ask, Bid, Order


def match(taker: Order, floor: Floor) -> str | None:
    """Trades an incoming order with what rests on the other side, as far as it goes.

    Gives the reason with which the incoming order is done, or None while something of it is left.
    """
    minute = floor.minute
    taker_side: Side = "bid" if isinstance(taker, Bid) else "ask"
    for bid, ask in _candidates(taker, floor):
        start = earliest_fit(bid, ask, minute)
        if start is None:
            continue
        resting: Order = ask if taker_side == "bid" else bid
        if bid.participant == ask.participant:
            if taker.self_trade_prevention != "cancel_taker":
                floor.close(resting, "self_trade")
            if taker.self_trade_prevention != "cancel_maker":
                return "self_trade"
            continue
        while start is not None:
            floor.trade(bid, ask, start, _guests_that_fit(bid, ask, start), taker_side)
            start = earliest_fit(bid, ask, minute) if bid.guests_left else None
        if resting.is_filled(minute):
            floor.close(resting, "fully_filled")
        if taker.is_filled(minute):
            return "fully_filled"
    return None


def would_match(taker: Order, floor: Floor) -> bool:
    """Whether any compatible counterpart rests, one of its own participant included."""
    return any(earliest_fit(bid, ask, floor.minute) is not None for bid, ask in _candidates(taker, floor))


def earliest_fit(bid: Bid, ask: Ask, minute: int) -> int | None:
    """The earliest start at which one guest of the bid fits the ask: conditions 2 to 4 of "compatible"."""
    if bid.duration_minutes < ask.min_minutes or (bid.has_conditions and not bid.accepts(ask)):
        return None
    first = bid.start_from  # comparisons instead of max and min: nothing runs as often as this
    if first < ask.open_from:
        first = ask.open_from
    if first <= minute:
        first = minute + 1
    last = ask.open_until - bid.duration_minutes
    if last > bid.start_by:
        last = bid.start_by
    if first > last:
        return None
    return ask.profile.earliest_start(bid.slices_per_guest, bid.duration_minutes, first, last)


def _guests_that_fit(bid: Bid, ask: Ask, start: int) -> int:
    lowest = ask.profile.lowest(start, start + bid.duration_minutes)
    return min(bid.guests_left, lowest // bid.slices_per_guest)


def _candidates(taker: Order, floor: Floor) -> Iterator[tuple[Bid, Ask]]:
    """The pairs worth a closer look, in price-time order of the resting order.

    Most resting orders at crossing prices are incompatible. Comparing four integers tells that for nearly all of them,
    and the loops do nothing else.
    """
    book = floor.book(taker.instrument)
    if isinstance(taker, Bid):
        return _asks_for(taker, book.asks.crossing(taker.price_micros), floor.minute + 1)
    return _bids_for(taker, book.bids.crossing(taker.price_micros), floor.minute + 1)


def _asks_for(bid: Bid, levels: Iterator[list[Ask]], next_minute: int) -> Iterator[tuple[Bid, Ask]]:
    earliest_end = max(bid.start_from, next_minute) + bid.duration_minutes
    start_by, slices, duration = bid.start_by, bid.slices_per_guest, bid.duration_minutes
    for asks in levels:
        for ask in asks:
            if (
                ask.open_until >= earliest_end
                and ask.open_from <= start_by
                and ask.most_slices >= slices
                and ask.min_minutes <= duration
            ):
                yield bid, ask


def _bids_for(ask: Ask, levels: Iterator[list[Bid]], next_minute: int) -> Iterator[tuple[Bid, Ask]]:
    for bids in levels:
        for bid in bids:
            # The ask's side is read anew each time: a trade before this bid may have narrowed it.
            if (
                bid.earliest_end <= ask.open_until
                and bid.start_by >= ask.open_from
                and bid.slices_per_guest <= ask.most_slices
                and bid.duration_minutes >= ask.min_minutes
                and next_minute + bid.duration_minutes <= ask.open_until
            ):
                yield bid, ask
