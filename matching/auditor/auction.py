"""What must hold in the auction after every command, whatever order and money stand behind it.

Source: the design's market rules, "Matching", "What must hold after every command".
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

from matching.auditor.difference import Difference, require
from matching.auditor.fairness import check_crossing, check_groups, check_precedence
from matching.auditor.holding import AskHolding, BidHolding, Holding, group_holdings, new_holding
from matching.auditor.twin import Twin
from matching.commands import Amend, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk
from matching.events import Done, Event, Trade

_FULL_CHECK_EVERY = 100
"""Commands after which all pairs are looked at; in between, those that a command could have made compatible."""


def as_they_meet(command: Command, twin: Twin) -> list[Holding]:
    """The orders that this command, which is next, lets meet the book, as they meet it."""
    if isinstance(command, EnterBid | EnterAsk | EnterLinkedAsk):
        return [new_holding(command)]
    if isinstance(command, EnterGroup):
        return [*group_holdings(command)]
    taker = twin.find(command.order) if isinstance(command, Amend) and command.price_micros is not None else None
    if taker is None or not isinstance(command, Amend) or command.price_micros is None:
        return []
    taker = copy.copy(taker)
    taker.price_micros = command.price_micros
    return [taker]


class AuctionAuditor:
    """Follows an auction command by command, with the events that somebody claims for each."""

    def __init__(self) -> None:
        self.twin = Twin()
        self._seen: set[str] = set()
        self._bought: Counter[str] = Counter()
        self._sold: Counter[str] = Counter()
        self._commands = 0

    def check(self, command: Command, claimed: Sequence[Event]) -> None:
        """Raises Difference at the first rule that does not hold."""
        twin = self.twin
        require(command.minute >= twin.minute, f"minute {command.minute} comes after minute {twin.minute}")
        takers = as_they_meet(command, twin)
        for taker in takers if not isinstance(command, Amend) else ():
            require(taker.entry.order not in self._seen, f"order {taker.entry.order} enters a second time")
            self._seen.add(taker.entry.order)
        known = {holding.entry.order: holding for holding in twin.open}
        _check_same(claimed, twin.apply(command))
        for taker in takers:
            check_precedence(taker, claimed, known, twin)
            check_crossing(taker.entry.order, twin)
        known |= {taker.entry.order: taker for taker in takers}
        self._check_slices(claimed, known)
        check_groups(claimed, known, twin)
        self._commands += 1
        if self._commands % _FULL_CHECK_EVERY == 0:
            self.check_all_pairs()

    def check_all_pairs(self) -> None:
        """Raises Difference when any two open orders could trade."""
        for bid, ask in self.twin.compatible_pairs():
            raise Difference(f"bid {bid} and ask {ask} are left on the book though they could trade")

    def _check_slices(self, claimed: Sequence[Event], known: dict[str, Holding]) -> None:
        """Slices bought are slices sold, nothing is bought or sold twice, and no profile is negative."""
        for event in claimed:
            if isinstance(event, Trade):
                bid, ask = known[event.bid], known[event.ask]
                assert isinstance(bid, BidHolding)
                assert isinstance(ask, AskHolding)
                self._bought[event.bid] += event.guests * event.slices_per_guest * (event.end - event.start)
                self._sold[event.ask] += event.guests * event.slices_per_guest * (event.end - event.start)
                _check_window(event, bid, ask)
            elif isinstance(event, Done):
                self._bought.pop(event.order, None)
                self._sold.pop(event.order, None)
        for order in {order for event in claimed if isinstance(event, Trade) for order in (event.bid, event.ask)}:
            self._check_remainder(known[order])

    def _check_remainder(self, holding: Holding) -> None:
        order, entry = holding.entry.order, holding.entry
        if isinstance(holding, AskHolding):
            lowest = min(stretch.slices for stretch in holding.supply)
            require(lowest >= 0, f"ask {order} has {lowest} slices left at some minute")
            most = holding.entry.slices * (holding.entry.available_until - holding.entry.available_from)
            sold = self._sold[order]
            require(sold + holding.slice_minutes_left <= most, f"ask {order} sold {sold} slice-minutes of {most}")
        else:
            assert isinstance(entry, EnterBid)
            most = holding.guests * entry.slices_per_guest * entry.duration_minutes
            bought = self._bought[order]
            require(bought <= most, f"bid {order} bought {bought} slice-minutes of {most}")


def _check_window(trade: Trade, bid: BidHolding, ask: AskHolding) -> None:
    wanted, offered = bid.entry, ask.entry
    fits = wanted.start_from <= trade.start <= wanted.start_by and trade.end - trade.start == wanted.duration_minutes
    backed = offered.available_from <= trade.start and trade.end <= offered.available_until
    window = f"the trade of bid {trade.bid} with ask {trade.ask} in [{trade.start}, {trade.end})"
    require(fits, f"{window} is not what the bid asks for")
    require(backed, f"{window} is not what the ask offers")


def _check_same(claimed: Sequence[Event], expected: Sequence[Event]) -> None:
    for place, (found, wanted) in enumerate(zip(claimed, expected, strict=False)):
        require(found == wanted, f"event {place} is {found}, the rule makes {wanted}")
    if len(claimed) > len(expected):
        raise Difference(f"there is an event too many: {claimed[len(expected)]}")
    if len(claimed) < len(expected):
        raise Difference(f"an event is missing: {expected[len(claimed)]}")
