"""When each resting order expires by time, so that a command finds the due ones without looking at the others."""

from __future__ import annotations

from heapq import heappop, heappush

from matching.orders import Order


class ExpirySchedule:
    """Resting orders by their expiry minute.

    Every minute of `_heap` has a bucket and the reverse. A bucket that became empty stays until it is the earliest, so
    that taking an order out costs nothing.
    """

    __slots__ = ("_buckets", "_heap")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, Order]] = {}
        self._heap: list[int] = []

    def add(self, order: Order) -> None:
        """Schedules the order at its expiry minute."""
        bucket = self._buckets.get(order.expiry_minute)
        if bucket is None:
            bucket = self._buckets[order.expiry_minute] = {}
            heappush(self._heap, order.expiry_minute)
        bucket[order.priority] = order

    def remove(self, order: Order) -> None:
        """Takes the order out; its expiry minute must be the one that it was scheduled at."""
        del self._buckets[order.expiry_minute][order.priority]

    def earliest(self) -> int | None:
        """The earliest expiry minute of any order."""
        heap = self._heap
        while heap and not self._buckets[heap[0]]:
            del self._buckets[heappop(heap)]
        return heap[0] if heap else None

    def due(self, minute: int) -> list[Order]:
        """All orders that have expired at the minute, in the order of entry. They stay until removed."""
        heap = self._heap
        if not heap or heap[0] > minute:
            return []
        expired: list[Order] = []
        held: list[int] = []
        while heap and heap[0] <= minute:
            at = heappop(heap)
            if bucket := self._buckets[at]:
                expired.extend(bucket.values())
                held.append(at)
            else:
                del self._buckets[at]
        for at in held:
            heappush(heap, at)
        expired.sort(key=lambda order: order.priority)
        return expired
