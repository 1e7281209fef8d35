"""The book of one instrument: two sides, each in price-time order.

A side keeps its price levels sorted, and the orders of a level in a chain by priority. Entering and leaving cost the
search for a price among the prices, not among the orders.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from matching.blocks import BLOCK, Block
from matching.orders import Ask, Bid, Order

_PATIENCE = 300
"""So many looks in vain make a level think of blocks."""
_PATIENCE_AGAIN = 4
"""A level that has made blocks waits for so many more looks in vain for every order, before it makes them again."""
_SMALLEST = 24
"""A level of fewer orders has no blocks."""


@dataclass(frozen=True, slots=True)
class DepthLevel:
    """All orders of a side at one price: how many slices they want or offer, and how many orders they are."""

    price_micros: int
    slices: int
    orders: int


@dataclass(frozen=True, slots=True)
class Depth:
    """Both sides of a book by price, best first.

    A bid counts guests times slices per guest; an ask the most slices that it has at any minute to come.
    """

    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]


class Level:
    """The orders of a side at one price, in time order. A level on a side is never empty.

    A deep level that is searched in vain again and again puts its orders into `blocks`; `tail` is the first order that
    is in none, and the search goes through the blocks first, and then from order to order.
    """

    __slots__ = ("_covered", "_failures", "blocks", "first", "last", "tail")

    def __init__(self) -> None:
        self.first: Order | None = None
        self.last: Order | None = None
        self.blocks: list[Block] = []
        self.tail: Order | None = None
        self._covered = 0
        self._failures = 0

    def insert(self, order: Order) -> None:
        """Puts the order where its priority belongs: at the end, but for a departure that is taken back."""
        if order.priority <= self._covered:
            self.forget_blocks()
        before = self.last
        while before is not None and before.priority > order.priority:
            before = before.previous
        after = self.first if before is None else before.following
        order.previous, order.following = before, after
        if before is None:
            self.first = order
        else:
            before.following = order
        if after is None:
            self.last = order
        else:
            after.previous = order
        if self.tail is after:
            self.tail = order

    def remove(self, order: Order) -> None:
        """Takes an order out, and its neighbours from it: chains of departed orders would keep each other alive."""
        before, after = order.previous, order.following
        if before is None:
            self.first = after
        else:
            before.following = after
        if after is None:
            self.last = before
        else:
            after.previous = before
        if self.tail is order:
            self.tail = after
        order.previous = order.following = None

    def fail(self, looks: int) -> None:
        """So many looks at its orders were in vain. After enough of them blocks pay."""
        self._failures += looks
        if self._failures > _PATIENCE:
            orders = list(self)
            self._failures = -_PATIENCE_AGAIN * len(orders)
            if len(orders) >= _SMALLEST:
                self.blocks = [Block(orders[at : at + BLOCK]) for at in range(0, len(orders), BLOCK)]
                self._covered = orders[-1].priority
                self.tail = None

    def forget_blocks(self) -> None:
        """Searches from order to order again."""
        self.blocks = []
        self._covered = 0
        self.tail = self.first

    def __iter__(self) -> Iterator[Order]:
        order = self.first
        while order is not None:
            yield order
            order = order.following


class BookSide:
    """Resting orders of one side. `sign` is 1 where the lowest price is best, -1 where the highest is.

    `keys` are the prices times the sign, best first, each with its level in `levels`; others only read them.
    `opposite` is the side that it trades with.
    """

    __slots__ = ("keys", "levels", "opposite", "sign")

    opposite: BookSide

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def insert(self, order: Order) -> None:
        """Puts the order into its place."""
        key = self.sign * order.price_micros
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level()
            insort(self.keys, key)
        level.insert(order)

    def remove(self, order: Order) -> None:
        """Takes a resting order out."""
        key = self.sign * order.price_micros
        level = self.levels[key]
        level.remove(order)
        if level.first is None:
            del self.levels[key]
            del self.keys[bisect_left(self.keys, key)]

    def forget_blocks(self, order: Order) -> None:
        """A resting order fits more than before: something was taken back."""
        self.levels[self.sign * order.price_micros].forget_blocks()

    def __iter__(self) -> Iterator[tuple[int, Level]]:
        """All prices with their levels, best first."""
        for key in self.keys:
            yield self.sign * key, self.levels[key]


class Book:
    """Both sides of one instrument."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self.bids.opposite, self.asks.opposite = self.asks, self.bids

    def depth(self, minute: int) -> Depth:
        """What rests on the book at the minute."""
        return Depth(
            bids=tuple(_depth_level(price, level, minute) for price, level in self.bids),
            asks=tuple(_depth_level(price, level, minute) for price, level in self.asks),
        )


def _depth_level(price_micros: int, level: Level, minute: int) -> DepthLevel:
    sizes = [_size(order, minute) for order in level]
    return DepthLevel(price_micros, sum(sizes), len(sizes))


def _size(order: Order, minute: int) -> int:
    if isinstance(order, Bid):
        return order.guests_left * order.slices_per_guest
    assert isinstance(order, Ask)
    return order.profile.highest_from(minute + 1)
