"""`cython-orderbook`: compiled by Cython. Without immediate-or-cancel orders: what is left of one is canceled."""

from __future__ import annotations

from collections.abc import Callable

from cython_orderbook import Order, OrderBook, OrderSide

from bench.plain_stream import Tally, operations


def prepare(size: int) -> Callable[[], Tally]:
    """Order objects. Prices are plain integers, which are faster than the decimals of its examples."""
    book = OrderBook()
    ids: dict[int, str] = {}
    calls: list[tuple[object, str, bool]] = []
    for operation in operations(size):
        if not operation.size:
            calls.append((None, ids[operation.order], False))
            continue
        side = OrderSide.BID if operation.is_bid else OrderSide.ASK
        order = Order(side, operation.size, operation.price)
        ids[operation.order] = order.order_id
        calls.append((order, order.order_id, operation.is_ioc))

    def run() -> Tally:
        for order, name, is_ioc in calls:
            if order is None:
                book.cancel_order(name)
                continue
            book.add_limit_order(order)
            if is_ioc:
                book.cancel_order(name)
        log = book.trade_log
        return Tally(
            len(log),
            sum(trade.quantity_filled for trade in log),
            sum(trade.price * trade.quantity_filled for trade in log),
        )

    return run
