"""The trading floor: everything that is open in a shard, and the only place where it changes.

Each change is one method here: it records its inverse, keeps book, schedule and node load in step, and reports its
event. The rule (`matching.rule`) decides what happens, the shard (`matching.shard`) which command asked for it.
"""

from __future__ import annotations

from matching.book import Book
from matching.events import REASONS, Done, Event, Side, Trade
from matching.expiry import ExpirySchedule
from matching.load import NodeLoad
from matching.orders import Ask, Bid, Order
from matching.profile import Profile
from matching.undo import Undo


class Floor:
    """Open orders with their books, expiry schedule and node load, at a minute.

    `entered` is the newest priority number; `events` is what the running command has caused so far.
    """

    __slots__ = ("books", "entered", "events", "load", "minute", "open", "schedule", "undo")

    def __init__(self) -> None:
        self.undo = Undo()
        self.books: dict[str, Book] = {}
        self.open: dict[str, Order] = {}
        self.schedule = ExpirySchedule()
        self.load = NodeLoad(self.undo)
        self.minute = 0
        self.entered = 0
        self.events: list[Event] = []

    def pass_time(self, minute: int) -> None:
        """Time moves on to the minute, and what has expired by then leaves, in the order of entry."""
        if minute != self.minute:
            self.undo.record(self._set_minute, None, self.minute)
            self.minute = minute
        for order in self.schedule.due(minute):
            self.close(order, "expires_at_reached" if order.is_overdue(minute) else "window_passed")

    def next_priority(self) -> int:
        """The place in time of the order that enters."""
        self.undo.record(self._set_entered, None, self.entered)
        self.entered += 1
        return self.entered

    def commit_capacity(self, ask: Ask) -> None:
        """What the ask offers becomes part of its node's load, before it can trade."""
        self.load.grow(ask.node, ask.slice_vector, ask.profile, self.minute)

    def place(self, order: Order) -> None:
        """The order rests on the book from now on."""
        self.undo.record(self._displace, order, None)
        self._place(order, None)

    def reprice(self, order: Order, price_micros: int) -> None:
        """A resting order leaves its place and gets a price and the newest place in time; it rests nowhere then."""
        self.undo.record(self._place, order, None)
        self._displace(order, None)
        self.undo.record(self._set_terms, order, (order.price_micros, order.priority, self.entered))
        self._set_terms(order, (price_micros, self.entered + 1, self.entered + 1))

    def cut_guests(self, bid: Bid, guests: int) -> None:
        """A resting bid asks for so many guests in total, which must not be fewer than it has traded."""
        self.undo.record(_set_guests, bid, (bid.guests, bid.guests_left))
        _set_guests(bid, (guests, bid.guests_left - (bid.guests - guests)))

    def cut_slices(self, ask: Ask, slices: int) -> None:
        """A resting ask offers so many slices in total: every minute loses the difference, but not below zero."""
        left = ask.profile.lowered(ask.slices - slices)
        self.load.shrink(ask.node, ask.slice_vector, ask.profile.minus(left), self.minute)
        self.undo.record(_set_slices, ask, ask.slices)
        ask.slices = slices
        self.undo.record(self._set_profile, ask, ask.profile)
        self._set_profile(ask, left)

    def trade(self, bid: Bid, ask: Ask, start: int, guests: int, taker_side: Side) -> None:
        """So many guests of the bid get slices of the ask from `start` on; the resting order's price holds."""
        end = start + bid.duration_minutes
        self.undo.record(_set_guests_left, bid, bid.guests_left)
        bid.guests_left -= guests
        self.undo.record(self._set_profile, ask, ask.profile)
        self._set_profile(ask, ask.profile.take(guests * bid.slices_per_guest, start, end))
        price = ask.price_micros if taker_side == "bid" else bid.price_micros
        self.events.append(Trade(bid.order, ask.order, price, start, end, guests, bid.slices_per_guest, taker_side))

    def close(self, order: Order, reason: str) -> None:
        """A resting order leaves the book."""
        self.undo.record(self._place, order, None)
        self._displace(order, None)
        self.finish(order, reason)

    def finish(self, order: Order, reason: str) -> None:
        """The order is done, and rests no more or never did: an ask gives back what it did not sell."""
        if isinstance(order, Ask):
            self.load.shrink(order.node, order.slice_vector, order.profile, self.minute)
        self.report_done(order.order, reason)

    def report_done(self, order_id: str, reason: str) -> None:
        """The one `Done` of an order."""
        self.events.append(Done(order_id, REASONS[reason].state, reason))

    def book(self, instrument: str) -> Book:
        """The instrument's book; an empty one if nothing was ever entered. An empty book is no state to take back."""
        book = self.books.get(instrument)
        if book is None:
            book = self.books[instrument] = Book()
        return book

    # The inverses have the two arguments that the undo log gives them.

    def _set_minute(self, _target: None, minute: int) -> None:
        self.minute = minute

    def _set_entered(self, _target: None, entered: int) -> None:
        self.entered = entered

    def _set_terms(self, order: Order, terms: tuple[int, int, int]) -> None:
        order.price_micros, order.priority, self.entered = terms

    def _place(self, order: Order, _old: None) -> None:
        self.open[order.order] = order
        self.book(order.instrument).insert(order)
        self.schedule.add(order)

    def _displace(self, order: Order, _old: None) -> None:
        del self.open[order.order]
        self.books[order.instrument].remove(order)
        self.schedule.remove(order)

    def _set_profile(self, ask: Ask, profile: Profile) -> None:
        if ask.order in self.open:
            self.schedule.remove(ask)
            ask.set_profile(profile)
            self.schedule.add(ask)
        else:
            ask.set_profile(profile)


def _set_guests_left(bid: Bid, guests: int) -> None:
    bid.guests_left = guests


def _set_guests(bid: Bid, guests: tuple[int, int]) -> None:
    bid.guests, bid.guests_left = guests


def _set_slices(ask: Ask, slices: int) -> None:
    ask.slices = slices
