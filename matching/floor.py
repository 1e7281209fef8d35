"""The trading floor: everything that is open in a shard, and the only place where it changes.

Each change is one method here: it records its inverse, keeps book, schedule and node load in step, and reports its
event. The rule (`matching.rule`) decides what happens, the shard (`matching.shard`) which command asked for it.
"""

from __future__ import annotations

from common.minutes import Window
from matching.book import Book
from matching.events import STATES, Cut, Done, Event, Side, Trade
from matching.expiry import ExpirySchedule
from matching.load import NOTHING, NodeLoad
from matching.orders import Ask, Bid, LinkedAsk, Order, SliceVector
from matching.pool import Pool, what_fits
from matching.profile import Profile, window_profile
from matching.undo import Undo


class Floor:
    """Open orders with their books, expiry schedule and node load, at a minute.

    `entered` is the newest priority number; `events` is what the running command has caused so far; `linked` are the
    pool's nodes, empty as long as no linked ask is open.
    """

    __slots__ = ("books", "entered", "events", "linked", "load", "log", "minute", "open", "pool", "schedule", "undo")

    def __init__(self) -> None:
        self.undo = Undo()
        self.log = self.undo.log
        self.books: dict[str, Book] = {}
        self.open: dict[str, Order] = {}
        self.schedule = ExpirySchedule(self.open)
        self.load = NodeLoad(self.undo)
        self.pool = Pool(self.undo)
        self.linked = self.pool.nodes
        self.minute = 0
        self.entered = 0
        self.events: list[Event] = []

    def pass_time(self, minute: int) -> None:
        """Time moves on to the minute, and what has expired by then leaves, in the order of entry."""
        if minute < self.minute:
            raise AssertionError(f"minute {minute} comes after minute {self.minute}")
        if minute != self.minute:
            self.log += (_set_minute, self, self.minute)
            self.minute = minute
        for order in self.schedule.due(minute):
            self.close(order, "expires_at_reached" if order.is_overdue(minute) else "window_passed")
        self.schedule.pass_by(minute)

    def admit(self, order: Order) -> None:
        """An order that enters gets the newest place in time. It rests nowhere yet."""
        order.priority = self.entered = self.entered + 1
        self.log += (_expel, self, order)

    def readmit(self, order: Order, price_micros: int) -> None:
        """A resting order leaves its place and gets a price and the newest place in time; it rests nowhere then."""
        self.log += (_give_back_place, self, (order, order.price_micros, order.priority, self.entered))
        _displace(self, order)
        order.price_micros = price_micros
        order.priority = self.entered = self.entered + 1

    def place(self, order: Order) -> None:
        """An order that was admitted, or readmitted, rests on the book from now on. Taking that back displaces it."""
        side, price, minute = order.side, order.price_micros, order.expiry_minute
        self.open[order.order] = order
        level = side.levels.get(price)
        if level is None:
            level = side.add_level(price)
        level[order.priority] = order
        bucket = self.schedule.buckets.get(minute)
        if bucket is None:
            bucket = self.schedule.add_minute(minute)
        bucket.append(order)

    def commit_capacity(self, ask: Ask) -> None:
        """What the ask offers becomes part of its node's load, before it can trade."""
        if ask.slice_vector != NOTHING:
            self.load.commit(ask.node, ask.slice_vector, ask.profile, self.minute)

    def free_capacity(self, node: str, vector: SliceVector, sold: Profile) -> None:
        """What was sold of a node, and is not used, is part of its load no more."""
        if vector != NOTHING:
            self.load.free(node, vector, sold, self.minute)

    def cut_guests(self, bid: Bid, guests: int) -> None:
        """A resting bid asks for so many guests in total, which must not be fewer than it has traded."""
        self.log += (_set_guests, bid, (bid.guests, bid.guests_left))
        _set_guests(bid, (guests, bid.guests_left - (bid.guests - guests)))

    def cut_slices(self, ask: Ask, slices: int) -> None:
        """A resting ask offers so many slices in total: every minute loses the difference, but not below zero."""
        profile = ask.profile
        left = profile.lowered(ask.slices - slices)
        if ask.slice_vector != NOTHING:
            self.load.free(ask.node, ask.slice_vector, profile, self.minute)
            self.load.commit(ask.node, ask.slice_vector, left, self.minute)
        self.log += (_set_slices, ask, ask.slices, _set_profile, self, (ask, profile))
        ask.slices = slices
        _set_profile(self, (ask, left))

    def trade(self, bid: Bid, ask: Ask, start: int, taker_side: Side) -> None:
        """As many guests of the bid as fit get slices of the ask from `start` on; the resting order's price holds."""
        steps, wanted, slices = ask.steps, bid.guests_left, bid.slices_per_guest
        end = start + bid.duration_minutes
        guests = (ask.most_slices if steps is None else steps.lowest(start, end)) // slices
        if guests > wanted:
            guests = wanted
        if steps is None and start == ask.open_from and end == ask.open_until:  # one stretch stays one stretch
            self.log += (_set_guests_left, bid, wanted, _set_most_slices, ask, ask.most_slices)
            ask.most_slices -= guests * slices
        else:
            profile = ask.profile
            self.log += (_set_guests_left, bid, wanted, _set_profile, self, (ask, profile))
            _set_profile(self, (ask, profile.take(guests * slices, start, end)))
        bid.guests_left = wanted - guests
        price = ask.price_micros if taker_side == "bid" else bid.price_micros
        self.events.append(Trade(bid.order, ask.order, price, start, end, guests, slices, taker_side))

    def cut_linked(self, seller: LinkedAsk, leaving: list[Order]) -> None:
        """The linked ask has just traded: what it sold is part of its node's load, and the others are cut to what still
        fits there. One of which no contract is left is done, and joins those who are `leaving`."""
        trade = self.events[-1]
        assert isinstance(trade, Trade)
        sold = window_profile(trade.guests * trade.slices_per_guest, trade.start, trade.end)
        if seller.vector != NOTHING:
            self.load.commit(seller.node, seller.vector, sold, self.minute)
        for ask in self.pool.of(seller.node):
            if ask is seller:
                continue
            before = ask.profile
            left = what_fits(ask, self.load, Window(trade.start, trade.end))
            if left != before:
                self.log += (_set_profile, self, (ask, before))
                _set_profile(self, (ask, left))
                self.events.append(Cut(ask.order, before.slice_minutes - left.slice_minutes))
                if ask.expiry_minute <= self.minute:
                    self.finish(ask, "linked")
                    leaving.append(ask)

    def close(self, order: Order, reason: str) -> None:
        """A resting order leaves the book, and is done."""
        self.leave(order)
        self.finish(order, reason)

    def leave(self, order: Order) -> None:
        """A resting order leaves the book."""
        self.log += (_put_back, self, order)
        _displace(self, order)

    def reject(self, order: Order, reason: str) -> None:
        """An order that was admitted is done before it met the book."""
        self.events.append(Done(order.order, STATES[reason], reason))

    def finish(self, order: Order, reason: str) -> None:
        """The order is done, and rests no more or never did: an ask gives back what it did not sell."""
        if isinstance(order, Ask) and order.most_slices and order.slice_vector != NOTHING:
            self.load.free(order.node, order.slice_vector, order.profile, self.minute)
        if self.linked and isinstance(order, LinkedAsk):
            self.pool.quit(order)
        self.events.append(Done(order.order, STATES[reason], reason))

    def book(self, instrument: str) -> Book:
        """The instrument's book; an empty one if nothing was ever entered. An empty book is no state to take back."""
        return self.books.setdefault(instrument, Book())


