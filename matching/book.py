"""The book of one instrument: two sides, each in price-time order.

A side keeps its price levels sorted, and the orders of a level in the order of their priority. Entering and leaving
cost the search for a price among the prices, not among the orders.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from matching.orders import Ask, Bid, Order

Level = dict[int, Order]
"""The orders of a side at one price by priority, in time order. A level on a side is never empty."""


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


class BookSide:
    """Resting orders of one side. `sign` is 1 where the lowest price is best, -1 where the highest is.

    `keys` are the prices times the sign, best first; `levels` are their orders, by price. Others read both, and change
    the levels, but it is the side that adds and drops them.
    `opposite` is the side that it trades with.
    """

    __slots__ = ("keys", "levels", "opposite", "sign")

    opposite: BookSide

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def add_level(self, price_micros: int) -> Level:
        """A price that no order had so far; it must get one now."""
        level: Level = {}
        self.levels[price_micros] = level
        insort(self.keys, self.sign * price_micros)
        return level

    def drop_level(self, price_micros: int) -> None:
        """A price that has lost its last order."""
        del self.levels[price_micros]
        del self.keys[bisect_left(self.keys, self.sign * price_micros)]

    def sort_level(self, price_micros: int) -> None:
        """Puts the orders of a price in order again, because one has come back to an earlier place."""
        level = self.levels[price_micros]
        orders = sorted(level.items())
        level.clear()
        level.update(orders)

    def __iter__(self) -> Iterator[tuple[int, Level]]:
        """All prices with their levels, best first."""
        for key in self.keys:
            yield self.sign * key, self.levels[self.sign * key]


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
    sizes = [_size(order, minute) for order in level.values()]
    return DepthLevel(price_micros, sum(sizes), len(sizes))


def _size(order: Order, minute: int) -> int:
    if isinstance(order, Bid):
        return order.guests_left * order.slices_per_guest
    assert isinstance(order, Ask)
    return order.profile.highest_from(minute + 1)
