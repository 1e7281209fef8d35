"""The book of one instrument: two sides, each in price-time order.

A side keeps its price levels sorted, and the orders of a level by priority. Entering and leaving cost the search for a
price among the prices, not among the orders, so that the depth of a book hardly matters.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from matching.orders import Ask, Bid, Order

SideOrder = TypeVar("SideOrder", Bid, Ask)


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


class BookSide(Generic[SideOrder]):
    """Resting orders of one side. `sign` is 1 where the lowest price is best, -1 where the highest is."""

    __slots__ = ("_keys", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._levels: dict[int, dict[int, SideOrder]] = {}

    def insert(self, order: SideOrder) -> None:
        """Puts the order into its place."""
        key = self._sign * order.price_micros
        level = self._levels.get(key)
        if level is None:
            self._levels[key] = {order.priority: order}
            insort(self._keys, key)
            return
        is_late = next(reversed(level)) > order.priority
        level[order.priority] = order
        if is_late:  # only when a departure is taken back: others enter with the highest priority number so far
            self._levels[key] = dict(sorted(level.items()))

    def remove(self, order: SideOrder) -> None:
        """Takes a resting order out."""
        key = self._sign * order.price_micros
        level = self._levels[key]
        del level[order.priority]
        if not level:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]

    def crossing(self, limit_micros: int) -> Iterator[list[SideOrder]]:
        """Price levels that an order with this limit crosses, best first, each in time order.

        Orders of levels that were given out already may leave meanwhile; none may enter.
        """
        keys = self._keys
        bound = self._sign * limit_micros
        index = 0
        while index < len(keys) and keys[index] <= bound:
            key = keys[index]
            yield list(self._levels[key].values())
            if index < len(keys) and keys[index] == key:
                index += 1

    def levels(self) -> Iterator[tuple[int, list[SideOrder]]]:
        """All prices with their orders, best first."""
        for key in self._keys:
            yield self._sign * key, list(self._levels[key].values())


class Book:
    """Both sides of one instrument."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids: BookSide[Bid] = BookSide(-1)
        self.asks: BookSide[Ask] = BookSide(1)

    def insert(self, order: Order) -> None:
        """Puts the order into its place on its side."""
        if isinstance(order, Bid):
            self.bids.insert(order)
        else:
            self.asks.insert(order)

    def remove(self, order: Order) -> None:
        """Takes a resting order out."""
        if isinstance(order, Bid):
            self.bids.remove(order)
        else:
            self.asks.remove(order)

    def depth(self, minute: int) -> Depth:
        """What rests on the book at the minute."""
        return Depth(
            bids=tuple(
                DepthLevel(price, sum(bid.guests_left * bid.slices_per_guest for bid in bids), len(bids))
                for price, bids in self.bids.levels()
            ),
            asks=tuple(
                DepthLevel(price, sum(ask.profile.highest_from(minute + 1) for ask in asks), len(asks))
                for price, asks in self.asks.levels()
            ),
        )
