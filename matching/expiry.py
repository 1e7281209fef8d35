"""When each resting order expires by time, so that a command finds the due ones without looking at the others."""

from __future__ import annotations

from heapq import heappop, heappush

from matching.orders import Order

_FEWEST_SWEPT = 1_000
"""So few orders are never worth a sweep."""


class ExpirySchedule:
    """The `resting` orders by expiry minute: every minute of `minutes`, which is a heap, has a bucket and the reverse.

    An order that leaves, or whose expiry minute changes, stays in its bucket, so that leaving costs nothing here. What
    is left over so goes when its minute has come, or with a sweep. Nothing is due before the first of `minutes`.
    """

    __slots__ = ("_resting", "_sweep_at", "buckets", "minutes")

    def __init__(self, resting: dict[str, Order]) -> None:
        self.minutes: list[int] = []
        self.buckets: dict[int, list[Order]] = {}
        self._resting = resting
        self._sweep_at = _FEWEST_SWEPT

    def add_minute(self, minute: int) -> list[Order]:
        """The bucket of a minute that had none."""
        bucket: list[Order] = []
        self.buckets[minute] = bucket
        heappush(self.minutes, minute)
        return bucket

    def move(self, order: Order) -> None:
        """Schedules a resting order at its expiry minute, which has changed."""
        bucket = self.buckets.get(order.expiry_minute)
        if bucket is None:
            bucket = self.add_minute(order.expiry_minute)
        bucket.append(order)

    def earliest(self) -> int | None:
        """The earliest expiry minute of any order."""
        minutes = self.minutes
        while minutes and not self._scheduled(minutes[0]):
            del self.buckets[heappop(minutes)]
        return minutes[0] if minutes else None

    def due(self, minute: int) -> list[Order]:
        """All orders that have expired at the minute, in the order of entry. They stay until `pass_by`."""
        passed: list[int] = []
        found: dict[int, Order] = {}
        while self.minutes and self.minutes[0] <= minute:
            at = heappop(self.minutes)
            passed.append(at)
            for order in self._scheduled(at):
                found[order.priority] = order
        for at in passed:
            heappush(self.minutes, at)
        return [found[priority] for priority in sorted(found)]

    def pass_by(self, minute: int) -> None:
        """All orders that had expired at the minute have left."""
        while self.minutes and self.minutes[0] <= minute:
            del self.buckets[heappop(self.minutes)]

    def sweep(self, entered: int) -> None:
        """Drops what is left over, once twice as many orders have entered as rested after the last sweep."""
        if entered >= self._sweep_at:
            self.buckets.clear()
            for order in self._resting.values():
                self.buckets.setdefault(order.expiry_minute, []).append(order)
            self.minutes[:] = sorted(self.buckets)  # a sorted list is a heap
            self._sweep_at = entered + max(_FEWEST_SWEPT, 2 * len(self._resting))

    def _scheduled(self, minute: int) -> list[Order]:
        resting = self._resting
        return [
            order
            for order in self.buckets[minute]
            if order.expiry_minute == minute and resting.get(order.order) is order
        ]
