"""When each resting order expires by time, so that a command finds the due ones without looking at the others."""

from __future__ import annotations

from heapq import heappop, heappush

from matching.orders import Order


class ExpirySchedule:
    """Resting orders by their expiry minute.

    Every minute of `minutes`, which is a heap, has a bucket and the reverse. A bucket that became empty stays until it
    is the earliest, so that taking an order out costs nothing. Nothing is due before the first of `minutes`.
    """

    __slots__ = ("_buckets", "minutes")

    def __init__(self) -> None:
        self.minutes: list[int] = []
        self._buckets: dict[int, dict[int, Order]] = {}

    def add(self, order: Order) -> None:
        """Schedules the order at its expiry minute."""
        minute = order.expiry_minute
        bucket = self._buckets.get(minute)
        if bucket is None:
            bucket = self._buckets[minute] = {}
            heappush(self.minutes, minute)
        bucket[order.priority] = order

    def remove(self, order: Order, minute: int) -> None:
        """Takes the order out of the minute that it was scheduled at."""
        del self._buckets[minute][order.priority]

    def move(self, order: Order, minute: int) -> None:
        """Schedules the order anew, which was scheduled at that minute."""
        self.remove(order, minute)
        self.add(order)

    def earliest(self) -> int | None:
        """The earliest expiry minute of any order."""
        minutes = self.minutes
        while minutes and not self._buckets[minutes[0]]:
            del self._buckets[heappop(minutes)]
        return minutes[0] if minutes else None

    def due(self, minute: int) -> list[Order]:
        """All orders that have expired at the minute, in the order of entry. They stay until removed."""
        minutes = self.minutes
        expired: list[Order] = []
        held: list[int] = []
        while minutes and minutes[0] <= minute:
            at = heappop(minutes)
            if bucket := self._buckets[at]:
                expired.extend(bucket.values())
                held.append(at)
            else:
                del self._buckets[at]
        for at in held:
            heappush(minutes, at)
        expired.sort(key=lambda order: order.priority)
        return expired
