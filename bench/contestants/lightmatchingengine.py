"""`lightmatchingengine`: pure Python. Order ids are its own, counted from 1 by entry; no immediate-or-cancel orders.

It tells a trade twice: all that an incoming order takes at a price as one, and each resting order's part; the parts are
counted.
"""

from __future__ import annotations

from collections.abc import Callable

from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

from bench.plain_stream import Tally, operations

_INSTRUMENT = "z.std.firm"


def prepare(size: int) -> Callable[[], Tally]:
    """Calls with plain arguments: the engine makes its orders itself."""
    engine = LightMatchingEngine()
    ids: dict[int, int] = {}
    calls: list[tuple[int, int, int, int, bool]] = []
    for operation in operations(size):
        if operation.size:
            ids[operation.order] = len(ids) + 1
        side = Side.BUY if operation.is_bid else Side.SELL
        calls.append((ids[operation.order], operation.price, operation.size, side, operation.is_ioc))

    def run() -> Tally:
        trades = traded = value = 0
        for name, price, wanted, side, is_ioc in calls:
            if not wanted:
                engine.cancel_order(name, _INSTRUMENT)
                continue
            order, parts = engine.add_order(_INSTRUMENT, price, wanted, side)
            for part in parts:
                if part.order_id != name:
                    trades += 1
                    traded += part.trade_qty
                    value += part.trade_price * part.trade_qty
            if is_ioc and order.leaves_qty:
                engine.cancel_order(name, _INSTRUMENT)
        return Tally(trades, traded, value)

    return run
