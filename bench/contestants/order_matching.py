"""`order-matching`: pure Python. It matches a queue at a moment: here every order is placed and matched at its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from loguru import logger
from order_matching.enums import Side
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder
from order_matching.orders import Orders

from bench.plain_stream import Tally, operations

_START = datetime(2026, 1, 1)  # noqa: DTZ001  # the engine compares it with datetime.max, which has no zone


def prepare(size: int) -> Callable[[], Tally]:
    """Order objects, one queue each, with a moment that grows by a millisecond. Its log is off."""
    logger.remove()
    engine = MatchingEngine(seed=1)
    calls: list[tuple[Orders | None, datetime, str, bool]] = []
    for number, operation in enumerate(operations(size)):
        moment, name = _START + timedelta(milliseconds=number), str(operation.order)
        if not operation.size:
            calls.append((None, moment, name, False))
            continue
        order = LimitOrder(
            side=Side.BUY if operation.is_bid else Side.SELL,
            price=float(operation.price),
            size=float(operation.size),
            timestamp=moment,
            order_id=name,
            trader_id="buyer" if operation.is_bid else "seller",
        )
        calls.append((Orders([order]), moment, name, operation.is_ioc))

    def run() -> Tally:
        trades, traded, value = 0, 0.0, 0.0
        for orders, moment, name, is_ioc in calls:
            if orders is None:
                engine.cancel_order(name)
                continue
            engine.place(orders)
            for trade in engine.match(moment):
                trades += 1
                traded += trade.size
                value += trade.size * trade.price
            if is_ioc and engine.unprocessed_orders.find_order_by_id(name) is not None:
                engine.cancel_order(name)
        return Tally(trades, round(traded), round(value))

    return run
