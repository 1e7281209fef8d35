"""A slow reading of the rule: every minute of every ask is an entry of a dict, every command looks at every order.

It shares nothing with `matching` but the shapes of commands and events. Written from the design's market rules
("Matching") and replay page ("Fine print of the rule"), to be compared with the book.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matching.commands import Cancel, Command, EnterAsk, EnterBid
from matching.events import Done, DoneState, Entered, Event, Side, Trade


@dataclass
class Record:
    """An open order: its entry, guests left of a bid, slices by minute of an ask (a minute without one is absent)."""

    entry: EnterBid | EnterAsk
    guests: int = 0
    slices: dict[int, int] = field(default_factory=dict)


class SlowMarket:
    """Open orders of all instruments, in the order of their entry."""

    def __init__(self) -> None:
        self.open: list[Record] = []
        self.events: list[Event] = []

    def apply(self, command: Command) -> list[Event]:
        self.events = []
        now = command.minute
        for record in list(self.open):
            if expired(record, now):
                self.open.remove(record)
                self.done(record, "expired", "window_passed")
        if isinstance(command, Cancel):
            for record in [record for record in self.open if record.entry.order == command.order]:
                self.open.remove(record)
                self.done(record, "canceled", command.reason)
        elif isinstance(command, EnterBid):
            self.enter(Record(command, guests=command.guests))
        elif isinstance(command, EnterAsk):
            minutes = range(command.available_from, command.available_until)
            self.enter(Record(command, slices=dict.fromkeys(minutes, command.slices)))
        return self.events

    def enter(self, taker: Record) -> None:
        now = taker.entry.minute
        if expired(taker, now):
            self.done(taker, "rejected", "window_unservable")
            return
        self.events.append(Entered(taker.entry.order))
        best = 1 if isinstance(taker.entry, EnterBid) else -1
        others = [record for record in self.open if record.entry.instrument == taker.entry.instrument]
        others = [record for record in others if type(record.entry) is not type(taker.entry)]
        for resting in sorted(others, key=lambda record: best * record.entry.price_micros):  # stable: then time
            bid, ask = (taker, resting) if best == 1 else (resting, taker)
            start = compatible_start(bid, ask, now)
            if start is None:
                continue
            if bid.entry.participant == ask.entry.participant:
                self.done(taker, "canceled", "self_trade")
                return
            while start is not None:
                self.trade(bid, ask, start, resting, taker)
                start = compatible_start(bid, ask, now)
            if filled(resting, now):
                self.open.remove(resting)
                self.done(resting, "filled", "fully_filled")
            if filled(taker, now):
                self.done(taker, "filled", "fully_filled")
                return
        if taker.entry.time_in_force == "ioc":
            self.done(taker, "canceled", "ioc_remainder")
        else:
            self.open.append(taker)

    def trade(self, bid: Record, ask: Record, start: int, resting: Record, taker: Record) -> None:
        entry = bid.entry
        assert isinstance(entry, EnterBid)
        each, window = entry.slices_per_guest, range(start, start + entry.duration_minutes)
        guests = min(bid.guests, min(ask.slices[minute] for minute in window) // each)
        bid.guests -= guests
        for minute in window:
            ask.slices[minute] -= guests * each
            if not ask.slices[minute]:
                del ask.slices[minute]
        price = resting.entry.price_micros
        side: Side = "bid" if taker is bid else "ask"
        self.events.append(Trade(entry.order, ask.entry.order, price, start, window.stop, guests, each, side))

    def done(self, record: Record, state: DoneState, reason: str) -> None:
        self.events.append(Done(record.entry.order, state, reason))


def compatible_start(bid: Record, ask: Record, now: int) -> int | None:
    """The earliest start at which the two are compatible, by the four conditions in their order."""
    wanted, offered = bid.entry, ask.entry
    assert isinstance(wanted, EnterBid)
    assert isinstance(offered, EnterAsk)
    if not bid.guests or wanted.price_micros < offered.price_micros:
        return None
    for start in range(max(wanted.start_from, offered.available_from, now + 1), wanted.start_by + 1):
        end = start + wanted.duration_minutes
        if (
            end <= offered.available_until
            and all(ask.slices.get(minute, 0) >= wanted.slices_per_guest for minute in range(start, end))
            and wanted.duration_minutes >= offered.min_minutes
        ):
            return start
    return None


def expired(record: Record, now: int) -> bool:
    """Whether the window can no longer be served after the minute `now`."""
    entry = record.entry
    if isinstance(entry, EnterBid):
        return entry.start_by < max(entry.start_from, now + 1)
    starts = (start for start in record.slices if start > now)
    return not any(all(start + step in record.slices for step in range(entry.min_minutes)) for start in starts)


def filled(record: Record, now: int) -> bool:
    """Whether nothing is left to trade after the minute `now`."""
    if isinstance(record.entry, EnterBid):
        return not record.guests
    return not any(minute > now for minute in record.slices)
