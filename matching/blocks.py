"""The index of a deep price level: which of its orders may fit an incoming one, without a look at each.

An order is a bit of a number, the older the lower. A block knows, for any minute, the bits of its asks that had slices
then; or the bits of its bids that start late enough, and end early enough. A few of these numbers, put together with
`and` and `or`, leave the orders that are worth a look, in time order, out of hundreds at once.

A block is made of a level as it is, and never changed. It stays conservative, whatever happens after: an order that
left is passed over, profiles only shrink, and what enters is no part of it. Only taking something back could make it
wrong: then the level forgets its blocks (`matching.book`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TypeVar

from matching.orders import Ask, Bid, Order

OrderOfOneSide = TypeVar("OrderOfOneSide", Bid, Ask)

BLOCK = 256
"""Orders in a block: what it keeps for each of its minutes grows with them."""

_Steps = tuple[list[int], list[int]]
"""Rising minutes, and the bits that hold from each of them until the next."""


class Block:
    """At most `BLOCK` orders of one side, in time order, as they were when the block was made."""

    __slots__ = ("_asks", "_bids", "_ends", "_entered", "_fewest_slices", "_shortest", "_slices", "_starts")

    def __init__(self, orders: list[Order]) -> None:
        self._entered = [order.priority for order in orders]
        self._asks = [order for order in orders if isinstance(order, Ask)]
        self._bids = [order for order in orders if isinstance(order, Bid)]
        self._slices: dict[int, _Steps] = {}
        self._fewest_slices = min((bid.slices_per_guest for bid in self._bids), default=1)
        self._shortest = min((bid.duration_minutes for bid in self._bids), default=1)
        self._starts = _steps([(bid.start_by, bit) for bit, bid in _bits(self._bids)])
        self._ends = _steps([(bid.earliest_end, bit) for bit, bid in _bits(self._bids)])

    def worth_a_look(self, taker: Order, next_minute: int) -> list[Order]:
        """Every resting order that the taker fits, and some that it does not."""
        found: list[Order] = []
        if isinstance(taker, Bid):
            bits = self._asks_for(taker, next_minute)
            while bits:
                index = bits.bit_length() - 1
                bits ^= 1 << index
                ask = self._asks[index]
                if ask.is_resting and ask.priority == self._entered[index]:
                    found.append(ask)
        elif isinstance(taker, Ask):
            bits = self._bids_for(taker)
            while bits:
                index = bits.bit_length() - 1
                bits ^= 1 << index
                bid = self._bids[index]
                if bid.is_resting and bid.priority == self._entered[index]:
                    found.append(bid)
        found.reverse()
        return found

    def _asks_for(self, bid: Bid, next_minute: int) -> int:
        """Asks that had enough slices at some minutes at which the bid's guests run, whenever they start."""
        bits = (1 << len(self._asks)) - 1
        end = max(bid.start_from, next_minute) + bid.duration_minutes
        if bid.start_by < end:  # otherwise there is no such minute
            minutes, held = self._asks_with(bid.slices_per_guest)
            third = (end - bid.start_by) // 3
            for minute in (bid.start_by, bid.start_by + third, end - 1 - third, end - 1):
                at = bisect_right(minutes, minute)
                if not at:
                    return 0
                bits &= held[at - 1]
        return bits

    def _bids_for(self, ask: Ask) -> int:
        """Bids whose last start and first end are within one stretch of the ask that is long enough for any of them."""
        starts, ends = ask.profile.runs(self._fewest_slices)
        shortest, bits, everyone = self._shortest, 0, (1 << len(self._bids)) - 1
        start_minutes, too_early = self._starts
        end_minutes, early_enough = self._ends
        for index in range(len(starts)):
            start, end = starts[index], ends[index]
            if end - start >= shortest:
                at = bisect_right(end_minutes, end)
                if at:
                    before = bisect_left(start_minutes, start)
                    bits |= early_enough[at - 1] & (everyone ^ too_early[before - 1] if before else everyone)
        return bits

    def _asks_with(self, slices: int) -> _Steps:
        """At any minute, the asks with so many slices. Made when it is first asked for."""
        steps = self._slices.get(slices)
        if steps is None:
            changes: list[tuple[int, int]] = []
            for bit, ask in _bits(self._asks):
                starts, ends = ask.profile.runs(slices)
                changes.extend((minute, bit) for minute in starts)
                changes.extend((minute, bit) for minute in ends)
            steps = self._slices[slices] = _steps(changes)
        return steps


def _bits(orders: list[OrderOfOneSide]) -> Iterator[tuple[int, OrderOfOneSide]]:
    for index, order in enumerate(orders):
        yield 1 << index, order


def _steps(changes: list[tuple[int, int]]) -> _Steps:
    """Each change flips its bit from its minute on."""
    minutes: list[int] = []
    held: list[int] = []
    bits = 0
    for minute, bit in sorted(changes):
        bits ^= bit
        if minutes and minutes[-1] == minute:
            held[-1] = bits
        else:
            minutes.append(minute)
            held.append(bits)
    return minutes, held
