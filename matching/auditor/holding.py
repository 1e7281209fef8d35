"""An order as the auditor holds it, and what the rules say of one order or of a pair.

Source: the design's market rules, "Matching", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matching.commands import EnterAsk, EnterBid


@dataclass(slots=True, eq=False)
class BidHolding:
    """A bid: its entry, the price and total that amendments left it, and the guests that have traded."""

    entry: EnterBid
    price_micros: int
    guests: int
    traded: int = 0

    @property
    def left(self) -> int:
        """Guests that it still asks for."""
        return self.guests - self.traded


@dataclass(slots=True, eq=False)
class AskHolding:
    """An ask: its entry, the price and total that amendments left it, and its slices minute by minute."""

    entry: EnterAsk
    price_micros: int
    slices: int
    levels: list[int] = field(default_factory=list)

    def at(self, minute: int) -> int:
        """Slices left at a minute."""
        index = minute - self.entry.available_from
        return self.levels[index] if 0 <= index < len(self.levels) else 0

    def sell(self, slices: int, start: int, end: int) -> None:
        """Takes slices off every minute of [start, end)."""
        for minute in range(start, end):
            self.levels[minute - self.entry.available_from] -= slices

    def lose(self, slices: int) -> None:
        """Takes slices off every minute that has them, and all from one that has fewer."""
        self.levels = [max(0, level - slices) for level in self.levels]


Holding = BidHolding | AskHolding


def new_holding(entry: EnterBid | EnterAsk) -> Holding:
    """The order as it enters."""
    if isinstance(entry, EnterBid):
        return BidHolding(entry, entry.price_micros, entry.guests)
    minutes = max(0, entry.available_until - entry.available_from)
    return AskHolding(entry, entry.price_micros, entry.slices, [entry.slices] * minutes)


def good_till_passed(holding: Holding, now: int) -> bool:
    """Whether the minute until which the order is good has come."""
    entry = holding.entry
    return entry.time_in_force == "gtd" and entry.expires_at is not None and now >= entry.expires_at


def unservable(holding: Holding, now: int) -> bool:
    """Whether the window can no longer be served after the minute `now`."""
    if isinstance(holding, BidHolding):
        return holding.entry.start_by < max(holding.entry.start_from, now + 1)
    stretch = 0
    for minute in range(max(now + 1, holding.entry.available_from), holding.entry.available_until):
        stretch = stretch + 1 if holding.at(minute) else 0
        if stretch == holding.entry.min_minutes:
            return False
    return True


def filled(holding: Holding, now: int) -> bool:
    """Whether nothing is left to trade after the minute `now`."""
    if isinstance(holding, BidHolding):
        return holding.left == 0
    return not any(
        holding.at(minute)
        for minute in range(max(now + 1, holding.entry.available_from), holding.entry.available_until)
    )


def compatible_start(bid: BidHolding, ask: AskHolding, now: int) -> int | None:
    """The earliest start at which the two are compatible, by the four conditions in their order; None if at none."""
    wanted, offered = bid.entry, ask.entry
    if wanted.instrument != offered.instrument or bid.left == 0:
        return None
    if bid.price_micros < ask.price_micros:
        return None
    if wanted.duration_minutes < offered.min_minutes or not _conditions_hold(wanted, offered):
        return None
    start = max(wanted.start_from, offered.available_from, now + 1)
    while start <= wanted.start_by and start + wanted.duration_minutes <= offered.available_until:
        window = range(start, start + wanted.duration_minutes)
        short = [minute for minute in window if ask.at(minute) < wanted.slices_per_guest]
        if not short:
            return start
        start = short[-1] + 1  # every start before this one needs that minute too
    return None


def guests_that_fit(bid: BidHolding, ask: AskHolding, start: int) -> int:
    """How many guests the pair can trade at that start."""
    lowest = min(ask.at(minute) for minute in range(start, start + bid.entry.duration_minutes))
    return min(bid.left, lowest // bid.entry.slices_per_guest)


def _conditions_hold(bid: EnterBid, ask: EnterAsk) -> bool:
    if bid.nodes and ask.node not in bid.nodes:
        return False
    if ask.participant in bid.avoid_providers:
        return False
    return ask.reliability_ppm >= bid.min_reliability_ppm
