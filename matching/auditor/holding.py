"""An order as the auditor holds it, and what the rules say of one order or of a pair.

Source: the design's market rules, "Matching", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from common.wire import Capacity
from matching.auditor.supply import Supply, at, last_start, lower, lowest, sell, slice_minutes, whole
from matching.commands import EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk


class BidHolding:
    """A bid: its entry, the price and total that amendments left it, and the guests that have traded.

    `place` counts entries and re-entries: the lower one came first. `over_from` is the first minute at which the order
    has expired. `group` are the ids of its exclusive group, in the order of its entry.
    """

    __slots__ = ("entry", "group", "guests", "over_from", "place", "price_micros", "traded")

    def __init__(self, entry: EnterBid, group: tuple[str, ...] = ()) -> None:
        self.entry = entry
        self.group = group
        self.price_micros = entry.price_micros
        self.guests = entry.guests
        self.traded = 0
        self.place = 0
        self.over_from = _over_from(entry, entry.start_by if entry.start_from <= entry.start_by else None)

    @property
    def left(self) -> int:
        """Guests that it still asks for."""
        return self.guests - self.traded

    @property
    def slice_minutes_left(self) -> int:
        """Slice-minutes of these guests."""
        return self.left * self.entry.slices_per_guest * self.entry.duration_minutes


class AskHolding:
    """An ask: its entry, the price and total that amendments left it, and what it has left of its supply. A linked one
    has `offered`, what its node offers to those that share it."""

    __slots__ = ("_supply", "entry", "offered", "over_from", "place", "price_micros", "slice_minutes_left", "slices")

    def __init__(self, entry: EnterAsk, offered: Capacity | None = None) -> None:
        self.entry = entry
        self.offered = offered
        self.price_micros = entry.price_micros
        self.slices = entry.slices
        self.place = 0
        self.supply = whole(entry.slices, entry.available_from, entry.available_until)

    @property
    def supply(self) -> Supply:
        """What is left, minute by minute."""
        return self._supply

    @supply.setter
    def supply(self, supply: Supply) -> None:
        self._supply = supply
        self.over_from = _over_from(self.entry, last_start(supply, self.entry.min_minutes))
        self.slice_minutes_left = slice_minutes(supply)


Holding = BidHolding | AskHolding


def new_holding(entry: EnterBid | EnterAsk | EnterLinkedAsk) -> Holding:
    """The order as it enters."""
    if isinstance(entry, EnterLinkedAsk):
        return AskHolding(entry.ask, Capacity(entry.offered_vcpus, entry.offered_memory_mib, entry.offered_disk_gib))
    return BidHolding(entry) if isinstance(entry, EnterBid) else AskHolding(entry)


def group_holdings(command: EnterGroup) -> list[BidHolding]:
    """The bids of an exclusive group as they enter."""
    group = tuple(bid.order for bid in command.bids)
    return [BidHolding(bid, group) for bid in command.bids]


def good_till_passed(holding: Holding, now: int) -> bool:
    """Whether the minute until which the order is good has come."""
    entry = holding.entry
    return entry.time_in_force == "gtd" and entry.expires_at is not None and now >= entry.expires_at


def filled(holding: Holding, now: int) -> bool:
    """Whether nothing is left to trade after the minute `now`."""
    if isinstance(holding, BidHolding):
        return holding.left == 0
    return not any(stretch.slices and stretch.end > now + 1 for stretch in holding.supply)


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
    if offered.contract is not None:
        return _start_of_rest(bid, ask, start)
    while start <= wanted.start_by and start + wanted.duration_minutes <= offered.available_until:
        end = start + wanted.duration_minutes
        short = [
            stretch.end
            for stretch in ask.supply
            if stretch.slices < wanted.slices_per_guest and stretch.start < end and stretch.end > start
        ]
        if not short:
            return start
        start = short[-1]  # every start before this one needs a minute of that stretch too
    return None


def sold(ask: AskHolding, slices: int, start: int, end: int) -> Supply:
    """What the ask has left when these are sold. The rest of a contract is sold as a whole."""
    if ask.entry.contract is not None:
        return lower(ask.supply, ask.entry.slices)
    return sell(ask.supply, slices, start, end)


def could_meet(taker: Holding, resting: Holding) -> bool:
    """Whether they are on two sides of one instrument and their prices cross: condition 1, which spares most pairs a
    closer look."""
    if type(taker) is type(resting) or taker.entry.instrument != resting.entry.instrument:
        return False
    if isinstance(taker, BidHolding):
        return taker.price_micros >= resting.price_micros
    return resting.price_micros >= taker.price_micros


def guests_that_fit(bid: BidHolding, ask: AskHolding, start: int) -> int:
    """How many guests the pair can trade at that start."""
    least = lowest(ask.supply, start, start + bid.entry.duration_minutes)
    return min(bid.left, least // bid.entry.slices_per_guest)


def _start_of_rest(bid: BidHolding, ask: AskHolding, earliest: int) -> int | None:
    """The rest of a contract goes to a guest of all its slices that ends when it does."""
    start = ask.entry.available_until - bid.entry.duration_minutes
    if not earliest <= start <= bid.entry.start_by or bid.entry.slices_per_guest != at(ask.supply, start):
        return None
    return start


def _over_from(entry: EnterBid | EnterAsk, last: int | None) -> int:
    """At the minute of the last start nothing can start any more: "now" is the next minute. None: there was none."""
    passed = 0 if last is None else last
    if entry.time_in_force == "gtd" and entry.expires_at is not None:
        return min(passed, entry.expires_at)
    return passed


def _conditions_hold(bid: EnterBid, ask: EnterAsk) -> bool:
    if bid.nodes and ask.node not in bid.nodes:
        return False
    if ask.participant in bid.avoid_providers or ask.deliverer in bid.avoid_providers:
        return False
    return ask.reliability_ppm >= bid.min_reliability_ppm
