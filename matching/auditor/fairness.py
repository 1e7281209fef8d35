"""Nobody is passed over: what the rule promises to those who rest, read off the trades of one command.

It looks at what a command has left, and does not follow how the trades came about, so that it can contradict the twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matching.auditor.difference import require
from matching.auditor.holding import AskHolding, BidHolding, Holding, compatible_start, could_meet, sold
from matching.auditor.twin import Twin
from matching.events import Event, Trade

Place = tuple[int, int]
"""Where an order stands in price-time order: the lower one is served first."""


def check_precedence(taker: Holding, claimed: Sequence[Event], known: Mapping[str, Holding], twin: Twin) -> None:
    """Raises Difference when the taker traded past a better-priced, or equally priced and earlier, order that it could
    have traded with then.

    `taker` is the order as it met the book; the trades are taken off it here. Those that it did not trade with are as
    they were, and those that it did trade with must follow each other in price-time order.
    """
    last: Place | None = None
    of_taker = taker.entry.order
    trades = [event for event in claimed if isinstance(event, Trade) and of_taker in (event.bid, event.ask)]
    near = [other for other in twin.open if could_meet(taker, other)] if trades else []
    for trade in trades:
        met = known[trade.ask if isinstance(taker, BidHolding) else trade.bid]
        place = _place(met)
        require(last is None or last <= place, f"{met.entry.order} comes before the order that was met before it")
        for other in near:
            require(
                _place(other) >= place or not _could_trade(taker, other, twin.minute),
                f"{taker.entry.order} traded with {met.entry.order} past {other.entry.order}, which comes before it",
            )
        _take_off(taker, trade)
        last = place


def check_crossing(order: str, twin: Twin) -> None:
    """Raises Difference when the order, if it rests, rests beside one that it could trade with."""
    resting = twin.find(order)
    if resting is None:
        return
    for other in [other for other in twin.open if could_meet(resting, other)]:
        require(
            not _could_trade(resting, other, twin.minute),
            f"{order} is left on the book beside {other.entry.order}, though they could trade",
        )


def check_groups(claimed: Sequence[Event], known: Mapping[str, Holding], twin: Twin) -> None:
    """Raises Difference when two bids of an exclusive group trade in one command, or one is left after another has."""
    for trade in [event for event in claimed if isinstance(event, Trade)]:
        winner = known[trade.bid]
        rivals = set(winner.group) - {trade.bid} if isinstance(winner, BidHolding) else set()
        for other in [event for event in claimed if isinstance(event, Trade)]:
            require(other.bid not in rivals, f"{trade.bid} and {other.bid} of one exclusive group trade")
        for rival in sorted(rivals):
            require(twin.find(rival) is None, f"{rival} is left though {trade.bid} of its exclusive group has traded")


def _place(holding: Holding) -> Place:
    cheapest_first = 1 if isinstance(holding, AskHolding) else -1
    return cheapest_first * holding.price_micros, holding.place


def _take_off(taker: Holding, trade: Trade) -> None:
    if isinstance(taker, BidHolding):
        taker.traded += trade.guests
    else:
        taker.supply = sold(taker, trade.guests * trade.slices_per_guest, trade.start, trade.end)


def _could_trade(one: Holding, other: Holding, minute: int) -> bool:
    if isinstance(one, AskHolding):
        one, other = other, one
    return (
        isinstance(one, BidHolding)
        and isinstance(other, AskHolding)
        and compatible_start(one, other, minute) is not None
    )