# Changes and inverses: functions of the two arguments that the undo log gives them.


def _set_minute(floor: Floor, minute: int) -> None:
    floor.minute = minute


def _expel(floor: Floor, order: Order) -> None:
    if order.order in floor.open:
        _displace(floor, order)
    floor.entered = order.priority - 1


def _give_back_place(floor: Floor, terms: tuple[Order, int, int, int]) -> None:
    order, price_micros, priority, floor.entered = terms
    if order.order in floor.open:
        _displace(floor, order)
    order.price_micros, order.priority = price_micros, priority
    _put_back(floor, order)


def _put_back(floor: Floor, order: Order) -> None:
    floor.place(order)
    order.side.sort_level(order.price_micros)


def _displace(floor: Floor, order: Order) -> None:
    side, price = order.side, order.price_micros
    del floor.open[order.order]
    level = side.levels[price]
    del level[order.priority]
    if not level:
        side.drop_level(price)


def _set_profile(floor: Floor, change: tuple[Ask, Profile]) -> None:
    ask, profile = change
    expiry_minute = ask.expiry_minute
    ask.set_profile(profile)
    if ask.expiry_minute != expiry_minute and ask.order in floor.open:
        floor.schedule.move(ask)


def _set_most_slices(ask: Ask, slices: int) -> None:
    ask.most_slices = slices


def _set_guests_left(bid: Bid, guests: int) -> None:
    bid.guests_left = guests


def _set_guests(bid: Bid, guests: tuple[int, int]) -> None:
    bid.guests, bid.guests_left = guests


def _set_slices(ask: Ask, slices: int) -> None:
    ask.slices = slices
