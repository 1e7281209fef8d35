"""`litebook`: an order book in Rust. It has no immediate-or-cancel orders: what is left of one is canceled after it."""

from __future__ import annotations

from collections.abc import Callable

import litebook

from bench.plain_stream import Tally, operations


def prepare(size: int) -> Callable[[], Tally]:
    """Order objects, which the book makes without taking them; the id of each is its own."""
    book = litebook.OrderBook(tick_size=1.0)
    ids: dict[int, str] = {}
    calls: list[tuple[object, str, bool]] = []
    for operation in operations(size):
        if not operation.size:
            calls.append((None, ids[operation.order], False))
            continue
        side = litebook.OrderType.Buy if operation.is_bid else litebook.OrderType.Sell
        order = book.create_order(side, float(operation.price), float(operation.size))
        ids[operation.order] = order.id
        calls.append((order, order.id, operation.is_ioc))

    def run() -> Tally:
        trades, traded, value = 0, 0.0, 0.0
        for order, name, is_ioc in calls:
            if order is None:
                book.cancel(name)
                continue
            for fill in book.add(order):
                trades += 1
                traded += fill.quantity
                value += fill.quantity * fill.price
            if is_ioc:
                book.cancel(name)
        return Tally(trades, round(traded), round(value))

    return run
