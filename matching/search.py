"""The search for the next resting order that an incoming one fits: conditions 2 to 4 of "compatible".

Most resting orders at crossing prices are incompatible. Comparing a few integers tells that for most of them, and the
profile of the ask for the others; the loops do nothing else, because nothing in the auction runs as often.

Source: the design's market rules, "Matching".
"""

from __future__ import annotations

from matching.book import Level
from matching.orders import Ask, Bid, Order

Fit = tuple[Order, int]
"""A resting order, and the earliest start at which it and the incoming one are compatible."""


def next_fit(taker: Order, level: Level, resting: Order | None, next_minute: int) -> Fit | None:
    """The first compatible one of the level's orders, from `resting` on; None if there is none left."""
    if isinstance(taker, Bid):
        return _next_ask(taker, level, resting, next_minute)
    assert isinstance(taker, Ask)
    return _next_bid(taker, level, resting, next_minute)


def fit(taker: Order, resting: Order, next_minute: int) -> int | None:
    """The earliest start at which the two are compatible."""
    if isinstance(taker, Bid):
        ask: Ask = resting  # type: ignore[assignment]  # against a bid there are asks, and a test would cost a third more
        return earliest_fit(taker, ask, next_minute)
    assert isinstance(taker, Ask)
    bid: Bid = resting  # type: ignore[assignment]  # against an ask there are bids: see above
    return earliest_fit(bid, taker, next_minute)


def earliest_fit(bid: Bid, ask: Ask, next_minute: int) -> int | None:
    """The earliest start at which a guest of the bid fits what is left of the ask."""
    if bid.duration_minutes < ask.min_minutes:
        return None
    first = bid.start_from if bid.start_from > next_minute else next_minute
    start = ask.profile.earliest_start(bid.slices_per_guest, bid.duration_minutes, first, bid.start_by)
    return start if start is not None and bid.accepts(ask) else None


def _next_ask(bid: Bid, level: Level, resting: Order | None, next_minute: int) -> Fit | None:
    slices, duration, start_by = bid.slices_per_guest, bid.duration_minutes, bid.start_by
    first = bid.start_from if bid.start_from > next_minute else next_minute
    earliest_end = first + duration
    looks = 0
    while resting is not None:
        ask: Ask = resting  # type: ignore[assignment]  # see `fit`
        if (
            ask.open_until >= earliest_end
            and ask.open_from <= start_by
            and ask.most_slices >= slices
            and ask.min_minutes <= duration
        ):
            start = ask.profile.earliest_start(slices, duration, first, start_by)
            if start is not None and bid.accepts(ask):
                return ask, start
        looks += 1
        resting = ask.following
    level.fail(looks)
    return None


def _next_bid(ask: Ask, level: Level, resting: Order | None, next_minute: int) -> Fit | None:
    profile = ask.profile
    open_from, open_until, most_slices, min_minutes = ask.open_from, ask.open_until, ask.most_slices, ask.min_minutes
    looks = 0
    while resting is not None:
        bid: Bid = resting  # type: ignore[assignment]  # see `fit`
        if (
            bid.earliest_end <= open_until
            and bid.start_by >= open_from
            and bid.slices_per_guest <= most_slices
            and bid.duration_minutes >= min_minutes
        ):
            first = bid.start_from if bid.start_from > next_minute else next_minute
            start = profile.earliest_start(bid.slices_per_guest, bid.duration_minutes, first, bid.start_by)
            if start is not None and bid.accepts(ask):
                return bid, start
        looks += 1
        resting = bid.following
    level.fail(looks)
    return None
