"""The rule: price, then time, among compatible counterparts. `match` is the whole of it; the rest are its pieces.

Source: the design's market rules, "Matching", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from matching.book import Level
from matching.events import Side
from matching.floor import Floor
from matching.orders import Ask, Bid, Order
from matching.search import earliest_fit, fit, next_fit


def match(taker: Order, floor: Floor) -> str | None:
    """Trades an incoming order with what rests on the other side, as far as it goes.

    Gives the reason with which the incoming order is done, or None while something of it is left.
    """
    against = taker.side.opposite
    keys, limit = against.keys, against.sign * taker.price_micros
    if not keys or keys[0] > limit:
        return None
    levels = against.levels
    index, next_minute = 0, floor.minute + 1
    while index < len(keys) and keys[index] <= limit:
        key = keys[index]
        level = levels[key]
        tail = level.tail  # before the level can make new blocks, which would cover it
        if level.blocks and (reason := _match_blocks(taker, level, floor)) is not None:
            return reason
        found = next_fit(taker, level, tail, next_minute)
        while found is not None:
            resting, start = found
            following = resting.following  # which it forgets when it leaves
            reason = _meet(taker, resting, start, floor)
            if reason is not None:
                return reason
            found = next_fit(taker, level, following, next_minute)
        if index < len(keys) and keys[index] == key:  # otherwise all orders of the level have left
            index += 1
    return None


def would_match(taker: Order, floor: Floor) -> bool:
    """Whether any compatible counterpart rests, one of its own participant included."""
    against, next_minute = taker.side.opposite, floor.minute + 1
    limit = against.sign * taker.price_micros
    for key in against.keys:
        if key > limit:
            break
        level = against.levels[key]
        for block in level.blocks:
            for resting in block.worth_a_look(taker, next_minute):
                if fit(taker, resting, next_minute) is not None:
                    return True
        if next_fit(taker, level, level.tail, next_minute) is not None:
            return True
    return False


def _match_blocks(taker: Order, level: Level, floor: Floor) -> str | None:
    next_minute, looks = floor.minute + 1, 0
    for block in level.blocks:
        for resting in block.worth_a_look(taker, next_minute):
            start = fit(taker, resting, next_minute)
            if start is None:
                looks += 1
            elif (reason := _meet(taker, resting, start, floor)) is not None:
                return reason
    level.fail(looks)
    return None


def _meet(taker: Order, resting: Order, start: int, floor: Floor) -> str | None:
    """Two compatible orders trade as far as they go. Gives the reason with which the incoming one is done, if it is."""
    if taker.entry.participant == resting.entry.participant:
        return _prevent_self_trade(taker, resting, floor)
    if isinstance(taker, Bid):
        assert isinstance(resting, Ask)
        _trade(taker, resting, start, floor, "bid")
        if resting.open_until <= floor.minute + 1:
            floor.close(resting, "fully_filled")
        return None if taker.guests_left else "fully_filled"
    assert isinstance(taker, Ask)
    assert isinstance(resting, Bid)
    _trade(resting, taker, start, floor, "ask")
    if not resting.guests_left:
        floor.close(resting, "fully_filled")
    return "fully_filled" if taker.open_until <= floor.minute + 1 else None


def _trade(bid: Bid, ask: Ask, first: int, floor: Floor, taker_side: Side) -> None:
    """Guests go to the earliest start, as many as fit there; then to the next, until none fits or none is left."""
    start: int | None = first
    while start is not None:
        guests = ask.profile.lowest(start, start + bid.duration_minutes) // bid.slices_per_guest
        if guests > bid.guests_left:
            guests = bid.guests_left
        floor.trade(bid, ask, start, guests, taker_side)
        start = earliest_fit(bid, ask, floor.minute + 1) if bid.guests_left and ask.most_slices else None


def _prevent_self_trade(taker: Order, resting: Order, floor: Floor) -> str | None:
    prevention = taker.entry.self_trade_prevention
    if prevention != "cancel_taker":
        floor.close(resting, "self_trade")
    return None if prevention == "cancel_maker" else "self_trade"
