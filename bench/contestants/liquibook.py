"""`liquibook`: the C++ order book of that name behind a SWIG binding. Its trades reach Python through a listener."""

from __future__ import annotations

from collections.abc import Callable

import liquibook

from bench.plain_stream import Tally, operations

_CANCEL = -1


class _Trades(liquibook.OrderListener):  # type: ignore[misc]  # the binding has no types
    """Counts fills, and nothing of what else a listener may hear."""

    def __init__(self) -> None:
        super().__init__()
        self.trades = self.size = self.value = 0

    def on_accept(self, order: object) -> None:
        """An order was taken."""

    def on_cancel(self, order: object) -> None:
        """An order was canceled."""

    def on_fill(self, order: object, matched: object, size: int, price: int) -> None:
        """A trade."""
        self.trades += 1
        self.size += size
        self.value += size * price


def prepare(size: int) -> Callable[[], Tally]:
    """Order objects; a cancel names the object of its order."""
    book, heard = liquibook.DepthOrderBook(), _Trades()
    book.set_order_listener(heard)
    made: dict[int, object] = {}
    calls: list[tuple[object, int]] = []
    for operation in operations(size):
        if not operation.size:
            calls.append((made[operation.order], _CANCEL))
            continue
        order = made[operation.order] = liquibook.SimpleOrder(operation.is_bid, operation.price, operation.size)
        calls.append((order, liquibook.oc_immediate_or_cancel if operation.is_ioc else liquibook.oc_no_conditions))

    def run() -> Tally:
        for order, condition in calls:
            if condition == _CANCEL:
                book.cancel(order)
            else:
                book.add(order, condition)
        return Tally(heard.trades, heard.size, heard.value)

    return run
