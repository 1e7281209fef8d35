"""The twin: the same commands, the same events, by the slow reading."""

from __future__ import annotations

import copy

from matching.auditor.holding import (
    AskHolding,
    BidHolding,
    Holding,
    compatible_start,
    could_meet,
    filled,
    good_till_passed,
    group_holdings,
    guests_that_fit,
    new_holding,
    sold,
)
from matching.auditor.supply import lower
from matching.auditor.taken import Taken
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free
from matching.events import Amended, Cut, Done, DoneState, Event, Side, Trade


class Twin:
    """Open orders of all instruments, in the order of their entry or last re-entry.

    It expects what a journal holds: commands with rising minutes and order ids that are used once.
    """

    def __init__(self) -> None:
        self.open: list[Holding] = []
        self.minute = 0
        self._places = 0
        self._events: list[Event] = []
        self._taken = Taken()

    def apply(self, command: Command) -> list[Event]:
        """Applies one command; before it, expires what its minute has overtaken."""
        self._events = []
        self.minute = command.minute
        for holding in [holding for holding in self.open if holding.over_from <= self.minute]:
            overdue = good_till_passed(holding, self.minute)
            self._leave(holding, "expired", "expires_at_reached" if overdue else "window_passed")
        if isinstance(command, EnterBid | EnterAsk | EnterLinkedAsk):
            self._enter(new_holding(command))
        elif isinstance(command, EnterGroup):
            self._enter_group(command)
        elif isinstance(command, Free):
            self._taken.give_back(command)
        elif isinstance(command, Amend | Cancel) and (named := self.find(command.order)) is not None:
            if isinstance(command, Cancel):
                self._leave(named, "canceled", command.reason)
            else:
                self._amend(named, command)
        return self._events

    def find(self, order: str) -> Holding | None:
        """The open order of that id."""
        return next((holding for holding in self.open if holding.entry.order == order), None)

    def compatible_pairs(self) -> list[tuple[str, str]]:
        """Bids and asks that are left on the book though they could trade: there must be none."""
        bids = [holding for holding in self.open if isinstance(holding, BidHolding)]
        asks = [holding for holding in self.open if isinstance(holding, AskHolding)]
        return [
            (bid.entry.order, ask.entry.order)
            for bid in bids
            for ask in asks
            if bid.price_micros >= ask.price_micros and compatible_start(bid, ask, self.minute) is not None
        ]

    def _enter(self, taker: Holding) -> None:
        entry = taker.entry
        reason = self._refusal(taker)
        if reason is not None:
            self._done(taker, "rejected", reason)
            return
        if entry.time_in_force == "fok" and not self._would_fill(taker):
            self._done(taker, "rejected", "fok_unfilled")
            return
        self._match(taker)
        if entry.time_in_force == "ioc" and taker in self.open:
            self._leave(taker, "canceled", "ioc_remainder")

    def _enter_group(self, command: EnterGroup) -> None:
        for taker in group_holdings(command):
            if any(isinstance(event, Trade) and event.bid in taker.group for event in self._events):
                self._done(taker, "canceled", "exclusive_group")
            else:
                self._enter(taker)

    def _would_fill(self, taker: Holding) -> bool:
        """Whether nothing of the order is left after it has met the book: tried on copies."""
        trial, tried = Twin(), copy.copy(taker)
        trial.minute, trial.open = self.minute, [copy.copy(holding) for holding in self.open]
        trial._taken = self._taken.copy()
        trial._match(tried)
        return filled(tried, self.minute)

    def _refusal(self, taker: Holding) -> str | None:
        if good_till_passed(taker, self.minute):
            return "expires_at_passed"
        if taker.over_from <= self.minute:
            return "window_unservable"
        if taker.entry.mode in ("halted", "cancel_only"):
            return f"instrument_{taker.entry.mode}"
        if isinstance(taker, AskHolding) and taker.entry.time_in_force == "fok":
            return "fok_ask"
        if taker.entry.post_only and self._counterparts(taker):
            return "post_only_would_trade"
        if taker.entry.mode == "post_only" and self._counterparts(taker):
            return "instrument_post_only"
        return None

    def _amend(self, holding: Holding, command: Amend) -> None:
        if command.price_micros is not None:
            if command.mode in ("open", "post_only"):
                self._enter_again(holding, command.price_micros, command.mode == "post_only")
        elif isinstance(holding, BidHolding) and command.guests is not None:
            if holding.traded <= command.guests < holding.guests:
                holding.guests = command.guests
                self._events.append(Amended(holding.entry.order))
                if filled(holding, self.minute):
                    self._leave(holding, "filled", "fully_filled")
        elif (
            isinstance(holding, AskHolding)
            and holding.entry.contract is None
            and command.slices is not None
            and command.slices < holding.slices
        ):
            holding.supply = lower(holding.supply, holding.slices - command.slices)
            holding.slices = command.slices
            self._events.append(Amended(holding.entry.order))
            if holding.over_from <= self.minute:
                self._leave(holding, "canceled", "amended_away")

    def _enter_again(self, holding: Holding, price_micros: int, post_only: bool) -> None:
        old_price = holding.price_micros
        holding.price_micros = price_micros
        if (holding.entry.post_only or post_only) and self._counterparts(holding):
            holding.price_micros = old_price
            return
        self.open.remove(holding)
        self._events.append(Amended(holding.entry.order))
        self._match(holding)

    def _counterparts(self, taker: Holding) -> list[Holding]:
        """Compatible orders of the other side in price-time order."""
        near = [resting for resting in self.open if could_meet(taker, resting)]
        found = [resting for resting in near if self._start(taker, resting) is not None]
        cheapest_first = 1 if isinstance(taker, BidHolding) else -1
        return sorted(found, key=lambda resting: cheapest_first * resting.price_micros)  # stable: then time

    def _start(self, taker: Holding, resting: Holding) -> int | None:
        if isinstance(taker, BidHolding) and isinstance(resting, AskHolding):
            return compatible_start(taker, resting, self.minute)
        if isinstance(taker, AskHolding) and isinstance(resting, BidHolding):
            return compatible_start(resting, taker, self.minute)
        return None

    def _match(self, taker: Holding) -> None:
        """Trades until nothing compatible is left, then leaves the rest on the book."""
        self._places += 1
        taker.place = self._places
        while counterparts := self._counterparts(taker):
            resting = counterparts[0]
            if resting.entry.participant == taker.entry.participant:
                mode = taker.entry.self_trade_prevention
                if mode != "cancel_taker":
                    self._leave(resting, "canceled", "self_trade")
                if mode != "cancel_maker":
                    self._done(taker, "canceled", "self_trade")
                    return
                continue
            self._trade(taker, resting)
            if self._start(taker, resting) is None and filled(resting, self.minute):
                self._leave(resting, "filled", "fully_filled")
            if filled(taker, self.minute):
                self._done(taker, "filled", "fully_filled")
                return
        self.open.append(taker)

    def _trade(self, taker: Holding, resting: Holding) -> None:
        bid, ask = (taker, resting) if isinstance(taker, BidHolding) else (resting, taker)
        assert isinstance(bid, BidHolding)
        assert isinstance(ask, AskHolding)
        start = compatible_start(bid, ask, self.minute)
        assert start is not None
        guests, each, end = (
            guests_that_fit(bid, ask, start),
            bid.entry.slices_per_guest,
            start + bid.entry.duration_minutes,
        )
        bid.traded += guests
        ask.supply = sold(ask, guests * each, start, end)
        side: Side = "bid" if taker is bid else "ask"
        names = bid.entry.order, ask.entry.order
        self._events.append(Trade(*names, resting.price_micros, start, end, guests, each, side))
        self._taken.sell(ask.entry, guests * each, start, end, self.minute)
        if ask.offered is not None:
            self._cut_beside(ask, start, end)
        for rival in [found for order in bid.group if (found := self.find(order)) is not None and found is not bid]:
            self._leave(rival, "canceled", "exclusive_group")

    def _cut_beside(self, seller: AskHolding, start: int, end: int) -> None:
        """The other linked asks of the node lose what does not fit there any more."""
        node = seller.entry.node
        linked = [other for other in self.open if isinstance(other, AskHolding) and other.offered is not None]
        for other in [other for other in linked if other is not seller and other.entry.node == node]:
            before = other.slice_minutes_left
            other.supply = self._taken.cut(other, self.open, start, end)
            if other.slice_minutes_left < before:
                self._events.append(Cut(other.entry.order, before - other.slice_minutes_left))
                if other.over_from <= self.minute:
                    self._leave(other, "canceled", "linked")

    def _leave(self, holding: Holding, state: DoneState, reason: str) -> None:
        self.open = [other for other in self.open if other is not holding]
        self._done(holding, state, reason)

    def _done(self, holding: Holding, state: DoneState, reason: str) -> None:
        self._events.append(Done(holding.entry.order, state, reason))
